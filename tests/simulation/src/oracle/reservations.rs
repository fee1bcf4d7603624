//! Promise 6: at most one active account holds an address, at any time, and the table says who.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::administrators::ROSTER;
use super::attribute::text;
use super::history::Folded;
use super::log::{Commit, Log};
use super::rules::{State, reservation};
use super::violation::Findings;
use crate::observed::Observed;

/// Checks the table against the fold, and the fold of every moment against itself.
pub(super) fn check(observed: &Observed, log: &Log<'_>, folded: &BTreeMap<&str, Folded<'_>>, found: &mut Findings) {
    // The holders by address; more than one is the violation itself.
    let mut held: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (stream, folded) in folded {
        if let (State::User(user), Some((_, id))) = (&folded.state, stream.split_once('#'))
            && let Some(key) = user.held()
        {
            held.entry(key).or_default().insert(id);
        }
    }
    for (key, holders) in held.iter().filter(|(_, holders)| holders.len() > 1) {
        found.note(6, format_args!("{key} is held by several active users: {holders:?}"));
    }
    check_table(&observed.reservations, &held, found);
    check_moments(observed, log, found);
}

fn check_table(items: &[Value], held: &BTreeMap<String, BTreeSet<&str>>, found: &mut Findings) {
    let mut stored: BTreeMap<&str, &str> = BTreeMap::new();
    let values = items.iter().filter(|item| item.get("pk").and_then(text) != Some(ROSTER));
    for item in values {
        match (item.get("pk").and_then(text), item.get("owner").and_then(text)) {
            (Some(key), Some(owner)) => {
                if stored.insert(key, owner).is_some() {
                    found.note(6, format_args!("{key} is in the table of reservations twice"));
                }
            }
            _ => found.note(6, format_args!("an item of the table of reservations is none: {item}")),
        }
    }
    for (key, owner) in &stored {
        match held.get(*key) {
            None => found.note(6, format_args!("{key} is reserved for {owner}, and no active user has it")),
            Some(holders) if !holders.contains(owner) => {
                found.note(6, format_args!("{key} is reserved for {owner}, and held by {holders:?}"));
            }
            Some(_) => {}
        }
    }
    for (key, holders) in held.iter().filter(|(key, _)| !stored.contains_key(key.as_str())) {
        found.note(6, format_args!("{key} is held by {holders:?}, and not reserved"));
    }
}

/// Goes through the commits as they took effect: nobody takes what another one holds.
fn check_moments(observed: &Observed, log: &Log<'_>, found: &mut Findings) {
    let mut holders: BTreeMap<String, &str> = BTreeMap::new();
    for write in observed.event_writes.iter().filter(|write| write.stream.starts_with("user#")) {
        let Some(commit) = log.at(&write.stream, write.version) else { continue };
        for (key, claims) in claims(commit) {
            let holder = holders.get(&key).copied().filter(|holder| *holder != commit.stream);
            if let Some(holder) = holder.filter(|_| claims) {
                found.note(
                    6,
                    format_args!(
                        "{}: version {} took {key} at {:?}, when {holder} held it",
                        commit.stream, commit.first, write.at
                    ),
                );
            }
            if claims {
                holders.insert(key, commit.stream);
            } else if holder.is_none() {
                holders.remove(&key);
            }
        }
    }
}

/// The addresses that a commit takes (true) or gives back.
fn claims(commit: &Commit<'_>) -> BTreeMap<String, bool> {
    let mut claims = BTreeMap::new();
    for event in &commit.events {
        let email = |name: &str| event.field(name).map(reservation);
        let (released, claimed) = match event.kind {
            "UserRegistered" | "UserReactivated" => (None, email("email")),
            "UserDeactivated" => (email("email"), None),
            // The same address in other letters stays reserved.
            "UserEmailChanged" if email("from") != email("to") => (email("from"), email("to")),
            _ => (None, None),
        };
        claims.extend(released.map(|key| (key, false)));
        claims.extend(claimed.map(|key| (key, true)));
    }
    claims
}
