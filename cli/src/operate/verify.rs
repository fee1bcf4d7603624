//! `muster verify`: follows every hash chain, in the store or in an export of it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use futures::{StreamExt as _, stream};
use muster_domain::commit::{ChainVerifier, Tampered};
use muster_domain::ports::ReadError;
use muster_domain::{Commit, EventReader as _, StreamId};
use serde::Serialize;

use super::{json, streams};
use crate::args::VerifyArgs;
use crate::progress;
use crate::report::{Failure, failed, file, line};
use crate::store::Store;
use crate::system::System;

/// How many histories are followed at a time.
const CONCURRENCY: usize = 8;

/// A history that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stream, as it is named.
    pub stream: String,
    /// The version where it shows.
    pub version: u64,
    /// What is wrong.
    pub reason: String,
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
    /// The histories that are not as they were written; the first fault of each.
    pub findings: Vec<Finding>,
}

/// Verifies, and says what it found.
pub async fn run(args: VerifyArgs) -> Result<(), Failure> {
    let verified = if let Some(path) = args.export {
        tokio::task::spawn_blocking(move || open_export(&path)).await.map_err(failed("verifying the export"))??
    } else {
        of_store(&Store::named(&args.store).await?.system().await?).await?
    };
    if args.json {
        json(&verified)?;
    } else {
        for Finding { stream, version, reason } in &verified.findings {
            line(format_args!("TAMPERED  {stream}  version {version}: {reason}"))?;
        }
        let Verified { streams, commits, events, .. } = verified;
        line(format_args!("followed {events} events in {commits} commits of {streams} streams"))?;
    }
    match verified.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::Found("1 stream is not as it was written".to_owned())),
        count => Err(Failure::Found(format!("{count} streams are not as they were written"))),
    }
}

/// Follows every history of a store, several at a time.
pub async fn of_store(system: &System) -> Result<Verified, Failure> {
    let streams = streams::all(system).await?;
    let bar = progress::bar(Some(streams.commits.values().sum()), "commits");
    bar.set_message("verify");
    let mut verified = Verified { streams: streams.commits.len() as u64, ..Verified::default() };
    let reason = "it is not the name of a stream".to_owned();
    let foreign = streams.foreign.into_iter().map(|stream| Finding { stream, version: 0, reason: reason.clone() });
    verified.findings.extend(foreign);
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
                follower.counted = Some(count);
                follower.end(&mut verified);
            }
            Err(ReadError::Damaged { stream, version, reason }) => {
                verified.findings.push(Finding { stream, version, reason });
            }
            Err(error) => return Err(failed("reading the event store")(error)),
        }
        bar.inc(count);
    }
    bar.finish_and_clear();
    verified.findings.sort_by(|one, other| (&one.stream, one.version).cmp(&(&other.stream, other.version)));
    Ok(verified)
}

/// Follows every history of the export in this file; `-` is the standard input.
pub(crate) fn open_export(path: &Path) -> Result<Verified, Failure> {
    if path == Path::new("-") {
        return of_export(io::stdin().lock(), path);
    }
    of_export(BufReader::new(File::open(path).map_err(file(path))?), path)
}

/// Follows every history of an export, one line at a time.
pub fn of_export(export: impl BufRead, path: &Path) -> Result<Verified, Failure> {
    let bar = progress::bar(None, "commits");
    bar.set_message("verify");
    let mut verified = Verified::default();
    let mut follower: Option<Follower> = None;
    for (number, text) in (1_u64..).zip(export.lines()) {
        let text = text.map_err(file(path))?;
        let bad = |reason: String| Failure::Refused(format!("{}, line {number}: {reason}", path.display()));
        let commit: Commit = serde_json::from_str(&text).map_err(|error| bad(format!("not a commit: {error}")))?;
        if follower.as_ref().is_none_or(|follower| follower.stream != commit.stream) {
            if let Some(before) = follower.take() {
                if before.stream > commit.stream {
                    return Err(bad("the export is not ordered by stream".to_owned()));
                }
                before.end(&mut verified);
            }
            verified.streams += 1;
            follower = Some(Follower::new(commit.stream));
        }
        if let Some(follower) = &mut follower {
            follower.follow(&commit);
        }
        bar.inc(1);
    }
    let none = || Failure::Refused(format!("{} has not a single commit: there is nothing to verify", path.display()));
    follower.ok_or_else(none)?.end(&mut verified);
    bar.finish_and_clear();
    Ok(verified)
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
}

impl Follower {
    fn new(stream: StreamId) -> Self {
        Self { stream, chain: ChainVerifier::default(), commits: 0, events: 0, fault: None, counted: None }
    }

    fn follow(&mut self, commit: &Commit) {
        self.commits += 1;
        self.events += commit.events.len() as u64;
        if self.fault.is_none() {
            self.fault = self.chain.follow(commit).err();
        }
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
            _ => return,
        };
        verified.findings.push(Finding { stream: self.stream.to_string(), version, reason });
    }
}
