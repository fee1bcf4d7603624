//! What these tests share: Muster's tables on the real embedded engine, and the events that AWS makes of what is in them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod kms;
pub(crate) mod program;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use muster_commands::{CommandHandler, DynamoEventStore, DynamoLog, ExpectedVersion};
use muster_domain::personal::KEY_BYTES;
use muster_domain::task::{CreateTask, Priority, Task, TaskCommand, UpdateTask};
use muster_domain::team::{CreateTeam, Team, TeamCommand};
use muster_domain::user::{
    ByKind, NotificationChannel, NotificationChannels, NotificationPreferences, RegisterUser, Role, User, UserCommand,
};
use muster_domain::{
    Actor, CommandId, EventReader as _, Fingerprint, Metadata, RecordedEvent, StreamId, SubjectKeys, TaskId, TeamId,
    UserId,
};
use muster_embedded::Engine;
use muster_handlers::topology::Topology;
use muster_handlers::wiring::{event_store, subject_keys};
use muster_vault::LocalMaster;
use serde_json::{Value, json};
use uuid::Uuid;

/// What stands before the name of every table.
pub(crate) const PREFIX: &str = "muster-";

/// When everything in these tests happens.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// An event store with its tables, on an engine of the test's own.
pub(crate) struct Store {
    pub(crate) engine: Engine,
    pub(crate) client: Client,
}

impl Store {
    pub(crate) async fn new() -> Self {
        let engine = Engine::memory().unwrap();
        let client = engine.client();
        Topology::load().unwrap().create_tables(&client, PREFIX).await.unwrap();
        Self { engine, client }
    }

    pub(crate) fn events(&self) -> DynamoEventStore {
        event_store(&self.client, PREFIX, self.keys())
    }

    /// The keys of personal data, as a program has them.
    pub(crate) fn keys(&self) -> Arc<dyn SubjectKeys> {
        subject_keys(&self.client, PREFIX, Arc::new(LocalMaster::new([1; KEY_BYTES].into())))
    }

    fn commands(&self) -> CommandHandler<DynamoLog> {
        CommandHandler::new(self.events())
    }

    /// Reports a task: one event.
    pub(crate) async fn create_task(&self, title: &str) -> TaskId {
        let id = TaskId(Uuid::new_v4());
        let task = CreateTask::new(title.parse().unwrap(), now());
        let command = TaskCommand::Create(task);
        self.commands().execute::<Task>(id.0, command, ExpectedVersion::New, &metadata()).await.unwrap();
        id
    }

    /// Gives a task other words and another priority: one commit of two events.
    pub(crate) async fn edit_task(&self, id: TaskId, title: &str, priority: Priority) {
        let update =
            UpdateTask { title: Some(title.parse().unwrap()), priority: Some(priority), ..UpdateTask::at(now()) };
        let command = TaskCommand::Update(update);
        let done = self.commands().execute::<Task>(id.0, command, ExpectedVersion::Any, &metadata()).await.unwrap();
        assert_eq!(done.events.len(), 2);
    }

    /// Gives a task to somebody: one event.
    pub(crate) async fn assign_task(&self, id: TaskId, to: UserId, by: Actor) {
        let update = UpdateTask { assignee: Some(Some(to)), ..UpdateTask::at(now()) };
        let metadata = Metadata { actor: by, ..metadata() };
        let commands = self.commands();
        let done =
            commands.execute::<Task>(id.0, TaskCommand::Update(update), ExpectedVersion::Any, &metadata).await.unwrap();
        assert_eq!(done.events.len(), 1);
    }

    /// Registers a member: one event.
    pub(crate) async fn register_user(&self, name: &str, email: &str) -> UserId {
        let id = UserId(Uuid::new_v4());
        let member = RegisterUser::new(name.parse().unwrap(), email.parse().unwrap(), Role::Member, now());
        let command = UserCommand::Register(member);
        self.commands().execute::<User>(id.0, command, ExpectedVersion::New, &metadata()).await.unwrap();
        id
    }

    /// Lets somebody be told of everything by these channels: one event.
    pub(crate) async fn tell_by(&self, id: UserId, channels: &[NotificationChannel]) {
        let channels = ByKind::each(|_| NotificationChannels::of(channels));
        self.prefer(id, NotificationPreferences { channels, ..NotificationPreferences::default() }).await;
    }

    /// Lets somebody say how they want to be told: one event.
    pub(crate) async fn prefer(&self, id: UserId, told: NotificationPreferences) {
        let command = UserCommand::ChangeNotificationPreferences(told);
        self.commands().execute::<User>(id.0, command, ExpectedVersion::Any, &metadata()).await.unwrap();
    }

    /// Makes a team: one event.
    pub(crate) async fn create_team(&self, name: &str) -> TeamId {
        let id = TeamId(Uuid::new_v4());
        let command = TeamCommand::Create(CreateTeam { name: name.parse().unwrap(), description: None, at: now() });
        self.commands().execute::<Team>(id.0, command, ExpectedVersion::New, &metadata()).await.unwrap();
        id
    }

    /// The events of one history.
    pub(crate) async fn history(&self, stream: impl Into<StreamId>) -> Vec<RecordedEvent> {
        self.events().events(&stream.into(), 0, None).await.unwrap()
    }

    /// The event table's whole stream, as DynamoDB hands it to a Lambda.
    pub(crate) async fn stream_event(&self) -> Value {
        let records = self.engine.stream(&format!("{PREFIX}events")).read(None, 1000).await.unwrap();
        json!({ "Records": records.iter().map(muster_embedded::StreamRecord::to_lambda_record).collect::<Vec<_>>() })
    }
}

/// What comes with a command of the tests; a new one each time.
pub(crate) fn metadata() -> Metadata {
    Metadata {
        command_id: CommandId(Uuid::new_v4()),
        fingerprint: Fingerprint::of("test", &()),
        actor: Actor::system("test"),
        at: now(),
        correlation_id: "test".to_owned(),
        causation_id: None,
    }
}

/// The event as EventBridge delivers it: the envelope with the event in its `detail`.
pub(crate) fn on_the_bus(event: &RecordedEvent) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": event.event_type,
        "source": "muster",
        "account": "123456789012",
        "time": "2026-03-02T08:00:00Z",
        "region": "eu-central-1",
        "resources": [event.stream.to_string()],
        "detail": event,
    })
}

/// A batch of a queue's messages, as SQS hands it to a Lambda. Each message is its id and its body.
pub(crate) fn queue_event(messages: &[(&str, String)]) -> Value {
    let record = |(id, body): &(&str, String)| {
        json!({
            "messageId": id,
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:muster-test-task-list",
            "awsRegion": "eu-central-1"
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}

/// A request to an HTTP API (payload format 2.0), as API Gateway hands it to a Lambda. Names of headers are in lower
/// case, as there.
pub(crate) fn http_event(method: &str, target: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "accept": "*/*",
            "content-type": "application/json",
            "host": "aaaaaaaaaa.execute-api.eu-central-1.amazonaws.com",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c",
            "x-forwarded-for": "192.0.2.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https"
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "aaaaaaaaaa",
            "domainName": "aaaaaaaaaa.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "aaaaaaaaaa",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "curl/8.5.0"
            },
            "requestId": "LV7fzho-PHcEJPw=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "02/Mar/2026:08:00:00 +0000",
            "timeEpoch": 1_772_438_400_000_u64
        },
        "isBase64Encoded": false
    });
    for (name, value) in headers {
        event["headers"][name] = json!(value);
    }
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    event
}

/// One of the example events that come with `aws_lambda_events`.
pub(crate) fn fixture(name: &str) -> String {
    static FIXTURES: LazyLock<PathBuf> = LazyLock::new(|| {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let metadata = cargo_metadata::MetadataCommand::new().manifest_path(manifest).exec().unwrap();
        let package = metadata.packages.iter().find(|package| package.name.as_str() == "aws_lambda_events").unwrap();
        package.manifest_path.parent().unwrap().join("src/fixtures").into_std_path_buf()
    });
    std::fs::read_to_string(FIXTURES.join(name)).unwrap()
}
