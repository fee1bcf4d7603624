//! The state that every 50th commit carries: used when it can be, passed over when not, and never needed.

use muster_domain::personal::MemoryKeys;
use muster_domain::{Decider as _, StreamId};
use serde_json::{Value, json};

use super::test_log::View;
use super::*;
use crate::{CARRY_EVERY, CarriedState, Context, PageQuery, StoredCommit};

/// The versions of the commits that carry a state.
pub(super) async fn carrying(log: &TestLog) -> Vec<u64> {
    let mut query = Some(PageQuery::forward(StreamId::new(Task::KIND, TASK)));
    let mut versions = Vec::new();
    while let Some(next) = query {
        let page = log.inner.page(&next).await.unwrap();
        versions.extend(page.commits.iter().filter(|c| c.carried.is_some()).map(|c| c.commit.version));
        query = page.next;
    }
    versions
}

pub(super) fn meaning(context: &Context<Task>) -> Value {
    json!([
        context.state(),
        context.version(),
        context.head(),
        context.created_at(),
        context.updated_at(),
        context.updated_by(),
        context.commands(),
    ])
}

/// What is stored, with another state if it carries one.
fn with(mut stored: StoredCommit, change: impl FnOnce(&mut CarriedState)) -> StoredCommit {
    if let Some(carried) = &mut stored.carried {
        change(carried);
    }
    stored
}

#[tokio::test]
async fn every_50th_commit_carries_the_state_and_a_load_reads_no_further_back() {
    let handler = handler_with_history(120).await;
    let log = handler.store().log();
    assert_eq!(carrying(log).await, [50, 100]);

    log.commits_read();
    let task = handler.store().load::<Task>(TASK).await.unwrap();
    assert_eq!((task.version(), comments(task.state())), (120, 119));
    assert!(log.commits_read() <= 50);
}

#[tokio::test]
async fn a_state_that_is_missing_damaged_or_of_another_schema_is_passed_over_with_the_same_result() {
    let handler = handler_with_history(120).await;
    let log = handler.store().log();
    let expected = meaning(&handler.store().load::<Task>(TASK).await.unwrap());

    let views: [(&str, View); 8] = [
        ("all missing", |stored| Some(StoredCommit { carried: None, ..stored })),
        ("the newest missing", |stored| {
            let carried = stored.carried.filter(|_| stored.commit.version != 100);
            Some(StoredCommit { carried, ..stored })
        }),
        ("another schema", |stored| {
            Some(with(stored, |carried| {
                carried.schema += 1;
                carried.state["aggregate"]["comments"] = json!(6);
            }))
        }),
        ("not an object", |stored| Some(with(stored, |carried| carried.state = json!("state")))),
        ("an aggregate that does not read", |stored| {
            Some(with(stored, |carried| carried.state["aggregate"]["priority"] = json!("purple")))
        }),
        ("no aggregate", |stored| Some(with(stored, |carried| carried.state["aggregate"] = Value::Null))),
        ("no commands", |stored| Some(with(stored, |carried| carried.state["commands"] = Value::Null))),
        ("the state of another version", |stored| {
            Some(with(stored, |carried| {
                carried.state["version"] = json!(7);
                carried.state["aggregate"]["comments"] = json!(6);
            }))
        }),
    ];
    for (damage, view) in views {
        let store = EventStore::new(log.seen(view), MemoryKeys::shared());
        let context = store.load::<Task>(TASK).await.unwrap();
        assert_eq!(meaning(&context), expected, "{damage}");
    }
}

#[tokio::test]
async fn a_state_that_was_lost_is_made_up_for_by_the_next_commit() {
    let handler = handler_with_history(120).await;
    let log = handler.store().log();
    let blind = self::handler(log.seen(|stored| Some(StoredCommit { carried: None, ..stored })));
    send(&blind, 121, comment("next"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(carrying(log).await, [50, 100, 121]);
}

#[tokio::test]
async fn a_store_that_carries_every_3_commits_reads_no_further_back_than_that() {
    let log = TestLog::default();
    let handler = CommandHandler::new(EventStore::new(log.clone(), MemoryKeys::shared()).carrying_every(3));
    send(&handler, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    for n in 2..=8 {
        send(&handler, n, comment(&format!("comment {n}")), ExpectedVersion::Any).await.unwrap();
    }
    assert_eq!(carrying(&log).await, [3, 6]);

    log.commits_read();
    let task = handler.store().load::<Task>(TASK).await.unwrap();
    assert_eq!((task.version(), comments(task.state()), log.commits_read()), (8, 7, 3));
}

#[tokio::test]
async fn a_history_of_10_000_commits_is_loaded_from_at_most_50_of_them() {
    let log = TestLog::default();
    let store = EventStore::new(log.clone(), MemoryKeys::shared());
    let mut context = store.load::<Task>(TASK).await.unwrap();
    for n in 1..=10_000 {
        let command = if n == 1 { create("Fix the lift") } else { comment("still broken") };
        let metadata = metadata(n, &n);
        let events = context.aggregate.decide(command).unwrap();
        for event in &events {
            context.aggregate.evolve(event);
        }
        context = store.append(context, events, &metadata).await.unwrap().context;
    }

    assert!(carrying(&log).await.into_iter().eq((50..=10_000).step_by(50)));
    for highest in [9_999, 10_000] {
        log.commits_read();
        let loaded = store.load_to::<Task>(TASK, highest).await.unwrap();
        assert_eq!((loaded.version(), u64::from(comments(loaded.state()))), (highest, highest - 1));
        let read = log.commits_read();
        assert!(read <= usize::try_from(CARRY_EVERY).unwrap(), "{read} commits were read");
    }
    assert_eq!(meaning(&store.load::<Task>(TASK).await.unwrap()), meaning(&context));
}
