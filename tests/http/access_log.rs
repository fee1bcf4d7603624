//! The access log: who signed in and out, and every refusal, for those who audit.

use muster_domain::user::Role;
use muster_tests::client::Client;
use muster_tests::server::Server;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::oidc;
use crate::page::walk;
use crate::second_factors::{Protected, code, finish, wrong_code};
use crate::support::{
    PASSWORD, Person, admin, log_in, member, new_email, nobody, of_task, person, person_of, smtp, task,
};

/// The entries of this kind by somebody, newest first.
async fn entries(who: &Person, kind: &str) -> Vec<Value> {
    walk(&admin().await, &format!("/audit/access?actor={}&kind={kind}", who.id), 2).await
}

/// The entries of this kind about somebody's account, newest first.
async fn about(who: &Person, kind: &str) -> Vec<Value> {
    walk(&admin().await, &format!("/audit/access?about={}&kind={kind}", who.id), 2).await
}

fn reasons(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["reason"].as_str().unwrap()).collect()
}

#[tokio::test]
pub(crate) async fn a_sign_in_and_a_sign_out_are_in_the_access_log() {
    let member = member().await;
    let signed_in = entries(&member, "signed_in").await;
    assert_eq!(signed_in.len(), 1);
    let entry = &signed_in[0];
    assert_eq!((&entry["outcome"], &entry["reason"]), (&json!("allowed"), &json!("with the password")));
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
async fn whoever_reaches_for_anothers_session_or_outside_identity_is_in_the_access_log_and_is_not_told_so() {
    let (member, other) = (member().await, member().await);
    let session = entries(&other, "signed_in").await[0]["session_id"].as_str().unwrap().to_owned();
    let identity = oidc::link(&other.client, "known", &oidc::somebody()).await;
    for (path, anothers) in [("/users/sessions", &session), ("/profile/outside-identities", &identity)] {
        let refused = member.client.delete(&format!("{path}/{anothers}")).send().await;
        let missing = member.client.delete(&format!("{path}/{}", Uuid::new_v4())).send().await;
        assert_eq!(refused.problem(404, "not_found")["detail"], missing.problem(404, "not_found")["detail"]);
    }
    let forbidden = entries(&member, "forbidden").await;
    let subjects: Vec<_> = forbidden.iter().map(|entry| entry["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, [format!("outside-identity#{identity}"), format!("session#{session}")]);
    assert_eq!(
        reasons(&forbidden),
        ["The outside identity is hidden from them.", "The session is hidden from them."],
        "what is not there is no secret"
    );
    other.client.get("/profile").send().await.is(200);
}

#[tokio::test]
async fn a_wrong_password_at_the_second_factor_is_in_the_access_log_wherever_it_is_asked_for() {
    let (protected, without) = (Protected::new().await, member().await);
    let path = "/profile/second-factor";
    let wrong = json!({ "password": "not my passphrase", "recovery_code": protected.recovery_codes[0] });
    let begin = json!({ "password": "not my passphrase" });
    without.client.post(path).json(&begin).send().await.wrong_fields(&["/password"]);
    let client = &protected.person.client;
    client.post(&format!("{path}/recovery-codes")).json(&wrong).send().await.wrong_fields(&["/password"]);
    client.delete(path).json(&wrong).send().await.wrong_fields(&["/password"]);

    for (who, routes) in [
        (&without, vec!["POST /api/v1/profile/second-factor"]),
        (
            &protected.person,
            vec!["DELETE /api/v1/profile/second-factor", "POST /api/v1/profile/second-factor/recovery-codes"],
        ),
    ] {
        let refused = entries(who, "password_refused").await;
        assert_eq!(refused.iter().map(|entry| entry["route"].as_str().unwrap()).collect::<Vec<_>>(), routes);
        assert!(refused.iter().all(|entry| entry["reason"] == "the password is wrong"), "{refused:?}");
        assert!(refused.iter().all(|entry| entry["session_id"].is_string()), "{refused:?}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_second_factor_and_its_recovery_codes_is_in_the_access_log() {
    let protected = Protected::new().await;
    let (person, path) = (&protected.person, "/profile/second-factor");
    let proof = |code: &str| json!({ "password": PASSWORD, "recovery_code": code });
    let remove = async |code: &str| person.client.delete(path).json(&proof(code)).send().await;
    remove("AAAA-AAAA-AAAA-AAAA").await.wrong_fields(&["/recovery_code"]);
    let renew = person.client.post(&format!("{path}/recovery-codes")).json(&proof(&protected.recovery_codes[0]));
    let renewed = renew.send().await.is(200).value();
    remove(renewed["recovery_codes"][0].as_str().unwrap()).await.is(204);

    let refused = entries(person, "second_factor_refused").await;
    assert_eq!(reasons(&refused), ["the code is wrong, or was used before"]);
    for (kind, times) in [
        ("second_factor_added", 1),
        ("recovery_code_used", 2),
        ("recovery_codes_renewed", 1),
        ("second_factor_removed", 1),
    ] {
        let found = entries(person, kind).await;
        assert_eq!(found.len(), times, "{kind}");
        assert!(found.iter().all(|entry| entry["outcome"] == "allowed"), "{found:?}");
    }
    let letter = smtp().letter(&person.email, "You have new recovery codes").await;
    assert!(!letter.raw.contains(renewed["recovery_codes"][1].as_str().unwrap()), "{letter:?}");

    // By somebody else, it is about its owner.
    let other = Protected::new().await;
    admin().await.delete(&format!("/users/{}/second-factor", other.person.id)).send().await.is(204);
    assert_eq!(about(&other.person, "second_factor_removed").await.len(), 1);
}

#[tokio::test]
async fn a_sign_in_with_a_second_factor_is_in_the_access_log_step_by_step() {
    let protected = Protected::new().await;
    let person = &protected.person;
    let challenge = protected.challenge().await;
    let asked = about(person, "second_factor_asked").await;
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (&asked[0]["outcome"], &asked[0]["actor"]),
        (&json!("allowed"), &Value::Null),
        "nobody is signed in yet"
    );
    assert_eq!(reasons(&asked), ["the password is right"]);

    finish(&challenge, "code", &wrong_code(&protected.secret)).await.problem(401, "wrong_credentials");
    let refused = about(person, "second_factor_refused").await;
    assert_eq!((refused.len(), &refused[0]["actor"]), (1, &Value::Null));
    assert_eq!(reasons(&refused), ["the code is wrong, or was used before"]);

    finish(&challenge, "recovery_code", &protected.recovery_codes[0]).await.is(200);
    finish(&challenge, "code", &code(&protected.secret, 1)).await.is(200);
    let (used, signed_in) = (entries(person, "recovery_code_used").await, entries(person, "signed_in").await);
    assert_eq!(
        reasons(&signed_in),
        ["with password and second factor", "with password and recovery code", "with the password"]
    );
    assert_eq!((used.len(), &used[0]["session_id"]), (1, &signed_in[1]["session_id"]));
}

#[tokio::test]
async fn a_challenge_that_is_not_good_is_in_the_access_log_with_whose_it_was_if_that_is_certain() {
    let protected = Protected::new().await;
    let challenge = protected.challenge().await;
    let recovery_code = &protected.recovery_codes[0];
    let forged = finish(&format!("{challenge}AAAA"), "recovery_code", recovery_code).await;
    forged.problem(401, "wrong_credentials");
    let all = walk(&admin().await, "/audit/access?kind=sign_in_refused", 200).await;
    let entry = all.into_iter().find(|entry| entry["request_id"] == forged.header("x-request-id")).expect("an entry");
    assert_eq!(entry["reason"], "the challenge is not good, or not any more");
    assert_eq!((&entry["actor"], &entry["subject"]), (&Value::Null, &Value::Null), "anybody can claim to be anybody");

    admin().await.delete(&format!("/users/{}/second-factor", protected.person.id)).send().await.is(204);
    let late = finish(&challenge, "recovery_code", recovery_code).await;
    late.problem(401, "wrong_credentials");
    let refused = about(&protected.person, "sign_in_refused").await;
    assert_eq!((refused.len(), &refused[0]["request_id"]), (1, &json!(late.header("x-request-id"))));
}

#[tokio::test]
async fn tries_at_a_second_factor_that_are_too_many_are_in_the_access_log_about_its_owner() {
    let protected = Protected::new().await;
    let (challenge, wrong) = (protected.challenge().await, wrong_code(&protected.secret));
    // A count ends with its quarter of an hour: when one ends meanwhile, the next begins.
    let mut tries = 0;
    while finish(&challenge, "code", &wrong).await.status != 429 {
        tries += 1;
        assert!(tries <= 10, "it is not bounded");
    }
    let throttled = about(&protected.person, "throttled").await;
    assert_eq!(reasons(&throttled), ["too many wrong passwords and codes at the second factor"]);
    assert_eq!(about(&protected.person, "second_factor_refused").await.len(), tries);
}

/// A server of its own, as it is stopped.
#[tokio::test]
async fn refusals_that_are_only_counted_are_in_the_access_log_when_the_program_has_stopped() {
    const REFUSALS: u64 = 250;
    let mut server = Server::start().await;
    let chief = async |server: &Server| {
        let client = Client::new(&server.base_url);
        let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
        client.with_token(tokens["access_token"].as_str().unwrap())
    };
    let member = person_of(&chief(&server).await, Role::Member).await;
    for _ in 0..REFUSALS {
        member.client.post("/teams").json(&json!({ "name": "Mine" })).send().await.problem(403, "forbidden");
    }

    assert!(server.end("TERM").await.success());

    server.start_again().await;
    let path = format!("/audit/access?actor={}&kind=forbidden", member.id);
    let told = walk(&chief(&server).await, &path, 200).await;
    let left_out: u64 = told.iter().map(|entry| entry["left_out"].as_u64().unwrap()).sum();
    assert!(left_out > 0, "{} entries", told.len());
    assert_eq!(told.len() as u64 + left_out, REFUSALS);
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
    for wrong in [
        "day=yesterday",
        "day=2026-11-2",
        "day=2026-11-%201",
        "day=%2B2026-11-01",
        "actor=ada",
        "kind=odd",
        "outcome=maybe",
        "limit=0",
        "cursor=x",
        "cursor=eHgjeHg",
    ] {
        let name = wrong.split('=').next().unwrap();
        admin.get(&format!("/audit/access?{wrong}")).send().await.wrong_parameters(&[name]);
    }
}

#[tokio::test]
async fn a_page_of_one_day_goes_on_with_that_day_alone() {
    let admin = admin().await;
    for query in ["kind=audit_read&", "", "kind=audit_read&sort=at&"] {
        // Each of these is an entry.
        for _ in 0..3 {
            admin.get("/audit/access?limit=1").send().await.is(200);
        }
        let first = admin.get(&format!("/audit/access?{query}limit=1")).send().await.is(200).value();
        let (day, next) = (&first["items"][0]["at"].as_str().unwrap()[..10], first["next"].as_str().unwrap());
        let on = |day: &str| format!("/audit/access?{query}day={day}&limit=1&cursor={next}");
        let second = admin.get(&on(day)).send().await.is(200).value();
        assert_ne!(second["items"][0]["id"], first["items"][0]["id"]);
        for other in ["2020-01-01", "2999-01-01"] {
            admin.get(&on(other)).send().await.wrong_parameters(&["cursor"]);
        }
        let path = format!("/audit/access?{query}limit=1&cursor={next}");
        assert_eq!(
            admin.get(&path).send().await.is(200).value()["items"],
            second["items"],
            "its own day, if none is named"
        );
    }
}
