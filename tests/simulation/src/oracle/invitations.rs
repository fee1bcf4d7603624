//! Promise 6, of invitations: however many take one, and whenever, there is one account of it.

use super::attribute::text;
use super::log::{Commit, Log};
use super::violation::Findings;

/// Counts the accounts that were registered with an address to which an invitation was.
pub(super) fn check(invited: &[String], log: &Log<'_>, found: &mut Findings) {
    for address in invited {
        let commits = log.streams.values().filter_map(|commits| commits.first());
        let made: Vec<&str> =
            commits.filter(|commit| registers(commit, address)).map(|commit| commit.aggregate_and_id().1).collect();
        if made.len() > 1 {
            found.note(6, format_args!("the invitation of {address} has made several accounts: {made:?}"));
        }
    }
}

fn registers(commit: &Commit<'_>, address: &str) -> bool {
    commit.events.iter().any(|event| {
        event.kind == "UserRegistered" && event.field("email").and_then(text).is_some_and(|email| email == address)
    })
}
