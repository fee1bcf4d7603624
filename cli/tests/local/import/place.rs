//! Stores and files, and the ways between them.

use std::fs;
use std::path::PathBuf;

use muster_cli::args::{AdminArgs, DataArgs, ExportArgs, ImportArgs, PassphraseArgs, StoreArgs};
use muster_cli::demo::fill;
use muster_cli::operate::export;
use muster_cli::setup::first_admin;
use muster_cli::store::LocalStore;
use muster_cli::system::System;
use muster_commands::ExpectedVersion;
use muster_domain::UserId;
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::values::{Email, Name};
use muster_projections::reconcile::ReconcileOptions;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::every_kind::live;
use crate::support::{at, metadata};

/// Somebody whose account was closed and whose data was erased.
const GONE: UserId = UserId(Uuid::from_u128(0x90e));

/// A place for stores and files.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("passphrase"), "correct horse battery\n").unwrap();
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn store(&self, name: &str) -> StoreArgs {
        StoreArgs { data: DataArgs { data: self.path(name) }, stage: None, profile: None, region: None }
    }

    pub(super) fn passphrase(&self) -> PassphraseArgs {
        PassphraseArgs { passphrase_file: Some(self.path("passphrase")) }
    }

    /// Exports the store of this name to a file, with its keys to another.
    pub(super) async fn export(&self, store: &str, to: &str) -> Vec<u8> {
        self.export_with(self.export_args(store, to)).await
    }

    pub(super) async fn export_with(&self, args: ExportArgs) -> Vec<u8> {
        let to = args.out.clone().unwrap();
        export::run(args).await.unwrap();
        fs::read(to).unwrap()
    }

    pub(super) fn export_args(&self, store: &str, to: &str) -> ExportArgs {
        ExportArgs {
            store: self.store(store),
            out: Some(self.path(to)),
            // Digests are what one store says of itself: another one signs its own.
            no_digest: true,
            with_keys: Some(self.path(&format!("{to}.keys"))),
            passphrase: self.passphrase(),
        }
    }

    pub(super) fn import(&self, from: &str, store: &str) -> ImportArgs {
        ImportArgs {
            tasks: None,
            from_export: Some(self.path(from)),
            keys: Some(self.path(&format!("{from}.keys"))),
            without_keys: false,
            passphrase: self.passphrase(),
            store: self.store(store),
            json: false,
        }
    }

    /// A store in which everything has happened that can.
    pub(super) async fn everything(&self, store: &str) {
        let opened = LocalStore::open_or_make(&self.path(store)).await.unwrap();
        let system = opened.system().await.unwrap();
        live(&system).await;
        for projection in &system.projections {
            projection.reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
        }
    }

    pub(super) async fn open(&self, store: &str) -> System {
        LocalStore::open_or_make(&self.path(store)).await.unwrap().system().await.unwrap()
    }

    /// A store with people, teams, tasks with a history, and somebody who was erased.
    pub(super) async fn team(&self, store: &str, tasks: u32) {
        let opened = LocalStore::open_or_make(&self.path(store)).await.unwrap();
        let system = opened.system().await.unwrap();
        first_admin(&system, &AdminArgs::default(), "Ines".parse().unwrap(), at()).await.unwrap();
        fill(&system, tasks, None, &CancellationToken::new()).await.unwrap();
        let (name, email): (Name, Email) = ("Gone".parse().unwrap(), "gone@example.com".parse().unwrap());
        user(&system, UserCommand::Register(RegisterUser::new(name, email, Role::Admin, at()))).await;
        user(&system, UserCommand::Deactivate).await;
        user(&system, UserCommand::Erase { at: at() }).await;
        system.keys.erase(GONE).await.unwrap();
        for projection in &system.projections {
            projection.reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
        }
    }
}

async fn user(system: &System, command: UserCommand) {
    system.commands.execute::<User>(GONE.0, command, ExpectedVersion::Any, &metadata()).await.unwrap();
}
