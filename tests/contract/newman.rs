//! The Postman collection: the walk at its beginning, as somebody takes it who has just started Muster, and the whole of it, one request
//! after another, as Postman runs it.

use std::path::Path;
use std::process::Command;

use muster_tests::server::Server;
use serde_json::Value;

use crate::fixture::Fixture;

/// The program; `cargo xtask contract` sets it.
const PROGRAM: &str = "MUSTER_NEWMAN";
/// Where the collection is.
const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
/// The requests that are to be answered with 401: this one is sent without having been asked for a second factor.
const NOBODYS: &[&str] = &["POST api/v1/users/login/second-factor"];
/// The fewest requests of a run that are done. The others want what a run does not have (`NEEDS` in `journey.js`), or are to be refused.
const DONE: usize = 110;

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
    let report = tempfile::NamedTempFile::with_suffix(".json").unwrap();

    let mut run = newman(&fixture.server, Path::new("postman_collection.json"));
    run.args(["--reporters", "cli,json", "--reporter-json-export"]).arg(report.path());
    succeeds(run, "an answer is not as it should be").await;

    let answers = answers(report.path());
    let refused: Vec<_> = answers.iter().filter(|(_, status)| *status == 401).map(|(request, _)| request).collect();
    assert_eq!(refused, NOBODYS, "the session lives to the end");
    let done = answers.iter().filter(|(_, status)| (200..300).contains(status)).count();
    assert!(done >= DONE, "{done} requests are done");
}

/// Each request of a run, in their order, and the status of its answer.
fn answers(report: &Path) -> Vec<(String, u64)> {
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    let executions = report["run"]["executions"].as_array().unwrap();
    let answer = |execution: &Value| {
        let request = &execution["request"];
        let path: Vec<_> =
            request["url"]["path"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        let status = execution["response"]["code"].as_u64().expect("each request to be answered");
        (format!("{} {}", request["method"].as_str().unwrap(), path.join("/")), status)
    };
    executions.iter().map(answer).collect()
}
