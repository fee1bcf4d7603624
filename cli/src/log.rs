//! What happens, as log lines on the standard error.

use std::io::{IsTerminal as _, stderr};

use muster_handlers::trace;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::args::{Command, LogFormat, Muster};
use crate::traces::Traces;

/// The environment variable that says which lines are written.
const FILTER: &str = "MUSTER_LOG";

/// Starts logging, and recording these traces. The server tells what it does; the other commands only what goes wrong.
pub fn start(muster: &Muster, traces: &Traces) {
    let level = if matches!(muster.command, Command::Serve(_)) { "info" } else { "error" };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(level));
    let terminal = stderr().is_terminal();
    let json = match muster.log_format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let lines = fmt::layer().with_writer(stderr).with_ansi(terminal);
    // Of the spans around a line the innermost says it all: a request.
    let lines = if json { lines.json().with_span_list(false).boxed() } else { lines.boxed() };
    // A subscriber that is there already stays.
    let _ = registry().with(lines.with_filter(filter)).with(traces.provider().map(trace::layer)).try_init();
}
