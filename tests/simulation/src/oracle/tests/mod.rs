//! The oracle, judged: it finds nothing in runs that keep every promise, and each promise that is broken.

mod answers;
mod canonical;
mod feed;
mod histories;
mod real;
mod repeats;
mod rows;
mod story;

use std::collections::BTreeSet;

use super::check;
use crate::observed::Observed;

/// The promises that the oracle finds broken.
fn broken(observed: &Observed) -> BTreeSet<u8> {
    check(observed).iter().map(|violation| violation.promise).collect()
}

/// Asserts that this promise and no other is broken, and that what is said of it contains this.
#[track_caller]
fn only(observed: &Observed, promise: u8, what: &str) {
    let violations = check(observed);
    let shown: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(violations.iter().any(|violation| violation.what.contains(what)), "{what:?} is not in {shown:#?}");
    assert_eq!(broken(observed), BTreeSet::from([promise]), "{shown:#?}");
}

/// Asserts that this promise is broken, and that what is said of it contains this.
#[track_caller]
fn among_others(observed: &Observed, promise: u8, what: &str) {
    let violations = check(observed);
    let shown: Vec<_> = violations.iter().map(ToString::to_string).collect();
    let said = violations.iter().any(|violation| violation.promise == promise && violation.what.contains(what));
    assert!(said, "no violation of promise {promise} with {what:?} is in {shown:#?}");
}

/// Asserts that the oracle finds nothing.
#[track_caller]
fn kept(observed: &Observed) {
    let shown: Vec<_> = check(observed).iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}
