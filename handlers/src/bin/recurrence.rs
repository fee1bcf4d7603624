//! The Lambda that makes the next task of a series when one is done.

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{observe, observed, react_queue, recurring};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let recurring = &recurring(&config)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(observed(metrics, react_queue(recurring, event.payload)).await)
    }))
    .await
}
