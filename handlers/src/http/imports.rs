//! Tasks from files of other programs: what they would be, and then they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_commands::{ExecuteError, ExpectedVersion, GuardedError};
use muster_domain::task::{CreateTask, ImportSource, Status, Task, TaskCommand, TaskError, TaskFacts};
use muster_domain::values::TimeZone;
use muster_domain::{ImportId, TaskId, TeamId, UserId, import_cause};
use muster_identity::policy::{Action, Person, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Asked;
use super::app::{App, unreadable};
use super::body::Body;
use super::fields::{Fields, wrong_field};
use super::problem::{Code, Problem};
use super::refusal::guarded;
use super::request::Change;
use super::spec::ImportProblems;
use super::tasks::people::NO_SUCH_TEAM;
use super::tasks::read::{present, resource};
use crate::import::{
    Addressed, Archived, DateOrder, Field, FileProblem, Known, Options, Place, Plan, PlannedTask, Preview, Unfit,
    address, first_title, may_separate,
};

/// The most bytes of a request that brings a file: what a Lambda takes at once, and some air.
pub const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;
/// The most tasks that come with one request.
const MAX_TASKS: usize = 500;
/// How many entries the maps of a request may have.
const MAX_ENTRIES: usize = 200;
/// How many tasks are made at a time.
const CONCURRENCY: usize = 8;

/// What is to be done with a file.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Say what an import would do, and do nothing.
    Preview,
    /// Make the tasks.
    Run,
}

/// A file, and how it is to be read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// What is to be done with it.
    mode: Mode,
    /// The file as text. Either this or `content_base64`. All of a request has 4 MiB at most.
    #[serde(default)]
    #[schema(max_length = 4_194_304)]
    content: Option<String>,
    /// The file as it is, in base64: its encoding is found out.
    #[serde(default)]
    #[schema(max_length = 4_194_304)]
    content_base64: Option<String>,
    /// What it is; found out if left out.
    #[serde(default)]
    source: Option<ImportSource>,
    /// Which column of a table is which field, by its header; guessed for the others.
    #[serde(default)]
    columns: BTreeMap<Field, String>,
    /// What separates the values of a table; found out if left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1)]
    delimiter: Option<char>,
    /// Which of two numbers of a date is the day; found out from the other dates if left out.
    #[serde(default)]
    date_order: Option<DateOrder>,
    /// The IANA time zone of times without an offset; UTC if left out.
    #[serde(default)]
    #[schema(value_type = Option<TimeZone>)]
    time_zone: Option<String>,
    /// What the statuses or lists of the file are here, by their names there.
    #[serde(default)]
    statuses: BTreeMap<String, Status>,
    /// What becomes of what was archived; it is left out if nothing is said.
    #[serde(default)]
    archived: Option<Archived>,
    /// Who the people of the file are here: their e-mail addresses, by what they are called there.
    #[serde(default)]
    people: BTreeMap<String, String>,
    /// The team that the tasks go to.
    #[serde(default)]
    team_id: Option<TeamId>,
    /// The import that this goes on with, for a file that was changed since; it follows from the file if left out. An id of which no
    /// task was made yet makes the tasks of the file once more. Rows without ids of their own are known by their places: what stands in
    /// another place by now is named as a problem.
    #[serde(default)]
    import_id: Option<ImportId>,
}

impl ImportBody {
    /// The bytes of the file and how to read them.
    fn checked(self) -> Result<(Mode, Vec<u8>, Options, Option<ImportId>), Problem> {
        let mut fields = Fields::default();
        let bytes = match (self.content, self.content_base64) {
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(text)) => {
                let bytes = BASE64_STANDARD.decode(text.trim());
                fields.take("/content_base64", bytes.map_err(|_| "must be base64 (RFC 4648)"))
            }
            (None, None) | (Some(_), Some(_)) => {
                fields.wrong("/content", "give either this or content_base64");
                None
            }
        };
        let zone = match &self.time_zone {
            None => Some(TimeZone::default()),
            Some(name) => fields.parse("/time_zone", name),
        };
        for (pointer, entries) in [("/statuses", self.statuses.len()), ("/people", self.people.len())] {
            if entries > MAX_ENTRIES {
                fields.wrong(pointer, format_args!("must have at most {MAX_ENTRIES} entries"));
            }
        }
        if self.delimiter.is_some_and(|delimiter| !may_separate(delimiter)) {
            fields.wrong("/delimiter", "must be no letter, digit, quote or line break");
        }
        let options = zone.map(|TimeZone(time_zone)| Options {
            source: self.source,
            columns: self.columns,
            delimiter: self.delimiter,
            date_order: self.date_order,
            time_zone,
            statuses: self.statuses,
            archived: self.archived.unwrap_or_default(),
            people: self.people,
            team: self.team_id,
        });
        let (bytes, options) = fields.finish(bytes.zip(options))?;
        Ok((self.mode, bytes, options, self.import_id))
    }
}

/// What an import would do, and what it did.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportAnswer {
    /// What it would do.
    preview: Preview,
    /// What it did, if it was to.
    #[schema(required)]
    outcome: Option<ImportOutcome>,
}

/// What an import did.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportOutcome {
    /// How many tasks were made.
    created: usize,
    /// How many were there already, from this import.
    repeated: usize,
    /// What to do where tasks were there already and are not seen; null if none were.
    #[schema(required)]
    hint: Option<String>,
    /// Those that could not be made.
    failed: Vec<FailedTask>,
}

/// What is said where tasks were there already: whoever brought them in may have done so into another team.
const MADE_BEFORE: &str = "Some tasks were there already, from this import, and stay where they are: where it was done by somebody else or \
    into another team, you may not see them. To make the tasks of the file once more, send an import_id of your own, any new UUID.";

/// A task that could not be made.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailedTask {
    /// The line on which its row begins, in a table.
    #[schema(required)]
    line: Option<u32>,
    /// The id that it would have.
    task_id: TaskId,
    /// What it would be called.
    title: String,
    /// Why it was not made.
    problem: Problem,
}

/// Brings in tasks from a file: a table (CSV), a board of Trello, a project or account of Todoist.
///
/// With `preview` nothing is written: the answer shows the first tasks as they would be, what each column is taken for, and what is wrong,
/// row by row. With `run` the tasks are made, each as `POST /tasks` would, in the caller's name; those that cannot be made say why. The
/// same file makes the same tasks: sent again, it makes nothing twice, whoever sends it and into whichever team; to make them once more, name
/// an `import_id` of your own. Times and ids of the source are kept as facts of the import, and so is who wrote a task or a comment. Whoever
/// has no account here is left out of the tasks, and so is an auditor whose task it would be. A part of another task is made after that
/// one, and not without it.
#[utoipa::path(post, path = "/imports", operation_id = "import_tasks", tag = "tasks", request_body = ImportBody,
    responses((status = 200, description = "What it would do, and what it did.", body = ImportAnswer), ImportProblems))]
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    asked: Asked,
    change: Change,
    Body(body): Body<ImportBody>,
) -> Result<Json<ImportAnswer>, Problem> {
    change.caller.may(Action::ImportTasks, &Resource::Any)?;
    let (mode, bytes, options, id) = body.checked()?;
    let addressed = address(&*app, bytes, options, MAX_TASKS, |error| Problem::internal(&error)).await;
    let addressed = addressed.map_err(|reason| match reason {
        Unfit::NoSuchTeam => wrong_field("/team_id", NO_SUCH_TEAM),
        Unfit::File(reason) => unfit(&reason),
        Unfit::Failed(problem) => problem,
    })?;
    let people = addressed.people();
    let Addressed { file, accounts } = addressed;
    let mut plan = file.plan(id.unwrap_or(file.id), &people, change.at);
    // The id that follows from a file is that of no other.
    if id.is_some() {
        plan.compare(&begun(&app, &change, &plan).await?);
    }
    let people = accounts.into_values().map(|known| (known.person.id, known.person)).collect();
    if mode == Mode::Preview {
        plan.leave_out(&refused(&app, &change, &plan, &people).await?);
    }
    let preview = file.preview(&plan);
    let outcome = match mode {
        Mode::Preview => None,
        Mode::Run => {
            let outcome = run(&app, &change, plan, &people).await;
            let problems = outcome.failed.iter().map(|failed| (Some(failed.task_id), &failed.problem)).collect();
            app.note_refusals(&asked, &change.caller.0, problems).await;
            Some(outcome)
        }
    };
    Ok(Json(ImportAnswer { preview, outcome }))
}

/// Who and what there is here, for a file.
#[async_trait]
impl Place for App {
    type Error = Problem;

    async fn account(&self, address: &str) -> Result<Option<Known>, Problem> {
        let owner = self.identity.owner(address).await.map_err(|error| Problem::unavailable(&error))?;
        let Some(id) = owner else { return Ok(None) };
        let user = self.user(id, 0).await?.filter(|user| user.active);
        Ok(user.map(|user| Known { does_tasks: user.role.does_tasks(), person: Person { id, teams: user.teams } }))
    }

    async fn has_team(&self, team: TeamId) -> Result<bool, Problem> {
        Ok(self.team(team, 0).await?.is_some())
    }
}

/// What is wrong with a file, or with what was said of it.
fn unfit(reason: &FileProblem) -> Problem {
    match reason {
        FileProblem::NoSuchColumn { field, .. } => wrong_field(&format!("/columns/{field}"), reason),
        FileProblem::Empty
        | FileProblem::Table(_)
        | FileProblem::TooManyTasks { .. }
        | FileProblem::NoTitle { .. }
        | FileProblem::Shape { .. } => wrong_field("/content", reason),
    }
}

/// The titles with which tasks of this plan were made before, as far as the caller sees them.
async fn begun(app: &App, change: &Change, plan: &Plan) -> Result<BTreeMap<TaskId, String>, Problem> {
    let ids: Vec<TaskId> = plan.tasks.iter().map(PlannedTask::task_id).collect();
    let looked_up = ids.into_iter().map(|id| async move {
        let title = first_title(&*app.reader, id).await.map_err(|error| unreadable(&error))?;
        let Some(title) = title else { return Ok(None) };
        Ok::<_, Problem>(is_seen(app, change, id).await.then_some((id, title)))
    });
    let found: Vec<_> = stream::iter(looked_up).buffered(CONCURRENCY).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The tasks that a run would be refused, and why. What is there already is not asked about.
async fn refused(
    app: &App,
    change: &Change,
    plan: &Plan,
    people: &BTreeMap<UserId, Person>,
) -> Result<BTreeMap<TaskId, String>, Problem> {
    let why = |planned: &PlannedTask| {
        let (action, resource) = asked_for(change, &planned.import.task, people);
        let problem = change.caller.may(action, &resource).err()?;
        Some((planned.task_id(), problem.told().to_owned()))
    };
    let why: Vec<(TaskId, String)> = plan.tasks.iter().filter_map(why).collect();
    let looked_up = why.into_iter().map(|(id, why)| async move {
        let title = first_title(&*app.reader, id).await.map_err(|error| unreadable(&error))?;
        Ok::<_, Problem>(title.is_none().then_some((id, why)))
    });
    let found: Vec<_> = stream::iter(looked_up).buffered(CONCURRENCY).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// What the caller must be allowed, to make this task.
fn asked_for<'a>(change: &Change, task: &CreateTask, people: &'a BTreeMap<UserId, Person>) -> (Action<'a>, Resource) {
    let facts = TaskFacts { assignee: task.assignee, reporter: Some(change.caller.id()), team: task.team };
    let to = task.assignee.and_then(|assignee| people.get(&assignee));
    (Action::CreateTask { to }, Resource::Task(facts))
}

/// Makes the tasks, several at a time: first those that are a part of nothing, then their parts.
async fn run(app: &App, change: &Change, plan: Plan, people: &BTreeMap<UserId, Person>) -> ImportOutcome {
    let mut outcome = ImportOutcome { created: 0, repeated: 0, hint: None, failed: Vec::new() };
    let wholes: BTreeSet<TaskId> = plan.tasks.iter().filter_map(|planned| planned.import.parent).collect();
    // Those that others can be a part of.
    let mut there: BTreeSet<TaskId> = BTreeSet::new();
    for generation in plan.generations() {
        let made_above = &there;
        let made = generation.into_iter().map(|planned| async move {
            let (line, task_id) = (planned.line, planned.task_id());
            let title = planned.import.task.title.as_str().to_owned();
            let whole = planned.import.parent.is_none_or(|parent| made_above.contains(&parent));
            let made = make(app, change, planned, whole, people).await;
            (task_id, made.map_err(|problem| FailedTask { line, task_id, title, problem }))
        });
        let made: Vec<_> = stream::iter(made).buffered(CONCURRENCY).collect().await;
        for (id, made) in made {
            match made {
                Ok(Made::Now) => {
                    outcome.created += 1;
                    there.insert(id);
                }
                Ok(Made::Before) => {
                    outcome.repeated += 1;
                    if wholes.contains(&id) && is_seen(app, change, id).await {
                        there.insert(id);
                    }
                }
                Err(failed) => outcome.failed.push(failed),
            }
        }
    }
    outcome.hint = (outcome.repeated > 0).then(|| MADE_BEFORE.to_owned());
    outcome
}

/// Whether the caller can see a task, of which something is to be a part.
async fn is_seen(app: &App, change: &Change, id: TaskId) -> bool {
    let task = present(app, id, 0).await.ok().flatten();
    task.is_some_and(|task| task.deleted_at.is_none() && change.caller.can(Action::ReadTask, &resource(&task)))
}

enum Made {
    Now,
    Before,
}

/// Makes a task, or finds that it was made before. What is a part of another is made if that is there: `whole`.
async fn make(
    app: &App,
    change: &Change,
    mut planned: PlannedTask,
    whole: bool,
    people: &BTreeMap<UserId, Person>,
) -> Result<Made, Problem> {
    let id = planned.task_id();
    planned.import.task.reporter = Some(change.caller.id());
    let (action, resource) = asked_for(change, &planned.import.task, people);
    let guard = |_: &Task| {
        change.caller.may(action, &resource)?;
        let without = || Problem::new(Code::Conflict).detail("The task that it is a part of was not made.");
        if whole { Ok(()) } else { Err(without()) }
    };
    // The row alone: read otherwise, it is the same row.
    let mut sent = change.metadata_of(planned.command_id, "POST /imports", &planned.command_id);
    sent.metadata.at = planned.import.task.at;
    sent.metadata.causation_id = Some(import_cause(planned.import.facts.import_id));
    let command = TaskCommand::Import(Box::new(planned.import));
    let made = app.commands.execute_if::<Task, Problem>(id.0, command, ExpectedVersion::New, &sent, guard).await;
    match made {
        Ok(committed) if committed.replayed => Ok(Made::Before),
        Ok(_) => Ok(Made::Now),
        // So long ago, or by so many others since, that its command is not remembered.
        Err(GuardedError::Execute(
            ExecuteError::VersionMismatch { .. }
            | ExecuteError::KeyReused
            | ExecuteError::Refused(TaskError::AlreadyExists),
        )) => Ok(Made::Before),
        Err(error) => Err(guarded(error)),
    }
}
