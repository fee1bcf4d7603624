//! Requests by chance: those that Muster sends, and those that it must not.

mod expression;
mod item;
mod malformed;
mod read;
mod tables;
mod write;

use fastrand::Rng;
use serde_json::{Value, json};

use item::key;
use malformed::malformed;
use read::{batch_get, query};
use tables::TABLES;
use write::{batch_write, keyed, put, transaction, update};

pub(crate) use read::scan;
pub(crate) use tables::tables;

/// An operation and its request.
pub(crate) type Request = (&'static str, Value);

/// Any request but a scan.
pub(crate) fn any(rng: &mut Rng) -> Request {
    let table = pick(rng, &TABLES);
    match rng.u8(..100) {
        0..25 => {
            let mut put = put(rng, table);
            if rng.u8(..4) == 0 {
                put["ReturnValues"] = json!("ALL_OLD");
            }
            ("PutItem", put)
        }
        25..30 => ("UpdateItem", update(rng, table)),
        30..36 => {
            let mut delete = keyed(rng, table);
            if rng.bool() {
                delete["ReturnValues"] = json!("ALL_OLD");
            }
            ("DeleteItem", delete)
        }
        36..46 => ("GetItem", json!({ "TableName": table, "Key": key(rng, table), "ConsistentRead": true })),
        46..68 => ("Query", query(rng)),
        68..76 => ("BatchGetItem", batch_get(rng)),
        76..82 => ("BatchWriteItem", batch_write(rng)),
        82..93 => ("TransactWriteItems", transaction(rng)),
        _ => malformed(rng),
    }
}

fn pick<'a, T: ?Sized>(rng: &mut Rng, of: &[&'a T]) -> &'a T {
    of[rng.usize(..of.len())]
}
