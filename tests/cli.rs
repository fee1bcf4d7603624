//! The program as an operator uses it: how it starts and ends, what it refuses, and its commands on a live server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, in its helpers too")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
use muster_domain::Commit;
use muster_embedded::Engine;
use muster_tests::client::Client;
use muster_tests::server::{Server, command, output, run};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a command that is refused says.
#[track_caller]
fn refused(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    assert!(output.stdout.is_empty(), "nothing else");
    said
}

fn serve(listen: &str, data: &Path) -> Output {
    command(&["serve", "--listen", listen, "--data"]).arg(data).output().unwrap()
}

/// Every file in a directory with its content.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

async fn log_in(server: &Server) -> Client {
    let client = Client::new(&server.base_url);
    let body = json!({ "email": server.admin_email, "password": server.admin_password });
    let tokens = client.post("/users/login").json(&body).send().await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}

async fn new_task(client: &Client, title: &str) -> String {
    let task = client.post("/tasks").json(&json!({ "title": title })).send().await.is(201).value();
    task["id"].as_str().unwrap().to_owned()
}

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

#[test]
fn a_port_in_use_is_refused_and_no_data_directory_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(&serve(&address, &data));
    assert!(said.starts_with(&format!("muster: cannot listen on {address}: ")), "{said}");
    assert!(!data.exists(), "nothing was touched");
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused() {
    let server = Server::start().await;
    let said = refused(&serve("127.0.0.1:0", &server.data()));
    assert!(said.contains("is in use by process"), "{said}");
    log_in(&server).await;
}

#[test]
fn a_data_directory_of_a_newer_version_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("format"), "embedded-store 2\n").unwrap();
    fs::write(dir.path().join("muster.db"), "of a newer version").unwrap();
    let before = files(dir.path());
    for said in [refused(&serve("127.0.0.1:0", dir.path())), refused(&run(dir.path(), &["status"]))] {
        assert!(said.contains("was written by a newer version"), "{said}");
    }
    let without_lock = |files: Vec<(String, Vec<u8>)>| files.into_iter().filter(|(name, _)| name != "lock").collect();
    let (before, after): (Vec<_>, Vec<_>) = (without_lock(before), without_lock(files(dir.path())));
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_damaged_store_is_refused_and_left_as_it_is() {
    let mut server = Server::start().await;
    server.end("INT").await;
    let database = server.data().join("muster.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&database, &bytes).unwrap();
    for said in [refused(&run(&server.data(), &["status"])), refused(&run(&server.data(), &["verify"]))] {
        assert!(said.contains("is damaged"), "{said}");
    }
    assert_eq!(fs::read(&database).unwrap(), bytes);
}

#[tokio::test]
async fn without_the_secret_of_personal_data_it_does_not_start_and_makes_no_other() {
    let mut server = Server::start().await;
    assert_eq!(server.end("INT").await.code(), Some(0));
    let data = server.data();
    let (secret, backup) = (data.join("personal-secret"), data.with_file_name("backup"));
    let said_by_each = || [refused(&serve("127.0.0.1:0", &data)), refused(&run(&data, &["status"]))];
    fs::rename(&secret, &backup).unwrap();
    for said in said_by_each() {
        let lost = format!("muster: {} is missing, and without it nothing personal", secret.display());
        assert!(said.starts_with(&lost) && said.ends_with("put the old file back from the backup\n"), "{said}");
        assert!(!secret.exists(), "none is made in its place");
    }

    // As an installation has it that never had these people.
    fs::copy(&backup, &secret).unwrap();
    fs::write(&secret, [7; 32]).unwrap();
    for said in said_by_each() {
        let another = format!("muster: {} is another than the one by which the keys", secret.display());
        assert!(said.starts_with(&another) && said.ends_with("put the old file back from the backup\n"), "{said}");
    }

    fs::rename(&backup, &secret).unwrap();
    server.start_again().await;
    let profile = log_in(&server).await.get("/profile").send().await.is(200).value();
    assert_eq!((&profile["name"], &profile["email"]), (&json!("Administrator"), &json!("admin@muster.example")));
}

#[tokio::test]
async fn a_lost_server_secret_is_made_anew_when_an_operator_says_so_and_not_before() {
    let mut server = Server::start().await;
    let client = Client::new(&server.base_url);
    let body = json!({ "email": server.admin_email, "password": server.admin_password });
    let tokens = client.post("/users/login").json(&body).send().await.is(200).value();
    let data = server.data();
    let in_use = refused(&run(&data, &["keys", "renew-server-secret"]));
    assert!(in_use.contains("in use"), "{in_use}");
    assert_eq!(server.end("INT").await.code(), Some(0));

    let secret = data.join("server-secret");
    let before = fs::read(&secret).unwrap();
    fs::remove_file(&secret).unwrap();
    for said in [refused(&serve("127.0.0.1:0", &data)), refused(&run(&data, &["status"]))] {
        let lost = format!("muster: {} is missing: put the old file back", secret.display());
        assert!(said.starts_with(&lost) && said.contains("muster keys renew-server-secret"), "{said}");
        assert!(!secret.exists(), "none is made in its place");
    }

    output(&data, &["keys", "renew-server-secret"]);
    assert_ne!(fs::read(&secret).unwrap(), before);
    server.start_again().await;
    let client = Client::new(&server.base_url);
    let kept = json!({ "refresh_token": tokens["refresh_token"] });
    client.post("/users/refresh").json(&kept).send().await.problem(401, "wrong_credentials");
    log_in(&server).await;
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

#[test]
fn a_directory_that_is_somebody_elses_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("letters.txt"), "mine").unwrap();
    let before = files(dir.path());
    let said = refused(&serve("127.0.0.1:0", dir.path()));
    assert!(said.contains("is not a data directory and not empty"), "{said}");
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_command_on_a_store_that_is_not_there_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for name in ["status", "verify", "export", "reconcile"] {
        let said = refused(&run(&data, &[name]));
        assert!(said.contains("there is no store in"), "{said}");
    }
    assert!(!data.exists());
}

#[test]
fn a_password_that_is_too_weak_for_the_first_administrator_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    let said = refused(&serve.arg(&data).env("MUSTER_ADMIN_PASSWORD", "short").output().unwrap());
    assert!(said.contains("MUSTER_ADMIN_PASSWORD cannot be used: a password has at least 8 characters"), "{said}");
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for arguments in [&["serve", "--listen", "nowhere"][..], &["history", "task#7"], &["frobnicate"], &[]] {
        assert_eq!(command(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_operators_commands_work_while_the_server_runs() {
    let mut server = Server::start().await;
    // The one of this hour; no other comes by itself.
    server.until_logged("took a digest").await;
    let (data, client) = (server.data(), log_in(&server).await);
    let id = new_task(&client, "Fix the door").await;
    let edit = client.put(&format!("/tasks/{id}")).json(&json!({ "title": "Fix the back door", "priority": "high" }));
    edit.send().await.is(200);

    let history = output(&data, &["history", &id, "--json"]);
    let commits: Vec<Commit> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(commits.iter().map(Commit::last_version).collect::<Vec<_>>(), [1, 3]);
    let shown = output(&data, &["history", &format!("task#{id}")]);
    assert!(shown.contains("TaskEdited") && shown.contains("Fix the back door"), "{shown}");
    assert!(shown.contains(&commits[1].hash.to_string()), "{shown}");

    let export = data.with_file_name("export.jsonl");
    output(&data, &["export", "--out", export.to_str().unwrap()]);
    let again = output(&data, &["export"]);
    assert_eq!(
        fs::read_to_string(&export).unwrap(),
        again,
        "a file or the standard output; no digest over nothing new"
    );
    assert_eq!(output(&data, &["digest", "list"]).lines().count(), 2, "the hour's, and that of the first export");
    let verified: Value = serde_json::from_str(&output(&data, &["verify", "--json"])).unwrap();
    let expected = json!({ "streams": 2, "commits": 3, "events": 4, "digests": 2, "findings": [] });
    assert_eq!(verified, expected);
    let key = kept_key(&server);
    let offline = command(&["verify", "--json", "--export"]).arg(&export).arg("--key").arg(&key).output().unwrap();
    let offline: Value = serde_json::from_slice(&offline.stdout).unwrap();
    for name in ["streams", "commits", "events", "digests", "findings"] {
        assert_eq!(offline[name], verified[name], "{name}");
    }
    assert_eq!(offline["undigested"], 0);

    output(&data, &["reconcile"]);
    for (arguments, before, active) in
        [(&["rebuild", "task-list", "--json"][..], 1, 2), (&["rebuild", "task-list", "--back", "--json"], 2, 1)]
    {
        let report: Value = serde_json::from_str(&output(&data, arguments)).unwrap();
        assert_eq!((&report["before"], &report["active"]), (&json!(before), &json!(active)));
        assert_eq!(report["aggregates"], 1);
    }
    let task = client.get(&format!("/tasks/{id}")).send().await.is(200).value();
    assert_eq!(task["title"], "Fix the back door");

    let status: Value = serde_json::from_str(&output(&data, &["status", "--json"])).unwrap();
    assert_eq!((&status["serving"], &status["events"]), (&json!(true), &json!(4)));
    let models = status["projections"].as_array().unwrap().iter();
    let rows: Vec<_> = models.map(|of| (of["name"].clone(), of["lag"].clone())).collect();
    assert_eq!(rows, ["task-list", "audit-log", "directory", "task-past", "feed"].map(|name| (json!(name), json!(0))));
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
async fn a_rebuild_is_given_up_only_when_there_is_one() {
    let server = Server::start().await;
    let said = refused(&run(&server.data(), &["rebuild", "task-list", "--abandon"]));
    assert!(said.contains("giving up the generation that is being built"), "{said}");
}

/// The public key of a server's digests, in a file beside its data.
fn kept_key(server: &Server) -> PathBuf {
    let path = server.data().with_file_name("digest-key.public.pem");
    fs::write(&path, output(&server.data(), &["digest", "public-key"])).unwrap();
    path
}

#[tokio::test]
async fn an_empty_export_does_not_verify() {
    let server = Server::start().await;
    output(&server.data(), &["export"]);
    let (key, empty) = (kept_key(&server), tempfile::NamedTempFile::new().unwrap());
    let verify = command(&["verify", "--export"]).arg(empty.path()).arg("--key").arg(&key).output().unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains("the last line is missing: the export was cut off"), "{said}");
    assert!(said.contains("there is no digest: that nothing is missing cannot be shown"), "{said}");
    let without_key = command(&["verify", "--export"]).arg(empty.path()).output().unwrap();
    assert_eq!(without_key.status.code(), Some(2), "an export is verified with a key");
}

#[tokio::test]
async fn an_export_with_a_changed_line_does_not_verify() {
    let server = Server::start().await;
    let id = new_task(&log_in(&server).await, "Fix the door").await;
    let export = server.data().with_file_name("export.jsonl");
    let forged = output(&server.data(), &["export"]).replace("Fix the door", "Fix the roof");
    fs::write(&export, forged).unwrap();

    let key = kept_key(&server);
    let verify = command(&["verify", "--export"]).arg(&export).arg("--key").arg(&key).output().unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains(&format!("TAMPERED  task#{id}  version 1: ")), "{said}");
}

#[tokio::test]
async fn an_event_is_proven_to_whoever_has_the_key_and_a_digest_that_was_kept_must_be_there() {
    let server = Server::start().await;
    let id = new_task(&log_in(&server).await, "Fix the door").await;
    let (data, beside) = (server.data(), |name: &str| server.data().with_file_name(name));
    let proof = beside("proof.json");
    output(&data, &["prove", &format!("task#{id}#1"), "--out", proof.to_str().unwrap()]);
    let key = kept_key(&server);
    let verify = |what: &str, file: &Path| {
        command(&["verify", "--json", what]).arg(file).arg("--key").arg(&key).output().unwrap()
    };

    let proven: Value = serde_json::from_slice(&verify("--proof", &proof).stdout).unwrap();
    assert_eq!(proven["event"]["type"], "TaskCreated");
    let by_id = output(&data, &["prove", proven["event"]["event_id"].as_str().unwrap()]);
    assert_eq!(by_id.trim_end(), fs::read_to_string(&proof).unwrap(), "by its id, too");
    fs::write(&proof, fs::read_to_string(&proof).unwrap().replace("Fix the door", "Fix the roof")).unwrap();
    let said = refused(&verify("--proof", &proof));
    assert!(said.starts_with("muster: NOT PROVEN: the commit at version 1 was changed"), "{said}");

    let export = beside("export.jsonl");
    output(&data, &["export", "--out", export.to_str().unwrap()]);
    let kept = beside("kept.json");
    fs::write(&kept, output(&data, &["digest", "take"])).unwrap();
    let verify = command(&["verify", "--export"]).arg(&export).arg("--key").arg(&key).arg("--kept").arg(&kept).output();
    let verify = verify.unwrap();
    assert_eq!(verify.status.code(), Some(1), "it was taken after the export");
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains("is missing: the export ends at"), "{said}");
}

#[tokio::test]
async fn a_live_server_can_be_filled_with_the_demo_team_once() {
    let server = Server::start().await;
    let said: Value = serde_json::from_str(&output(&server.data(), &["demo", "--tasks", "20", "--json"])).unwrap();
    let (team, administrator) = (&said["team"], &said["administrator"]);
    assert_eq!((&team["people"], &team["teams"], &team["tasks"]), (&json!(30), &json!(4), &json!(20)));
    assert!(administrator.is_null(), "the server's first start has shown that sign-in: {administrator}");
    assert_eq!(team["sign_ins"][0]["role"], "manager");
    let body = json!({ "email": team["sign_ins"][0]["email"], "password": team["password"] });
    Client::new(&server.base_url).post("/users/login").json(&body).send().await.is(200);

    let said = refused(&run(&server.data(), &["demo"]));
    assert!(said.contains("the store has the demo team already"), "{said}");
}

#[tokio::test]
async fn a_store_with_tasks_is_not_filled_with_the_demo_team() {
    let server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;
    let said = refused(&run(&server.data(), &["demo"]));
    assert!(said.contains("the store has tasks"), "{said}");
}

#[tokio::test]
async fn an_operator_opens_accounts_on_a_live_server() {
    let server = Server::start().await;
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada", "--role", "auditor", "--json"];

    let opened: Value = serde_json::from_str(&output(&server.data(), &create)).unwrap();

    let body = json!({ "email": "ada@example.com", "password": opened["password"] });
    let tokens = Client::new(&server.base_url).post("/users/login").json(&body).send().await.is(200).value();
    assert_eq!(tokens["user_id"], opened["id"]);
    let client = Client::new(&server.base_url).with_token(tokens["access_token"].as_str().unwrap());
    let profile = client.get("/profile").send().await.is(200).value();
    assert_eq!((&profile["name"], &profile["role"]), (&json!("Ada"), &json!("auditor")));
    client.get("/tasks").send().await.problem(403, "password_change_required");
    let again = refused(&run(&server.data(), &create));
    assert_eq!(again, "muster: somebody has an account with ada@example.com\n");
}

#[tokio::test]
async fn a_store_with_nothing_parked_says_so_and_ends_well() {
    let server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;

    let parked: Value = serde_json::from_str(&output(&server.data(), &["parked", "--json"])).unwrap();
    let redriven: Value = serde_json::from_str(&output(&server.data(), &["redrive", "task-list", "--json"])).unwrap();

    assert_eq!(parked["task-list"], json!({ "rows": [], "events": [], "unreadable": [] }));
    assert_eq!(redriven, json!({ "task-list": { "streams": [], "unreadable": [] } }));
}
