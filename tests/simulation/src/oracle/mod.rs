//! What must hold, written apart from the code under test: it reads what is stored, knows what events mean, and calls
//! nothing of what it judges. What a commit carries besides (the state after it) is a cache, and looked at nowhere.

mod administrators;
mod attribute;
mod calls;
mod canonical;
mod commands;
mod digests;
mod expected;
mod feed;
mod history;
mod invitations;
mod log;
mod models;
mod personal;
mod reservations;
mod rules;
mod sessions;
mod tamper;
mod time;
mod timeline;
mod violation;

use crate::observed::{Lag, Observed};

use log::Log;
use timeline::Timeline;
use violation::Findings;

pub use tamper::{tamper, tampering_shows};
pub use violation::Violation;

/// All that a run breaks, by promise; nothing when it keeps them all. The same run gives the same answer.
pub fn check(observed: &Observed) -> Vec<Violation> {
    let mut found = Findings::default();
    let log = Log::read(&observed.events, &mut found);
    history::check_order(&log, &mut found);
    history::check_chain(&log, &mut found);
    let timeline = Timeline::read(&observed.event_writes, &log, &mut found);
    let opened = personal::open(&observed.events, &mut found);
    let opened = Log::read(&opened, &mut Findings::default());
    let folded = history::fold(&opened, &mut found);
    calls::check(&observed.calls, &log, &timeline, &mut found);
    commands::check(&observed.calls, &log, &timeline, &mut found);
    models::check(observed, &log, &folded, &mut found);
    feed::check(observed, &folded, &mut found);
    models::check_writes(&observed.row_writes, &timeline, &mut found);
    reservations::check(observed, &opened, &folded, &mut found);
    administrators::check(observed, &opened, &folded, &mut found);
    invitations::check(&observed.invited, &opened, &mut found);
    sessions::check(&observed.session_calls, &mut found);
    personal::check(observed, &opened, &mut found);
    if let Some(digests) = &observed.digests {
        digests::check(digests, &observed.events, &mut found);
    }
    check_rest(observed, &mut found);
    found.into_sorted()
}

/// Promise 9: nothing is under way any more.
fn check_rest(observed: &Observed, found: &mut Findings) {
    let Lag { unpublished, queued, dead } = &observed.lag;
    if *unpublished > 0 {
        found.note(9, format_args!("{unpublished} stream records are not published"));
    }
    for (projection, messages) in queued.iter().filter(|(_, messages)| **messages > 0) {
        found.note(9, format_args!("{projection}: {messages} messages are in the queue"));
    }
    for (projection, messages) in dead.iter().filter(|(_, messages)| **messages > 0) {
        found.note(9, format_args!("{projection}: {messages} messages are in the dead-letter queue"));
    }
    if observed.rest.is_none() {
        found.note(9, "the run did not come to rest within its bound");
    }
}

#[cfg(test)]
mod tests;
