//! One event is sent once, whoever takes it in hand.

use std::time::Duration;

use chrono::TimeDelta;
use muster_handlers::reactor::Reactor as _;
use muster_handlers::webhooks::{DeliveryStatus, LEASE, WebhookReactor};
use tokio::time::{Instant, sleep};

use crate::receiver::{LONG, Manner, Receiver};
use crate::world::World;

#[tokio::test]
async fn an_event_that_comes_often_and_to_several_senders_is_sent_once() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    let event = world.event().await;

    let senders: Vec<_> = (0..6).map(|_| WebhookReactor::that_sends(world.sender())).collect();
    let reacting = senders.iter().flat_map(|sender| [sender.react(&event), sender.react(&event)]);
    for reacted in futures::future::join_all(reacting).await {
        reacted.unwrap();
    }
    // Two sweeps at once find nothing that is due.
    let (one, other) = (world.sender(), world.sender());
    let swept = tokio::join!(one.work_off(webhook.id, None), other.work_off(webhook.id, None));
    assert_eq!((swept.0.unwrap(), swept.1.unwrap()), (0, 0));
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(world.log(&webhook).await.len(), 1);
}

#[tokio::test]
async fn what_is_due_is_taken_in_hand_by_one_of_several_senders() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    let mut claimed = 0;
    for _ in 0..5 {
        claimed += world.sender().claim(&world.event().await).await.unwrap().len();
    }
    assert_eq!(claimed, 5);

    let senders = [world.sender(), world.sender(), world.sender()];
    let swept = futures::future::join_all(senders.iter().map(|sender| sender.work_off(webhook.id, None))).await;
    assert_eq!(swept.into_iter().map(Result::unwrap).sum::<usize>(), 5);
    let mut ids: Vec<String> =
        receiver.requests().iter().map(|request| request.header("muster-delivery-id").to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), receiver.requests().len()), (5, 5));
}

#[tokio::test]
async fn a_sender_that_dies_with_a_delivery_in_hand_is_followed_by_another_after_the_lease() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Hangs).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    let event = world.event().await;
    let dying = {
        let sender = world.sender();
        tokio::spawn(async move {
            let claimed = sender.claim(&event).await.unwrap();
            sender.send(&claimed[0].0, &claimed[0].1).await
        })
    };
    let begun = Instant::now();
    while receiver.requests().is_empty() {
        assert!(begun.elapsed() < LONG);
        sleep(Duration::from_millis(10)).await;
    }
    dying.abort();
    let _ = dying.await;

    receiver.behave(Manner::Answers(200, String::new()));
    world.clock.advance(LEASE - TimeDelta::milliseconds(1));
    assert_eq!(world.sender().work_off(webhook.id, None).await.unwrap(), 0, "it is still in hand");
    world.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(world.sender().work_off(webhook.id, None).await.unwrap(), 1);
    let delivery = world.log(&webhook).await.remove(0);
    assert_eq!((delivery.status, delivery.attempts.len()), (DeliveryStatus::Delivered, 1));
    let ids: Vec<_> = receiver.requests().iter().map(|one| one.header("muster-delivery-id").to_owned()).collect();
    assert_eq!(ids, [delivery.id.to_string(), delivery.id.to_string()], "the receiver knows it again");
}
