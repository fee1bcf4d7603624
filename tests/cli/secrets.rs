//! Secrets that are lost, or are others than before.

use std::fs;

use muster_tests::client::Client;
use muster_tests::server::{Server, output, run};
use serde_json::json;

use crate::support::{log_in, refused, serve};

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

    let renewed = output(&data, &["keys", "renew-server-secret"]);
    assert!(renewed.ends_with("everybody has to sign in again (sessions ended: 1)\n"), "{renewed}");
    assert_ne!(fs::read(&secret).unwrap(), before);
    server.start_again().await;
    let client = Client::new(&server.base_url);
    let kept = json!({ "refresh_token": tokens["refresh_token"] });
    client.post("/users/refresh").json(&kept).send().await.problem(401, "wrong_credentials");
    let still_signed_in = client.with_token(tokens["access_token"].as_str().unwrap());
    still_signed_in.get("/profile").send().await.problem(401, "unauthenticated");
    let client = log_in(&server).await;
    let sessions = client.get("/users/sessions").send().await.is(200).value();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "those of before are over");
}
