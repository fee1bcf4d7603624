//! What a Lambda tells about itself: logs as JSON lines, and metrics in CloudWatch's embedded metric format between them.

use std::io;

use lambda_runtime::Error;
use metrics_cloudwatch_embedded::{Builder, Collector};

/// CloudWatch's name for all of Muster's metrics.
const NAMESPACE: &str = "Muster";

/// Holds the metrics of one invocation until they are written.
pub type Metrics = &'static Collector;

/// Begins to log, at the level in `MUSTER_LOG` (`info` if it is not set).
pub fn log_as_json() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("MUSTER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(true).without_time().init();
}

/// Begins to log, and to count for the stage in `MUSTER_STAGE`.
pub fn log_and_count() -> Result<Metrics, Error> {
    log_as_json();
    let stage = std::env::var("MUSTER_STAGE").unwrap_or_else(|_| "local".to_owned());
    let metrics = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("stage", stage).init()?;
    crate::metrics::describe();
    Ok(metrics)
}

/// Does the work of one invocation, then writes what was counted meanwhile.
pub async fn observed<T>(metrics: Metrics, work: impl Future<Output = T>) -> T {
    let done = work.await;
    if let Err(error) = metrics.flush(io::stdout().lock()) {
        tracing::warn!(%error, "the metrics could not be written");
    }
    done
}
