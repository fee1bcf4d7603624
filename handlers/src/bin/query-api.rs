//! The Lambda behind the routes that answer questions.

use muster_handlers::http::query_router;
use muster_handlers::lambda::{app_from_environment, log_as_json};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log_as_json();
    let config = aws_config::load_from_env().await;
    lambda_http::run(query_router(app_from_environment(&config)?)).await
}
