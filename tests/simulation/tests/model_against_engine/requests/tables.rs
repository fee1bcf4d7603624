//! The tables that the requests are for.

use serde_json::{Value, json};

/// The tables, as `CreateTable` makes them.
pub(crate) fn tables() -> Vec<Value> {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let index = |name: &str, pk: &str, sk: &str| {
        json!({
            "IndexName": name, "KeySchema": [key(pk, "HASH"), key(sk, "RANGE")], "Projection": { "ProjectionType": "ALL" },
        })
    };
    let stream = json!({ "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" });
    vec![
        json!({
            "TableName": "events", "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": stream,
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [attribute("pk", "S"), attribute("sk", "N")],
        }),
        json!({
            "TableName": "rows", "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": stream,
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [
                attribute("pk", "S"), attribute("sk", "S"), attribute("gsi", "S"), attribute("due", "S"),
                attribute("rank", "N"),
            ],
            "GlobalSecondaryIndexes": [index("by-due", "gsi", "due"), index("by-rank", "gsi", "rank")],
        }),
        json!({
            "TableName": "claims", "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": stream,
            "KeySchema": [key("pk", "HASH")],
            "AttributeDefinitions": [attribute("pk", "S"), attribute("user_id", "S")],
            "GlobalSecondaryIndexes": [index("by-user", "user_id", "pk")],
        }),
    ]
}

pub(super) const TABLES: [&str; 3] = ["events", "rows", "claims"];
