//! The sender of webhooks against receivers that mean no good, over real connections and the real engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

mod support;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::personal::KEY_BYTES;
use muster_domain::task::Priority;
use muster_domain::{Clock, RecordedEvent, TeamId, UserId};
use muster_handlers::reactor::Reactor as _;
use muster_handlers::webhooks::{
    Deliveries, Delivery, DeliveryStatus, Http, LEASE, Network, OVERLAP, Reach, Resolver, Secret, Sender, Settings,
    Webhook, WebhookReactor, Webhooks,
};
use muster_vault::LocalMaster;
use reqwest::Certificate;
use serde_json::Value;
use support::{PREFIX, Store, now};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uuid::Uuid;

/// How long a receiver may take here: those that hang are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long somebody else may need on a machine that is busy.
const LONG: Duration = Duration::from_secs(30);

/// A clock that is set.
#[derive(Debug)]
struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// Answers of a name server: for each name what it says each time it is asked, the last for ever.
#[derive(Default)]
struct Names {
    answers: BTreeMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn of(names: &[(&'static str, &[&[&str]])]) -> Arc<Self> {
        let addresses = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let answers = names.iter().map(|(name, answers)| (*name, answers.iter().map(addresses).collect())).collect();
        Arc::new(Self { answers, asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut asked = self.asked.lock().unwrap();
        let times = asked.iter().filter(|one| *one == name).count();
        asked.push(name.to_owned());
        let answers = self.answers.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(answers[times.min(answers.len() - 1)].clone())
    }
}

/// What a receiver does with a request that it has read.
#[derive(Clone, Debug)]
enum Manner {
    /// Answers with this status, and headers.
    Answers(u16, String),
    /// Says nothing and stays.
    Hangs,
    /// Sends a byte of the head now and then, without an end.
    Drips,
    /// Closes in the middle of the head.
    BreaksOff,
    /// Closes without a word.
    Closes,
    /// Answers well, with a body that has no end.
    Floods,
    /// Answers well, and promises a body that it does not send.
    Starves,
    /// Answers with what is no HTTP.
    Babbles,
}

/// A request as it came.
#[derive(Clone, Debug)]
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let line = self
            .head
            .lines()
            .find(|line| line.split_once(':').is_some_and(|(header, _)| header.eq_ignore_ascii_case(name)));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head)).split_once(':').unwrap().1.trim()
    }
}

/// A receiver on this computer.
struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
    manner: Arc<Mutex<Manner>>,
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        Self::listening(manner, None).await
    }

    async fn listening(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let (requests, connections, manner) =
            (Arc::clone(&receiver.requests), Arc::clone(&receiver.connections), Arc::clone(&receiver.manner));
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                *connections.lock().unwrap() += 1;
                let (requests, tls, manner) = (Arc::clone(&requests), tls.clone(), manner.lock().unwrap().clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &requests, manner).await;
                            }
                        }
                        None => serve(stream, &requests, manner).await,
                    }
                });
            }
        });
        receiver
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/hooks?of=muster", self.address.port())
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, requests: &Mutex<Vec<Request>>, manner: Manner) {
    let mut bytes = Vec::new();
    let request = loop {
        let mut some = [0; 4096];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&some[..read]),
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let request = Request { head, body: bytes[end + 4..].to_vec() };
        let length: usize = request.header("content-length").parse().unwrap();
        if request.body.len() >= length {
            break request;
        }
    };
    requests.lock().unwrap().push(request);
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} Said\r\n{more}\r\n");
    match manner {
        Manner::Answers(status, headers) => {
            let _ = stream.write_all(head(status, &format!("content-length: 2\r\n{headers}")).as_bytes()).await;
            let _ = stream.write_all(b"ok").await;
        }
        Manner::Hangs => sleep(LONG).await,
        Manner::Drips => {
            let _ = stream.write_all(b"HTTP/1.1 200 Said\r\n").await;
            while stream.write_all(b"x: y\r\n").await.is_ok() && stream.flush().await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        }
        Manner::BreaksOff => {
            let _ = stream.write_all(b"HTTP/1.1 200 Said\r\ncontent-le").await;
        }
        Manner::Closes => {}
        Manner::Floods => {
            let _ = stream.write_all(head(200, "content-length: 1000000000000\r\n").as_bytes()).await;
            while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
        }
        Manner::Starves => {
            let _ = stream.write_all(head(200, "content-length: 1000\r\n").as_bytes()).await;
            sleep(LONG).await;
        }
        Manner::Babbles => {
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        }
    }
    let _ = stream.shutdown().await;
}

/// A store with webhooks.
struct World {
    store: Store,
    webhooks: Webhooks,
    deliveries: Deliveries,
    clock: Arc<TestClock>,
    names: Arc<Names>,
    reach: Reach,
    roots: Vec<Certificate>,
}

/// This computer, where the receivers are, without TLS.
fn local() -> Reach {
    Reach { networks: vec!["127.0.0.1".parse::<Network>().unwrap()], http: true }
}

fn admin() -> UserId {
    UserId(Uuid::from_u128(0xad))
}

impl World {
    async fn new() -> Self {
        let store = Store::new().await;
        let master = Arc::new(LocalMaster::new([1; KEY_BYTES].into()));
        Self {
            webhooks: Webhooks::new(store.client.clone(), PREFIX, master),
            deliveries: Deliveries::new(store.client.clone(), PREFIX),
            clock: Arc::new(TestClock(Mutex::new(now()))),
            names: Names::of(&[]),
            reach: local(),
            roots: Vec::new(),
            store,
        }
    }

    fn sender(&self) -> Arc<Sender> {
        let (webhooks, deliveries) = (self.webhooks.clone(), self.deliveries.clone());
        let names: Arc<dyn Resolver> = self.names.clone();
        let http = Http::new(self.reach.clone(), names, self.roots.clone(), PATIENCE).unwrap();
        Arc::new(Sender::new(webhooks, deliveries, http, Arc::new(self.store.events()), self.clock.clone()))
    }

    /// A webhook for everything.
    async fn webhook(&self, url: &str) -> (Webhook, Secret) {
        let settings = Settings { url: url.to_owned(), event_types: Vec::new(), team_id: None, enabled: true };
        self.webhooks.make(settings, admin(), now()).await.unwrap()
    }

    /// A task was reported.
    async fn event(&self) -> RecordedEvent {
        let task = self.store.create_task("Fix the lift").await;
        self.store.history(task).await.remove(0)
    }

    /// An event comes, and is sent by whoever claims it.
    async fn react(&self, event: &RecordedEvent) {
        WebhookReactor::that_sends(self.sender()).react(event).await.unwrap();
    }

    async fn log(&self, webhook: &Webhook) -> Vec<Delivery> {
        self.deliveries.page(webhook.id, 100, None).await.unwrap().unwrap().items
    }

    /// What became of an event that was sent to a receiver at this URL: its one delivery.
    async fn sent_to(&self, url: &str) -> Delivery {
        let (webhook, _) = self.webhook(url).await;
        self.react(&self.event().await).await;
        let mut log = self.log(&webhook).await;
        assert_eq!(log.len(), 1);
        log.remove(0)
    }
}

/// The reason for which the only attempt came to nothing.
#[track_caller]
fn refused(delivery: &Delivery) -> &str {
    assert_eq!((delivery.status, delivery.attempts.len()), (DeliveryStatus::Pending, 1), "{delivery:?}");
    assert_eq!(delivery.attempts[0].status, None);
    delivery.attempts[0].error.as_deref().unwrap()
}

/// HMAC-SHA-256 in hexadecimal digits, computed here.
fn hmac_hex(key: &str, text: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), text);
    tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The timestamp and the signatures of a request.
fn signed(request: &Request) -> (i64, Vec<String>) {
    let mut parts = request.header("muster-signature").split(',');
    let seconds = parts.next().unwrap().strip_prefix("t=").unwrap().parse().unwrap();
    (seconds, parts.map(|part| part.strip_prefix("v1=").unwrap().to_owned()).collect())
}

fn expected(secret: &Secret, request: &Request) -> String {
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
    assert_eq!((&body["type"], &body["webhook_id"]), (&"WebhookTest".into(), &webhook.id.to_string().into()));
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
    let make = async |event_types: &[&str], team_id, at| {
        world.webhooks.make(settings(event_types, team_id), admin(), at).await.unwrap().0
    };
    let created = make(&["TaskCreated", "TeamCreated"], None, now()).await;
    let of_team = make(&[], Some(team), now()).await;
    let later = make(&[], None, now() + TimeDelta::hours(1)).await;
    let off = {
        let off = Settings { enabled: false, ..settings(&[], None) };
        world.webhooks.make(off, admin(), now()).await.unwrap().0
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
