//! An export that another store takes in.

mod keys;
mod place;
mod refusals;
mod same;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_cli::args::AdminArgs;
use muster_cli::operate::import;
use muster_cli::report::Failure;
use muster_cli::setup::first_admin;
use muster_cli::store::LocalStore;
use muster_domain::DomainEvent;
use serde_json::Value;

use crate::support::at;
use place::Place;
use same::{assert_same, differences, tables};

fn refused(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure::Refused(reason)) => reason,
        other => panic!("it should be refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_export_that_is_taken_in_and_exported_again_is_the_same_to_the_last_byte() {
    let place = Place::new();
    place.team("one", 60).await;
    let exported = place.export("one", "first.jsonl").await;

    import::run(place.import("first.jsonl", "two")).await.unwrap();

    assert_eq!(place.export("two", "second.jsonl").await, exported);
    assert_same(&place.open("one").await, &place.open("two").await).await;
}

#[tokio::test]
async fn events_of_every_type_are_taken_in_and_make_the_same_rows() {
    let place = Place::new();
    place.everything("one").await;
    let exported = place.export("one", "first.jsonl").await;
    let lines = exported.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let commits = lines.iter().filter_map(|line| line.get("commit"));
    let types = commits.flat_map(|commit| commit["events"].as_array().unwrap()).map(|event| {
        let schema = event["schema"].as_u64().unwrap();
        (event["type"].as_str().unwrap(), u32::try_from(schema).unwrap())
    });
    let types: BTreeSet<(&str, u32)> = types.collect();
    let every: BTreeSet<_> = DomainEvent::kinds().map(|(_, kind)| (kind.event_type, kind.schema)).collect();
    assert_eq!(types, every);

    import::run(place.import("first.jsonl", "two")).await.unwrap();

    assert_eq!(place.export("two", "second.jsonl").await, exported);
    assert_same(&place.open("one").await, &place.open("two").await).await;
}

#[tokio::test]
async fn what_was_taken_in_is_told_to_nobody_again() {
    let place = Place::new();
    place.team("one", 5).await;
    place.export("one", "export.jsonl").await;
    import::run(place.import("export.jsonl", "two")).await.unwrap();

    let store = LocalStore::open(&place.path("two")).await.unwrap();
    let last = store.engine().unwrap().stream("muster-events").last_sequence().await.unwrap();
    assert_eq!(store.system().await.unwrap().checkpoint().load().await.unwrap(), last);
}

#[tokio::test]
async fn the_first_administrator_gets_a_new_password_and_keeps_the_account() {
    let place = Place::new();
    place.team("one", 1).await;
    place.export("one", "export.jsonl").await;
    import::run(place.import("export.jsonl", "two")).await.unwrap();

    let system = place.open("two").await;
    let sign_in = first_admin(&system, &AdminArgs::default(), "Other".parse().unwrap(), at()).await.unwrap().unwrap();
    assert_eq!(sign_in.email, "admin@muster.example");
    assert!(sign_in.password.is_some());
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_and_makes_the_same_store() {
    let place = Place::new();
    place.team("one", 20).await;
    let exported = place.export("one", "export.jsonl").await;
    import::run(place.import("export.jsonl", "two")).await.unwrap();
    // As if the power had gone in the middle: half of the commits and no rows.
    {
        let system = place.open("two").await;
        let commits = tables(&system, &["muster-events"]).await["muster-events"].len();
        let mut pages = system.client.scan().table_name("muster-events").into_paginator().items().send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            keys.push((item["pk"].clone(), item["sk"].clone()));
        }
        // The newest of each history first, as nothing is written after a gap.
        for (pk, sk) in keys.into_iter().rev().take(commits / 2) {
            let delete = system.client.delete_item().table_name("muster-events").key("pk", pk);
            delete.key("sk", sk).send().await.unwrap();
        }
        let put = system.client.update_item().table_name("muster-control");
        let put = put.key("pk", AttributeValue::S("import".into())).key("sk", AttributeValue::S("export".into()));
        put.update_expression("REMOVE done").send().await.unwrap();
    }

    import::run(place.import("export.jsonl", "two")).await.unwrap();

    assert_eq!(place.export("two", "again.jsonl").await, exported);
    let (one, two) = (place.open("one").await, place.open("two").await);
    let names = &["muster-events", "muster-reservations"];
    assert_eq!(differences(&tables(&two, names).await, &tables(&one, names).await), Vec::<String>::new());
}
