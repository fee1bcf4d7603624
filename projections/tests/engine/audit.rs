use muster_domain::personal::MemoryKeys;
use muster_domain::task::{Status, TaskCommented, TaskEvent, TaskStatusChanged};
use muster_domain::{Actor, CommentId, StreamId, TaskId};
use muster_projections::audit_log::AuditEntry;
use muster_projections::spec::History;
use muster_projections::{AuditQueries, CursorError, Page, QueryError};
use uuid::Uuid;

use crate::support::{World, created, task, time, user};

fn history(id: TaskId) -> History {
    let started = TaskStatusChanged { from: Status::Todo, to: Status::InProgress, at: time("2026-03-02T09:00:00Z") };
    let comment = TaskCommented {
        comment_id: CommentId(Uuid::from_u128(1)),
        text: "Found it.".parse().unwrap(),
        mentions: Vec::new(),
    };
    History::of(id)
        .by(user(1))
        .at(time("2026-03-02T23:59:00Z"))
        .then(TaskEvent::from(created()))
        .by(user(2))
        .then(TaskEvent::from(started))
        .then(TaskEvent::from(comment))
}

fn places(entries: &[AuditEntry]) -> Vec<(StreamId, u64)> {
    entries.iter().map(|entry| (entry.stream, entry.version)).collect()
}

#[tokio::test]
async fn a_log_is_read_in_both_directions_page_by_page() {
    let world = World::new().await;
    world.publish(history(task(1)).into_iter().chain(history(task(2)))).await;
    let audit = AuditQueries::new(world.models(), MemoryKeys::shared());
    let stream = StreamId::from(task(1));
    for descending in [false, true] {
        let mut page = Page { limit: 2, cursor: None, descending };
        let first = audit.logs(&stream, &[], &page).await.unwrap();
        page.cursor = first.next;
        let second = audit.logs(&stream, &[], &page).await.unwrap();
        let mut versions: Vec<u64> = first.items.iter().chain(&second.items).map(|entry| entry.version).collect();
        if descending {
            versions.reverse();
        }
        assert_eq!((versions, second.next), (vec![1, 2, 3], None));
    }
    let latest = audit.latest(&stream).await.unwrap().unwrap();
    assert_eq!((latest.version, latest.note.as_deref()), (3, Some("Found it.")));
    assert_eq!(audit.latest(&task(3).into()).await.unwrap(), None);
}

#[tokio::test]
async fn a_log_is_filtered_by_type() {
    let world = World::new().await;
    world.publish(history(task(1))).await;
    let types = ["TaskCommented".to_owned(), "TaskCreated".to_owned()];
    let page = AuditQueries::new(world.models(), MemoryKeys::shared())
        .logs(&task(1).into(), &types, &Page::first(10))
        .await
        .unwrap();
    assert_eq!(places(&page.items), vec![(task(1).into(), 1), (task(1).into(), 3)]);
}

#[tokio::test]
async fn what_somebody_did_and_what_happened_on_a_day_come_by_time() {
    let world = World::new().await;
    world.publish(history(task(1)).into_iter().chain(history(task(2)))).await;
    let audit = AuditQueries::new(world.models(), MemoryKeys::shared());
    let (one, two) = (StreamId::from(task(1)), StreamId::from(task(2)));

    let did = audit.by_actor(&user(2).into(), &[], &Page::first(10)).await.unwrap();
    assert_eq!(places(&did.items), vec![(one, 2), (two, 2), (one, 3), (two, 3)]);
    assert_eq!(did.items[0].actor, Actor::from(user(2)));
    assert_eq!(audit.by_actor(&user(3).into(), &[], &Page::first(10)).await.unwrap().items, vec![]);

    let day = |text: &str| text.parse().unwrap();
    let on = audit.by_day(day("2026-03-02"), &[], &Page::first(10)).await.unwrap();
    assert_eq!(places(&on.items), vec![(one, 1), (two, 1)]);
    let comments = ["TaskCommented".to_owned()];
    let on = audit.by_day(day("2026-03-03"), &comments, &Page { descending: true, ..Page::first(10) }).await.unwrap();
    assert_eq!(places(&on.items), vec![(two, 3), (one, 3)]);
}

#[tokio::test]
async fn a_cursor_of_another_log_is_refused() {
    let world = World::new().await;
    world.publish(history(task(1)).into_iter().chain(history(task(2)))).await;
    let audit = AuditQueries::new(world.models(), MemoryKeys::shared());
    let next = audit.logs(&task(1).into(), &[], &Page::first(1)).await.unwrap().next;
    let page = Page { cursor: next, ..Page::first(1) };
    let error = audit.logs(&task(2).into(), &[], &page).await.unwrap_err();
    assert!(matches!(error, QueryError::Cursor(CursorError::OtherQuery)), "{error:?}");
}
