//! What these tests ask the program and a server for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use muster_tests::client::Client;
use muster_tests::server::{Server, command, output};
use serde_json::json;

/// What a command that is refused says.
#[track_caller]
pub(crate) fn refused(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    assert!(output.stdout.is_empty(), "nothing else");
    said
}

pub(crate) fn serve(listen: &str, data: &Path) -> Output {
    command(&["serve", "--listen", listen, "--data"]).arg(data).output().unwrap()
}

pub(crate) async fn log_in(server: &Server) -> Client {
    let client = Client::new(&server.base_url);
    let body = json!({ "email": server.admin_email, "password": server.admin_password });
    let tokens = client.post("/users/login").json(&body).send().await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}

pub(crate) async fn new_task(client: &Client, title: &str) -> String {
    let task = client.post("/tasks").json(&json!({ "title": title })).send().await.is(201).value();
    task["id"].as_str().unwrap().to_owned()
}

/// The public key of a server's digests, in a file beside its data.
pub(crate) fn kept_key(server: &Server) -> PathBuf {
    let path = server.data().with_file_name("digest-key.public.pem");
    fs::write(&path, output(&server.data(), &["digest", "public-key"])).unwrap();
    path
}
