//! Walking over the event store by aggregate.

use std::collections::BTreeMap;

use muster_domain::ports::{ReadError, ScanCursor};
use muster_domain::{Commit, EventReader, RecordedEvent, StreamId};

/// How many aggregates of a scan are worked on at a time. Their writes share the syncs of the disk: twice as many as the
/// embedded store puts into one, so that it has the next ones to run when it has answered.
pub(crate) const IN_FLIGHT: usize = 128;

/// An aggregate as a scan showed it.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    head: u64,
    /// Every event from version 1 up to the head, unless there is a `gap`.
    events: Vec<RecordedEvent>,
    /// A commit is missing, out of its order or unreadable.
    gap: bool,
}

impl Scanned {
    /// The version that its history ended at. A commit that cannot be read counts as one of one event.
    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    /// Its events from version 1 up to the head, in order. `None` where the scan did not show all of them: then the
    /// history is to be asked for by itself.
    pub(crate) fn history(&self) -> Option<&[RecordedEvent]> {
        (!self.gap).then_some(&self.events)
    }

    fn take_in(&mut self, commit: Commit) {
        if commit.version != self.head + 1 {
            self.give_up();
        }
        self.head = self.head.max(commit.last_version());
        if !self.gap {
            self.events.extend(commit.into_recorded_events());
        }
    }

    fn take_in_damaged(&mut self, version: u64) {
        self.give_up();
        self.head = self.head.max(version);
    }

    fn give_up(&mut self) {
        self.gap = true;
        self.events = Vec::new();
    }
}

/// Walks over one segment of the event store by aggregate.
pub(crate) struct StreamScan<'a> {
    reader: &'a dyn EventReader,
    segment: u32,
    segments: u32,
    cursor: Option<ScanCursor>,
    /// The last aggregate of the page before: its history may go on. A scan gives a history in one piece.
    held: Option<(StreamId, Scanned)>,
    ended: bool,
}

impl<'a> StreamScan<'a> {
    pub(crate) const fn new(reader: &'a dyn EventReader, segment: u32, segments: u32) -> Self {
        Self { reader, segment, segments, cursor: None, held: None, ended: false }
    }

    /// The next aggregates that are wanted, each once and with its history as far as the scan saw it; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        wants: impl Fn(&StreamId) -> bool,
    ) -> Result<Option<BTreeMap<StreamId, Scanned>>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.reader.scan(self.segment, self.segments, self.cursor.take()).await?;
        self.cursor = page.next;
        self.ended = self.cursor.is_none();
        let mut streams: BTreeMap<StreamId, Scanned> = self.held.take().into_iter().collect();
        for commit in page.commits.into_iter().filter(|commit| wants(&commit.stream)) {
            streams.entry(commit.stream).or_default().take_in(commit);
        }
        // Histories begin at 1: what stands before is in none.
        for (stream, version) in page.damaged.into_iter().filter(|(stream, version)| *version > 0 && wants(stream)) {
            streams.entry(stream).or_default().take_in_damaged(version);
        }
        if let Some(last) = &self.cursor {
            self.held = streams.remove_entry(&last.stream);
        }
        Ok(Some(streams))
    }
}

#[cfg(test)]
mod tests {
    use muster_domain::task::{TaskCommented, TaskEvent};
    use muster_domain::{CommentId, TaskId};
    use uuid::Uuid;

    use super::*;
    use crate::spec::{History, MemoryLog};

    #[tokio::test]
    async fn a_history_that_goes_over_the_edge_of_a_page_comes_once_and_whole() {
        let log = MemoryLog::default();
        let mut heads = BTreeMap::new();
        for (id, events) in [(1, 30), (2, 250), (3, 1)] {
            let said = |number| TaskCommented {
                comment_id: CommentId(Uuid::from_u128(number)),
                text: "…".parse().unwrap(),
                mentions: Vec::new(),
                imported: None,
            };
            let task = TaskId(Uuid::from_u128(id));
            let history =
                (0..events).fold(History::of(task), |history, number| history.then(TaskEvent::from(said(number))));
            history.into_iter().for_each(|event| log.append(&event));
            heads.insert(StreamId::from(task), u64::try_from(events).unwrap());
        }

        let mut scan = StreamScan::new(&log, 0, 1);
        let mut seen = Vec::new();
        while let Some(page) = scan.next(|_| true).await.unwrap() {
            seen.extend(page.into_iter().map(|(stream, scanned)| (stream, scanned.head())));
        }

        assert_eq!(seen, heads.into_iter().collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_unreadable_commit_counts_from_version_1_on() {
        let log = MemoryLog::default();
        let task = |number| TaskId(Uuid::from_u128(number));
        let said = TaskCommented {
            comment_id: CommentId(Uuid::from_u128(1)),
            text: "…".parse().unwrap(),
            mentions: Vec::new(),
            imported: None,
        };
        for (number, version) in [(1, 0), (2, 0), (2, 1), (3, 7)] {
            let mut event = History::of(task(number)).then(TaskEvent::from(said.clone())).events()[0].clone();
            event.version = version;
            log.append(&event);
        }
        for (number, version) in [(1, 0), (2, 0), (3, 7)] {
            log.damage(&task(number).into(), version);
        }

        let page = StreamScan::new(&log, 0, 1).next(|_| true).await.unwrap().unwrap();
        let heads: BTreeMap<_, _> = page.into_iter().map(|(stream, scanned)| (stream, scanned.head())).collect();
        assert_eq!(heads, BTreeMap::from([(task(2).into(), 1), (task(3).into(), 7)]));
    }

    #[tokio::test]
    async fn a_history_is_whole_only_when_every_version_from_1_on_was_shown() {
        let said = TaskCommented {
            comment_id: CommentId(Uuid::from_u128(1)),
            text: "…".parse().unwrap(),
            mentions: Vec::new(),
            imported: None,
        };
        let history = |number| {
            let history = History::of(TaskId(Uuid::from_u128(number)));
            (0..3).fold(history, |history, _| history.then(TaskEvent::from(said.clone())))
        };
        let log = MemoryLog::default();
        // Of the first all is there; of the others the first, the middle one, or one that can be read is missing.
        for (number, missing) in [(1, None), (2, Some(1)), (3, Some(2)), (4, None)] {
            let shown = history(number).into_iter().filter(|event| Some(event.version) != missing);
            shown.for_each(|event| log.append(&event));
        }
        log.damage(&TaskId(Uuid::from_u128(4)).into(), 3);

        let page = StreamScan::new(&log, 0, 1).next(|_| true).await.unwrap().unwrap();
        let shown: Vec<_> = page.values().map(|scanned| (scanned.head(), scanned.history())).collect();
        assert_eq!(shown, [(3, Some(history(1).events())), (3, None), (3, None), (3, None)]);
    }
}
