//! The notifier over the real engine: who is told of what, and how often.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use muster_domain::user::{
    DigestFrequency, NotificationChannel, NotificationDigest, NotificationPreferences, QuietHours,
};
use muster_domain::values::LocalTime;
use muster_domain::{Actor, Clock, RecordedEvent, TaskId, UserId};
use muster_handlers::notifier::{Channel, Claims, HeldLetters, Letter, NotSent, Notifier};
use muster_handlers::reactor::Reactor as _;
use support::{PREFIX, Store};

/// Keeps letters instead of carrying them. First it refuses as many as it is told to.
#[derive(Default)]
struct Letterbox {
    letters: Mutex<Vec<Letter>>,
    refuse: Mutex<u32>,
}

#[async_trait]
impl Channel for Letterbox {
    fn name(&self) -> &'static str {
        "box"
    }

    fn is_mail(&self) -> bool {
        true
    }

    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let mut refuse = self.refuse.lock().unwrap();
        if *refuse > 0 {
            *refuse -= 1;
            return Err(NotSent("full".into()));
        }
        self.letters.lock().unwrap().push(letter.clone());
        Ok(())
    }
}

/// Stands still unless it is told to go on.
#[derive(Debug)]
struct StoodStill(Mutex<DateTime<Utc>>);

impl Clock for StoodStill {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

struct Office {
    store: Store,
    letters: Arc<Letterbox>,
    notifier: Notifier,
    clock: Arc<StoodStill>,
}

impl Office {
    async fn new() -> Self {
        let store = Store::new().await;
        let letters = Arc::new(Letterbox::default());
        let (claims, held) =
            (Claims::new(store.client.clone(), PREFIX), HeldLetters::new(store.client.clone(), PREFIX));
        let clock = Arc::new(StoodStill(Mutex::new(at("2026-03-02T12:00:00Z"))));
        let notifier = Notifier::new(Arc::new(store.events()), claims, held, vec![letters.clone()], clock.clone());
        Self { store, letters, notifier, clock }
    }

    /// It is this time; what comes by now is sent.
    async fn sweeps(&self, now: &str) -> usize {
        *self.clock.0.lock().unwrap() = at(now);
        self.notifier.send_held().await.unwrap()
    }

    /// Somebody whose quiet hours are from 22:00 to 07:00 UTC.
    async fn sleeper(&self) -> UserId {
        let ada = self.store.register_user("Ada", "ada@example.com").await;
        let quiet_hours = QuietHours::new("22:00".parse().unwrap(), "07:00".parse().unwrap(), true).unwrap();
        let preferences =
            NotificationPreferences { quiet_hours: Some(quiet_hours), ..NotificationPreferences::default() };
        self.store.prefer(ada, preferences).await;
        ada
    }

    /// How many letters are held back.
    async fn held(&self) -> usize {
        let scan = self.store.client.scan().table_name(format!("{PREFIX}held-letters")).send().await.unwrap();
        scan.items().len()
    }

    /// A task that somebody gave to `to`; the event that says so.
    async fn assigned(&self, to: UserId, by: Actor) -> (TaskId, RecordedEvent) {
        let task = self.store.create_task("Check the pump").await;
        self.store.assign_task(task, to, by).await;
        let history = self.store.history(task).await;
        (task, history.last().unwrap().clone())
    }

    /// Subject and address of every letter.
    fn sent(&self) -> Vec<(String, String)> {
        let letters = self.letters.letters.lock().unwrap();
        letters.iter().map(|letter| (letter.address.clone(), letter.subject.clone())).collect()
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn to_ada() -> Vec<(String, String)> {
    vec![("ada@example.com".to_owned(), "Yours now: Check the pump".to_owned())]
}

#[tokio::test]
async fn whoever_gets_a_task_is_told_once_however_often_the_event_comes() {
    let office = Office::new().await;
    let ada = office.store.register_user("Ada", "ada@example.com").await;
    let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;

    for _ in 0..3 {
        office.notifier.react(&event).await.unwrap();
    }

    assert_eq!(office.sent(), to_ada());
}

#[tokio::test]
async fn nobody_is_told_of_what_they_did_themselves() {
    let office = Office::new().await;
    let ada = office.store.register_user("Ada", "ada@example.com").await;
    let (_, event) = office.assigned(ada, Actor::from(ada)).await;

    office.notifier.react(&event).await.unwrap();

    assert_eq!(office.sent(), []);
}

#[tokio::test]
async fn whoever_wants_no_mail_of_assignments_gets_none() {
    let office = Office::new().await;
    let ada = office.store.register_user("Ada", "ada@example.com").await;
    office.store.tell_by(ada, &[NotificationChannel::Inbox, NotificationChannel::Push]).await;
    let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;

    office.notifier.react(&event).await.unwrap();

    assert_eq!(office.sent(), []);
    office.store.tell_by(ada, &[NotificationChannel::Email]).await;
    office.notifier.react(&event).await.unwrap();
    assert_eq!(office.sent(), to_ada(), "what counts is what they want when it is sent");
}

#[tokio::test]
async fn a_letter_that_was_refused_is_sent_when_the_event_comes_again() {
    let office = Office::new().await;
    let ada = office.store.register_user("Ada", "ada@example.com").await;
    let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;
    *office.letters.refuse.lock().unwrap() = 1;

    let refused = office.notifier.react(&event).await.unwrap_err();

    assert_eq!(refused.to_string(), "sending failed");
    assert_eq!(office.sent(), []);
    office.notifier.react(&event).await.unwrap();
    assert_eq!(office.sent(), to_ada());
}

#[tokio::test]
async fn what_concerns_nobody_is_told_to_nobody() {
    let office = Office::new().await;
    let task = office.store.create_task("Check the pump").await;
    let event = office.store.history(task).await[0].clone();

    office.notifier.react(&event).await.unwrap();

    assert_eq!(office.sent(), []);
}

#[tokio::test]
async fn in_quiet_hours_a_letter_is_held_back_and_comes_once_when_they_are_over() {
    let office = Office::new().await;
    let ada = office.sleeper().await;
    let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;
    *office.clock.0.lock().unwrap() = at("2026-03-02T23:00:00Z");

    for _ in 0..2 {
        office.notifier.react(&event).await.unwrap();
    }

    assert_eq!((office.sent(), office.held().await), (vec![], 1));
    assert_eq!(office.sweeps("2026-03-03T06:59:59Z").await, 0);
    assert_eq!(office.sent(), []);
    assert_eq!(office.sweeps("2026-03-03T07:00:00Z").await, 1);
    assert_eq!((office.sent(), office.held().await), (to_ada(), 0));
    assert_eq!(office.sweeps("2026-03-03T07:05:00Z").await, 0);
    office.notifier.react(&event).await.unwrap();
    assert_eq!(office.sent(), to_ada(), "an event that comes again is known");
}

#[tokio::test]
async fn what_comes_together_is_one_letter_and_of_two_who_sweep_one_sends_it() {
    let office = Office::new().await;
    let ada = office.store.register_user("Ada", "ada@example.com").await;
    let digest = NotificationDigest { frequency: DigestFrequency::Daily, at: LocalTime::MORNING };
    office.store.prefer(ada, NotificationPreferences { digest, ..NotificationPreferences::default() }).await;
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let (task, event) = office.assigned(ada, Actor::system("dispatch")).await;
        office.notifier.react(&event).await.unwrap();
        tasks.push(task);
    }
    assert_eq!((office.sent(), office.held().await), (vec![], 3));

    *office.clock.0.lock().unwrap() = at("2026-03-03T08:00:00Z");
    let (one, other) = tokio::join!(office.notifier.send_held(), office.notifier.send_held());

    assert!(one.unwrap() + other.unwrap() >= 1);
    assert_eq!(office.held().await, 0);
    let letters = office.letters.letters.lock().unwrap().clone();
    for task in tasks {
        let told = letters.iter().filter(|letter| letter.task == task || letter.text.contains(&task.to_string()));
        assert_eq!(told.count(), 1, "{task}: {letters:?}");
    }
}

#[tokio::test]
async fn a_digest_names_all_that_it_has() {
    let office = Office::new().await;
    let ada = office.sleeper().await;
    *office.clock.0.lock().unwrap() = at("2026-03-02T23:00:00Z");
    for _ in 0..2 {
        let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;
        office.notifier.react(&event).await.unwrap();
    }

    assert_eq!(office.sweeps("2026-03-03T07:00:00Z").await, 1);

    let letters = office.letters.letters.lock().unwrap().clone();
    let [letter] = &letters[..] else { panic!("one letter: {letters:?}") };
    assert_eq!((&*letter.address, &*letter.subject), ("ada@example.com", "2 things that concern you"));
    assert_eq!(letter.text.matches("- Yours now: Check the pump (task ").count(), 2, "{}", letter.text);
}

#[tokio::test]
async fn what_was_held_back_and_refused_is_sent_the_next_time() {
    let office = Office::new().await;
    let ada = office.sleeper().await;
    let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;
    *office.clock.0.lock().unwrap() = at("2026-03-02T23:00:00Z");
    office.notifier.react(&event).await.unwrap();
    *office.letters.refuse.lock().unwrap() = 1;

    *office.clock.0.lock().unwrap() = at("2026-03-03T07:00:00Z");
    let refused = office.notifier.send_held().await.unwrap_err();

    assert_eq!((refused.to_string(), office.held().await), ("sending failed".to_owned(), 1));
    assert_eq!(office.sweeps("2026-03-03T07:05:00Z").await, 1);
    assert_eq!((office.sent(), office.held().await), (to_ada(), 0));
}

#[tokio::test]
async fn what_somebody_wants_to_know_no_more_when_it_comes_is_not_told() {
    let office = Office::new().await;
    let ada = office.sleeper().await;
    let (_, event) = office.assigned(ada, Actor::system("dispatch")).await;
    *office.clock.0.lock().unwrap() = at("2026-03-02T23:00:00Z");
    office.notifier.react(&event).await.unwrap();
    office.store.tell_by(ada, &[NotificationChannel::Inbox]).await;

    assert_eq!(office.sweeps("2026-03-03T07:00:00Z").await, 0);

    assert_eq!((office.sent(), office.held().await), (vec![], 0));
}
