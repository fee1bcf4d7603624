//! What somebody has to do in a session before anything else: choose a password of their own, set up the second factor that their role needs.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{TimeDelta, Utc};
use muster_domain::UserId;
use muster_embedded::socket_client;
use muster_tests::client::Client;
use muster_tests::server::{Server, output};
use muster_tests::smtp::Smtp;
use muster_tests::tables::PREFIX;
use serde_json::{Value, json};

use crate::second_factors::code;
use crate::support::{PASSWORD, log_in, new_email};

async fn signed_in(server: &Server, email: &str, password: &str) -> Client {
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, email, password).await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}

/// Everything but the way out, and what is to be done, is refused with this.
async fn nothing_else_is_done(client: &Client, problem: &str) {
    client.get("/profile").send().await.is(200);
    client.get("/profile/second-factor").send().await.is(200);
    for path in ["/tasks", "/users", "/users/sessions", "/tokens", "/teams", "/audit/access", "/profile/export"] {
        client.get(path).send().await.problem(403, problem);
    }
    client.post("/tasks").json(&json!({ "title": "Check the lift" })).send().await.problem(403, problem);
    let token = json!({ "name": "a program", "scopes": ["tasks:read"] });
    client.post("/tokens").json(&token).send().await.problem(403, problem);
    client.put("/profile").json(&json!({ "email": new_email() })).send().await.problem(403, problem);
}

#[tokio::test]
async fn a_password_that_was_made_up_is_changed_before_anything_else() {
    const REQUIRED: &str = "password_change_required";
    let server = Server::start_making_up_a_password().await;
    let (email, made_up) = (&server.admin_email, &server.admin_password);
    let client = signed_in(&server, email, made_up).await;
    nothing_else_is_done(&client, REQUIRED).await;

    let change = async |new: &str| {
        let body = json!({ "current_password": made_up, "new_password": new });
        client.put("/profile/password").json(&body).send().await
    };
    change(made_up).await.wrong_fields(&["/new_password"]);
    change("Administrator-1").await.wrong_fields(&["/new_password"]);
    client.get("/tasks").send().await.problem(403, REQUIRED);
    change(PASSWORD).await.is(204);

    client.get("/tasks").send().await.is(200);
    log_in(&client, email, made_up).await.problem(401, "wrong_credentials");
    signed_in(&server, email, PASSWORD).await.get("/tasks").send().await.is(200);
}

#[tokio::test]
async fn a_password_that_was_made_up_is_set_again_by_no_letter() {
    let smtp = Smtp::start();
    let server = Server::start_with(smtp.environment()).await;
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada", "--json"];
    let opened: Value = serde_json::from_str(&output(&server.data(), &create)).unwrap();
    let (client, made_up) = (Client::new(&server.base_url), opened["password"].as_str().unwrap());
    client.post("/users/password-reset").json(&json!({ "email": "ada@example.com" })).send().await.is(202);
    let token = smtp.letter("ada@example.com", "Set a new password").await.reset_token().to_owned();
    let set = async |new: &str| {
        let body = json!({ "token": token, "new_password": new });
        client.post("/users/password-reset/confirm").json(&body).send().await
    };

    set(made_up).await.wrong_fields(&["/new_password"]);

    nothing_else_is_done(&signed_in(&server, "ada@example.com", made_up).await, "password_change_required").await;
    set(PASSWORD).await.is(204);
    signed_in(&server, "ada@example.com", PASSWORD).await.get("/tasks").send().await.is(200);
}

#[tokio::test]
async fn a_password_that_was_made_up_is_good_for_a_week() {
    let server = Server::start().await;
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada", "--json"];
    let opened: Value = serde_json::from_str(&output(&server.data(), &create)).unwrap();
    let (id, made_up) =
        (opened["id"].as_str().unwrap().parse::<UserId>().unwrap(), opened["password"].as_str().unwrap());
    let store = socket_client(&server.data().join("muster.sock")).unwrap();
    let table = format!("{PREFIX}credentials");
    let key = AttributeValue::S(id.to_string());
    let item = store.get_item().table_name(&table).key("pk", key.clone()).send().await.unwrap().item.unwrap();
    let until: i64 = item["handed_over_until"].as_n().unwrap().parse().unwrap();
    let left = TimeDelta::milliseconds(until - Utc::now().timestamp_millis());
    assert!(TimeDelta::days(7) - TimeDelta::hours(1) < left && left <= TimeDelta::days(7), "{left}");
    let client = signed_in(&server, "ada@example.com", made_up).await;
    nothing_else_is_done(&client, "password_change_required").await;

    let update = store.update_item().table_name(&table).key("pk", key);
    let update = update.update_expression("SET handed_over_until = :now");
    let now = AttributeValue::N(Utc::now().timestamp_millis().to_string());
    update.expression_attribute_values(":now", now).send().await.unwrap();

    log_in(&client, "ada@example.com", made_up).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn whose_role_needs_a_second_factor_does_nothing_before_they_have_one() {
    const REQUIRED: &str = "second_factor_setup_required";
    let server = Server::start_with(vec![("MUSTER_REQUIRE_SECOND_FACTOR", "admin,manager".to_owned())]).await;
    let (email, password) = (&server.admin_email, &server.admin_password);
    let (client, elsewhere) = (signed_in(&server, email, password).await, signed_in(&server, email, password).await);
    nothing_else_is_done(&client, REQUIRED).await;

    let begun = client.post("/profile/second-factor").json(&json!({ "password": password })).send().await;
    let secret = begun.is(200).value()["secret"].as_str().unwrap().to_owned();
    client.get("/tasks").send().await.problem(403, REQUIRED);
    let body = json!({ "code": code(&secret, 0) });
    let codes =
        client.post("/profile/second-factor/confirm").json(&body).send().await.is(200).value()["recovery_codes"]
            .clone();
    client.get("/tasks").send().await.is(200);

    // A session that began before there was one shows it, too.
    elsewhere.get("/tasks").send().await.problem(403, REQUIRED);
    let shown = json!({ "password": password, "recovery_code": codes[0] });
    elsewhere.post("/users/reauthenticate").json(&shown).send().await.is(204);
    elsewhere.get("/tasks").send().await.is(200);

    // From now on it is asked for at each sign-in, and it stays.
    let challenge = log_in(&client, email, password).await.problem(401, "second_factor_required")["challenge"].clone();
    let body = json!({ "challenge": challenge, "recovery_code": codes[1] });
    let tokens = client.post("/users/login/second-factor").json(&body).send().await.is(200).value();
    let again = Client::new(&server.base_url).with_token(tokens["access_token"].as_str().unwrap());
    again.get("/tasks").send().await.is(200);
    let body = json!({ "password": password, "recovery_code": codes[2] });
    again.delete("/profile/second-factor").json(&body).send().await.problem(409, "conflict");
}

#[tokio::test]
async fn a_role_that_needs_no_second_factor_is_not_asked_for_one_until_it_becomes_another() {
    let server = Server::start_with(vec![("MUSTER_REQUIRE_SECOND_FACTOR", "manager".to_owned())]).await;
    let chief = signed_in(&server, &server.admin_email, &server.admin_password).await;
    let email = new_email();
    let body = json!({ "name": "Ben", "email": email, "password": PASSWORD });
    let ben = chief.post("/users").json(&body).send().await.is(201).value()["id"].as_str().unwrap().to_owned();
    let client = signed_in(&server, &email, PASSWORD).await;
    client.get("/tasks").send().await.is(200);

    chief.put(&format!("/users/{ben}")).json(&json!({ "role": "manager" })).send().await.is(200);

    nothing_else_is_done(&client, "second_factor_setup_required").await;
}
