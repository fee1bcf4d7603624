//! How many bytes of logs go to CloudWatch.
//!
//! Counted are the lines that the handlers write at `info`, as `muster_handlers::lambda` lets a Lambda write them, its metrics in
//! the embedded format, and the access log of the API. Lambda itself writes only what is wrong (`infra/cdk/lib/rust-function.ts`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics_cloudwatch_embedded::{Builder, Collector};
use muster_cli::report::{Failure, failed};
use tracing_subscriber::EnvFilter;

/// What `PutLogEvents` counts for each line beside its text
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>).
const EACH_LINE: u64 = 26;

/// What the lines of this process would be on CloudWatch. There is one in a process.
#[derive(Clone)]
pub(crate) struct Logs {
    bytes: Arc<AtomicU64>,
    metrics: &'static Collector,
}

impl Logs {
    /// Begins to count. As `observe` of the handlers, but for where the lines go.
    pub(crate) fn begin() -> Result<Self, Failure> {
        const DOING: &str = "beginning to log";
        let bytes = Arc::new(AtomicU64::default());
        let lines = Lines(Arc::clone(&bytes));
        let subscriber =
            tracing_subscriber::fmt().json().with_env_filter(EnvFilter::new("info")).with_current_span(true);
        let subscriber = subscriber.without_time().with_writer(move || lines.clone());
        subscriber.try_init().map_err(failed(DOING))?;
        let metrics = Builder::new().cloudwatch_namespace("Muster").with_dimension("stage", "prod").init();
        let metrics = metrics.map_err(|error| Failure::Refused(format!("{DOING}: {error}")))?;
        muster_handlers::metrics::describe();
        Ok(Self { bytes, metrics })
    }

    /// An invocation has ended: its metrics.
    pub(crate) fn invoked(&self) -> Result<(), Failure> {
        self.metrics.flush(Lines(Arc::clone(&self.bytes))).map_err(failed("writing metrics"))
    }

    /// One more line.
    pub(crate) fn line(&self, line: &str) {
        self.bytes.fetch_add(counted(line), Ordering::Relaxed);
    }

    /// How many bytes were written since the last time.
    pub(crate) fn take(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}

/// What a line counts. How long the request took is of this machine: it is taken for some milliseconds, so that the sum is the
/// same each time.
fn counted(line: &str) -> u64 {
    const TOOK: &str = "\"micros\":";
    const SOME_MILLISECONDS: usize = 5;
    let line = line.trim_end();
    let took = line.find(TOOK).map(|at| line[at + TOOK.len()..].bytes().take_while(u8::is_ascii_digit).count());
    (line.len() - took.unwrap_or_default() + took.map_or(0, |_| SOME_MILLISECONDS)) as u64 + EACH_LINE
}

/// Counts lines. Metrics come in pieces, but end with a line's end.
#[derive(Clone)]
struct Lines(Arc<AtomicU64>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let counts = if text.ends_with('\n') { counted(&text) } else { text.len() as u64 };
        self.0.fetch_add(counts, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_its_bytes_and_what_cloudwatch_adds() {
        assert_eq!(counted("{\"a\":\"ü\"}\n"), 10 + 26);
    }

    #[test]
    fn how_long_a_request_took_does_not_change_what_its_line_counts() {
        let lines = [r#"{"micros":7,"x":1}"#, r#"{"micros":1234567,"x":1}"#].map(counted);
        assert_eq!(lines, [r#"{"micros":12345,"x":1}"#.len() as u64 + 26; 2]);
    }
}
