//! The caller's own account.

use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PASSWORD, eventually, log_in, member, new_email, nobody, person};

#[tokio::test]
pub(crate) async fn the_profile_is_the_callers_own_account() {
    let member = member().await;
    let user: UserDocument = member.client.get("/profile").send().await.document(200);
    assert_eq!((user.id, user.email.as_deref()), (member.id, Some(member.email.as_str())));
    assert_eq!((user.role, user.version, user.active), (Role::Member, 1, true));
}

#[tokio::test]
pub(crate) async fn people_change_their_own_account() {
    let member = member().await;
    let body = json!({ "name": "Grace", "time_zone": "America/New_York", "locale": "en-US", "phone": "+1 555 0100" });
    let changed: UserDocument = member.client.put("/profile").if_match(1).json(&body).send().await.document(200);
    assert_eq!((changed.version, changed.name.as_str()), (2, "Grace"));
    assert_eq!(changed.time_zone, "America/New_York");
    assert_eq!((changed.locale.as_deref(), changed.phone.as_deref()), (Some("en-US"), Some("+1 555 0100")));

    let body = json!({ "locale": null, "phone": null });
    let cleared: UserDocument = member.client.put("/profile").json(&body).send().await.document(200);
    assert_eq!((cleared.version, cleared.name.as_str()), (3, "Grace"), "what is left out stays");
    assert_eq!((cleared.locale, cleared.phone), (None, None), "null takes the value away");

    let read: UserDocument = member.client.get("/profile").min_version(3).send().await.document(200);
    assert_eq!(read.version, 3);
}

#[tokio::test]
async fn a_change_to_what_is_there_already_changes_nothing() {
    let member = member().await;
    for body in [json!({}), json!({ "name": "A member" }), json!({ "phone": null })] {
        let same: UserDocument = member.client.put("/profile").json(&body).send().await.document(200);
        assert_eq!(same.version, 1, "{body}");
    }
}

#[tokio::test]
async fn whoever_changes_their_address_signs_in_with_the_new_one() {
    let (member, nobody, new) = (member().await, nobody().await, new_email());
    let changed: UserDocument = member.client.put("/profile").json(&json!({ "email": new })).send().await.document(200);
    assert_eq!(changed.email.as_deref(), Some(new.as_str()));
    log_in(&nobody, &new, PASSWORD).await.is(200);
    log_in(&nobody, &member.email, PASSWORD).await.problem(401, "wrong_credentials");
    // The old one is free.
    let body = json!({ "name": "Next", "email": member.email, "password": PASSWORD });
    nobody.post("/users/signup").json(&body).send().await.document::<UserDocument>(201);
}

#[tokio::test]
async fn an_address_of_somebody_else_is_taken_and_the_rest_of_the_change_is_not_made() {
    let (member, other) = (member().await, member().await);
    let body = json!({ "name": "Thief", "email": other.email.to_uppercase() });
    member.client.put("/profile").json(&body).send().await.problem(409, "email_taken");
    let user: UserDocument = member.client.get("/profile").min_version(1).send().await.document(200);
    assert_eq!((user.version, user.name.as_str(), user.email.as_deref()), (1, "A member", Some(member.email.as_str())));
}

#[tokio::test]
async fn nobody_raises_their_own_role() {
    for role in [Role::Member, Role::Manager, Role::Auditor] {
        let person = person(role).await;
        for path in ["/profile".to_owned(), format!("/users/{}", person.id)] {
            let body = json!({ "name": "Boss", "role": "admin" });
            person.client.put(&path).json(&body).send().await.problem(403, "forbidden");
        }
        let user: UserDocument = person.client.get("/profile").send().await.document(200);
        assert_eq!((user.role, user.version), (role, 1), "nothing of it was done");
    }
}

#[tokio::test]
async fn not_even_an_administrator_changes_their_own_role() {
    let admin = person(Role::Admin).await;
    let problem =
        admin.client.put("/profile").json(&json!({ "role": "member" })).send().await.problem(403, "forbidden");
    assert_eq!(problem["detail"], "nobody does this to their own account: ask another administrator");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_change_is_named_at_once() {
    let member = member().await;
    let body =
        json!({ "name": "x".repeat(121), "email": "@", "time_zone": "Mars", "locale": " ", "phone": "1".repeat(33) });
    let answer = member.client.put("/profile").json(&body).send().await;
    answer.wrong_fields(&["/name", "/email", "/time_zone", "/locale", "/phone"]);
    let answer = member.client.put("/profile").json(&json!({ "role": "king" })).send().await;
    answer.wrong_fields(&["/role"]);
}

#[tokio::test]
async fn a_stale_change_of_the_profile_is_refused_with_the_present_version() {
    let member = member().await;
    member.client.put("/profile").json(&json!({ "name": "Second" })).send().await.is(200);
    let answer = member.client.put("/profile").if_match(1).json(&json!({ "name": "Third" })).send().await;
    assert_eq!(answer.problem(412, "stale_version")["version"], 2);
    assert_eq!(answer.header("etag"), "\"2\"");
}

#[tokio::test]
async fn a_change_that_is_sent_again_gets_the_first_answer_again() {
    let (member, key) = (member().await, Uuid::new_v4().to_string());
    let send = async |name: &str| member.client.put("/profile").key(&key).json(&json!({ "name": name })).send().await;
    let first: Value = send("First").await.document(200);
    member.client.put("/profile").json(&json!({ "name": "Second" })).send().await.is(200);
    assert_eq!(send("First").await.document::<Value>(200), first);
    send("Other").await.problem(422, "idempotency_key_reused");
    let now = eventually("the directory is at version 3", async || {
        let user: UserDocument = member.client.get("/profile").send().await.document(200);
        (user.version == 3).then_some(user)
    });
    assert_eq!(now.await.name, "Second");
}
