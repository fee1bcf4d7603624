//! Reads by chance: batches, queries and scans.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::expression::{Placeholders, filter};
use super::item::{key, number, sort_number, sort_text};
use super::pick;
use super::tables::TABLES;

pub(super) fn batch_get(rng: &mut Rng) -> Value {
    let mut tables = Map::new();
    for _ in 0..rng.usize(1..3) {
        let table = pick(rng, &TABLES);
        let keys: Vec<_> = (0..rng.usize(1..8)).map(|_| key(rng, table)).collect();
        tables.insert(table.to_owned(), json!({ "Keys": keys, "ConsistentRead": true }));
    }
    json!({ "RequestItems": tables })
}

/// The partition key, the sort key and whether that is a number, of a table and of each index.
const QUERIED: [(&str, Option<&str>, &str, &str, bool); 6] = [
    ("events", None, "pk", "sk", true),
    ("events", None, "pk", "sk", true),
    ("rows", None, "pk", "sk", false),
    ("rows", Some("by-due"), "gsi", "due", false),
    ("rows", Some("by-rank"), "gsi", "rank", true),
    ("claims", Some("by-user"), "user_id", "pk", false),
];

fn sort_value(rng: &mut Rng, sk: &str) -> Value {
    match sk {
        "due" => json!({ "S": format!("2026-0{}", rng.u8(1..9)) }),
        "rank" => json!({ "N": number(rng) }),
        "pk" => json!({ "S": format!("stream#{}", rng.u8(..12)) }),
        _ => json!({ "S": sort_text(rng) }),
    }
}

pub(super) fn query(rng: &mut Rng) -> Value {
    let (table, index, pk, sk, numeric) = QUERIED[rng.usize(..QUERIED.len())];
    let mut uses = Placeholders::default();
    let pk_value = match pk {
        "gsi" => format!("g{}", rng.u8(..3)),
        "user_id" => format!("u{}", rng.u8(..3)),
        _ => format!("stream#{}", rng.u8(..12)),
    };
    let (pk, sk_name) = (uses.name(pk), sk);
    let mut expression = format!("{pk} = {}", uses.value(json!({ "S": pk_value })));
    let sort = |rng: &mut Rng| {
        if table == "events" { json!({ "N": sort_number(rng) }) } else { sort_value(rng, sk_name) }
    };
    match rng.u8(..8) {
        0..2 => {}
        2..5 => {
            let comparison = pick(rng, &["=", "<", "<=", ">", ">="]);
            let (sk, other) = (uses.name(sk), uses.value(sort(rng)));
            expression = format!("{expression} AND {sk} {comparison} {other}");
        }
        5 if !numeric => {
            let prefix = pick(rng, &["v#", "v#0", "row", "2026-0", "2026-03", "stream#1", "x", "v#1"]);
            let (sk, prefix) = (uses.name(sk), uses.value(json!({ "S": prefix })));
            expression = format!("{expression} AND begins_with({sk}, {prefix})");
        }
        _ => {
            // One time in two with its ends the wrong way round, which is refused.
            let sk = uses.name(sk);
            let (low, high) = (uses.value(sort(rng)), uses.value(sort(rng)));
            expression = format!("{expression} AND {sk} BETWEEN {low} AND {high}");
        }
    }
    let mut query = json!({ "TableName": table, "KeyConditionExpression": expression });
    if let Some(index) = index {
        query["IndexName"] = json!(index);
    } else if rng.bool() {
        query["ConsistentRead"] = json!(true);
    }
    if rng.u8(..4) == 0 {
        query["FilterExpression"] = json!(filter(rng, &mut uses));
    }
    if rng.u8(..6) == 0 {
        query["ProjectionExpression"] = json!(format!("pk, as_of, {}", uses.name("n")));
    }
    if rng.bool() {
        query["ScanIndexForward"] = json!(rng.bool());
    }
    if rng.bool() {
        query["Limit"] = json!(rng.u8(1..8));
    }
    uses.add_to(&mut query);
    query
}

/// A whole scan: how many segments, and the request of each page without its segment and start.
pub(crate) fn scan(rng: &mut Rng) -> (u8, Value) {
    let table = pick(rng, &TABLES);
    let mut uses = Placeholders::default();
    let mut scan = json!({ "TableName": table });
    match rng.u8(..4) {
        0 if table == "rows" => {
            scan["FilterExpression"] = json!(format!("sk = {}", uses.value(json!({ "S": "row" }))));
            scan["ProjectionExpression"] = json!("pk, as_of, parked");
        }
        1 => scan["FilterExpression"] = json!(filter(rng, &mut uses)),
        _ => {}
    }
    if rng.bool() {
        scan["Limit"] = json!(rng.u8(20..200));
    }
    uses.add_to(&mut scan);
    (rng.u8(1..5), scan)
}
