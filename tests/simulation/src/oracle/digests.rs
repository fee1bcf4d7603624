//! Promise 10: when somebody looked last, every head was put under a digest, and a digest holds nothing that was not a head.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::attribute::{list, map, number, text};
use super::violation::Findings;

/// A head: the history, the version, the hash.
type Head<'a> = (&'a str, u64, &'a str);

/// Compares the table of digests with the log. The last digest was taken after the last commit.
pub(super) fn check(digests: &[Value], events: &[Value], found: &mut Findings) {
    let under = held(digests, found);
    let mut heads: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    let mut ends: BTreeSet<Head<'_>> = BTreeSet::new();
    for item in events {
        let (Some(stream), Some(first), Some(hash), Some(count)) = (
            item.get("pk").and_then(text),
            item.get("sk").and_then(number),
            item.get("hash").and_then(text),
            item.get("events").and_then(list).map(<[Value]>::len),
        ) else {
            continue;
        };
        let last = (first + count as u64).saturating_sub(1);
        ends.insert((stream, last, hash));
        let newest = heads.entry(stream).or_insert((last, hash));
        *newest = (*newest).max((last, hash));
    }
    for (stream, (version, hash)) in heads {
        if !under.contains(&(stream, version, hash)) {
            found.note(10, format_args!("{stream}, version {version}: the head is under no digest"));
        }
    }
    for (stream, version, _) in under.difference(&ends) {
        found.note(
            10,
            format_args!("a digest holds {stream}, version {version}, and no commit ends there with that hash"),
        );
    }
}

/// What the digests hold.
fn held<'a>(items: &'a [Value], found: &mut Findings) -> BTreeSet<Head<'a>> {
    let pk = |item: &'a Value| item.get("pk").and_then(text);
    let mut sequences: Vec<(u64, &str, u64)> = Vec::new();
    for item in items.iter().filter(|item| pk(item) == Some("digest")) {
        let read =
            (item.get("sk").and_then(number), item.get("root").and_then(text), item.get("leaves").and_then(number));
        match read {
            (Some(sequence), Some(root), Some(leaves)) => sequences.push((sequence, root, leaves)),
            _ => found.note(10, format_args!("this is no digest: {item}")),
        }
    }
    sequences.sort_unstable();
    let mut under = BTreeSet::new();
    for (expected, (sequence, root, count)) in (1..).zip(sequences) {
        if sequence != expected {
            found.note(10, format_args!("digest {sequence} stands where {expected} belongs"));
        }
        let of_root = format!("leaves#{root}");
        let chunks = items.iter().filter(|item| pk(item) == Some(&of_root));
        let leaves = chunks.filter_map(|item| item.get("leaves").and_then(list)).flatten().filter_map(map);
        let heads: Vec<Head<'_>> = leaves
            .filter_map(|leaf| {
                Some((text(leaf.get("stream")?)?, number(leaf.get("version")?)?, text(leaf.get("hash")?)?))
            })
            .collect();
        if heads.len() as u64 != count {
            found.note(10, format_args!("digest {sequence} has {count} heads, and {} are kept of it", heads.len()));
        }
        under.extend(heads);
    }
    under
}
