//! One run: from a seed to the promises that were kept or not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lambda_events::dynamodb::EventRecord;
use chrono::TimeDelta;
use futures::future::join_all;
use muster_domain::commit::ChainVerifier;
use muster_domain::{AggregateType, Commit, StreamId};
use muster_handlers::publisher::StreamItem;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::aws::Aws;
use crate::backend::Backend;
use crate::bus;
use crate::digesting;
use crate::dynamodb::Model;
use crate::engine::EngineBackend;
use crate::faults::Faults;
use crate::local::Local;
use crate::observed::{Call, Lag, Observed, SessionCall};
use crate::operators;
use crate::oracle;
use crate::reacting;
use crate::readers::FeedReader;
use crate::senders::{Executors, INVITED, Senders};
use crate::sign_ins::SignIns;
use crate::tables;
use crate::world::{PREFIX, World};

/// How long everything may take to come to rest once no more faults happen.
const PATIENCE: Duration = Duration::from_hours(1);

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// On the embedded engine rather than on the model.
    pub engine: bool,
    /// Keep the course of the run to show it.
    pub keep_trace: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The same for every run of the seed.
    pub hash: u64,
    /// How many steps it had: requests, answers, deliveries.
    pub steps: u64,
    /// How many commits there are at its end.
    pub commits: usize,
    /// How many times a command was sent.
    pub calls: usize,
    /// How long it took, in virtual time.
    pub took: Duration,
    /// How long it took to come to rest after the last fault.
    pub rest: Option<Duration>,
    /// The promises that were broken.
    pub violations: Vec<String>,
    /// The course of it, if it was kept.
    pub trace: Vec<String>,
}

/// What was put together for the run.
enum Deployment {
    Aws(Aws),
    Local(Arc<Local>),
}

impl Deployment {
    fn lag(&self, world: &World) -> Lag {
        match self {
            Self::Aws(aws) => aws.lag(world),
            Self::Local(local) => local.lag(world),
        }
    }
}

/// A run that could not begin: a defect of the simulation, not of what it runs.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No runtime.
    #[error("no runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// No engine.
    #[error("no embedded engine: {0}")]
    Engine(#[from] muster_embedded::EngineError),
    /// No tables.
    #[error("the tables could not be made: {0}")]
    Tables(String),
}

/// Runs one seed on this thread, in virtual time.
pub fn run(seed: u64, options: Options) -> Result<Report, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let mut backend: Box<dyn Backend> =
        if options.engine { Box::new(EngineBackend::memory()?) } else { Box::new(Model::default()) };
    tables::make(backend.as_mut()).map_err(RunError::Tables)?;
    // The SDK draws from this thread's source too.
    fastrand::seed(seed);
    Ok(runtime.block_on(scenario(seed, backend, options.keep_trace)))
}

async fn scenario(seed: u64, backend: Box<dyn Backend>, keep_trace: bool) -> Report {
    let world = World::new(seed, backend, keep_trace);
    let mut violations = Vec::new();
    let (local, mixed, faults, aggregates, senders, each, operations) = {
        let mut inner = world.inner();
        let rng = &mut inner.rng;
        let local = rng.u8(..4) == 0;
        (
            local,
            !local && rng.u8(..5) == 0,
            Faults::draw(rng),
            rng.u128(1..4),
            rng.u64(1..4),
            rng.u32(3..9),
            if rng.bool() { rng.u32(..3) } else { 0 },
        )
    };
    world.step(("faults", local, mixed), || format!("local {local}, mixed {mixed}, {faults:?}"));
    world.inner().faults = faults;
    world.inner().mixed = mixed;

    let (deployment, executors): (Deployment, Arc<dyn Executors>) = if local {
        let local = Local::start(&world);
        (Deployment::Local(Arc::clone(&local)), local)
    } else {
        let aws = Aws::start(&world, mixed);
        let commands = Arc::clone(&aws.commands);
        (Deployment::Aws(aws), commands)
    };
    let streams = streams(&world, aggregates);
    let sign_ins = Arc::new(SignIns {
        world: Arc::clone(&world),
        executors: Arc::clone(&executors),
        calls: Mutex::default(),
        stay: seed.is_multiple_of(9),
    });
    // In one run of three, so that the others go as they would without.
    let people = if seed.is_multiple_of(3) { 1 + seed / 3 % 2 } else { 0 };
    let signed_in: Vec<_> = (1..=people).map(|person| tokio::spawn(Arc::clone(&sign_ins).run(person))).collect();
    let shared = Arc::new(Senders { world: Arc::clone(&world), executors, streams, calls: Mutex::default() });
    let mut work: Vec<_> = (0..senders).map(|sender| tokio::spawn(Arc::clone(&shared).run(sender, each))).collect();
    if seed % 4 == 1 {
        work.push(tokio::spawn(Arc::clone(&shared).step_down()));
    }
    if seed % 4 == 2 {
        work.push(tokio::spawn(Arc::clone(&shared).take_invitation()));
    }
    // In one run of five, for the same reason.
    let digests = seed % 5 == 2;
    if digests {
        work.push(tokio::spawn(digesting::now_and_then(Arc::clone(&world))));
    }
    tokio::spawn(reacting::remind_on(Arc::clone(&world)));
    let feed = FeedReader::new(&world);
    let following = tokio::spawn(Arc::clone(&feed).follow());
    let operators = tokio::spawn(operators::now_and_then(Arc::clone(&world), operations));
    join_all(work).await;
    if join_all(signed_in).await.iter().any(Result::is_err) {
        violations.push("the part of the simulation that signs in panicked".to_owned());
    }
    if operators.await.is_err() {
        violations.push("the operators' part of the simulation panicked".to_owned());
    }

    world.step("quiet", || "no more faults from here on".to_owned());
    world.inner().faults = Faults::none();
    let (rest, lag) = come_to_rest(&world, &deployment, mixed).await;
    if digests && !digesting::digest(&world).await {
        violations.push("promise 10: no digest could be taken although nothing stood in its way".to_owned());
    }
    feed.end();
    if following.await.is_err() {
        violations.push("the reader of the feed panicked".to_owned());
    }
    let feed_read = feed.rest().await;
    if feed_read.is_none() {
        violations.push("promise 12: a reader of the feed came to no end".to_owned());
    }
    let calls = std::mem::take(&mut *shared.calls.lock().unwrap_or_else(PoisonError::into_inner));
    let session_calls = std::mem::take(&mut *sign_ins.calls.lock().unwrap_or_else(PoisonError::into_inner));
    report(&world, seed, (calls, session_calls, feed_read.unwrap_or_default()), rest, lag, violations)
}

fn streams(world: &World, aggregates: u128) -> Vec<StreamId> {
    let mut inner = world.inner();
    let mut streams = Vec::new();
    for number in 1..=aggregates {
        let kind = match inner.rng.u8(..5) {
            0 => AggregateType::Team,
            1 => AggregateType::User,
            _ => AggregateType::Task,
        };
        streams.push(StreamId::new(kind, Uuid::from_u128(number)));
    }
    // Two accounts, so that they can want one address.
    if inner.rng.u8(..4) == 0 {
        streams.extend([101, 102].map(|number| StreamId::new(AggregateType::User, Uuid::from_u128(number))));
    }
    streams
}

/// Lets everything that is under way come to its end, and does what an operator does then: redrives what is dead,
/// reconciles after a loss, rebuilds after a change of the program. How long the first part took, and what is left.
async fn come_to_rest(world: &Arc<World>, deployment: &Deployment, mixed: bool) -> (Option<Duration>, Lag) {
    let begun = world.elapsed();
    let still = |lag: &Lag| lag.unpublished > 0 || !lag.queued.is_empty() || world.inner().late > 0;
    let rests = async |world: &Arc<World>| {
        let until = world.elapsed() + PATIENCE;
        // Twice in a row: what was in hand may just be going back.
        let mut quiet = 0;
        while quiet < 2 {
            if world.elapsed() > until {
                return false;
            }
            quiet = if still(&deployment.lag(world)) { 0 } else { quiet + 1 };
            sleep(Duration::from_millis(500)).await;
        }
        true
    };
    let rested = rests(world).await;
    // What stood still for two minutes may wake up and write now: nothing may go back by that.
    sleep(Duration::from_secs(125)).await;
    let rested = rests(world).await && rested;
    let rest = rested.then(|| world.elapsed().saturating_sub(begun));
    let lossy = world.inner().lossy;
    for name in bus::projections() {
        operators::redrive(world, name).await;
        let generations = generations(world, name);
        if mixed || generations.building {
            if let Deployment::Aws(aws) = deployment {
                // Whoever is started from here on runs the program's own version.
                world.inner().mixed = false;
                aws.renew();
            }
            for _ in 0..3 {
                if operators::rebuild(world, name).await {
                    break;
                }
            }
        }
        if lossy {
            operators::reconcile(world, name).await;
        }
    }
    // What was lost on its way to the reactor is found by its sweeper, and what follows from that goes its way, too.
    let _ = world.inner().queues.get_mut(bus::RECURRENCE).map(crate::queue::Queue::take_dead);
    reacting::make_missed(world).await;
    let rested = rests(world).await;
    reacting::remind(world).await;
    let rested = rests(world).await && rested;
    let lag = deployment.lag(world);
    (rest.filter(|_| rested), lag)
}

/// What the table of generations says.
struct Generations {
    active: u64,
    last: u64,
    building: bool,
}

fn generations(world: &World, projection: &str) -> Generations {
    let key = format!("projection#{projection}");
    let items = world.items(&format!("{PREFIX}control"));
    let item = items.iter().find(|item| item["pk"]["S"].as_str() == Some(&key));
    let number = |name: &str| item.and_then(|item| item[name]["N"].as_str()?.parse().ok());
    Generations {
        active: number("active").unwrap_or(1),
        last: number("last").unwrap_or(1),
        building: number("building").is_some(),
    }
}

fn report(
    world: &World,
    seed: u64,
    (calls, session_calls, feed_read): (Vec<Call>, Vec<SessionCall>, Vec<(String, u64)>),
    rest: Option<Duration>,
    lag: Lag,
    mut violations: Vec<String>,
) -> Report {
    let mut observed = Observed {
        calls,
        session_calls,
        events: world.items(&format!("{PREFIX}events")),
        reservations: world.items(&format!("{PREFIX}reservations")),
        keys: world.items(&format!("{PREFIX}subject-keys")),
        invited: vec![INVITED.to_owned()],
        digests: (seed % 5 == 2).then(|| world.items(&format!("{PREFIX}digests"))),
        // The clocks of the processes are some seconds apart.
        reacted_until: Some(world.now() - TimeDelta::minutes(30)),
        feed_order: world.items(&format!("{PREFIX}positions")),
        feed_read,
        rest,
        lag,
        ..Observed::default()
    };
    for projection in bus::projections() {
        let Generations { active, last, .. } = generations(world, projection);
        observed.active.insert(projection.to_owned(), active);
        for generation in 1..=last {
            let items = world.items(&format!("{PREFIX}{projection}-{generation}"));
            observed.tables.insert((projection.to_owned(), generation), items);
        }
    }
    let mut inner = world.inner();
    observed.event_writes = std::mem::take(&mut inner.event_writes);
    observed.row_writes = std::mem::take(&mut inner.row_writes);
    violations.extend(std::mem::take(&mut inner.panics));
    violations.extend(oracle::check(&observed).iter().map(ToString::to_string));
    let mut rng = fastrand::Rng::with_seed(seed);
    violations.extend(oracle::tampering_shows(&observed, &mut rng).iter().map(ToString::to_string));
    violations.extend(verifier(&observed.events, &mut rng));
    let trace = std::mem::replace(&mut inner.trace, crate::trace::Trace::new(false));
    Report {
        seed,
        hash: trace.hash(),
        steps: trace.steps(),
        commits: observed.events.len(),
        calls: observed.calls.len(),
        took: world.elapsed(),
        rest: observed.rest,
        violations,
        trace: trace.into_lines(),
    }
}

/// The program's own verification of histories: it takes the log as it is, and refuses it once it was tampered with.
fn verifier(events: &[Value], rng: &mut fastrand::Rng) -> Option<String> {
    if let Err(reason) = verify(events) {
        return Some(format!("promise 10: the verification refuses a log that nobody tampered with: {reason}"));
    }
    let mut tampered = events.to_vec();
    let done = oracle::tamper(&mut tampered, rng)?;
    verify(&tampered).is_ok().then(|| format!("promise 10: the verification does not see this: {done}"))
}

fn verify(events: &[Value]) -> Result<(), String> {
    let mut commits: Vec<Commit> = Vec::with_capacity(events.len());
    for item in events {
        let record = json!({
            "eventID": "1",
            "eventName": "INSERT",
            "awsRegion": "simulated",
            "dynamodb": { "NewImage": item, "Keys": {}, "SequenceNumber": "1", "SizeBytes": 0, "ApproximateCreationDateTime": 0 },
        });
        let record: EventRecord = serde_json::from_value(record).map_err(|error| error.to_string())?;
        let item = StreamItem::from_record(record).ok_or("no insertion")?;
        commits.push(item.commit?);
    }
    commits.sort_by_key(|commit| (commit.stream, commit.version));
    let mut verifiers = std::collections::BTreeMap::new();
    for commit in &commits {
        let verifier = verifiers.entry(commit.stream).or_insert_with(ChainVerifier::default);
        verifier.follow(commit).map_err(|error| error.to_string())?;
    }
    Ok(())
}
