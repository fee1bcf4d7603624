//! How the system is run: on its own, or filled with a believable team.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use muster_domain::values::Email;

use super::store::DataArgs;
use crate::api_args::ApiArgs;
use crate::mail::MailArgs;
use crate::tls::TlsArgs;

/// The first administrator.
#[derive(Clone, Debug, Default, Args)]
pub struct AdminArgs {
    /// The first administrator's e-mail address [default: admin@muster.example]. Read on the first start only. Their
    /// password is in `MUSTER_ADMIN_PASSWORD`, or else is made up.
    #[arg(long, env = "MUSTER_ADMIN_EMAIL", value_name = "EMAIL")]
    pub admin_email: Option<Email>,
    /// Ask for the first administrator's password on the terminal.
    #[arg(long)]
    pub admin_password_prompt: bool,
}

/// Of `muster serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The address to listen on.
    #[arg(long, env = "MUSTER_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Whether HTTPS is spoken.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// The data directory; it is made when it is not there.
    #[arg(long, env = "MUSTER_DATA", value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,
    /// The first administrator.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// How the API behaves.
    #[command(flatten)]
    pub api: ApiArgs,
    /// How letters are sent.
    #[command(flatten)]
    pub mail: MailArgs,
    /// First fill the store, which must have no tasks, with a believable field team.
    #[arg(long)]
    pub demo: bool,
}

/// Of `muster demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// The data directory; it is made when it is not there.
    #[command(flatten)]
    pub data: DataArgs,
    /// The first administrator, if the store is new.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// How many tasks to make.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub tasks: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
