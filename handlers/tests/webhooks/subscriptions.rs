//! Which events a webhook gets, and what is not in them.

use chrono::TimeDelta;
use muster_domain::TeamId;
use muster_domain::task::Priority;
use muster_handlers::webhooks::{Settings, Webhook};

use crate::receiver::{Manner, Receiver};
use crate::support::now;
use crate::world::World;

#[tokio::test]
async fn a_webhook_gets_the_types_and_the_team_that_it_asked_for_and_nothing_from_before_it_was_there() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let team = world.store.create_team("North").await;
    let settings = |event_types: &[&str], team_id: Option<TeamId>| Settings {
        url: receiver.url("127.0.0.1"),
        event_types: event_types.iter().map(|name| (*name).to_owned()).collect(),
        team_id,
        enabled: true,
    };
    let make = async |event_types: &[&str], team_id, at| world.made(settings(event_types, team_id), at).await.0;
    let created = make(&["TaskCreated", "TeamCreated"], None, now()).await;
    let of_team = make(&[], Some(team), now()).await;
    let later = make(&[], None, now() + TimeDelta::hours(1)).await;
    let off = {
        let off = Settings { enabled: false, ..settings(&[], None) };
        world.made(off, now()).await.0
    };

    let task = world.store.create_task("Fix the lift").await;
    world.store.edit_task(task, "Fix the lift now", Priority::High).await;
    let user = world.store.register_user("Ada", "ada@example.com").await;
    let mut events = world.store.history(task).await;
    events.extend(world.store.history(team).await);
    events.extend(world.store.history(user).await);
    for event in &events {
        world.react(event).await;
    }

    let types = async |webhook: &Webhook| {
        let mut types: Vec<String> =
            world.log(webhook).await.into_iter().map(|one| one.event.unwrap().event_type).collect();
        types.sort_unstable();
        types
    };
    assert_eq!(types(&created).await, ["TaskCreated", "TeamCreated"]);
    assert_eq!(types(&of_team).await, ["TeamCreated"]);
    assert_eq!(types(&later).await, Vec::<String>::new());
    assert_eq!(types(&off).await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_personal_is_sent() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    world.webhook(&receiver.url("127.0.0.1")).await;
    let user = world.store.register_user("Ada Lovelace", "ada@example.com").await;

    world.react(&world.store.history(user).await.remove(0)).await;

    let body = String::from_utf8(receiver.requests().remove(0).body).unwrap();
    assert!(body.contains("UserRegistered") && body.contains(&user.to_string()) && body.contains("member"), "{body}");
    assert!(!body.contains("Ada") && !body.contains("example.com") && !body.contains("sealed"), "{body}");
}
