//! `muster import --from-export`: an empty store becomes what another one was.
//!
//! The export is followed to its end before anything is written. Commits are written as they are; what is kept beside them (keys,
//! reservations, carried states, read models) is made anew. A run that was cut off goes on: all that it writes, it may write twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_commands::{Prepared, RestoreError};
use muster_domain::aggregate::Reservation;
use muster_domain::personal::{Opener, holds_sealed};
use muster_domain::proof::{Finding, Verified};
use muster_domain::user::User;
use muster_domain::{AggregateType, Commit, StreamId, UserId};
use muster_embedded::Engine;
use muster_projections::reconcile::Outcome;
use muster_vault::{Copies, KeyCopy, open_copies};
use serde::Serialize;

use super::begun;
use crate::args::ImportArgs;
use crate::operate::passphrase::{Purpose, passphrase};
use crate::operate::{export_file, json, reconcile, verify_export};
use crate::progress;
use crate::report::{Failure, failed, file, line};
use crate::setup;
use crate::store::Store;
use crate::system::System;

const DOING: &str = "importing the export";
/// How many histories are written at a time.
const CONCURRENCY: usize = 16;

/// What was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// How many histories.
    pub streams: u64,
    /// How many commits.
    pub commits: u64,
    /// How many events.
    pub events: u64,
    /// How many people have their key, so that it can be read who they are.
    pub readable_people: usize,
    /// How many are as if erased, because they were or because their keys were left out.
    pub erased_people: usize,
    /// How many histories each read model shows.
    pub read_models: BTreeMap<String, u64>,
    /// Whether the first administrator is there: the first `muster serve` gives them a new password.
    pub first_administrator: bool,
}

/// Imports, and says what it did.
pub(super) async fn run(args: ImportArgs) -> Result<(), Failure> {
    let missing = || Failure::Refused("name the export: --from-export FILE".to_owned());
    let path = args.from_export.as_ref().ok_or_else(missing)?;
    let copies = match &args.keys {
        Some(path) => {
            let sealed = fs::read_to_string(path).map_err(file(path))?;
            let passphrase = passphrase(&args.passphrase, Purpose::Known)?;
            let opened = tokio::task::spawn_blocking(move || open_copies(&sealed, &passphrase)).await;
            let opened = opened.map_err(failed("opening the keys"))?;
            Some(opened.map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))?)
        }
        None => None,
    };
    let store = Store::named_or_made(&args.store).await?;
    let system = store.system().await?;
    let engine = match &store {
        Store::Local(store) => store.engine(),
        Store::Aws { .. } => None,
    };
    let imported = from_export(&system, engine, path, copies.as_ref()).await?;
    if args.json { json(&imported) } else { show(&imported) }
}

fn show(imported: &Imported) -> Result<(), Failure> {
    let Imported { streams, commits, events, readable_people, erased_people, first_administrator, read_models: _ } =
        imported;
    line(format_args!("took in {events} events in {commits} commits of {streams} streams"))?;
    line(format_args!("{readable_people} people have their data, {erased_people} are as if erased"))?;
    if *first_administrator {
        line("Nobody has a password here. The first `muster serve` shows a new one for the first administrator;")?;
    } else {
        line("Nobody has a password here. `muster user create --role admin` opens an account that can sign in;")?;
    }
    line(
        "everybody else gets one by letter (\"Forgot your password?\"), or comes by single sign-on where the issuer's word is taken",
    )?;
    line("for who has which address (link_verified_email).")?;
    line(
        "Nor is there what is no event: second factors, sessions, API tokens, invitations, links to outside issuers, saved filters,",
    )?;
    line("webhooks, and the log of accesses.")
}

/// Fills the empty store of this system with the export in this file. Without keys, everybody in it is as if erased. With the engine that
/// runs in this process, nobody is told again of what happened long ago: what was written has passed the pipeline.
pub async fn from_export(
    system: &System,
    engine: Option<&Engine>,
    path: &Path,
    copies: Option<&Copies>,
) -> Result<Imported, Failure> {
    let checked = {
        let (path, events, copies) = (path.to_owned(), system.events.clone(), copies.cloned());
        let checked = tokio::task::spawn_blocking(move || {
            let follow = |history: Vec<Commit>, opener: &Opener| events.prepare(history, opener);
            check(&path, copies.as_ref(), &follow)
        });
        checked.await.map_err(failed("following the export"))??
    };
    begun::begin(system, &checked.digest).await?;
    system.put_keys(&checked.keys).await?;
    write(system, path, &checked).await?;
    let read_models = project(system).await?;
    if let Some(engine) = engine
        && let Some(last) = engine.stream(&system.table("events")).last_sequence().await?
    {
        system.checkpoint().save(&last).await.map_err(failed(DOING))?;
    }
    let first_administrator = first_administrator(system).await?;
    if !first_administrator {
        setup::shown(system).await?;
    }
    begun::end(system, &checked.digest).await?;
    let erased = checked.keys.0.values().filter(|copy| matches!(copy, KeyCopy::Erased)).count();
    Ok(Imported {
        streams: checked.streams,
        commits: checked.commits,
        events: checked.events,
        readable_people: checked.keys.0.len() - erased,
        erased_people: erased,
        read_models,
        first_administrator,
    })
}

/// An export that can be taken in.
struct Checked {
    /// SHA-256 of the file.
    digest: String,
    streams: u64,
    commits: u64,
    events: u64,
    /// Of those people whose histories are in the export and hold something personal.
    keys: Copies,
}

type Prepare<'a> = dyn Fn(Vec<Commit>, &Opener) -> Result<Prepared, RestoreError> + 'a;

/// Follows the export to its end: every chain, every event, and what only one may hold.
fn check(path: &Path, copies: Option<&Copies>, prepare: &Prepare<'_>) -> Result<Checked, Failure> {
    let refused = |reason: String| Failure::Refused(format!("{}: {reason}", path.display()));
    let verified = verify_export::without_key(path)?;
    // Of more than are listed, the first is.
    if let Some(Finding { stream, version, line, reason, .. }) = verified.findings.first() {
        return Err(refused(match (stream, version) {
            (Some(stream), Some(version)) => format!("{stream} at version {version}: {reason}"),
            _ => format!("line {line}: {reason}"),
        }));
    }
    let bar = progress::bar(Some(verified.commits), "commits");
    bar.set_message("check");
    let mut keys = Copies::default();
    let mut holders: BTreeMap<String, StreamId> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for history in export_file::open(path)? {
        let history = history?;
        let Some(stream) = history.first().map(|first| first.stream) else { continue };
        if !seen.insert(stream) {
            return Err(refused(format!("{stream} is in it twice")));
        }
        let count = history.len() as u64;
        let opener = opener(copies, &history);
        if let (AggregateType::User, Some(copy)) = (stream.aggregate, copy_of(&opener)) {
            keys.0.insert(UserId(stream.id), copy);
        }
        let prepared = prepare(history, &opener).map_err(|error| match (stream.aggregate, copies) {
            (AggregateType::User, Some(_)) => refused(format!("{error}; are the keys those of this export?")),
            _ => refused(error.to_string()),
        })?;
        for claim in prepared.held() {
            if let Reservation::Claim { key, .. } = claim
                && let Some(other) = holders.insert(key.clone(), stream)
            {
                // The value is an address.
                return Err(refused(format!("{other} and {stream} hold the same value, which only one may")));
            }
        }
        bar.inc(count);
    }
    bar.finish_and_clear();
    let digest = digest(path)?;
    let Verified { streams, commits, events, .. } = verified;
    Ok(Checked { digest, streams, commits, events, keys })
}

/// What opens a history. Without keys, what is sealed in it counts as erased.
fn opener(copies: Option<&Copies>, history: &[Commit]) -> Opener {
    let sealed = |commit: &Commit| {
        commit.events.iter().any(|event| holds_sealed(commit.stream.aggregate, &event.event_type, &event.data))
    };
    match (history.first().map(|first| first.stream), copies) {
        (Some(stream), Some(copies)) if stream.aggregate == AggregateType::User => copies.opener(UserId(stream.id)),
        (Some(_), None) if history.iter().any(sealed) => Opener::Erased,
        _ => Opener::NoKey,
    }
}

fn copy_of(opener: &Opener) -> Option<KeyCopy> {
    match opener {
        Opener::NoKey => None,
        Opener::Key(key) => Some(KeyCopy::Key(key.clone())),
        Opener::Erased => Some(KeyCopy::Erased),
    }
}

fn digest(path: &Path) -> Result<String, Failure> {
    let mut export = File::open(path).map_err(file(path))?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match export.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => context.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(file(path)(error)),
        }
    }
    Ok(context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Writes every history, several at a time; those that are on a roster one after another, as each changes the whole of it.
async fn write(system: &System, path: &Path, checked: &Checked) -> Result<(), Failure> {
    let bar = progress::bar(Some(checked.commits), "commits");
    bar.set_message("import");
    let on_rosters = stream::iter(export_file::open(path)?)
        .map(|history| {
            let bar = &bar;
            async move {
                let history = history?;
                let Some(stream) = history.first().map(|first| first.stream) else { return Ok(None) };
                let opener = match stream.aggregate {
                    AggregateType::User => checked.keys.opener(UserId(stream.id)),
                    AggregateType::Task | AggregateType::Team => Opener::NoKey,
                };
                let count = history.len() as u64;
                let prepared = system.events.prepare(history, &opener).map_err(failed(DOING))?;
                if prepared.held().iter().any(|held| matches!(held, Reservation::Join { .. })) {
                    return Ok::<_, Failure>(Some((prepared, count)));
                }
                system.events.restore(prepared).await.map_err(failed(DOING))?;
                bar.inc(count);
                Ok(None)
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_filter_map(|deferred| async move { Ok(deferred) })
        .try_collect::<Vec<_>>()
        .await?;
    for (prepared, count) in on_rosters {
        system.events.restore(prepared).await.map_err(failed(DOING))?;
        bar.inc(count);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Brings every read model up to the histories.
async fn project(system: &System) -> Result<BTreeMap<String, u64>, Failure> {
    let mut read_models = BTreeMap::new();
    for projection in &system.projections {
        let report = reconcile::reconcile(system, &**projection, false).await?;
        let failed = report.findings.iter().find_map(|finding| match &finding.outcome {
            Outcome::Failed { reason } => Some((finding.stream, reason)),
            Outcome::Listed | Outcome::Repaired => None,
        });
        if let Some((stream, reason)) = failed {
            let name = projection.name();
            return Err(Failure::Refused(format!("{name} cannot take in {stream}: {reason}; run the import again")));
        }
        read_models.insert(projection.name().to_owned(), report.checked);
    }
    Ok(read_models)
}

/// Whether the first administrator of the other store can be the one of this one, too: see [`setup::first_admin`].
async fn first_administrator(system: &System) -> Result<bool, Failure> {
    let id = setup::first_admin_id();
    if !matches!(system.keys.find(id).await.map_err(failed(DOING))?, Opener::Key(_)) {
        return Ok(false);
    }
    let account = system.events.load::<User>(id.0).await.map_err(failed(DOING))?;
    Ok(account.state().is_administrator())
}
