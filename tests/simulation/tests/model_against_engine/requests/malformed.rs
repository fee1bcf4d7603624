//! Requests with something wrong.

use fastrand::Rng;
use serde_json::{Value, json};

use super::Request;
use super::item::key;
use super::read::{batch_get, query};
use super::write::{keyed, put};

/// A request with something wrong.
pub(super) fn malformed(rng: &mut Rng) -> Request {
    let (operation, mut request) = match rng.u8(..6) {
        0 => ("PutItem", put(rng, "rows")),
        1 => ("DeleteItem", keyed(rng, "events")),
        2 => ("Query", query(rng)),
        3 => ("BatchGetItem", batch_get(rng)),
        4 => (
            "TransactWriteItems",
            json!({ "TransactItems": [{ "Put": put(rng, "rows") }, { "Delete": keyed(rng, "claims") }] }),
        ),
        _ => ("GetItem", json!({ "TableName": "events", "Key": key(rng, "events") })),
    };
    let places = damage(operation);
    let (pointer, replacement) = places[rng.usize(..places.len())].clone();
    // The engine takes bounds of two types in a filter's BETWEEN, as it takes them the wrong way round.
    if pointer == "/ExpressionAttributeValues/:v1" && request["FilterExpression"].to_string().contains("BETWEEN") {
        return (operation, request);
    }
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if let Some(Value::Object(parent)) = request.pointer_mut(parent) {
        if replacement.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), replacement);
        }
    }
    (operation, request)
}

/// What is put where, or with null taken away.
fn damage(operation: &str) -> Vec<(String, Value)> {
    let deep = (0..34).fold(json!({ "S": "x" }), |inner, _| json!({ "L": [inner] }));
    let item = |at: &str| {
        vec![
            (format!("{at}/pk"), Value::Null),
            (format!("{at}/pk"), json!({ "S": "" })),
            (format!("{at}/pk"), json!({ "N": "1" })),
            (format!("{at}/sk"), Value::Null),
            (format!("{at}/sk"), json!({ "S": "" })),
            (format!("{at}/sk"), json!({ "BOOL": true })),
            (format!("{at}/pk"), json!({ "S": "p".repeat(2049) })),
            (format!("{at}/sk"), json!({ "S": "s".repeat(1025) })),
        ]
    };
    let values = |at: &str| {
        vec![
            (format!("{at}/x"), json!({ "S": "a", "N": "1" })),
            (format!("{at}/x"), json!({})),
            (format!("{at}/x"), json!({ "N": "no number" })),
            (format!("{at}/x"), json!({ "N": "1e400" })),
            (format!("{at}/x"), json!({ "S": 5 })),
            (format!("{at}/x"), json!({ "NULL": false })),
            (format!("{at}/x"), deep.clone()),
            (format!("{at}/x"), json!({ "S": "x".repeat(410_000) })),
            (format!("{at}/gsi"), json!({ "S": "" })),
            (format!("{at}/due"), json!({ "N": "1" })),
            (format!("{at}/rank"), json!({ "S": "1" })),
        ]
    };
    let expression = |at: &str| {
        let name = "ConditionExpression";
        let text = |text: &str| (format!("{at}/{name}"), json!(text));
        vec![
            text(""),
            text("status = :x"),
            text("attribute_exists(pk"),
            text("attribute_exists(pk) attribute_exists(sk)"),
            text("((attribute_exists(pk)))"),
            text("#unknown = :unknown"),
            text("no_function(pk)"),
            (format!("{at}/ExpressionAttributeValues"), json!({ ":unused": { "S": "a" } })),
            (format!("{at}/ExpressionAttributeNames"), json!({ "#unused": "a" })),
            (format!("{at}/ExpressionAttributeValues"), json!({})),
            (format!("{at}/ReturnValuesOnConditionCheckFailure"), json!("SOMETHING")),
        ]
    };
    let table =
        |at: &str| vec![(format!("{at}/TableName"), json!("no-such-table")), (format!("{at}/TableName"), Value::Null)];
    let all = |lists: Vec<Vec<_>>| lists.into_iter().flatten().collect();
    match operation {
        "PutItem" => {
            let further = vec![("/ReturnValues".to_owned(), json!("ALL_NEW")), ("/Item".to_owned(), Value::Null)];
            all(vec![item("/Item"), values("/Item"), expression(""), table(""), further])
        }
        "DeleteItem" => {
            let further = vec![("/Key/further".to_owned(), json!({ "S": "a" })), ("/Key".to_owned(), json!({}))];
            all(vec![item("/Key"), expression(""), table(""), further])
        }
        "GetItem" => {
            let further = vec![("/Key/further".to_owned(), json!({ "S": "a" })), ("/Key".to_owned(), json!({}))];
            all(vec![item("/Key"), table(""), further])
        }
        "Query" => {
            let text = |text: &str| ("/KeyConditionExpression".to_owned(), json!(text));
            let further = vec![
                text(""),
                text("pk = :p OR sk = :s"),
                text("pk > :p"),
                ("/KeyConditionExpression".to_owned(), Value::Null),
                ("/Limit".to_owned(), json!(0)),
                ("/Limit".to_owned(), json!(-1)),
                ("/IndexName".to_owned(), json!("no-such-index")),
                ("/ExclusiveStartKey".to_owned(), json!({ "pk": { "S": "stream#99" } })),
                ("/ExclusiveStartKey".to_owned(), json!({ "pk": { "S": "a" }, "sk": { "BOOL": true } })),
                ("/FilterExpression".to_owned(), json!("pk = :v0")),
                ("/ExpressionAttributeValues/:unused".to_owned(), json!({ "S": "a" })),
                ("/ExpressionAttributeNames/#unused".to_owned(), json!("a")),
                ("/ExpressionAttributeValues/:v0".to_owned(), Value::Null),
                ("/ExpressionAttributeValues/:v0".to_owned(), json!({ "N": "1" })),
                ("/ExpressionAttributeValues/:v1".to_owned(), json!({ "BOOL": true })),
            ];
            all(vec![table(""), further])
        }
        "BatchGetItem" => vec![
            ("/RequestItems".to_owned(), json!({})),
            ("/RequestItems/rows".to_owned(), json!({ "Keys": [] })),
            ("/RequestItems/rows".to_owned(), json!({ "Keys": [{ "pk": { "S": "a" } }] })),
            ("/RequestItems/claims".to_owned(), json!({ "Keys": [{ "pk": { "S": "a" } }, { "pk": { "S": "a" } }] })),
            ("/RequestItems/no-such-table".to_owned(), json!({ "Keys": [{ "pk": { "S": "a" } }] })),
            (
                "/RequestItems/claims".to_owned(),
                json!({ "Keys": (0..101).map(|n| json!({ "pk": { "S": n.to_string() } })).collect::<Vec<_>>() }),
            ),
        ],
        _ => {
            let mut put = expression("/TransactItems/0/Put");
            // The engine takes placeholders that are an empty map in a transaction, unlike elsewhere.
            put.retain(|(_, replacement)| *replacement != json!({}));
            let further = vec![
                ("/TransactItems".to_owned(), json!([])),
                ("/TransactItems/1".to_owned(), json!({})),
                ("/ClientRequestToken".to_owned(), json!("t".repeat(37))),
            ];
            all(vec![
                item("/TransactItems/0/Put/Item"),
                values("/TransactItems/0/Put/Item"),
                put,
                table("/TransactItems/0/Put"),
                item("/TransactItems/1/Delete/Key"),
                further,
            ])
        }
    }
}
