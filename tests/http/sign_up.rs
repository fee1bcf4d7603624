//! Signing up: by oneself, as a member, once for each address.

use futures::future::join_all;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use muster_tests::client::Client;
use muster_tests::server::Server;

use crate::support::{PASSWORD, admin, log_in, new_email, nobody};

fn ada(email: &str) -> Value {
    json!({ "name": "Ada Lovelace", "email": email, "password": PASSWORD })
}

#[tokio::test]
pub(crate) async fn whoever_signs_up_is_a_member_and_can_sign_in() {
    let (nobody, email) = (nobody().await, new_email());
    let mut body = ada(&email);
    body["time_zone"] = json!("Europe/Berlin");
    body["locale"] = json!("de-DE");
    body["phone"] = json!("+49 30 1234");
    let answer = nobody.post("/users/signup").json(&body).send().await;
    let user: UserDocument = answer.document(201);
    assert_eq!(answer.location_under("/users"), user.id.0);
    assert_eq!((user.version, user.role, user.active), (1, Role::Member, true));
    assert_eq!((user.name.as_str(), user.email.as_deref()), ("Ada Lovelace", Some(email.as_str())));
    assert_eq!(user.time_zone, "Europe/Berlin");
    assert_eq!((user.locale.as_deref(), user.phone.as_deref()), (Some("de-DE"), Some("+49 30 1234")));
    assert_eq!((user.teams.len(), user.updated_at), (0, user.created_at));
    assert!(!answer.text.contains("password"), "a password is in no answer: {}", answer.text);

    let tokens = log_in(&nobody, &email, PASSWORD).await.is(200).value();
    assert_eq!(tokens["user_id"], user.id.to_string());
    let profile = nobody.with_token(tokens["access_token"].as_str().unwrap()).get("/profile").send().await;
    assert_eq!(profile.document::<UserDocument>(200), user);
}

#[tokio::test]
async fn what_is_left_out_is_utc_and_nothing() {
    let answer = nobody().await.post("/users/signup").json(&ada(&new_email())).send().await;
    let user: Value = answer.document(201);
    assert_eq!(user["time_zone"], "UTC");
    assert_eq!((&user["locale"], &user["phone"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn all_that_is_wrong_is_named_at_once() {
    let body = json!({
        "name": " ",
        "email": "ada at example.com",
        "password": "short",
        "time_zone": "Berlin",
        "locale": "x".repeat(36),
        "phone": "1\u{7}2",
        "role": "admin",
    });
    let answer = nobody().await.post("/users/signup").json(&body).send().await;
    answer.wrong_fields(&["/name", "/email", "/password", "/time_zone", "/locale", "/phone", "/role"]);
    assert!(!answer.text.contains("short\""), "the password is not repeated");
}

#[tokio::test]
async fn a_password_that_is_too_common_or_too_long_is_refused() {
    let nobody = nobody().await;
    for password in ["password1", "PassWord1", &"x".repeat(129), "1234567"] {
        let mut body = ada(&new_email());
        body["password"] = json!(password);
        nobody.post("/users/signup").json(&body).send().await.wrong_fields(&["/password"]);
    }
}

#[tokio::test]
async fn nobody_signs_up_as_more_than_a_member() {
    let (nobody, email) = (nobody().await, new_email());
    for role in ["admin", "manager", "auditor"] {
        let mut body = ada(&email);
        body["role"] = json!(role);
        nobody.post("/users/signup").json(&body).send().await.wrong_fields(&["/role"]);
    }
    // Nothing was written: the address is still free, and nobody can sign in with it.
    log_in(&nobody, &email, PASSWORD).await.problem(401, "wrong_credentials");
    let mut body = ada(&email);
    body["role"] = json!("member");
    nobody.post("/users/signup").json(&body).send().await.document::<UserDocument>(201);
}

#[tokio::test]
async fn an_address_is_taken_in_whatever_letters_it_is_written() {
    let (nobody, email) = (nobody().await, new_email());
    nobody.post("/users/signup").json(&ada(&email)).send().await.is(201);
    for again in [email.clone(), email.to_uppercase()] {
        let mut body = ada(&again);
        body["password"] = json!("another passphrase for tests");
        nobody.post("/users/signup").json(&body).send().await.problem(409, "email_taken");
    }
    log_in(&nobody, &email, "another passphrase for tests").await.problem(401, "wrong_credentials");
    log_in(&nobody, &email, PASSWORD).await.is(200);
}

#[tokio::test]
async fn of_many_who_sign_up_with_one_address_at_once_one_does() {
    let (nobody, email) = (nobody().await, new_email());
    let answers = join_all((0..6).map(|_| nobody.post("/users/signup").json(&ada(&email)).send())).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1, "exactly one account");
    for answer in refused {
        answer.problem(409, "email_taken");
    }
    let tokens = log_in(&nobody, &email, PASSWORD).await.is(200).value();
    assert_eq!(tokens["user_id"], made[0].value()["id"], "the password is of the one that was made");
}

#[tokio::test]
async fn a_sign_up_that_is_sent_again_is_the_same_account() {
    let (nobody, email, key) = (nobody().await, new_email(), Uuid::new_v4().to_string());
    let send = async |body: &Value| nobody.post("/users/signup").key(&key).json(body).send().await;
    let first: UserDocument = send(&ada(&email)).await.document(201);
    let again: UserDocument = send(&ada(&email)).await.document(201);
    assert_eq!(again, first);

    let mut other_name = ada(&email);
    other_name["name"] = json!("Ada King");
    send(&other_name).await.problem(422, "idempotency_key_reused");
    let mut other_password = ada(&email);
    other_password["password"] = json!("another passphrase for tests");
    send(&other_password).await.problem(422, "idempotency_key_reused");
    let other_person: UserDocument = send(&ada(&new_email())).await.document(201);
    assert_ne!(other_person.id, first.id, "two people's keys never meet");
}

#[tokio::test]
async fn a_sign_up_that_is_sent_twice_at_once_is_one_account() {
    let (nobody, email, key) = (nobody().await, new_email(), Uuid::new_v4().to_string());
    let answers = join_all((0..4).map(|_| nobody.post("/users/signup").key(&key).json(&ada(&email)).send())).await;
    let ids: Vec<_> = answers.iter().map(|answer| answer.document::<UserDocument>(201).id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    log_in(&nobody, &email, PASSWORD).await.is(200);
}

#[tokio::test]
async fn a_closed_account_leaves_its_address_to_others() {
    let (nobody, admin, email) = (nobody().await, admin().await, new_email());
    let first: UserDocument = nobody.post("/users/signup").json(&ada(&email)).send().await.document(201);
    admin.delete(&format!("/users/{}", first.id)).send().await.is(200);
    let second: UserDocument = nobody.post("/users/signup").json(&ada(&email)).send().await.document(201);
    assert_ne!(second.id, first.id);
    let tokens = log_in(&nobody, &email, PASSWORD).await.is(200).value();
    assert_eq!(tokens["user_id"], second.id.to_string());
}

#[tokio::test]
async fn a_sign_up_that_is_sent_again_opens_no_closed_account() {
    let (admin, nobody, email, key) = (admin().await, nobody().await, new_email(), Uuid::new_v4().to_string());
    let send = async || nobody.post("/users/signup").key(&key).json(&ada(&email)).send().await;
    let first: UserDocument = send().await.document(201);
    admin.delete(&format!("/users/{}", first.id)).send().await.is(200);

    assert_eq!(send().await.document::<UserDocument>(201), first, "the first answer, as it was");

    log_in(&nobody, &email, PASSWORD).await.problem(401, "wrong_credentials");
    // Its password is gone, too: with another one the request still is the same one.
    let mut other = ada(&email);
    other["password"] = json!("another passphrase for tests");
    let answer = nobody.post("/users/signup").key(&key).json(&other).send().await;
    assert_eq!(answer.document::<UserDocument>(201), first);
}

#[tokio::test]
pub(crate) async fn where_nobody_signs_up_the_policy_says_so() {
    let policy = nobody().await.get("/users/signup").send().await.is(200).value();
    assert_eq!(policy, json!({ "policy": "open" }));

    let server = Server::start_with(vec![("MUSTER_SIGNUP", "closed".to_owned())]).await;
    let client = Client::new(&server.base_url);
    assert_eq!(client.get("/users/signup").send().await.is(200).value(), json!({ "policy": "closed" }));
    let email = new_email();
    client.post("/users/signup").json(&ada(&email)).send().await.problem(403, "signup_closed");
    log_in(&client, &email, PASSWORD).await.problem(401, "wrong_credentials");
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let admin = client.with_token(tokens["access_token"].as_str().unwrap());
    admin.post("/users").json(&ada(&email)).send().await.document::<UserDocument>(201);
    log_in(&client, &email, PASSWORD).await.is(200);
}
