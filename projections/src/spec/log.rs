//! The event store of a case.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use muster_domain::personal::MemoryKeys;
use muster_domain::ports::{CommitPage, ReadError, ScanCursor, SubjectKeys};
use muster_domain::{Commit, EventData, EventReader, Fingerprint, Hash, RecordedEvent, StreamId};

/// An event store in memory. It computes no hashes: nobody here looks at them.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<BTreeMap<StreamId, BTreeMap<u64, Commit>>>, MemoryKeys);

impl MemoryLog {
    /// Appends an event as a commit of its own.
    pub fn append(&self, event: &RecordedEvent) {
        let commit = Commit {
            stream: event.stream,
            version: event.version,
            events: vec![EventData {
                event_type: event.event_type.clone(),
                schema: event.schema,
                data: event.data.clone(),
            }],
            command_id: event.command_id,
            fingerprint: Fingerprint::from(String::new()),
            actor: event.actor.clone(),
            recorded_at: event.recorded_at,
            correlation_id: event.correlation_id.clone(),
            causation_id: event.causation_id.clone(),
            prev_hash: Hash::GENESIS,
            hash: Hash::GENESIS,
        };
        let mut histories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        histories.entry(event.stream).or_default().insert(event.version, commit);
    }

    /// Makes the commit at this version one that cannot be read.
    pub fn damage(&self, stream: &StreamId, version: u64) {
        let mut histories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let commit = histories.get_mut(stream).and_then(|history| history.get_mut(&version));
        if let Some(commit) = commit {
            // No commit has no events.
            commit.events.clear();
        }
    }

    fn all(&self) -> Vec<Commit> {
        let histories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        histories.values().flat_map(BTreeMap::values).cloned().collect()
    }
}

#[async_trait]
impl EventReader for MemoryLog {
    async fn commits(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<Commit>, ReadError> {
        let wanted = |commit: &Commit| {
            commit.stream == *stream && commit.version > after && up_to.is_none_or(|last| commit.version <= last)
        };
        self.all().into_iter().filter(wanted).map(readable).collect()
    }

    async fn head(&self, stream: &StreamId) -> Result<u64, ReadError> {
        let last = self.all().into_iter().rfind(|commit| commit.stream == *stream).map(readable).transpose()?;
        Ok(last.map_or(0, |commit| commit.last_version()))
    }

    fn keys(&self) -> &dyn SubjectKeys {
        &self.1
    }

    async fn scan(&self, segment: u32, segments: u32, cursor: Option<ScanCursor>) -> Result<CommitPage, ReadError> {
        const PAGE: usize = 100;
        let after = cursor.map(|cursor| (cursor.stream, cursor.version));
        let mut commits = self.all();
        commits.retain(|commit| {
            commit.stream.id.as_u128() % u128::from(segments.max(1)) == u128::from(segment)
                && after.is_none_or(|after| (commit.stream, commit.version) > after)
        });
        let more = commits.len() > PAGE;
        commits.truncate(PAGE);
        let last = commits.last().map(|commit| ScanCursor { stream: commit.stream, version: commit.version });
        let (commits, damaged): (Vec<_>, Vec<_>) = commits.into_iter().partition(|commit| !commit.events.is_empty());
        let damaged = damaged.into_iter().map(|commit| (commit.stream, commit.version)).collect();
        Ok(CommitPage { commits, damaged, next: last.filter(|_| more) })
    }
}

fn readable(commit: Commit) -> Result<Commit, ReadError> {
    if commit.events.is_empty() {
        let (stream, version) = (commit.stream.to_string(), commit.version);
        return Err(ReadError::Damaged { stream, version, reason: "it was damaged".to_owned() });
    }
    Ok(commit)
}
