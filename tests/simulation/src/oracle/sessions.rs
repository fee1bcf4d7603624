//! Promise 8: a refresh token has at most one live successor, a lost answer signs nobody out, and the use of an old token ends
//! the session.
//!
//! What is judged is what senders asked and were told. When the store did what, nobody outside knows; so each rule says what
//! holds whatever the order was between a sending and its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::violation::Findings;
use crate::observed::{SessionAnswer, SessionAsk, SessionCall};

/// How long the token before still gets its successor.
const GRACE: Duration = Duration::from_secs(20);
/// How far the clocks of two processes may be apart.
const APART: Duration = Duration::from_secs(3);
/// How long a request whose sender has given up may still be under way.
const UNDER_WAY: Duration = Duration::from_secs(140);

/// The calls about one person's session.
struct Session<'a> {
    person: u64,
    calls: Vec<&'a SessionCall>,
    /// The successor of each token that has one.
    successors: BTreeMap<&'a str, &'a str>,
}

pub(super) fn check(calls: &[SessionCall], found: &mut Findings) {
    let people: BTreeSet<u64> = calls.iter().map(|call| call.person).collect();
    for person in people {
        let calls: Vec<&SessionCall> = calls.iter().filter(|call| call.person == person).collect();
        let mut session = Session { person, calls, successors: BTreeMap::new() };
        session.check_successors(found);
        session.check_refusals(found);
        session.check_old(found);
        session.check_end(found);
    }
}

fn token(call: &SessionCall) -> Option<&str> {
    match &call.ask {
        SessionAsk::Refresh { token } => Some(token),
        SessionAsk::End { .. } => None,
    }
}

fn successor(call: &SessionCall) -> Option<&str> {
    match &call.answer {
        SessionAnswer::Token(token) => Some(token),
        SessionAnswer::Ended | SessionAnswer::Refused | SessionAnswer::Unknown => None,
    }
}

impl<'a> Session<'a> {
    /// One token, one successor; and no token is the successor of two.
    fn check_successors(&mut self, found: &mut Findings) {
        let mut predecessors: BTreeMap<&str, &str> = BTreeMap::new();
        for (number, call) in self.calls.iter().enumerate() {
            let (Some(token), Some(next)) = (token(call), successor(call)) else { continue };
            if self.successors.insert(token, next).is_some_and(|other| other != next) {
                found.note(
                    8,
                    format_args!("person {}, call {number}: another successor of the same token", self.person),
                );
            }
            if token == next || predecessors.insert(next, token).is_some_and(|other| other != token) {
                found.note(8, format_args!("person {}, call {number}: a successor of two tokens", self.person));
            }
        }
    }

    fn sendings_of(&self, wanted: &'a str) -> impl Iterator<Item = &'a SessionCall> {
        self.calls.iter().copied().filter(move |call| token(call) == Some(wanted))
    }

    /// When the first answer to this token came.
    fn first_answer(&self, token: &'a str) -> Option<Duration> {
        self.sendings_of(token).filter(|call| successor(call).is_some()).filter_map(|call| call.answered).min()
    }

    /// Whether the token is old at this time without any doubt: its successor has one, or it has had its own for too long.
    fn is_old(&self, token: &'a str, at: Duration) -> bool {
        let next_moved = self.successors.get(token).and_then(|next| self.first_answer(next));
        next_moved.is_some_and(|moved| moved < at)
            || self.first_answer(token).is_some_and(|moved| moved + GRACE + APART < at)
    }

    /// Whether it may be old to whoever gets it when it is sent at this time.
    fn may_be_old(&self, token: &'a str, at: Duration) -> bool {
        let first = |token: &'a str| self.sendings_of(token).map(|call| call.sent).min();
        let next_sent = self.successors.get(token).and_then(|next| first(next));
        next_sent.is_some_and(|sent| sent <= at + APART) || first(token).is_some_and(|sent| sent + GRACE < at + APART)
    }

    /// A refusal has a reason: somebody signed out, or used a token that may have been old.
    fn check_refusals(&self, found: &mut Findings) {
        for (number, call) in self.calls.iter().enumerate().filter(|(_, call)| call.answer == SessionAnswer::Refused) {
            let until = call.answered.unwrap_or(Duration::MAX);
            let reason = self.calls.iter().filter(|other| other.sent <= until).any(|other| match token(other) {
                None => true,
                Some(token) => self.may_be_old(token, other.sent),
            });
            if !reason {
                found.note(8, format_args!("person {}, call {number}: signed out for nothing", self.person));
            }
        }
    }

    /// An old token gets no successor, and its use ends the session.
    fn check_old(&self, found: &mut Findings) {
        for (number, call) in self.calls.iter().enumerate() {
            if token(call).is_none_or(|token| !self.is_old(token, call.sent)) {
                continue;
            }
            if successor(call).is_some() {
                found.note(8, format_args!("person {}, call {number}: an old token got a successor", self.person));
            }
            let Some(answered) = call.answered else { continue };
            // Beside another refresh it may have been that one's latecomer.
            let alone = self.calls.iter().enumerate().all(|(other, beside)| {
                let until = beside.answered.unwrap_or(beside.sent + UNDER_WAY);
                other == number || beside.sent > answered || until < call.sent
            });
            if alone && self.goes_on_after(answered) {
                found.note(
                    8,
                    format_args!(
                        "person {}: the session outlived the use of an old token in call {number}",
                        self.person
                    ),
                );
            }
        }
    }

    /// Nothing comes after an end.
    fn check_end(&self, found: &mut Findings) {
        let ended =
            self.calls.iter().filter(|call| call.answer == SessionAnswer::Ended).filter_map(|call| call.answered).min();
        if ended.is_some_and(|ended| self.goes_on_after(ended)) {
            found.note(8, format_args!("person {}: the session outlived its end", self.person));
        }
    }

    /// Whether a refresh that was sent later got a successor.
    fn goes_on_after(&self, moment: Duration) -> bool {
        self.calls.iter().any(|call| call.sent > moment && successor(call).is_some())
    }
}
