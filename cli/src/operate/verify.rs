//! `muster verify`: follows every hash chain and every digest of the store. An export and a proof are verified in
//! [`super::verify_export`].

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use muster_domain::commit::{ChainVerifier, Tampered};
use muster_domain::ports::ReadError;
use muster_domain::proof::merkle::MerkleTree;
use muster_domain::proof::{DigestKeys, Leaf, SignedDigest};
use muster_domain::{Clock as _, Commit, EventReader as _, Hash, StreamId};
use muster_handlers::clock::SystemClock;
use serde::Serialize;

use super::heads::{Digested, Held, digested};
use super::missing_digests::{missing, none_at_all};
use super::{json, streams, verify_export};
use crate::args::VerifyArgs;
use crate::last_digest::LastDigest;
use crate::progress;
use crate::report::{Failure, failed, file, line};
use crate::store::Store;
use crate::system::System;

/// How many histories are followed at a time.
const CONCURRENCY: usize = 8;
/// Within how long of the first event a stage on AWS has a digest: one is taken every hour.
const DUE_WITHIN: TimeDelta = TimeDelta::days(1);
/// What stands in the place of a stream's name in what is found of a digest.
const DIGEST: &str = "digest";

/// A history that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stream, as it is named; `digest` for a digest, whose sequence is then the version.
    pub stream: String,
    /// The version where it shows.
    pub version: u64,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, version, reason } = self;
        if stream == DIGEST {
            write!(f, "TAMPERED  digest {version}: {reason}")
        } else {
            write!(f, "TAMPERED  {stream}  version {version}: {reason}")
        }
    }
}

/// What was followed, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many histories.
    pub streams: u64,
    /// How many commits.
    pub commits: u64,
    /// How many events.
    pub events: u64,
    /// How many digests.
    pub digests: u64,
    /// The histories that are not as they were written; the first fault of each.
    pub findings: Vec<Finding>,
}

/// Verifies, and says what it found.
pub async fn run(args: VerifyArgs) -> Result<(), Failure> {
    if let Some(path) = args.export {
        let asked = verify_export::Asked { complete: args.complete, json: args.json };
        return verify_export::export(path, &args.key, &args.kept, asked).await;
    }
    if let Some(path) = &args.proof {
        return verify_export::proof(path, &args.key, args.json);
    }
    let store = Store::named(&args.store).await?;
    let system = store.system().await?;
    let keys = match &args.key[..] {
        [] => None,
        given => Some(verify_export::read_keys(given)?),
    };
    let mut against = Against { keys, kept: verify_export::read_kept(&args.kept)?, due: None };
    match store {
        Store::Local(_) => {
            let place = LastDigest::of(&args.store.data.data);
            against.kept.extend(place.read().map_err(file(place.path()))?);
        }
        Store::Aws { .. } => against.due = Some(SystemClock.now() - DUE_WITHIN),
    }
    let verified = of_store_against(&system, against).await?;
    if args.json {
        json(&verified)?;
    } else {
        for finding in &verified.findings {
            line(finding)?;
        }
        let Verified { streams, commits, events, digests, .. } = &verified;
        line(format_args!(
            "followed {events} events in {commits} commits of {streams} streams, and {digests} digests"
        ))?;
    }
    counted(&verified.findings).map_or(Ok(()), |told| Err(Failure::Found(told)))
}

/// How much is not as it was written; `None` if all is.
fn counted(findings: &[Finding]) -> Option<String> {
    let amount = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        more => Some(format!("{more} {what}s")),
    };
    let digests = findings.iter().filter(|finding| finding.stream == DIGEST).count();
    let found = [amount(findings.len() - digests, "stream"), amount(digests, "digest")];
    let found = found.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let are = if findings.len() == 1 { "is not as it was" } else { "are not as they were" };
    (!found.is_empty()).then(|| format!("{found} {are} written"))
}

/// What a store is held against.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// The keys that sign digests. Without them, those are believed that the store names.
    pub keys: Option<DigestKeys>,
    /// Digests that were kept elsewhere: the store must have them.
    pub kept: Vec<SignedDigest>,
    /// If something was recorded before this, a digest was due since, and there must be one. Nothing is known of that, if left out: the
    /// histories of a local store may be older than the store.
    pub due: Option<DateTime<Utc>>,
}

/// Follows every digest of a store, and every history, several at a time. Without keys, those are believed that the store names.
pub async fn of_store(system: &System, keys: Option<DigestKeys>) -> Result<Verified, Failure> {
    of_store_against(system, Against { keys, ..Against::default() }).await
}

/// The same, held against what is known from elsewhere.
pub async fn of_store_against(system: &System, against: Against) -> Result<Verified, Failure> {
    let Against { keys, kept, due } = against;
    let Digested { digests, mut heads } = digested(system).await?;
    let keys = match keys {
        Some(keys) => keys,
        None => system.digests.keys().await.map_err(failed("reading the keys of digests"))?.into_iter().collect(),
    };
    let streams = streams::all(system).await?;
    let bar = progress::bar(Some(streams.commits.values().sum()), "commits");
    bar.set_message("verify");
    let mut verified = Verified {
        streams: streams.commits.len() as u64,
        digests: digests.len() as u64,
        findings: follow_digests(&digests, &heads, &keys)?,
        ..Verified::default()
    };
    let reason = "it is not the name of a stream".to_owned();
    let foreign = streams.foreign.into_iter().map(|stream| Finding { stream, version: 0, reason: reason.clone() });
    verified.findings.extend(foreign);
    let names: Vec<StreamId> = streams.commits.keys().copied().collect();
    verified.findings.extend(missing(&system.digests, &digests, &names, &kept).await?);
    let mut oldest = None;
    let mut histories = stream::iter(streams.commits)
        .map(|(stream, count)| async move { (stream, count, system.events.commits(&stream, 0, None).await) })
        .buffer_unordered(CONCURRENCY);
    while let Some((stream, count, commits)) = histories.next().await {
        match commits {
            Ok(commits) => {
                let mut follower = Follower::new(stream);
                for commit in &commits {
                    follower.follow(commit);
                }
                oldest = oldest.into_iter().chain(commits.iter().map(|commit| commit.recorded_at)).min();
                follower.compare(heads.remove(&stream.to_string()).unwrap_or_default(), &commits);
                follower.counted = Some(count);
                follower.end(&mut verified);
            }
            Err(ReadError::Damaged { stream, version, reason }) => {
                heads.remove(&stream);
                verified.findings.push(Finding { stream, version, reason });
            }
            Err(error) => return Err(failed("reading the event store")(error)),
        }
        bar.inc(count);
    }
    bar.finish_and_clear();
    verified.findings.extend(heads.into_iter().filter_map(|(stream, held)| gone(stream, &held)));
    if verified.digests == 0 {
        verified.findings.extend(none_at_all(&system.digests, oldest, due).await?);
    }
    verified.findings.sort_by(|one, other| (&one.stream, one.version).cmp(&(&other.stream, other.version)));
    Ok(verified)
}

/// A history that is gone, although a digest has it.
fn gone(stream: String, held: &[Held]) -> Option<Finding> {
    let Held { digest, leaf, .. } = held.last()?;
    let reason = format!("the history is missing, and digest {digest} has its version {}", leaf.version);
    Some(Finding { stream, version: 0, reason })
}

/// What is wrong with the digests themselves.
fn follow_digests(
    digests: &[SignedDigest],
    heads: &BTreeMap<String, Vec<Held>>,
    keys: &DigestKeys,
) -> Result<Vec<Finding>, Failure> {
    const DOING: &str = "following the digests";
    let mut leaves: BTreeMap<u64, Vec<&Leaf>> = BTreeMap::new();
    // By stream, which is the order of the leaves.
    for Held { digest, leaf, .. } in heads.values().flatten() {
        leaves.entry(*digest).or_default().push(leaf);
    }
    let (mut findings, mut before) = (Vec::new(), (0, Hash::GENESIS));
    for digest in digests {
        let tree = leaves.remove(&digest.sequence).unwrap_or_default().into_iter().map(Leaf::tree_hash);
        let tree = tree.collect::<Result<MerkleTree, _>>().map_err(failed(DOING))?;
        let wrong = if digest.sequence != before.0 + 1 {
            Some("the one before it is missing")
        } else if digest.previous != before.1 {
            Some("it does not follow the one before it: one of the two was replaced")
        } else if !digest.is_signed_by(keys) {
            Some("it is not signed by a key that is known")
        } else if (tree.leaves(), tree.root()) != (digest.leaves, digest.root) {
            Some("its heads are others than those that were signed")
        } else {
            None
        };
        let version = digest.sequence;
        findings.extend(wrong.map(|reason| Finding { stream: DIGEST.to_owned(), version, reason: reason.to_owned() }));
        before = (digest.sequence, digest.hash().map_err(failed(DOING))?);
    }
    Ok(findings)
}

/// Follows one history up to its first fault.
struct Follower {
    stream: StreamId,
    chain: ChainVerifier,
    commits: u64,
    events: u64,
    fault: Option<Tampered>,
    /// How many commits the keys of the table name, which were read before. There may be more by now, but not fewer.
    counted: Option<u64>,
    /// The first head that a digest holds of it, and that it does not have.
    contradicted: Option<Held>,
}

impl Follower {
    fn new(stream: StreamId) -> Self {
        let (chain, fault, counted, contradicted) = (ChainVerifier::default(), None, None, None);
        Self { stream, chain, commits: 0, events: 0, fault, counted, contradicted }
    }

    fn follow(&mut self, commit: &Commit) {
        self.commits += 1;
        self.events += commit.events.len() as u64;
        if self.fault.is_none() {
            self.fault = self.chain.follow(commit).err();
        }
    }

    /// Looks whether the history has the heads that digests hold of it.
    fn compare(&mut self, held: Vec<Held>, commits: &[Commit]) {
        let ends = commits.iter().filter(|commit| !commit.events.is_empty());
        let ends: HashMap<u64, Hash> = ends.map(|commit| (commit.last_version(), commit.hash)).collect();
        self.contradicted = held.into_iter().find(|held| ends.get(&held.leaf.version) != Some(&held.leaf.hash));
    }

    fn end(self, verified: &mut Verified) {
        verified.commits += self.commits;
        verified.events += self.events;
        let (version, reason) = match (&self.fault, self.counted) {
            (Some(fault), _) => {
                let version = match fault {
                    Tampered::Version { expected, .. } => *expected,
                    Tampered::Link { version } | Tampered::Content { version } | Tampered::Empty { version } => {
                        *version
                    }
                };
                (version, fault.to_string())
            }
            (None, Some(counted)) if self.commits < counted => {
                (self.events, format!("the table has {counted} commits of it, but {} can be read", self.commits))
            }
            (None, _) => match &self.contradicted {
                Some(Held { digest, leaf, .. }) if leaf.version > self.events => (
                    self.events,
                    format!("the history ends here, and digest {digest} has its version {}", leaf.version),
                ),
                Some(Held { digest, leaf, .. }) => {
                    (leaf.version, format!("digest {digest} has another head here: the history was written anew"))
                }
                None => return,
            },
        };
        verified.findings.push(Finding { stream: self.stream.to_string(), version, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_told_of_streams_and_digests_apart() {
        let found = |stream: &str, version| Finding { stream: stream.to_owned(), version, reason: "why".to_owned() };
        let (task, digest) = (found("task#1", 3), found(DIGEST, 2));
        assert_eq!(task.to_string(), "TAMPERED  task#1  version 3: why");
        assert_eq!(digest.to_string(), "TAMPERED  digest 2: why");
        let told = |findings: &[&Finding]| counted(&findings.iter().copied().cloned().collect::<Vec<_>>());
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[&task]).as_deref(), Some("1 stream is not as it was written"));
        assert_eq!(told(&[&digest, &digest]).as_deref(), Some("2 digests are not as they were written"));
        assert_eq!(
            told(&[&digest, &task, &task]).as_deref(),
            Some("2 streams and 1 digest are not as they were written")
        );
    }
}
