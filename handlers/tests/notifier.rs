//! The notifier over the real engine: who is told of what, and how often.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use muster_domain::user::NotificationChannel;
use muster_domain::{Actor, RecordedEvent, TaskId, UserId};
use muster_handlers::notifier::{Channel, Claims, Letter, NotSent, Notifier};
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

struct Office {
    store: Store,
    letters: Arc<Letterbox>,
    notifier: Notifier,
}

impl Office {
    async fn new() -> Self {
        let store = Store::new().await;
        let letters = Arc::new(Letterbox::default());
        let claims = Claims::new(store.client.clone(), PREFIX);
        let notifier = Notifier::new(Arc::new(store.events()), claims, vec![letters.clone()]);
        Self { store, letters, notifier }
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
