//! The muster program: the whole system in one process on an embedded store, and the operator's commands.
//!
//! - [`system`] wires the parts over one client of a store; [`store`] opens a data directory, reaches the server
//!   that has it open, or finds a stage on AWS.
//! - [`pipeline`] carries events from the store to the read models: stream, publisher, bus, queues, projectors.
//! - [`serve`], [`demo`] and [`operate`] are the commands; [`args`] says how they are called.

pub mod api_args;
pub mod args;
mod clock;
pub mod dead_letters;
pub mod demo;
pub mod digests;
mod last_digest;
pub mod listen;
pub mod log;
pub mod mail;
pub mod operate;
pub mod pipeline;
pub mod progress;
pub mod report;
pub mod serve;
pub mod setup;
pub mod store;
pub mod system;
pub mod tls;
pub mod traces;

use args::{Command, DigestCommand, KeysCommand, Muster, UserCommand};
use report::Failure;

/// Runs one command to its end.
pub async fn run(muster: Muster) -> Result<(), Failure> {
    match muster.command {
        Command::Serve(args) => Box::pin(serve::run(*args)).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Status(args) => operate::status::run(args).await,
        Command::History(args) => operate::history::run(args).await,
        Command::Verify(args) => operate::verify::run(args).await,
        Command::Reconcile(args) => operate::reconcile::run(args).await,
        Command::Rebuild(args) => operate::rebuild::run(args).await,
        Command::Parked(args) => operate::parked::run(args).await,
        Command::Redrive(args) => operate::redrive::run(args).await,
        Command::User(UserCommand::Create(args)) => operate::user::create(args).await,
        Command::Keys(KeysCommand::List(args)) => operate::keys::list(&args),
        Command::Keys(KeysCommand::Rotate(args)) => operate::keys::rotate(&args),
        Command::Keys(KeysCommand::Retire(args)) => operate::keys::retire(&args),
        Command::Keys(KeysCommand::RenewServerSecret(args)) => operate::keys::renew_server_secret(&args).await,
        Command::Prove(args) => operate::prove::run(args).await,
        Command::Digest(DigestCommand::Take(args)) => operate::digest::take(args).await,
        Command::Digest(DigestCommand::List(args)) => operate::digest::list(args).await,
        Command::Digest(DigestCommand::PublicKey(args)) => operate::digest::public_key(args).await,
        Command::Export(args) => operate::export::run(args).await,
        Command::Import(args) => Box::pin(operate::import::run(args)).await,
        Command::Openapi => operate::openapi(),
    }
}
