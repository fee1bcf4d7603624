//! Tasks from Todoist: the table that a project is exported to, and the JSON of its interface for synchronisation. Subtasks that are
//! nothing but a line are ticked off in their task's list; those with a date or a person of their own become tasks that are a part of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, Status};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::dates::{Edge, Reading, order_of};
use super::draft::{Draft, DraftComment, Outsider, RowProblem, short};
use super::options::{Archived, Options};
use super::table::{Row, Sheet, body};
use super::words::plain;
use super::{FileProblem, Read, within};

const PROGRAM: &str = "Todoist";

/// Whether a table begins as Todoist's do.
pub(super) fn is_table(text: &str) -> bool {
    let first = body(text).lines().next().unwrap_or_default();
    let mut headers = first.split([',', ';', '\t']).map(plain);
    headers.next().as_deref() == Some("type") && headers.next().as_deref() == Some("content")
}

/// Whether a JSON text is Todoist's rather than Trello's: it has items, and no cards.
pub(super) fn is_json(text: &str) -> bool {
    text.contains("\"items\"") && !text.contains("\"cards\"")
}

/// p1 is the highest.
fn priority(p: u8) -> Option<Priority> {
    match p {
        1 => Some(Priority::Critical),
        2 => Some(Priority::High),
        3 => Some(Priority::Medium),
        4 => Some(Priority::Low),
        _ => None,
    }
}

/// A task's text without the labels in it, and these: `Fix the door @urgent`.
fn content(text: &str) -> (String, Vec<String>) {
    let is_label = |word: &&str| word.len() > 1 && word.starts_with('@') && !word[1..].contains('@');
    let (labels, words): (Vec<_>, Vec<_>) = text.split_whitespace().partition(is_label);
    (words.join(" "), labels.into_iter().map(|label| label[1..].to_owned()).collect())
}

/// The tasks of a table, of which there are at most `max`.
pub(super) fn read_table(text: &str, options: &Options, max: usize) -> Result<Read, FileProblem> {
    let sheet = Sheet::of(text, options.delimiter);
    let mut rows = sheet.rows();
    let headers = rows.next().transpose()?.ok_or(FileProblem::Empty)?;
    let columns: HashMap<String, usize> =
        headers.fields.iter().enumerate().map(|(index, header)| (plain(header), index)).collect();
    for column in ["type", "content"] {
        if !columns.contains_key(column) {
            let reason = format!("there is no column {}", column.to_uppercase());
            return Err(FileProblem::Shape { program: PROGRAM, reason });
        }
    }
    // It is read twice, as there may be many times as many rows as tasks.
    let dates = sheet.rows().map_while(Result::ok);
    let dates = dates.filter_map(|row| field(&columns, &row, "date").map(str::to_owned));
    let order = options.date_order.or_else(|| order_of(dates));
    let mut table = Table {
        columns: &columns,
        options,
        reading: Reading { order, zone: options.time_zone },
        section: None,
        above: Vec::new(),
        noted: None,
        read: Read { delimiter: Some(sheet.delimiter), ..Read::default() },
    };
    for row in rows {
        table.add(&row?);
        within(max, table.read.drafts.len())?;
    }
    Ok(table.read)
}

fn field<'a>(columns: &HashMap<String, usize>, row: &'a Row, name: &str) -> Option<&'a str> {
    let text = row.fields.get(*columns.get(name)?)?.trim();
    (!text.is_empty()).then_some(text)
}

struct Table<'a> {
    columns: &'a HashMap<String, usize>,
    options: &'a Options,
    reading: Reading,
    section: Option<String>,
    /// The tasks below which the next one may be, each with how far it is indented: the last is the nearest.
    above: Vec<(u8, usize)>,
    /// The task that a note belongs to: the one that was read last, or has it as a point.
    noted: Option<usize>,
    read: Read,
}

impl Table<'_> {
    fn add(&mut self, row: &Row) {
        let text = |name| field(self.columns, row, name);
        let Some(said) = text("content") else { return };
        match text("type").map(plain).as_deref() {
            Some("section") => self.section = Some(said.to_owned()),
            Some("note") => {
                if let Some(task) = self.noted.and_then(|place| self.read.drafts.get_mut(place)) {
                    let author = text("author").and_then(|name| Outsider::of(without_number(name)));
                    task.comments.push(DraftComment { author, at: None, text: said.to_owned() });
                }
            }
            Some("task") => self.task(row, said),
            // What Todoist keeps of the view of a project, and what is to come.
            _ => {}
        }
    }

    fn task(&mut self, row: &Row, said: &str) {
        let text = |name| field(self.columns, row, name);
        let (date, responsible) = (text("date"), text("responsible"));
        let indent = text("indent").and_then(|indent| indent.parse::<u8>().ok()).unwrap_or(1);
        self.above.truncate(self.above.iter().take_while(|(above, _)| *above < indent).count());
        let parent = self.above.last().map(|(_, place)| *place);
        let (title, mut labels) = content(said);
        let hurry = text("priority").and_then(|p| priority(p.parse().ok()?));
        let is_words = date.or(responsible).or(text("description")).is_none() && labels.is_empty() && is_usual(hurry);
        if let Some(place) = parent.filter(|_| is_words)
            && let Some(parent) = self.read.drafts.get_mut(place)
        {
            parent.checklist.push((title, false));
            self.noted = Some(place);
            return;
        }
        labels.extend(self.section.clone());
        let mut draft = Draft {
            line: Some(row.line),
            parent,
            title,
            description: text("description").unwrap_or_default().to_owned(),
            status: self.section.as_ref().and_then(|section| self.options.status(section)).or(Some(Status::Todo)),
            priority: hurry,
            labels,
            assignee: responsible.and_then(|name| Outsider::of(without_number(name))),
            author: text("author").and_then(|name| Outsider::of(without_number(name))),
            ..Draft::default()
        };
        self.above.push((indent, self.read.drafts.len()));
        self.noted = Some(self.read.drafts.len());
        if let Some(date) = date {
            let zone = text("timezone").and_then(|zone| zone.parse().ok()).unwrap_or(self.reading.zone);
            match (Reading { zone, ..self.reading }).time(date, Edge::End) {
                Ok(time) => draft.deadline = Some(time),
                Err(error) => undated(&mut draft, date, &error, &mut self.read.problems),
            }
        }
        self.read.drafts.push(draft);
    }
}

/// `Ada (2671355)` without the number.
fn without_number(name: &str) -> &str {
    match name.rsplit_once(" (") {
        Some((name, number)) if number.trim_end_matches(')').bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// Whether it is the priority that everything has of which nobody has said any.
fn is_usual(priority: Option<Priority>) -> bool {
    matches!(priority, None | Some(Priority::Low))
}

fn append(description: &mut String, paragraph: &str) {
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(paragraph);
}

/// Keeps in words a date that is none, such as one that comes again and again.
fn undated(draft: &mut Draft, date: &str, reason: &impl std::fmt::Display, problems: &mut Vec<RowProblem>) {
    append(&mut draft.description, &format!("Date in Todoist: {date}"));
    let detail = format!("{:?} {reason}; the task has no deadline, and the words in its description", short(date));
    problems.push(RowProblem::warning(draft, "deadline", &detail));
}

#[derive(Deserialize)]
struct Export {
    items: Vec<Item>,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    sections: Vec<Named>,
    #[serde(default)]
    projects: Vec<Named>,
    #[serde(default)]
    collaborators: Vec<Person>,
    #[serde(default)]
    user: Option<Person>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(deserialize_with = "id")]
    id: String,
    content: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    priority: Option<u8>,
    #[serde(default)]
    labels: Vec<Value>,
    #[serde(default)]
    due: Option<Due>,
    #[serde(default, deserialize_with = "optional_id")]
    parent_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    section_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    project_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    responsible_uid: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    added_by_uid: Option<String>,
    #[serde(default, alias = "date_added")]
    added_at: Option<DateTime<Utc>>,
    #[serde(default, alias = "date_completed")]
    completed_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "flag")]
    checked: bool,
    #[serde(default, deserialize_with = "flag")]
    is_deleted: bool,
    #[serde(default, deserialize_with = "flag")]
    is_archived: bool,
    #[serde(default)]
    child_order: i64,
}

#[derive(Deserialize)]
struct Due {
    date: String,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    string: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    is_recurring: bool,
}

#[derive(Deserialize)]
struct Note {
    #[serde(deserialize_with = "id")]
    item_id: String,
    content: String,
    #[serde(default, alias = "posted")]
    posted_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "optional_id")]
    posted_uid: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    is_deleted: bool,
}

#[derive(Deserialize)]
struct Named {
    #[serde(deserialize_with = "id")]
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Person {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    full_name: Option<String>,
}

/// Ids were numbers once, and are texts now.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    optional_id(deserializer)?.ok_or_else(|| serde::de::Error::custom("an id is a text or a number"))
}

fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(text.or_else(|| value.as_i64().filter(|number| *number != 0).map(|number| number.to_string())))
}

/// Flags were 0 and 1 once.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_bool().or_else(|| value.as_i64().map(|number| number != 0)).unwrap_or_default())
}

/// The tasks of an account or a project, of which there are at most `max`.
pub(super) fn read_json(text: &str, options: &Options, max: usize) -> Result<Read, FileProblem> {
    let shape = |error: serde_json::Error| FileProblem::Shape { program: PROGRAM, reason: error.to_string() };
    let mut export: Export = serde_json::from_str(text).map_err(shape)?;
    export.items.retain(|item| !item.is_deleted);
    // The order is among the items below the same one: parents come before what is below them.
    let above: HashMap<String, String> =
        export.items.iter().filter_map(|item| Some((item.id.clone(), item.parent_id.clone()?))).collect();
    export.items.sort_by_key(|item| (depth(&above, &item.id), item.child_order));
    let mut notes: HashMap<&str, Vec<&Note>> = HashMap::new();
    for note in export.notes.iter().filter(|note| !note.is_deleted) {
        notes.entry(&note.item_id).or_default().push(note);
    }
    let reading = Reading { order: options.date_order, zone: options.time_zone };
    let reader = Reader { export: &export, notes, options, reading };
    let mut read = Read::default();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for item in &export.items {
        if item.is_archived && options.archived == Archived::Skip {
            read.skipped += 1;
            continue;
        }
        let parent = item.parent_id.as_deref().and_then(|parent| places.get(parent)).copied();
        if let Some(parent) = parent
            && reader.is_words(item)
            && let Some(draft) = read.drafts.get_mut(parent)
        {
            draft.checklist.push((content(&item.content).0, item.checked));
            // What is below it is ticked off in the same list.
            places.insert(&item.id, parent);
            continue;
        }
        let draft = Draft { parent, ..reader.draft(item, &mut read.problems) };
        places.insert(&item.id, read.drafts.len());
        read.drafts.push(draft);
        within(max, read.drafts.len())?;
    }
    Ok(read)
}

/// How many items are above this one; bounded, as a file may go in circles.
fn depth(above: &HashMap<String, String>, id: &str) -> usize {
    const DEEPEST: usize = 10;
    std::iter::successors(above.get(id), |id| above.get(*id)).take(DEEPEST).count()
}

fn priority_of(item: &Item) -> Option<Priority> {
    // 4 is p1 here.
    item.priority.and_then(|level| priority(5_u8.checked_sub(level)?))
}

struct Reader<'a> {
    export: &'a Export,
    /// What was said, by the item on which it was.
    notes: HashMap<&'a str, Vec<&'a Note>>,
    options: &'a Options,
    reading: Reading,
}

impl Reader<'_> {
    /// Whether there is nothing to it but its words: then it is a point of a checklist.
    fn is_words(&self, item: &Item) -> bool {
        item.due.is_none()
            && item.responsible_uid.is_none()
            && item.description.trim().is_empty()
            && item.labels.is_empty()
            && content(&item.content).1.is_empty()
            && is_usual(priority_of(item))
            && !self.notes.contains_key(item.id.as_str())
    }

    fn draft(&self, item: &Item, problems: &mut Vec<RowProblem>) -> Draft {
        let named = |names: &[Named], id: Option<&String>| {
            id.and_then(|id| names.iter().find(|named| named.id == *id)).map(|named| named.name.clone())
        };
        let section = named(&self.export.sections, item.section_id.as_ref());
        let project = named(&self.export.projects, item.project_id.as_ref()).filter(|name| name != "Inbox");
        let done = item.checked || item.is_archived;
        let by_section = section.as_ref().and_then(|section| self.options.status(section));
        let (title, mut labels) = content(&item.content);
        labels.extend(item.labels.iter().filter_map(Value::as_str).map(str::to_owned));
        labels.extend(section.into_iter().chain(project));
        let notes = self.notes.get(item.id.as_str());
        let comments = notes.into_iter().flatten().map(|note| DraftComment {
            author: self.person(note.posted_uid.as_ref()),
            at: note.posted_at,
            text: note.content.clone(),
        });
        let mut draft = Draft {
            external_id: Some(item.id.clone()),
            title,
            description: item.description.clone(),
            status: Some(if done { Status::Completed } else { by_section.unwrap_or(Status::Todo) }),
            priority: priority_of(item),
            labels,
            assignee: self.person(item.responsible_uid.as_ref()),
            author: self.person(item.added_by_uid.as_ref()),
            created_at: item.added_at,
            completed_at: item.completed_at,
            comments: comments.collect(),
            ..Draft::default()
        };
        if let Some(due) = &item.due {
            self.due(due, &mut draft, problems);
        }
        draft
    }

    fn due(&self, due: &Due, draft: &mut Draft, problems: &mut Vec<RowProblem>) {
        let zone = due.timezone.as_ref().and_then(|zone| zone.parse().ok()).unwrap_or(self.reading.zone);
        match (Reading { zone, ..self.reading }).time(&due.date, Edge::End) {
            Ok(time) => draft.deadline = Some(time),
            Err(error) => return undated(draft, &due.date, &error, problems),
        }
        if due.is_recurring {
            let string = due.string.as_deref().unwrap_or("again and again");
            append(&mut draft.description, &format!("Date in Todoist: {string}"));
            let detail = format!(
                "{:?} comes again; the task has the next date alone, and the words in its description",
                short(string)
            );
            problems.push(RowProblem::warning(draft, "deadline", &detail));
        }
    }

    fn person(&self, id: Option<&String>) -> Option<Outsider> {
        let id = id?;
        let mut people = self.export.collaborators.iter().chain(&self.export.user);
        let person = people.find(|person| person.id == *id)?;
        Outsider::of(person.email.as_ref().or(person.full_name.as_ref())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_in_a_text_are_taken_out_of_it() {
        let (title, labels) = content("Fix the @urgent door at bob@example.com @ noon @yard");
        assert_eq!(title, "Fix the door at bob@example.com @ noon");
        assert_eq!(labels, ["urgent", "yard"]);
    }

    #[test]
    fn the_number_behind_a_name_is_left_out() {
        for (text, expected) in [("Ada (2671355)", "Ada"), ("Ada (Berlin)", "Ada (Berlin)"), ("Ada", "Ada")] {
            assert_eq!(without_number(text), expected);
        }
    }
}
