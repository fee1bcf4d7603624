//! The Lambda between the event table's stream and the bus.

use aws_lambda_events::dynamodb::Event;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use muster_handlers::eventbridge::EventBridge;
use muster_handlers::lambda::{observe, observed, publish_stream, variable};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let metrics = observe()?;
    let config = aws_config::load_from_env().await;
    let bus = &EventBridge::new(aws_sdk_eventbridge::Client::new(&config), variable("MUSTER_BUS")?);
    run(service_fn(async |event: LambdaEvent<Event>| {
        Ok::<_, Error>(observed(metrics, publish_stream(bus, event.payload)).await)
    }))
    .await
}
