//! The Lambda behind the routes that answer questions.

use muster_handlers::http::query_router;
use muster_handlers::lambda::{log_and_trace, origin_secret, query_app, with_peer};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log_and_trace()?;
    let config = aws_config::load_from_env().await;
    lambda_http::run(with_peer(query_router(query_app(&config).await?), origin_secret())).await
}
