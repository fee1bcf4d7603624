//! Writes by chance: of single items, in transactions and in batches.

use fastrand::Rng;
use serde_json::{Value, json};

use super::expression::{Placeholders, condition};
use super::item::{item, key, number, text, value};
use super::pick;
use super::tables::TABLES;

/// Puts a condition on a write, sometimes.
fn guard(rng: &mut Rng, write: &mut Value) {
    let mut uses = Placeholders::default();
    let expression = match rng.u8(..8) {
        0..2 => return,
        2..4 => "attribute_not_exists(pk)".to_owned(),
        4 => "attribute_exists(pk)".to_owned(),
        5 => {
            let expected = uses.value(json!({ "N": number(rng) }));
            format!("attribute_not_exists(pk) OR as_of = {expected}")
        }
        6 => {
            let owner = uses.name("owner");
            format!("attribute_not_exists(pk) OR {owner} = {}", uses.value(json!({ "S": text(rng) })))
        }
        _ => condition(rng, &mut uses, 2),
    };
    write["ConditionExpression"] = json!(expression);
    uses.add_to(write);
    if rng.bool() {
        write["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    }
}

pub(super) fn put(rng: &mut Rng, table: &str) -> Value {
    let mut put = json!({ "TableName": table, "Item": item(rng, table) });
    guard(rng, &mut put);
    put
}

pub(super) fn keyed(rng: &mut Rng, table: &str) -> Value {
    let mut keyed = json!({ "TableName": table, "Key": key(rng, table) });
    guard(rng, &mut keyed);
    keyed
}

/// An update that sets one or two attributes, of an item that is there or of a new one.
pub(super) fn update(rng: &mut Rng, table: &str) -> Value {
    let mut update = keyed(rng, table);
    let names: &[&str] = if rng.bool() { &["n"] } else { &["l", "s"] };
    let set: Vec<String> = names.iter().map(|name| format!("{name} = :set_{name}")).collect();
    update["UpdateExpression"] = json!(format!("SET {}", set.join(", ")));
    for name in names {
        update["ExpressionAttributeValues"][format!(":set_{name}")] = value(rng, 2);
    }
    if rng.bool() {
        update["ReturnValues"] = json!("ALL_NEW");
    }
    update
}

pub(super) fn transaction(rng: &mut Rng) -> Value {
    let actions: Vec<_> = (0..rng.usize(1..5))
        .map(|_| {
            let table = pick(rng, &TABLES);
            match rng.u8(..5) {
                0 => json!({ "Delete": keyed(rng, table) }),
                1 => {
                    let mut check = keyed(rng, table);
                    if check.get("ConditionExpression").is_none() {
                        check["ConditionExpression"] = json!("attribute_exists(pk)");
                    }
                    json!({ "ConditionCheck": check })
                }
                _ => json!({ "Put": put(rng, table) }),
            }
        })
        .collect();
    let mut transaction = json!({ "TransactItems": actions });
    if rng.bool() {
        // Some are used again for other transactions, which is refused.
        let number = if rng.u8(..8) == 0 { rng.u32(..100) } else { rng.u32(100..) };
        transaction["ClientRequestToken"] = json!(format!("token-{number}"));
    }
    transaction
}

pub(super) fn batch_write(rng: &mut Rng) -> Value {
    let table = pick(rng, &TABLES);
    let writes: Vec<_> = (0..rng.usize(1..6))
        .map(|_| match rng.u8(..4) {
            0 => json!({ "DeleteRequest": { "Key": key(rng, table) } }),
            _ => json!({ "PutRequest": { "Item": item(rng, table) } }),
        })
        .collect();
    json!({ "RequestItems": { table: writes } })
}
