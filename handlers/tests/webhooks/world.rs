//! A sender of webhooks with what it needs: a store, a clock that is set, and a name server that says what it is told to.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::personal::KEY_BYTES;
use muster_domain::{Clock, Fingerprint, RecordedEvent, UserId};
use muster_handlers::reactor::Reactor as _;
use muster_handlers::webhooks::{
    Deliveries, Delivery, DeliveryStatus, Http, MadeWebhook, Network, NewWebhook, Reach, Resolver, Secret, Sender,
    Settings, Webhook, WebhookReactor, Webhooks,
};
use muster_vault::LocalMaster;
use reqwest::Certificate;
use uuid::Uuid;

use crate::support::{PREFIX, Store, now};

/// How long a receiver may take here: those that hang are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A clock that is set.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
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
pub(crate) struct Names {
    answers: BTreeMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn of(names: &[(&'static str, &[&[&str]])]) -> Arc<Self> {
        let addresses = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let answers = names.iter().map(|(name, answers)| (*name, answers.iter().map(addresses).collect())).collect();
        Arc::new(Self { answers, asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> usize {
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

/// A store with webhooks.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) webhooks: Webhooks,
    pub(crate) deliveries: Deliveries,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) names: Arc<Names>,
    pub(crate) reach: Reach,
    pub(crate) roots: Vec<Certificate>,
}

/// This computer, where the receivers are, without TLS.
fn local() -> Reach {
    Reach { networks: vec!["127.0.0.1".parse::<Network>().unwrap()], http: true }
}

fn admin() -> UserId {
    UserId(Uuid::from_u128(0xad))
}

impl World {
    pub(crate) async fn new() -> Self {
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

    pub(crate) fn sender(&self) -> Arc<Sender> {
        let (webhooks, deliveries) = (self.webhooks.clone(), self.deliveries.clone());
        let names: Arc<dyn Resolver> = self.names.clone();
        let http = Http::new(self.reach.clone(), names, self.roots.clone(), PATIENCE).unwrap();
        Arc::new(Sender::new(webhooks, deliveries, http, Arc::new(self.store.events()), self.clock.clone()))
    }

    /// A webhook for everything.
    pub(crate) async fn webhook(&self, url: &str) -> (Webhook, Secret) {
        let settings = Settings { url: url.to_owned(), event_types: Vec::new(), team_id: None, enabled: true };
        self.made(settings, now()).await
    }

    /// One with these settings, made at this time.
    pub(crate) async fn made(&self, settings: Settings, at: DateTime<Utc>) -> (Webhook, Secret) {
        let asked = Fingerprint::of("POST /webhooks", &settings);
        let new = NewWebhook { id: Uuid::new_v4(), asked, settings, by: admin() };
        let MadeWebhook { webhook, secret, is_new: _ } = self.webhooks.make(new, at).await.unwrap();
        (webhook, secret)
    }

    /// A task was reported.
    pub(crate) async fn event(&self) -> RecordedEvent {
        let task = self.store.create_task("Fix the lift").await;
        self.store.history(task).await.remove(0)
    }

    /// An event comes, and is sent by whoever claims it.
    pub(crate) async fn react(&self, event: &RecordedEvent) {
        WebhookReactor::that_sends(self.sender()).react(event).await.unwrap();
    }

    pub(crate) async fn log(&self, webhook: &Webhook) -> Vec<Delivery> {
        self.deliveries.page(webhook.id, 100, None).await.unwrap().unwrap().items
    }

    /// What became of an event that was sent to a receiver at this URL: its one delivery.
    pub(crate) async fn sent_to(&self, url: &str) -> Delivery {
        let (webhook, _) = self.webhook(url).await;
        self.react(&self.event().await).await;
        let mut log = self.log(&webhook).await;
        assert_eq!(log.len(), 1);
        log.remove(0)
    }
}

/// The reason for which the only attempt came to nothing.
#[track_caller]
pub(crate) fn refused(delivery: &Delivery) -> &str {
    assert_eq!((delivery.status, delivery.attempts.len()), (DeliveryStatus::Pending, 1), "{delivery:?}");
    assert_eq!(delivery.attempts[0].status, None);
    delivery.attempts[0].error.as_deref().unwrap()
}
