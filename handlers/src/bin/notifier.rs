//! The Lambda that tells people what concerns them.

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{notifier, observe, observed, react_queue};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let notifier = &notifier(&config)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(observed(metrics, react_queue(notifier, event.payload)).await)
    }))
    .await
}
