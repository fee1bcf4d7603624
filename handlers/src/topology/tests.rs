use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeySchemaElement, StreamSpecification, StreamViewType, TableDescription};
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
