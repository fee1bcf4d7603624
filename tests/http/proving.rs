//! What decides who can sign in is done by somebody who has proved a moment ago who they are.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{TimeDelta, Utc};
use muster_domain::user::Role;
use muster_embedded::socket_client;
use muster_tests::client::{Client, Request};
use muster_tests::server::Server;
use muster_tests::tables::PREFIX;
use serde_json::json;

use crate::second_factors::Protected;
use crate::support::{PASSWORD, Person, admin, log_in, member, new_email, nobody, person, server};
use crate::tokens::claims;

/// Makes a time that is kept of a session be so long ago, as if it had been going on since then.
pub(crate) async fn was_long_ago(server: &Server, client: &Client, attribute: &str, ago: TimeDelta) {
    let store = socket_client(&server.data().join("muster.sock")).unwrap();
    let session = claims(client.token())["sid"].as_str().unwrap().to_owned();
    let at = (Utc::now() - ago).timestamp_millis();
    let update = store.update_item().table_name(format!("{PREFIX}sessions"));
    let update = update.key("pk", AttributeValue::S(session)).update_expression(format!("SET {attribute} = :at"));
    update.expression_attribute_values(":at", AttributeValue::N(at.to_string())).send().await.unwrap();
}

async fn grown_old(person: &Person) {
    was_long_ago(server().await, &person.client, "created_at", TimeDelta::minutes(16)).await;
}

#[tokio::test]
pub(crate) async fn what_decides_who_signs_in_needs_a_proof_that_is_not_old() {
    let (chief, other) = (person(Role::Admin).await, member().await);
    let email = new_email();
    let invited = json!({ "email": new_email() });
    let invited = chief.client.post("/invitations").json(&invited).send().await.is(201).value();
    let webhook = json!({ "url": "https://hooks.invalid/", "enabled": false });
    let made = chief.client.post("/webhooks").json(&webhook).send().await.is(201).value();
    let of_webhook = format!("/webhooks/{}", made["id"].as_str().unwrap());
    let (of_other, leaver) = (format!("/users/{}", other.id), member().await);
    let of_leaver = format!("/users/{}", leaver.id);
    let requests = |client: &Client| -> Vec<(Request, u16)> {
        vec![
            (client.put("/profile").json(&json!({ "email": email })), 200),
            (client.put(&of_other).json(&json!({ "role": "manager" })), 200),
            (client.put(&of_other).json(&json!({ "email": new_email() })), 200),
            (client.delete(&format!("{of_other}/second-factor")), 204),
            (client.delete(&format!("{of_other}/sessions")), 204),
            (client.post("/tokens").json(&json!({ "name": "a program", "scopes": ["tasks:read"] })), 201),
            (client.post("/users").json(&json!({ "name": "A friend", "email": new_email(), "role": "admin" })), 201),
            (client.post("/invitations").json(&json!({ "email": new_email(), "role": "admin" })), 201),
            (client.delete(&format!("/invitations/{}", invited["id"].as_str().unwrap())), 204),
            (client.post("/webhooks").json(&webhook), 201),
            (client.post(&format!("{of_webhook}/secret")), 200),
            (client.put(&of_webhook).json(&webhook), 200),
            (client.delete(&of_webhook), 204),
            (client.delete(&of_leaver), 200),
            (client.post(&format!("{of_leaver}/erase")).json(&json!({ "confirm": leaver.id })), 200),
        ]
    };
    grown_old(&chief).await;
    for (request, _) in requests(&chief.client) {
        request.send().await.problem(403, "fresh_sign_in_required");
    }
    chief.client.put("/profile").json(&json!({ "name": "Still Signed In" })).send().await.is(200);
    other.client.get("/profile").send().await.is(200);
    leaver.client.get("/profile").send().await.is(200);

    for (body, wrong) in
        [(json!({ "password": "not my passphrase" }), "/password"), (json!({ "password": "" }), "/password")]
    {
        chief.client.post("/users/reauthenticate").json(&body).send().await.wrong_fields(&[wrong]);
        chief
            .client
            .put("/profile")
            .json(&json!({ "email": email }))
            .send()
            .await
            .problem(403, "fresh_sign_in_required");
    }
    chief.client.post("/users/reauthenticate").json(&json!({ "password": PASSWORD })).send().await.is(204);
    for (request, status) in requests(&chief.client) {
        request.send().await.is(status);
    }
}

#[tokio::test]
async fn a_proof_counts_for_its_session_alone_and_is_in_the_access_log() {
    let person = member().await;
    let tokens = log_in(&nobody().await, &person.email, PASSWORD).await.is(200).value();
    let other = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    grown_old(&person).await;
    was_long_ago(server().await, &other, "created_at", TimeDelta::minutes(16)).await;

    other.post("/users/reauthenticate").json(&json!({ "password": PASSWORD })).send().await.is(204);

    let ends = |client: &Client| {
        client.delete(&format!("/users/sessions/{}", claims(client.token())["sid"].as_str().unwrap()))
    };
    ends(&person.client).send().await.problem(403, "fresh_sign_in_required");
    ends(&other).send().await.is(204);
    let path = format!("/audit/access?kind=proved_again&actor={}", person.id);
    let page = admin().await.get(&path).send().await.is(200).value();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
}

#[tokio::test]
async fn whoever_has_a_second_factor_proves_with_it() {
    let protected = Protected::new().await;
    let person = &protected.person;
    let prove = async |body| person.client.post("/users/reauthenticate").json(&body).send().await;
    prove(json!({ "password": PASSWORD })).await.wrong_fields(&["/code"]);
    prove(json!({ "password": PASSWORD, "recovery_code": "AAAA-AAAA-AAAA-AAAA" }))
        .await
        .wrong_fields(&["/recovery_code"]);
    prove(json!({ "password": PASSWORD, "code": "1", "recovery_code": "2" })).await.wrong_fields(&["/code"]);
    prove(json!({ "password": PASSWORD, "recovery_code": protected.recovery_codes[0] })).await.is(204);
    let again = prove(json!({ "password": PASSWORD, "recovery_code": protected.recovery_codes[0] })).await;
    again.wrong_fields(&["/recovery_code"]);
    for (kind, times) in [("second_factor_asked", 1), ("second_factor_refused", 2), ("recovery_code_used", 1)] {
        let path = format!("/audit/access?kind={kind}&actor={}", person.id);
        let page = admin().await.get(&path).send().await.is(200).value();
        assert_eq!(page["items"].as_array().unwrap().len(), times, "{kind}: {page}");
    }
}

#[tokio::test]
async fn a_session_that_nobody_refreshes_ends() {
    let server = Server::start_with(vec![("MUSTER_SESSION_IDLE_HOURS", "2".to_owned())]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let client = client.with_token(tokens["access_token"].as_str().unwrap());
    let (two_hours, a_minute) = (TimeDelta::hours(2), TimeDelta::from_std(Duration::from_mins(1)).unwrap());
    was_long_ago(&server, &client, "rotated_at", two_hours - a_minute).await;
    client.get("/profile").send().await.is(200);

    was_long_ago(&server, &client, "rotated_at", two_hours).await;

    client.get("/profile").send().await.problem(401, "unauthenticated");
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    client.post("/users/refresh").json(&body).send().await.problem(401, "wrong_credentials");
    log_in(&client, &server.admin_email, &server.admin_password).await.is(200);
}
