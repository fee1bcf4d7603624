//! Webhooks: set up, told, tried again, and what is refused. How their sender treats receivers that mean no good is tested in
//! `handlers/tests/webhooks`.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures::future::join_all;
use muster_tests::client::Client;
use muster_tests::server::Server;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::page::walk;
use crate::support::{admin, eventually, log_in, task};

/// What a receiver got: headers and body.
pub(crate) type Inbox = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver that takes everything, and where it is.
pub(crate) async fn receiver() -> (Inbox, String) {
    async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
        inbox.lock().unwrap().push((headers, body));
        StatusCode::NO_CONTENT
    }
    let inbox = Inbox::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/secret-path/hooks", listener.local_addr().unwrap());
    let routes = Router::new().route("/secret-path/hooks", post(take)).with_state(Arc::clone(&inbox));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (inbox, url)
}

/// A server whose webhooks may lead to this computer, and its administrator.
pub(crate) async fn local_server() -> (Server, Client) {
    let environment = [("MUSTER_WEBHOOK_NETWORKS", "127.0.0.1,10.9.0.0/16"), ("MUSTER_WEBHOOK_HTTP", "true")];
    let server = Server::start_with(environment.map(|(name, value)| (name, value.to_owned())).into()).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let client = client.with_token(tokens["access_token"].as_str().unwrap());
    (server, client)
}

/// What the receiver has got with this header of this value.
async fn got(inbox: &Inbox, header: &str, value: &str) -> (HeaderMap, Bytes) {
    eventually("the receiver is told", async || {
        let inbox = inbox.lock().unwrap();
        inbox.iter().find(|(headers, _)| headers.get(header).is_some_and(|found| found == value)).cloned()
    })
    .await
}

#[track_caller]
fn assert_signed(secrets: &[&str], (headers, body): &(HeaderMap, Bytes)) {
    let (time, signatures) = headers["muster-signature"].to_str().unwrap().split_once(',').unwrap();
    let signed = [time.strip_prefix("t=").unwrap().as_bytes(), b".", body].concat();
    let expected = secrets.iter().map(|secret| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed);
        let hex = tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        format!("v1={hex}")
    });
    assert_eq!(signatures, expected.collect::<Vec<_>>().join(","));
}

async fn deliveries(client: &Client, webhook: &str) -> Vec<Value> {
    walk(client, &format!("/webhooks/{webhook}/deliveries"), 50).await
}

/// A delivery, once nothing more is to come of it.
async fn settled(client: &Client, webhook: &str, delivery: &str) -> Value {
    eventually("the delivery is done", async || {
        let all = deliveries(client, webhook).await;
        all.into_iter().find(|one| one["id"] == delivery && one["status"] != "pending")
    })
    .await
}

#[tokio::test]
pub(crate) async fn an_administrator_sets_up_a_webhook_and_its_receiver_is_told() {
    let (_server, client) = local_server().await;
    let (inbox, url) = receiver().await;
    let body = json!({ "url": url, "event_types": ["TaskStatusChanged", "TaskCreated"] });
    let made = client.post("/webhooks").json(&body).send().await;
    assert_eq!((made.header("etag"), made.header("cache-control")), ("\"1\"", "no-store"));
    let made = made.is(201).value();
    let (id, secret) = (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned());
    assert_eq!(made["event_types"], json!(["TaskCreated", "TaskStatusChanged"]));
    assert_eq!(
        (&made["enabled"], &made["failing_since"], &made["team_id"]),
        (&json!(true), &Value::Null, &Value::Null)
    );

    let task = task(&client, json!({ "labels": ["lift"] })).await.id;
    let history = client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    let event = &history["items"][0]["events"][0];
    let told = got(&inbox, "muster-event-id", event["event_id"].as_str().unwrap()).await;
    assert_eq!(serde_json::from_slice::<Value>(&told.1).unwrap(), *event);
    assert_signed(&[&secret], &told);

    let delivery_id = told.0["muster-delivery-id"].to_str().unwrap();
    let delivery = settled(&client, &id, delivery_id).await;
    assert_eq!((&delivery["event_type"], &delivery["version"]), (&json!("TaskCreated"), &json!(1)));
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["status"]), (&json!("delivered"), &json!(204)));
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(delivery["stream"], json!({ "type": "task", "id": task }));

    // Again, because somebody asks for it.
    let replay = client.post(&format!("/webhooks/{id}/deliveries/{delivery_id}/replay")).send().await.is(202).value();
    assert_eq!((&replay["replay_of"], &replay["event_id"]), (&json!(delivery_id), &event["event_id"]));
    let again = got(&inbox, "muster-delivery-id", replay["id"].as_str().unwrap()).await;
    assert_eq!(again.1, told.1);

    // With another secret, and the one before it.
    let rotated = client.post(&format!("/webhooks/{id}/secret")).send().await.is(200).value();
    let newer = rotated["secret"].as_str().unwrap();
    assert_ne!(newer, secret);
    let test = client.post(&format!("/webhooks/{id}/test")).send().await.is(202).value();
    assert_eq!((&test["event_type"], &test["event_id"]), (&json!("WebhookTest"), &Value::Null));
    let tested = got(&inbox, "muster-delivery-id", test["id"].as_str().unwrap()).await;
    assert_signed(&[newer, &secret], &tested);
    assert_eq!(serde_json::from_slice::<Value>(&tested.1).unwrap()["type"], "WebhookTest");
    assert_eq!(settled(&client, &id, test["id"].as_str().unwrap()).await["status"], "delivered");

    // Once it is removed, nobody is told of anything.
    client.delete(&format!("/webhooks/{id}")).send().await.is(204);
    client.get(&format!("/webhooks/{id}")).send().await.problem(404, "not_found");
    let before = inbox.lock().unwrap().len();
    let (other_inbox, other_url) = receiver().await;
    client.post("/webhooks").json(&json!({ "url": other_url })).send().await.is(201);
    let status = json!({ "status": "in_progress" });
    client.post(&format!("/tasks/{task}/status")).json(&status).send().await.is(200);
    eventually("the other receiver is told", async || (!other_inbox.lock().unwrap().is_empty()).then_some(())).await;
    assert_eq!(inbox.lock().unwrap().len(), before);
}

#[tokio::test]
async fn a_webhook_that_is_asked_for_again_under_its_key_is_the_same_one() {
    let (_server, client) = local_server().await;
    let body = json!({ "url": "https://hooks.example.com/muster", "event_types": ["TaskCreated", "TaskDeleted"] });
    let key = Uuid::new_v4().to_string();
    let ask = async |body: &Value| client.post("/webhooks").key(&key).json(body).send().await;
    let made: Vec<Value> = join_all((0..3).map(|_| ask(&body))).await.iter().map(|one| one.is(201).value()).collect();
    assert!(made.iter().all(|one| *one == made[0]), "the secret, too");
    let spelled = json!({ "url": "https://hooks.example.com/muster", "event_types": ["TaskDeleted", "TaskCreated"] });
    assert_eq!(ask(&spelled).await.is(201).value(), made[0]);
    ask(&json!({ "url": "https://hooks.example.com/other" })).await.problem(422, "idempotency_key_reused");
    let count = async || client.get("/webhooks").send().await.is(200).value()["items"].as_array().unwrap().len();
    assert_eq!(count().await, 1);

    // What it is signed with now, only whoever changed it was told.
    let path = format!("/webhooks/{}", made[0]["id"].as_str().unwrap());
    client.post(&format!("{path}/secret")).send().await.is(200);
    ask(&body).await.problem(409, "conflict");
    client.post("/webhooks").json(&body).send().await.is(201);
    assert_eq!(count().await, 2, "without a key each is one of its own");
}

#[tokio::test]
pub(crate) async fn a_webhook_is_shown_without_its_secret_and_changed_as_a_whole() {
    let (_server, client) = local_server().await;
    let body = json!({ "url": "https://hooks.example.com/muster", "event_types": ["TaskCreated"] });
    let made = client.post("/webhooks").json(&body).send().await.is(201).value();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let path = format!("/webhooks/{id}");

    let shown = client.get(&path).send().await;
    let listed = client.get("/webhooks").send().await;
    assert!(!shown.text.contains(secret) && !listed.text.contains(secret));
    assert_eq!(listed.is(200).value()["items"], json!([shown.is(200).value()]));

    let team = client.post("/teams").json(&json!({ "name": "Lifts" })).send().await.is(201).value()["id"].clone();
    let team = team.as_str().unwrap();
    let other = json!({ "url": "https://hooks.example.com/other", "team_id": team, "enabled": false });
    client.put(&path).if_match(2).json(&other).send().await.problem(412, "stale_version");
    let changed = client.put(&path).if_match(1).json(&other).send().await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.is(200).value();
    assert_eq!(
        (&changed["version"], &changed["enabled"], &changed["event_types"]),
        (&json!(2), &json!(false), &json!([]))
    );
    client.put(&path).if_match(1).json(&other).send().await.problem(412, "stale_version");
    for action in ["test", &format!("deliveries/{}/replay", Uuid::new_v4())] {
        client.post(&format!("{path}/{action}")).send().await.problem(409, "conflict");
    }

    // What was done is in the access log, with before and after: the host, and nothing that may be a secret.
    client.post(&format!("{path}/secret")).send().await.is(200);
    client.delete(&path).send().await.is(204);
    let entries = walk(&client, "/audit/access?outcome=allowed", 200).await;
    let about = format!("webhook#{id}");
    let mut told: Vec<(String, Value)> = entries
        .iter()
        .filter(|entry| entry["subject"] == about.as_str())
        .map(|entry| (entry["kind"].as_str().unwrap().to_owned(), entry["reason"].clone()))
        .collect();
    told.reverse();
    let made = "host hooks.example.com, events TaskCreated, team none, enabled true";
    let change = format!("events TaskCreated → all, team none → {team}, enabled true → false, path");
    assert_eq!(
        told,
        [
            ("webhook_made".to_owned(), json!(made)),
            ("webhook_changed".to_owned(), json!(change)),
            ("webhook_secret_rotated".to_owned(), Value::Null),
            ("webhook_removed".to_owned(), Value::Null),
        ]
    );
}

#[tokio::test]
async fn a_webhook_leads_to_a_public_https_url_unless_the_operator_says_otherwise() {
    let public = admin().await;
    let refused = async |client: &Client, url: &str| {
        client.post("/webhooks").json(&json!({ "url": url })).send().await.wrong_fields(&["/url"]);
    };
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://10.9.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data/",
        "https://ada:secret@hooks.example.com/",
        "ftp://hooks.example.com/",
        "hooks.example.com",
        "",
    ] {
        refused(&public, url).await;
    }
    let (_server, local) = local_server().await;
    for url in ["http://127.0.0.1:9/", "https://10.9.1.1/", "http://hooks.example.com/"] {
        local.post("/webhooks").json(&json!({ "url": url })).send().await.is(201);
    }
    for url in ["http://127.0.0.2/", "https://10.10.0.1/", "https://169.254.169.254/"] {
        refused(&local, url).await;
    }
    let wrong =
        json!({ "url": "https://hooks.example.com/", "event_types": ["TaskCreated", "TaskSung"], "team_id": "north" });
    local.post("/webhooks").json(&wrong).send().await.wrong_fields(&["/event_types/1", "/team_id"]);
    let many = json!({ "url": "https://hooks.example.com/", "event_types": vec!["TaskCreated"; 65] });
    local.post("/webhooks").json(&many).send().await.wrong_fields(&["/event_types"]);
}

#[tokio::test]
async fn a_webhook_of_a_team_that_is_not_there_is_refused() {
    let (_server, client) = local_server().await;
    let of_nobody = json!({ "url": "https://hooks.example.com/", "team_id": Uuid::new_v4() });
    client.post("/webhooks").json(&of_nobody).send().await.wrong_fields(&["/team_id"]);
    assert_eq!(client.get("/webhooks").send().await.is(200).value()["items"], json!([]));

    let of_all = json!({ "url": "https://hooks.example.com/" });
    let made = client.post("/webhooks").json(&of_all).send().await.is(201).value();
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    client.put(&path).json(&of_nobody).send().await.wrong_fields(&["/team_id"]);
    let shown = client.get(&path).send().await.is(200).value();
    assert_eq!((&shown["team_id"], &shown["version"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn there_are_fifty_webhooks_at_most() {
    let (_server, client) = local_server().await;
    let body = json!({ "url": "https://hooks.example.com/", "enabled": false });
    for _ in 0..50 {
        client.post("/webhooks").json(&body).send().await.is(201);
    }
    client.post("/webhooks").json(&body).send().await.problem(409, "too_many_webhooks");
    let all = client.get("/webhooks").send().await.is(200).value();
    assert_eq!(all["items"].as_array().unwrap().len(), 50);
}

#[tokio::test]
pub(crate) async fn a_receiver_that_is_away_is_in_the_log_and_is_tried_again() {
    let (_server, client) = local_server().await;
    // Nobody listens here any more.
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let body = json!({ "url": format!("http://{gone}/"), "event_types": ["TaskCreated"] });
    let id = client.post("/webhooks").json(&body).send().await.is(201).value()["id"].as_str().unwrap().to_owned();
    task(&client, json!({})).await;

    let delivery = eventually("the first attempt failed", async || {
        let mut all = deliveries(&client, &id).await;
        all.pop().filter(|one| one["attempts"].as_array().unwrap().len() == 1)
    })
    .await;
    assert_eq!(delivery["status"], "pending");
    assert_eq!(delivery["attempts"][0]["status"], Value::Null);
    assert_eq!(delivery["attempts"][0]["error"], "no connection, or its certificate is not good");
    assert!(delivery["next_attempt_at"].is_string());
    let webhook = client.get(&format!("/webhooks/{id}")).send().await.is(200).value();
    assert!(webhook["failing_since"].is_string() && webhook["enabled"] == true, "{webhook}");
    let wrong = client.get(&format!("/webhooks/{id}/deliveries?cursor=nothing")).send().await;
    assert_eq!(wrong.problem(422, "invalid_request")["errors"][0]["parameter"], "cursor");
}
