//! What two stores hold, and in what they differ.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_cli::system::System;
use serde_json::{Value, json};

/// Every item of the tables whose names begin like this: by table, each item as text.
pub(super) async fn tables(system: &System, names: &[&str]) -> BTreeMap<String, Vec<String>> {
    let listed = system.client.list_tables().send().await.unwrap().table_names.unwrap_or_default();
    let mut tables = BTreeMap::new();
    for table in listed.into_iter().filter(|table| names.iter().any(|name| table.starts_with(name))) {
        let mut pages = system.client.scan().table_name(&table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(shown(&AttributeValue::M(item.unwrap())).to_string());
        }
        items.sort();
        tables.insert(table, items);
    }
    tables
}

/// An attribute as JSON, the same each time.
fn shown(value: &AttributeValue) -> Value {
    let mut json = if let Ok(text) = value.as_s() {
        json!(text)
    } else if let Ok(number) = value.as_n() {
        json!({ "number": number })
    } else if let Ok(truth) = value.as_bool() {
        json!(truth)
    } else if let Ok(items) = value.as_l() {
        items.iter().map(shown).collect()
    } else if let Ok(fields) = value.as_m() {
        fields.iter().map(|(name, value)| (name.clone(), shown(value))).collect()
    } else {
        json!(format!("{value:?}"))
    };
    json.sort_all_objects();
    json
}

/// The first items that only one of them has.
pub(super) fn differences(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    assert!(one.keys().eq(other.keys()), "{:?} and {:?}", one.keys(), other.keys());
    let lacking = |here: &[String], there: &[String]| -> Vec<String> {
        here.iter().filter(|item| there.binary_search(item).is_err()).take(3).cloned().collect()
    };
    one.iter()
        .flat_map(|(table, items)| [lacking(items, &other[table]), lacking(&other[table], items)].concat())
        .collect()
}

/// Every read model. The order of the feed is compared by [`places`].
const READ_MODELS: [&str; 5] =
    ["muster-task-list", "muster-audit-log", "muster-directory", "muster-task-past", "muster-feed"];

/// The places that events have in the feed, as far as their order is defined: of each shard and stream, the versions in the order of
/// their places; and that the places of each shard are 1, 2, 3, … without gaps.
async fn places(system: &System) -> BTreeMap<(String, String), Vec<u64>> {
    let mut pages = system.client.scan().table_name("muster-positions").into_paginator().items().send();
    let (mut shards, mut reached) = (BTreeMap::<String, BTreeMap<u64, (String, u64)>>::new(), BTreeMap::new());
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
        let text = |name: &str| item[name].as_s().unwrap().clone();
        if text("pk").starts_with("shard#") {
            shards.entry(text("pk")).or_default().insert(number("sk"), (text("stream"), number("version")));
        } else {
            reached.insert(("reached".to_owned(), text("stream")), vec![number("version")]);
        }
    }
    let mut places = reached;
    for (shard, order) in shards {
        assert!(order.keys().copied().eq(1..=order.len() as u64), "{shard} has gaps");
        for (stream, version) in order.into_values() {
            places.entry((shard.clone(), stream)).or_default().push(version);
        }
    }
    places
}

/// That the two stores hold the same, in every table that an export makes.
pub(super) async fn assert_same(one: &System, two: &System) {
    for names in [&["muster-events", "muster-reservations"][..], &READ_MODELS] {
        let (there, here) = (tables(one, names).await, tables(two, names).await);
        assert!(there.values().all(|items| !items.is_empty()) && there.len() >= names.len(), "{:?}", there.keys());
        assert_eq!(differences(&here, &there), Vec::<String>::new());
    }
    let places_there = places(one).await;
    assert!(!places_there.is_empty());
    assert_eq!(places(two).await, places_there);
}
