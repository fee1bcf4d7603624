//! What happens, as log lines on the standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::args::{Command, LogFormat, Muster};

/// The environment variable that says which lines are written.
const FILTER: &str = "MUSTER_LOG";

/// Starts logging. The server tells what it does; the other commands only what goes wrong.
pub fn start(muster: &Muster) {
    let level = if matches!(muster.command, Command::Serve(_)) { "info" } else { "error" };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(level));
    let terminal = stderr().is_terminal();
    let json = match muster.log_format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(terminal);
    // A subscriber that is there already stays.
    // Of the spans around a line the innermost says it all: a request.
    let _ = if json { subscriber.json().with_span_list(false).try_init() } else { subscriber.try_init() };
}
