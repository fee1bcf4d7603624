//! The Lambda that calls the receivers of webhooks: as events come, and for what is due, when the schedule calls it.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{observe, observed, react_queue, webhooks};
use muster_handlers::webhooks::{WebhookReactor, work_off_all};
use serde_json::Value;
use tokio::time::Instant;

/// How long the schedule's call goes on: the next one comes after a minute.
const WORKS_FOR: Duration = Duration::from_secs(45);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let sender = Arc::new(webhooks(&config)?);
    let reactor = &WebhookReactor::that_sends(Arc::clone(&sender));
    let sender = &*sender;
    run(service_fn(async |event: LambdaEvent<Value>| {
        observed(metrics, async {
            // The schedule sends none.
            if event.payload.get("Records").is_some() {
                let batch: SqsEvent = serde_json::from_value(event.payload)?;
                return Ok::<_, Error>(react_queue(reactor, batch).await);
            }
            let tried = work_off_all(sender, Instant::now() + WORKS_FOR).await?;
            tracing::info!(tried, "sent what was due");
            Ok(SqsBatchResponse::default())
        })
        .await
    }))
    .await
}
