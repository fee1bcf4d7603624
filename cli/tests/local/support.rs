//! A store in memory, and tasks in it.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use std::sync::Arc;

use muster_cli::pipeline::Pipeline;
use muster_cli::system::System;
use muster_commands::{CommitLog as _, ExpectedVersion};
use muster_domain::personal::KEY_BYTES;
use muster_domain::task::{CreateTask, Task, TaskCommand, UpdateTask};
use muster_domain::{Actor, CommandId, Commit, EventData, Fingerprint, Hash, Metadata, StreamId, TaskId};
use muster_embedded::{Engine, StreamTail};
use muster_projections::{ReadModels, TaskDocument, TaskQueries};
use muster_vault::{LocalMaster, Master};
use serde_json::json;
use uuid::Uuid;

/// A time.
pub(crate) fn at() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// What wraps the keys of personal data, the same for every store.
pub(crate) fn master() -> Arc<dyn Master> {
    Arc::new(LocalMaster::new([1; KEY_BYTES].into()))
}

/// A store of its own.
pub(crate) struct TestStore {
    pub(crate) engine: Engine,
    pub(crate) system: System,
}

impl TestStore {
    pub(crate) async fn new() -> Self {
        let engine = Engine::memory().unwrap();
        let system = System::over(engine.client(), master()).await.unwrap();
        Self { engine, system }
    }

    pub(crate) fn tail(&self) -> StreamTail {
        self.engine.stream("muster-events")
    }

    pub(crate) async fn pipeline(&self) -> Pipeline {
        Pipeline::start(&self.system, self.tail()).await.unwrap()
    }

    pub(crate) async fn checkpoint(&self) -> Option<String> {
        self.system.checkpoint().load().await.unwrap()
    }

    /// The row of a task.
    pub(crate) async fn row(&self, id: TaskId) -> Option<TaskDocument> {
        let models = ReadModels::new(self.system.client.clone(), "muster-");
        TaskQueries::new(models).get(id).await.unwrap()
    }

    /// A new task.
    pub(crate) async fn task(&self, title: &str) -> TaskId {
        let create = CreateTask::new(title.parse().unwrap(), at());
        let id = TaskId(Uuid::new_v4());
        self.command(id, TaskCommand::Create(create)).await;
        id
    }

    /// Calls a task otherwise.
    pub(crate) async fn rename(&self, id: TaskId, title: &str) {
        let update = UpdateTask { title: Some(title.parse().unwrap()), ..UpdateTask::at(at()) };
        self.command(id, TaskCommand::Update(update)).await;
    }

    pub(crate) async fn command(&self, id: TaskId, command: TaskCommand) {
        let commands = &self.system.commands;
        commands.execute::<Task>(id.0, command, ExpectedVersion::Any, &metadata()).await.unwrap();
    }

    /// A task whose first event no program can read.
    pub(crate) async fn poison(&self) -> StreamId {
        let stream = StreamId::from(TaskId(Uuid::new_v4()));
        let event = EventData { event_type: "TaskVanished".to_owned(), schema: 1, data: json!({}) };
        let commit = Commit::seal(stream, 1, vec![event], &metadata(), Hash::GENESIS).unwrap();
        self.system.events.log().append(&commit, None, &[]).await.unwrap();
        stream
    }

    /// Changes a stored commit behind the program's back.
    pub(crate) async fn forge_title(&self, id: TaskId, version: u64, title: &str) {
        let update = self.system.client.update_item().table_name("muster-events");
        let update = update.key("pk", text(&StreamId::from(id))).key("sk", AttributeValue::N(version.to_string()));
        let update = update.update_expression("SET events[0].#data.title = :title");
        let update = update.expression_attribute_names("#data", "data");
        update.expression_attribute_values(":title", text(&title)).send().await.unwrap();
    }

    /// Removes a stored commit behind the program's back.
    pub(crate) async fn remove(&self, id: TaskId, version: u64) {
        let delete = self.system.client.delete_item().table_name("muster-events");
        let delete = delete.key("pk", text(&StreamId::from(id))).key("sk", AttributeValue::N(version.to_string()));
        delete.send().await.unwrap();
    }
}

pub(crate) fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// What comes with a command of the tests; a new one each time.
pub(crate) fn metadata() -> Metadata {
    Metadata {
        command_id: CommandId(Uuid::new_v4()),
        fingerprint: Fingerprint::of("test", &()),
        actor: Actor::system("test"),
        at: at(),
        correlation_id: "test".to_owned(),
        causation_id: None,
    }
}
