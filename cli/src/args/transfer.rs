//! Taking a store along: out of one as an export, and into another one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::import_tasks::ImportTasksArgs;
use super::store::StoreArgs;

/// Of `muster export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to write; it appears when it is complete, for its owner alone to read. A pipe or a device is written to as it is. The
    /// standard output if left out. Exits with 1 when not all of it could be written.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Take no digest first. With one, the export holds what was there when it was taken, and all of it is under a digest. Events after the last digest then have nothing but their hash chain to speak for them. On AWS
    /// none is taken anyway: the function `digester` does it every hour.
    #[arg(long)]
    pub no_digest: bool,
    /// Also write the keys of personal data to this file, sealed under a passphrase. Without them nobody can read in an export
    /// who anybody is. Whoever erases a person later has to delete this file, too.
    #[arg(long, value_name = "FILE")]
    pub with_keys: Option<PathBuf>,
    /// The passphrase.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// The passphrase of a file of keys.
#[derive(Clone, Debug, Default, Args)]
pub struct PassphraseArgs {
    /// The file whose first line is the passphrase of the keys. Otherwise it is in `MUSTER_PASSPHRASE`, or else is asked for on
    /// the terminal.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Of `muster import`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = clap::ArgGroup::new("persons").required(true).args(["keys", "without_keys"]))]
pub struct ImportArgs {
    /// What else can be brought in.
    #[command(subcommand)]
    pub tasks: Option<ImportCommand>,
    /// The file that `muster export` wrote.
    #[arg(long, value_name = "FILE", required = true)]
    pub from_export: Option<PathBuf>,
    /// The file of keys that `muster export --with-keys` wrote with it.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Go without: everybody in the export is as if their personal data had been erased, for ever, and nobody has an account to
    /// sign in to.
    #[arg(long)]
    pub without_keys: bool,
    /// The passphrase of the keys.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The store; a data directory is made when it is not there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be brought into a store that is in use.
#[derive(Clone, Debug, Subcommand)]
pub enum ImportCommand {
    /// Bring in tasks from a table (CSV), a board of Trello, or a project or account of Todoist.
    ///
    /// The same file makes the same tasks: a run that was cut off goes on, and a second one makes nothing twice. What was known of the
    /// tasks there is kept as facts of the import; whoever has no account here is left out of them.
    Tasks(Box<ImportTasksArgs>),
}
