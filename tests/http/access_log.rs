//! The access log: who signed in and out, and every refusal, for those who audit.

use muster_domain::user::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{PASSWORD, Person, admin, log_in, member, new_email, nobody, of_task, person, task};

/// The entries of this kind by somebody, newest first.
async fn entries(who: &Person, kind: &str) -> Vec<Value> {
    walk(&admin().await, &format!("/audit/access?actor={}&kind={kind}", who.id), 2).await
}

#[tokio::test]
pub(crate) async fn a_sign_in_and_a_sign_out_are_in_the_access_log() {
    let member = member().await;
    let signed_in = entries(&member, "signed_in").await;
    assert_eq!(signed_in.len(), 1);
    let entry = &signed_in[0];
    assert_eq!((&entry["outcome"], &entry["reason"]), (&json!("allowed"), &Value::Null));
    assert_eq!(entry["route"], "POST /api/v1/users/login");

    let answer = member.client.post("/users/logout").header("user-agent", "a browser").send().await;
    let signed_out = entries(&member, "signed_out").await;
    assert_eq!(signed_out.len(), 1);
    assert_eq!(signed_out[0]["request_id"], answer.is(204).header("x-request-id"));
    assert_eq!(signed_out[0]["user_agent"], "a browser");
    assert_eq!(signed_out[0]["session_id"], entry["session_id"]);
}

#[tokio::test]
async fn a_refused_sign_in_says_whose_account_it_was_and_never_an_address() {
    let (member, nobody) = (member().await, nobody().await);
    let refused = async |email: &str| {
        let answer = log_in(&nobody, email, "a wrong password").await;
        answer.problem(401, "wrong_credentials");
        let request = answer.header("x-request-id").to_owned();
        let all = walk(&admin().await, "/audit/access?kind=sign_in_refused", 200).await;
        all.into_iter().find(|entry| entry["request_id"] == request).expect("an entry")
    };
    let known = refused(&member.email).await;
    assert_eq!((&known["subject"], &known["actor"]), (&json!(format!("user#{}", member.id)), &Value::Null));

    let email = new_email();
    let (first, again) = (refused(&email).await, refused(&format!(" {}", email.to_uppercase())).await);
    assert_eq!(first["subject"], again["subject"], "the same address is known again");
    assert!(first["subject"].as_str().unwrap().starts_with("address#"));
    assert_ne!(first["subject"], refused(&new_email()).await["subject"]);
    assert!(!first.to_string().contains(email.split('@').next().unwrap()), "{first}");
}

#[tokio::test]
async fn a_changed_password_a_wrong_one_and_an_ended_session_are_in_the_access_log() {
    let member = member().await;
    let change = async |current: &str| {
        let body = json!({ "current_password": current, "new_password": "another passphrase for tests" });
        member.client.put("/profile/password").json(&body).send().await
    };
    change("not my passphrase").await.wrong_fields(&["/current_password"]);
    change(PASSWORD).await.is(204);
    let (wrong, changed) = (entries(&member, "password_refused").await, entries(&member, "password_changed").await);
    assert_eq!((wrong.len(), changed.len()), (1, 1));
    assert_eq!(
        (&wrong[0]["outcome"], &wrong[0]["reason"]),
        (&json!("refused"), &json!("the present password is wrong"))
    );
    assert_eq!(wrong[0]["address"], "127.0.0.1");

    let admin = person(Role::Admin).await;
    admin.client.delete(&format!("/users/{}/sessions", member.id)).send().await.is(204);
    let ended = entries(&admin, "session_ended").await;
    assert_eq!((ended.len(), &ended[0]["subject"]), (1, &json!(format!("user#{}", member.id))));
}

#[tokio::test]
async fn whoever_asks_for_what_is_hidden_from_them_is_in_the_access_log_and_is_not_told_so() {
    let (member, hidden) = (member().await, task(&admin().await, json!({})).await);
    let refused = member.client.get(&of_task(hidden.id, "")).send().await;
    let missing = member.client.get(&of_task(Uuid::new_v4().into(), "")).send().await;
    assert_eq!(refused.problem(404, "not_found")["detail"], missing.problem(404, "not_found")["detail"]);
    let entries = entries(&member, "forbidden").await;
    assert_eq!(entries.len(), 1, "what is not there is no secret");
    assert_eq!(entries[0]["request_id"], refused.header("x-request-id"));
    assert_eq!(entries[0]["reason"], "The task is hidden from them.");
}

#[tokio::test]
async fn whoever_asks_for_what_they_may_not_do_is_in_the_access_log() {
    let member = member().await;
    let answer = member.client.post("/teams").json(&json!({ "name": "Mine" })).send().await;
    answer.problem(403, "forbidden");
    let entries = entries(&member, "forbidden").await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((&entry["outcome"], &entry["route"]), (&json!("refused"), &json!("POST /api/v1/teams")));
    assert_eq!(entry["reason"], "your role does not allow this");
    assert_eq!(entry["request_id"], answer.header("x-request-id"));
    assert!(entry["session_id"].is_string());
}

#[tokio::test]
async fn a_token_of_a_session_that_has_ended_is_in_the_access_log_with_whom_it_named() {
    let member = member().await;
    member.client.post("/users/logout").send().await.is(204);
    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    let entries = entries(&member, "token_refused").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["reason"], "The session has ended: sign in again.");
    assert!(!entries[0].to_string().contains(member.client.token()));
}

#[tokio::test]
async fn a_request_without_a_token_is_no_entry() {
    let answer = nobody().await.get("/profile").send().await;
    answer.problem(401, "unauthenticated");
    let all = walk(&admin().await, "/audit/access?kind=token_refused", 200).await;
    assert!(all.iter().all(|entry| entry["request_id"] != answer.header("x-request-id")));
}

#[tokio::test]
async fn an_old_refresh_token_that_comes_again_is_in_the_access_log() {
    let member = member().await;
    let refresh =
        async |token: &str| nobody().await.post("/users/refresh").json(&json!({ "refresh_token": token })).send().await;
    let first = refresh(&member.refresh_token).await.is(200).value();
    refresh(first["refresh_token"].as_str().unwrap()).await.is(200);
    refresh(&member.refresh_token).await.problem(401, "wrong_credentials");
    refresh(&member.refresh_token).await.problem(401, "wrong_credentials");
    let reused = entries(&member, "refresh_reused").await;
    assert_eq!(reused.len(), 1, "once: the session is over then");
    assert_eq!(reused[0]["session_id"], entries(&member, "signed_in").await[0]["session_id"]);
    assert_eq!(entries(&member, "refresh_refused").await.len(), 1);
}

#[tokio::test]
async fn the_access_log_is_for_administrators_and_auditors_and_knows_its_readers() {
    for role in [Role::Admin, Role::Auditor] {
        let reader = person(role).await;
        reader.client.get("/audit/access").send().await.is(200);
        assert_eq!(entries(&reader, "audit_read").await.len(), 1, "{role}");
    }
    for role in [Role::Manager, Role::Member] {
        let other = person(role).await;
        other.client.get("/audit/access").send().await.problem(403, "forbidden");
        assert_eq!(entries(&other, "audit_read").await.len(), 0, "{role}");
    }
}

#[tokio::test]
async fn the_access_log_is_filtered_as_asked() {
    let member = member().await;
    log_in(&nobody().await, &member.email, PASSWORD).await.is(200);
    member.client.post("/teams").json(&json!({ "name": "Mine" })).send().await.problem(403, "forbidden");
    let path = format!("/audit/access?actor={}", member.id);
    let kinds = async |query: &str| -> Vec<String> {
        let items = walk(&admin().await, &format!("{path}{query}"), 1).await;
        items.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("").await, ["forbidden", "signed_in", "signed_in"]);
    assert_eq!(kinds("&outcome=allowed").await, ["signed_in", "signed_in"]);
    assert_eq!(kinds("&outcome=refused").await, ["forbidden"]);
    assert_eq!(kinds("&kind=signed_in").await, ["signed_in", "signed_in"]);
    assert_eq!(kinds("&day=2020-02-29").await, [] as [&str; 0]);
    let all = walk(&admin().await, &path, 50).await;
    let day = &all[0]["at"].as_str().unwrap()[..10];
    assert!(kinds(&format!("&day={day}")).await.contains(&"forbidden".to_owned()));
    assert_eq!(kinds("&sort=-at").await, ["forbidden", "signed_in", "signed_in"]);
    assert_eq!(kinds("&sort=at").await, ["signed_in", "signed_in", "forbidden"]);
    let oldest_first = walk(&admin().await, &format!("{path}&sort=at"), 1).await;
    assert!(oldest_first.iter().eq(all.iter().rev()), "{oldest_first:?}");
    let today = admin().await.get("/audit/access?limit=3").send().await.is(200).value();
    assert_eq!(today["items"].as_array().unwrap().len(), 3, "today's, of anybody and of any kind");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_to_the_access_log_is_named() {
    let admin = admin().await;
    for wrong in ["day=yesterday", "actor=ada", "kind=odd", "outcome=maybe", "limit=0", "cursor=x", "cursor=eHgjeHg"] {
        let name = wrong.split('=').next().unwrap();
        admin.get(&format!("/audit/access?{wrong}")).send().await.wrong_parameters(&[name]);
    }
}
