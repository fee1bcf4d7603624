//! Answers that are none, and answers without an end.

use muster_handlers::webhooks::DeliveryStatus;

use crate::receiver::{Manner, Receiver};
use crate::world::{World, refused};

#[tokio::test]
async fn a_receiver_that_does_not_answer_well_is_waited_for_a_bounded_time() {
    for (manner, reason) in [
        (Manner::Hangs, "no answer in time"),
        (Manner::Drips, "no answer in time"),
        (Manner::BreaksOff, "the connection broke, or the answer was no answer"),
        (Manner::Closes, "the connection broke, or the answer was no answer"),
        (Manner::Babbles, "the connection broke, or the answer was no answer"),
    ] {
        let world = World::new().await;
        let receiver = Receiver::start(manner.clone()).await;
        let delivery = world.sent_to(&receiver.url("127.0.0.1")).await;
        assert_eq!(refused(&delivery), reason, "{manner:?}");
        assert_eq!(receiver.requests().len(), 1, "{manner:?}");
    }
}

#[tokio::test]
async fn the_body_of_an_answer_is_nothing_that_counts_however_long_it_is() {
    for manner in [Manner::Floods, Manner::Starves] {
        let world = World::new().await;
        let receiver = Receiver::start(manner.clone()).await;
        let delivery = world.sent_to(&receiver.url("127.0.0.1")).await;
        assert_eq!(delivery.status, DeliveryStatus::Delivered, "{manner:?}");
        assert_eq!(delivery.attempts[0].status, Some(200), "{manner:?}");
    }
}
