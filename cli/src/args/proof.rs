//! Histories, and the proof that they are as they were written.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use muster_domain::StreamId;

use super::store::{DataArgs, StoreArgs};
use crate::operate::history::parse_stream;
use crate::operate::prove::{Wanted, parse_wanted};

/// Of `muster history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The stream, such as `task#0190b2f4-…`, `user#…` or `team#…`; an id alone is a task's.
    #[arg(value_name = "STREAM", value_parser = parse_stream)]
    pub stream: StreamId,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print each commit as one line of JSON: what a line of `muster export` has under `commit`, its members in another order.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Verify a file that `muster export` wrote, without a store (`-` for the standard input).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub export: Option<PathBuf>,
    /// Verify a file that `muster prove` wrote, without a store.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "export")]
    pub proof: Option<PathBuf>,
    /// The public key of digests in PEM, as `muster digest public-key` shows it and as you kept it. Several where it was
    /// changed.
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// A digest that you kept, as `muster digest list` shows it: the store or the export must have it. So it shows when the last
    /// digests are missing.
    #[arg(long, value_name = "FILE", conflicts_with = "proof")]
    pub kept: Vec<PathBuf>,
    /// Every event must be under a digest, also where the export does not say so of itself: what was added or written anew after
    /// the last one is then found. For an export that took its digest.
    #[arg(long, requires = "export")]
    pub complete: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster prove`.
#[derive(Clone, Debug, Args)]
pub struct ProveArgs {
    /// The event: its id, or its stream and version, such as `task#0190b2f4-…#3`.
    #[arg(value_name = "EVENT", value_parser = parse_wanted)]
    pub event: Wanted,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to write. The standard output if left out.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What can be done with digests.
#[derive(Debug, Subcommand)]
pub enum DigestCommand {
    /// Take one now, of a data directory. On AWS, call the function `digester`.
    Take(DigestTakeArgs),
    /// Show each digest as one line of JSON.
    List(DigestListArgs),
    /// Show the public key in PEM, to keep where nobody who works on the store can change it.
    PublicKey(DigestPublicKeyArgs),
}

/// Of `muster digest take`.
#[derive(Clone, Debug, Args)]
pub struct DigestTakeArgs {
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Of `muster digest list`.
#[derive(Clone, Debug, Args)]
pub struct DigestListArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Of `muster digest public-key`.
#[derive(Clone, Debug, Args)]
pub struct DigestPublicKeyArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
}
