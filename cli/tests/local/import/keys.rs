//! The keys of people, which come beside an export, or do not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use muster_cli::args::{AdminArgs, ExportArgs, ImportArgs};
use muster_cli::operate::{export, import};
use muster_cli::setup::{self, first_admin};
use muster_domain::user::{RegisterUser, Role};

use super::place::Place;
use super::refused;
use super::same::tables;
use crate::support::at;

#[tokio::test]
async fn keys_are_written_for_their_owner_alone_and_over_no_other_file() {
    let place = Place::new();
    place.team("one", 1).await;
    place.export("one", "export.jsonl").await;
    let keys = place.path("export.jsonl.keys");
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&keys).unwrap();
    let args = ExportArgs {
        store: place.store("one"),
        out: Some(place.path("again.jsonl")),
        no_digest: true,
        with_keys: Some(keys.clone()),
        passphrase: place.passphrase(),
    };
    let reason = refused(export::run(args).await);
    assert!(reason.contains("is there already"), "{reason}");
    assert_eq!(fs::read(&keys).unwrap(), before);
    assert!(!place.path("again.jsonl").exists(), "nothing was begun");

    fs::write(place.path("passphrase"), "too short").unwrap();
    let keys = Some(place.path("other.keys"));
    let (store, passphrase) = (place.store("one"), place.passphrase());
    let args = ExportArgs { store, out: None, no_digest: true, with_keys: keys, passphrase };
    assert_eq!(refused(export::run(args).await), "a passphrase has at least 12 characters");
}

#[tokio::test]
async fn without_keys_everybody_is_as_if_erased_and_the_commits_are_the_same() {
    let place = Place::new();
    place.team("one", 5).await;
    let exported = place.export("one", "first.jsonl").await;

    import::run(ImportArgs { keys: None, without_keys: true, ..place.import("first.jsonl", "two") }).await.unwrap();

    assert_eq!(place.export("two", "second.jsonl").await, exported);
    let system = place.open("two").await;
    let reserved = tables(&system, &["muster-reservations"]).await;
    assert_eq!(reserved["muster-reservations"], Vec::<String>::new(), "nobody holds an address, nobody administrates");
    let people = tables(&system, &["muster-directory"]).await;
    assert!(people.values().flatten().any(|row| row.contains("Erased person")));
    assert_eq!(
        first_admin(&system, &AdminArgs::default(), "Other".parse().unwrap(), at()).await.unwrap().map(|_| ()),
        None
    );
    // Somebody can be the administrator now.
    let account = RegisterUser::new("New".parse().unwrap(), "new@example.com".parse().unwrap(), Role::Admin, at());
    setup::open_account(&system, account, false).await.unwrap();
}

#[tokio::test]
async fn the_keys_of_another_export_and_a_wrong_passphrase_are_refused() {
    let place = Place::new();
    place.team("one", 1).await;
    place.team("other", 1).await;
    place.export("one", "one.jsonl").await;
    place.export("other", "other.jsonl").await;
    let keys = Some(place.path("other.jsonl.keys"));
    let reason = refused(import::run(ImportArgs { keys, ..place.import("one.jsonl", "two") }).await);
    assert!(reason.ends_with("are the keys those of this export?"), "{reason}");

    fs::write(place.path("passphrase"), "correct horse battery staple").unwrap();
    let reason = refused(import::run(place.import("one.jsonl", "two")).await);
    assert!(reason.ends_with("the passphrase is not the one, or the file was changed"), "{reason}");
}
