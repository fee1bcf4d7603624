//! From what a file says to commands that the rules take, with what had to be left out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::{
    ChecklistItem, CreateTask, ImportSource, ImportTask, ImportedComment, ImportedCommentFacts, ImportedFacts,
    MAX_CHECKLIST_ITEMS, MAX_IMPORTED_COMMENTS, MAX_IMPORTED_TICKS, Priority, Status, imported_comments_beside,
};
use muster_domain::values::{
    ChecklistText, CommentText, Description, ExternalId, Label, Labels, Location, Name, Title,
};
use muster_domain::{Actor, ChecklistItemId, CommandId, CommentId, ImportId, TaskId, UserId};

use super::draft::{Draft, DraftComment, RowProblem, short};
use super::{Severity, TaskFile};

/// Who has an account, by e-mail address in small letters.
pub type People = BTreeMap<String, Account>;

/// Somebody's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Whether they are in a role that does tasks.
    pub does_tasks: bool,
}

/// A task that can be made.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTask {
    /// The line on which it begins, in a table.
    pub line: Option<u32>,
    /// The command that makes it; it follows from the import and the row, and is the same each time.
    pub command_id: CommandId,
    /// Whether that follows from its place in the file, as no id tells it from the other rows.
    pub is_by_place: bool,
    /// How many tasks of the import are above it: what it is a part of, and so on.
    pub depth: usize,
    /// What makes it. Its reporter is whoever imports it.
    pub import: ImportTask,
}

impl PlannedTask {
    /// The task's id.
    pub fn task_id(&self) -> TaskId {
        TaskId(self.command_id.created_id())
    }
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The import.
    pub id: ImportId,
    /// The tasks that can be made, in the order of the file.
    pub tasks: Vec<PlannedTask>,
    /// What is wrong with rows, in the order of the file.
    pub problems: Vec<RowProblem>,
    /// Who is named and has no account here, and in how many rows. They are left out.
    pub unknown: BTreeMap<String, usize>,
}

impl Plan {
    /// The tasks in the order in which they can be made: after those that are a part of nothing come their parts, and so on.
    pub fn generations(self) -> Vec<Vec<PlannedTask>> {
        let mut generations: BTreeMap<usize, Vec<PlannedTask>> = BTreeMap::new();
        for planned in self.tasks {
            generations.entry(planned.depth).or_default().push(planned);
        }
        generations.into_values().collect()
    }
}

impl TaskFile {
    /// What this import would do now, with these accounts.
    pub fn plan(&self, id: ImportId, people: &People, at: DateTime<Utc>) -> Plan {
        let source = self.read.source.unwrap_or(ImportSource::Csv);
        let mut planner = Planner {
            file: self,
            id,
            source,
            people,
            at,
            keys: BTreeSet::new(),
            made: Vec::with_capacity(self.read.drafts.len()),
            plan: Plan {
                id,
                tasks: Vec::with_capacity(self.read.drafts.len()),
                problems: self.read.problems.clone(),
                unknown: BTreeMap::new(),
            },
        };
        for (index, draft) in self.read.drafts.iter().enumerate() {
            let task = planner.task(index, draft);
            planner.made.push(task.as_ref().map(|task| (task.task_id(), task.depth)));
            planner.plan.tasks.extend(task);
        }
        let mut plan = planner.plan;
        // Of a table they come by line; others have none, and stay as they are.
        plan.problems.sort_by_key(|problem| problem.line);
        plan
    }
}

struct Planner<'a> {
    file: &'a TaskFile,
    id: ImportId,
    source: ImportSource,
    people: &'a People,
    at: DateTime<Utc>,
    keys: BTreeSet<String>,
    /// What became of each draft until now: its task, and how many are above that.
    made: Vec<Option<(TaskId, usize)>>,
    plan: Plan,
}

impl Planner<'_> {
    fn task(&mut self, index: usize, draft: &Draft) -> Option<PlannedTask> {
        let mut fit = Fit { draft, problems: Vec::new() };
        let (title, rest) = fit.title();
        let (checklist, beyond) = fit.checklist();
        let description = fit.description(rest, &beyond);
        let labels = fit.labels();
        let location = fit.location();
        let ticks = checklist.iter().filter(|(_, done)| *done).count();
        let comments = fit.comments(ticks);
        let external_id = fit.external_id();
        let assignee = self.known(draft.assignee.as_ref());
        if assignee.is_some_and(|account| !account.does_tasks) {
            fit.warn("assignee", &"an auditor does no tasks; it comes without");
        }
        let parent = draft.parent.map(|parent| self.made.get(parent).copied().flatten());
        if parent == Some(None) {
            fit.warn("parent", &"the task that it is a part of cannot be imported; it comes without");
        }
        let parent = parent.flatten();
        let (key, is_by_place) = self.key(index, draft, &mut fit);
        let problems = fit.problems;
        let is_task = !problems.iter().any(|problem| problem.severity == Severity::Error);
        self.plan.problems.extend(problems);
        let title = title.filter(|_| is_task)?;
        let status = draft.status.unwrap_or(Status::Todo);
        let facts = ImportedFacts {
            import_id: self.id,
            source: self.source,
            external_id,
            author: self.person(draft.author.as_ref()),
            created_at: draft.created_at,
            completed_at: draft.completed_at.filter(|_| status == Status::Completed),
        };
        let task = CreateTask {
            description,
            priority: draft.priority.unwrap_or(Priority::Medium),
            labels,
            location,
            team: self.file.options.team,
            assignee: self
                .person(draft.assignee.as_ref())
                .filter(|_| assignee.is_some_and(|account| account.does_tasks)),
            deadline: draft.deadline,
            // Each a moment after the one before, so that they stay in the order of the file.
            ..CreateTask::new(title, self.at + TimeDelta::milliseconds(i64::try_from(index).unwrap_or(0)))
        };
        let name = format!("import/{}/{key}", self.id);
        let id_of = |name: &str| CommandId::from_key(&Actor::system("import"), name);
        let part_id = |part: &str, number: usize| id_of(&format!("{name}/{part}/{number}")).created_id();
        let comment = |(number, (said, text)): (usize, (&DraftComment, CommentText))| ImportedComment {
            id: CommentId(part_id("comment", number)),
            text,
            facts: ImportedCommentFacts { author: self.person(said.author.as_ref()), at: said.at },
        };
        let comments = comments.into_iter().enumerate().map(comment).collect();
        let item = |(number, (text, done)): (usize, (ChecklistText, bool))| ChecklistItem {
            id: ChecklistItemId(part_id("checklist", number)),
            text,
            done,
        };
        let checklist = checklist.into_iter().enumerate().map(item).collect();
        Some(PlannedTask {
            line: draft.line,
            command_id: id_of(&name),
            is_by_place,
            depth: parent.map_or(0, |(_, depth)| depth + 1),
            import: ImportTask { task, status, facts, parent: parent.map(|(id, _)| id), checklist, comments },
        })
    }

    /// What tells a row from the others of its file: its id in the source where no row before has the same, else its place; and
    /// whether it is that.
    fn key(&mut self, index: usize, draft: &Draft, fit: &mut Fit<'_>) -> (String, bool) {
        let place = || draft.line.map_or_else(|| format!("item {index}"), |line| format!("line {line}"));
        let Some(id) = &draft.external_id else { return (place(), true) };
        let key = format!("id {id}");
        if self.keys.insert(key.clone()) {
            return (key, false);
        }
        fit.warn("external_id", &format!("{:?} is the id of a row before, too", short(id)));
        (place(), true)
    }

    /// The account of somebody; who has none is counted, and left out.
    fn person(&mut self, outsider: Option<&super::Outsider>) -> Option<UserId> {
        let known = self.known(outsider);
        if known.is_none() {
            *self.plan.unknown.entry(outsider?.0.clone()).or_default() += 1;
        }
        known.map(|account| account.id)
    }

    fn known(&self, outsider: Option<&super::Outsider>) -> Option<Account> {
        self.file.address(outsider?).and_then(|address| self.people.get(&address)).copied()
    }
}

/// The most bytes of the comments that come with one task: a commit, of which they are a part, has a bound of its own.
const MAX_BYTES_OF_COMMENTS: usize = 150_000;

/// Makes values of the texts of one row, and says what did not fit.
struct Fit<'a> {
    draft: &'a Draft,
    problems: Vec<RowProblem>,
}

impl<'a> Fit<'a> {
    fn warn(&mut self, field: &str, detail: &impl ToString) {
        self.problems.push(RowProblem::warning(self.draft, field, detail));
    }

    /// The title, and what of it is too long and goes into the description.
    fn title(&mut self) -> (Option<Title>, Option<String>) {
        let text = one_line(&self.draft.title);
        if text.is_empty() {
            self.problems.push(RowProblem::error(self.draft, "title", &"is empty"));
            return (None, None);
        }
        let (short, rest) = cut(&text, Title::MAX);
        if rest {
            let detail = format_args!("has more than {} characters; all of it is in the description", Title::MAX);
            self.warn("title", &&detail);
        }
        match short.parse() {
            Ok(title) => (Some(title), rest.then_some(text)),
            Err(error) => {
                self.problems.push(RowProblem::error(self.draft, "title", &error));
                (None, None)
            }
        }
    }

    /// The checklist, as far as it comes as one, each point with whether it is done; and the points beyond that, as Markdown.
    fn checklist(&mut self) -> (Vec<(ChecklistText, bool)>, Vec<String>) {
        let (mut points, mut beyond, mut ticks) = (Vec::new(), Vec::new(), 0);
        for (text, done) in &self.draft.checklist {
            let text = one_line(text);
            if text.is_empty() {
                continue;
            }
            if points.len() >= MAX_CHECKLIST_ITEMS || (*done && ticks >= MAX_IMPORTED_TICKS) {
                beyond.push(format!("- [{}] {text}", if *done { 'x' } else { ' ' }));
                continue;
            }
            let (short, rest) = cut(&text, ChecklistText::MAX);
            if rest {
                let detail = format_args!("a point has more than {} characters, and was cut", ChecklistText::MAX);
                self.warn("checklist", &&detail);
            }
            if let Some(text) = self.taken("checklist", &short) {
                points.push((text, *done));
                ticks += usize::from(*done);
            }
        }
        if !beyond.is_empty() {
            let detail = format_args!(
                "{} points are in the description: {MAX_CHECKLIST_ITEMS} come as a checklist, and {MAX_IMPORTED_TICKS} of \
                 these ticked",
                beyond.len()
            );
            self.warn("checklist", &&detail);
        }
        (points, beyond)
    }

    /// The description, with the whole title where it was cut, and the points that are not on the checklist.
    fn description(&mut self, title: Option<String>, points: &[String]) -> Option<Description> {
        let mut parts: Vec<String> = title.into_iter().collect();
        let text = lines(&self.draft.description);
        if !text.is_empty() {
            parts.push(text);
        }
        if !points.is_empty() {
            parts.push(points.join("\n"));
        }
        let text = parts.join("\n\n");
        if text.is_empty() {
            return None;
        }
        let (short, rest) = cut(&text, Description::MAX);
        if rest {
            self.warn("description", &&format_args!("has more than {} characters, and was cut", Description::MAX));
        }
        self.taken("description", &short)
    }

    fn labels(&mut self) -> Labels {
        let mut labels = BTreeSet::new();
        for text in &self.draft.labels {
            let (short, rest) = cut(&one_line(text), Label::MAX);
            if rest {
                self.warn("labels", &&format_args!("{short:?} was cut: a label has at most {} characters", Label::MAX));
            }
            if short.is_empty() {
                continue;
            }
            if labels.len() >= Labels::MAX {
                self.warn(
                    "labels",
                    &&format_args!("{short:?} was left out: a task has at most {} labels", Labels::MAX),
                );
                continue;
            }
            labels.extend(self.taken::<Label>("labels", &short).map(Label::composed));
        }
        Labels::try_from(Vec::from_iter(labels)).unwrap_or_default()
    }

    fn location(&mut self) -> Option<Location> {
        let (short, rest) = cut(&one_line(self.draft.location.as_ref()?), Name::MAX);
        if rest {
            self.warn("location", &&format_args!("has more than {} characters, and was cut", Name::MAX));
        }
        Some(Location { name: self.taken("location", &short)?, position: None })
    }

    /// The newest of what was said, the oldest first, as far as it fits beside so many ticks.
    fn comments(&mut self, ticks: usize) -> Vec<(&'a DraftComment, CommentText)> {
        let draft = self.draft;
        let said = draft.comments.iter().map(|comment| (comment, lines(&comment.text)));
        let said: Vec<_> = said.filter(|(_, text)| !text.is_empty()).collect();
        let (most, mut bytes) = (imported_comments_beside(ticks), 0);
        let mut comments = Vec::new();
        for (comment, text) in said.iter().rev() {
            let (short, rest) = cut(text, CommentText::MAX);
            bytes += short.len();
            if comments.len() >= most || bytes > MAX_BYTES_OF_COMMENTS {
                break;
            }
            if rest {
                self.warn("comments", &&format_args!("one has more than {} characters, and was cut", CommentText::MAX));
            }
            comments.extend(self.taken("comments", &short).map(|text| (*comment, text)));
        }
        let left_out = said.len() - comments.len();
        if left_out > 0 {
            let detail = format_args!(
                "the oldest {left_out} were left out: {MAX_IMPORTED_COMMENTS} come with a task, and fewer where they are \
                 long or much of its checklist is ticked"
            );
            self.warn("comments", &&detail);
        }
        comments.reverse();
        comments
    }

    fn external_id(&mut self) -> Option<ExternalId> {
        let (short, _) = cut(&one_line(self.draft.external_id.as_ref()?), ExternalId::MAX);
        self.taken("external_id", &short)
    }

    /// The value, or a warning.
    fn taken<T: std::str::FromStr<Err: ToString>>(&mut self, field: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.warn(field, &error);
                None
            }
        }
    }
}

/// Text in one line, without control characters.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Text in lines, without other control characters.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned()
}

/// At most so many characters of it, and whether there were more.
fn cut(text: &str, max: usize) -> (String, bool) {
    if text.chars().count() <= max {
        return (text.to_owned(), false);
    }
    let short: String = text.chars().take(max - 1).collect();
    (format!("{}…", short.trim_end()), true)
}
