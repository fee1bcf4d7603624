//! How it starts, goes on after a stop, and ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
use muster_embedded::Engine;
use muster_tests::server::Server;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{log_in, new_task};

#[tokio::test]
async fn the_first_start_shows_a_sign_in_that_is_good_and_no_later_start_does() {
    let mut server = Server::start_making_up_a_password().await;
    assert_eq!(server.admin_email, "admin@muster.example");
    assert_eq!(server.admin_password.len(), 23, "made up");
    log_in(&server).await;

    assert_eq!(server.end("INT").await.code(), Some(0), "Ctrl-C ends it well");
    server.start_again().await;
    log_in(&server).await;
    let output = server.output();
    assert!(!output.contains("password"), "{output}");
    assert!(!server.logged().contains(&server.admin_password), "a password is in no log");
}

#[tokio::test]
async fn over_tls_browsers_are_told_to_come_no_other_way() {
    let mut server = Server::to_start();
    let (certificate, key) = (server.data().with_file_name("certificate.pem"), server.data().with_file_name("key.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    server.set("MUSTER_TLS_CERT", certificate.to_str().unwrap());
    server.set("MUSTER_TLS_KEY", key.to_str().unwrap());
    server.launch();
    server.until_listening().await;
    assert!(server.base_url.starts_with("https://127.0.0.1:"), "{}", server.base_url);

    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let answer = client.get(format!("{}/healthz", server.base_url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000; includeSubDomains");
    let plain = client.get(format!("{}/healthz", server.base_url.replace("https:", "http:"))).send().await;
    assert!(plain.is_err(), "{plain:?}");
}

#[tokio::test]
async fn what_was_written_is_there_after_a_termination() {
    let mut server = Server::start().await;
    let id = new_task(&log_in(&server).await, "Fix the door").await;
    assert_eq!(server.end("TERM").await.code(), Some(0));
    assert!(!server.data().join("muster.sock").exists(), "the socket is gone");

    server.start_again().await;
    let task = log_in(&server).await.get(&format!("/tasks/{id}")).send().await.is(200).value();
    assert_eq!(task["title"], "Fix the door");
}

/// A request whose body is still to come, and which the server waits for.
async fn begin_request(server: &Server) -> TcpStream {
    let address = server.base_url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/v1/users/login HTTP/1.1\r\nhost: muster\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection
}

#[tokio::test]
async fn a_request_that_is_under_way_is_answered_before_the_end() {
    let mut server = Server::start().await;
    let mut connection = begin_request(&server).await;
    server.signal("INT");
    server.until_logged("stopping").await;

    connection.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_interruption_ends_it_at_once() {
    let mut server = Server::start().await;
    let connection = begin_request(&server).await;
    server.signal("INT");
    server.until_logged("stopping").await;
    assert_eq!(server.end("INT").await.code(), Some(130));
    drop(connection);

    server.start_again().await;
    log_in(&server).await;
}

#[tokio::test]
async fn half_a_request_is_not_waited_for_and_others_are_answered_meanwhile() {
    let server = Server::start().await;
    let mut half = TcpStream::connect(server.base_url.trim_start_matches("http://")).await.unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nhost: mus").await.unwrap();
    log_in(&server).await;
    let mut answer = String::new();
    let closed = timeout(Duration::from_mins(1), half.read_to_string(&mut answer)).await;
    closed.expect("the server to close the connection").unwrap();
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn what_an_older_program_has_written_is_found_by_an_index_that_it_did_not_have() {
    let mut server = Server::start().await;
    let client = log_in(&server).await;
    let body = json!({ "name": "Ada", "email": "ada@example.com", "password": "a passphrase for tests" });
    let ada = client.post("/users").json(&body).send().await.is(201).value();
    client.delete(&format!("/users/{}/sessions", ada["id"].as_str().unwrap())).send().await.is(204);
    assert_eq!(server.end("INT").await.code(), Some(0));
    without_index(&server.data(), "muster-access-log", "by-subject").await;

    server.start_again().await;

    let about = format!("/audit/access?about={}", ada["id"].as_str().unwrap());
    let entries = log_in(&server).await.get(&about).send().await.is(200).value();
    let kinds: Vec<_> = entries["items"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["session_ended"]);
    assert!(server.logged().contains("an index that the table lacks is added"), "{}", server.logged());
}

/// Takes an index off a table, as if it had been made by a program that had none.
async fn without_index(data: &Path, table: &str, index: &str) {
    let client = Engine::open(data).unwrap().client();
    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name(index).build().unwrap();
    let update = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    client.update_table().table_name(table).global_secondary_index_updates(update).send().await.unwrap();
}
