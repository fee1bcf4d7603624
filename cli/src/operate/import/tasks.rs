//! `muster import tasks`: tasks from files of other programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_commands::{ExecuteError, ExpectedVersion};
use muster_domain::task::{Task, TaskCommand, TaskError};
use muster_domain::team::Team;
use muster_domain::user::User;
use muster_domain::{Actor, Clock as _, Fingerprint, ImportId, Metadata, TaskId, TeamId, import_cause};
use muster_handlers::clock::SystemClock;
use muster_handlers::import::{
    Addressed, Known, Options, Place, Plan, PlannedTask, Preview, Severity, Unfit, address, first_title,
};
use muster_identity::Emails;
use muster_identity::policy::Person;
use serde::Serialize;

use super::refuse_unfinished;
use crate::args::{ImportTasksArgs, StoreArgs};
use crate::operate::json;
use crate::pipeline::Pipeline;
use crate::progress;
use crate::report::{Failure, failed, file, line};
use crate::store::Store;
use crate::system::System;

const DOING: &str = "importing tasks";
/// How many tasks are made at a time.
const CONCURRENCY: usize = 16;
/// The most tasks of one file. What is larger is better cut.
const MAX_TASKS: usize = 100_000;

/// What an import did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Done {
    /// What it would do.
    pub preview: Preview,
    /// How many tasks were made; nothing in a preview.
    pub created: Option<usize>,
    /// How many were there already, from this import.
    pub repeated: Option<usize>,
}

/// Imports, and says what it did.
pub(super) async fn run(args: ImportTasksArgs) -> Result<(), Failure> {
    let bytes = content(&args.file)?;
    let store = Store::named(&args.store).await?;
    let system = store.system().await?;
    let done = import(&system, &bytes, args.options(), args.import_id, args.preview).await?;
    if let (Store::Local(local), false) = (&store, args.preview)
        && let Some(engine) = local.engine()
    {
        // Nobody else carries what was written to the read models.
        let pipeline = Pipeline::start(&system, engine.stream(&system.table("events"))).await?;
        let spinner = progress::spinner("the read models take it in");
        let caught_up = pipeline.caught_up().await;
        spinner.finish_and_clear();
        pipeline.stop().await;
        caught_up?;
    }
    if args.json { json(&done) } else { show(&done, &args.store) }
}

fn content(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(file(path))?;
        return Ok(bytes);
    }
    fs::read(path).map_err(file(path))
}

/// Brings in the tasks of a file, as the operator. Only looks, if it is to be a preview.
pub async fn import(
    system: &System,
    bytes: &[u8],
    options: Options,
    id: Option<ImportId>,
    preview: bool,
) -> Result<Done, Failure> {
    refuse_unfinished(system).await?;
    let place = SystemPlace::of(system);
    let addressed = address(&place, bytes.to_vec(), options, MAX_TASKS, failed("reading the file")).await;
    let addressed = addressed.map_err(|unfit| match unfit {
        Unfit::NoSuchTeam => Failure::Refused("there is no such team".to_owned()),
        Unfit::File(reason) => Failure::Refused(reason.to_string()),
        Unfit::Failed(failure) => failure,
    })?;
    let people = addressed.people();
    let Addressed { file, accounts: _ } = addressed;
    let mut plan = file.plan(id.unwrap_or(file.id), &people, SystemClock.now());
    // The id that follows from a file is that of no other.
    if id.is_some() {
        plan.compare(&begun(system, &plan).await?);
    }
    let shown = file.preview(&plan);
    if preview {
        return Ok(Done { preview: shown, created: None, repeated: None });
    }
    let (created, repeated) = make_all(system, plan).await?;
    Ok(Done { preview: shown, created: Some(created), repeated: Some(repeated) })
}

/// Who and what there is in a store, for a file.
struct SystemPlace<'a> {
    system: &'a System,
    emails: Emails,
}

impl<'a> SystemPlace<'a> {
    fn of(system: &'a System) -> Self {
        Self { system, emails: Emails::new(system.client.clone(), system.identity_tables().reservations) }
    }
}

#[async_trait]
impl Place for SystemPlace<'_> {
    type Error = Failure;

    async fn account(&self, address: &str) -> Result<Option<Known>, Failure> {
        const DOING: &str = "looking up an address";
        let Some(id) = self.emails.owner(address).await.map_err(failed(DOING))? else { return Ok(None) };
        let known = self.system.events.load::<User>(id.0).await.map_err(failed(DOING))?;
        let user = known.state().state.as_ref().filter(|user| user.active);
        Ok(user.map(|user| Known {
            person: Person { id, teams: user.teams.iter().copied().collect() },
            does_tasks: user.role.does_tasks(),
        }))
    }

    async fn has_team(&self, team: TeamId) -> Result<bool, Failure> {
        let known = self.system.events.load::<Team>(team.0).await.map_err(failed("looking up the team"))?;
        Ok(known.state().state.is_some())
    }
}

/// The titles with which tasks of this plan were made before.
async fn begun(system: &System, plan: &Plan) -> Result<BTreeMap<TaskId, String>, Failure> {
    let ids: Vec<TaskId> = plan.tasks.iter().map(PlannedTask::task_id).collect();
    let looked_up = ids.into_iter().map(|id| async move {
        let title = first_title(&system.events, id).await.map_err(failed("reading the event store"))?;
        Ok::<_, Failure>(title.map(|title| (id, title)))
    });
    let found: Vec<_> = stream::iter(looked_up).buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn make_all(system: &System, plan: Plan) -> Result<(usize, usize), Failure> {
    let bar = progress::bar(Some(plan.tasks.len() as u64), "tasks");
    bar.set_message("import");
    let (mut created, mut repeated) = (0, 0);
    for generation in plan.generations() {
        let made = generation.into_iter().map(|planned| {
            let bar = &bar;
            async move {
                let made = make(system, planned).await?;
                bar.inc(1);
                Ok::<_, Failure>(made)
            }
        });
        let made: Vec<bool> = stream::iter(made).buffer_unordered(CONCURRENCY).try_collect().await?;
        let new = made.iter().filter(|made| **made).count();
        created += new;
        repeated += made.len() - new;
    }
    bar.finish_and_clear();
    Ok((created, repeated))
}

/// Makes one task; says whether it was not there before.
async fn make(system: &System, planned: PlannedTask) -> Result<bool, Failure> {
    let id = planned.task_id();
    let metadata = Metadata {
        command_id: planned.command_id,
        // The row alone: read otherwise, it is the same row.
        fingerprint: Fingerprint::of("import", &planned.command_id),
        actor: Actor::system("operator"),
        at: planned.import.task.at,
        correlation_id: format!("import {}", planned.import.facts.import_id),
        causation_id: Some(import_cause(planned.import.facts.import_id)),
    };
    let command = TaskCommand::Import(Box::new(planned.import));
    match system.commands.execute::<Task>(id.0, command, ExpectedVersion::New, &metadata).await {
        Ok(committed) => Ok(!committed.replayed),
        Err(
            ExecuteError::VersionMismatch { .. }
            | ExecuteError::KeyReused
            | ExecuteError::Refused(TaskError::AlreadyExists),
        ) => Ok(false),
        Err(error) => Err(failed(DOING)(error)),
    }
}

/// How many problems and people are listed for a person to read.
const LISTED: usize = 50;

fn show(Done { preview, created, repeated }: &Done, store: &StoreArgs) -> Result<(), Failure> {
    let counts = &preview.counts;
    line(format_args!(
        "{} rows ({}): {} can be tasks, {} cannot; {} archived ones are left out",
        counts.rows, preview.source, counts.tasks, counts.errors, counts.archived
    ))?;
    let columns = preview.columns.iter();
    for column in columns {
        let field = column.field.map_or_else(|| "(left out)".to_owned(), |field| field.to_string());
        line(format_args!("  column  {:<24} {field}", column.header))?;
    }
    for task in &preview.tasks {
        let place = task.line.map_or_else(String::new, |line| format!("line {line}"));
        line(format_args!("  {place:<10} {:<11} {:<8} {}", task.status.as_str(), task.priority.as_str(), task.title))?;
    }
    for problem in preview.problems.iter().take(LISTED) {
        let severity = match problem.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "warning",
        };
        let place = problem.line.map(|line| format!("line {line}"));
        let place = place.or_else(|| problem.external_id.clone()).unwrap_or_default();
        line(format_args!("  {severity:<8} {place}: {} {}", problem.field, problem.detail))?;
    }
    if let Some(more) = (counts.errors + counts.warnings).checked_sub(LISTED).filter(|more| *more > 0) {
        line(format_args!("  and {more} more problems (--json lists 500)"))?;
    }
    for person in preview.unknown_people.iter().take(LISTED) {
        line(format_args!("  nobody here is {} ({} times): left out", person.name, person.times))?;
    }
    if let (Some(created), Some(repeated)) = (created, repeated) {
        line(format_args!("import {}: made {created} tasks, {repeated} were there already", preview.import_id))?;
        if *repeated > 0 {
            line(
                "what was there stays where it is; to make it once more, as for another team, name an --import-id of your own",
            )?;
        }
        return Ok(());
    }
    let place = store.stage.as_ref().map_or_else(|| store.data.data.display().to_string(), ToString::to_string);
    line(format_args!("nothing was written to {place}: this was a preview"))
}
