//! An export that another store takes in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use muster_cli::args::{AdminArgs, DataArgs, ExportArgs, ImportArgs, PassphraseArgs, StoreArgs};
use muster_cli::demo::fill;
use muster_cli::operate::{export, import};
use muster_cli::report::Failure;
use muster_cli::setup::{self, first_admin};
use muster_cli::store::LocalStore;
use muster_cli::system::System;
use muster_commands::ExpectedVersion;
use muster_domain::proof::canonical::{canonical, sha256};
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::values::{Email, Name};
use muster_domain::{Actor, CommandId, DomainEvent, Fingerprint, Metadata, UserId};
use muster_projections::reconcile::ReconcileOptions;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::every_kind::live;
use crate::support::at;

/// Somebody whose account was closed and whose data was erased.
const GONE: UserId = UserId(Uuid::from_u128(0x90e));

/// A place for stores and files.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("passphrase"), "correct horse battery\n").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn store(&self, name: &str) -> StoreArgs {
        StoreArgs { data: DataArgs { data: self.path(name) }, stage: None, profile: None, region: None }
    }

    fn passphrase(&self) -> PassphraseArgs {
        PassphraseArgs { passphrase_file: Some(self.path("passphrase")) }
    }

    /// Exports the store of this name to a file, with its keys to another.
    async fn export(&self, store: &str, to: &str) -> Vec<u8> {
        self.export_with(self.export_args(store, to)).await
    }

    async fn export_with(&self, args: ExportArgs) -> Vec<u8> {
        let to = args.out.clone().unwrap();
        export::run(args).await.unwrap();
        fs::read(to).unwrap()
    }

    fn export_args(&self, store: &str, to: &str) -> ExportArgs {
        ExportArgs {
            store: self.store(store),
            out: Some(self.path(to)),
            // Digests are what one store says of itself: another one signs its own.
            no_digest: true,
            with_keys: Some(self.path(&format!("{to}.keys"))),
            passphrase: self.passphrase(),
        }
    }

    fn import(&self, from: &str, store: &str) -> ImportArgs {
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
    async fn everything(&self, store: &str) {
        let opened = LocalStore::open_or_make(&self.path(store)).await.unwrap();
        let system = opened.system().await.unwrap();
        live(&system).await;
        for projection in &system.projections {
            projection.reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
        }
    }

    async fn open(&self, store: &str) -> System {
        LocalStore::open_or_make(&self.path(store)).await.unwrap().system().await.unwrap()
    }

    /// A store with people, teams, tasks with a history, and somebody who was erased.
    async fn team(&self, store: &str, tasks: u32) {
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
    let metadata = Metadata {
        command_id: CommandId(Uuid::new_v4()),
        fingerprint: Fingerprint::of("test", &()),
        actor: Actor::system("test"),
        at: at(),
        correlation_id: "test".to_owned(),
        causation_id: None,
    };
    system.commands.execute::<User>(GONE.0, command, ExpectedVersion::Any, &metadata).await.unwrap();
}

/// Every item of the tables whose names begin like this: by table, each item as text.
async fn tables(system: &System, names: &[&str]) -> BTreeMap<String, Vec<String>> {
    let listed = system.client.list_tables().send().await.unwrap().table_names.unwrap_or_default();
    let mut tables = BTreeMap::new();
    for table in listed.into_iter().filter(|table| names.iter().any(|name| table.starts_with(name))) {
        let mut pages = system.client.scan().table_name(&table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(shown(&AttributeValue::M(item.unwrap())).to_string());
        }
        items.sort();
        tables.insert(table, items);
    }
    tables
}

/// An attribute as JSON, the same each time.
fn shown(value: &AttributeValue) -> Value {
    let mut json = if let Ok(text) = value.as_s() {
        json!(text)
    } else if let Ok(number) = value.as_n() {
        json!({ "number": number })
    } else if let Ok(truth) = value.as_bool() {
        json!(truth)
    } else if let Ok(items) = value.as_l() {
        items.iter().map(shown).collect()
    } else if let Ok(fields) = value.as_m() {
        fields.iter().map(|(name, value)| (name.clone(), shown(value))).collect()
    } else {
        json!(format!("{value:?}"))
    };
    json.sort_all_objects();
    json
}

/// The first items that only one of them has.
fn differences(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    assert!(one.keys().eq(other.keys()), "{:?} and {:?}", one.keys(), other.keys());
    let lacking = |here: &[String], there: &[String]| -> Vec<String> {
        here.iter().filter(|item| there.binary_search(item).is_err()).take(3).cloned().collect()
    };
    one.iter()
        .flat_map(|(table, items)| [lacking(items, &other[table]), lacking(&other[table], items)].concat())
        .collect()
}

/// Every read model. The order of the feed is compared by [`places`].
const READ_MODELS: [&str; 5] =
    ["muster-task-list", "muster-audit-log", "muster-directory", "muster-task-past", "muster-feed"];

/// The places that events have in the feed, as far as their order is defined: of each shard and stream, the versions in the order of
/// their places; and that the places of each shard are 1, 2, 3, … without gaps.
async fn places(system: &System) -> BTreeMap<(String, String), Vec<u64>> {
    let mut pages = system.client.scan().table_name("muster-positions").into_paginator().items().send();
    let (mut shards, mut reached) = (BTreeMap::<String, BTreeMap<u64, (String, u64)>>::new(), BTreeMap::new());
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
        let text = |name: &str| item[name].as_s().unwrap().clone();
        if text("pk").starts_with("shard#") {
            shards.entry(text("pk")).or_default().insert(number("sk"), (text("stream"), number("version")));
        } else {
            reached.insert(("reached".to_owned(), text("stream")), vec![number("version")]);
        }
    }
    let mut places = reached;
    for (shard, order) in shards {
        assert!(order.keys().copied().eq(1..=order.len() as u64), "{shard} has gaps");
        for (stream, version) in order.into_values() {
            places.entry((shard.clone(), stream)).or_default().push(version);
        }
    }
    places
}

/// That the two stores hold the same, in every table that an export makes.
async fn assert_same(one: &System, two: &System) {
    for names in [&["muster-events", "muster-reservations"][..], &READ_MODELS] {
        let (there, here) = (tables(one, names).await, tables(two, names).await);
        assert!(there.values().all(|items| !items.is_empty()) && there.len() >= names.len(), "{:?}", there.keys());
        assert_eq!(differences(&here, &there), Vec::<String>::new());
    }
    let places_there = places(one).await;
    assert!(!places_there.is_empty());
    assert_eq!(places(two).await, places_there);
}

fn refused(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure::Refused(reason)) => reason,
        other => panic!("it should be refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_export_that_is_taken_in_and_exported_again_is_the_same_to_the_last_byte() {
    let place = Place::new();
    place.team("one", 60).await;
    let exported = place.export("one", "first.jsonl").await;

    import::run(place.import("first.jsonl", "two")).await.unwrap();

    assert_eq!(place.export("two", "second.jsonl").await, exported);
    assert_same(&place.open("one").await, &place.open("two").await).await;
}

#[tokio::test]
async fn events_of_every_type_are_taken_in_and_make_the_same_rows() {
    let place = Place::new();
    place.everything("one").await;
    let exported = place.export("one", "first.jsonl").await;
    let lines = exported.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let commits = lines.iter().filter_map(|line| line.get("commit"));
    let types = commits.flat_map(|commit| commit["events"].as_array().unwrap()).map(|event| {
        let schema = event["schema"].as_u64().unwrap();
        (event["type"].as_str().unwrap(), u32::try_from(schema).unwrap())
    });
    let types: BTreeSet<(&str, u32)> = types.collect();
    let every: BTreeSet<_> = DomainEvent::kinds().map(|(_, kind)| (kind.event_type, kind.schema)).collect();
    assert_eq!(types, every);

    import::run(place.import("first.jsonl", "two")).await.unwrap();

    assert_eq!(place.export("two", "second.jsonl").await, exported);
    assert_same(&place.open("one").await, &place.open("two").await).await;
}

#[tokio::test]
async fn an_export_with_digests_is_taken_in_and_what_is_wrong_behind_a_thousand_of_them_is_refused() {
    let place = Place::new();
    place.team("one", 2).await;
    let whole = place.export_with(ExportArgs { no_digest: false, ..place.export_args("one", "export.jsonl") }).await;
    let header = whole.split(|byte| *byte == b'\n').next().unwrap();
    assert_eq!(String::from_utf8_lossy(header), r#"{"header":{"complete":true,"format":"muster-export-2"}}"#);
    // More than are listed of those whose signature nobody without a key can verify; and an end that does not count them.
    rewrite(&place.path("export.jsonl"), |lines| {
        let end = lines.pop().unwrap();
        for sequence in 2..=1_100 {
            let mut last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
            let digest = last["digest"].as_object_mut().unwrap();
            digest.remove("signature");
            let previous = sha256(&canonical(&*digest).unwrap());
            for (name, value) in [
                ("leaves", json!(0)),
                ("previous", json!(previous)),
                ("root", json!(sha256(b""))),
                ("sequence", json!(sequence)),
                ("signature", json!("AAAA")),
            ] {
                digest.insert(name.to_owned(), value);
            }
            lines.push(String::from_utf8(canonical(&last).unwrap()).unwrap());
        }
        lines.push(end);
    });
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert!(reason.contains("the last line says something else than what is there"), "{reason}");

    fs::write(place.path("export.jsonl"), &whole).unwrap();
    import::run(place.import("export.jsonl", "two")).await.unwrap();
}

#[tokio::test]
async fn an_export_that_took_its_digest_is_refused_when_a_history_in_it_is_under_none() {
    let place = Place::new();
    place.team("one", 2).await;
    place.export_with(ExportArgs { no_digest: false, ..place.export_args("one", "export.jsonl") }).await;
    rewrite(&place.path("export.jsonl"), |lines| {
        // The head of the last history goes, and the history stays: as if somebody had added it.
        let leaf = lines.iter().rposition(|line| line.starts_with(r#"{"leaf""#)).unwrap();
        lines.remove(leaf);
    });
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert!(reason.contains("under no digest"), "{reason}");
}

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
async fn what_was_taken_in_is_told_to_nobody_again() {
    let place = Place::new();
    place.team("one", 5).await;
    place.export("one", "export.jsonl").await;
    import::run(place.import("export.jsonl", "two")).await.unwrap();

    let store = LocalStore::open(&place.path("two")).await.unwrap();
    let last = store.engine().unwrap().stream("muster-events").last_sequence().await.unwrap();
    assert_eq!(store.system().await.unwrap().checkpoint().load().await.unwrap(), last);
}

#[tokio::test]
async fn the_first_administrator_gets_a_new_password_and_keeps_the_account() {
    let place = Place::new();
    place.team("one", 1).await;
    place.export("one", "export.jsonl").await;
    import::run(place.import("export.jsonl", "two")).await.unwrap();

    let system = place.open("two").await;
    let sign_in = first_admin(&system, &AdminArgs::default(), "Other".parse().unwrap(), at()).await.unwrap().unwrap();
    assert_eq!(sign_in.email, "admin@muster.example");
    assert!(sign_in.password.is_some());
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
async fn a_store_that_has_anything_is_refused_and_stays_as_it_is() {
    let place = Place::new();
    place.team("one", 2).await;
    place.export("one", "export.jsonl").await;
    place.team("two", 1).await;
    let before = place.export("two", "before.jsonl").await;
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert_eq!(reason, "the store has histories; an export is only taken in by an empty store");
    assert_eq!(place.export("two", "after.jsonl").await, before);

    import::run(place.import("export.jsonl", "three")).await.unwrap();
    let reason = refused(import::run(place.import("export.jsonl", "three")).await);
    assert_eq!(reason, "the store has taken in this export already; an export is only taken in by an empty store");
}

/// The lines of a file, otherwise.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[tokio::test]
async fn a_changed_export_is_refused_before_anything_is_written() {
    let place = Place::new();
    place.team("one", 3).await;
    let exported = place.export("one", "export.jsonl").await;
    let place_in = |lines: &[String]| lines.iter().position(|line| line.contains("TaskCreated")).unwrap();
    rewrite(&place.path("export.jsonl"), |lines| {
        let at = place_in(lines);
        lines[at] = lines[at].replace("\"title\":\"", "\"title\":\"Not ");
    });
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert!(reason.contains("was changed: its content does not give its hash"), "{reason}");
    // The whole export is still welcome there.
    fs::write(place.path("export.jsonl"), &exported).unwrap();
    import::run(place.import("export.jsonl", "two")).await.unwrap();
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

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_and_makes_the_same_store() {
    let place = Place::new();
    place.team("one", 20).await;
    let exported = place.export("one", "export.jsonl").await;
    import::run(place.import("export.jsonl", "two")).await.unwrap();
    // As if the power had gone in the middle: half of the commits and no rows.
    {
        let system = place.open("two").await;
        let commits = tables(&system, &["muster-events"]).await["muster-events"].len();
        let mut pages = system.client.scan().table_name("muster-events").into_paginator().items().send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            keys.push((item["pk"].clone(), item["sk"].clone()));
        }
        // The newest of each history first, as nothing is written after a gap.
        for (pk, sk) in keys.into_iter().rev().take(commits / 2) {
            let delete = system.client.delete_item().table_name("muster-events").key("pk", pk);
            delete.key("sk", sk).send().await.unwrap();
        }
        let put = system.client.update_item().table_name("muster-control");
        let put = put.key("pk", AttributeValue::S("import".into())).key("sk", AttributeValue::S("export".into()));
        put.update_expression("REMOVE done").send().await.unwrap();
    }

    import::run(place.import("export.jsonl", "two")).await.unwrap();

    assert_eq!(place.export("two", "again.jsonl").await, exported);
    let (one, two) = (place.open("one").await, place.open("two").await);
    let names = &["muster-events", "muster-reservations"];
    assert_eq!(differences(&tables(&two, names).await, &tables(&one, names).await), Vec::<String>::new());
}
