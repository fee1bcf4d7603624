//! Tasks from a board as Trello exports it (*Print, export, and share → Export as JSON*). Lists become statuses, or labels where their
//! names say nothing of a status; archived cards and those of archived lists are left out or completed, as the caller says.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use muster_domain::task::Status;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::dates::{Edge, Reading};
use super::draft::{Draft, DraftComment, Outsider, RowProblem, short};
use super::options::{Archived, Options};
use super::{FileProblem, Read, within};

const PROGRAM: &str = "Trello";

// What Trello exports has holes: fields that are null or missing, and actions of every kind. A card is one that has an id, a name and
// a list; of all else, what is not there is left out.

#[derive(Deserialize)]
struct Board {
    #[serde(default, deserialize_with = "or_nothing")]
    lists: Vec<List>,
    cards: Vec<Card>,
    #[serde(default, deserialize_with = "those_known")]
    checklists: Vec<Checklist>,
    #[serde(default, deserialize_with = "those_known")]
    members: Vec<Member>,
    #[serde(default, deserialize_with = "those_known")]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct List {
    id: String,
    #[serde(default, deserialize_with = "or_nothing")]
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    closed: bool,
    #[serde(default, deserialize_with = "or_nothing")]
    pos: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    id: String,
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    desc: String,
    #[serde(default, deserialize_with = "or_nothing")]
    closed: bool,
    id_list: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pos: f64,
    /// Most often a time; what it is otherwise is said of this card alone.
    #[serde(default)]
    due: Option<Value>,
    #[serde(default, deserialize_with = "or_nothing")]
    due_complete: bool,
    #[serde(default, deserialize_with = "those_known")]
    labels: Vec<Label>,
    #[serde(default, deserialize_with = "or_nothing")]
    id_members: Vec<String>,
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    color: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checklist {
    id_card: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pos: f64,
    #[serde(default, deserialize_with = "those_known")]
    check_items: Vec<CheckItem>,
}

#[derive(Deserialize)]
struct CheckItem {
    name: String,
    #[serde(default, deserialize_with = "or_nothing")]
    state: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pos: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    full_name: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    #[serde(rename = "type")]
    kind: String,
    date: DateTime<Utc>,
    #[serde(default, deserialize_with = "or_nothing")]
    data: ActionData,
    #[serde(default)]
    member_creator: Option<Member>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionData {
    #[serde(default)]
    card: Option<CardOfAction>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    list_after: Option<ListOfAction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CardOfAction {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    due_complete: Option<bool>,
}

#[derive(Deserialize)]
struct ListOfAction {
    #[serde(default)]
    id: Option<String>,
}

/// What is null is as if it were not there.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An entry of a list, if it is what is looked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry<T> {
    Known(T),
    Other(IgnoredAny),
}

/// Those entries of a list that are what is looked for.
fn those_known<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let all: Vec<Entry<T>> = or_nothing(deserializer)?;
    let known = |entry| match entry {
        Entry::Known(entry) => Some(entry),
        Entry::Other(IgnoredAny) => None,
    };
    Ok(all.into_iter().filter_map(known).collect())
}

/// The cards of a board, of which there are at most `max`.
pub(super) fn read(text: &str, options: &Options, max: usize) -> Result<Read, FileProblem> {
    let shape = |error: serde_json::Error| FileProblem::Shape { program: PROGRAM, reason: error.to_string() };
    let mut board: Board = serde_json::from_str(text).map_err(shape)?;
    // Trello lists the newest first.
    board.actions.sort_by_key(|action| action.date);
    board.checklists.sort_by(|one, other| one.pos.total_cmp(&other.pos));
    let lists: HashMap<&str, &List> = board.lists.iter().map(|list| (list.id.as_str(), list)).collect();
    let place = |card: &Card| lists.get(card.id_list.as_str()).map_or(f64::MAX, |list| list.pos);
    let mut cards: Vec<&Card> = board.cards.iter().collect();
    cards.sort_by(|one, other| place(one).total_cmp(&place(other)).then(one.pos.total_cmp(&other.pos)));
    let mut actions: HashMap<&str, Vec<&Action>> = HashMap::new();
    for action in &board.actions {
        if let Some(card) = action.data.card.as_ref().and_then(|card| card.id.as_deref()) {
            actions.entry(card).or_default().push(action);
        }
    }
    let mut checklists: HashMap<&str, Vec<&Checklist>> = HashMap::new();
    for checklist in &board.checklists {
        checklists.entry(&checklist.id_card).or_default().push(checklist);
    }
    let reader = Reader { board: &board, lists: &lists, actions, checklists, options };
    let mut read = Read::default();
    for card in cards {
        let archived = card.closed || lists.get(card.id_list.as_str()).is_some_and(|list| list.closed);
        if archived && options.archived == Archived::Skip {
            read.skipped += 1;
        } else {
            let draft = reader.draft(card, archived, &mut read.problems);
            read.drafts.push(draft);
            within(max, read.drafts.len())?;
        }
    }
    Ok(read)
}

struct Reader<'a> {
    board: &'a Board,
    lists: &'a HashMap<&'a str, &'a List>,
    /// What was done, the first first, by the card with which it was.
    actions: HashMap<&'a str, Vec<&'a Action>>,
    checklists: HashMap<&'a str, Vec<&'a Checklist>>,
    options: &'a Options,
}

impl Reader<'_> {
    fn draft(&self, card: &Card, archived: bool, problems: &mut Vec<RowProblem>) -> Draft {
        let list = self.lists.get(card.id_list.as_str());
        let by_list = list.and_then(|list| self.options.status(&list.name));
        let status = if archived || card.due_complete { Status::Completed } else { by_list.unwrap_or(Status::Todo) };
        let mut labels: Vec<String> = card.labels.iter().filter_map(label).collect();
        if let (Some(list), None) = (list, by_list) {
            labels.push(list.name.clone());
        }
        let actions: &[&Action] = self.actions.get(card.id.as_str()).map_or(&[], Vec::as_slice);
        let created =
            actions.iter().find(|action| matches!(action.kind.as_str(), "createCard" | "copyCard" | "emailCard"));
        let said = actions.iter().filter(|action| action.kind == "commentCard");
        let comments = said.filter_map(|action| {
            let author = action.member_creator.as_ref().and_then(person);
            Some(DraftComment { author, at: Some(action.date), text: action.data.text.clone()? })
        });
        let mut members = card.id_members.iter();
        let assignee = members.next().and_then(|id| self.member(id));
        let due = card.due.as_ref().map(|due| due.as_str().map_or_else(|| due.to_string(), str::to_owned));
        let reading = Reading { order: self.options.date_order, zone: self.options.time_zone };
        let deadline = due.as_deref().map(|text| reading.time(text, Edge::End).map_err(|error| (short(text), error)));
        let (deadline, undated) = deadline.transpose().map_or_else(|undated| (None, Some(undated)), |due| (due, None));
        let draft = Draft {
            external_id: Some(card.id.clone()),
            title: card.name.clone(),
            description: card.desc.clone(),
            status: Some(status),
            labels,
            deadline,
            assignee,
            author: created.and_then(|action| action.member_creator.as_ref()).and_then(person),
            created_at: created.map(|action| action.date).or_else(|| made_at(&card.id)),
            completed_at: actions.iter().rfind(|action| self.completes(action)).map(|action| action.date),
            comments: comments.collect(),
            checklist: self.checklist(card),
            ..Draft::default()
        };
        if let Some((text, error)) = undated {
            problems.push(RowProblem::warning(&draft, "deadline", &format_args!("{text:?} {error}")));
        }
        let others = members.count();
        if others > 0 {
            let detail = format_args!("the card has {} members; the first of them is to do the task", others + 1);
            problems.push(RowProblem::warning(&draft, "assignee", &detail));
        }
        draft
    }

    /// Whether a card was done by this.
    fn completes(&self, action: &Action) -> bool {
        let list = action.data.list_after.as_ref().and_then(|list| self.lists.get(list.id.as_deref()?));
        let into = list.and_then(|list| self.options.status(&list.name)) == Some(Status::Completed);
        let ticked = action.data.card.as_ref().and_then(|card| card.due_complete) == Some(true);
        action.kind == "updateCard" && (into || ticked)
    }

    fn checklist(&self, card: &Card) -> Vec<(String, bool)> {
        let lists = self.checklists.get(card.id.as_str());
        lists
            .into_iter()
            .flatten()
            .flat_map(|checklist| {
                let mut items: Vec<_> = checklist.check_items.iter().collect();
                items.sort_by(|one, other| one.pos.total_cmp(&other.pos));
                items.into_iter().map(|item| (item.name.clone(), item.state == "complete"))
            })
            .collect()
    }

    fn member(&self, id: &str) -> Option<Outsider> {
        self.board.members.iter().find(|member| member.id.as_deref() == Some(id)).and_then(person)
    }
}

/// A label's name, or its colour where it has none.
fn label(Label { name, color }: &Label) -> Option<String> {
    name.as_ref().filter(|name| !name.trim().is_empty()).or(color.as_ref()).cloned()
}

/// Somebody by their address, which most exports leave out, else by their user name, which tells people apart, else by their name.
fn person(member: &Member) -> Option<Outsider> {
    let called = member.email.as_ref().or(member.username.as_ref()).or(member.full_name.as_ref())?;
    Outsider::of(called)
}

/// When something was made: its id begins with that, in seconds since 1970 as eight hexadecimal digits.
fn made_at(id: &str) -> Option<DateTime<Utc>> {
    if id.len() != 24 {
        return None;
    }
    DateTime::from_timestamp(i64::from_str_radix(id.get(..8)?, 16).ok()?, 0)
}
