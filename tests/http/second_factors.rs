//! The second factor: set up, asked for, lost.

use chrono::Utc;
use muster_domain::user::Role;
use muster_tests::client::Answer;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::page::walk;
use crate::support::{PASSWORD, Person, admin, log_in, member, nobody, person, smtp};

/// What an app shows this many steps of 30 seconds from now.
pub(crate) fn code(secret: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build_noncompliant();
    totp.generate(u64::try_from(Utc::now().timestamp() + 30 * steps).unwrap()).to_string()
}

/// Six digits that no app with this secret shows now or soon.
pub(crate) fn wrong_code(secret: &str) -> String {
    let right: Vec<String> = (-3..=3).map(|steps| code(secret, steps)).collect();
    (0..1_000_000).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
}

/// Somebody with a second factor: the secret in their app, and their recovery codes.
pub(crate) struct Protected {
    pub(crate) person: Person,
    pub(crate) secret: String,
    pub(crate) recovery_codes: Vec<String>,
}

impl Protected {
    pub(crate) async fn new() -> Self {
        let person = member().await;
        let begun = person.client.post("/profile/second-factor").json(&json!({ "password": PASSWORD })).send().await;
        let secret = begun.is(200).value()["secret"].as_str().unwrap().to_owned();
        let body = json!({ "code": code(&secret, 0) });
        let confirmed = person.client.post("/profile/second-factor/confirm").json(&body).send().await;
        let recovery_codes = serde_json::from_value(confirmed.is(200).value()["recovery_codes"].clone()).unwrap();
        Self { person, secret, recovery_codes }
    }

    /// The password alone: a challenge.
    pub(crate) async fn challenge(&self) -> String {
        let answer = log_in(&nobody().await, &self.person.email, PASSWORD).await;
        let problem = answer.problem(401, "second_factor_required");
        assert_eq!(answer.header("cache-control"), "no-store");
        problem["challenge"].as_str().unwrap().to_owned()
    }

    async fn state(&self) -> Value {
        self.person.client.get("/profile/second-factor").send().await.is(200).value()
    }
}

/// The right answer to the challenge of somebody new.
pub(crate) async fn challenged() -> Value {
    let protected = Protected::new().await;
    json!({ "challenge": protected.challenge().await, "recovery_code": protected.recovery_codes[0] })
}

pub(crate) async fn finish(challenge: &str, field: &str, code: &str) -> Answer {
    let body = json!({ "challenge": challenge, field: code });
    nobody().await.post("/users/login/second-factor").json(&body).send().await
}

#[tokio::test]
pub(crate) async fn a_second_factor_is_asked_for_once_it_is_confirmed() {
    let person = member().await;
    let begun = person.client.post("/profile/second-factor").json(&json!({ "password": PASSWORD })).send().await;
    assert_eq!(begun.is(200).header("cache-control"), "no-store");
    let begun = begun.value();
    let secret = begun["secret"].as_str().unwrap();
    let uri = begun["otpauth_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Muster:") && uri.contains(secret), "{uri}");
    log_in(&nobody().await, &person.email, PASSWORD).await.is(200);

    let wrong = json!({ "code": wrong_code(secret) });
    person.client.post("/profile/second-factor/confirm").json(&wrong).send().await.wrong_fields(&["/code"]);
    let right = json!({ "code": code(secret, 0) });
    let confirmed = person.client.post("/profile/second-factor/confirm").json(&right).send().await.is(200).value();

    assert_eq!(confirmed["recovery_codes"].as_array().unwrap().len(), 10);
    log_in(&nobody().await, &person.email, PASSWORD).await.problem(401, "second_factor_required");
    let again = json!({ "password": PASSWORD });
    person.client.post("/profile/second-factor").json(&again).send().await.problem(409, "conflict");
}

#[tokio::test]
pub(crate) async fn password_and_code_sign_in_and_each_code_does_so_once() {
    let protected = Protected::new().await;
    let challenge = protected.challenge().await;
    let next = code(&protected.secret, 1);

    let tokens = finish(&challenge, "code", &next).await.is(200).value();

    let client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    client.get("/profile").send().await.is(200);
    finish(&challenge, "code", &next).await.problem(401, "wrong_credentials");
    finish(&protected.challenge().await, "code", &next).await.problem(401, "wrong_credentials");
}

#[tokio::test]
pub(crate) async fn the_state_tells_how_many_recovery_codes_are_left_and_each_is_good_once() {
    let protected = Protected::new().await;
    assert_eq!(
        (&protected.state().await["on"], &protected.state().await["recovery_codes_left"]),
        (&json!(true), &json!(10))
    );
    let challenge = protected.challenge().await;
    let used = &protected.recovery_codes[0];

    finish(&challenge, "recovery_code", &used.to_lowercase()).await.is(200);

    finish(&challenge, "recovery_code", used).await.problem(401, "wrong_credentials");
    assert_eq!(protected.state().await["recovery_codes_left"], 9);
    finish(&challenge, "recovery_code", &protected.recovery_codes[1]).await.is(200);
    let other = Protected::new().await;
    finish(&challenge, "recovery_code", &other.recovery_codes[0]).await.problem(401, "wrong_credentials");
    let without = member().await.client.get("/profile/second-factor").send().await.is(200).value();
    assert_eq!(without, json!({ "on": false, "since": null, "recovery_codes_left": 0 }));
}

#[tokio::test]
async fn a_code_is_taken_as_an_app_shows_it() {
    let protected = Protected::new().await;
    let challenge = protected.challenge().await;
    let next = code(&protected.secret, 1);
    finish(&challenge, "code", &format!("{} {}", &next[..3], &next[3..])).await.is(200);
    let recovery_code = protected.recovery_codes[0].replace('-', " ");
    finish(&challenge, "recovery_code", &format!(" {recovery_code} ")).await.is(200);
}

#[tokio::test]
async fn whoever_begins_again_and_again_with_the_right_password_has_all_tries_left_for_a_code() {
    let person = member().await;
    let begin = async |password: &str| {
        person.client.post("/profile/second-factor").json(&json!({ "password": password })).send().await
    };
    for _ in 0..12 {
        begin(PASSWORD).await.is(200);
    }
    let secret = begin(PASSWORD).await.is(200).value()["secret"].as_str().unwrap().to_owned();
    let confirm = async |code: String| {
        person.client.post("/profile/second-factor/confirm").json(&json!({ "code": code })).send().await
    };
    for _ in 0..4 {
        confirm(wrong_code(&secret)).await.wrong_fields(&["/code"]);
    }
    confirm(code(&secret, 0)).await.is(200);
}

#[tokio::test]
async fn a_wrong_password_takes_a_try_where_a_second_factor_is_begun() {
    let person = member().await;
    let mut statuses = vec![];
    // A count ends with its quarter of an hour: when one ends meanwhile, the next begins.
    for _ in 0..11 {
        let body = json!({ "password": "not my passphrase" });
        let answer = person.client.post("/profile/second-factor").json(&body).send().await;
        statuses.push(answer.status);
        if answer.status == 429 {
            let after = answer.header("retry-after").to_owned();
            let problem = answer.problem(429, "too_many_requests");
            assert_eq!(problem["detail"], format!("Try again in {after} seconds."));
            break;
        }
        answer.wrong_fields(&["/password"]);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert!(statuses.len() > 5, "{statuses:?}");
}

#[tokio::test]
async fn whoever_proves_again_without_a_code_is_asked_for_one_and_has_used_no_try() {
    let protected = Protected::new().await;
    let prove = async |body| protected.person.client.post("/users/reauthenticate").json(&body).send().await;
    for _ in 0..12 {
        prove(json!({ "password": PASSWORD })).await.wrong_fields(&["/code"]);
    }
    prove(json!({ "password": PASSWORD, "recovery_code": protected.recovery_codes[0] })).await.is(204);
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_waits_too() {
    let protected = Protected::new().await;
    let challenge = protected.challenge().await;
    let wrong = wrong_code(&protected.secret);
    let mut statuses = vec![];
    // A count ends with its quarter of an hour: when one ends meanwhile, the next begins.
    for _ in 0..11 {
        let answer = finish(&challenge, "code", &wrong).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=900).contains(&seconds), "{seconds}");
            break;
        }
        answer.problem(401, "wrong_credentials");
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert!(statuses.len() > 5, "{statuses:?}");
    finish(&challenge, "recovery_code", &protected.recovery_codes[0]).await.problem(429, "too_many_requests");
    assert_eq!(protected.state().await["recovery_codes_left"], 10, "nothing was used up");
}

#[tokio::test]
async fn who_tries_codes_where_they_found_somebody_signed_in_does_not_keep_them_from_signing_in_elsewhere() {
    let protected = Protected::new().await;
    let wrong = json!({ "password": PASSWORD, "code": wrong_code(&protected.secret) });
    let mut statuses = vec![];
    // As above.
    for _ in 0..11 {
        let answer = protected.person.client.delete("/profile/second-factor").json(&wrong).send().await;
        statuses.push(answer.status);
        if answer.status == 429 {
            break;
        }
        answer.wrong_fields(&["/code"]);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");

    finish(&protected.challenge().await, "recovery_code", &protected.recovery_codes[0]).await.is(200);
}

#[tokio::test]
async fn a_challenge_that_is_forged_or_of_an_old_password_is_refused() {
    let protected = Protected::new().await;
    let challenge = protected.challenge().await;
    let recovery_code = &protected.recovery_codes[0];
    for forged in ["", "none", &challenge[1..], &format!("{challenge}AAAA")] {
        finish(forged, "recovery_code", recovery_code).await.problem(401, "wrong_credentials");
    }
    for body in [
        json!({ "challenge": challenge }),
        json!({ "challenge": challenge, "code": "000000", "recovery_code": recovery_code }),
    ] {
        nobody().await.post("/users/login/second-factor").json(&body).send().await.wrong_fields(&["/code"]);
    }
    let body = json!({ "current_password": PASSWORD, "new_password": "another passphrase for tests" });
    protected.person.client.put("/profile/password").json(&body).send().await.is(204);
    finish(&challenge, "recovery_code", recovery_code).await.problem(401, "wrong_credentials");
    log_in(&nobody().await, &protected.person.email, "another passphrase for tests")
        .await
        .problem(401, "second_factor_required");
}

#[tokio::test]
pub(crate) async fn new_recovery_codes_take_the_place_of_the_old_ones() {
    let protected = Protected::new().await;
    let path = "/profile/second-factor/recovery-codes";
    let wrong = json!({ "password": "not my passphrase", "recovery_code": protected.recovery_codes[0] });
    protected.person.client.post(path).json(&wrong).send().await.wrong_fields(&["/password"]);
    let body = json!({ "password": PASSWORD, "recovery_code": protected.recovery_codes[0] });

    let renewed = protected.person.client.post(path).json(&body).send().await.is(200).value();

    let challenge = protected.challenge().await;
    finish(&challenge, "recovery_code", &protected.recovery_codes[1]).await.problem(401, "wrong_credentials");
    finish(&challenge, "recovery_code", renewed["recovery_codes"][0].as_str().unwrap()).await.is(200);
}

#[tokio::test]
pub(crate) async fn only_password_and_code_together_take_it_away() {
    let protected = Protected::new().await;
    let remove = async |password: &str, code: &str| {
        let body = json!({ "password": password, "recovery_code": code });
        protected.person.client.delete("/profile/second-factor").json(&body).send().await
    };
    remove("not my passphrase", &protected.recovery_codes[0]).await.wrong_fields(&["/password"]);
    remove(PASSWORD, "AAAA-AAAA-AAAA-AAAA").await.wrong_fields(&["/recovery_code"]);
    assert_eq!(protected.state().await["on"], true);

    remove(PASSWORD, &protected.recovery_codes[0]).await.is(204);

    log_in(&nobody().await, &protected.person.email, PASSWORD).await.is(200);
    remove(PASSWORD, &protected.recovery_codes[1]).await.problem(409, "conflict");
}

#[tokio::test]
pub(crate) async fn an_administrator_takes_it_off_the_account_of_somebody_who_has_lost_it() {
    let protected = Protected::new().await;
    let path = format!("/users/{}/second-factor", protected.person.id);
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        person(role).await.client.delete(&path).send().await.problem(403, "forbidden");
    }
    protected.person.client.delete(&path).send().await.problem(403, "forbidden");
    assert_eq!(protected.state().await["on"], true);

    admin().await.delete(&path).send().await.is(204);

    log_in(&nobody().await, &protected.person.email, PASSWORD).await.is(200);
    smtp().letter(&protected.person.email, "Your second factor was removed").await;

    // Where there is none, nothing is done, and nothing told.
    let without = member().await;
    for other in [&protected.person, &without] {
        admin().await.delete(&format!("/users/{}/second-factor", other.id)).send().await.is(204);
    }
    for (other, times) in [(&protected.person, 1), (&without, 0)] {
        let query = format!("/audit/access?about={}&kind=second_factor_removed", other.id);
        assert_eq!(walk(&admin().await, &query, 50).await.len(), times);
        let letters = smtp().to(&other.email);
        let told = letters.iter().filter(|letter| letter.header("Subject") == "Your second factor was removed");
        assert_eq!(told.count(), times);
    }
}
