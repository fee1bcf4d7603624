//! The Postman collection: the walk at its beginning, as somebody takes it who has just started Muster, and every other request
//! of it, as the generator made it.

use std::path::Path;
use std::process::Command;

use muster_domain::user::Role;
use muster_projections::directory::TeamDocument;
use muster_tests::server::Server;
use serde_json::{Value, json};

use crate::fixture::Fixture;

/// The program; `cargo xtask contract` sets it.
const PROGRAM: &str = "MUSTER_NEWMAN";
/// Where the collection is.
const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
/// The requests that are left out: the session in which the others are sent would end.
const LEFT_OUT: &[[&str; 2]] = &[["POST", "api/v1/logout"], ["POST", "api/v1/users/logout"]];

/// What sends the requests of a collection, as the first administrator.
fn newman(server: &Server, collection: &Path) -> Command {
    let program = std::env::var_os(PROGRAM).expect("cargo xtask contract says where newman is");
    let mut run = Command::new(program);
    run.arg("run").arg(collection).args(["--environment", "postman_environment.json", "--color", "off"]);
    for (name, value) in
        [("baseUrl", &server.base_url), ("email", &server.admin_email), ("password", &server.admin_password)]
    {
        run.args(["--env-var", &format!("{name}={value}")]);
    }
    run.current_dir(SCHEMAS);
    run
}

async fn succeeds(mut run: Command, otherwise: &str) {
    let status = tokio::task::spawn_blocking(move || run.status()).await.unwrap();
    assert!(status.expect("newman to run").success(), "{otherwise}");
}

#[tokio::test]
#[ignore = "needs newman: cargo xtask contract"]
async fn the_walk_of_the_postman_collection_goes_as_it_says() {
    let server = Server::start().await;
    let mut run = newman(&server, Path::new("postman_collection.json"));
    run.args(["--folder", "A walk", "--bail"]);
    succeeds(run, "a step of the walk did not go as it says").await;
}

#[tokio::test]
#[ignore = "needs newman: cargo xtask contract"]
async fn every_request_of_the_postman_collection_is_answered_as_the_document_says() {
    let fixture = Fixture::start().await;
    let admin = &fixture.person(Role::Admin).client;
    let team: TeamDocument = admin.post("/teams").json(&json!({ "name": "Doors" })).send().await.document(201);
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), to_the_end().to_string()).unwrap();

    let mut run = newman(&fixture.server, file.path());
    // The walk leaves a task; other ids that a path asks for lead nowhere, which the document knows of.
    for (name, value) in [("user_id", fixture.person(Role::Member).id.to_string()), ("team_id", team.id.to_string())] {
        run.args(["--env-var", &format!("{name}={value}")]);
    }
    succeeds(run, "an answer is not as the document says").await;
}

/// The collection without what is left out. At its end, the session lives: a run that lost it has asked nothing.
fn to_the_end() -> Value {
    let text = std::fs::read_to_string(Path::new(SCHEMAS).join("postman_collection.json")).unwrap();
    let mut collection: Value = serde_json::from_str(&text).unwrap();
    let folders = collection["item"].as_array_mut().unwrap();
    let mut found = 0;
    for folder in &mut *folders {
        let requests = folder["item"].as_array_mut().unwrap();
        let before = requests.len();
        requests.retain(|request| !LEFT_OUT.contains(&[&*method(request), &*path(request)]));
        found += before - requests.len();
    }
    assert_eq!(found, LEFT_OUT.len(), "what is left out is there");
    folders.push(json!({
        "name": "The session lives",
        "request": { "method": "GET", "url": "{{baseUrl}}/api/v1/profile" },
        "event": [{ "listen": "test", "script": {
            "type": "text/javascript",
            "exec": ["pm.test('the session lives', () => pm.response.to.have.status(200));"],
        } }],
    }));
    collection
}

fn method(request: &Value) -> String {
    request["request"]["method"].as_str().unwrap().to_owned()
}

fn path(request: &Value) -> String {
    let parts = request["request"]["url"]["path"].as_array().unwrap();
    parts.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join("/")
}
