//! Tables as `schemas/topology.json` describes them, on the embedded engine, and events to fill them with.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection as Projected, ProjectionType, ScalarAttributeType,
};
use chrono::{DateTime, Utc};
use muster_domain::task::{CreateTask, TaskCommented, TaskCreated, TaskEvent};
use muster_domain::{CommentId, EventReader, RecordedEvent, StreamId, TaskId, TeamId, UserId};
use muster_embedded::Engine;
use muster_projections::rebuild::TableMaker;
use muster_projections::rows::{DynamoRows, RowStore as _, StoredRow};
use muster_projections::spec::{History, MemoryLog};
use muster_projections::{Failure, Generations, Hosted, Message, ReadModels, hosted};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const PREFIX: &str = "test-";

/// An engine with the control table and the first generation of every projection, over a log.
pub(crate) struct World {
    _engine: Engine,
    pub(crate) client: Client,
    pub(crate) log: Arc<MemoryLog>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let engine = Engine::memory().unwrap();
        let client = engine.client();
        create(&client, &format!("{PREFIX}control"), ScalarAttributeType::S, &[]).await;
        create(&client, &format!("{PREFIX}positions"), ScalarAttributeType::N, &[]).await;
        let world = Self { _engine: engine, client, log: Arc::default() };
        for name in ["task-list", "audit-log", "directory", "task-past", "feed"] {
            world.create(name, 1).await.unwrap();
        }
        world
    }

    pub(crate) fn reader(&self) -> Arc<dyn EventReader> {
        self.log.clone()
    }

    pub(crate) fn hosted(&self, name: &str) -> Arc<dyn Hosted> {
        hosted(&self.client, PREFIX, &self.reader()).into_iter().find(|hosted| hosted.name() == name).unwrap()
    }

    pub(crate) fn models(&self) -> ReadModels {
        ReadModels::new(self.client.clone(), PREFIX)
    }

    pub(crate) fn generations(&self) -> Generations {
        Generations::new(self.client.clone(), PREFIX)
    }

    pub(crate) fn rows(&self, projection: &str, generation: u64) -> DynamoRows {
        self.generations().rows(projection, generation)
    }

    pub(crate) async fn row(
        &self,
        projection: &str,
        generation: u64,
        stream: impl Into<StreamId>,
    ) -> Option<StoredRow> {
        self.rows(projection, generation).load(&[stream.into()]).await.unwrap().remove(0)
    }

    /// Puts a row there that no projector wrote.
    pub(crate) async fn damage_row(&self, projection: &str, stream: impl Into<StreamId>) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = self.client.put_item().table_name(format!("{PREFIX}{projection}-1"));
        let put = put.item("pk", text(&stream.into().to_string())).item("sk", text("row"));
        put.item("as_of", text("a lot")).send().await.unwrap();
    }

    /// Records the events, which then are lost on their way.
    pub(crate) fn record(&self, events: &[RecordedEvent]) {
        for event in events {
            self.log.append(event);
        }
    }

    /// Records the events and puts all of them on the bus, to every projection.
    pub(crate) async fn publish(&self, events: impl IntoIterator<Item = RecordedEvent>) {
        let events: Vec<_> = events.into_iter().collect();
        self.record(&events);
        for projection in hosted(&self.client, PREFIX, &self.reader()) {
            for some in events.chunks(100) {
                assert_eq!(projection.handle(messages(some)).await, Vec::<Failure>::new());
            }
        }
    }
}

pub(crate) fn messages(events: &[RecordedEvent]) -> Vec<Message> {
    let message =
        |event: &RecordedEvent| Message { id: format!("{}@{}", event.stream, event.version), event: Ok(event.clone()) };
    events.iter().map(message).collect()
}

#[async_trait]
impl TableMaker for World {
    async fn create(&self, projection: &str, generation: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let topology = topology()?;
        let indexes = topology["projections"][projection]["indexes"].as_array().unwrap();
        let table = format!("{PREFIX}{projection}-{generation}");
        if self.client.describe_table().table_name(&table).send().await.is_err() {
            create(&self.client, &table, ScalarAttributeType::S, indexes).await;
        }
        Ok(())
    }
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

async fn create(client: &Client, table: &str, sort: ScalarAttributeType, indexes: &[Value]) {
    let mut attributes = vec!["pk", "sk"];
    let mut create = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range));
    for index in indexes {
        let (pk, sk) = (index["pk"]["name"].as_str().unwrap(), index["sk"]["name"].as_str().unwrap());
        attributes.extend([pk, sk]);
        let index = GlobalSecondaryIndex::builder()
            .index_name(index["name"].as_str().unwrap())
            .key_schema(key(pk, KeyType::Hash))
            .key_schema(key(sk, KeyType::Range))
            .projection(Projected::builder().projection_type(ProjectionType::All).build());
        create = create.global_secondary_indexes(index.build().unwrap());
    }
    attributes.sort_unstable();
    attributes.dedup();
    for name in attributes {
        let kind = if name == "sk" { sort.clone() } else { ScalarAttributeType::S };
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        create = create.attribute_definitions(attribute.build().unwrap());
    }
    create.send().await.unwrap();
}

/// What `schemas/topology.json` says.
pub(crate) fn topology() -> Result<Value, std::io::Error> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/topology.json");
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) const fn task(number: u128) -> TaskId {
    TaskId(Uuid::from_u128(number))
}

pub(crate) const fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(0xa000 + number))
}

pub(crate) const fn team(number: u128) -> TeamId {
    TeamId(Uuid::from_u128(0xb000 + number))
}

pub(crate) fn created() -> TaskCreated {
    CreateTask::new("Fix the lift".parse().unwrap(), time("2026-03-02T08:00:00Z")).into()
}

/// A comment on a task.
pub(crate) fn comment(number: u128) -> TaskEvent {
    let comment_id = CommentId(Uuid::from_u128(number));
    TaskCommented { comment_id, text: "On it.".parse().unwrap(), mentions: Vec::new(), imported: None }.into()
}

/// The history of a task that is created and gets so many comments.
pub(crate) fn commented(number: u128, comments: u128) -> Vec<RecordedEvent> {
    let history = History::of(task(number)).then(TaskEvent::from(created()));
    (1..=comments).map(comment).fold(history, History::then).into_iter().collect()
}
