//! A believable field team for trying Muster out: people, teams, and tasks with a month of history, all of it made by
//! commands. The same run makes the same team; one that was cut off goes on where it was.

mod filters;
mod life;
mod people;
mod words;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use muster_commands::ExpectedVersion;
use muster_domain::aggregate::Decider;
use muster_domain::task::Task;
use muster_domain::values::Name;
use muster_domain::{Actor, AggregateType, Clock as _, CommandId, Fingerprint, Metadata, UserId};
use muster_handlers::clock::SystemClock;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::args::DemoArgs;
use crate::operate::import::refuse_unfinished;
use crate::operate::{json, streams};
use crate::pipeline::{Control, Pipeline, read, text};
use crate::progress;
use crate::report::{Failure, failed, line};
use crate::setup;
use crate::store::{self, LocalStore};
use crate::system::System;

use people::Roster;

/// How many tasks there are, unless another number is asked for.
pub const TASKS: u32 = 2_000;
/// How many tasks are worked on at a time.
const CONCURRENCY: usize = 16;
/// Where it is kept when the team was begun, and whether it is complete.
const KEY: (&str, &str) = ("demo", "run");

/// Fills the store in a data directory.
pub async fn run(args: DemoArgs) -> Result<(), Failure> {
    let name = admin_name()?;
    if !store::is_there(&args.data.data) {
        setup::check_first_admin(&args.admin, &name)?;
    }
    let store = LocalStore::open_or_make(&args.data.data).await?;
    let system = store.system().await?;
    refuse_unfinished(&system).await?;
    refuse_tasks(&system).await?;
    let sign_in = setup::first_admin(&system, &args.admin, name, admin_since(SystemClock.now())).await?;
    let pipeline = match store.engine() {
        Some(engine) => Some(Pipeline::start(&system, engine.stream(&system.table("events"))).await?),
        // A server has the store, and its own pipeline.
        None => None,
    };
    let report = fill(&system, args.tasks, pipeline.as_ref(), &CancellationToken::new()).await;
    if let Some(pipeline) = pipeline {
        pipeline.stop().await;
    }
    let report = report?;
    if args.json {
        json(&json!({ "administrator": sign_in, "team": report }))?;
        return if sign_in.is_some() { setup::shown(&system).await } else { Ok(()) };
    }
    if let Some(sign_in) = sign_in {
        setup::show(&system, &sign_in).await?;
    }
    report.show()
}

/// The name of the administrator of a demo team.
pub fn admin_name() -> Result<Name, Failure> {
    "Ines Carvalho".parse().map_err(failed("naming the first administrator"))
}

/// Since when they have been there.
pub fn admin_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(60)
}

/// Refuses a store that has tasks, unless they are those of a run that was cut off.
pub async fn refuse_tasks(system: &System) -> Result<(), Failure> {
    let run = system.control().get(KEY.0, KEY.1).await.map_err(failed(DOING))?;
    let refused =
        |reason: &str| Err(Failure::Refused(format!("{reason}; the demo team is only put into an empty store")));
    match run {
        Some(run) if read(&run, "done").is_some() => refused("the store has the demo team already"),
        None if streams::any(system, AggregateType::Task).await? => refused("the store has tasks"),
        Some(_) | None => Ok(()),
    }
}

const DOING: &str = "making the demo team";

/// What was made.
#[derive(Serialize)]
pub struct Report {
    people: usize,
    teams: usize,
    tasks: u32,
    sign_ins: Vec<DemoSignIn>,
    password: String,
}

/// Somebody of the team who can sign in.
#[derive(Serialize)]
struct DemoSignIn {
    role: &'static str,
    email: String,
}

impl Report {
    /// Says it, with a few people who can sign in.
    pub fn show(&self) -> Result<(), Failure> {
        let Self { people, teams, tasks, sign_ins, password } = self;
        line(format_args!(
            "The demo team has {people} people, {teams} teams and {tasks} tasks. Some who can sign in:"
        ))?;
        for DemoSignIn { role, email } in sign_ins {
            line(format_args!("  {role:<9} {email}"))?;
        }
        line(format_args!("  password  {password} (the same for all of them)"))
    }
}

/// Makes the team. With a pipeline, waits until the read models show it.
pub async fn fill(
    system: &System,
    tasks: u32,
    pipeline: Option<&Pipeline>,
    stop: &CancellationToken,
) -> Result<Report, Failure> {
    let control = system.control();
    let now = begin(&control).await?;
    let admin = UserId(CommandId::from_key(&Actor::system("setup"), "first-admin").created_id());
    let password = setup::make_up_password();
    let roster = people::make(system, admin, now, &password).await?;

    filters::make(system, &roster, now).await?;

    let bar = progress::bar(Some(u64::from(tasks)), "tasks");
    bar.set_message("demo team");
    let work = make_tasks(system, &roster, now, tasks, &bar);
    tokio::select! {
        () = stop.cancelled() => {
            return Err(Failure::Refused("interrupted; the next start with the demo team goes on".to_owned()));
        }
        made = work => made?,
    }
    bar.finish_and_clear();
    if let Some(pipeline) = pipeline {
        let spinner = progress::spinner("the read models take it in");
        tokio::select! {
            () = stop.cancelled() => {}
            caught_up = pipeline.caught_up() => caught_up?,
        }
        spinner.finish_and_clear();
    }
    control
        .put(KEY.0, KEY.1, [("at", text(&stamp(now))), ("done", text(&stamp(SystemClock.now())))])
        .await
        .map_err(failed(DOING))?;
    Ok(Report {
        people: roster.people.len() + 1,
        teams: roster.teams.len(),
        tasks,
        sign_ins: roster.sign_ins().into_iter().map(|(role, email)| DemoSignIn { role, email }).collect(),
        password,
    })
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The time that the month of history ends at: now, or when a run that was cut off began.
async fn begin(control: &Control) -> Result<DateTime<Utc>, Failure> {
    let known = control.get(KEY.0, KEY.1).await.map_err(failed(DOING))?;
    if let Some(at) = known.as_ref().and_then(|run| read(run, "at")) {
        return at.parse().map_err(failed(DOING));
    }
    let now = SystemClock.now();
    control.put(KEY.0, KEY.1, [("at", text(&stamp(now)))]).await.map_err(failed(DOING))?;
    Ok(now)
}

async fn make_tasks(
    system: &System,
    roster: &Roster,
    now: DateTime<Utc>,
    tasks: u32,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    stream::iter(0..tasks)
        .map(|index| async move {
            let id = life::task_id(index);
            let steps = life::of(index, roster, now).map_err(failed(DOING))?;
            for (number, step) in steps.into_iter().enumerate() {
                let key = format!("task/{index}/{number}");
                execute::<Task>(system, id, step.command, number == 0, &key, step.actor.into(), step.at).await?;
            }
            bar.inc(1);
            Ok(())
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await
}

/// One command in the past. Its id follows from `key`: sent again, it changes nothing.
async fn execute<A>(
    system: &System,
    id: Uuid,
    command: A::Command,
    creates: bool,
    key: &str,
    actor: Actor,
    at: DateTime<Utc>,
) -> Result<(), Failure>
where
    A: Decider<Services = ()>,
    A::Command: Clone + Serialize + Send + Sync,
    A::Error: Send + Sync + 'static,
{
    let metadata = Metadata {
        command_id: CommandId::from_key(&Actor::system("demo"), key),
        fingerprint: Fingerprint::of(key, &command),
        actor,
        at,
        correlation_id: "demo".to_owned(),
        causation_id: None,
    };
    let expected = if creates { ExpectedVersion::New } else { ExpectedVersion::Any };
    system.commands.execute::<A>(id, command, expected, &metadata).await.map(|_| ()).map_err(failed(DOING))
}
