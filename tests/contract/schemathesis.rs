//! Requests that nobody thought of, made from the document by schemathesis: as somebody of each role, and as nobody.

use std::path::Path;
use std::process::Command;

use muster_domain::user::Role;

use crate::fixture::{Fixture, Person};

/// The program; `cargo xtask contract` sets it.
const PROGRAM: &str = "MUSTER_SCHEMATHESIS";
/// What ends the session that a run is in. It has a run of its own.
const SIGNING_OUT: [&str; 2] = ["/api/v1/users/logout", "/api/v1/logout"];

/// Asks as this person, or as nobody, and fails when an answer is not as the document says.
async fn ask(role: Option<Role>) {
    let fixture = Fixture::start().await;
    let person = role.map(|role| fixture.person(role));
    let mut run = command(person);
    of_paths(&mut run, "--exclude-path");
    keeps(&fixture, run, &format!("{role:?}")).await;
    if let Some(person) = person {
        // A run that lost its session has asked nothing.
        person.client.get("/profile").send().await.is(200);
    }
}

async fn keeps(fixture: &Fixture, mut run: Command, who: &str) {
    let url = fixture.server.base_url.clone();
    let status = tokio::task::spawn_blocking(move || run.args(["--url", &url]).status()).await.unwrap();
    assert!(status.expect("schemathesis to run").success(), "{who}: an answer is not as the document says");
}

/// With `--include-path` signing out alone, with `--exclude-path` all but that.
fn of_paths(run: &mut Command, option: &str) {
    for path in SIGNING_OUT {
        run.args([option, path]);
    }
}

fn command(person: Option<&Person>) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract");
    let program = std::env::var_os(PROGRAM).expect("cargo xtask contract says where schemathesis is");
    let mut run = Command::new(program);
    run.args(["--config-file", "schemathesis.toml", "--no-color", "run", "../../schemas/openapi.json"]);
    if person.is_none() {
        // Whoever is refused at the door comes no further by asking in many ways.
        run.args(["--phases", "examples,coverage"]);
    }
    run.current_dir(here).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(person) = person {
        run.args(["--header", &format!("Authorization: Bearer {}", person.client.token())]);
        run.env("MUSTER_CALLER", person.id.to_string()).env("MUSTER_SESSION", &person.session);
    }
    run
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask contract"]
async fn what_the_document_promises_an_admin_is_kept() {
    ask(Some(Role::Admin)).await;
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask contract"]
async fn what_the_document_promises_a_manager_is_kept() {
    ask(Some(Role::Manager)).await;
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask contract"]
async fn what_the_document_promises_a_member_is_kept() {
    ask(Some(Role::Member)).await;
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask contract"]
async fn what_the_document_promises_an_auditor_is_kept() {
    ask(Some(Role::Auditor)).await;
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask contract"]
async fn what_the_document_promises_nobody_in_particular_is_kept() {
    ask(None).await;
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask contract"]
async fn what_the_document_promises_of_signing_out_is_kept() {
    let fixture = Fixture::start().await;
    let (member, leaving) = (fixture.person(Role::Member), fixture.member_elsewhere().await);
    let mut run = command(Some(&leaving));
    of_paths(&mut run, "--include-path");
    keeps(&fixture, run, "somebody who leaves").await;
    leaving.client.get("/profile").send().await.problem(401, "unauthenticated");
    member.client.get("/profile").send().await.is(200);
}
