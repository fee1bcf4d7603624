//! What it refuses, and leaves as it is.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use muster_tests::server::{Server, command, run};
use serde_json::json;

use crate::support::{log_in, refused, serve};

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
    assert!(!data.exists(), "nothing was touched");
    let mut demo = command(&["demo", "--data"]);
    refused(&demo.arg(&data).env("MUSTER_ADMIN_PASSWORD", "short").output().unwrap());
    assert!(!data.exists(), "nothing was touched");
}

#[test]
fn settings_that_cannot_be_used_are_refused_and_no_data_directory_made() {
    let dir = tempfile::tempdir().unwrap();
    let (data, issuers) = (dir.path().join("data"), dir.path().join("issuers.json"));
    let issuer = json!({
        "id": "company", "name": "Company sign-in", "issuer": "https://issuer.example", "client_id": "muster",
        "client_secret": { "env": "MUSTER_TEST_SECRET_THAT_NOBODY_SETS" },
        "redirect_uris": ["https://tasks.example.com/signed-in"],
    });
    fs::write(&issuers, json!({ "providers": [issuer] }).to_string()).unwrap();
    for (name, value, what) in [
        (
            "MUSTER_OIDC_CONFIG",
            issuers.to_str().unwrap(),
            "the environment variable MUSTER_TEST_SECRET_THAT_NOBODY_SETS",
        ),
        ("MUSTER_SMTP_URL", "https://mail.example.com", "must begin with smtp:// or smtps://"),
    ] {
        let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--mail-from", "muster@example.com", "--data"]);
        let said = refused(&serve.arg(&data).env(name, value).output().unwrap());
        assert!(said.contains(what), "{said}");
        assert!(!data.exists(), "nothing was touched");
    }
}

#[test]
fn a_secret_in_the_settings_of_issuers_is_refused_and_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let issuers = dir.path().join("issuers.json");
    let issuer = json!({
        "id": "company", "name": "Company sign-in", "issuer": "https://issuer.example", "client_id": "muster",
        "client_secret": "hunter2secret", "redirect_uris": ["https://tasks.example.com/signed-in"],
    });
    fs::write(&issuers, json!({ "providers": [issuer] }).to_string()).unwrap();
    let output = command(&["serve", "--oidc-config"]).arg(&issuers).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("client_secret must be") && !said.contains("hunter2secret"), "{said}");
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for arguments in [
        &["serve", "--listen", "nowhere"][..],
        &["serve", "--allowed-origins", "tasks.example.com"],
        &["history", "task#7"],
        &["frobnicate"],
        &[],
    ] {
        assert_eq!(command(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}
