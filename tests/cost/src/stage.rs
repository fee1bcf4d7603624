//! A stage in this process: the handlers that the Lambdas run, over the embedded engine, and everything that AWS would count.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::BodyExt as _;
use muster_cli::report::{Failure, failed};
use muster_commands::ExpectedVersion;
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::{Actor, Clock, CommandId, EventReader, Fingerprint, Metadata, RecordedEvent, UserId};
use muster_embedded::{Engine, StreamRecord};
use muster_handlers::http::{App, command_router};
use muster_handlers::lambda::{project_queue, publish_stream, react_queue};
use muster_handlers::notifier::{Channel, Claims, Letter, NotSent, Notifier};
use muster_handlers::publisher::{BusError, EventBus, PutOutcome, SOURCE};
use muster_handlers::topology::Topology;
use muster_handlers::wiring::{app, event_store};
use muster_identity::{Password, ServerSecret, SigningKey, TokenSettings, TokenSigner};
use muster_projections::{Hosted, hosted};
use quamina::Quamina;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::capacity::{Meter, Units};
use crate::day;
use crate::logs::Logs;

/// What stands before the name of every table.
pub(crate) const PREFIX: &str = "muster-prod-";
/// What an event, a message and a request to a queue may have before they count as more.
const CHUNK: usize = 64 * 1024;
/// What a time counts in the size of an entry.
const TIME_BYTES: usize = 14;
/// The most messages in one request to a queue.
const MESSAGES_IN_REQUEST: u64 = 10;
/// From one command to the next.
const PACE: TimeDelta = TimeDelta::seconds(1);
/// From a command to its rows.
const LAG: TimeDelta = TimeDelta::milliseconds(1_200);
const PASSWORD: &str = "correct horse battery";
const ADMIN: &str = "admin@muster.example";

/// How the work comes to the Lambdas.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// So little that nothing waits for another: an invocation for each commit and for each message, and a command finds
    /// nothing remembered.
    Quiet,
    /// So much that a publisher takes so many commits at once, and a projector so many messages; one command-api takes all
    /// commands, and remembers.
    Busy(usize),
}

impl Load {
    const fn batch(self) -> usize {
        match self {
            Self::Quiet => 1,
            Self::Busy(batch) => batch,
        }
    }
}

/// What AWS counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commands: u64,
    pub(crate) capacity: Units,
    /// By the name of the binary.
    pub(crate) functions: BTreeMap<&'static str, Calls>,
    /// Events on the bus, by begun 64 KB.
    pub(crate) events: u64,
    pub(crate) archived_bytes: u64,
    pub(crate) queue_requests: u64,
    pub(crate) log_bytes: u64,
    pub(crate) mails: u64,
    pub(crate) notices: u64,
}

/// The invocations of a function.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) invocations: u64,
    /// Requests, commits or messages, over all invocations.
    pub(crate) items: u64,
}

/// The clock of the day.
#[derive(Debug)]
struct DayClock(AtomicI64);

impl Clock for DayClock {
    fn now(&self) -> DateTime<Utc> {
        day::begin() + TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }
}

/// The same, a little later.
struct Later<'a>(&'a DayClock);

impl Clock for Later<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + LAG
    }
}

/// Stands for EventBridge: takes everything, and keeps it.
#[derive(Default)]
struct Bus(Mutex<Vec<RecordedEvent>>);

#[async_trait]
impl EventBus for Bus {
    async fn put(&self, events: &[RecordedEvent]) -> Result<Vec<PutOutcome>, BusError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        Ok(vec![PutOutcome::Accepted; events.len()])
    }
}

/// Stands for SES or SNS: counts.
struct Post {
    name: &'static str,
    sent: AtomicU64,
}

impl Post {
    fn called(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, sent: AtomicU64::default() })
    }
}

#[async_trait]
impl Channel for Post {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn send(&self, _: &Letter) -> Result<(), NotSent> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The queue of a projection or reactor: ids and bodies of its messages.
type Queue = VecDeque<(Uuid, String)>;

/// The stage.
pub(crate) struct Stage {
    load: Load,
    logs: Logs,
    engine: Engine,
    client: aws_sdk_dynamodb::Client,
    meter: Meter,
    clock: Arc<DayClock>,
    signer: Arc<dyn TokenSigner>,
    secret: ServerSecret,
    /// The command-api that takes the commands of a busy day.
    warm: Router,
    projections: Vec<Arc<dyn Hosted>>,
    notifier: Notifier,
    mail: Arc<Post>,
    topic: Arc<Post>,
    bus: Bus,
    rules: Quamina<String>,
    queues: BTreeMap<String, Queue>,
    /// The last record of the stream that was published.
    published: Option<String>,
    counts: Counts,
}

impl Stage {
    async fn new(load: Load, logs: Logs) -> Result<Self, Failure> {
        let engine = Engine::memory()?;
        let topology = Topology::load()?;
        topology.create_tables(&engine.client(), PREFIX).await?;
        let (client, meter) = Meter::on(&engine);
        let signer: Arc<dyn TokenSigner> = Arc::new(SigningKey::generate().map_err(failed("making a key"))?);
        let secret = ServerSecret::generate().map_err(failed("making a secret"))?;
        let clock = Arc::new(DayClock(AtomicI64::default()));

        let reader: Arc<dyn EventReader> = Arc::new(event_store(&client, PREFIX));
        let (mail, topic) = (Post::called("e-mail"), Post::called("topic"));
        let claims = Claims::new(client.clone(), PREFIX);
        let notifier = Notifier::new(Arc::clone(&reader), claims, vec![mail.clone(), topic.clone()]);

        let mut rules = Quamina::new();
        let projections = topology.projections.iter().map(|(name, shape)| (name, &shape.rule));
        let subscribers: Vec<_> =
            projections.chain(topology.reactors.iter().map(|(name, shape)| (name, &shape.rule))).collect();
        for (name, rule) in &subscribers {
            rules.add_pattern((*name).clone(), &rule.to_string()).map_err(failed("reading a rule"))?;
        }
        let queues = subscribers.into_iter().map(|(name, _)| (name.clone(), Queue::new())).collect();
        let app = command_app(&client, &signer, &secret, &clock)?;
        Ok(Self {
            load,
            logs,
            projections: hosted(&client, PREFIX, &reader),
            notifier,
            mail,
            topic,
            bus: Bus::default(),
            rules,
            queues,
            published: None,
            counts: Counts::default(),
            warm: command_router(app),
            engine,
            client,
            meter,
            clock,
            signer,
            secret,
        })
    }

    /// What a command-api that has just started answers with.
    fn cold(&self) -> Result<Router, Failure> {
        Ok(command_router(command_app(&self.client, &self.signer, &self.secret, &self.clock)?))
    }

    /// Whoever works here opens the first account.
    async fn first_account(&self) -> Result<(), Failure> {
        const DOING: &str = "opening the first account";
        let app = command_app(&self.client, &self.signer, &self.secret, &self.clock)?;
        let command_id = CommandId(Uuid::from_u128(1));
        let id = command_id.created_id();
        let password = Password::parse(PASSWORD.to_owned()).map_err(failed(DOING))?;
        app.identity.create_credentials(UserId(id), &password).await.map_err(failed(DOING))?;
        let name = "Administrator".parse().map_err(failed(DOING))?;
        let email = ADMIN.parse().map_err(failed(DOING))?;
        let account = RegisterUser::new(name, email, Role::Admin, self.clock.now());
        let metadata = Metadata {
            command_id,
            fingerprint: Fingerprint::of("setup", &()),
            actor: Actor::system("setup"),
            at: self.clock.now(),
            correlation_id: "setup".to_owned(),
            causation_id: None,
        };
        let command = UserCommand::Register(account);
        let done = app.commands.execute::<User>(id, command, ExpectedVersion::New, &metadata).await;
        done.map(|_| ()).map_err(failed(DOING))
    }

    /// One request to the command side, which must succeed.
    async fn request(&mut self, token: Option<&str>, key: Uuid, request: day::Request) -> Result<Value, Failure> {
        const DOING: &str = "sending a request";
        let day::Request { method, path, body } = request;
        let target = format!("/api/v1{path}");
        let mut builder = Request::builder().method(method).uri(&target).header("idempotency-key", key.to_string());
        if let Some(token) = token {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
        }
        let sent = builder.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
        let router = if let Load::Busy(_) = self.load { self.warm.clone() } else { self.cold()? };
        let Ok(answer) = router.oneshot(sent.map_err(failed(DOING))?).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(failed(DOING))?.to_bytes();
        self.logs.line(&access_log(method, &target, parts.status.as_u16(), body.len()));
        self.invoked("command-api", 1)?;
        if !parts.status.is_success() {
            let body = String::from_utf8_lossy(&body);
            return Err(Failure::Refused(format!("{method} {target}: {} {body}", parts.status)));
        }
        if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body).map_err(failed(DOING)) }
    }

    fn invoked(&mut self, function: &'static str, items: usize) -> Result<(), Failure> {
        let calls = self.counts.functions.entry(function).or_default();
        calls.invocations += 1;
        calls.items += items as u64;
        self.logs.invoked()
    }

    /// What is in the event table's stream goes on the bus, and from there into the queues; `batch` commits at once.
    async fn publish(&mut self, batch: usize) -> Result<(), Failure> {
        let stream = self.engine.stream(&format!("{PREFIX}events"));
        loop {
            let records = stream.read(self.published.as_deref(), batch).await?;
            let Some(last) = records.last() else { return Ok(()) };
            self.published = Some(last.sequence_number.clone());
            let commits = records.len();
            let event = json!({ "Records": records.iter().map(StreamRecord::to_lambda_record).collect::<Vec<_>>() });
            let event: Event = serde_json::from_value(event).map_err(failed("reading the stream"))?;
            let answer = publish_stream(&self.bus, event).await;
            self.invoked("publisher", commits)?;
            if !answer.batch_item_failures.is_empty() {
                return Err(Failure::Refused("a commit was not published".to_owned()));
            }
            let events = std::mem::take(&mut *self.bus.0.lock().unwrap_or_else(PoisonError::into_inner));
            events.iter().try_for_each(|event| self.on_the_bus(event))?;
        }
    }

    fn on_the_bus(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        const DOING: &str = "putting an event on the bus";
        let (detail, stream) = (serde_json::to_string(event).map_err(failed(DOING))?, event.stream.to_string());
        let size = TIME_BYTES + SOURCE.len() + event.event_type.len() + detail.len() + stream.len();
        self.counts.events += chunks(size);
        let envelope = json!({
            "version": "0",
            "id": event.event_id,
            "detail-type": event.event_type,
            "source": SOURCE,
            "account": "123456789012",
            "time": "2026-03-02T08:00:00Z",
            "region": "us-east-1",
            "resources": [stream],
            "detail": event,
        })
        .to_string();
        self.counts.archived_bytes += envelope.len() as u64;
        for name in self.rules.matches_for_event(envelope.as_bytes()).map_err(failed(DOING))? {
            self.counts.queue_requests += chunks(envelope.len());
            self.queues.entry(name).or_default().push_back((event.event_id, envelope.clone()));
        }
        Ok(())
    }

    /// Whatever fills a batch goes from the queues to their functions; at the end of the day all that there is.
    async fn take_in(&mut self, batch: usize, all: bool) -> Result<(), Failure> {
        let names: Vec<String> = self.queues.keys().cloned().collect();
        for name in names {
            while let Some(queue) = self.queues.get_mut(&name).filter(|queue| queue.len() >= batch || all) {
                let messages: Vec<_> = queue.drain(..batch.min(queue.len())).collect();
                if messages.is_empty() {
                    break;
                }
                self.consume(&name, messages).await?;
            }
        }
        Ok(())
    }

    /// One invocation of the function behind a queue. Lambda receives its messages, and deletes them after it.
    async fn consume(&mut self, name: &str, messages: Vec<(Uuid, String)>) -> Result<(), Failure> {
        let count = messages.len();
        let bytes: usize = messages.iter().map(|(_, body)| body.len()).sum();
        let event = queue_event(messages)?;
        let projection = self.projections.iter().find(|projection| projection.name() == name).cloned();
        let (function, answer) = match projection {
            Some(projection) => ("projector", project_queue(&*projection, &Later(&self.clock), event).await),
            None => ("notifier", react_queue(&self.notifier, event).await),
        };
        self.invoked(function, count)?;
        let requests = (count as u64).div_ceil(MESSAGES_IN_REQUEST);
        self.counts.queue_requests += requests.max(chunks(bytes)) + requests;
        if answer.batch_item_failures.is_empty() {
            Ok(())
        } else {
            Err(Failure::Refused(format!("{name} did not take in all of a batch")))
        }
    }

    async fn settle(&mut self) -> Result<(), Failure> {
        self.publish(self.load.batch()).await?;
        self.take_in(1, true).await
    }

    /// The team before its day: its people, who are signed in, and what they are in. None of it counts.
    async fn team(&mut self) -> Result<Team, Failure> {
        self.first_account().await?;
        self.settle().await?;
        let admin = self.sign_in(ADMIN).await?;
        let mut people = Vec::new();
        for number in 0..=day::WORKERS {
            let role = if number == 0 { "manager" } else { "member" };
            let email = format!("person{number}@muster.example");
            let account = json!({ "name": "Robin Fielder", "email": email, "password": PASSWORD, "role": role });
            let id = self.made(&admin, "/users", account).await?;
            people.push((id, email));
        }
        let mut teams = Vec::new();
        for number in 0..day::TEAMS {
            let team = json!({ "name": format!("Team {number}") });
            teams.push(self.made(&admin, "/teams", team).await?);
        }
        self.settle().await?;
        for (number, (id, _)) in people.iter().enumerate() {
            // Who hands out the work is in every team.
            for (_, team) in
                teams.iter().enumerate().filter(|(team, _)| number == 0 || (number - 1) % day::TEAMS == *team)
            {
                let path = format!("/teams/{team}/members/{id}");
                let join = day::Request { method: "PUT", path, body: None };
                self.request(Some(&admin), Uuid::new_v4(), join).await?;
            }
        }
        self.settle().await?;
        let mut tokens = Vec::new();
        for (_, email) in &people {
            tokens.push(self.sign_in(email).await?);
        }
        self.forget()?;
        Ok(Team {
            dispatcher: tokens.remove(0),
            tokens,
            workers: people.into_iter().skip(1).map(|(id, _)| id).collect(),
            teams,
        })
    }

    async fn sign_in(&mut self, email: &str) -> Result<String, Failure> {
        let body = json!({ "email": email, "password": PASSWORD });
        let sign_in = day::Request { method: "POST", path: "/users/login".to_owned(), body: Some(body) };
        let answer = self.request(None, Uuid::new_v4(), sign_in).await?;
        text(&answer, "access_token")
    }

    async fn made(&mut self, token: &str, path: &str, body: Value) -> Result<String, Failure> {
        let make = day::Request { method: "POST", path: path.to_owned(), body: Some(body) };
        text(&self.request(Some(token), Uuid::new_v4(), make).await?, "id")
    }

    /// What was counted so far does not count.
    fn forget(&mut self) -> Result<(), Failure> {
        self.counts = Counts::default();
        self.meter.take().map_err(Failure::Refused)?;
        self.logs.take();
        for post in [&self.mail, &self.topic] {
            post.sent.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn day(&mut self, team: &Team) -> Result<(), Failure> {
        let mut tasks: BTreeMap<usize, String> = BTreeMap::new();
        let batch = self.load.batch();
        for (number, command) in day::commands().into_iter().enumerate() {
            let token = match command.by() {
                day::By::Dispatcher => &team.dispatcher,
                day::By::Worker(worker) => &team.tokens[worker],
            };
            let id = tasks.get(&command.task).cloned().unwrap_or_default();
            let request = command.request(&id, &team.workers, &team.teams);
            let answer = self.request(Some(token), Uuid::from_u128(number as u128), request).await?;
            if command.creates() {
                tasks.insert(command.task, text(&answer, "id")?);
            }
            self.counts.commands += 1;
            if (number + 1) % batch == 0 {
                self.publish(batch).await?;
                self.take_in(batch, false).await?;
            }
            self.clock.0.fetch_add(PACE.num_milliseconds(), Ordering::Relaxed);
        }
        self.publish(batch).await?;
        self.take_in(batch, true).await
    }
}

/// Who works here.
struct Team {
    /// Their access token.
    dispatcher: String,
    /// Those of the workers.
    tokens: Vec<String>,
    /// The ids of the workers.
    workers: Vec<String>,
    /// The ids of the teams.
    teams: Vec<String>,
}

/// Lives through the day, and gives what AWS would have counted.
pub(crate) async fn counted(load: Load, logs: &Logs) -> Result<Counts, Failure> {
    let mut stage = Stage::new(load, logs.clone()).await?;
    let team = stage.team().await?;
    stage.day(&team).await?;
    let mut counts = stage.counts;
    counts.capacity = stage.meter.take().map_err(Failure::Refused)?;
    counts.log_bytes = stage.logs.take();
    counts.mails = stage.mail.sent.load(Ordering::Relaxed);
    counts.notices = stage.topic.sent.load(Ordering::Relaxed);
    Ok(counts)
}

fn command_app(
    client: &aws_sdk_dynamodb::Client,
    signer: &Arc<dyn TokenSigner>,
    secret: &ServerSecret,
    clock: &Arc<DayClock>,
) -> Result<Arc<App>, Failure> {
    let tokens = TokenSettings::new("muster-prod", "muster-prod");
    let app = app(client, PREFIX, Arc::clone(signer), secret, tokens).map_err(failed("wiring the command side"))?;
    // Times of the same length each time, so that sizes are the same too.
    Ok(Arc::new(App { clock: clock.clone(), ..app }))
}

fn chunks(bytes: usize) -> u64 {
    bytes.div_ceil(CHUNK).max(1) as u64
}

fn text(answer: &Value, name: &str) -> Result<String, Failure> {
    let found = answer[name].as_str().map(str::to_owned);
    found.ok_or_else(|| Failure::Refused(format!("an answer has no {name}: {answer}")))
}

/// A batch of a queue's messages, as SQS hands it to a Lambda.
fn queue_event(messages: Vec<(Uuid, String)>) -> Result<SqsEvent, Failure> {
    let records = messages.into_iter().map(|(id, body)| json!({ "messageId": id, "body": body }));
    let event = json!({ "Records": records.collect::<Vec<_>>() });
    serde_json::from_value(event).map_err(failed("reading a queue"))
}

/// The line that API Gateway writes of a request (`infra/cdk/lib/api-stack.ts`).
fn access_log(method: &str, path: &str, status: u16, length: usize) -> String {
    json!({
        "requestId": "LV7fzho-PHcEJPw=",
        "requestTime": "02/Mar/2026:08:00:00 +0000",
        "sourceIp": "192.0.2.7",
        "method": method,
        "path": path,
        "routeKey": "ANY /{proxy+}",
        "status": status.to_string(),
        "responseLength": length.to_string(),
        "responseLatency": "18",
        "integrationLatency": "16",
        "integrationError": "-",
    })
    .to_string()
}
