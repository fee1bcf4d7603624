//! What every route refuses alike: callers who are nobody, ids of nothing, headers that are wrong.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use crate::routes::{ROUTES, Route, document, operations};
use crate::support::{admin, nobody};
use muster_tests::client::{Answer, Client, Request};

/// A request of this route with this in the place of every id, and the body that it takes.
pub(crate) fn request(client: &Client, route: &Route, id: &str) -> Request {
    let request = client.request(route.method, &route.at(id));
    match route.body {
        Some(body) => request.body("application/json", body),
        None => request,
    }
}

fn some_id() -> String {
    Uuid::new_v4().to_string()
}

/// The routes whose parameters in the document include this one.
async fn routes_with(parameter: &str) -> Vec<&'static Route> {
    let document = document().await;
    let operations = operations(&document);
    let has = |operation: &Value| {
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == parameter))
    };
    let routes: Vec<_> = ROUTES
        .iter()
        .filter(|route| {
            operations
                .iter()
                .any(|(method, path, operation)| (route.method, route.path) == (&**method, &**path) && has(operation))
        })
        .collect();
    assert!(!routes.is_empty(), "{parameter} is a parameter of some routes");
    routes
}

#[tokio::test]
async fn without_a_token_nothing_is_done() {
    let nobody = nobody().await;
    for route in ROUTES.iter().filter(|route| !route.open) {
        let answer = request(&nobody, route, &some_id()).send().await;
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{} {}", route.method, route.path);
    }
}

/// What browsers are told of every answer.
#[track_caller]
fn tells_browsers(answer: &Answer, policy: &str, cache: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", cache),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let sent = answer.header("content-security-policy");
    assert!(sent.starts_with(policy) && sent.contains("frame-ancestors 'none'"), "{sent}");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_run_and_frame_nothing_of_it() {
    const DATA: &str = "default-src 'none'; ";
    let (admin, nobody) = (admin().await, nobody().await);
    for route in ROUTES {
        let cache = if route.path.starts_with("/api/v1/") { "no-store" } else { "no-cache" };
        tells_browsers(&request(&nobody, route, &some_id()).send().await, DATA, cache);
    }
    for path in ["/profile", "/users", "/tasks", "/users/sessions", "/audit/access"] {
        tells_browsers(admin.get(path).send().await.is(200), DATA, "no-store");
    }
    tells_browsers(nobody.request("GET", "/api/v1/nothing").send().await.is(404), DATA, "no-store");
    tells_browsers(nobody.request("PATCH", "/healthz").send().await.is(405), DATA, "no-cache");
    let page = nobody.request("GET", "/api/docs/").send().await;
    let sent = page.is(200).header("content-security-policy");
    assert!(sent.starts_with("default-src 'self'; ") && sent.contains("frame-ancestors 'none'"), "{sent}");
    assert!(!sent.contains("unsafe-eval") && !sent.contains("script-src"), "{sent}");
}

/// The routes that give out tokens, as the document has them, are those of the table *Ways in*.
#[tokio::test]
async fn every_way_in_is_on_the_page_about_security() {
    const PAGE: &str = include_str!("../../docs/security.md");
    let (_, table) = PAGE.split_once("### Ways in\n").unwrap();
    let (table, _) = table.split_once("\n###").unwrap();
    let on_page: BTreeSet<&str> = table.split('`').filter(|text| text.starts_with("POST /")).collect();
    let document = document().await;
    let gives_tokens = |operation: &Value| {
        let schema = "/responses/200/content/application~1json/schema/$ref";
        operation.pointer(schema).is_some_and(|name| name == "#/components/schemas/Tokens")
    };
    let there: BTreeSet<String> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| gives_tokens(operation))
        .map(|(method, path, _)| format!("{method} {}", path.strip_prefix("/api/v1").unwrap()))
        .collect();
    assert_eq!(there.iter().map(String::as_str).collect::<BTreeSet<_>>(), on_page);
}

#[tokio::test]
async fn a_token_of_garbage_is_no_token() {
    let client = nobody().await.with_token("eyJhbGciOiJFUzI1NiJ9.e30.garbage");
    for route in ROUTES.iter().filter(|route| !route.open) {
        request(&client, route, &some_id()).send().await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn only_a_bearer_token_is_a_token() {
    let (admin, nobody) = (admin().await, nobody().await);
    let as_header = async |value: &str| nobody.get("/profile").header("authorization", value).send().await;
    let token = admin.token();
    as_header(&format!("bearer {token}")).await.is(200);
    for wrong in ["", "Bearer", "Bearer ", token, &format!("Basic {token}"), &format!("Bearer {token} {token}")] {
        as_header(wrong).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn an_id_that_is_no_uuid_names_nothing() {
    let admin = admin().await;
    for route in ROUTES.iter().filter(|route| route.has_id()) {
        for id in ["7", "not-a-uuid", "00000000-0000-0000-0000-00000000000g", "%ff"] {
            request(&admin, route, id).send().await.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn an_id_of_nothing_is_not_found() {
    let admin = admin().await;
    for route in ROUTES.iter().filter(|route| route.has_id()) {
        request(&admin, route, &some_id()).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn an_id_of_nothing_is_not_found_whatever_version_is_expected() {
    let admin = admin().await;
    for route in routes_with("If-Match").await.into_iter().filter(|route| route.has_id()) {
        request(&admin, route, &some_id()).if_match(1).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn an_if_match_that_is_no_version_is_refused() {
    let admin = admin().await;
    for route in routes_with("If-Match").await {
        for wrong in ["3", "\"three\"", "\"-1\"", "W/\"3\"", "\"1\", \"2\"", ""] {
            let answer = request(&admin, route, &some_id()).header("if-match", wrong).send().await;
            answer.problem(400, "invalid_header");
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_has_between_1_and_255_characters() {
    let client = admin().await;
    for route in routes_with("Idempotency-Key").await {
        for wrong in ["", &"k".repeat(256), "schl\u{fc}ssel"] {
            request(&client, route, &some_id()).key(wrong).send().await.problem(400, "invalid_header");
        }
    }
}

#[tokio::test]
async fn a_min_version_that_is_no_number_is_refused() {
    let admin = admin().await;
    for route in routes_with("Muster-Min-Version").await {
        for wrong in ["latest", "-1", "\"1\"", "1.5"] {
            let request = request(&admin, route, &some_id()).header("muster-min-version", wrong);
            let answer = request.send().await;
            // Whether the team is there is not asked before whether the question is one.
            answer.problem(400, "invalid_header");
        }
    }
}

#[tokio::test]
async fn two_headers_where_one_counts_are_refused() {
    let (admin, nobody) = (admin().await, nobody().await);
    for route in routes_with("If-Match").await {
        let answer = request(&admin, route, &some_id()).if_match(1).if_match(2).send().await;
        answer.problem(400, "invalid_header");
    }
    for route in routes_with("Idempotency-Key").await {
        request(&admin, route, &some_id()).key("one").key("two").send().await.problem(400, "invalid_header");
    }
    for route in routes_with("Muster-Min-Version").await {
        let request = request(&admin, route, &some_id()).min_version(1).min_version(2);
        request.send().await.problem(400, "invalid_header");
    }
    let bearer = format!("Bearer {}", admin.token());
    for second in [bearer.as_str(), "Bearer another"] {
        let request = nobody.get("/profile").header("authorization", &bearer).header("authorization", second);
        request.send().await.problem(401, "unauthenticated");
    }
}

/// Whether it takes some parameters or none.
#[tokio::test]
async fn a_parameter_that_a_route_does_not_have_is_refused_by_name() {
    let admin = admin().await;
    let asked = async |method: &str, path: &str| admin.request(method, &format!("{path}?colour=red")).send().await;
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/api/v1/")) {
        let path = route.at(&some_id());
        let request = admin.request(route.method, &format!("{path}?colour=red"));
        let request = match route.body {
            Some(body) => request.body("application/json", body),
            None => request,
        };
        request.send().await.wrong_parameters(&["colour"]);
        if route.method == "GET" {
            asked("HEAD", &path).await.is(422);
        }
    }
    admin.get("/teams?colour=red&size=1").send().await.wrong_parameters(&["colour", "size"]);
    admin.get("/profile?colour=red&size=1").send().await.wrong_parameters(&["colour", "size"]);
    admin.get("/profile?").send().await.is(200);
    asked("GET", "/api/v1/nothing").await.problem(404, "not_found");
    asked("POST", "/api/v1/profile").await.problem(405, "method_not_allowed");
    asked("GET", "/healthz").await.is(200);
    asked("GET", "/openapi.json").await.is(200);
}

#[tokio::test]
async fn what_no_route_answers_is_a_problem_too() {
    let admin = admin().await;
    for path in ["/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/tasks", "/tasks", "/api/v1/tasks/"] {
        let problem = admin.request("GET", path).send().await.problem(404, "not_found");
        assert_eq!(problem["detail"], "There is nothing at this path.", "{path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_a_problem_and_names_those_it_has() {
    let admin = admin().await;
    for (method, path, allowed) in [
        ("PATCH", "/api/v1/tasks".to_owned(), vec!["GET", "POST"]),
        ("DELETE", "/api/v1/profile".to_owned(), vec!["GET", "PUT"]),
        ("POST", format!("/api/v1/tasks/{}", some_id()), vec!["GET", "PUT", "DELETE"]),
        ("POST", "/healthz".to_owned(), vec!["GET"]),
    ] {
        let answer = admin.request(method, &path).send().await;
        answer.problem(405, "method_not_allowed");
        let named = answer.header("allow");
        assert!(allowed.iter().all(|method| named.contains(method)), "{method} {path}: {named}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_name_that_its_sender_gave_it_if_it_is_a_fit_one() {
    let nobody = nobody().await;
    let named = async |name: &str| {
        let answer = nobody.request("GET", "/healthz").header("x-request-id", name).send().await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(named("job-7.retry:2_b").await, "job-7.retry:2_b");
    for unfit in ["", "two words", "<script>", &"x".repeat(129)] {
        let given = named(unfit).await;
        assert_eq!(given.parse::<Uuid>().map(|id| id.get_version_num()), Ok(7), "{unfit:?} became {given:?}");
    }
}

#[tokio::test]
async fn every_route_of_the_document_is_there() {
    let (document, nobody) = (document().await, nobody().await);
    for (method, path, _) in operations(&document) {
        let route =
            ROUTES.iter().find(|route| (route.method, route.path) == (&*method, &*path)).expect("a line in ROUTES");
        // Where nobody is asked who they are, it is said at once that there is no such thing.
        let at = if route.open { route.at("open") } else { route.at(&some_id()) };
        let answer = nobody.request(&method, &at).send().await;
        assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.text);
    }
}
