//! From what a file says to commands that the rules take, with what had to be left out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use muster_domain::task::{
    CreateTask, ImportSource, ImportTask, ImportedFacts, MAX_IMPORTED_COMMENTS, Priority, Status,
};
use muster_domain::values::{CommentText, Description, ExternalId, Label, Labels, Location, Name, Title};
use muster_domain::{Actor, CommandId, CommentId, ImportId, TaskId, UserId};

use super::draft::{Draft, DraftComment, RowProblem};
use super::{Severity, TaskFile};

/// Who has an account, by e-mail address in small letters.
pub type People = BTreeMap<String, UserId>;

/// A task that can be made.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTask {
    /// The line on which it begins, in a table.
    pub line: Option<u32>,
    /// The command that makes it; it follows from the import and the row, and is the same each time.
    pub command_id: CommandId,
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
            plan: Plan {
                id,
                tasks: Vec::with_capacity(self.read.drafts.len()),
                problems: self.read.problems.clone(),
                unknown: BTreeMap::new(),
            },
        };
        for (index, draft) in self.read.drafts.iter().enumerate() {
            planner.add(index, draft);
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
    plan: Plan,
}

impl Planner<'_> {
    fn add(&mut self, index: usize, draft: &Draft) {
        let mut fit = Fit { draft, problems: Vec::new() };
        let (title, rest) = fit.title();
        let description = fit.description(rest);
        let labels = fit.labels();
        let location = fit.location();
        let comments = fit.comments();
        let external_id = fit.external_id();
        let key = self.key(index, draft, &mut fit);
        let problems = fit.problems;
        let is_task = !problems.iter().any(|problem| problem.severity == Severity::Error);
        self.plan.problems.extend(problems);
        let (Some(title), true) = (title, is_task) else { return };
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
            assignee: self.person(draft.assignee.as_ref()),
            deadline: draft.deadline,
            ..CreateTask::new(title, self.at)
        };
        let name = format!("import/{}/{key}", self.id);
        let id_of = |name: &str| CommandId::from_key(&Actor::system("import"), name);
        let comment_id = |number: usize| CommentId(id_of(&format!("{name}/comment/{number}")).created_id());
        let comments = comments.into_iter().enumerate().map(|(number, text)| (comment_id(number), text)).collect();
        self.plan.tasks.push(PlannedTask {
            line: draft.line,
            command_id: id_of(&name),
            import: ImportTask { task, status, facts, comments },
        });
    }

    /// What tells a row from the others of its file: its id in the source where no row before has the same, else its place.
    fn key(&mut self, index: usize, draft: &Draft, fit: &mut Fit<'_>) -> String {
        let place = || draft.line.map_or_else(|| format!("item {index}"), |line| format!("line {line}"));
        let Some(id) = &draft.external_id else { return place() };
        let key = format!("id {id}");
        if self.keys.insert(key.clone()) {
            return key;
        }
        fit.warn("external_id", &&format_args!("{id:?} is the id of a row before, too"));
        place()
    }

    /// The account of somebody; who has none is counted, and left out.
    fn person(&mut self, outsider: Option<&super::Outsider>) -> Option<UserId> {
        let outsider = outsider?;
        let known = self.file.address(outsider).and_then(|address| self.people.get(&address)).copied();
        if known.is_none() {
            *self.plan.unknown.entry(outsider.0.clone()).or_default() += 1;
        }
        known
    }
}

/// Makes values of the texts of one row, and says what did not fit.
struct Fit<'a> {
    draft: &'a Draft,
    problems: Vec<RowProblem>,
}

impl Fit<'_> {
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

    /// The description, with the whole title where it was cut, and the checklist.
    fn description(&mut self, title: Option<String>) -> Option<Description> {
        let mut parts: Vec<String> = title.into_iter().collect();
        let text = lines(&self.draft.description);
        if !text.is_empty() {
            parts.push(text);
        }
        let ticks = self
            .draft
            .checklist
            .iter()
            .map(|(item, done)| format!("- [{}] {}", if *done { 'x' } else { ' ' }, one_line(item)));
        let ticks = ticks.collect::<Vec<_>>().join("\n");
        if !ticks.is_empty() {
            parts.push(ticks);
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
            labels.extend(self.taken::<Label>("labels", &short));
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

    /// The newest of what was said, each with when that was.
    fn comments(&mut self) -> Vec<CommentText> {
        let left_out = self.draft.comments.len().saturating_sub(MAX_IMPORTED_COMMENTS);
        if left_out > 0 {
            self.warn(
                "comments",
                &format_args!("the oldest {left_out} were left out: {MAX_IMPORTED_COMMENTS} come with a task"),
            );
        }
        let said = self.draft.comments.iter().skip(left_out);
        let texts: Vec<String> = said.filter_map(comment).collect();
        let mut comments = Vec::with_capacity(texts.len());
        for text in texts {
            let (short, rest) = cut(&text, CommentText::MAX);
            if rest {
                self.warn("comments", &&format_args!("one has more than {} characters, and was cut", CommentText::MAX));
            }
            comments.extend(self.taken::<CommentText>("comments", &short));
        }
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

fn comment(DraftComment { at, text }: &DraftComment) -> Option<String> {
    let text = lines(text);
    let when = at.map(|at| format!("*Imported; written {}*\n\n", at.format("%Y-%m-%d %H:%M UTC")));
    (!text.is_empty()).then(|| when.unwrap_or_else(|| "*Imported*\n\n".to_owned()) + &text)
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
