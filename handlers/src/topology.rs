//! Tables, keys, indexes, projections and bus rules, as `schemas/topology.json` names them. The local program and the
//! AWS stacks read that one file, so that they cannot drift apart.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use serde::Deserialize;
use serde_json::Value;

/// The file, as it was when this program was built.
const TOPOLOGY: &str = include_str!("../../schemas/topology.json");

/// How long a new table may take until it can be used.
const MAKING: Duration = Duration::from_mins(10);

/// What Muster is made of outside its code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The tables that are always there, by name.
    pub tables: BTreeMap<String, TableShape>,
    /// The bus.
    pub bus: Bus,
    /// The projections, by name. Each has a table for each of its generations.
    pub projections: BTreeMap<String, ProjectionShape>,
    /// What has effects outside, by name. They are on AWS only so far.
    pub reactors: BTreeMap<String, ReactorShape>,
}

/// A table's keys, indexes and switches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableShape {
    /// What it is for.
    pub purpose: String,
    /// The key: its attributes are always called `pk` and `sk`.
    pub key: Key,
    /// Global secondary indexes; each holds all attributes.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// What the table's stream carries, if it has one.
    #[serde(default)]
    pub stream: Option<StreamView>,
    /// The attribute that says when an item expires, in seconds since 1970.
    #[serde(default)]
    pub ttl: Option<String>,
}

/// The types of `pk` and `sk`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The partition key.
    pub pk: AttributeType,
    /// The sort key.
    #[serde(default)]
    pub sk: Option<AttributeType>,
}

/// A type of key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AttributeType {
    /// String.
    S,
    /// Number.
    N,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum StreamView {
    /// The item as it was written.
    #[serde(rename = "NEW_IMAGE")]
    NewImage,
}

/// A global secondary index.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its partition key.
    pub pk: KeyAttribute,
    /// Its sort key.
    #[serde(default)]
    pub sk: Option<KeyAttribute>,
}

/// A key attribute of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyAttribute {
    /// The attribute.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: AttributeType,
}

/// The bus that carries recorded events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// Its name, without the stage's prefix.
    pub name: String,
    /// The `source` of every event on it.
    pub source: String,
}

/// A projection: its table, its rule on the bus and its queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionShape {
    /// The version of its rows' shape.
    pub version: u32,
    /// The kinds of aggregate whose events it takes.
    pub consumes: Vec<String>,
    /// The pattern of its rule on the bus.
    pub rule: Value,
    /// The key of its tables.
    pub key: Key,
    /// The indexes of its tables.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Its queue.
    pub queue: QueueShape,
}

/// A reactor: its rule on the bus and its queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReactorShape {
    /// What it is for.
    pub purpose: String,
    /// The pattern of its rule on the bus.
    pub rule: Value,
    /// Its queue.
    pub queue: QueueShape,
}

/// A queue between the bus and what takes its events.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueShape {
    /// How many messages are taken at once.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batch_window_seconds: u32,
    /// How long a message that was taken is kept from others; then it is delivered again.
    pub visibility_timeout_seconds: u32,
    /// How often SQS delivers a message before it goes to the dead-letter queue. The local program parks poison at once,
    /// delivers so often to a projector that panics, and to one whose store fails until it recovers.
    pub max_receives: u32,
}

impl ProjectionShape {
    /// The shape of this projection's tables.
    pub fn table(&self) -> TableShape {
        TableShape {
            purpose: "a read model".to_owned(),
            key: self.key,
            indexes: self.indexes.clone(),
            stream: None,
            ttl: None,
        }
    }
}

/// Why the topology could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The file is not as this program expects.
    #[error("schemas/topology.json: {0}")]
    File(#[from] serde_json::Error),
    /// A table could not be made.
    #[error("the table {table} could not be created: {reason}")]
    CreateTable {
        /// The table.
        table: String,
        /// What the store said.
        reason: String,
    },
}

impl Topology {
    /// What `schemas/topology.json` says.
    pub fn load() -> Result<Self, TopologyError> {
        Ok(serde_json::from_str(TOPOLOGY)?)
    }

    /// Makes every table that is not there yet: those that are always there, and the first generation of each
    /// projection's. `prefix` is what stands before every name.
    pub async fn create_tables(&self, client: &Client, prefix: &str) -> Result<(), TopologyError> {
        for (name, shape) in &self.tables {
            create_table(client, &format!("{prefix}{name}"), shape).await?;
        }
        for (name, projection) in &self.projections {
            create_table(client, &format!("{prefix}{name}-1"), &projection.table()).await?;
        }
        Ok(())
    }
}

/// Makes a table, and waits until it can be used; one that is there already is left as it is.
pub async fn create_table(client: &Client, name: &str, shape: &TableShape) -> Result<(), TopologyError> {
    let failed = |reason: String| TopologyError::CreateTable { table: name.to_owned(), reason };
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&shape.key_attributes()).map_err(failed)?))
        .set_attribute_definitions(Some(shape.attribute_definitions().map_err(failed)?));
    for index in &shape.indexes {
        request = request.global_secondary_indexes(index.request().map_err(failed)?);
    }
    if let Some(StreamView::NewImage) = shape.stream {
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
        request = request.stream_specification(stream.build().map_err(|error| failed(error.to_string()))?);
    }
    match request.send().await {
        Ok(answer) => {
            let made = answer.table_description.and_then(|table| table.table_status);
            if made != Some(TableStatus::Active) {
                usable(client, name).await.map_err(failed)?;
            }
        }
        Err(error) if matches!(error.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) => {
            usable(client, name).await.map_err(failed)?;
            // Whoever made it may have been cut off before its time to live was set.
            if shape.ttl.is_none() || expires(client, name).await.map_err(failed)? {
                return Ok(());
            }
        }
        Err(error) => return Err(failed(DisplayErrorContext(error).to_string())),
    }
    if let Some(attribute) = &shape.ttl {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute);
        let ttl = ttl.build().map_err(|error| failed(error.to_string()))?;
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(ttl)
            .send()
            .await
            .map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
    }
    Ok(())
}

/// Waits until a table that is being made can be used: on AWS that takes a while, the longer the more indexes it has.
async fn usable(client: &Client, name: &str) -> Result<(), String> {
    let table = client.wait_until_table_exists().table_name(name);
    table.wait(MAKING).await.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
}

/// Whether the items of a table have a time to live.
async fn expires(client: &Client, name: &str) -> Result<bool, String> {
    let found = client.describe_time_to_live().table_name(name).send().await;
    let found = found.map_err(|error| DisplayErrorContext(error).to_string())?;
    let status = found.time_to_live_description.and_then(|description| description.time_to_live_status);
    Ok(matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)))
}

impl TableShape {
    fn key_attributes(&self) -> Vec<KeyAttribute> {
        let attribute = |name: &str, kind| KeyAttribute { name: name.to_owned(), kind };
        let pk = attribute("pk", self.key.pk);
        std::iter::once(pk).chain(self.key.sk.map(|kind| attribute("sk", kind))).collect()
    }

    /// Every attribute that is a key of the table or of an index, once.
    fn attribute_definitions(&self) -> Result<Vec<AttributeDefinition>, String> {
        let mut attributes = self.key_attributes();
        for attribute in self.indexes.iter().flat_map(Index::key_attributes) {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
        let definition = |attribute: KeyAttribute| {
            let kind = match attribute.kind {
                AttributeType::S => ScalarAttributeType::S,
                AttributeType::N => ScalarAttributeType::N,
            };
            AttributeDefinition::builder()
                .attribute_name(attribute.name)
                .attribute_type(kind)
                .build()
                .map_err(|error| error.to_string())
        };
        attributes.into_iter().map(definition).collect()
    }
}

impl Index {
    fn key_attributes(&self) -> Vec<KeyAttribute> {
        std::iter::once(self.pk.clone()).chain(self.sk.clone()).collect()
    }

    fn request(&self) -> Result<GlobalSecondaryIndex, String> {
        GlobalSecondaryIndex::builder()
            .index_name(&self.name)
            .set_key_schema(Some(key_schema(&self.key_attributes())?))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
            .map_err(|error| error.to_string())
    }
}

fn key_schema(attributes: &[KeyAttribute]) -> Result<Vec<KeySchemaElement>, String> {
    let element = |(attribute, kind): (&KeyAttribute, KeyType)| {
        KeySchemaElement::builder()
            .attribute_name(&attribute.name)
            .key_type(kind)
            .build()
            .map_err(|error| error.to_string())
    };
    attributes.iter().zip([KeyType::Hash, KeyType::Range]).map(element).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_dynamodb::types::TableDescription;
    use muster_domain::{AggregateType, EventReader, StreamId};
    use muster_embedded::Engine;
    use muster_projections::hosted;
    use quamina::Quamina;
    use serde_json::json;
    use uuid::Uuid;

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
        let reader: Arc<dyn EventReader> = Arc::new(crate::wiring::event_store(&client, PREFIX));

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
}
