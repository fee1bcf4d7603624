//! What the tests of this room share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};

pub(crate) fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn n(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A table with `pk` (S) and `sk` (N), and a stream of new images when `stream` says so.
pub(crate) async fn create_table(client: &Client, name: &str, stream: bool) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    client
        .create_table()
        .table_name(name)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::N))
        .billing_mode(BillingMode::PayPerRequest)
        .set_stream_specification(stream.then(|| {
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .unwrap()
        }))
        .send()
        .await
        .unwrap();
}

/// Puts an item with `data`; panics when that fails.
pub(crate) async fn put(client: &Client, table: &str, pk: &str, sk: u64, data: &str) {
    client.put_item().table_name(table).item("pk", s(pk)).item("sk", n(sk)).item("data", s(data)).send().await.unwrap();
}

/// The `data` of an item, if the item is there.
pub(crate) async fn read(client: &Client, table: &str, pk: &str, sk: u64) -> Option<String> {
    let found = client
        .get_item()
        .table_name(table)
        .key("pk", s(pk))
        .key("sk", n(sk))
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    found.item.map(|item| item["data"].as_s().unwrap().clone())
}
