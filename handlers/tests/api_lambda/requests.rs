//! What comes of a request: its form, its body, its name, and its repetition.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use muster_handlers::http::MAX_BODY_BYTES;
use serde_json::json;

use crate::lambdas::{Lambdas, get, post};
use crate::support::{fixture, http_event};

#[tokio::test]
async fn a_repeat_with_the_same_idempotency_key_gets_the_first_answer() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "one")];
    let task = |title: &str| post("/api/v1/tasks", &headers, &json!({ "title": title }));

    let first = lambdas.command(&task("Check the pump")).await;
    let repeat = lambdas.command(&task("Check the pump")).await;
    let other = lambdas.command(&task("Paint the fence")).await;

    assert_eq!((first.status, repeat.status), (201, 201));
    assert_eq!(repeat.body, first.body);
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_in_the_problem() {
    let lambdas = Lambdas::new().await;
    let sign_up = |body: &str| http_event("POST", "/api/v1/users/signup", &[], Some(body));

    let wrong = json!({ "name": "", "email": "nobody", "password": "short" });
    let wrong = lambdas.command(&sign_up(&wrong.to_string())).await;
    assert_eq!(wrong.problem(), (422, "invalid_request"));
    let pointers: Vec<_> = wrong.body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/name", "/email", "/password"]);

    assert_eq!(lambdas.command(&sign_up("{")).await.problem(), (400, "malformed_json"));
    let nothing = http_event("POST", "/api/v1/users/signup", &[], None);
    assert_eq!(lambdas.command(&nothing).await.problem(), (400, "malformed_json"));
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(MAX_BODY_BYTES));
    assert_eq!(lambdas.command(&sign_up(&large)).await.problem(), (413, "too_large"));
    let text = http_event("POST", "/api/v1/users/signup", &[("content-type", "text/plain")], Some("{}"));
    assert_eq!(lambdas.command(&text).await.problem(), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_in_the_problem() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("shape=round", "shape"),
        ("status=lost", "status"),
        ("sort=a%20b", "sort"),
    ] {
        let answer = lambdas.query(&get(&format!("/api/v1/tasks?{query}"), &[("authorization", &bearer)])).await;

        assert_eq!(answer.problem(), (422, "invalid_request"), "{query}");
        assert_eq!(answer.body["errors"][0]["parameter"], parameter, "{query}: {}", answer.body);
    }
}

/// API Gateway sends a body in base64 when it does not take it for text.
#[tokio::test]
async fn a_body_in_base64_is_the_same_body() {
    let lambdas = Lambdas::new().await;
    let account = json!({ "name": "Zoë", "email": "zoe@example.com", "password": "correct horse battery" });
    let mut event = post("/api/v1/users/signup", &[], &account);
    event["body"] = json!(BASE64_STANDARD.encode(account.to_string()));
    event["isBase64Encoded"] = json!(true);

    let answer = lambdas.command(&event).await;

    assert_eq!((answer.status, &answer.body["name"]), (201, &json!("Zoë")));
}

#[tokio::test]
async fn aws_examples_of_requests_to_other_apis_find_nothing_here() {
    let lambdas = Lambdas::new().await;
    for example in [
        "example-apigw-v2-request-no-authorizer.json",
        "example-apigw-v2-request-iam.json",
        "example-apigw-v2-request-jwt-authorizer.json",
        "example-apigw-v2-request-lambda-authorizer.json",
        "example-apigw-v2-request-multi-value-parameters.json",
    ] {
        let event = serde_json::from_str(&fixture(example)).unwrap();
        assert_eq!(lambdas.command(&event).await.problem(), (404, "not_found"), "{example}");
        assert_eq!(lambdas.query(&event).await.problem(), (404, "not_found"), "{example}");
    }
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let lambdas = Lambdas::new().await;

    let named = lambdas.query(&get("/healthz", &[("x-request-id", "mine-1")])).await;
    assert_eq!(named.header("x-request-id"), "mine-1");
    let renamed = lambdas.query(&get("/nowhere", &[("x-request-id", "not a name")])).await;
    assert_eq!(renamed.header("x-request-id").len(), 36);
}
