//! The Lambda that a schedule calls: finds series that have stopped, and makes what comes next.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{observe, observed, recurring};
use serde_json::Value;

/// In how many parts the event store is read.
const SEGMENTS: u32 = 4;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let recurring = &recurring(&config)?;
    run(service_fn(async |_: LambdaEvent<Value>| {
        observed(metrics, recurring.make_missed(SEGMENTS)).await.map(|_| ()).map_err(Error::from)
    }))
    .await
}
