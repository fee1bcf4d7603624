//! Items and keys by chance, and the values in them.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::pick;

pub(super) fn text(rng: &mut Rng) -> String {
    pick(rng, &["", "a", "ab", "abc", "b", "v#1", "Ärger \"quoted\" \\ \u{1}\n", "long text that says nothing", "~"])
        .to_owned()
}

pub(super) fn number(rng: &mut Rng) -> String {
    match rng.u8(..10) {
        0 => pick(
            rng,
            &["0", "-1", "1.5", "-2.25", "12345678901234567890", "0.001", "99999999999999999999999999999999999999"],
        )
        .to_owned(),
        _ => rng.u32(..20).to_string(),
    }
}

/// A value of any type, not too deep.
pub(super) fn value(rng: &mut Rng, depth: u8) -> Value {
    match rng.u8(..if depth == 0 { 9 } else { 12 }) {
        0..4 => json!({ "S": text(rng) }),
        4..6 => json!({ "N": number(rng) }),
        6 => json!({ "BOOL": rng.bool() }),
        7 => json!({ "NULL": true }),
        8 => json!({ "B": pick(rng, &["", "AA==", "Zm9v", "/+8="]) }),
        9 => json!({ "L": (0..rng.usize(..4)).map(|_| value(rng, depth - 1)).collect::<Vec<_>>() }),
        _ => json!({ "M": attributes(rng, depth - 1) }),
    }
}

pub(super) const NAMES: [&str; 7] = ["n", "s", "m", "l", "as_of", "owner", "flag"];

fn attributes(rng: &mut Rng, depth: u8) -> Map<String, Value> {
    (0..rng.usize(..5)).map(|_| (pick(rng, &NAMES).to_owned(), value(rng, depth))).collect()
}

/// A key in the table. Few, so that places are taken.
pub(super) fn key(rng: &mut Rng, table: &str) -> Map<String, Value> {
    let pk = json!({ "S": format!("stream#{}", rng.u8(..12)) });
    let mut key = Map::from_iter([("pk".to_owned(), pk)]);
    match table {
        "events" => key.insert("sk".to_owned(), json!({ "N": sort_number(rng) })),
        "rows" => key.insert("sk".to_owned(), json!({ "S": sort_text(rng) })),
        _ => None,
    };
    key
}

pub(super) fn sort_number(rng: &mut Rng) -> String {
    if rng.u8(..20) == 0 { pick(rng, &["-3", "2.5", "1000000"]).to_owned() } else { rng.u8(1..25).to_string() }
}

pub(super) fn sort_text(rng: &mut Rng) -> String {
    if rng.u8(..3) == 0 { "row".to_owned() } else { format!("v#{:02}", rng.u8(..20)) }
}

pub(super) fn item(rng: &mut Rng, table: &str) -> Map<String, Value> {
    let mut item = key(rng, table);
    item.extend(attributes(rng, 3));
    if table == "rows" && rng.u8(..3) > 0 {
        item.insert("gsi".to_owned(), json!({ "S": format!("g{}", rng.u8(..3)) }));
        if rng.u8(..5) > 0 {
            item.insert("due".to_owned(), json!({ "S": format!("2026-0{}", rng.u8(1..9)) }));
        }
        if rng.bool() {
            item.insert("rank".to_owned(), json!({ "N": number(rng) }));
        }
    }
    if table == "claims" && rng.bool() {
        item.insert("user_id".to_owned(), json!({ "S": format!("u{}", rng.u8(..3)) }));
    }
    // Multi-megabyte pages.
    if rng.u16(..400) == 0 {
        let size = rng.usize(20_000..400_000);
        item.insert("text".to_owned(), json!({ "S": "x".repeat(size) }));
    }
    item
}
