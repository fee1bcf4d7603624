//! The Lambda that tells people what concerns them: as it happens, by its queue, and what was held back, by the clock.

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{notifier, observe, observed, react_queue};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let notifier = &notifier(&config)?;
    run(service_fn(async |event: LambdaEvent<Value>| {
        // What the schedule sends has no messages in it.
        if event.payload.get("Records").is_none() {
            observed(metrics, Box::pin(notifier.send_held())).await?;
            return Ok(Value::Null);
        }
        let messages: SqsEvent = serde_json::from_value(event.payload)?;
        Ok::<_, Error>(serde_json::to_value(observed(metrics, Box::pin(react_queue(notifier, messages))).await)?)
    }))
    .await
}
