//! The server that all tests of this program share, and people to call it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::user::Role;
use muster_domain::{TaskId, TeamId, UserId};
use muster_projections::TaskDocument;
use muster_projections::directory::{TeamDocument, UserDocument};
use muster_tests::client::{Answer, Client};
use muster_tests::server::{Server, output};
use muster_tests::smtp::Smtp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

/// How long something that is sure to come may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// The password of everybody but the first administrator.
pub(crate) const PASSWORD: &str = "a passphrase for tests";

/// The one server.
pub(crate) async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    let started = async || Server::start_with_issuers(&crate::oidc::settings(), smtp().environment()).await;
    SERVER.get_or_init(started).await
}

/// The mail server of that server.
pub(crate) fn smtp() -> &'static Smtp {
    static SMTP: OnceLock<Smtp> = OnceLock::new();
    SMTP.get_or_init(Smtp::start)
}

/// Somebody with an account, signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) client: Client,
    pub(crate) refresh_token: String,
}

/// A client with nobody signed in.
pub(crate) async fn nobody() -> Client {
    Client::new(&server().await.base_url)
}

/// The first administrator.
pub(crate) async fn admin() -> Client {
    static TOKEN: OnceCell<String> = OnceCell::const_new();
    let (server, client) = (server().await, nobody().await);
    let token = TOKEN.get_or_init(async || {
        let answer = log_in(&client, &server.admin_email, &server.admin_password).await;
        answer.is(200).value()["access_token"].as_str().unwrap().to_owned()
    });
    client.with_token(token.await)
}

/// Asks for tokens.
pub(crate) async fn log_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/users/login").json(&json!({ "email": email, "password": password })).send().await
}

/// Takes a digest of everything that was recorded by now. One at a time: they would overtake each other.
pub(crate) async fn take_digest() {
    static TURN: Mutex<()> = Mutex::const_new(());
    let (_turn, data) = (TURN.lock().await, server().await.data());
    tokio::task::spawn_blocking(move || output(&data, &["digest", "take"])).await.unwrap();
}

/// An address that nobody has.
pub(crate) fn new_email() -> String {
    format!("person-{}@example.com", Uuid::new_v4().simple())
}

/// A new account of this role, signed in.
pub(crate) async fn person(role: Role) -> Person {
    person_of(&admin().await, role).await
}

/// A new account of this role, signed in, on the server of this administrator.
pub(crate) async fn person_of(admin: &Client, role: Role) -> Person {
    let email = new_email();
    let body = json!({ "name": format!("A {role}"), "email": email, "password": PASSWORD, "role": role });
    let user: UserDocument = admin.post("/users").json(&body).send().await.document(201);
    let tokens = log_in(&admin.anonymous(), &email, PASSWORD).await.is(200).value();
    Person {
        id: user.id,
        email,
        client: admin.with_token(tokens["access_token"].as_str().unwrap()),
        refresh_token: tokens["refresh_token"].as_str().unwrap().to_owned(),
    }
}

/// A new member, signed in.
pub(crate) async fn member() -> Person {
    person(Role::Member).await
}

/// A new team of these people. When it is there, it counts for what others may do with them, too.
pub(crate) async fn team(people: &[&Person]) -> TeamId {
    team_of(&admin().await, people).await
}

/// The same on the server of this administrator.
pub(crate) async fn team_of(admin: &Client, people: &[&Person]) -> TeamId {
    let name = format!("Team {}", Uuid::new_v4().simple());
    let team: TeamDocument = admin.post("/teams").json(&json!({ "name": name })).send().await.document(201);
    for person in people {
        admin.put(&format!("/teams/{}/members/{}", team.id, person.id)).send().await.document::<UserDocument>(200);
    }
    // What they may do themselves follows from their histories; what others may do with them, from the directory, which learns of the
    // team in a moment.
    eventually("the directory knows the members", async || {
        let page = admin.get(&format!("/teams/{}/members?limit=200", team.id)).send().await.is(200).value();
        (ids(&page).len() == people.len()).then_some(())
    })
    .await;
    team.id
}

/// The ids of a page's items, in order.
pub(crate) fn ids(page: &Value) -> Vec<Uuid> {
    let items = page["items"].as_array().expect("a page has items");
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// A new task, reported by this client's owner: a title, and what else is given.
pub(crate) async fn task(client: &Client, more: Value) -> TaskDocument {
    let mut body = json!({ "title": "Check the lift" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.post("/tasks").json(&body).send().await.document(201)
}

/// When the clock has gone on since the task was changed.
pub(crate) async fn later(task: &TaskDocument) {
    let on = task.updated_at + TimeDelta::milliseconds(1);
    eventually("the clock goes on", async || (Utc::now() > on).then_some(())).await;
}

/// A time, to the millisecond, as a parameter says it.
pub(crate) fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The path of a task, or of something under it.
pub(crate) fn of_task(id: TaskId, rest: &str) -> String {
    format!("/tasks/{id}{rest}")
}

/// Moves a task along these statuses; gives it as it is then.
pub(crate) async fn moved(client: &Client, id: TaskId, statuses: &[&str]) -> TaskDocument {
    let mut last = None;
    for status in statuses {
        let answer = client.post(&of_task(id, "/status")).json(&json!({ "status": status })).send().await;
        last = Some(answer.document(200));
    }
    last.expect("at least one status")
}

/// The commits of a task's history.
pub(crate) async fn history(id: TaskId) -> Vec<Value> {
    let page = admin().await.get(&of_task(id, "/history?limit=200")).send().await.is(200).value();
    assert!(page["next"].is_null(), "all of it");
    page["items"].as_array().unwrap().clone()
}

/// The types of a task's events, in order.
pub(crate) async fn event_types(id: TaskId) -> Vec<String> {
    let commits = history(id).await;
    let events = commits.iter().flat_map(|commit| commit["events"].as_array().unwrap());
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// Looks again and again until there is something to see.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
