use muster_domain::StreamId;
use muster_domain::task::TaskEvent;
use muster_projections::reconcile::{Difference, Finding, Outcome, ReconcileOptions};
use muster_projections::rows::{NewRow, RowStore as _, StoredRow};
use muster_projections::spec::History;
use serde_json::json;

use crate::support::{World, comment, created, messages, task};

fn history(number: u128) -> History {
    History::of(task(number)).then(TaskEvent::from(created())).then(comment(1))
}

/// Task 1 is whole; of task 2 the last event was lost, of task 3 all; task 4 has a row and no history.
async fn damaged() -> World {
    let world = World::new().await;
    world.publish(history(1)).await;
    world.record(history(2).events());
    world.record(history(3).events());
    assert_eq!(world.hosted("task-list").handle(messages(&history(2).events()[..1])).await, vec![]);
    let stored = StoredRow { as_of: 5, projection_version: 1, row: Some(json!({})), parked: None, places: vec![] };
    world.rows("task-list", 1).save(&task(4).into(), 0, NewRow::alone(stored), vec![]).await.unwrap();
    world
}

fn finding(number: u128, difference: Difference, as_of: u64, head: u64, outcome: Outcome) -> Finding {
    Finding { stream: StreamId::from(task(number)), difference, as_of, head, outcome }
}

#[tokio::test]
async fn lost_events_are_found_and_repaired_and_then_there_is_nothing_to_find() {
    let world = damaged().await;
    let tasks = world.hosted("task-list");
    let seen = std::sync::atomic::AtomicU64::new(0);
    let progress = |progress: muster_projections::reconcile::Progress| {
        seen.fetch_max(progress.done, std::sync::atomic::Ordering::Relaxed);
    };
    let report = tasks.reconcile(ReconcileOptions::default(), &progress).await.unwrap();
    let ahead = finding(4, Difference::Ahead, 5, 0, Outcome::Listed);
    assert_eq!(
        report.findings,
        vec![
            finding(2, Difference::Lagging, 1, 2, Outcome::Repaired),
            finding(3, Difference::Missing, 0, 2, Outcome::Repaired),
            ahead.clone(),
        ]
    );
    assert_eq!((report.checked, seen.into_inner()), (3, 3));
    assert_eq!(world.row("task-list", 1, task(2)).await.unwrap().as_of, 2);
    assert_eq!(world.row("task-list", 1, task(3)).await.unwrap().as_of, 2);
    let again = tasks.reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
    assert_eq!(again.findings, vec![ahead]);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = damaged().await;
    let options = ReconcileOptions { dry_run: true, segments: 3 };
    let report = world.hosted("task-list").reconcile(options, &|_| {}).await.unwrap();
    assert_eq!(report.findings.len(), 3);
    assert!(report.findings.iter().all(|finding| finding.outcome == Outcome::Listed));
    assert_eq!(world.row("task-list", 1, task(2)).await.unwrap().as_of, 1);
    assert_eq!(world.row("task-list", 1, task(3)).await, None);
}

fn reason(finding: &Finding) -> &str {
    match &finding.outcome {
        Outcome::Failed { reason } => reason,
        Outcome::Listed | Outcome::Repaired => "it did not fail",
    }
}

#[tokio::test]
async fn a_damaged_row_is_a_finding_and_the_others_are_repaired() {
    let world = World::new().await;
    for number in 1..=3 {
        world.record(history(number).events());
    }
    // Task 4 has no history.
    world.damage_row("task-list", task(2)).await;
    world.damage_row("task-list", task(4)).await;

    let report = world.hosted("task-list").reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.stream, finding.head)).collect();
    let expected = [(1, 2), (2, 2), (3, 2), (4, 0)].map(|(number, head)| (task(number).into(), head)).to_vec();
    assert_eq!((report.checked, found), (3, expected));
    for number in [1, 3] {
        assert_eq!(report.findings[number - 1].outcome, Outcome::Repaired);
        assert_eq!(world.row("task-list", 1, task(number as u128)).await.unwrap().as_of, 2);
    }
    for number in [2, 4] {
        let reason = reason(&report.findings[number - 1]);
        assert!(reason.starts_with("damaged row: "), "{reason}");
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_parks_its_aggregate_and_the_others_are_repaired() {
    let world = World::new().await;
    // Task 1 had its row before its newest commit was damaged.
    world.publish(history(1)).await;
    world.record(history(2).events());
    world.record(history(3).events());
    world.log.damage(&task(1).into(), 2);
    world.log.damage(&task(2).into(), 2);

    let report = world.hosted("task-list").reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.stream, finding.head)).collect();
    assert_eq!((report.checked, found), (3, vec![(task(2).into(), 2), (task(3).into(), 2)]));
    assert!(reason(&report.findings[0]).contains("it was damaged"));
    assert_eq!(report.findings[1].outcome, Outcome::Repaired);
    let parked = world.row("task-list", 1, task(2)).await.unwrap().parked.unwrap();
    assert_eq!((parked.version, parked.reason.contains("it was damaged")), (1, true), "{}", parked.reason);
    assert_eq!(world.row("task-list", 1, task(3)).await.unwrap().as_of, 2);
}
