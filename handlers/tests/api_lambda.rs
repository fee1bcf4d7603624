//! The two Lambdas behind the HTTP API, with the JSON that API Gateway sends them.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use axum::Router;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::join_all;
use http_body_util::BodyExt as _;
use lambda_http::request::LambdaRequest;
use muster_domain::user::Role;
use muster_domain::{EventReader, RecordedEvent, UserId};
use muster_handlers::clock::SystemClock;
use muster_handlers::http::{MAX_BODY_BYTES, Rates, Settings, command_router, query_router};
use muster_handlers::lambda::project_queue;
use muster_handlers::wiring::app;
use muster_identity::{ServerSecret, SigningKey, TokenSettings};
use muster_projections::{DirectoryQueries, ReadModels, hosted};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use support::{PREFIX, Store, fixture, http_event, on_the_bus, queue_event};
use tower::ServiceExt as _;

const TASK: &str = "/api/v1/tasks/0190b2f4-0000-7000-8000-000000000001";

/// The two Lambdas over one store.
struct Lambdas {
    command: Router,
    query: Router,
    store: Store,
}

/// What a Lambda answered.
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status and code of a problem, after a look at what every problem has.
    #[track_caller]
    fn problem(&self) -> (u16, &str) {
        let code = self.body["code"].as_str().unwrap_or_default();
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        assert_eq!(self.body["type"], format!("urn:muster:problem:{code}"));
        assert_eq!(self.body["status"], self.status);
        (self.status, code)
    }
}

impl Lambdas {
    async fn new() -> Self {
        let store = Store::new().await;
        let client = store.client.clone();
        Self::over(store, &client, &Settings::default())
    }

    /// The same, where they reach the store by this client.
    fn over(store: Store, client: &Client, settings: &Settings) -> Self {
        let lambda = || {
            let (key, secret) = (SigningKey::from_pem(&PEM).unwrap(), ServerSecret::from_bytes([7; 32]));
            let tokens = TokenSettings::new("https://muster.test", "https://muster.test");
            Arc::new(app(client, PREFIX, &store.keys(), Arc::new(key), &secret, tokens, settings.clone()).unwrap())
        };
        Self { command: command_router(lambda()), query: query_router(lambda()), store }
    }

    async fn command(&self, event: &Value) -> Answer {
        invoke(&self.command, event).await
    }

    async fn query(&self, event: &Value) -> Answer {
        invoke(&self.query, event).await
    }

    /// Signs somebody up: the account.
    async fn sign_up(&self, name: &str) -> Value {
        let email = format!("{}@example.com", name.to_lowercase());
        let account = json!({ "name": name, "email": email, "password": "correct horse battery" });
        let signed_up = self.command(&post("/api/v1/users/signup", &[], &account)).await;
        assert_eq!(signed_up.status, 201, "{}", signed_up.body);
        signed_up.body
    }

    /// Signs them in; their access token as a header.
    async fn sign_in(&self, name: &str) -> String {
        let email = format!("{}@example.com", name.to_lowercase());
        let credentials = json!({ "email": email, "password": "correct horse battery" });
        let signed_in = self.command(&post("/api/v1/users/login", &[], &credentials)).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.body);
        format!("Bearer {}", signed_in.body["access_token"].as_str().unwrap())
    }

    /// Signs a new member up and in, after the administrator; their access token as a header.
    async fn bearer(&self) -> String {
        self.sign_up("Owner").await;
        self.sign_up("Ada").await;
        self.sign_in("Ada").await
    }

    /// Lets the directory take this event in.
    async fn project(&self, event: &RecordedEvent) {
        let reader: Arc<dyn EventReader> = Arc::new(self.store.events());
        let mut all = hosted(&self.store.client, PREFIX, &reader).into_iter();
        let directory = all.find(|projection| projection.name() == "directory").unwrap();
        let batch: SqsEvent = serde_json::from_value(queue_event(&[("m", on_the_bus(event).to_string())])).unwrap();
        assert_eq!(project_queue(&*directory, &SystemClock, batch).await.batch_item_failures.len(), 0);
    }
}

/// Both Lambdas have the same secrets.
static PEM: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| SigningKey::generate().unwrap().to_pem().unwrap().to_string());

/// As `lambda_http` does it: the event becomes a request, and the router answers it.
async fn invoke(router: &Router, event: &Value) -> Answer {
    let request: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    let request = lambda_http::Request::from(request);
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn get(target: &str, headers: &[(&str, &str)]) -> Value {
    http_event("GET", target, headers, None)
}

fn post(target: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    http_event("POST", target, headers, Some(&body.to_string()))
}

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
async fn of_many_who_sign_up_at_once_where_nobody_administrates_one_does() {
    let lambdas = Lambdas::new().await;
    let names: Vec<_> = (0..8).map(|number| format!("Person{number}")).collect();

    let accounts = join_all(names.iter().map(|name| lambdas.sign_up(name))).await;

    let roles = |role: &str| accounts.iter().filter(|account| account["role"] == role).count();
    assert_eq!((roles("admin"), roles("member")), (1, 7), "{accounts:?}");
    assert_eq!(lambdas.sign_up("Late").await["role"], "member");
    // Nor does it depend on what a process remembers.
    let client = lambdas.store.client.clone();
    let fresh = Lambdas::over(lambdas.store, &client, &Settings::default());
    assert_eq!(fresh.sign_up("Later").await["role"], "member");
    let first = accounts.iter().find(|account| account["role"] == "admin").unwrap();
    let bearer = fresh.sign_in(first["name"].as_str().unwrap()).await;
    let team = post("/api/v1/teams", &[("authorization", &bearer)], &json!({ "name": "North" }));
    assert_eq!(fresh.command(&team).await.status, 201);
}

#[tokio::test]
async fn whoever_administrates_as_the_first_gets_their_first_answer_again() {
    let lambdas = Lambdas::new().await;
    let sign_up = |name: &str| {
        let account =
            json!({ "name": name, "email": format!("{name}@example.com"), "password": "correct horse battery" });
        post("/api/v1/users/signup", &[("idempotency-key", "once")], &account)
    };
    let first = lambdas.command(&sign_up("ada")).await;
    assert_eq!((first.status, &first.body["role"]), (201, &json!("admin")), "{}", first.body);
    assert_eq!(lambdas.command(&sign_up("ada")).await.body, first.body);

    let second = lambdas.command(&sign_up("ben")).await;

    assert_eq!((second.status, &second.body["role"]), (201, &json!("member")), "{}", second.body);
    for (name, answer) in [("ada", &first), ("ben", &second)] {
        assert_eq!(lambdas.command(&sign_up(name)).await.body, answer.body);
    }
}

#[tokio::test]
async fn a_new_role_and_another_team_count_at_once_although_the_directory_knows_nothing_of_them() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let owner = lambdas.sign_in("Owner").await;
    let (signed_in, chief) = (("authorization", bearer.as_str()), ("authorization", owner.as_str()));
    let me = lambdas.query(&get("/api/v1/profile", &[signed_in])).await.body;
    let (account, path) = (format!("/api/v1/users/{}", me["id"].as_str().unwrap()), "/api/v1/tasks");
    let id: UserId = serde_json::from_value(me["id"].clone()).unwrap();
    lambdas.project(&lambdas.store.history(id).await[0]).await;
    let give = async |role: &str| {
        let body = json!({ "role": role }).to_string();
        let given = lambdas.command(&http_event("PUT", &account, &[chief], Some(&body))).await;
        assert_eq!(given.status, 200, "{}", given.body);
    };
    let row = async || {
        let directory = DirectoryQueries::new(ReadModels::new(lambdas.store.client.clone(), PREFIX));
        let row = directory.account(id).await.unwrap().unwrap();
        (row.version, row.document().role)
    };

    give("auditor").await;
    let refused = lambdas.command(&post(path, &[signed_in], &json!({ "title": "Not an auditor's" }))).await;
    assert_eq!(refused.problem(), (403, "forbidden"));
    assert_eq!(lambdas.query(&get("/api/v1/audit/access", &[signed_in])).await.status, 200);
    give("manager").await;
    assert_eq!(lambdas.query(&get("/api/v1/audit/access", &[signed_in])).await.problem(), (403, "forbidden"));

    let team = lambdas.command(&post("/api/v1/teams", &[chief], &json!({ "name": "North" }))).await.body;
    let task = json!({ "title": "Check the pump", "team_id": team["id"] });
    let task = lambdas.command(&post(path, &[chief], &task)).await.header("location").to_owned();
    let read = get(&task, &[signed_in, ("muster-min-version", "1")]);
    let member = format!("/api/v1/teams/{}/members/{id}", team["id"].as_str().unwrap());
    assert_eq!(lambdas.query(&read).await.problem(), (404, "not_found"));
    assert_eq!(lambdas.command(&http_event("PUT", &member, &[chief], None)).await.status, 200);
    assert_eq!(lambdas.query(&read).await.status, 200);
    assert_eq!(lambdas.command(&http_event("DELETE", &member, &[chief], None)).await.status, 200);
    assert_eq!(lambdas.query(&read).await.problem(), (404, "not_found"));

    assert_eq!(row().await, (1, Role::Member), "the directory never learnt of it");
}

/// Notes which requests are about this table.
#[derive(Clone, Debug)]
struct About(&'static str, Arc<Mutex<usize>>);

impl Intercept for About {
    fn name(&self) -> &'static str {
        "About"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        if body.contains(&format!("\"{PREFIX}{}\"", self.0)) {
            *self.1.lock().unwrap() += 1;
        }
        Ok(())
    }
}

#[tokio::test]
async fn who_tries_passwords_where_they_found_somebody_signed_in_is_stopped_before_the_store() {
    let store = Store::new().await;
    let about = About("credentials", Arc::default());
    let client = Client::from_conf(store.client.config().to_builder().interceptor(about.clone()).build());
    let rates = Rates { attempts: 1, ..Rates::default() };
    let lambdas = Lambdas::over(store, &client, &Settings { rates, ..Settings::default() });
    let bearer = lambdas.bearer().await;
    let asked = || std::mem::take(&mut *about.1.lock().unwrap());
    let path = "/api/v1/profile/second-factor";
    let send = async |method: &str, path: &str, body: Value| {
        let event = http_event(method, path, &[("authorization", &bearer)], Some(&body.to_string()));
        lambdas.command(&event).await
    };
    asked();
    let wrong = send("POST", path, json!({ "password": "a wrong passphrase" })).await;
    assert_eq!(wrong.problem(), (422, "invalid_request"));
    assert_eq!(asked(), 3, "the password, and the try, of which there was none before");

    let right = json!({ "password": "correct horse battery" });
    let proof = json!({ "password": "correct horse battery", "code": "000000" });
    let (confirm, codes) = (format!("{path}/confirm"), format!("{path}/recovery-codes"));
    for (method, path, body) in [
        ("POST", path, right),
        ("POST", confirm.as_str(), json!({ "code": "000000" })),
        ("POST", codes.as_str(), proof.clone()),
        ("DELETE", path, proof),
    ] {
        let refused = send(method, path, body).await;
        assert_eq!(refused.problem(), (429, "too_many_requests"), "{method} {path}");
        assert_eq!(asked(), 0, "{method} {path}");
    }
    // Their owner signs in all the same.
    lambdas.sign_in("Ada").await;
}

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
async fn both_sides_say_that_they_run_and_that_their_store_answers() {
    let lambdas = Lambdas::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(lambdas.command(&get(path, &[])).await.body["status"], "ok");
        assert_eq!(lambdas.query(&get(path, &[])).await.body["status"], "ok");
    }
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

#[tokio::test]
async fn a_sign_in_that_cannot_be_written_down_is_not_given_and_a_refusal_stays_one() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let store = &lambdas.store.client;
    store.delete_table().table_name(format!("{PREFIX}access-log")).send().await.unwrap();

    let credentials = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let signed_in = lambdas.command(&post("/api/v1/users/login", &[], &credentials)).await;
    assert_eq!(signed_in.problem(), (503, "unavailable"));
    let mut sessions = store.scan().table_name(format!("{PREFIX}sessions")).send().await.unwrap().items.unwrap();
    // And an item that says that they were begun.
    sessions.retain(|item| item.contains_key("generation"));
    let ended = sessions.iter().filter(|session| session.contains_key("ended_at")).count();
    assert_eq!((sessions.len(), ended), (2, 1), "the one that nobody holds is over");

    let bearer = ("authorization", bearer.as_str());
    let team = lambdas.command(&post("/api/v1/teams", &[bearer], &json!({ "name": "North" }))).await;
    assert_eq!(team.problem(), (403, "forbidden"));
    let signed_out = lambdas.command(&post("/api/v1/users/logout", &[bearer], &Value::Null)).await;
    assert_eq!(signed_out.status, 204);
}
