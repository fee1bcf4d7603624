//! The walk at the beginning of the Postman collection, as somebody takes it who has just started Muster.

use std::path::Path;
use std::process::Command;

use muster_tests::server::Server;

/// The program; `cargo xtask contract` sets it.
const PROGRAM: &str = "MUSTER_NEWMAN";

#[tokio::test]
#[ignore = "needs newman: cargo xtask contract"]
async fn the_walk_of_the_postman_collection_goes_as_it_says() {
    let server = Server::start().await;
    let program = std::env::var_os(PROGRAM).expect("cargo xtask contract says where newman is");
    let mut run = Command::new(program);
    run.args(["run", "postman_collection.json", "--environment", "postman_environment.json", "--folder", "A walk"]);
    for (name, value) in
        [("baseUrl", &server.base_url), ("email", &server.admin_email), ("password", &server.admin_password)]
    {
        run.args(["--env-var", &format!("{name}={value}")]);
    }
    run.args(["--bail", "--color", "off"]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas"));
    let status = tokio::task::spawn_blocking(move || run.status()).await.unwrap();
    assert!(status.expect("newman to run").success(), "a step of the walk did not go as it says");
}
