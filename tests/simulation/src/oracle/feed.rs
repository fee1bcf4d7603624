//! The feed: every event has one place, an aggregate's in the order of their versions, no place is empty; and whoever pages
//! while places are given gets exactly that.

use std::collections::BTreeMap;

use super::attribute::{number, text};
use super::history::Folded;
use super::violation::Findings;
use crate::observed::Observed;

/// The promise that is broken.
const PROMISE: u8 = 12;

pub(super) fn check(observed: &Observed, folded: &BTreeMap<&str, Folded<'_>>, found: &mut Findings) {
    let mut shards: BTreeMap<&str, BTreeMap<u64, (&str, u64)>> = BTreeMap::new();
    let mut marks: BTreeMap<&str, u64> = BTreeMap::new();
    for item in &observed.feed_order {
        let of = |name: &str| item.get(name);
        let (Some(pk), Some(sk), Some(stream), Some(version)) = (
            of("pk").and_then(text),
            of("sk").and_then(number),
            of("stream").and_then(text),
            of("version").and_then(number),
        ) else {
            found.note(PROMISE, format_args!("the feed has an item that is none: {item}"));
            continue;
        };
        if pk.starts_with("shard#") {
            shards.entry(pk).or_default().insert(sk, (stream, version));
        } else {
            marks.insert(pk, version);
        }
    }
    let mut placed: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (shard, places) in &shards {
        for (place, expected) in places.keys().zip(1..) {
            if *place != expected {
                found.note(PROMISE, format_args!("{shard} has nothing at {expected}, and something at {place}"));
                break;
            }
        }
        for (stream, version) in places.values() {
            placed.entry(stream).or_default().push(*version);
        }
    }
    compare("the feed", &placed, folded, found);
    for (stream, folded) in folded {
        let mark = marks.remove(stream);
        if mark != Some(folded.head) {
            found.note(PROMISE, format_args!("{stream} ends at {}, and has places up to {mark:?}", folded.head));
        }
    }
    for stream in marks.keys() {
        found.note(PROMISE, format_args!("{stream} has places and no history"));
    }
    let mut by_stream: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (stream, version) in &observed.feed_read {
        by_stream.entry(stream).or_default().push(*version);
    }
    compare("a reader", &by_stream, folded, found);
}

/// Each history, once, in its order, and nothing else.
fn compare(who: &str, got: &BTreeMap<&str, Vec<u64>>, folded: &BTreeMap<&str, Folded<'_>>, found: &mut Findings) {
    for (stream, folded) in folded {
        let got = got.get(stream).map(Vec::as_slice).unwrap_or_default();
        if !(1..=folded.head).eq(got.iter().copied()) {
            found.note(PROMISE, format_args!("{stream} ends at {}, and {who} has of it {got:?}", folded.head));
        }
    }
    for stream in got.keys().filter(|stream| !folded.contains_key(*stream)) {
        found.note(PROMISE, format_args!("{who} has events of {stream}, which has no history"));
    }
}
