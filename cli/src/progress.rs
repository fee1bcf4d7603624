//! Progress bars: on a terminal they move, elsewhere they are not there.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often they move.
const TICK: Duration = Duration::from_millis(100);

/// Something that moves on the standard error while this is done.
pub(crate) fn spinner(doing: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_draw_target(ProgressDrawTarget::stderr());
    spinner.set_message(doing);
    spinner.enable_steady_tick(TICK);
    spinner
}

/// A bar on the standard error, of `total` things (or of a number that is not known) called `unit`.
pub(crate) fn bar(total: Option<u64>, unit: &'static str) -> ProgressBar {
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    // Hidden when the standard error is not a terminal.
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let template = if total.is_some() {
        "{msg:>10} [{bar:40}] {human_pos}/{human_len} {prefix}, {per_sec}, {eta} to go"
    } else {
        "{msg:>10} {spinner} {human_pos} {prefix}, {per_sec}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(unit);
    bar.enable_steady_tick(TICK);
    bar
}
