//! The Lambda behind a projection's queue; which projection, its environment says.

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{log_as_json, project_queue, projector_from_environment};

#[tokio::main]
async fn main() -> Result<(), Error> {
    log_as_json();
    let config = aws_config::load_from_env().await;
    let projection = &*projector_from_environment(&config)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| Ok::<_, Error>(project_queue(projection, event.payload).await)))
        .await
}
