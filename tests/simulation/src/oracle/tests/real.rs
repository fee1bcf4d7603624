//! Random runs of the real command handler and the real projectors, in memory: the oracle finds nothing wrong with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use muster_commands::{CommandHandler, Committed, EventStore, ExecuteError, ExpectedVersion, MemoryLog};
use muster_domain::aggregate::Decider;
use muster_domain::personal::{MemoryKeys, Opener};
use muster_domain::task::{
    BegunChecklistItem, ChecklistItem, CreateTask, ImportSource, ImportTask, ImportedComment, ImportedCommentFacts,
    ImportedFacts, Leads, Occurrence, Priority, Recurrence, Relation, Status, Successor, Task, TaskCommand,
    UpdateChecklistItem, UpdateTask,
};
use muster_domain::team::{CreateTeam, Team, TeamCommand, UpdateTeam};
use muster_domain::user::{
    NotificationChannel, NotificationChannels, NotificationPreferences, QuietHours, RegisterUser, Role, UpdateUser,
    User, UserCommand,
};
use muster_domain::values::{Labels, Location, Position};
use muster_domain::{
    Actor, AggregateType, ChecklistItemId, CommandId, CommentId, Commit, DomainEvent, EventReader, Fingerprint,
    ImportId, Metadata, SeriesId, StreamId, SubjectKeys, TaskId, TeamId, UserId,
};
use muster_projections::rows::MemoryRows;
use muster_projections::{
    AuditLog, Directory, Feed, IndexKey, KeyValue, Message, Projection, Projector, TaskList, TaskPast,
    projector::OneTable,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::kept;
use super::story::{attribute, item, place};
use crate::observed::{Call, EventWrite, Observed, Outcome, RowWrite};
use crate::oracle::administrators::ROSTER;
use crate::oracle::{check, tampering_shows};
use crate::senders;

const TASKS: u128 = 4;
const USERS: u128 = 4;
const TEAMS: u128 = 3;

struct Run {
    rng: Rng,
    now: Duration,
    keys: Arc<dyn SubjectKeys>,
    handler: CommandHandler<MemoryLog>,
    observed: Observed,
    /// What was sent, so that it can be sent again.
    sent: Vec<(StreamId, Asked, ExpectedVersion, Metadata)>,
}

#[derive(Clone, Debug, serde::Serialize)]
enum Asked {
    Task(TaskCommand),
    User(UserCommand),
    Team(TeamCommand),
}

fn some<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    rng.bool().then(|| make(rng))
}

/// One of some texts, as far as they are allowed to be such a thing.
fn text<T: std::str::FromStr>(rng: &mut Rng) -> T {
    let texts = [
        "Fix the lift",
        "Ärger \"im\" Haus\\",
        "😀",
        "north",
        "NORTH",
        "a b",
        "@[00000000-0000-0000-0000-000000000064]",
    ];
    let allowed: Vec<T> = texts.into_iter().filter_map(|text| text.parse().ok()).collect();
    rng.choice(allowed).expect("some are allowed")
}

fn person(rng: &mut Rng) -> UserId {
    UserId(Uuid::from_u128(100 + rng.u128(..USERS)))
}

fn team(rng: &mut Rng) -> TeamId {
    TeamId(Uuid::from_u128(200 + rng.u128(..TEAMS)))
}

fn labels(rng: &mut Rng) -> Labels {
    let count = rng.usize(..3);
    Labels::try_from((0..count).map(|_| text(rng)).collect::<Vec<_>>()).unwrap()
}

fn location(rng: &mut Rng) -> Location {
    let position = some(rng, |rng| Position::new(rng.f64() * 180.0 - 90.0, f64::from(rng.i16(-180..180))).unwrap());
    Location { name: text(rng), position }
}

fn priority(rng: &mut Rng) -> Priority {
    *rng.choice(Priority::ALL).unwrap()
}

fn deadline(rng: &mut Rng) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(rng.i64(-70_000_000_000_000..300_000_000_000_000)).unwrap()
}

fn create(rng: &mut Rng, at: DateTime<Utc>) -> CreateTask {
    CreateTask {
        title: text(rng),
        description: some(rng, text),
        priority: priority(rng),
        labels: labels(rng),
        location: some(rng, location),
        team: some(rng, team),
        assignee: some(rng, person),
        reporter: some(rng, person),
        deadline: some(rng, deadline),
        ..CreateTask::new(text(rng), at)
    }
}

fn import(rng: &mut Rng, at: DateTime<Utc>) -> TaskCommand {
    let (comments, items) = (rng.usize(..3), rng.u128(..3));
    let said = |rng: &mut Rng| ImportedComment {
        id: CommentId(Uuid::from_u128(rng.u128(..))),
        text: text(rng),
        facts: ImportedCommentFacts { author: some(rng, person), at: some(rng, deadline) },
    };
    let item = |rng: &mut Rng, id| ChecklistItem {
        id: ChecklistItemId(Uuid::from_u128(id)),
        text: text(rng),
        done: rng.bool(),
    };
    TaskCommand::Import(Box::new(ImportTask {
        task: create(rng, at),
        status: *rng.choice(Status::ALL).unwrap(),
        facts: ImportedFacts {
            import_id: ImportId(Uuid::from_u128(7)),
            source: *rng.choice(ImportSource::ALL).unwrap(),
            external_id: some(rng, text),
            author: some(rng, person),
            created_at: some(rng, deadline),
            completed_at: some(rng, deadline),
        },
        parent: some(rng, |rng| TaskId(team(rng).0)),
        checklist: (300..300 + items).map(|id| item(rng, id)).collect(),
        comments: (0..comments).map(|_| said(rng)).collect(),
    }))
}

fn task(rng: &mut Rng, at: DateTime<Utc>) -> TaskCommand {
    match rng.u8(..31) {
        0..=2 => TaskCommand::Create(create(rng, at)),
        3 => import(rng, at),
        17 | 18 => TaskCommand::Relate { relation: *rng.choice(Relation::ALL).unwrap(), to: TaskId(team(rng).0) },
        19 => TaskCommand::Unrelate { relation: *rng.choice(Relation::ALL).unwrap(), to: TaskId(team(rng).0) },
        16 => TaskCommand::Rank { rank: ["V", "0z1", "k"][rng.usize(..3)].parse().unwrap() },
        12 => TaskCommand::Watch { user_id: person(rng) },
        13 => TaskCommand::Unwatch { user_id: person(rng) },
        14 | 15 | 26..=30 => checklist(rng),
        20 => TaskCommand::SetRecurrence { rule: recurrence(rng), series: SeriesId(Uuid::from_u128(rng.u128(..))), at },
        21 => TaskCommand::ClearRecurrence,
        22 => TaskCommand::SetReminders { leads: leads(rng), by: some(rng, person) },
        23 => TaskCommand::FireReminders { at },
        24 | 25 => TaskCommand::Recur(Box::new(successor(rng, at))),
        4 => TaskCommand::Hold { reason: text(rng), at },
        5 => TaskCommand::Resume { reason: text(rng), at },
        6 => TaskCommand::Comment { comment_id: CommentId(Uuid::from_u128(rng.u128(..))), text: text(rng) },
        7 if rng.bool() => TaskCommand::Delete { at },
        8 => TaskCommand::Restore,
        _ => TaskCommand::Update(UpdateTask {
            title: some(rng, text),
            description: some(rng, |rng| some(rng, text)),
            labels: some(rng, labels),
            location: some(rng, |rng| some(rng, location)),
            team: some(rng, |rng| some(rng, team)),
            assignee: some(rng, |rng| some(rng, person)),
            priority: some(rng, priority),
            deadline: some(rng, |rng| some(rng, deadline)),
            status: some(rng, |rng| *rng.choice(Status::ALL).unwrap()),
            at,
        }),
    }
}

fn checklist(rng: &mut Rng) -> TaskCommand {
    let item = |rng: &mut Rng| ChecklistItemId(Uuid::from_u128(300 + rng.u128(..2)));
    match rng.u8(..7) {
        0 | 1 => TaskCommand::AddChecklistItem { item_id: item(rng), text: text(rng), before: some(rng, item) },
        2 => TaskCommand::RemoveChecklistItem { item_id: item(rng) },
        _ => TaskCommand::UpdateChecklistItem(UpdateChecklistItem {
            item_id: item(rng),
            text: some(rng, text),
            done: Some(rng.bool()),
            before: some(rng, |rng| some(rng, item)),
        }),
    }
}

fn recurrence(rng: &mut Rng) -> Recurrence {
    let rule = [
        json!({ "frequency": "daily", "interval": 2, "time": "02:30", "time_zone": "UTC", "count": 7 }),
        json!({ "frequency": "weekly", "interval": 1, "time": "17:45", "time_zone": "Europe/Berlin" }),
        json!({ "frequency": "yearly", "interval": 1, "day": 31, "time": "08:00", "time_zone": "UTC", "until": "2040-12-31" }),
    ];
    serde_json::from_value(rng.choice(rule).unwrap()).unwrap()
}

fn successor(rng: &mut Rng, at: DateTime<Utc>) -> Successor {
    let series = SeriesId(Uuid::from_u128(rng.u128(..)));
    let first = Occurrence::first(recurrence(rng), series, at.date_naive());
    let item =
        |rng: &mut Rng, id| BegunChecklistItem { item_id: ChecklistItemId(Uuid::from_u128(id)), text: text(rng) };
    let checklist = (300..300 + rng.u128(..3)).map(|id| item(rng, id)).collect();
    Successor {
        task: CreateTask { deadline: some(rng, deadline), ..CreateTask::new(text(rng), at) },
        occurrence: Occurrence { number: rng.u32(2..5), ..first },
        checklist,
        leads: leads(rng),
        reminded: some(rng, person),
    }
}

fn leads(rng: &mut Rng) -> Leads {
    let count = rng.usize(..3);
    let leads = ["PT1H", "P1D", "P3DT4H5M", "PT90M"];
    Leads::try_from((0..count).map(|_| rng.choice(leads).unwrap().parse().unwrap()).collect::<Vec<_>>()).unwrap()
}

fn user(rng: &mut Rng, at: DateTime<Utc>) -> UserCommand {
    let emails = ["ada@example.com", "Ada@Example.com", "ÜNAL@example.com", "ben@example.com"];
    let email = |rng: &mut Rng| emails[rng.usize(..emails.len())].parse().unwrap();
    let zone = |rng: &mut Rng| ["UTC", "Europe/Berlin"][rng.usize(..2)].parse().unwrap();
    let role = |rng: &mut Rng| *rng.choice(Role::ALL).unwrap();
    match rng.u8(..10) {
        0..=2 => UserCommand::Register(RegisterUser {
            locale: some(rng, text),
            phone: some(rng, text),
            time_zone: zone(rng),
            ..RegisterUser::new(text(rng), email(rng), role(rng), at)
        }),
        3 => UserCommand::JoinTeam(team(rng)),
        4 => UserCommand::LeaveTeam(team(rng)),
        5 => UserCommand::Deactivate,
        6 => UserCommand::Reactivate,
        7 => UserCommand::Erase { at },
        8 => UserCommand::ChangeNotificationPreferences(notification_preferences(rng)),
        _ => UserCommand::Update(UpdateUser {
            name: some(rng, text),
            email: some(rng, email),
            role: some(rng, role),
            time_zone: some(rng, zone),
            locale: some(rng, |rng| some(rng, text)),
            phone: some(rng, |rng| some(rng, text)),
        }),
    }
}

fn notification_preferences(rng: &mut Rng) -> NotificationPreferences {
    let mut told = NotificationPreferences::default();
    told.channels.comment = NotificationChannels::of(&NotificationChannel::ALL[..rng.usize(..4)]);
    told.quiet_hours =
        some(rng, |rng| QuietHours::new("22:00".parse().unwrap(), "06:00".parse().unwrap(), rng.bool()).unwrap());
    told
}

fn of_team(rng: &mut Rng, at: DateTime<Utc>) -> TeamCommand {
    if rng.bool() {
        TeamCommand::Create(CreateTeam { name: text(rng), description: some(rng, text), at })
    } else {
        TeamCommand::Update(UpdateTeam { name: some(rng, text), description: some(rng, |rng| some(rng, text)) })
    }
}

/// What the caller was told. A store in memory does not fail.
fn outcome<A: Decider>(answer: Result<Committed<A>, ExecuteError<A::Error>>) -> Outcome {
    let outcome = senders::outcome(answer);
    let failed = matches!(outcome, Outcome::Contended | Outcome::Unknown | Outcome::Damaged { .. });
    assert!(!failed, "a store in memory does not fail: {outcome:?}");
    outcome
}

impl Run {
    fn new(seed: u64) -> Self {
        let keys = MemoryKeys::shared();
        Self {
            rng: Rng::with_seed(seed),
            now: Duration::ZERO,
            handler: CommandHandler::new(EventStore::new(MemoryLog::new(), Arc::clone(&keys))),
            keys,
            observed: Observed { rest: Some(Duration::ZERO), ..Observed::default() },
            sent: Vec::new(),
        }
    }

    /// Something new, something again, or something else under an old id.
    fn choose(&mut self) -> (StreamId, Asked, ExpectedVersion, Metadata) {
        let rng = &mut self.rng;
        let at = DateTime::from_timestamp(1_772_438_400, 0).unwrap()
            + TimeDelta::from_std(self.now).unwrap()
            + TimeDelta::milliseconds(rng.i64(-2000..2000));
        let kind = AggregateType::ALL[rng.choice([0, 0, 0, 0, 1, 1, 2]).unwrap()];
        let (id, asked) = match kind {
            AggregateType::Task => (300 + rng.u128(..TASKS), Asked::Task(task(rng, at))),
            AggregateType::User => (100 + rng.u128(..USERS), Asked::User(user(rng, at))),
            AggregateType::Team => (200 + rng.u128(..TEAMS), Asked::Team(of_team(rng, at))),
        };
        let expected = match rng.u64(..12) {
            0 => ExpectedVersion::New,
            version @ 1..6 => ExpectedVersion::Exactly(version),
            _ => ExpectedVersion::Any,
        };
        let new = Metadata {
            command_id: CommandId(Uuid::from_u128(rng.u128(..))),
            fingerprint: Fingerprint::of("test", &asked),
            actor: if rng.bool() { person(rng).into() } else { Actor::system("test: \u{e9}") },
            at,
            correlation_id: format!("Anfrage \"für\" {}\\", rng.u8(..9)),
            causation_id: some(rng, |_| "an event".to_owned()),
        };
        let stream = StreamId::new(kind, Uuid::from_u128(id));
        match rng.u8(..10) {
            0 if !self.sent.is_empty() => rng.choice(&self.sent).unwrap().clone(),
            1 if !self.sent.is_empty() => {
                let (of, .., metadata) = rng.choice(&self.sent).unwrap();
                let metadata = Metadata { command_id: metadata.command_id, ..new };
                if of.aggregate == kind {
                    (*of, asked, expected, metadata)
                } else {
                    (stream, asked, expected, metadata)
                }
            }
            _ => (stream, asked, expected, new),
        }
    }

    async fn send(&mut self) {
        let (stream, asked, expected, metadata) = self.choose();
        self.now += Duration::from_millis(10);
        let sent = self.now;
        let before = self.handler.store().head(&stream).await.unwrap();
        let handler = &self.handler;
        let outcome = match asked.clone() {
            Asked::Task(command) => outcome(handler.execute::<Task>(stream.id, command, expected, &metadata).await),
            Asked::User(command) => outcome(handler.execute::<User>(stream.id, command, expected, &metadata).await),
            Asked::Team(command) => outcome(handler.execute::<Team>(stream.id, command, expected, &metadata).await),
        };
        self.now += Duration::from_millis(10);
        if self.handler.store().head(&stream).await.unwrap() > before {
            let write = EventWrite { at: self.now, stream: stream.to_string(), version: before + 1, replaced: false };
            self.observed.event_writes.push(write);
        }
        self.now += Duration::from_millis(10);
        // Sometimes the answer is lost.
        let lost = self.rng.u8(..8) == 0;
        self.observed.calls.push(Call {
            sent,
            answered: (!lost).then_some(self.now),
            stream: stream.to_string(),
            command_id: metadata.command_id.to_string(),
            content: metadata.fingerprint.as_str().to_owned(),
            expected: match expected {
                ExpectedVersion::Any => None,
                ExpectedVersion::New => Some(0),
                ExpectedVersion::Exactly(version) => Some(version),
            },
            outcome: if lost { Outcome::Unknown } else { outcome },
        });
        self.sent.push((stream, asked, expected, metadata));
    }

    /// Takes down what is stored, projected by the real projectors in one batch or several.
    async fn finish(mut self) -> Observed {
        let mut commits: Vec<Commit> = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.handler.store().scan(0, 1, cursor).await.unwrap();
            commits.extend(page.commits);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.observed.events = commits.iter().map(stored).collect();
        for user in 0..USERS {
            for email in ["ada@example.com", "ünal@example.com", "ben@example.com"] {
                let (key, owner) = (format!("email#{email}"), Uuid::from_u128(100 + user));
                if self.handler.store().log().owner(&key) == Some(owner) {
                    let item = json!({ "pk": { "S": key }, "owner": { "S": owner.to_string() } });
                    self.observed.reservations.push(item);
                }
            }
        }
        if let Some(members) = self.handler.store().log().members(ROSTER) {
            let members: Vec<Value> = members.iter().map(|member| json!({ "S": member.to_string() })).collect();
            self.observed.reservations.push(json!({ "pk": { "S": ROSTER }, "members": { "L": members } }));
        }
        self.project(TaskList, &commits).await;
        self.project(AuditLog, &commits).await;
        self.project(Directory, &commits).await;
        self.project(TaskPast, &commits).await;
        self.project(Feed, &commits).await;
        place(&mut self.observed);
        for user in (0..USERS).map(|user| Uuid::from_u128(100 + user)) {
            let key = match self.keys.find(UserId(user)).await.unwrap() {
                Opener::NoKey => continue,
                Opener::Key(_) => json!({ "wrapped": { "B": "" } }),
                Opener::Erased => json!({ "erased": { "BOOL": true } }),
            };
            let mut item = json!({ "pk": { "S": user.to_string() } });
            item.as_object_mut().unwrap().extend(key.as_object().unwrap().clone());
            self.observed.keys.push(item);
        }
        self.observed
    }

    async fn project<P: Projection>(&mut self, projection: P, commits: &[Commit]) {
        let rows = Arc::new(MemoryRows::default());
        let reader: Arc<dyn EventReader> = Arc::new(self.handler.store().clone());
        let projector = Projector::new(projection, reader, Arc::new(OneTable(rows.clone())));
        let mut events: Vec<_> = commits.iter().flat_map(Commit::recorded_events).collect();
        self.rng.shuffle(&mut events);
        for batch in events.chunks(7) {
            let message = |event: &muster_domain::RecordedEvent| Message {
                id: event.event_id.to_string(),
                event: Ok(event.clone()),
            };
            assert_eq!(projector.handle(batch.iter().map(message).collect()).await, []);
        }
        let mut table = Vec::new();
        let mut heads = BTreeMap::new();
        for commit in commits {
            heads.insert(commit.stream, commit.last_version());
        }
        for stream in heads.keys() {
            let Some(row) = rows.row(stream) else { continue };
            let entry = |sort_key: &str, keys: &[IndexKey], fields: Value| {
                let mut fields: Map<String, Value> = fields.as_object().unwrap().clone();
                fields.insert("pk".to_owned(), json!(stream.to_string()));
                fields.insert("sk".to_owned(), json!(sort_key));
                fields.extend(keys.iter().map(|(name, value)| match value {
                    KeyValue::Text(text) => ((*name).to_owned(), json!(text)),
                    KeyValue::Number(number) => ((*name).to_owned(), json!(number)),
                }));
                Value::Object(item(&fields))
            };
            let muster_projections::rows::StoredRow { as_of, projection_version, row: body, parked: _, places } =
                row.stored;
            let mut body = json!({ "as_of": as_of, "projection_version": projection_version, "row": body });
            if !places.is_empty() {
                body["places"] = json!(places);
            }
            table.push(entry("row", &row.keys, body));
            for place in &row.places {
                table.push(entry(&place.sort_key, &place.keys, json!({ "facts": place.facts })));
            }
            for found in rows.entries_of(stream) {
                table.push(entry(&found.sort_key, &found.keys, json!({ "entry": found.body })));
            }
        }
        for (stream, as_of) in rows.saved() {
            self.observed.row_writes.push(RowWrite {
                at: self.now,
                projection: P::NAME.to_owned(),
                generation: 1,
                stream: stream.to_string(),
                as_of,
                projection_version: u64::from(P::VERSION),
            });
        }
        self.rng.shuffle(&mut table);
        self.observed.tables.insert((P::NAME.to_owned(), 1), table);
        self.observed.active.insert(P::NAME.to_owned(), 1);
    }
}

/// A commit as an item, by its fields as they are published.
fn stored(commit: &Commit) -> Value {
    let mut fields = serde_json::to_value(commit).unwrap().as_object().unwrap().clone();
    fields.remove("stream");
    let version = fields.remove("version").unwrap();
    fields.insert("pk".to_owned(), json!(commit.stream.to_string()));
    fields.insert("sk".to_owned(), version);
    attribute(&Value::Object(fields))["M"].clone()
}

async fn run(seed: u64, commands: usize) -> Observed {
    let mut run = Run::new(seed);
    for _ in 0..commands {
        run.send().await;
    }
    run.finish().await
}

#[tokio::test]
async fn random_runs_of_the_real_handlers_keep_every_promise() {
    let mut told = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for seed in 0..200 {
        let observed = run(seed, 120).await;
        kept(&observed);
        assert_eq!(tampering_shows(&observed, &mut Rng::with_seed(seed)), None, "seed {seed}");
        for call in &observed.calls {
            *told.entry(format!("{:?}", call.outcome).split([' ', '{']).next().unwrap().to_owned()).or_insert(0) += 1;
        }
        for event in observed.events.iter().flat_map(|item| item["events"]["L"].as_array().unwrap()) {
            *kinds.entry(event["M"]["type"]["S"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    // Every kind of event, and every answer that a store in memory gives, was among them.
    assert_eq!(kinds.len(), DomainEvent::kinds().count(), "{kinds:?}");
    for outcome in ["Committed", "Refused", "VersionMismatch", "KeyReused", "Reserved", "Unknown"] {
        assert!(told.contains_key(outcome), "{told:?}");
    }
}

/// `cargo test --release -p muster-simulation how_long -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_a_check_takes() {
    let observed = run(1, 150).await;
    let began = Instant::now();
    for _ in 0..1000 {
        assert_eq!(check(&observed), []);
    }
    let took = began.elapsed() / 1000;
    println!("{} commits, {} calls: {took:?} a check", observed.events.len(), observed.calls.len());
}
