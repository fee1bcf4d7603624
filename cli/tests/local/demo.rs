//! The demo team.

use muster_cli::demo::{fill, refuse_tasks};
use muster_cli::operate::status;
use muster_cli::operate::verify;
use muster_cli::report::Failure;
use tokio_util::sync::CancellationToken;

use crate::support::TestStore;

#[tokio::test]
async fn the_team_is_made_by_commands_and_shows_in_the_read_models() {
    let store = TestStore::new().await;
    let pipeline = store.pipeline().await;
    fill(&store.system, 40, Some(&pipeline), &CancellationToken::new()).await.unwrap();
    pipeline.stop().await;

    assert_eq!(verify::of_store(&store.system, None).await.unwrap().findings, []);
    let status = status::of(&store.system).await.unwrap();
    assert_eq!(status.aggregates, 40 + 29 + 4, "tasks, people and teams; the administrator is made by the first start");
    let rows: Vec<_> = status.projections.iter().map(|model| (model.name.as_str(), model.rows, model.lag)).collect();
    assert_eq!(
        rows,
        [("task-list", 40, 0), ("audit-log", 73, 0), ("directory", 33, 0), ("task-past", 40, 0), ("feed", 73, 0)]
    );
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_and_makes_nothing_twice() {
    let store = TestStore::new().await;
    let stopped = CancellationToken::new();
    stopped.cancel();
    let cut_off = fill(&store.system, 10, None, &stopped).await;
    assert!(matches!(cut_off, Err(Failure::Refused(_))), "it was told to stop");
    refuse_tasks(&store.system).await.expect("to go on");

    fill(&store.system, 10, None, &CancellationToken::new()).await.unwrap();
    let once = status::of(&store.system).await.unwrap();
    assert_eq!(once.aggregates, 10 + 29 + 4);
    fill(&store.system, 10, None, &CancellationToken::new()).await.unwrap();
    assert_eq!(status::of(&store.system).await.unwrap().events, once.events, "every command is known");
}

#[tokio::test]
async fn a_store_that_has_tasks_or_the_team_is_refused() {
    let store = TestStore::new().await;
    refuse_tasks(&store.system).await.expect("an empty store");
    fill(&store.system, 1, None, &CancellationToken::new()).await.unwrap();
    assert!(matches!(refuse_tasks(&store.system).await, Err(Failure::Refused(_))));

    let other = TestStore::new().await;
    other.task("Fix the door").await;
    assert!(matches!(refuse_tasks(&other.system).await, Err(Failure::Refused(_))));
}
