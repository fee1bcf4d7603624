//! What is stored: its size, its time, its links, and how it is read.

use cqrs_es::{AggregateError, CqrsFramework};
use muster_domain::personal::MemoryKeys;
use muster_domain::task::{TaskCommented, TaskEvent};
use muster_domain::values::CommentText;
use muster_domain::{Decider as _, EventReader as _, StreamId};

use super::test_log::View;
use super::*;
use crate::{MAX_COMMIT_BYTES, MemoryLog, StoreError, metadata_to_map};

fn stream() -> StreamId {
    StreamId::new(Task::KIND, TASK)
}

/// So many comments of 10,000 characters, in one commit.
fn large(comments: u128) -> Vec<TaskEvent> {
    let text: CommentText = "x".repeat(CommentText::MAX).parse().unwrap();
    (0..comments)
        .map(|n| {
            TaskCommented {
                comment_id: Uuid::from_u128(n).into(),
                text: text.clone(),
                mentions: Vec::new(),
                imported: None,
            }
            .into()
        })
        .collect()
}

#[tokio::test]
async fn a_commit_over_300_kb_is_refused_before_it_is_sent() {
    let store = handler_with_history(1).await.store().clone();
    let context = store.load::<Task>(TASK).await.unwrap();
    let fits = store.append(context.clone(), large(29), &metadata(2, &())).await.unwrap();
    assert_eq!(fits.context.version(), 30);

    let error = store.append(fits.context, large(31), &metadata(3, &())).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { bytes } if bytes > MAX_COMMIT_BYTES), "{error:?}");
    assert_eq!(store.head(&stream()).await.unwrap(), 30);
}

#[tokio::test]
async fn time_never_runs_back_in_a_history() {
    let handler = handler_with_history(1).await;
    let command = comment("by a clock that is behind");
    let late = Metadata { at: minute(-60), ..metadata(2, &command) };
    let second = handler.execute::<Task>(TASK, command, ExpectedVersion::Any, &late).await.unwrap();
    let third = send(&handler, 3, comment("by a clock that is right"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(second.events[0].recorded_at, minute(1));
    assert_eq!((second.updated_at, third.updated_at), (minute(1), minute(3)));
}

#[tokio::test]
async fn a_history_that_was_tampered_with_is_not_loaded() {
    let log = handler_with_history(10).await.store().log().clone();
    let views: [(&str, u64, View); 4] = [
        ("the commit before it is missing", 6, |stored| (stored.commit.version != 5).then_some(stored)),
        ("the history does not begin here", 2, |stored| (stored.commit.version != 1).then_some(stored)),
        ("it does not continue the commit before it", 8, |mut stored| {
            if stored.commit.version == 7 {
                stored.commit.hash = stored.commit.prev_hash;
            }
            Some(stored)
        }),
        ("unknown event type \"TaskPainted\"", 4, |mut stored| {
            if stored.commit.version == 4 {
                stored.commit.events[0].event_type = "TaskPainted".into();
            }
            Some(stored)
        }),
    ];
    for (expected, at, view) in views {
        let answer = send(&handler(log.seen(view)), 11, comment("more"), ExpectedVersion::Any).await;
        let Err(ExecuteError::Damaged { stream: name, version, reason }) = answer else { panic!("{answer:?}") };
        assert_eq!((name, version, reason.as_str()), (stream().to_string(), at, expected));
    }
}

#[tokio::test]
async fn the_reader_gives_exactly_the_commits_that_hold_the_versions_asked_for() {
    // Commits of 1, 2, 1 and 2 events: versions 1 | 2 3 | 4 | 5 6.
    let handler = handler_with_history(1).await;
    for (n, title, priority) in [(2, "a", Priority::High), (4, "b", Priority::Low)] {
        let both =
            UpdateTask { title: Some(title.parse().unwrap()), priority: Some(priority), ..UpdateTask::at(minute(0)) };
        send(&handler, n, TaskCommand::Update(both), ExpectedVersion::Any).await.unwrap();
        if n == 2 {
            send(&handler, 3, comment("between"), ExpectedVersion::Any).await.unwrap();
        }
    }
    let store = handler.store();
    let expected: [(u64, Option<u64>, &[u64]); 11] = [
        (0, None, &[1, 2, 4, 5]),
        (0, Some(1), &[1]),
        (0, Some(2), &[1, 2]),
        (1, Some(3), &[2]),
        (2, None, &[2, 4, 5]),
        (2, Some(3), &[2]),
        (3, None, &[4, 5]),
        (5, None, &[5]),
        (6, None, &[]),
        (9, None, &[]),
        (3, Some(3), &[]),
    ];
    for (after, up_to, versions) in expected {
        let commits = store.commits(&stream(), after, up_to).await.unwrap();
        let found: Vec<_> = commits.iter().map(|commit| commit.version).collect();
        assert_eq!(found, versions, "after {after}, up to {up_to:?}");
        let events = store.events(&stream(), after, up_to).await.unwrap();
        let last = up_to.unwrap_or(6);
        assert_eq!(events.iter().map(|e| e.version).collect::<Vec<_>>(), (after + 1..=last).collect::<Vec<_>>());
    }
    assert_eq!(store.head(&stream()).await.unwrap(), 6);
    assert_eq!(store.head(&StreamId::new(Task::KIND, BEYOND)).await.unwrap(), 0);
    assert_eq!(store.commits(&StreamId::new(Task::KIND, BEYOND), 0, None).await.unwrap(), []);
}

const BEYOND: Uuid = Uuid::from_u128(0xbe07d);

#[tokio::test]
async fn cqrs_es_runs_on_the_store() {
    let store = EventStore::new(MemoryLog::new(), MemoryKeys::shared());
    let framework = CqrsFramework::<Task, _>::new(store.clone(), vec![], ());
    let id = TASK.to_string();
    for (n, command) in [(1, create("Fix the lift")), (2, comment("on my way"))] {
        let map = metadata_to_map(&metadata(n, &command));
        framework.execute_with_metadata(&id, command, map).await.unwrap();
    }
    let events = cqrs_es::EventStore::<Task>::load_events(&store, &id).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(events[1].metadata, metadata_to_map(&metadata(2, &comment("on my way"))));
    assert_eq!(comments(store.load::<Task>(TASK).await.unwrap().state()), 1);

    let stale = store.load_to::<Task>(TASK, 1).await.unwrap();
    let map = metadata_to_map(&metadata(3, &()));
    let conflict = cqrs_es::EventStore::<Task>::commit(&store, large(1), stale, map).await.unwrap_err();
    assert!(matches!(conflict, AggregateError::AggregateConflict), "{conflict:?}");
}

#[test]
fn an_error_keeps_its_type_through_cqrs_es() {
    let error = AggregateError::<TaskError>::from(StoreError::Reserved { key: "email#a@example.com".into() });
    assert_eq!(error.to_string(), "another aggregate holds the value", "the address is not shown");
    let AggregateError::UnexpectedError(source) = error else { panic!("{error:?}") };
    assert!(matches!(source.downcast_ref(), Some(StoreError::Reserved { key }) if key == "email#a@example.com"));
}
