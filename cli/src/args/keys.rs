//! The keys and secrets of a data directory.

use clap::{Args, Subcommand};

use super::store::DataArgs;

/// What can be done with keys and secrets. A running server takes up within a second or two what is done with the keys that sign
/// access tokens. On AWS the keys are in KMS: the runbook, *Rotate keys*.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show each key: which one signs, which is to, and until when tokens of the one before are good.
    List(KeysListArgs),
    /// Make a new key: published at once, it signs when whoever keeps the published keys has it, too.
    ///
    /// Tokens of the key before stay good until they have expired, a quarter of an hour later; then its file is removed.
    Rotate(KeysRotateArgs),
    /// Remove a key that does not sign: tokens of it are refused at once, and whoever has one refreshes.
    Retire(KeysRetireArgs),
    /// Make another server secret, when the old one is lost or somebody may have it. The server must be stopped.
    ///
    /// It ends every session at once, with its access token; second factors, recovery codes, invitations and links in letters that there are become good for
    /// nothing. Passwords, API tokens and the history stay as they are.
    RenewServerSecret(DataArgs),
}

/// Of `muster keys list`.
#[derive(Clone, Debug, Args)]
pub struct KeysListArgs {
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster keys rotate`.
#[derive(Clone, Debug, Args)]
pub struct KeysRotateArgs {
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// For how long it is published before it signs.
    #[arg(long, value_name = "MINUTES", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    pub publish_for: u32,
    /// It signs at once: when somebody may have the key that does. Who keeps the published keys refuses its tokens until
    /// they read them again.
    #[arg(long, conflicts_with = "publish_for")]
    pub now: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster keys retire`.
#[derive(Clone, Debug, Args)]
pub struct KeysRetireArgs {
    /// The key's name, as `muster keys list` shows it.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub kid: String,
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
