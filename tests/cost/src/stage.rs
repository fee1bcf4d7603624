//! A stage in this process: the handlers that the Lambdas run, over the embedded engine, and everything that AWS would count.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lambda_events::dynamodb::Event;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chrono::{DateTime, Utc};
use http_body_util::BodyExt as _;
use muster_cli::report::{Failure, failed};
use muster_domain::personal::KEY_BYTES;
use muster_domain::{Clock as _, EventReader, RecordedEvent, SubjectKeys};
use muster_embedded::{Engine, StreamRecord};
use muster_handlers::clock::SystemClock;
use muster_handlers::http::{App, Rates, Settings, command_router};
use muster_handlers::lambda::{project_queue, publish_stream, react_queue};
use muster_handlers::notifier::{Channel, Claims, HeldLetters, Notifier};
use muster_handlers::publisher::SOURCE;
use muster_handlers::topology::Topology;
use muster_handlers::webhooks::{self, Http, PATIENCE, Reach, Sender, SystemResolver, WebhookHub, WebhookReactor};
use muster_handlers::wiring::{app, event_store, subject_keys};
use muster_identity::{ServerSecret, SigningKey, TokenSettings, TokenSigner};
use muster_projections::{Hosted, hosted};
use muster_vault::LocalMaster;
use quamina::Quamina;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::capacity::Meter;
use crate::counts::Counts;
use crate::day;
use crate::logs::Logs;
use crate::shapes::{access_log, delivered, queue_event};
use crate::stand_ins::{Bus, DayClock, Later, Post};
use crate::team::Team;

/// What stands before the name of every table.
pub(crate) const PREFIX: &str = "muster-prod-";
/// What an event, a message and a request to a queue may have before they count as more.
const CHUNK: usize = 64 * 1024;
/// What a time counts in the size of an entry.
const TIME_BYTES: usize = 14;
/// The most messages in one request to a queue.
const MESSAGES_IN_REQUEST: u64 = 10;

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
    /// With no webhook: each event is looked at.
    webhooks: WebhookReactor,
    mail: Arc<Post>,
    topic: Arc<Post>,
    bus: Bus,
    rules: Quamina<String>,
    queues: BTreeMap<String, Queue>,
    /// The last record of the stream that was published.
    published: Option<String>,
    counts: Counts,
}

/// The reactor of webhooks, which are not set up.
fn webhooks_of_nobody(
    client: &aws_sdk_dynamodb::Client,
    reader: &Arc<dyn EventReader>,
) -> Result<WebhookReactor, Failure> {
    let WebhookHub { webhooks, deliveries, .. } = WebhookHub::new(client, PREFIX, master());
    let http = Http::new(Reach::default(), Arc::new(SystemResolver), Vec::new(), PATIENCE);
    let http = http.map_err(failed("making a client"))?;
    let sender = Sender::new(webhooks, deliveries, http, Arc::clone(reader), Arc::new(SystemClock));
    Ok(WebhookReactor::that_sends(Arc::new(sender)))
}

impl Stage {
    async fn new(load: Load, logs: Logs) -> Result<Self, Failure> {
        let engine = Engine::memory()?;
        let topology = Topology::load()?;
        topology.create_tables(&engine.client(), PREFIX).await?;
        let (client, meter) = Meter::on(&engine);
        let signer: Arc<dyn TokenSigner> = Arc::new(SigningKey::generate().map_err(failed("making a key"))?);
        let secret = ServerSecret::generate().map_err(failed("making a secret"))?;
        let clock = Arc::new(DayClock::default());

        let keys = keys(&client);
        let reader: Arc<dyn EventReader> = Arc::new(event_store(&client, PREFIX, Arc::clone(&keys)));
        let (mail, topic) = (Post::called("e-mail"), Post::called("topic"));
        let claims = Claims::new(client.clone(), PREFIX);
        let held = HeldLetters::new(client.clone(), PREFIX);
        let channels: Vec<Arc<dyn Channel>> = vec![mail.clone(), topic.clone()];
        let notifier = Notifier::new(Arc::clone(&reader), claims, held, channels, Arc::new(SystemClock));

        let mut rules = Quamina::new();
        let projections = topology.projections.iter().map(|(name, shape)| (name, &shape.rule));
        let subscribers: Vec<_> =
            projections.chain(topology.reactors.iter().map(|(name, shape)| (name, &shape.rule))).collect();
        for (name, rule) in &subscribers {
            rules.add_pattern((*name).clone(), &rule.to_string()).map_err(failed("reading a rule"))?;
        }
        let queues = subscribers.into_iter().map(|(name, _)| (name.clone(), Queue::new())).collect();
        let app = command_app(&client, &keys, &signer, &secret, &clock)?;
        Ok(Self {
            load,
            logs,
            projections: hosted(&client, PREFIX, &reader),
            notifier,
            webhooks: webhooks_of_nobody(&client, &reader)?,
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

    /// The parts of a command-api that has just started.
    pub(crate) fn app(&self) -> Result<Arc<App>, Failure> {
        command_app(&self.client, &keys(&self.client), &self.signer, &self.secret, &self.clock)
    }

    /// The time of the day.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// One request to the command side, which must succeed.
    pub(crate) async fn request(
        &mut self,
        token: Option<&str>,
        key: Uuid,
        request: day::Request,
    ) -> Result<Value, Failure> {
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
        let router = if let Load::Busy(_) = self.load { self.warm.clone() } else { command_router(self.app()?) };
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
            let events = self.bus.take();
            events.iter().try_for_each(|event| self.on_the_bus(event))?;
        }
    }

    fn on_the_bus(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        const DOING: &str = "putting an event on the bus";
        let (detail, stream) = (serde_json::to_string(event).map_err(failed(DOING))?, event.stream.to_string());
        let size = TIME_BYTES + SOURCE.len() + event.event_type.len() + detail.len() + stream.len();
        self.counts.events += chunks(size);
        let envelope = delivered(event);
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
            None if name == webhooks::NAME => (webhooks::NAME, react_queue(&self.webhooks, event).await),
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

    pub(crate) async fn settle(&mut self) -> Result<(), Failure> {
        self.publish(self.load.batch()).await?;
        self.take_in(1, true).await
    }

    /// What was counted so far does not count.
    pub(crate) fn forget(&mut self) -> Result<(), Failure> {
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
            self.clock.go_on();
        }
        self.publish(batch).await?;
        self.take_in(batch, true).await
    }
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

/// The keys of personal data as a function has them that has just started.
fn master() -> Arc<LocalMaster> {
    Arc::new(LocalMaster::new([1; KEY_BYTES].into()))
}

fn keys(client: &aws_sdk_dynamodb::Client) -> Arc<dyn SubjectKeys> {
    subject_keys(client, PREFIX, master())
}

fn command_app(
    client: &aws_sdk_dynamodb::Client,
    keys: &Arc<dyn SubjectKeys>,
    signer: &Arc<dyn TokenSigner>,
    secret: &ServerSecret,
    clock: &Arc<DayClock>,
) -> Result<Arc<App>, Failure> {
    let tokens = TokenSettings::new("muster-prod", "muster-prod");
    let settings = Settings { rates: Rates::NONE, ..Settings::default() };
    let app = app(client, PREFIX, keys, Arc::clone(signer), secret, tokens, settings)
        .map_err(failed("wiring the command side"))?;
    // Times of the same length each time, so that sizes are the same too.
    Ok(Arc::new(App { clock: clock.clone(), ..app }))
}

fn chunks(bytes: usize) -> u64 {
    bytes.div_ceil(CHUNK).max(1) as u64
}

pub(crate) fn text(answer: &Value, name: &str) -> Result<String, Failure> {
    let found = answer[name].as_str().map(str::to_owned);
    found.ok_or_else(|| Failure::Refused(format!("an answer has no {name}: {answer}")))
}
