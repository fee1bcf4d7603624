//! The erasure of a person.

use muster_domain::UserId;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::Answer;
use serde_json::json;

use crate::support::{PASSWORD, Person, admin, eventually, log_in, member, new_email, nobody, person};

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
    let problem = admin.put(&format!("/users/{}", gone.id)).json(&json!({ "name": "X" })).send().await;
    assert_eq!(problem.problem(409, "conflict")["detail"], "the user's personal data was erased");
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
