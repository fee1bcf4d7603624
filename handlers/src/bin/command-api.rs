//! The Lambda behind the routes that change something.

use muster_handlers::http::command_router;
use muster_handlers::lambda::{command_app, log_and_trace, origin_secret, with_peer};

/// Hashing a password takes 19 MiB for a moment, on whichever thread is free: the system's allocator would keep them for each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log_and_trace()?;
    let config = aws_config::load_from_env().await;
    lambda_http::run(with_peer(command_router(command_app(&config).await?), origin_secret())).await
}
