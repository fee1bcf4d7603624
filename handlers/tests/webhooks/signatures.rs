//! What a receiver gets, and by what it knows that it comes of Muster.

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use muster_domain::{Clock as _, RecordedEvent};
use muster_handlers::webhooks::{Delivery, DeliveryStatus, OVERLAP, Secret};
use serde_json::{Value, json};

use crate::receiver::{Manner, Receiver, Request};
use crate::support::{PREFIX, now};
use crate::world::World;

/// HMAC-SHA-256 in hexadecimal digits, computed here.
fn hmac_hex(key: &str, text: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text);
    tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The timestamp and the signatures of a request.
pub(crate) fn signed(request: &Request) -> (i64, Vec<String>) {
    let mut parts = request.header("muster-signature").split(',');
    let seconds = parts.next().unwrap().strip_prefix("t=").unwrap().parse().unwrap();
    (seconds, parts.map(|part| part.strip_prefix("v1=").unwrap().to_owned()).collect())
}

pub(crate) fn expected(secret: &Secret, request: &Request) -> String {
    let (seconds, _) = signed(request);
    hmac_hex(secret.expose(), &[format!("{seconds}.").as_bytes(), &request.body].concat())
}

#[tokio::test]
async fn a_receiver_gets_the_event_signed_and_named_and_what_came_of_it_is_in_the_log() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(204, String::new())).await;
    let (webhook, secret) = world.webhook(&receiver.url("127.0.0.1")).await;
    let event = world.event().await;

    world.react(&event).await;

    let [request] = &receiver.requests()[..] else { panic!("one request") };
    assert!(request.head.starts_with("POST /hooks?of=muster HTTP/1.1"), "{}", request.head);
    assert_eq!(serde_json::from_slice::<RecordedEvent>(&request.body).unwrap(), event);
    assert_eq!(signed(request), (now().timestamp(), vec![expected(&secret, request)]));
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("muster-event-id"), event.event_id.to_string());
    let [delivery] = &world.log(&webhook).await[..] else { panic!("one delivery") };
    assert_eq!(request.header("muster-delivery-id"), delivery.id.to_string());
    assert_eq!((delivery.status, delivery.attempts.len()), (DeliveryStatus::Delivered, 1));
    assert_eq!((delivery.attempts[0].status, &delivery.attempts[0].error), (Some(204), &None));
    assert_eq!(delivery.event.as_ref().unwrap().event_id, event.event_id);
    assert_eq!(delivery.next_at(), None);
}

#[tokio::test]
async fn a_test_is_sent_once_and_signed_like_an_event() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(500, String::new())).await;
    let (webhook, secret) = world.webhook(&receiver.url("127.0.0.1")).await;
    let test = Delivery::test(webhook.id, world.clock.now());
    assert!(world.deliveries.claim(&test).await.unwrap());

    assert_eq!(world.sender().work_off(webhook.id, None).await.unwrap(), 1);

    let request = receiver.requests().remove(0);
    assert_eq!(signed(&request).1, [expected(&secret, &request)]);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    // As schemas/asyncapi.json says.
    assert_eq!(body, json!({ "type": "WebhookTest", "webhook_id": webhook.id, "sent_at": now() }));
    let done = world.deliveries.get(webhook.id, test.id).await.unwrap().unwrap();
    assert_eq!((done.status, done.next_at()), (DeliveryStatus::Failed, None));
}

#[tokio::test]
async fn a_new_secret_signs_at_once_and_the_one_before_for_a_day_more() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let (webhook, old) = world.webhook(&receiver.url("127.0.0.1")).await;
    let (_, new) = world.webhooks.rotate(&webhook, world.clock.now()).await.unwrap();

    world.react(&world.event().await).await;
    world.clock.advance(OVERLAP - TimeDelta::seconds(1));
    world.react(&world.event().await).await;
    world.clock.advance(TimeDelta::seconds(1));
    world.react(&world.event().await).await;

    let requests = receiver.requests();
    for request in &requests[..2] {
        assert_eq!(signed(request).1, [expected(&new, request), expected(&old, request)]);
    }
    assert_eq!(signed(&requests[2]).1, [expected(&new, &requests[2])]);
    // In the table there is neither.
    let items = world.store.client.scan().table_name(format!("{PREFIX}webhooks")).send().await.unwrap();
    let stored = format!("{items:?}");
    assert!(!stored.contains(old.expose()) && !stored.contains(new.expose()));
}
