//! The erasure of a person.

use muster_cli::store::LocalStore;
use muster_commands::CommitLog as _;
use muster_domain::user::Role;
use muster_domain::{Actor, CommandId, Commit, EventData, Fingerprint, Hash, Metadata, UserId};
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use muster_tests::server::{Server, output};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::oidc;
use crate::page::walk;
use crate::support::{PASSWORD, Person, admin, eventually, log_in, member, new_email, nobody, person, server, smtp};

async fn erase(id: UserId, confirm: UserId) -> Answer {
    admin().await.post(&format!("/users/{id}/erase")).json(&json!({ "confirm": confirm })).send().await
}

async fn close(person: &Person) {
    admin().await.delete(&format!("/users/{}", person.id)).send().await.is(200);
}

#[tokio::test]
pub(crate) async fn of_who_is_erased_nothing_personal_is_left() {
    let (admin, gone) = (admin().await, member().await);
    let path = format!("/users/{}", gone.id);
    let known = json!({ "name": "Zaphod Unmistakable", "phone": "+1 555 0199", "locale": "en-GB" });
    gone.client.put("/profile").json(&known).send().await.is(200);
    close(&gone).await;

    let erased: UserDocument = erase(gone.id, gone.id).await.document(200);

    assert_eq!((erased.version, erased.name.as_str(), erased.active), (4, "Erased person", false));
    assert_eq!((erased.email, erased.phone, erased.locale), (None, None, None));
    assert!(erased.erased_at.is_some());
    let read: UserDocument = admin.get(&path).min_version(4).send().await.document(200);
    assert_eq!((read.name.as_str(), read.email, read.phone), ("Erased person", None, None));
    eventually("the list forgets them too", async || {
        let page = admin.get("/users?limit=200&active=false").send().await.is(200).value().to_string();
        (!page.contains("Zaphod Unmistakable")).then_some(())
    })
    .await;
    log_in(&nobody().await, &gone.email, PASSWORD).await.problem(401, "wrong_credentials");
    let again = json!({ "name": "Somebody else", "email": gone.email, "password": PASSWORD });
    admin.post("/users").json(&again).send().await.document::<UserDocument>(201);
}

#[tokio::test]
async fn erasing_twice_is_erasing_once_and_nothing_more_happens_to_them() {
    let (admin, gone) = (admin().await, member().await);
    close(&gone).await;
    let first: UserDocument = erase(gone.id, gone.id).await.document(200);
    assert_eq!(erase(gone.id, gone.id).await.document::<UserDocument>(200), first);
    let erased = walk(&admin, &format!("/audit/access?about={}&kind=person_erased", gone.id), 50).await;
    assert_eq!(erased.len(), 1, "{erased:?}");
    let problem = admin.put(&format!("/users/{}", gone.id)).json(&json!({ "name": "X" })).send().await;
    assert_eq!(problem.problem(409, "person_erased")["detail"], "the user's personal data was erased");
}

#[tokio::test]
async fn only_a_closed_account_is_erased_and_only_when_it_is_meant() {
    let person = member().await;
    let problem = erase(person.id, person.id).await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the user is active");
    close(&person).await;
    let problem = erase(person.id, member().await.id).await.problem(422, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/confirm");
    let read: UserDocument =
        admin().await.get(&format!("/users/{}", person.id)).min_version(2).send().await.document(200);
    assert_eq!((read.version, read.erased_at), (2, None), "nothing of it was done");
}

#[tokio::test]
async fn nobody_but_an_administrator_erases_somebody() {
    let other = member().await;
    close(&other).await;
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let body = json!({ "confirm": other.id });
        let path = format!("/users/{}/erase", other.id);
        person(role).await.client.post(&path).json(&body).send().await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn an_address_is_in_no_answer_of_a_repeat_after_the_erasure() {
    let (admin, email) = (admin().await, new_email());
    let body = json!({ "name": "Short-lived", "email": email, "password": PASSWORD });
    let made: UserDocument = admin.post("/users").key(&email).json(&body).send().await.document(201);
    admin.delete(&format!("/users/{}", made.id)).send().await.is(200);
    erase(made.id, made.id).await.is(200);
    let repeat = admin.post("/users").key(&email).json(&body).send().await;
    let problem = repeat.problem(422, "idempotency_key_reused");
    assert!(!problem.to_string().contains(&email), "{problem}");
}

#[tokio::test]
async fn nothing_with_which_they_signed_in_is_left() {
    let gone = member().await;
    let begun = gone.client.post("/profile/second-factor").json(&json!({ "password": PASSWORD })).send().await;
    begun.is(200);
    let token = json!({ "name": "Nightly report", "scopes": ["tasks:read"] });
    gone.client.post("/tokens").json(&token).send().await.is(201);
    nobody().await.post("/users/password-reset").json(&json!({ "email": gone.email })).send().await.is(202);
    smtp().letter(&gone.email, "Set a new password").await;
    let elsewhere = oidc::somebody();
    oidc::link(&gone.client, "known", &elsewhere).await;
    close(&gone).await;
    erase(gone.id, gone.id).await.is(200);
    gone.client.get("/profile").send().await.problem(401, "unauthenticated");
    let refresh = json!({ "refresh_token": gone.refresh_token });
    nobody().await.post("/users/refresh").json(&refresh).send().await.problem(401, "wrong_credentials");
    let sessions = admin().await.get(&format!("/users/{}/sessions", gone.id)).send().await;
    assert_eq!(sessions.is(200).value()["items"], json!([]));
    let outside = oidc::sign_in("known", &elsewhere).await;
    oidc::assert_refused(&outside, 403, "not_admitted", "nobody signs up with it").await;
    let store = LocalStore::open(&server().await.data()).await.unwrap();
    for name in ["credentials", "outside-identities", "api-tokens", "one-time-tokens", "sessions", "reservations"] {
        let table = format!("muster-{name}");
        let items = store.client().scan().table_name(&table).consistent_read(true).send().await.unwrap().items.unwrap();
        let left: Vec<_> = items.iter().filter(|item| format!("{item:?}").contains(&gone.id.to_string())).collect();
        assert!(left.is_empty(), "{table}: {left:?}");
    }
}

#[tokio::test]
async fn no_invitation_to_them_is_left_and_others_stay() {
    let (admin, email, other) = (admin().await, new_email(), new_email());
    let invite = async |email: &str| {
        let body = json!({ "email": email, "name": "Trillian Unmistakable" });
        admin.post("/invitations").json(&body).send().await.is(201).value()["id"].as_str().unwrap().to_owned()
    };
    let made = invite(&email).await;
    let token = smtp().letter(&email, "You are invited").await.invitation().to_owned();
    let body = json!({ "name": "Trillian", "password": PASSWORD, "invitation": token });
    let gone: UserDocument = nobody().await.post("/users/signup").json(&body).send().await.document(201);
    // They go by another address now, and are invited again once the account is closed.
    let moved = json!({ "email": new_email() });
    let moved: UserDocument = admin.put(&format!("/users/{}", gone.id)).json(&moved).send().await.document(200);
    admin.delete(&format!("/users/{}", gone.id)).send().await.is(200);
    let again = invite(&moved.email.expect("an address").to_uppercase()).await;
    // Whoever has the first address today is not them.
    let anothers = [invite(&email).await, invite(&other).await];

    erase(gone.id, gone.id).await.is(200);

    let store = LocalStore::open(&server().await.data()).await.unwrap();
    let items = store.client().scan().table_name("muster-invitations").consistent_read(true).send().await.unwrap();
    let left: Vec<_> = items.items.unwrap().iter().map(|item| item["pk"].as_s().unwrap().clone()).collect();
    assert!(!left.contains(&made), "the one that made the account");
    assert!(!left.contains(&again), "the one to their address");
    assert!(anothers.iter().all(|one| left.contains(one)), "{left:?}");
}

#[tokio::test]
async fn whoever_came_by_an_outside_issuer_is_erased_like_everybody_and_may_begin_anew() {
    let (admin, claims) = (admin().await, oidc::somebody());
    let (_, gone) = oidc::signed_in(&oidc::sign_in("open", &claims).await).await;
    let path = format!("/users/{gone}");
    admin.delete(&path).send().await.is(200);

    let erased = admin.post(&format!("{path}/erase")).json(&json!({ "confirm": gone })).send().await;

    let erased: UserDocument = erased.document(200);
    assert_eq!((erased.version, erased.name.as_str(), erased.email), (3, "Erased person", None));
    let held = admin.get(&format!("{path}/export")).send().await.is(200).value();
    assert_eq!(held["history"][0]["data"]["name"], "Erased person", "it was sealed when they first signed in");
    assert_eq!(held["outside_identities"], json!([]));
    let (client, anew) = oidc::signed_in(&oidc::sign_in("open", &claims).await).await;
    assert_ne!(anew, gone, "the issuer still knows them, and nobody here does");
    let account: UserDocument = client.get("/profile").send().await.document(200);
    assert_eq!((account.version, account.name.as_str()), (1, "Ada Elsewhere"));
}

/// A server of its own, whose whole store is looked at, and its administrator.
async fn alone() -> (Server, Client) {
    let server = Server::start().await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    (server, client.with_token(tokens["access_token"].as_str().unwrap()))
}

async fn registered(admin: &Client, role: Role) -> UserDocument {
    let body = json!({ "name": "Zaphod Unmistakable", "email": new_email(), "password": PASSWORD, "role": role });
    admin.post("/users").json(&body).send().await.document(201)
}

#[tokio::test]
async fn after_an_erasure_the_chains_verify_and_what_is_built_anew_is_what_there_was() {
    let (server, admin) = alone().await;
    let gone = registered(&admin, Role::Member).await;
    let path = format!("/users/{}", gone.id);
    admin.put(&path).json(&json!({ "phone": "+1 555 0199" })).send().await.is(200);
    admin.delete(&path).send().await.is(200);
    let before = output(&server.data(), &["history", &format!("user#{}", gone.id)]);
    admin.post(&format!("{path}/erase")).json(&json!({ "confirm": gone.id })).send().await.is(200);
    let answers = async || {
        let user = admin.get(&path).min_version(4).send().await.is(200).value();
        (user, admin.get("/users?limit=200").send().await.is(200).value())
    };
    let live = eventually("the directory knows it", async || {
        let (user, list) = answers().await;
        list["items"].as_array().unwrap().contains(&user).then_some((user, list))
    })
    .await;

    output(&server.data(), &["verify"]);
    for projection in ["directory", "audit-log", "feed"] {
        output(&server.data(), &["rebuild", projection]);
    }
    assert_eq!(answers().await, live);
    output(&server.data(), &["reconcile", "--dry-run"]);
    let history = output(&server.data(), &["history", &format!("user#{}", gone.id)]);
    assert!(history.starts_with(before.trim_end()), "nothing of it has changed: {history}");
    let export = server.data().join("export.jsonl");
    output(&server.data(), &["export", "--out", export.to_str().unwrap()]);
    let export = std::fs::read_to_string(export).unwrap();
    for known in ["Zaphod Unmistakable", "+1 555 0199", gone.email.as_ref().unwrap()] {
        assert!(!history.contains(known) && !export.contains(known), "{known}");
    }
}

#[tokio::test]
async fn an_account_from_before_personal_data_was_sealed_cannot_be_erased() {
    let (server, admin) = alone().await;
    let id = UserId(Uuid::new_v4());
    let data = json!({ "name": "Arthur", "email": "arthur@example.com", "role": "member", "time_zone": "UTC",
        "at": "2026-01-01T00:00:00Z" });
    let event = EventData { event_type: "UserRegistered".to_owned(), schema: 1, data };
    let metadata = Metadata {
        command_id: CommandId(Uuid::new_v4()),
        fingerprint: Fingerprint::of("test", &()),
        actor: Actor::system("test"),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        correlation_id: "test".to_owned(),
        causation_id: None,
    };
    let commit = Commit::seal(id.into(), 1, vec![event], &metadata, Hash::GENESIS).unwrap();
    let store = LocalStore::open(&server.data()).await.unwrap().system().await.unwrap();
    store.events.log().append(&commit, None, &[]).await.unwrap();
    let path = format!("/users/{id}");
    let body = json!({ "confirm": id });

    admin.post(&format!("{path}/erase")).json(&body).send().await.problem(409, "history_not_sealed");
    admin.delete(&path).send().await.is(200);
    admin.post(&format!("{path}/erase")).json(&body).send().await.problem(409, "history_not_sealed");

    let read: UserDocument = admin.get(&path).min_version(2).send().await.document(200);
    assert_eq!((read.version, read.name.as_str(), read.erased_at), (2, "Arthur", None), "nothing of it was done");
    output(&server.data(), &["verify"]);
}

#[tokio::test]
async fn the_last_administrator_is_not_erased() {
    let (_server, admin) = alone().await;
    let me: Value = admin.get("/profile").send().await.is(200).value();
    let erase = async |id: &Value| {
        let path = format!("/users/{}/erase", id.as_str().unwrap());
        admin.post(&path).json(&json!({ "confirm": id })).send().await
    };
    erase(&me["id"]).await.problem(403, "forbidden");
    let other = registered(&admin, Role::Admin).await;
    admin.delete(&format!("/users/{}", other.id)).send().await.is(200);
    erase(&json!(other.id)).await.is(200);
    erase(&me["id"]).await.problem(403, "forbidden");
    admin.delete(&format!("/users/{}", me["id"].as_str().unwrap())).send().await.problem(403, "forbidden");
    admin.get("/profile").send().await.is(200);
}
