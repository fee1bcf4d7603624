//! What one of the two does the other knows, and each has its own routes alone.

use serde_json::json;

use crate::lambdas::{Lambdas, get, post};
use crate::support::http_event;

const TASK: &str = "/api/v1/tasks/0190b2f4-0000-7000-8000-000000000001";

#[tokio::test]
async fn what_the_command_side_wrote_the_query_side_reads() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let signed_in = ("authorization", bearer.as_str());
    let task = json!({ "title": "Check the pump", "priority": "high" });

    let created = lambdas.command(&post("/api/v1/tasks", &[signed_in, ("idempotency-key", "one")], &task)).await;

    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("etag"), "\"1\"");
    let path = created.header("location");
    assert_eq!(path, format!("/api/v1/tasks/{}", created.body["id"].as_str().unwrap()));

    let read = lambdas.query(&get(path, &[signed_in, ("muster-min-version", "1")])).await;
    assert_eq!((read.status, read.header("etag")), (200, "\"1\""), "{}", read.body);
    assert_eq!(read.body, created.body);
    assert_eq!(read.body["title"], "Check the pump");

    let status = json!({ "status": "in_progress" });
    let moved = post(&format!("{path}/status"), &[signed_in, ("if-match", "\"1\"")], &status);
    assert_eq!(lambdas.command(&moved).await.header("etag"), "\"2\"");
    let late = lambdas.command(&moved).await;
    assert_eq!(late.problem(), (412, "stale_version"));
    assert_eq!((late.header("etag"), &late.body["version"]), ("\"2\"", &json!(2)));

    let before = lambdas.query(&get(&format!("{path}?as_of=1"), &[signed_in])).await;
    assert_eq!((before.status, &before.body["status"]), (200, &json!("todo")));
    let history = lambdas.query(&get(&format!("{path}/history"), &[signed_in])).await;
    assert_eq!(history.body["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_session_that_the_command_side_ended_is_over_on_the_query_side() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let signed_in = ("authorization", bearer.as_str());
    assert_eq!(lambdas.query(&get("/api/v1/profile", &[signed_in])).await.body["email"], "ada@example.com");

    assert_eq!(lambdas.command(&http_event("POST", "/api/v1/users/logout", &[signed_in], None)).await.status, 204);

    let after = lambdas.query(&get("/api/v1/profile", &[signed_in])).await;
    assert_eq!(after.problem(), (401, "unauthenticated"));
    assert_eq!(after.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn an_api_token_that_the_command_side_made_is_good_on_both_sides_until_it_is_revoked() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let signed_in = ("authorization", bearer.as_str());
    let scopes = json!({ "name": "A program", "scopes": ["tasks:write"] });
    let made = lambdas.command(&post("/api/v1/tokens", &[signed_in], &scopes)).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.body);
    let token = format!("Bearer {}", made.body["token"].as_str().unwrap());
    let program = ("authorization", token.as_str());

    let listed = lambdas.query(&get("/api/v1/tasks", &[program])).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let created = lambdas.command(&post("/api/v1/tasks", &[program], &json!({ "title": "Check the pump" }))).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let tokens = lambdas.query(&get("/api/v1/tokens", &[signed_in])).await;
    assert!(tokens.body["items"][0]["last_used_at"].is_string(), "{}", tokens.body);
    assert_eq!(lambdas.query(&get("/api/v1/tokens", &[program])).await.problem(), (403, "session_required"));
    assert_eq!(lambdas.query(&get("/api/v1/users", &[program])).await.problem(), (403, "insufficient_scope"));

    let path = format!("/api/v1/tokens/{}", made.body["id"].as_str().unwrap());
    assert_eq!(lambdas.command(&http_event("DELETE", &path, &[signed_in], None)).await.status, 204);

    assert_eq!(lambdas.query(&get("/api/v1/tasks", &[program])).await.problem(), (401, "unauthenticated"));
    let refused = lambdas.command(&post("/api/v1/tasks", &[program], &json!({ "title": "Refused" }))).await;
    assert_eq!(refused.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn the_query_side_has_no_route_that_changes_anything() {
    let lambdas = Lambdas::new().await;
    for path in ["/users/signup", "/users/login", "/users/logout", "/users/refresh", "/login", "/refresh", "/logout"] {
        let answer = lambdas.query(&post(&format!("/api/v1{path}"), &[], &json!({}))).await;
        // `POST /users/login` finds the route of one user, which only reads.
        let expected = if path.starts_with("/users/") { (405, "method_not_allowed") } else { (404, "not_found") };
        assert_eq!(answer.problem(), expected, "{path}");
    }
    for path in ["assign", "status", "deadline", "hold", "resume", "comments", "restore"] {
        let answer = lambdas.query(&post(&format!("{TASK}/{path}"), &[], &json!({}))).await;
        assert_eq!(answer.problem(), (404, "not_found"), "{path}");
    }
    for (method, path) in [("POST", "/api/v1/tasks"), ("PUT", TASK), ("DELETE", TASK), ("PUT", "/api/v1/profile")] {
        let answer = lambdas.query(&http_event(method, path, &[], Some("{}"))).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed"), "{method} {path}");
    }
}

#[tokio::test]
async fn the_command_side_has_no_route_that_answers_questions() {
    let lambdas = Lambdas::new().await;
    for path in ["/api/v1/tasks", "/api/v1/users", "/api/v1/teams", "/api/v1/profile", TASK] {
        let answer = lambdas.command(&get(path, &[])).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed"), "{path}");
    }
    for path in ["logs", "logs/latest", "history"] {
        let answer = lambdas.command(&get(&format!("{TASK}/{path}"), &[])).await;
        assert_eq!(answer.problem(), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn without_a_good_token_nothing_is_shown_or_done() {
    let lambdas = Lambdas::new().await;
    for headers in [&[][..], &[("authorization", "Bearer forged")], &[("authorization", "Basic YWRhOnB3")]] {
        assert_eq!(lambdas.query(&get(TASK, headers)).await.problem(), (401, "unauthenticated"));
        let task = post("/api/v1/tasks", headers, &json!({ "title": "Check the pump" }));
        assert_eq!(lambdas.command(&task).await.problem(), (401, "unauthenticated"));
    }
}

#[tokio::test]
async fn both_sides_say_that_they_run_and_that_their_store_answers() {
    let lambdas = Lambdas::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(lambdas.command(&get(path, &[])).await.body["status"], "ok");
        assert_eq!(lambdas.query(&get(path, &[])).await.body["status"], "ok");
    }
}
