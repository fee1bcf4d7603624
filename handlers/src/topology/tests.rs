use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeySchemaElement, PutRequest, StreamSpecification, StreamViewType, TableDescription, WriteRequest,
};
use muster_domain::personal::MemoryKeys;
use muster_domain::{AggregateType, EventReader, StreamId};
use muster_embedded::Engine;
use muster_projections::hosted;
use quamina::Quamina;
use serde_json::json;
use uuid::Uuid;

use super::tables::expires;
use super::*;

const PREFIX: &str = "muster-";

async fn store() -> (Topology, Client) {
    let (topology, client) = (Topology::load().unwrap(), Engine::memory().unwrap().client());
    topology.create_tables(&client, PREFIX).await.unwrap();
    (topology, client)
}

async fn describe(client: &Client, table: &str) -> TableDescription {
    client.describe_table().table_name(format!("{PREFIX}{table}")).send().await.unwrap().table.unwrap()
}

/// The names of key attributes, in their order.
fn key(schema: &[KeySchemaElement]) -> Vec<String> {
    schema.iter().map(|element| element.attribute_name.clone()).collect()
}

#[tokio::test]
async fn the_file_names_the_projections_that_there_are_in_their_version_and_with_what_they_take() {
    let topology = Topology::load().unwrap();
    let client = Engine::memory().unwrap().client();
    let reader: Arc<dyn EventReader> = Arc::new(crate::wiring::event_store(&client, PREFIX, MemoryKeys::shared()));

    let in_code: BTreeMap<_, _> = hosted(&client, PREFIX, &reader)
        .iter()
        .map(|projection| {
            let wanted = AggregateType::ALL.into_iter().filter(|kind| projection.wants(*kind));
            let wanted: Vec<_> = wanted.map(|kind| kind.to_string()).collect();
            (projection.name().to_owned(), (projection.version(), wanted))
        })
        .collect();

    let in_file: BTreeMap<_, _> = topology
        .projections
        .iter()
        .map(|(name, shape)| (name.clone(), (shape.version, shape.consumes.clone())))
        .collect();
    assert_eq!(in_file, in_code);
}

#[tokio::test]
async fn every_table_is_made_with_the_keys_and_indexes_that_the_file_names() {
    let (topology, client) = store().await;
    let fixed = topology.tables.iter().map(|(name, shape)| (name.clone(), shape.clone()));
    let generations = topology.projections.iter().map(|(name, shape)| (format!("{name}-1"), shape.table()));

    for (name, shape) in fixed.chain(generations) {
        let table = describe(&client, &name).await;

        let keys: &[&str] = if shape.key.sk.is_some() { &["pk", "sk"] } else { &["pk"] };
        assert_eq!(key(table.key_schema()), keys, "{name}");
        let made: BTreeMap<_, _> = table
            .global_secondary_indexes()
            .iter()
            .map(|index| (index.index_name().unwrap().to_owned(), key(index.key_schema())))
            .collect();
        let named: BTreeMap<_, _> = shape
            .indexes
            .iter()
            .map(|index| {
                let attributes = index.key_attributes().into_iter().map(|attribute| attribute.name);
                (index.name.clone(), attributes.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(made, named, "{name}");
        let stream = table.stream_specification().and_then(StreamSpecification::stream_view_type);
        assert_eq!(stream, shape.stream.map(|StreamView::NewImage| &StreamViewType::NewImage), "{name}");
    }
}

/// The cells of the first column of the tables of a page, and of the second where the first is empty: what is named in code.
fn rows_of(page: &str, section: &str) -> Vec<(String, String)> {
    let (_, after) = page.split_once(section).unwrap_or_else(|| panic!("there is no {section}"));
    let section = after.split_once("\n## ").map_or(after, |(section, _)| section);
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = section.lines().filter(|line| line.starts_with('|')).map(cells);
    rows.filter_map(|cells| Some((cells.get(1)?.clone(), cells[2..].join(" | ")))).collect()
}

#[test]
fn the_page_about_the_data_names_every_table_and_every_index() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/data-model.md")).unwrap();
    let topology = Topology::load().unwrap();

    let tables = rows_of(&page, "\n## Tables that are the truth\n");
    for (name, shape) in &topology.tables {
        let row = tables.iter().find(|(cell, _)| *cell == format!("`{name}`"));
        let (_, row) = row.unwrap_or_else(|| panic!("there is no row for the table {name}"));
        for index in &shape.indexes {
            assert!(row.contains(&format!("`{}`", index.name)), "the index {} of {name}: {row}", index.name);
        }
    }
    let named = tables.iter().filter_map(|(cell, _)| cell.strip_prefix('`')?.strip_suffix('`'));
    let gone: Vec<_> = named.filter(|name| !topology.tables.contains_key(*name)).collect();
    assert_eq!(gone, Vec::<&str>::new(), "of these there are no tables");

    let models = rows_of(&page, "\n## Read models\n");
    for (name, shape) in &topology.projections {
        let begin = models.iter().position(|(cell, _)| *cell == format!("`{name}`"));
        let begin = begin.unwrap_or_else(|| panic!("there is no row for the read model {name}"));
        let more = models[begin + 1..].iter().take_while(|(cell, _)| cell.is_empty()).count();
        for index in &shape.indexes {
            let row = format!("`{}` | `{}` | ", index.name, index.pk.name);
            let found = models[begin..=begin + more].iter().any(|(_, rest)| rest.starts_with(&row));
            assert!(found, "the index {} of {name}", index.name);
        }
    }
}

#[tokio::test]
async fn the_event_table_has_a_stream_and_sessions_expire() {
    let (_, client) = store().await;

    let specification = describe(&client, "events").await.stream_specification.unwrap();
    assert_eq!(specification.stream_view_type, Some(StreamViewType::NewImage));
    let ttl = client.describe_time_to_live().table_name("muster-sessions").send().await.unwrap();
    assert_eq!(ttl.time_to_live_description.unwrap().attribute_name.as_deref(), Some("ttl"));
}

#[tokio::test]
async fn making_the_tables_again_changes_nothing() {
    let (topology, client) = store().await;
    let before = client.list_tables().send().await.unwrap().table_names;

    topology.create_tables(&client, PREFIX).await.unwrap();

    assert_eq!(client.list_tables().send().await.unwrap().table_names, before);
    assert_eq!(before.unwrap().len(), topology.tables.len() + topology.projections.len());
}

#[tokio::test]
async fn a_table_whose_maker_was_cut_off_gets_its_time_to_live_from_the_next() {
    let (topology, client) = (Topology::load().unwrap(), Engine::memory().unwrap().client());
    let (name, shape) = topology.tables.iter().find(|(_, shape)| shape.ttl.is_some()).unwrap();
    create_table(&client, name, &TableShape { ttl: None, ..shape.clone() }).await.unwrap();
    assert!(!expires(&client, name).await.unwrap());

    create_table(&client, name, shape).await.unwrap();

    assert!(expires(&client, name).await.unwrap());
}

/// The access log as a program made it that had not all of its indexes, or had this one otherwise.
async fn older_access_log(client: &Client, subject: Option<&str>) {
    let shape = Topology::load().unwrap().tables["access-log"].clone();
    let other = subject.map(|name| KeyAttribute { name: name.to_owned(), kind: AttributeType::S });
    let indexes = shape.indexes.iter().filter_map(|index| match (index.name.as_str(), &other) {
        ("by-subject", None) => None,
        ("by-subject", Some(pk)) => Some(Index { pk: pk.clone(), ..index.clone() }),
        _ => Some(index.clone()),
    });
    let older = TableShape { indexes: indexes.collect(), ..shape };
    create_table(client, "muster-access-log", &older).await.unwrap();
}

/// Entries with these numbers, every third of which is about somebody.
async fn put_entries(client: &Client, numbers: std::ops::Range<u32>) {
    let text = |value: String| AttributeValue::S(value);
    let entry = |number: u32| {
        let put = PutRequest::builder().item("pk", text("2026-03-02".to_owned()));
        let put = put.item("sk", text(format!("{number:05}"))).item("kind", text("signed_in".to_owned()));
        let subject = number.is_multiple_of(3).then(|| text("user#ada".to_owned()));
        let put = subject.into_iter().fold(put, |put, subject| put.item("subject", subject));
        WriteRequest::builder().put_request(put.build().unwrap()).build()
    };
    for batch in numbers.collect::<Vec<_>>().chunks(25) {
        let batch = batch.iter().copied().map(entry).collect();
        client.batch_write_item().request_items("muster-access-log", batch).send().await.unwrap();
    }
}

/// The numbers of those about her, by the index; how many entries there are at all.
async fn entries(client: &Client) -> (Vec<u32>, usize) {
    let query = client.query().table_name("muster-access-log").index_name("by-subject");
    let query = query.key_condition_expression("subject = :ada");
    let query = query.expression_attribute_values(":ada", AttributeValue::S("user#ada".to_owned()));
    let found = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let all = client.scan().table_name("muster-access-log").into_paginator().items().send();
    let all = all.collect::<Result<Vec<_>, _>>().await.unwrap();
    (found.iter().map(|item| item["sk"].as_s().unwrap().parse().unwrap()).collect(), all.len())
}

#[tokio::test]
async fn an_index_that_an_older_program_did_not_make_is_added_with_all_that_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let (client, topology) = (engine.client(), Topology::load().unwrap());
    older_access_log(&client, None).await;
    put_entries(&client, 0..2_501).await;
    let expected = |entries: u32| (0..entries).filter(|number| number.is_multiple_of(3)).collect::<Vec<_>>();

    topology.create_tables(&client, PREFIX).await.unwrap();

    assert_eq!(entries(&client).await, (expected(2_501), 2_501), "in their order, and nothing is lost");
    let described = describe(&client, "access-log").await;
    let mut names: Vec<_> =
        described.global_secondary_indexes().iter().map(|index| index.index_name().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["by-actor", "by-kind", "by-subject"]);
    put_entries(&client, 2_501..2_511).await;
    drop((engine, client));
    let client = Engine::open(directory.path()).unwrap().client();
    topology.create_tables(&client, PREFIX).await.unwrap();
    assert_eq!(entries(&client).await, (expected(2_511), 2_511), "it follows what is written, and stays");
    assert!(expires(&client, "muster-access-log").await.unwrap(), "all else stays, too");
}

#[tokio::test]
async fn an_index_with_other_keys_is_refused_and_left_as_it_is() {
    let client = Engine::memory().unwrap().client();
    older_access_log(&client, Some("route")).await;
    put_entries(&client, 0..10).await;
    let before = describe(&client, "access-log").await;

    let refused = Topology::load().unwrap().create_tables(&client, PREFIX).await.unwrap_err();

    let expected = "the table muster-access-log has not the indexes that this program reads it by: \
        its index by-subject has other keys than this program reads it by";
    assert_eq!(refused.to_string(), expected);
    let after = describe(&client, "access-log").await;
    assert_eq!(after.global_secondary_indexes(), before.global_secondary_indexes());
    assert_eq!(client.scan().table_name("muster-access-log").send().await.unwrap().count, 10);
}

#[test]
fn the_bus_carries_what_the_publisher_puts_on_it() {
    assert_eq!(Topology::load().unwrap().bus.source, crate::publisher::SOURCE);
}

#[test]
fn each_rule_matches_the_events_of_what_its_projection_takes_and_no_others() {
    let topology = Topology::load().unwrap();
    for (name, shape) in &topology.projections {
        let mut rule = Quamina::new();
        rule.add_pattern((), &shape.rule.to_string()).unwrap();
        let matches = |source: &str, kind: AggregateType| {
            let envelope = json!({
                "version": "0",
                "detail-type": "Anything",
                "source": source,
                "detail": { "stream": StreamId::new(kind, Uuid::nil()), "version": 1 },
            });
            !rule.matches_for_event(envelope.to_string().as_bytes()).unwrap().is_empty()
        };
        for kind in AggregateType::ALL {
            let taken = shape.consumes.iter().any(|name| name == kind.as_str());
            assert_eq!(matches(&topology.bus.source, kind), taken, "{name}, {kind}");
            assert!(!matches("aws.ec2", kind), "{name}, {kind}");
        }
    }
}
