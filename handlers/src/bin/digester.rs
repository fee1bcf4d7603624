//! The Lambda that the schedule calls every hour: takes a digest over the heads of all histories.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{digester, observe, observed};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let digester = &digester(&aws_config::load_from_env().await).await?;
    run(service_fn(async |_: LambdaEvent<Value>| {
        observed(metrics, Box::pin(digester.take())).await.map(|_| ()).map_err(Error::from)
    }))
    .await
}
