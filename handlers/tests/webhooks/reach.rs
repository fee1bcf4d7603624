//! Where a call goes: to the address that was looked up, if it may be reached, to whoever shows a certificate for the name, and no
//! further.

use std::sync::Arc;

use chrono::TimeDelta;
use muster_domain::personal::KEY_BYTES;
use muster_handlers::webhooks::{Deliveries, DeliveryStatus, Reach, Webhooks};
use muster_vault::LocalMaster;
use reqwest::Certificate;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::receiver::{Manner, Receiver};
use crate::support::{PREFIX, Store};
use crate::world::{Names, World, refused};

#[tokio::test]
async fn a_redirect_is_not_followed_wherever_it_leads() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::new().await;
        let inside = Receiver::start(Manner::Answers(200, String::new())).await;
        let location = format!("location: {}\r\n", inside.url("127.0.0.1"));
        let receiver = Receiver::start(Manner::Answers(status, location)).await;
        let delivery = world.sent_to(&receiver.url("127.0.0.1")).await;
        assert_eq!((delivery.status, delivery.attempts[0].status), (DeliveryStatus::Pending, Some(status)));
        assert_eq!((receiver.requests().len(), inside.connections()), (1, 0));
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_called() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.0.0.7"],
        &["169.254.169.254"],
        &["::1"],
        &["fd00:ec2::254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["100.64.0.1"],
        // One of several is enough.
        &["93.184.216.34", "127.0.0.1"],
        &["127.0.0.1", "2606:2800:220:1::1"],
    ] {
        let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
        let mut world = World::new().await;
        world.names = Names::of(&[("hooks.example.com", &[answer])]);
        // Nothing but the public Internet; without TLS, so that a connection would come through.
        world.reach = Reach { networks: Vec::new(), http: true };
        let delivery = world.sent_to(&receiver.url("hooks.example.com")).await;
        assert_eq!(refused(&delivery), "its address is private, local or reserved", "{answer:?}");
        assert_eq!(receiver.connections(), 0, "{answer:?}");
        assert_eq!(world.names.asked(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn an_address_in_the_place_of_a_name_is_not_called_when_it_is_private() {
    let receiver = Receiver::start(Manner::Answers(200, String::new())).await;
    let mut world = World::new().await;
    world.reach = Reach { networks: Vec::new(), http: true };
    for host in ["127.0.0.1", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"] {
        let (webhook, _) = world.webhook(&receiver.url(host)).await;
        world.react(&world.event().await).await;
        let log = world.log(&webhook).await;
        assert_eq!(refused(&log[0]), "its address may not be reached", "{host}");
        world.webhooks.remove(&world.webhooks.get(webhook.id).await.unwrap().unwrap()).await.unwrap();
    }
    assert_eq!((receiver.connections(), world.names.asked()), (0, 0));
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_after_it_was_looked_up_is_called_where_it_was_looked_up() {
    let good = Receiver::start(Manner::Answers(200, String::new())).await;
    let mut world = World::new().await;
    // The second answer comes too late: there is one look-up for a call, and the connection goes where that led. At the next
    // call the name leads to where nothing may be sent.
    world.names = Names::of(&[("hooks.example.com", &[&["127.0.0.1"], &["127.0.0.2"], &["10.0.0.1"]])]);
    let (webhook, _) = world.webhook(&good.url("hooks.example.com")).await;

    world.react(&world.event().await).await;
    assert_eq!((good.requests().len(), world.names.asked()), (1, 1));
    assert_eq!(good.requests()[0].header("host"), format!("hooks.example.com:{}", good.address.port()));
    assert_eq!(world.log(&webhook).await[0].status, DeliveryStatus::Delivered);

    world.clock.advance(TimeDelta::seconds(1));
    world.react(&world.event().await).await;
    assert_eq!((good.connections(), world.names.asked()), (1, 2), "no connection is kept, nor an answer");
    let mut reasons: Vec<_> = world.log(&webhook).await.iter().map(|one| one.attempts[0].error.clone()).collect();
    reasons.sort();
    assert_eq!(reasons, [None, Some("its address is private, local or reserved".to_owned())]);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_tried_again() {
    let world = World::new().await;
    let delivery = world.sent_to("http://nowhere.example.com/").await;
    assert_eq!(refused(&delivery), "its name has no address");
}

/// A certificate for this name, of a root of its own.
fn certificate(name: &str) -> (TlsAcceptor, Certificate) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), Certificate::from_der(made.cert.der()).unwrap())
}

#[tokio::test]
async fn a_receiver_shows_a_certificate_for_its_name_and_not_for_its_address() {
    let (tls, root) = certificate("hooks.example.com");
    let receiver = Receiver::listening(Manner::Answers(200, String::new()), Some(tls)).await;
    let mut world = World::new().await;
    world.names = Names::of(&[("hooks.example.com", &[&["127.0.0.1"]]), ("other.example.com", &[&["127.0.0.1"]])]);
    (world.reach.http, world.roots) = (false, vec![root]);
    let url = |host: &str| format!("https://{host}:{}/", receiver.address.port());

    let good = world.sent_to(&url("hooks.example.com")).await;
    assert_eq!((good.status, receiver.requests().len()), (DeliveryStatus::Delivered, 1));
    let world = World { store: Store::new().await, ..world };
    let world = World {
        webhooks: Webhooks::new(world.store.client.clone(), PREFIX, Arc::new(LocalMaster::new([1; KEY_BYTES].into()))),
        deliveries: Deliveries::new(world.store.client.clone(), PREFIX),
        ..world
    };
    for host in ["other.example.com", "127.0.0.1"] {
        let (webhook, _) = world.webhook(&url(host)).await;
        world.react(&world.event().await).await;
        assert_eq!(refused(&world.log(&webhook).await[0]), "no connection, or its certificate is not good", "{host}");
        world.webhooks.remove(&world.webhooks.get(webhook.id).await.unwrap().unwrap()).await.unwrap();
    }
    assert_eq!(receiver.requests().len(), 1, "nothing was said to whoever has another name");
}
