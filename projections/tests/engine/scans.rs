//! Rebuilding by scans that come in the smallest pages, that miss something, and that are overtaken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use muster_domain::ports::{CommitPage, ReadError, ScanCursor, SubjectKeys};
use muster_domain::{AggregateType, Commit, EventReader, StreamId};
use muster_projections::rebuild::{RebuildOptions, TableMaker as _};
use muster_projections::reconcile::ReconcileOptions;
use muster_projections::rows::{RowStore as _, StoredRow};
use muster_projections::spec::MemoryLog;
use muster_projections::{Failure, GenerationState, Hosted, hosted};
use uuid::Uuid;

use crate::support::{PREFIX, World, commented, messages, task};

const NAMES: [&str; 2] = ["task-list", "audit-log"];

/// A log whose scans give one commit a page, and an empty page before each. In one segment.
struct Slow {
    log: Arc<MemoryLog>,
    /// What scans do not show.
    hidden: Option<(StreamId, u64)>,
    /// Takes in an event that is recorded while the page that would show it is on its way.
    live: Option<Arc<dyn Hosted>>,
    scans: AtomicU64,
    queries: AtomicU64,
}

impl Slow {
    fn over(world: &World) -> Self {
        let (scans, queries) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { log: Arc::clone(&world.log), hidden: None, live: None, scans, queries }
    }

    fn hosted(self, world: &World, name: &str) -> (Arc<dyn Hosted>, Arc<Self>) {
        let slow = Arc::new(self);
        let reader: Arc<dyn EventReader> = slow.clone();
        let found = hosted(&world.client, PREFIX, &reader).into_iter().find(|hosted| hosted.name() == name);
        (found.unwrap(), slow)
    }
}

#[async_trait]
impl EventReader for Slow {
    async fn commits(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<Commit>, ReadError> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        self.log.commits(stream, after, up_to).await
    }

    async fn head(&self, stream: &StreamId) -> Result<u64, ReadError> {
        self.log.head(stream).await
    }

    fn keys(&self) -> &dyn SubjectKeys {
        self.log.keys()
    }

    async fn scan(&self, segment: u32, segments: u32, cursor: Option<ScanCursor>) -> Result<CommitPage, ReadError> {
        let begin = ScanCursor { stream: StreamId::new(AggregateType::Task, Uuid::nil()), version: 0 };
        let cursor = cursor.unwrap_or(begin);
        if self.scans.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Ok(CommitPage { next: Some(cursor), ..CommitPage::default() });
        }
        let page = self.log.scan(segment, segments, Some(cursor)).await?;
        let Some(commit) = page.commits.into_iter().next() else { return Ok(CommitPage::default()) };
        let next = Some(ScanCursor { stream: commit.stream, version: commit.version });
        if let Some(live) = &self.live
            && commit.version == 1
        {
            let number = commit.stream.id.as_u128();
            let comments = u128::from(self.log.head(&commit.stream).await?);
            let new = commented(number, comments).pop().unwrap();
            self.log.append(&new);
            assert_eq!(live.handle(messages(&[new])).await, Vec::<Failure>::new());
        }
        let hidden = self.hidden == Some((commit.stream, commit.version));
        Ok(CommitPage { commits: Some(commit).filter(|_| !hidden).into_iter().collect(), damaged: vec![], next })
    }
}

/// The rows and entries of tasks 1 to `last` in a generation.
async fn model(
    world: &World,
    name: &str,
    generation: u64,
    last: u128,
) -> Vec<(Option<StoredRow>, Vec<(String, serde_json::Value)>)> {
    let rows = world.rows(name, generation);
    let mut model = Vec::new();
    for number in 1..=last {
        let stream = StreamId::from(task(number));
        model.push((rows.load(&[stream]).await.unwrap().remove(0), rows.entries(&stream).await.unwrap()));
    }
    model
}

async fn begin(world: &World, name: &str) {
    world.create(name, 2).await.unwrap();
    world.generations().announce(name, 2, GenerationState::INITIAL).await.unwrap();
}

#[tokio::test]
async fn histories_that_span_pages_and_empty_pages_are_rebuilt_from_the_scans_alone() {
    for name in NAMES {
        let world = World::new().await;
        world.publish((1..=5).flat_map(|number| commented(number, number))).await;
        let (tasks, slow) = Slow::over(&world).hosted(&world, name);

        let report = tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
        assert_eq!((report.active, report.aggregates, report.parked), (2, 5, vec![]));
        assert_eq!(model(&world, name, 2, 5).await, model(&world, name, 1, 5).await);
        assert_eq!(slow.queries.load(Ordering::Relaxed), 0, "queries of histories");
    }
}

#[tokio::test]
async fn events_that_live_projectors_take_in_after_a_scan_are_not_taken_back() {
    for name in NAMES {
        let world = World::new().await;
        world.publish((1..=5).flat_map(|number| commented(number, number))).await;
        let live = Some(world.hosted(name));
        let (tasks, _) = Slow { live, ..Slow::over(&world) }.hosted(&world, name);

        let report = tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
        assert_eq!((report.active, report.aggregates, report.parked), (2, 5, vec![]));
        let rebuilt = model(&world, name, 2, 5).await;
        let versions: Vec<_> = rebuilt.iter().map(|(row, _)| row.as_ref().map(|row| row.as_of)).collect();
        // One more for the scan that fills, and one for the scan that verifies.
        assert_eq!(versions, (1..=5).map(|number| Some(1 + number + 2)).collect::<Vec<_>>());
        assert_eq!(rebuilt, model(&world, name, 1, 5).await);
    }
}

#[tokio::test]
async fn what_a_scan_does_not_show_in_the_middle_of_a_history_is_asked_for() {
    for name in NAMES {
        let world = World::new().await;
        world.publish((1..=3).flat_map(|number| commented(number, 3))).await;
        let hidden = Some((task(2).into(), 2));
        let (tasks, slow) = Slow { hidden, ..Slow::over(&world) }.hosted(&world, name);

        let report = tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
        assert_eq!((report.active, report.aggregates, report.parked), (2, 3, vec![]));
        assert_eq!(model(&world, name, 2, 3).await, model(&world, name, 1, 3).await);
        assert_ne!(slow.queries.load(Ordering::Relaxed), 0, "queries of histories");
    }
}

#[tokio::test]
async fn a_mark_at_an_event_that_the_scan_did_not_show_stays() {
    for name in NAMES {
        let world = World::new().await;
        begin(&world, name).await;
        let mut events = commented(1, 2);
        events[2].event_type = "TaskFrobnicated".to_owned();
        world.record(&events);
        let failures = world.hosted(name).handle(messages(&events)).await;
        assert_eq!(failures.iter().map(|failure| failure.poison).collect::<Vec<_>>(), [true]);
        let marked = model(&world, name, 2, 1).await;
        assert_eq!(marked[0].0.as_ref().and_then(|row| Some(row.parked.as_ref()?.version)), Some(3));

        let hidden = Some((task(1).into(), 3));
        let (tasks, _) = Slow { hidden, ..Slow::over(&world) }.hosted(&world, name);
        let report = tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
        assert_eq!((report.active, report.parked), (2, vec![task(1).into()]));
        assert_eq!(model(&world, name, 2, 1).await, marked);
    }
}

#[tokio::test]
async fn a_row_that_another_version_of_the_projection_wrote_is_made_anew_from_the_scan() {
    let world = World::new().await;
    world.publish(commented(1, 2)).await;
    begin(&world, "task-list").await;
    let right = model(&world, "task-list", 1, 1).await;
    let row = Some(serde_json::json!({ "of": "another shape" }));
    let stored = StoredRow { as_of: 3, projection_version: 1_000, row, parked: None, places: vec![] };
    let new = muster_projections::rows::NewRow::alone(stored);
    world.rows("task-list", 2).save(&task(1).into(), 0, new, vec![]).await.unwrap();

    let (tasks, slow) = Slow::over(&world).hosted(&world, "task-list");
    tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
    assert_eq!(model(&world, "task-list", 2, 1).await, right);
    assert_eq!(slow.queries.load(Ordering::Relaxed), 0, "queries of histories");
}

#[tokio::test]
async fn lost_events_are_repaired_from_the_scan_alone() {
    let world = World::new().await;
    world.publish((1..=3).flat_map(|number| commented(number, 2))).await;
    world.record(&commented(2, 4));
    world.record(&commented(4, 1));
    let (tasks, slow) = Slow::over(&world).hosted(&world, "task-list");

    let report = tasks.reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
    assert_eq!(
        report.findings.iter().map(|finding| (finding.as_of, finding.head)).collect::<Vec<_>>(),
        [(3, 5), (0, 2)]
    );
    assert_eq!(slow.queries.load(Ordering::Relaxed), 0, "queries of histories");
    assert_eq!(world.row("task-list", 1, task(2)).await.unwrap().as_of, 5);
    assert_eq!(world.row("task-list", 1, task(4)).await.unwrap().as_of, 2);
}
