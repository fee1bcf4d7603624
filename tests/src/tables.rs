//! The tables of `schemas/topology.json` in an engine of the test's own, or beside those of other tests.

use aws_sdk_dynamodb::Client;
use muster_commands::DynamoLog;
use muster_embedded::Engine;
use muster_handlers::topology::{Topology, TopologyError};

/// What stands before the name of every table.
pub const PREFIX: &str = "muster-";

/// Makes all tables, and gives a client that reaches them.
pub async fn create_tables(engine: &Engine) -> Result<Client, TopologyError> {
    let client = engine.client();
    Topology::load()?.create_tables(&client, PREFIX).await?;
    Ok(client)
}

/// The commit log in an engine, its tables made.
pub async fn commit_log(engine: &Engine) -> Result<DynamoLog, TopologyError> {
    commit_log_at(engine.client(), PREFIX).await
}

/// The commit log behind a client, its tables made, with this before the name of each.
pub async fn commit_log_at(client: Client, prefix: &str) -> Result<DynamoLog, TopologyError> {
    Topology::load()?.create_tables(&client, prefix).await?;
    Ok(DynamoLog::new(client, format!("{prefix}events"), format!("{prefix}reservations")))
}
