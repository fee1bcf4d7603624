use futures::future::join_all;
use muster_domain::personal::MemoryKeys;
use muster_domain::task::{TaskAssigned, TaskEvent};
use muster_domain::{EventData, StreamId};
use muster_projections::projector::RepairError;
use muster_projections::rows::Parked;
use muster_projections::spec::History;
use muster_projections::{AuditQueries, Failure, Message, Page, Repaired, TaskQueries, fold_task};
use serde_json::json;

use crate::support::{PREFIX, World, comment, commented, created, messages, task, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_projectors_with_duplicates_on_one_aggregate_make_one_right_row() {
    let world = World::new().await;
    let events = commented(1, 39);
    world.record(&events);
    // Each projector gets the events from another place on, and backwards, three at a time.
    let projectors = (0..8_usize).map(|number| {
        let (tasks, log) = (world.hosted("task-list"), world.hosted("audit-log"));
        let mut mine = events.clone();
        mine.rotate_left(number * 5);
        if number % 2 == 1 {
            mine.reverse();
        }
        tokio::spawn(async move {
            let mut failures = Vec::new();
            for some in mine.chunks(3) {
                failures.extend(tasks.handle(messages(some)).await);
                failures.extend(log.handle(messages(some)).await);
            }
            failures
        })
    });
    for failures in join_all(projectors).await {
        assert_eq!(failures.unwrap(), Vec::<Failure>::new());
    }
    let document = TaskQueries::new(world.models()).get(task(1)).await.unwrap();
    assert_eq!(document, fold_task(&events).unwrap());
    let log = AuditQueries::new(world.models(), MemoryKeys::shared())
        .logs(&task(1).into(), &[], &Page::first(200))
        .await
        .unwrap();
    let versions: Vec<u64> = log.items.iter().map(|entry| entry.version).collect();
    assert_eq!(versions, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_poison_event_parks_its_aggregate_alone_and_a_repair_clears_it() {
    let world = World::new().await;
    let unknown = EventData { event_type: "TaskPainted".into(), schema: 1, data: json!({}) };
    let bad: Vec<_> =
        History::of(task(1)).then(TaskEvent::from(created())).then(unknown).then(comment(1)).into_iter().collect();
    let good = commented(2, 2);
    let all: Vec<_> = bad.iter().zip(&good).flat_map(|(bad, good)| [bad.clone(), good.clone()]).collect();
    world.record(&all);
    let tasks = world.hosted("task-list");

    let reason = "unknown event type \"TaskPainted\"".to_owned();
    let failure = Failure { id: format!("{}@2", StreamId::from(task(1))), reason: reason.clone(), poison: true };
    assert_eq!(tasks.handle(messages(&all)).await, vec![failure]);

    let row = world.row("task-list", 1, task(1)).await.unwrap();
    assert_eq!((row.as_of, row.parked), (1, Some(Parked { version: 2, reason: reason.clone() })));
    let row = world.row("task-list", 1, task(2)).await.unwrap();
    assert_eq!((row.as_of, row.parked), (3, None));

    // Its later events are no failures and do not get past it.
    assert_eq!(tasks.handle(messages(&bad[2..])).await, vec![]);
    assert_eq!(world.row("task-list", 1, task(1)).await.unwrap().as_of, 1);
    assert!(matches!(
        tasks.repair(&task(1).into()).await.unwrap_err(),
        RepairError::Poison { version: 2, reason: said, .. } if said == reason
    ));
    let status = tasks.status(1000).await.unwrap();
    assert_eq!((status.rows, status.complete, status.parked.len()), (2, true, 1));
    assert_eq!((status.parked[0].stream, status.parked[0].version), (task(1).into(), 2));

    // A program that can read the event.
    let readable = History::of(task(1)).then(TaskEvent::from(created())).then(comment(7));
    world.log.append(&readable.events()[1]);
    assert_eq!(tasks.repair(&task(1).into()).await.unwrap(), Repaired { from: 1, to: 3 });
    let row = world.row("task-list", 1, task(1)).await.unwrap();
    assert_eq!((row.as_of, row.parked), (3, None));
    assert_eq!(tasks.status(1000).await.unwrap().parked, vec![]);
}

#[tokio::test]
async fn a_gap_is_filled_from_the_store() {
    let world = World::new().await;
    let events = commented(1, 3);
    world.record(&events);
    let tasks = world.hosted("task-list");
    assert_eq!(tasks.handle(messages(&events[..1])).await, vec![]);
    assert_eq!(tasks.handle(messages(&events[3..])).await, vec![]);
    let document = TaskQueries::new(world.models()).get(task(1)).await.unwrap();
    assert_eq!(document, fold_task(&events).unwrap());
}

#[tokio::test]
async fn a_message_that_is_no_event_is_poison_and_the_others_are_taken() {
    let world = World::new().await;
    let events = commented(1, 0);
    world.record(&events[..1]);
    let mut batch = messages(&events);
    batch.insert(0, Message { id: "junk".into(), event: Err("expected value at line 1 column 1".into()) });
    let failure =
        Failure { id: "junk".into(), reason: "not an event: expected value at line 1 column 1".into(), poison: true };
    assert_eq!(world.hosted("task-list").handle(batch).await, vec![failure]);
    assert_eq!(world.row("task-list", 1, task(1)).await.unwrap().as_of, 1);
}

#[tokio::test]
async fn a_table_that_cannot_be_reached_fails_the_messages_for_another_attempt() {
    let world = World::new().await;
    world.client.delete_table().table_name(format!("{PREFIX}task-list-1")).send().await.unwrap();
    let failures = world.hosted("task-list").handle(messages(&commented(1, 0))).await;
    assert_eq!(failures.iter().map(|failure| failure.poison).collect::<Vec<_>>(), vec![false]);
    assert_eq!(failures[0].reason, format!("the read model's table {PREFIX}task-list-1 could not be used"));
}

#[tokio::test]
async fn an_event_that_the_store_does_not_have_is_not_taken_for_good() {
    let world = World::new().await;
    let events = commented(1, 2);
    world.record(&events[..1]);
    let failures = world.hosted("task-list").handle(messages(&events[2..])).await;
    assert_eq!(failures.iter().map(|failure| failure.poison).collect::<Vec<_>>(), vec![false]);
    assert!(failures[0].reason.contains("does not have version 3"), "{}", failures[0].reason);
    assert_eq!(world.row("task-list", 1, task(1)).await.unwrap().as_of, 1);
}

#[tokio::test]
async fn a_row_leaves_an_index_when_its_key_goes() {
    let world = World::new().await;
    let assigned = |to| TaskEvent::from(TaskAssigned { from: None, to });
    let history = History::of(task(1)).then(TaskEvent::from(created())).then(assigned(user(1))).then(assigned(user(2)));
    world.publish(history).await;
    let tasks = TaskQueries::new(world.models());
    let of = |number| muster_projections::TaskFilter { assignee: Some(user(number)), ..Default::default() };
    let scope = muster_domain::task::TaskScope::All;
    assert_eq!(tasks.list(&scope, &of(1), &Page::first(10)).await.unwrap().items.len(), 0);
    assert_eq!(tasks.list(&scope, &of(2), &Page::first(10)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_damaged_row_fails_its_own_messages_and_no_others() {
    let world = World::new().await;
    let events: Vec<_> = (1..=5).flat_map(|number| commented(number, 1)).collect();
    world.record(&events);
    world.damage_row("task-list", task(3)).await;
    let tasks = world.hosted("task-list");

    let failures = tasks.handle(messages(&events)).await;
    let ids: Vec<&str> = failures.iter().map(|failure| failure.id.as_str()).collect();
    let damaged = StreamId::from(task(3));
    assert_eq!(ids, vec![format!("{damaged}@1"), format!("{damaged}@2")]);
    for failure in &failures {
        assert!(failure.reason.starts_with("damaged row: ") && failure.reason.contains("as_of"), "{}", failure.reason);
        assert!(failure.poison, "trying again does not mend it");
    }
    for number in [1, 2, 4, 5] {
        assert_eq!(world.row("task-list", 1, task(number)).await.unwrap().as_of, 2);
    }
    let status = tasks.status(1000).await.unwrap();
    assert_eq!((status.rows, status.parked.len(), status.parked[0].stream), (5, 1, damaged));
}
