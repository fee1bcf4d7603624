//! Giving up a rebuild.

use muster_cli::operate::rebuild::{abandon, rebuild};

use crate::support::TestStore;

#[tokio::test]
async fn a_rebuild_that_was_cut_off_can_be_given_up() {
    let store = TestStore::new().await;
    let (projection, generations) = (store.system.projection("task-list").unwrap(), &store.system.generations);
    let seen = generations.read("task-list").await.unwrap();
    generations.announce("task-list", 2, seen).await.unwrap();

    assert_eq!(abandon(&store.system, &**projection).await.unwrap(), 2);
    assert_eq!(generations.read("task-list").await.unwrap().building, None);
    assert!(abandon(&store.system, &**projection).await.is_err(), "there is none any more");
    assert_eq!(rebuild(&store.system, &**projection, false).await.unwrap().active, 3, "a number is used once");
}
