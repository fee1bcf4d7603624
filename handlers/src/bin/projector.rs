//! The Lambda behind a projection's queue; which projection, its environment says.

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::clock::SystemClock;
use muster_handlers::lambda::{observe, observed, project_queue, projector};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let projection = &*projector(&config)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(observed(metrics, project_queue(projection, &SystemClock, event.payload)).await)
    }))
    .await
}
