//! How the program is called.

mod import_tasks;
mod keys;
mod proof;
mod read_models;
mod run;
mod store;
mod transfer;
mod user;

use clap::{Parser, Subcommand, ValueEnum};

pub use import_tasks::ImportTasksArgs;
pub use keys::{KeysCommand, KeysListArgs, KeysRetireArgs, KeysRotateArgs};
pub use proof::{
    DigestCommand, DigestListArgs, DigestPublicKeyArgs, DigestTakeArgs, HistoryArgs, ProveArgs, VerifyArgs,
};
pub use read_models::{ParkedArgs, RebuildArgs, ReconcileArgs, RedriveArgs, StatusArgs};
pub use run::{AdminArgs, DemoArgs, ServeArgs};
pub use store::{DataArgs, StoreArgs};
pub use transfer::{ExportArgs, ImportArgs, ImportCommand, PassphraseArgs};
pub(crate) use user::parse_role;
pub use user::{UserCommand, UserCreateArgs};

/// Task management for field teams: every change to a task is an event that stays.
#[derive(Debug, Parser)]
#[command(name = "muster", version, propagate_version = true, max_term_width = 100)]
pub struct Muster {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look; they go to the standard error. Which are written, `MUSTER_LOG`
    /// says, such as `info,muster_cli=debug`.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// As text on a terminal, as JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system in this process: the HTTP API, the store and the read models.
    ///
    /// The first start makes the store and the first administrator, and prints their sign-in once. Ctrl-C (or SIGTERM)
    /// ends it cleanly; a second Ctrl-C ends it at once.
    Serve(Box<ServeArgs>),
    /// Fill an empty store with a believable field team: 30 people, 4 teams, 2,000 tasks with a month of history.
    ///
    /// Works on a data directory that nobody uses and on one that a server has open. A run that was cut off goes on
    /// when it is started again.
    Demo(DemoArgs),
    /// Show each read model's generation, rows, parked aggregates and lag, how much the event store holds, and an import that was cut off.
    Status(StatusArgs),
    /// Show everything that happened to one task, user or team, with the hashes.
    History(HistoryArgs),
    /// Follow every hash chain and every digest, and name what was tampered with: in the store, or offline in an export.
    ///
    /// Finds events that were changed, removed, inserted or moved, histories that were cut, removed or written anew, and
    /// digests that were removed or forged. Exits with 1 when anything is wrong.
    Verify(VerifyArgs),
    /// Write a proof that an event is in its history, which is verified with nothing but the public key.
    Prove(ProveArgs),
    /// The signed digests over the heads of all histories. The server takes one every hour.
    #[command(subcommand)]
    Digest(DigestCommand),
    /// Compare how far every history is with how far its row is in each read model, and bring up the rows that are behind.
    ///
    /// What is in a row is not compared: `muster rebuild` makes every row anew, and compares each with its history. Exits with 1 when
    /// a row stays wrong.
    Reconcile(ReconcileArgs),
    /// Fill a new generation of a read model from the log, verify it, and switch to it, while the server runs.
    Rebuild(RebuildArgs),
    /// List what the read models could not take in, and why. Exits with 1 when there is anything.
    Parked(ParkedArgs),
    /// Bring what is parked up to its history, which is always safe: after the defect that parked it was mended.
    ///
    /// On AWS, the messages about what was repaired leave the dead-letter queue. Exits with 1 when anything stays parked.
    Redrive(RedriveArgs),
    /// Open accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// The keys that sign access tokens, and the server secret, of a data directory.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Write every history with its hashes, and the digests over their heads, in one file for `muster verify --export`.
    Export(ExportArgs),
    /// Fill an empty store with the export of another one: the same commits, ids, times and hashes.
    ///
    /// The export is verified before anything is written. Run again after it was cut off, the import goes on; until it is done,
    /// nothing else writes into the store. What is no event is in no export: passwords, second factors, sessions, API tokens,
    /// invitations, links to outside issuers, saved filters, webhooks, and the log of accesses. People get a new password by letter,
    /// and `muster user create` opens an account for an administrator who can sign in at once.
    Import(ImportArgs),
    /// Print the OpenAPI document.
    #[command(hide = true)]
    Openapi,
}
