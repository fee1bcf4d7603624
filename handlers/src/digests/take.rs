//! Takes a digest: reads the heads of all histories, and signs those that have changed since the digest before.
//!
//! The heads are read from the event store itself and consistently, so that whatever was acknowledged before the reading began is
//! among them, however it got there and whatever time it bears. A head that has not changed is under an earlier digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures::future::try_join_all;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::proof::merkle::MerkleTree;
use muster_domain::proof::{Digest, DigestKey, Leaf, SignedDigest};
use muster_domain::{Clock, Commit, EventReader, Hash, StreamId};
use muster_identity::TokenSigner;

use super::table::{Head, Mark};
use super::{DigestError, DigestTable};
use crate::metrics::{DIGESTS_TAKEN, HISTORIES_CONTRADICTED};

/// How often it is tried to take one while others do.
const TRIES: u32 = 5;

/// Where digests are kept besides, by somebody who lets nobody take them away.
#[async_trait]
pub trait DigestArchive: Send + Sync {
    /// Keeps the digest. One that is there already stays as it is.
    async fn keep(&self, digest: &SignedDigest) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// The last digest that it has, where it can tell: the table must have the same one.
    async fn last(&self) -> Result<Option<SignedDigest>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(None)
    }
}

/// A history that is not as an earlier digest has it. The new digest leaves it out: a signature is not given to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The history.
    pub stream: StreamId,
    /// What is wrong with it.
    pub reason: String,
}

/// A digest that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The digest.
    pub digest: SignedDigest,
    /// The histories that were left out.
    pub contradictions: Vec<Contradiction>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken(Taken),
    /// Somebody else took one at the same time, which counts.
    Overtaken,
    /// Every head is under a digest already, and one over nothing was not asked for.
    Unchanged,
}

/// Takes digests.
#[derive(Clone)]
pub struct Digester {
    /// Reads the histories.
    pub reader: Arc<dyn EventReader>,
    /// Where the digests are.
    pub table: DigestTable,
    /// Signs them.
    pub signer: Arc<dyn TokenSigner>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps them, too.
    pub archive: Option<Arc<dyn DigestArchive>>,
    /// In how many parts the event store is read side by side.
    pub segments: u32,
}

/// Whether a digest is to be taken now: none was in this hour (UTC), of which the last was taken then.
pub fn is_due(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    last.is_none_or(|last| last < hour)
}

impl Digester {
    /// Takes a digest now, also where nothing has changed: that is then known, and that somebody looked.
    pub async fn take(&self) -> Result<Outcome, DigestError> {
        self.take_over(true).await
    }

    /// Takes a digest unless every head is under one already.
    pub async fn cover(&self) -> Result<Outcome, DigestError> {
        self.take_over(false).await
    }

    /// Takes a digest unless one was taken in this hour. When the last one was taken.
    pub async fn keep_up(&self) -> Result<DateTime<Utc>, DigestError> {
        let now = self.clock.now();
        if let Some(last) = self.table.last().await?.filter(|last| !is_due(Some(last.taken_at), now)) {
            return Ok(last.taken_at);
        }
        self.take().await?;
        Ok(self.table.last().await?.map_or(now, |last| last.taken_at))
    }

    /// When somebody else was quicker, theirs may have begun before what this one is to hold was there: so it is tried again.
    async fn take_over(&self, nothing: bool) -> Result<Outcome, DigestError> {
        for _ in 1..TRIES {
            match self.try_to_take(nothing).await? {
                Outcome::Overtaken => tracing::info!("somebody else took a digest at the same time"),
                outcome @ (Outcome::Taken(_) | Outcome::Unchanged) => return Ok(outcome),
            }
        }
        self.try_to_take(nothing).await
    }

    async fn try_to_take(&self, nothing: bool) -> Result<Outcome, DigestError> {
        let public = DigestKey::from_point(self.signer.public_key().point())?;
        // The mark first: what others take meanwhile is no gap.
        let marked = self.table.mark(Mark::Applied).await?;
        let before = self.table.last().await?;
        self.refuse_gap(marked, before.as_ref()).await?;
        self.finish(before.as_ref()).await?;
        let taken_at = self.clock.now();
        let (leaves, contradictions) = self.changed().await?;
        if leaves.is_empty() && !nothing {
            return Ok(Outcome::Unchanged);
        }
        let tree = leaves.iter().map(Leaf::tree_hash).collect::<Result<MerkleTree, _>>()?;
        let (sequence, previous) = match &before {
            Some(before) => (before.sequence + 1, before.hash()?),
            None => (1, Hash::GENESIS),
        };
        let digest = Digest { sequence, taken_at, leaves: tree.leaves(), root: tree.root(), previous };
        let key = public.name();
        let signature = self.signer.sign(&digest.message(&key)?).await?;
        let digest = digest.signed(&key, BASE64_URL_SAFE_NO_PAD.encode(signature));

        if planted(Mutant::HeadsBeforeDigest) {
            self.table.apply(sequence, &leaves).await?;
        }
        self.table.put_leaves(digest.root, &leaves).await?;
        self.table.keep_key(&public, sequence).await?;
        if !self.table.append(&digest).await? {
            return Ok(Outcome::Overtaken);
        }
        metrics::counter!(DIGESTS_TAKEN).increment(1);
        metrics::gauge!(HISTORIES_CONTRADICTED).set(u32::try_from(contradictions.len()).unwrap_or(u32::MAX));
        for Contradiction { stream, reason } in &contradictions {
            tracing::error!(%stream, reason, "a history is not as it was: no digest is signed over it");
        }
        tracing::info!(sequence, leaves = digest.leaves, "took a digest");
        self.apply(&digest, &leaves).await?;
        self.give_to_archive(sequence).await?;
        Ok(Outcome::Taken(Taken { digest, contradictions }))
    }

    /// Refuses to go on where a digest is gone that was taken: one in its place would make a history of digests that never was.
    async fn refuse_gap(&self, marked: u64, last: Option<&SignedDigest>) -> Result<(), DigestError> {
        if last.map_or(0, |last| last.sequence) < marked {
            return Err(DigestError::Gone { sequence: marked });
        }
        let Some(archive) = &self.archive else { return Ok(()) };
        let kept = archive.last().await.map_err(DigestError::of("asking the archive for its last digest"))?;
        let Some(kept) = kept else { return Ok(()) };
        if self.table.digest(kept.sequence).await?.as_ref() == Some(&kept) {
            return Ok(());
        }
        Err(DigestError::Gone { sequence: kept.sequence })
    }

    /// Does what was left undone when the one who took this digest was cut off.
    async fn finish(&self, last: Option<&SignedDigest>) -> Result<(), DigestError> {
        let Some(last) = last else { return Ok(()) };
        if self.table.mark(Mark::Applied).await? < last.sequence {
            self.apply(last, &self.table.leaves(last).await?).await?;
        }
        Ok(())
    }

    async fn apply(&self, digest: &SignedDigest, leaves: &[Leaf]) -> Result<(), DigestError> {
        self.table.apply(digest.sequence, leaves).await?;
        self.table.set_mark(Mark::Applied, digest.sequence).await
    }

    /// Gives the archive every digest up to this one that it does not have.
    async fn give_to_archive(&self, last: u64) -> Result<(), DigestError> {
        let Some(archive) = &self.archive else { return Ok(()) };
        let mut archived = self.table.mark(Mark::Archived).await?;
        while archived < last {
            let next = self.table.page(Some(archived).filter(|at| *at > 0), 100, false).await?;
            let Some(end) = next.last().map(|digest| digest.sequence) else { return Ok(()) };
            for digest in &next {
                archive.keep(digest).await.map_err(DigestError::of("giving a digest to the archive"))?;
            }
            self.table.set_mark(Mark::Archived, end).await?;
            archived = end;
        }
        Ok(())
    }

    /// The heads that have changed since the digests before, in the order of leaves, and the histories that contradict those.
    async fn changed(&self) -> Result<(Vec<Leaf>, Vec<Contradiction>), DigestError> {
        let parts = (0..self.segments.max(1)).map(|segment| self.changed_in(segment));
        let (mut leaves, mut contradictions) = (Vec::new(), Vec::new());
        for (some, wrong) in try_join_all(parts).await? {
            leaves.extend(some);
            contradictions.extend(wrong);
        }
        leaves.sort_unstable_by(|one, other| one.stream.cmp(&other.stream));
        contradictions.sort_unstable_by_key(|contradiction| contradiction.stream);
        Ok((leaves, contradictions))
    }

    async fn changed_in(&self, segment: u32) -> Result<(Vec<Leaf>, Vec<Contradiction>), DigestError> {
        let (mut leaves, mut contradictions) = (Vec::new(), Vec::new());
        let mut cursor = None;
        // The last history of the page before: it may go on. A scan gives a history in one piece.
        let mut open: Option<(StreamId, History)> = None;
        loop {
            let page = self.reader.scan(segment, self.segments.max(1), cursor).await?;
            let mut histories: BTreeMap<StreamId, History> = open.take().into_iter().collect();
            for commit in page.commits {
                histories.entry(commit.stream).or_default().take_in(&commit);
            }
            for (stream, version) in page.damaged {
                histories.entry(stream).or_default().damaged.get_or_insert(version);
            }
            cursor = page.next.filter(|_| !planted(Mutant::DigestOfFirstPage));
            if let Some(last) = &cursor {
                open = histories.remove_entry(&last.stream);
            }
            let streams: Vec<StreamId> = histories.keys().copied().collect();
            let heads = self.table.heads(&streams).await?;
            for (stream, history) in histories {
                match history.since(heads.get(&stream.to_string())) {
                    Ok(head) => leaves.extend(head.map(|(version, hash)| Leaf::at(&stream, version, hash))),
                    Err(reason) => contradictions.push(Contradiction { stream, reason }),
                }
            }
            if cursor.is_none() {
                return Ok((leaves, contradictions));
            }
        }
    }
}

/// Where the commits of one history end, as a scan showed them.
#[derive(Default)]
struct History {
    ends: Vec<(u64, Hash)>,
    /// The first version of a commit that cannot be read.
    damaged: Option<u64>,
}

impl History {
    fn take_in(&mut self, commit: &Commit) {
        if !commit.events.is_empty() {
            self.ends.push((commit.last_version(), commit.hash));
        }
    }

    /// Its head, if it has changed since this one; or why it is no continuation of it.
    fn since(&self, before: Option<&Head>) -> Result<Option<(u64, Hash)>, String> {
        if let Some(version) = self.damaged {
            return Err(format!("the commit at version {version} cannot be read"));
        }
        let Some(last) = self.ends.last().copied() else { return Ok(None) };
        let Some(Head { version, hash, digest }) = before else { return Ok(Some(last)) };
        if !self.ends.contains(&(*version, *hash)) {
            return Err(format!(
                "digest {digest} has another head at version {version}, and the history ends at {}",
                last.0
            ));
        }
        Ok((last != (*version, *hash)).then_some(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> Hash {
        Hash::from_bytes([byte; 32])
    }

    #[test]
    fn a_digest_is_due_once_in_every_hour() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let now = at("2026-03-02T08:00:00Z");
        assert!(is_due(None, now));
        assert!(is_due(Some(at("2026-03-02T07:59:59.999Z")), now));
        assert!(!is_due(Some(now), now));
        assert!(!is_due(Some(now), at("2026-03-02T08:59:59.999Z")));
        assert!(is_due(Some(now), at("2026-03-02T09:00:00Z")));
    }

    #[test]
    fn a_head_has_changed_when_the_history_goes_on_from_the_one_before() {
        let history = History { ends: vec![(1, hash(1)), (3, hash(3)), (4, hash(4))], damaged: None };
        let before = |version, byte| Head { version, hash: hash(byte), digest: 7 };
        assert_eq!(history.since(None), Ok(Some((4, hash(4)))));
        assert_eq!(history.since(Some(&before(3, 3))), Ok(Some((4, hash(4)))));
        assert_eq!(history.since(Some(&before(4, 4))), Ok(None));
        for contradicted in [before(3, 9), before(2, 3), before(5, 5)] {
            let reason = history.since(Some(&contradicted)).expect_err("a contradiction");
            assert!(reason.starts_with("digest 7 has another head at version"), "{reason}");
        }
        let damaged = History { damaged: Some(3), ..history };
        assert_eq!(damaged.since(None), Err("the commit at version 3 cannot be read".to_owned()));
    }
}
