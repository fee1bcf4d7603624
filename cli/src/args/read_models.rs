//! Looking after the read models.

use clap::Args;
use muster_domain::StreamId;

use super::store::StoreArgs;
use crate::operate::history::parse_stream;

/// Of `muster status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster reconcile`.
#[derive(Clone, Debug, Args)]
pub struct ReconcileArgs {
    /// Only this read model, such as `task-list`; all of them if left out.
    #[arg(value_name = "PROJECTION")]
    pub projection: Option<String>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Only list what is wrong. Exits with 1 when there is anything.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster rebuild`.
#[derive(Clone, Debug, Args)]
pub struct RebuildArgs {
    /// The read model, such as `task-list`.
    #[arg(value_name = "PROJECTION")]
    pub projection: String,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Go back to the generation before the active one, brought up to date first.
    #[arg(long)]
    pub back: bool,
    /// Give up the generation that is being built, when a rebuild was cut off and is not to go on.
    #[arg(long, conflicts_with = "back")]
    pub abandon: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster parked`.
#[derive(Clone, Debug, Args)]
pub struct ParkedArgs {
    /// Only of this read model, such as `task-list`; of all of them if left out.
    #[arg(value_name = "PROJECTION")]
    pub projection: Option<String>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster redrive`.
#[derive(Clone, Debug, Args)]
pub struct RedriveArgs {
    /// Only of this read model, such as `task-list`; of all of them if left out.
    #[arg(value_name = "PROJECTION")]
    pub projection: Option<String>,
    /// Only this aggregate, such as `task#0190b2f4-…`; an id alone is a task's.
    #[arg(long, value_name = "STREAM", value_parser = parse_stream)]
    pub stream: Option<StreamId>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Only list what would be repaired.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
