//! The log of deliveries: read in pages, and replayed from.

use muster_domain::Clock as _;
use muster_handlers::webhooks::{Delivery, DeliveryStatus};
use uuid::Uuid;

use crate::receiver::{Manner, Receiver};
use crate::signatures::{expected, signed};
use crate::world::World;

#[tokio::test]
async fn a_replay_is_a_new_delivery_of_the_same_event() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let (webhook, secret) = world.webhook(&receiver.url("127.0.0.1")).await;
    world.react(&world.event().await).await;
    let first = world.log(&webhook).await.remove(0);

    let again = first.replayed(world.clock.now());
    assert!(world.deliveries.claim(&again).await.unwrap());
    assert_eq!(world.sender().work_off(webhook.id, None).await.unwrap(), 1);

    let [before, after] = &receiver.requests()[..] else { panic!("two requests") };
    assert_eq!(before.body, after.body);
    assert_eq!(before.header("muster-event-id"), after.header("muster-event-id"));
    assert_eq!(after.header("muster-delivery-id"), again.id.to_string());
    assert_eq!(signed(after).1, [expected(&secret, after)]);
    let replayed = world.deliveries.get(webhook.id, again.id).await.unwrap().unwrap();
    assert_eq!((replayed.status, replayed.replay_of), (DeliveryStatus::Delivered, Some(first.id)));
}

#[tokio::test]
async fn the_log_is_read_in_pages_newest_first() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let (webhook, _) = world.webhook(&receiver.url("127.0.0.1")).await;
    for _ in 0..5 {
        let test = Delivery::test(webhook.id, world.clock.now());
        assert!(world.deliveries.claim(&test).await.unwrap());
    }
    let all: Vec<Uuid> = world.log(&webhook).await.iter().map(|one| one.id).collect();
    assert!(all.is_sorted_by(|one, next| one > next));
    let (mut read, mut cursor) = (Vec::new(), None);
    loop {
        let page = world.deliveries.page(webhook.id, 2, cursor.as_deref()).await.unwrap().unwrap();
        assert!(page.items.len() <= 2);
        read.extend(page.items.iter().map(|one| one.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(read, all);
    assert_eq!(world.deliveries.page(webhook.id, 2, Some("nothing")).await.unwrap(), None);
}
