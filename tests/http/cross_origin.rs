//! Pages of other origins (CORS): what the operator allows may ask and see as much as our own, and nothing else may.

use std::collections::BTreeSet;

use reqwest::header::HeaderName;
use serde_json::{Value, json};

use crate::routes::{ROUTES, document, operations};
use crate::support::{PASSWORD, admin, log_in, nobody};
use muster_tests::client::{Answer, Client};
use muster_tests::server::Server;

const APP: &str = "https://app.example.com";

/// A server that lets the app's pages in, and few attempts to sign in.
async fn server() -> Server {
    let origins = format!("{APP}/,https://other.example.com");
    Server::start_with(vec![("MUSTER_ALLOWED_ORIGINS", origins), ("MUSTER_RATE_LIMIT_ATTEMPTS", "1".to_owned())]).await
}

fn words(answer: &Answer, header: &str) -> BTreeSet<String> {
    answer.header(header).split(',').map(|word| word.trim().to_lowercase()).collect()
}

/// The page may see the answer.
#[track_caller]
fn is_shared(answer: &Answer) {
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-credentials", "true"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("vary", "origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

/// Nothing is said to pages of other origins.
#[track_caller]
fn is_not_shared(answer: &Answer) {
    let said = |name: &HeaderName| name.as_str().starts_with("access-control-");
    assert!(!answer.headers.keys().any(said), "{:?}", answer.headers);
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
}

async fn preflight(client: &Client, origin: &str, method: &str, path: &str) -> Answer {
    let request = client.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request.header("access-control-request-headers", "authorization,content-type").send().await
}

/// The names of the headers at these places of each operation.
fn headers(document: &Value, names: fn(&Value) -> Vec<String>) -> BTreeSet<String> {
    let operations = operations(document);
    operations.into_iter().flat_map(|(_, _, operation)| names(operation)).map(|name| name.to_lowercase()).collect()
}

fn asked_with(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let of_header = parameters.filter(|parameter| parameter["in"] == "header");
    of_header.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

fn answered_with(operation: &Value) -> Vec<String> {
    let responses = operation["responses"].as_object().unwrap().values();
    let of_response = responses.filter_map(|response| response["headers"].as_object());
    of_response.flat_map(|headers| headers.keys().cloned()).collect()
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_ask_everything_that_the_api_has() {
    let (server, document) = (server().await, document().await);
    let client = Client::new(&server.base_url);
    for route in ROUTES {
        let answer = preflight(&client, APP, route.method, &route.at("00000000-0000-0000-0000-000000000001")).await;
        is_shared(answer.is(204));
        assert!(
            words(&answer, "access-control-allow-methods").contains(&route.method.to_lowercase()),
            "{}",
            route.path
        );
        assert_eq!(answer.header("access-control-max-age"), "3600");
    }
    let answer = preflight(&client, APP, "POST", "/api/v1/users/login").await;
    let allowed = words(&answer, "access-control-allow-headers");
    let asked = headers(&document, asked_with);
    assert!(asked.contains("if-match") && asked.is_subset(&allowed), "{asked:?} of {allowed:?}");
    for more in ["authorization", "content-type", "x-request-id"] {
        assert!(allowed.contains(more), "{more}");
    }
}

#[tokio::test]
async fn it_sees_every_answer_whatever_it_says_and_all_of_its_headers() {
    let (server, document) = (server().await, document().await);
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let admin = client.with_token(tokens["access_token"].as_str().unwrap());
    let get = async |path: &str| admin.request("GET", path).header("origin", APP).send().await;
    let profile = get("/api/v1/profile").await;
    is_shared(profile.is(200));
    let exposed = words(&profile, "access-control-expose-headers");
    let answered = headers(&document, answered_with);
    assert!(answered.contains("etag") && answered.is_subset(&exposed), "{answered:?} of {exposed:?}");
    for more in ["ratelimit", "ratelimit-policy", "retry-after", "x-request-id"] {
        assert!(exposed.contains(more), "{more}");
    }
    is_shared(get("/healthz").await.is(200));
    is_shared(client.get("/profile").header("origin", APP).send().await.is(401));
    is_shared(get("/api/v1/nothing").await.is(404));
    is_shared(admin.request("DELETE", "/api/v1/profile").header("origin", APP).send().await.is(405));
    is_shared(get("/api/v1/tasks?limit=0").await.is(422));
    let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
    for status in [401, 429] {
        let answer = client.post("/users/login").header("origin", APP).json(&body).send().await;
        is_shared(answer.is(status));
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing_of_it() {
    let server = server().await;
    let client = Client::new(&server.base_url);
    for origin in ["https://evil.example", "http://app.example.com", "https://app.example.com.evil.example", "null"] {
        let answer = preflight(&client, origin, "POST", "/api/v1/users/login").await;
        answer.problem(405, "method_not_allowed");
        is_not_shared(&answer);
        let answer = client.request("GET", "/healthz").header("origin", origin).send().await;
        is_not_shared(answer.is(200));
        assert_eq!(answer.header("vary"), "origin", "no cache gives it to the app");
    }
    let own = client.request("GET", "/healthz").send().await;
    is_not_shared(own.is(200));
}

#[tokio::test]
async fn where_no_origin_is_allowed_nobody_is_let_in() {
    let (nobody, admin) = (nobody().await, admin().await);
    let answer = preflight(&nobody, APP, "POST", "/api/v1/users/login").await;
    answer.problem(405, "method_not_allowed");
    is_not_shared(&answer);
    is_not_shared(admin.get("/profile").header("origin", APP).send().await.is(200));
}

#[tokio::test]
async fn what_is_no_preflight_is_answered_by_the_routes() {
    let server = server().await;
    let client = Client::new(&server.base_url);
    let options = client.request("OPTIONS", "/api/v1/users/login").header("origin", APP).send().await;
    options.problem(405, "method_not_allowed");
    is_shared(&options);
}
