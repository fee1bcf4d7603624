//! Accounts.

use clap::{Args, Subcommand};
use muster_domain::user::Role;
use muster_domain::values::{Email, Name};

use super::store::StoreArgs;

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Open an account for somebody, and show the sign-in once. Somebody has to be the first administrator of a stage.
    Create(UserCreateArgs),
}

/// Of `muster user create`.
#[derive(Clone, Debug, Args)]
pub struct UserCreateArgs {
    /// The address with which they sign in.
    #[arg(long, value_name = "EMAIL")]
    pub email: Email,
    /// What they are called.
    #[arg(long, value_name = "NAME")]
    pub name: Name,
    /// What they may do: `admin`, `manager`, `member` or `auditor`.
    #[arg(long, value_name = "ROLE", default_value = "member", value_parser = parse_role)]
    pub role: Role,
    /// Ask for their password on the terminal. Otherwise it is in `MUSTER_PASSWORD`, or else is made up.
    #[arg(long)]
    pub password_prompt: bool,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn parse_role(text: &str) -> Result<Role, String> {
    let role = Role::ALL.iter().find(|role| role.to_string() == text).copied();
    role.ok_or_else(|| {
        let names: Vec<_> = Role::ALL.iter().map(ToString::to_string).collect();
        format!("there are the roles {}", names.join(", "))
    })
}
