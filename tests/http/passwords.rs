//! Changing one's password.

use serde_json::json;

use crate::support::{PASSWORD, admin, log_in, member, new_email, nobody};

const NEW: &str = "another passphrase for tests";

#[tokio::test]
pub(crate) async fn whoever_knows_their_password_changes_it_and_their_other_sessions_end() {
    let (member, nobody) = (member().await, nobody().await);
    let other = log_in(&nobody, &member.email, PASSWORD).await.is(200).value();
    let body = json!({ "current_password": PASSWORD, "new_password": NEW });

    member.client.put("/profile/password").json(&body).send().await.is(204);

    log_in(&nobody, &member.email, PASSWORD).await.problem(401, "wrong_credentials");
    log_in(&nobody, &member.email, NEW).await.is(200);
    member.client.get("/profile").send().await.is(200);
    let refresh = json!({ "refresh_token": member.refresh_token });
    nobody.post("/users/refresh").json(&refresh).send().await.is(200);
    let other = nobody.with_token(other["access_token"].as_str().unwrap());
    other.get("/profile").send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn without_the_present_password_or_with_a_poor_new_one_nothing_changes() {
    let (member, nobody) = (member().await, nobody().await);
    for (current, new, wrong) in [
        ("not my passphrase", NEW, "/current_password"),
        (PASSWORD, "short", "/new_password"),
        (PASSWORD, "password1", "/new_password"),
        (PASSWORD, &"x".repeat(129), "/new_password"),
    ] {
        let body = json!({ "current_password": current, "new_password": new });
        member.client.put("/profile/password").json(&body).send().await.wrong_fields(&[wrong]);
    }
    log_in(&nobody, &member.email, PASSWORD).await.is(200);
    let refresh = json!({ "refresh_token": member.refresh_token });
    nobody.post("/users/refresh").json(&refresh).send().await.is(200);
}

#[tokio::test]
async fn a_password_is_right_however_a_keyboard_types_its_letters() {
    let (nobody, email) = (nobody().await, new_email());
    let (composed, decomposed) = ("d\u{e9}j\u{e0} vu at the caf\u{e9}", "de\u{301}ja\u{300} vu at the cafe\u{301}");
    let body = json!({ "name": "Ada", "email": email, "password": composed });
    admin().await.post("/users").json(&body).send().await.is(201);

    let tokens = log_in(&nobody, &email, decomposed).await.is(200).value();

    log_in(&nobody, &email, composed).await.is(200);
    log_in(&nobody, &email, "deja vu at the cafe").await.problem(401, "wrong_credentials");
    let body = json!({ "current_password": decomposed, "new_password": composed });
    let client = nobody.with_token(tokens["access_token"].as_str().unwrap());
    client.put("/profile/password").json(&body).send().await.wrong_fields(&["/new_password"]);
}

#[tokio::test]
async fn a_password_made_of_what_is_known_of_its_owner_is_refused() {
    let (nobody, member) = (nobody().await, member().await);
    let email = new_email();
    let (local, _) = email.split_once('@').unwrap();
    for password in ["Zaphod-Beeblebrox", "beeblebrox1!", &email, local, "muster-admin"] {
        let body = json!({ "name": "Zaphod Beeblebrox", "email": email, "password": password });
        nobody.post("/users/signup").json(&body).send().await.wrong_fields(&["/password"]);
        admin().await.post("/users").json(&body).send().await.wrong_fields(&["/password"]);
    }
    member.client.put("/profile").json(&json!({ "name": "Trillian McMillan" })).send().await.is(200);
    let (local, _) = member.email.split_once('@').unwrap();
    for new in ["trillianmcmillan", "McMillan2026!", local] {
        let body = json!({ "current_password": PASSWORD, "new_password": new });
        member.client.put("/profile/password").json(&body).send().await.wrong_fields(&["/new_password"]);
    }
    log_in(&nobody, &member.email, PASSWORD).await.is(200);
}
