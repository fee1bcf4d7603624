use std::sync::Arc;

use muster_domain::StreamId;
use muster_projections::rebuild::{RebuildError, RebuildOptions, abandon};
use muster_projections::rows::{NewRow, RowStore as _};
use muster_projections::{Failure, GenerationState, TaskQueries, fold_task};

use crate::support::{World, commented, messages, task};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuilt_read_model_equals_the_live_one_while_events_keep_coming() {
    for name in ["task-list", "audit-log", "feed"] {
        let world = Arc::new(World::new().await);
        world.publish((1..=40).flat_map(|number| commented(number, 3))).await;
        let writer = {
            let (world, projection) = (Arc::clone(&world), world.hosted(name));
            tokio::spawn(async move {
                let mut failures = Vec::new();
                for number in (1..=60).rev() {
                    let events = commented(number, 6);
                    // The tasks up to 40 have four events already.
                    let new = &events[if number <= 40 { 4 } else { 0 }..];
                    world.record(new);
                    failures.extend(projection.handle(messages(new)).await);
                }
                failures
            })
        };
        let rebuilt = world.hosted(name).rebuild(&*world, RebuildOptions::default(), &|_| {}).await.unwrap();
        assert_eq!(writer.await.unwrap(), Vec::<Failure>::new());
        assert_eq!((rebuilt.before, rebuilt.active, rebuilt.parked), (1, 2, vec![]));
        assert!((40..=60).contains(&rebuilt.aggregates), "{}", rebuilt.aggregates);

        let streams: Vec<StreamId> = (1..=60).map(|number| task(number).into()).collect();
        let new = world.rows(name, 2);
        let rows = new.load(&streams).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.as_ref().map(|row| row.as_of)).collect::<Vec<_>>(), vec![Some(7); 60]);
        // What came after the switch went to the new generation alone: bring the old one up before comparing.
        let state = world.generations().read(name).await.unwrap();
        assert_eq!(state, GenerationState { active: 2, building: None, last: 2 });
        let options = RebuildOptions { generation: Some(1), ..RebuildOptions::default() };
        let back = world.hosted(name).rebuild(&*world, options, &|_| {}).await.unwrap();
        assert_eq!((back.before, back.active, back.aggregates), (2, 1, 60));
        let old = world.rows(name, 1);
        assert_eq!(old.load(&streams).await.unwrap(), rows);
        for stream in &streams {
            assert_eq!(old.entries(stream).await.unwrap(), new.entries(stream).await.unwrap());
        }
    }
}

#[tokio::test]
async fn queries_read_the_new_generation_after_the_switch() {
    let world = World::new().await;
    let events = commented(1, 1);
    world.record(&events);
    assert_eq!(TaskQueries::new(world.models()).get(task(1)).await.unwrap(), None);
    world.hosted("task-list").rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
    assert_eq!(TaskQueries::new(world.models()).get(task(1)).await.unwrap(), fold_task(&events).unwrap());
}

#[tokio::test]
async fn a_row_that_differs_from_the_log_keeps_the_old_generation_active() {
    let world = World::new().await;
    let events = commented(1, 1);
    world.record(&events);
    // A rebuild that was interrupted, and a row in it that somebody else wrote.
    let generations = world.generations();
    muster_projections::rebuild::TableMaker::create(&world, "task-list", 2).await.unwrap();
    generations.announce("task-list", 2, GenerationState::INITIAL).await.unwrap();
    let tasks = world.hosted("task-list");
    tasks.repair(&task(1).into()).await.unwrap();
    let rows = world.rows("task-list", 2);
    let mut stored = world.row("task-list", 1, task(1)).await.unwrap();
    stored.row.as_mut().unwrap()["task"]["title"] = "Something else".into();
    let as_of = stored.as_of;
    rows.save(&task(1).into(), as_of, NewRow::alone(stored), vec![]).await.unwrap();

    let error = tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap_err();
    let RebuildError::Different(different) = &error else { panic!("{error:?}") };
    assert_eq!(different.iter().map(|mismatch| mismatch.stream).collect::<Vec<_>>(), vec![task(1).into()]);
    let still = GenerationState { active: 1, building: Some(2), last: 2 };
    assert_eq!(generations.read("task-list").await.unwrap(), still);
    assert_eq!(abandon(&generations, "task-list").await.unwrap(), 2);

    // The number is not used again.
    let report = tasks.rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
    assert_eq!((report.active, report.aggregates), (3, 1));
}

#[tokio::test]
async fn an_interrupted_rebuild_goes_on_with_its_generation() {
    let world = World::new().await;
    world.publish(commented(1, 1)).await;
    let generations = world.generations();
    muster_projections::rebuild::TableMaker::create(&world, "task-list", 2).await.unwrap();
    generations.announce("task-list", 2, GenerationState::INITIAL).await.unwrap();
    // Live events go to both from now on.
    world.publish(commented(2, 0)).await;
    assert_eq!(world.row("task-list", 2, task(2)).await, world.row("task-list", 1, task(2)).await);
    let report = world.hosted("task-list").rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
    assert_eq!((report.active, report.aggregates), (2, 2));
}

#[tokio::test]
async fn a_rebuild_into_an_impossible_generation_is_refused() {
    let world = World::new().await;
    let tasks = world.hosted("task-list");
    let into = |generation| RebuildOptions { generation: Some(generation), ..RebuildOptions::default() };
    let error = tasks.rebuild(&world, into(1), &|_| {}).await.unwrap_err();
    assert!(matches!(error, RebuildError::AlreadyActive { generation: 1 }), "{error:?}");
    let error = tasks.rebuild(&world, into(7), &|_| {}).await.unwrap_err();
    assert!(matches!(error, RebuildError::NoSuchGeneration { generation: 7, last: 1 }), "{error:?}");
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_parks_its_aggregate_and_the_rebuild_goes_on() {
    let world = World::new().await;
    world.publish((1..=3).flat_map(|number| commented(number, 2))).await;
    world.log.damage(&task(2).into(), 2);

    let report = world.hosted("task-list").rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
    assert_eq!((report.active, report.aggregates, report.parked), (2, 3, vec![task(2).into()]));
    let parked = world.row("task-list", 2, task(2)).await.unwrap().parked.unwrap();
    assert_eq!((parked.version, parked.reason.contains("it was damaged")), (1, true), "{}", parked.reason);
    for number in [1, 3] {
        assert_eq!(world.row("task-list", 2, task(number)).await.unwrap().as_of, 3);
    }
}
