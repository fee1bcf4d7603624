//! The Lambda that the schedule calls: compares every read model with the event store, and repairs.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{ON_ITS_WAY, hosted_projections, observe, observed, sweep};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let projections = &hosted_projections(&config)?;
    run(service_fn(async |_: LambdaEvent<Value>| {
        observed(metrics, sweep(projections, tokio::time::sleep(ON_ITS_WAY))).await.map_err(Error::from)
    }))
    .await
}
