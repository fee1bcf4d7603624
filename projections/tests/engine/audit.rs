use chrono::{NaiveDate, TimeDelta};
use muster_domain::personal::MemoryKeys;
use muster_domain::task::{Status, TaskCommented, TaskEvent, TaskStatusChanged};
use muster_domain::{Actor, CommentId, StreamId, TaskId};
use muster_projections::audit_log::{AuditEntry, AuditFilter};
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
        imported: None,
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

    let today = day("2026-03-20");
    let by = |number| AuditFilter { actor: Some(user(number).into()), ..AuditFilter::default() };
    let did = audit.search(&by(2), today, &Page::first(10)).await.unwrap();
    assert_eq!(places(&did.items), vec![(one, 2), (two, 2), (one, 3), (two, 3)]);
    assert_eq!(did.items[0].actor, Actor::from(user(2)));
    assert_eq!(audit.search(&by(3), today, &Page::first(10)).await.unwrap().items, vec![]);

    let on = |text: &str| AuditFilter { from: Some(day(text)), to: Some(day(text)), ..AuditFilter::default() };
    let first = audit.search(&on("2026-03-02"), today, &Page::first(10)).await.unwrap();
    assert_eq!(places(&first.items), vec![(one, 1), (two, 1)]);
    let comments = AuditFilter { event_type: Some("TaskCommented".to_owned()), ..on("2026-03-03") };
    let newest_first = Page { descending: true, ..Page::first(10) };
    let second = audit.search(&comments, today, &newest_first).await.unwrap();
    assert_eq!(places(&second.items), vec![(two, 3), (one, 3)]);
}

/// All that a search finds, in pages of so many.
async fn walked(audit: &AuditQueries, filter: &AuditFilter, limit: usize, descending: bool) -> Vec<(StreamId, u64)> {
    let (mut page, mut found) = (Page { limit, cursor: None, descending }, Vec::new());
    loop {
        let part = audit.search(filter, day("2026-03-20"), &page).await.unwrap();
        found.extend(places(&part.items));
        page.cursor = part.next;
        if page.cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn every_search_finds_what_a_look_at_every_entry_finds_whatever_leads_it() {
    let world = World::new().await;
    // Three days: the second and the third of March, and the sixtieth day after.
    let late = History::of(task(3)).by(user(1)).at(time("2026-05-01T08:00:00Z")).then(TaskEvent::from(created()));
    world.publish(history(task(1)).into_iter().chain(history(task(2))).chain(late)).await;
    let audit = AuditQueries::new(world.models(), MemoryKeys::shared());
    let mut all: Vec<AuditEntry> = Vec::new();
    for number in 1..=3 {
        all.extend(audit.logs(&task(number).into(), &[], &Page::first(10)).await.unwrap().items);
    }
    all.sort_by_key(|entry| (entry.at, entry.stream, entry.version));
    assert_eq!(all.len(), 7);
    let streams = [None, Some(task(1)), Some(task(4))];
    let actors = [None, Some(user(1)), Some(user(2))];
    let types = [None, Some("TaskCreated"), Some("TaskCommented")];
    let days = [
        (None, None),
        (Some("2026-03-02"), None),
        (None, Some("2026-03-02")),
        (Some("2026-03-03"), Some("2026-05-01")),
    ];
    for (stream, actor, event_type, (from, to)) in combinations(&streams, &actors, &types, &days) {
        let filter = AuditFilter {
            stream: stream.map(StreamId::from),
            actor: actor.map(Actor::from),
            event_type: event_type.map(str::to_owned),
            from: from.map(day),
            to: to.map(day),
        };
        // Where only days are asked for, and no first or last one, it is about the last 31 days.
        let (first, last) = if filter.is_led() {
            (filter.from, filter.to)
        } else {
            let last = filter.to.unwrap_or(day("2026-03-20"));
            (filter.from.or(Some(last - TimeDelta::days(30))), Some(last))
        };
        let on = |entry: &&AuditEntry| {
            let on = entry.at.date_naive();
            first.is_none_or(|first| on >= first) && last.is_none_or(|last| on <= last)
        };
        let expected = all.iter().filter(on).filter(|entry| {
            filter.stream.is_none_or(|stream| entry.stream == stream)
                && filter.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
                && filter.event_type.as_ref().is_none_or(|wanted| entry.event_type == *wanted)
        });
        let mut expected: Vec<_> = expected.map(|entry| (entry.stream, entry.version)).collect();
        for limit in [1, 2, 200] {
            assert_eq!(walked(&audit, &filter, limit, false).await, expected, "{filter:?}, pages of {limit}");
        }
        expected.reverse();
        for limit in [1, 3] {
            assert_eq!(walked(&audit, &filter, limit, true).await, expected, "backwards: {filter:?}, pages of {limit}");
        }
    }
}

/// Every combination.
fn combinations<A: Copy, B: Copy, C: Copy, D: Copy>(a: &[A], b: &[B], c: &[C], d: &[D]) -> Vec<(A, B, C, D)> {
    let ab = a.iter().flat_map(|a| b.iter().map(move |b| (*a, *b)));
    let abc = ab.flat_map(|(a, b)| c.iter().map(move |c| (a, b, *c)));
    abc.flat_map(|(a, b, c)| d.iter().map(move |d| (a, b, c, *d))).collect()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
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

#[tokio::test]
async fn the_log_is_read_from_its_first_day_however_long_ago_it_was() {
    let world = World::new().await;
    let audit = AuditQueries::new(world.models(), MemoryKeys::shared());
    assert_eq!(audit.first_day().await.unwrap(), None);
    let late = History::of(task(3)).by(user(1)).at(time("2027-05-01T08:00:00Z")).then(TaskEvent::from(created()));
    world.publish(late.into_iter().chain(history(task(1)))).await;

    let first = audit.first_day().await.unwrap().unwrap();
    assert_eq!(first, day("2026-03-02"));
    let (mut page, mut found) = (Page::first(2), Vec::new());
    loop {
        let part = audit.search_days(&AuditFilter::default(), (first, day("2027-05-01")), &page).await.unwrap();
        found.extend(places(&part.items));
        page.cursor = part.next;
        if page.cursor.is_none() {
            break;
        }
    }
    let one = StreamId::from(task(1));
    assert_eq!(found, vec![(one, 1), (one, 2), (one, 3), (task(3).into(), 1)]);
}
