//! What was parked, and its redrive.

use std::sync::Arc;

use muster_cli::operate::redrive::{Redrive, Redriven, RedrivenStream, redrive};
use muster_cli::pipeline::Pipeline;
use muster_cli::store::{LocalStore, Store};
use muster_domain::StreamId;

use crate::pipeline::Outdated;
use crate::support::{TestStore, master};

impl TestStore {
    async fn redrive(&self, dry_run: bool) -> Vec<RedrivenStream> {
        let store = Store::Local(LocalStore::of_engine(self.engine.clone(), master()));
        let projection = self.system.projection("task-list").unwrap();
        let done = redrive(&store, &self.system, &**projection, |_| true, dry_run).await.unwrap();
        let Redrive { streams, unreadable } = done;
        assert_eq!(unreadable, [""; 0]);
        streams
    }

    /// The aggregates that `task-list` has put aside.
    async fn parked(&self) -> Vec<StreamId> {
        let parked = self.system.parking().list("task-list").await.unwrap();
        parked.iter().map(|parked| parked.stream).collect()
    }
}

fn became(stream: impl Into<StreamId>, became: Redriven) -> RedrivenStream {
    RedrivenStream { stream: stream.into(), became }
}

#[tokio::test]
async fn what_an_outdated_program_parked_is_taken_in_by_a_redrive() {
    let store = TestStore::new().await;
    let task = store.task("Fix the door").await;
    let pipeline = Pipeline::start_with(&store.system, store.tail(), vec![Arc::new(Outdated)]).await.unwrap();
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;

    assert_eq!(store.redrive(true).await, [became(task, Redriven::Listed)]);
    assert_eq!(store.parked().await, [task.into()], "a dry run changes nothing");
    assert!(store.row(task).await.is_none());

    assert_eq!(store.redrive(false).await, [became(task, Redriven::Repaired { from: 0, to: 1 })]);
    assert_eq!(store.row(task).await.unwrap().version, 1);
    assert_eq!(store.parked().await, []);
    assert_eq!(store.redrive(false).await, [], "nothing is parked any more");
}

#[tokio::test]
async fn what_still_cannot_be_taken_in_stays_parked() {
    let store = TestStore::new().await;
    let poison = store.poison().await;
    let pipeline = store.pipeline().await;
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;

    let done = store.redrive(false).await;

    let [RedrivenStream { stream, became: Redriven::Failed { reason } }] = &done[..] else {
        panic!("it should have failed: {done:?}")
    };
    assert_eq!(*stream, poison);
    assert!(reason.contains("TaskVanished"), "{reason}");
    assert_eq!(store.parked().await, [poison]);
}
