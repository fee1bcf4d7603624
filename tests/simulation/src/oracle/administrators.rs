//! Promise 6, of administrators: once there is an active one there always is, and the roster says who they are.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::{list, text};
use super::history::Folded;
use super::log::{Commit, Log};
use super::rules::State;
use super::violation::Findings;
use crate::observed::Observed;

/// The key of the roster in the table of reservations.
pub(super) const ROSTER: &str = "role#admin";

/// Checks the roster against the fold, and that there was an administrator at every moment.
pub(super) fn check(observed: &Observed, log: &Log<'_>, folded: &BTreeMap<&str, Folded<'_>>, found: &mut Findings) {
    let active = folded.iter().filter_map(|(stream, folded)| match (&folded.state, stream.split_once('#')) {
        (State::User(user), Some((_, id))) => (user.active && user.role.and_then(text) == Some("admin")).then_some(id),
        _ => None,
    });
    let active: BTreeSet<&str> = active.collect();
    let roster = observed.reservations.iter().find(|item| item.get("pk").and_then(text) == Some(ROSTER));
    let listed = roster.and_then(|roster| list(roster.get("members")?));
    match listed.map(|members| members.iter().filter_map(text).collect::<BTreeSet<_>>()) {
        None if roster.is_some() => found.note(6, format_args!("{ROSTER} is no roster: {roster:?}")),
        None if !active.is_empty() => found.note(6, format_args!("{ROSTER} is not there, and {active:?} belong on it")),
        Some(listed) if listed != active => {
            found.note(6, format_args!("on {ROSTER} are {listed:?}, and {active:?} belong on it"));
        }
        None | Some(_) => {}
    }
    check_moments(observed, log, found);
}

/// Goes through the commits as they took effect.
fn check_moments(observed: &Observed, log: &Log<'_>, found: &mut Findings) {
    // Of each account, whether it has the role, and whether it is open.
    let mut accounts: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    let mut before = 0;
    for write in observed.event_writes.iter().filter(|write| write.stream.starts_with("user#")) {
        let Some(commit) = log.at(&write.stream, write.version) else { continue };
        follow(accounts.entry(commit.stream).or_default(), commit);
        let now = accounts.values().filter(|(role, open)| *role && *open).count();
        if before > 0 && now == 0 {
            found.note(
                6,
                format_args!(
                    "{}: version {} left nobody to administrate at {:?}",
                    commit.stream, commit.first, write.at
                ),
            );
        }
        before = now;
    }
}

fn follow((role, open): &mut (bool, bool), commit: &Commit<'_>) {
    for event in &commit.events {
        let is_admin = |name: &str| event.field(name).and_then(text) == Some("admin");
        match event.kind {
            "UserRegistered" => (*role, *open) = (is_admin("role"), true),
            "UserRoleChanged" => *role = is_admin("to"),
            "UserDeactivated" => *open = false,
            "UserReactivated" => *open = true,
            _ => {}
        }
    }
}
