//! What is tried again, how long, and what becomes of a webhook that nobody answers.

use chrono::TimeDelta;
use muster_domain::Clock as _;
use muster_handlers::webhooks::DeliveryStatus;

use crate::receiver::{Manner, Receiver};
use crate::signatures::signed;
use crate::support::now;
use crate::world::World;

#[tokio::test]
async fn a_failed_delivery_is_tried_again_after_longer_and_longer_and_given_up_after_a_day() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(500, String::new())).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    world.react(&world.event().await).await;
    let sender = world.sender();
    let begun = world.clock.now();

    let mut pauses = Vec::new();
    loop {
        let delivery = world.log(&webhook).await.remove(0);
        let Some(next) = delivery.next_at() else { break };
        let pause = next - world.clock.now();
        pauses.push(pause.num_seconds());
        // A moment before it is due, nothing is sent.
        world.clock.advance(pause - TimeDelta::milliseconds(1));
        assert_eq!(sender.work_off(webhook.id, None).await.unwrap(), 0);
        world.clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(sender.work_off(webhook.id, None).await.unwrap(), 1);
    }
    let delivery = world.log(&webhook).await.remove(0);
    assert_eq!(delivery.status, DeliveryStatus::Failed);
    assert_eq!(delivery.attempts.len(), pauses.len() + 1);
    assert!(delivery.attempts.iter().all(|attempt| attempt.status == Some(500)));
    for (pause, most) in pauses.iter().zip([10, 30, 90, 270, 810, 2_430, 7_290, 14_400, 14_400, 14_400]) {
        assert!((most * 3 / 4 - 1..=most).contains(pause), "{pauses:?}");
    }
    let took = world.clock.now() - begun;
    assert!(took > TimeDelta::hours(18) && took <= TimeDelta::hours(24), "{took}");
    let ids: Vec<_> = receiver.requests().iter().map(|one| one.header("muster-delivery-id").to_owned()).collect();
    assert_eq!(ids, vec![delivery.id.to_string(); delivery.attempts.len()]);
    // Each is signed anew: the last one's time is that of the last attempt.
    let last = receiver.requests().pop().unwrap();
    assert_eq!(signed(&last).0, delivery.attempts.last().unwrap().at.timestamp());
}

#[tokio::test]
async fn what_fails_first_and_is_taken_then_is_delivered_and_the_webhook_is_well() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(503, String::new())).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    world.react(&world.event().await).await;
    let failing = world.webhooks.get(webhook.id).await.unwrap().unwrap();
    assert_eq!(failing.failing_since, Some(now()));

    receiver.behave(Manner::Answers(200, String::new()));
    world.clock.advance(TimeDelta::seconds(10));
    assert_eq!(world.sender().work_off(webhook.id, None).await.unwrap(), 1);

    let delivery = world.log(&webhook).await.remove(0);
    assert_eq!(delivery.status, DeliveryStatus::Delivered);
    assert_eq!(delivery.attempts.iter().map(|one| one.status).collect::<Vec<_>>(), [Some(503), Some(200)]);
    assert_eq!(world.webhooks.get(webhook.id).await.unwrap().unwrap().failing_since, None);
}

#[tokio::test]
async fn a_webhook_whose_receiver_takes_nothing_for_days_is_disabled_and_says_so() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(404, String::new())).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    world.react(&world.event().await).await;
    world.clock.advance(TimeDelta::days(2));
    world.react(&world.event().await).await;
    assert!(world.webhooks.get(webhook.id).await.unwrap().unwrap().settings.enabled);
    world.clock.advance(TimeDelta::days(1));

    world.react(&world.event().await).await;

    let disabled = world.webhooks.get(webhook.id).await.unwrap().unwrap();
    assert!(!disabled.settings.enabled);
    let why = "its receiver has taken nothing since 2026-03-02 08:00 UTC";
    assert_eq!((disabled.disabled_because.as_deref(), disabled.version), (Some(why), 2));
    let sent = receiver.requests().len();
    world.react(&world.event().await).await;
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(world.sender().work_off(webhook.id, None).await.unwrap(), 0);
    assert_eq!(receiver.requests().len(), sent, "nothing is sent any more");
    // An administrator enables it again: it begins anew.
    let again = world.webhooks.change(&disabled, webhook.settings.clone(), world.clock.now()).await.unwrap();
    assert_eq!((again.settings.enabled, again.failing_since, again.disabled_because), (true, None, None));
}
