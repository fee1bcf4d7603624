//! The Lambda that a schedule calls every minute: notes that it is time to remind of deadlines.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{observe, observed, reminder_clock};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let reminders = &reminder_clock(&config)?;
    run(service_fn(async |_: LambdaEvent<Value>| {
        observed(metrics, reminders.fire_due()).await.map(|_| ()).map_err(Error::from)
    }))
    .await
}
