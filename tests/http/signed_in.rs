//! Where somebody is signed in: seen, and ended.

use muster_domain::user::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{PASSWORD, Person, admin, log_in, member, nobody, person};

/// One more sign-in of this person, by a program that calls itself so: the session's id, and its tokens.
async fn again(person: &Person, program: &str) -> Value {
    let body = json!({ "email": person.email, "password": PASSWORD });
    let request = nobody().await.post("/users/login").header("user-agent", program).json(&body);
    request.send().await.is(200).value()
}

async fn sessions(person: &Person) -> Vec<Value> {
    let page = person.client.get("/users/sessions").send().await.is(200).value();
    assert_eq!(page["next"], Value::Null);
    page["items"].as_array().expect("items").clone()
}

fn programs(sessions: &[Value]) -> Vec<&str> {
    sessions.iter().map(|session| session["user_agent"].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
pub(crate) async fn people_see_where_they_are_signed_in_those_used_last_first() {
    let member = member().await;
    again(&member, "a phone").await;
    again(&member, "a tablet").await;

    let sessions = sessions(&member).await;

    assert_eq!(programs(&sessions), ["a tablet", "a phone", "-"], "and nobody else's");
    let current: Vec<_> = sessions.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, false, true]);
    for session in &sessions {
        assert_eq!(session["address"], "127.0.0.1");
        assert_eq!(session["refreshed_at"], session["created_at"], "it was not refreshed yet");
    }
}

#[tokio::test]
pub(crate) async fn a_session_that_is_ended_is_out_at_the_next_request() {
    let member = member().await;
    let phone = again(&member, "a phone").await;
    let id = sessions(&member).await[0]["id"].as_str().unwrap().to_owned();
    let lost = nobody().await.with_token(phone["access_token"].as_str().unwrap());
    lost.get("/profile").send().await.is(200);

    member.client.delete(&format!("/users/sessions/{id}")).send().await.is(204);

    lost.get("/profile").send().await.problem(401, "unauthenticated");
    let refresh = json!({ "refresh_token": phone["refresh_token"] });
    nobody().await.post("/users/refresh").json(&refresh).send().await.problem(401, "wrong_credentials");
    assert_eq!(programs(&sessions(&member).await), ["-"]);
    member.client.delete(&format!("/users/sessions/{id}")).send().await.is(204);
    let path = format!("/audit/access?actor={}&kind=session_ended", member.id);
    let ended = walk(&admin().await, &path, 50).await;
    assert_eq!(ended.len(), 1, "what is over does not end again: {ended:?}");
}

#[tokio::test]
async fn nobody_ends_or_learns_of_a_session_of_somebody_else() {
    let (ada, ben) = (member().await, member().await);
    let id = sessions(&ada).await[0]["id"].as_str().unwrap().to_owned();

    ben.client.delete(&format!("/users/sessions/{id}")).send().await.problem(404, "not_found");
    admin().await.delete(&format!("/users/sessions/{id}")).send().await.problem(404, "not_found");
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let other = person(role).await.client;
        other.get(&format!("/users/{}/sessions", ada.id)).send().await.problem(403, "forbidden");
        other.delete(&format!("/users/{}/sessions", ada.id)).send().await.problem(403, "forbidden");
    }

    assert_eq!(sessions(&ada).await.len(), 1);
}

#[tokio::test]
pub(crate) async fn an_administrator_sees_where_somebody_is_signed_in_and_signs_them_out() {
    let (admin, member) = (admin().await, member().await);
    again(&member, "a phone").await;
    let path = format!("/users/{}/sessions", member.id);
    let page = admin.get(&path).send().await.is(200).value();
    assert_eq!(programs(page["items"].as_array().unwrap()), ["a phone", "-"]);

    admin.delete(&path).send().await.is(204);

    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    assert_eq!(admin.get(&path).send().await.is(200).value()["items"], json!([]));
    log_in(&nobody().await, &member.email, PASSWORD).await.is(200);
    let nobody = format!("/users/{}/sessions", Uuid::new_v4());
    admin.get(&nobody).send().await.problem(404, "not_found");
    admin.delete(&nobody).send().await.problem(404, "not_found");
}
