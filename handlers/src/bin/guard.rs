//! The Lambda that watches the event table's stream for changes and removals, of which there should be none.

use aws_lambda_events::dynamodb::Event;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::lambda::{guard_stream, observe, observed};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    run(service_fn(async |event: LambdaEvent<Event>| {
        observed(metrics, async { guard_stream(&event.payload) }).await;
        Ok::<_, Error>(())
    }))
    .await
}
