//! What every route that takes a body refuses alike: what is not JSON, too large, or of another shape.

use muster_handlers::http::MAX_BODY_BYTES;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::routes::{ROUTES, Route};
use crate::support::{admin, log_in, new_email};
use muster_tests::client::{Answer, Client};

fn with_bodies() -> impl Iterator<Item = (&'static Route, Value)> {
    ROUTES.iter().filter_map(|route| Some((route, serde_json::from_str(route.body?).unwrap())))
}

async fn send(client: &Client, route: &Route, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let id = Uuid::new_v4().to_string();
    client.request(route.method, &route.at(&id)).body(content_type, body).send().await
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let admin = admin().await;
    for (route, body) in with_bodies() {
        let half = body.to_string().trim_end_matches('}').to_owned();
        let twice = format!("{body}{body}");
        let (comma, single) = (format!("{half},}}"), body.to_string().replace('"', "'"));
        let texts = ["", "{", "title=x", "\u{0}", &half, &twice, &comma, &single];
        // Nothing is wrong with single quotes where there are none.
        let right = body.to_string();
        for wrong in texts.into_iter().filter(|text| *text != right) {
            send(&admin, route, "application/json", wrong.to_owned()).await.problem(400, "malformed_json");
        }
        let (begun, no_text) = (body.to_string().into_bytes(), b"\xff".to_vec());
        let cut = begun[..begun.len() - 2].to_vec();
        let in_a_text = [cut, no_text, b"\"}".to_vec()].concat();
        send(&admin, route, "application/json", in_a_text).await.problem(400, "malformed_json");
    }
}

#[tokio::test]
async fn what_is_not_declared_as_json_is_refused() {
    let admin = admin().await;
    for (route, body) in with_bodies() {
        for wrong in
            ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/problem+json"]
        {
            send(&admin, route, wrong, body.to_string()).await.problem(415, "unsupported_media_type");
        }
        let undeclared = admin.request(route.method, &route.at(&Uuid::new_v4().to_string()));
        undeclared.send().await.problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn json_may_be_declared_with_its_character_set() {
    let (admin, email) = (admin().await, new_email());
    let body = json!({ "email": email, "password": "not the password" }).to_string();
    let answer = admin.post("/users/login").body("Application/JSON; charset=utf-8", body).send().await;
    answer.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn a_field_that_is_not_known_is_refused_by_name() {
    let admin = admin().await;
    for (route, mut body) in with_bodies() {
        body["colour"] = json!("red");
        send(&admin, route, "application/json", body.to_string()).await.wrong_fields(&["/colour"]);
    }
}

#[tokio::test]
async fn a_field_of_another_type_is_refused_by_name() {
    let admin = admin().await;
    for (route, body) in with_bodies() {
        for (field, right) in body.as_object().unwrap() {
            let mut wrong = body.clone();
            wrong[field] = if right.is_object() { json!("text") } else { json!({ "of": ["another", "type"] }) };
            let answer = send(&admin, route, "application/json", wrong.to_string()).await;
            answer.wrong_fields(&[&format!("/{field}")]);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let admin = admin().await;
    for (route, body) in with_bodies() {
        let values: Vec<&Value> = body.as_object().unwrap().values().collect();
        for wrong in [json!(null), json!("text"), json!(7), json!([]), json!(values)] {
            send(&admin, route, "application/json", wrong.to_string()).await.wrong_fields(&[""]);
        }
    }
}

#[tokio::test]
async fn a_field_that_must_be_there_is_named_when_it_is_missing() {
    let admin = admin().await;
    for (path, missing) in [
        ("/users/signup", "/name"),
        ("/users/login", "/email"),
        ("/users/refresh", "/refresh_token"),
        ("/users", "/name"),
        ("/teams", "/name"),
        ("/tasks", "/title"),
    ] {
        admin.post(path).json(&json!({})).send().await.wrong_fields(&[missing]);
    }
    for (path, missing) in [
        ("assign", "/assignee_id"),
        ("status", "/status"),
        ("deadline", "/deadline"),
        ("hold", "/reason"),
        ("resume", "/reason"),
        ("comments", "/text"),
    ] {
        let path = format!("/tasks/{}/{path}", Uuid::new_v4());
        admin.post(&path).json(&json!({})).send().await.wrong_fields(&[missing]);
    }
}

#[tokio::test]
async fn a_body_may_have_256_kib_and_not_a_byte_more() {
    let admin = admin().await;
    // What brings a file may have more: imports.rs.
    for (route, _) in with_bodies().filter(|(route, _)| route.path != "/api/v1/imports") {
        let answer = send(&admin, route, "application/json", padded(MAX_BODY_BYTES + 1)).await;
        answer.problem(413, "too_large");
        let read = send(&admin, route, "application/json", padded(MAX_BODY_BYTES)).await;
        assert_eq!(read.problem(422, "invalid_request")["errors"][0]["pointer"], "/x", "{}", route.path);
    }
    // The server goes on.
    log_in(&admin, &new_email(), "not the password").await.problem(401, "wrong_credentials");
}

/// JSON of so many bytes.
fn padded(bytes: usize) -> String {
    let frame = r#"{"x":""}"#.len();
    format!(r#"{{"x":"{}"}}"#, "a".repeat(bytes - frame))
}
