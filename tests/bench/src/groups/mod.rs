//! The measures, by what belongs together.

mod api;
mod append;
mod auth;
mod history;
mod lag;
mod lambda;
mod list;
mod rebuild;
mod size;
mod units;

use muster_cli::report::Failure;

use crate::bench::Bench;
pub(crate) use lambda::Stage;

/// Measures everything that is asked for.
pub(crate) async fn run(bench: Bench) -> Result<(), Failure> {
    if bench.wants_any(api::NAMES) {
        api::run(&bench).await?;
    }
    if bench.wants_any(auth::NAMES) {
        auth::run(&bench).await?;
    }
    if bench.wants_any(lag::NAMES) {
        lag::run(&bench).await?;
    }
    if bench.wants_any(rebuild::NAMES) {
        rebuild::run(&bench).await?;
    }
    if bench.wants_any(units::NAMES) {
        units::run(&bench).await?;
    }
    if bench.wants_any(history::NAMES) {
        history::run(&bench).await?;
    }
    if bench.wants_any(list::NAMES) {
        list::run(&bench).await?;
    }
    if bench.wants_any(append::NAMES) {
        append::run(&bench).await?;
    }
    if bench.wants_any(size::NAMES) {
        size::run(&bench)?;
    }
    if bench.wants_any(lambda::NAMES)
        && let Some(stage) = &bench.stage
    {
        lambda::run(&bench, stage).await?;
    }
    bench.finish();
    Ok(())
}
