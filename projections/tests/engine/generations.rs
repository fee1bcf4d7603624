use muster_projections::GenerationState;
use muster_projections::generations::ChangeError;

use crate::support::World;

#[tokio::test]
async fn the_first_generation_is_active_until_another_takes_over() {
    let generations = World::new().await.generations();
    let first = generations.read("task-list").await.unwrap();
    assert_eq!(first, GenerationState::INITIAL);
    let building = generations.announce("task-list", 2, first).await.unwrap();
    assert_eq!(building, GenerationState { active: 1, building: Some(2), last: 2 });
    assert_eq!(generations.read("task-list").await.unwrap(), building);
    let switched = generations.switch("task-list", building).await.unwrap();
    assert_eq!(switched, GenerationState { active: 2, building: None, last: 2 });
    assert_eq!(generations.read("task-list").await.unwrap(), switched);
    assert_eq!(generations.read("audit-log").await.unwrap(), GenerationState::INITIAL);
}

#[tokio::test]
async fn whoever_read_an_older_state_changes_nothing() {
    let generations = World::new().await.generations();
    let seen = GenerationState::INITIAL;
    let building = generations.announce("task-list", 2, seen).await.unwrap();
    let late = generations.announce("task-list", 3, seen).await.unwrap_err();
    assert!(matches!(late, ChangeError::Moved { .. }), "{late:?}");
    generations.abandon("task-list", building).await.unwrap();
    let late = generations.switch("task-list", building).await.unwrap_err();
    assert!(matches!(late, ChangeError::Moved { .. }), "{late:?}");
    let now = generations.read("task-list").await.unwrap();
    assert_eq!(now, GenerationState { active: 1, building: None, last: 2 });
    let none = generations.switch("task-list", now).await.unwrap_err();
    assert!(matches!(none, ChangeError::NotBuilding { .. }), "{none:?}");
}
