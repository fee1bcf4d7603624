//! Tasks from a board as Trello exports it (*Print, export, and share → Export as JSON*). Lists become statuses, or labels where their
//! names say nothing of a status; archived cards and those of archived lists are left out or completed, as the caller says.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use muster_domain::task::Status;
use serde::Deserialize;

use super::draft::{Draft, DraftComment, Outsider, RowProblem};
use super::options::{Archived, Options};
use super::{FileProblem, Read};

const PROGRAM: &str = "Trello";

#[derive(Deserialize)]
struct Board {
    #[serde(default)]
    lists: Vec<List>,
    cards: Vec<Card>,
    #[serde(default)]
    checklists: Vec<Checklist>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct List {
    id: String,
    name: String,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    pos: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    id: String,
    name: String,
    #[serde(default)]
    desc: String,
    #[serde(default)]
    closed: bool,
    id_list: String,
    #[serde(default)]
    pos: f64,
    #[serde(default)]
    due: Option<DateTime<Utc>>,
    #[serde(default)]
    due_complete: bool,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
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
    #[serde(default)]
    pos: f64,
    check_items: Vec<CheckItem>,
}

#[derive(Deserialize)]
struct CheckItem {
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    pos: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    id: String,
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
    #[serde(default)]
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
    id: String,
    #[serde(default)]
    due_complete: Option<bool>,
}

#[derive(Deserialize)]
struct ListOfAction {
    id: String,
}

/// The cards of a board.
pub(super) fn read(text: &str, options: &Options) -> Result<Read, FileProblem> {
    let shape = |error: serde_json::Error| FileProblem::Shape { program: PROGRAM, reason: error.to_string() };
    let mut board: Board = serde_json::from_str(text).map_err(shape)?;
    // Trello lists the newest first.
    board.actions.sort_by_key(|action| action.date);
    board.checklists.sort_by(|one, other| one.pos.total_cmp(&other.pos));
    let lists: HashMap<&str, &List> = board.lists.iter().map(|list| (list.id.as_str(), list)).collect();
    let place = |card: &Card| lists.get(card.id_list.as_str()).map_or(f64::MAX, |list| list.pos);
    let mut cards: Vec<&Card> = board.cards.iter().collect();
    cards.sort_by(|one, other| place(one).total_cmp(&place(other)).then(one.pos.total_cmp(&other.pos)));
    let reader = Reader { board: &board, lists: &lists, options };
    let mut read = Read::default();
    for card in cards {
        let archived = card.closed || lists.get(card.id_list.as_str()).is_some_and(|list| list.closed);
        if archived && options.archived == Archived::Skip {
            read.skipped += 1;
        } else {
            let draft = reader.draft(card, archived, &mut read.problems);
            read.drafts.push(draft);
        }
    }
    Ok(read)
}

struct Reader<'a> {
    board: &'a Board,
    lists: &'a HashMap<&'a str, &'a List>,
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
        let actions = || self.board.actions.iter().filter(|action| is_of(action, card));
        let created = actions().find(|action| matches!(action.kind.as_str(), "createCard" | "copyCard" | "emailCard"));
        let comments = actions()
            .filter(|action| action.kind == "commentCard")
            .filter_map(|action| Some(DraftComment { at: Some(action.date), text: action.data.text.clone()? }));
        let mut members = card.id_members.iter();
        let assignee = members.next().and_then(|id| self.member(id));
        let draft = Draft {
            external_id: Some(card.id.clone()),
            title: card.name.clone(),
            description: card.desc.clone(),
            status: Some(status),
            labels,
            deadline: card.due,
            assignee,
            author: created.and_then(|action| action.member_creator.as_ref()).and_then(person),
            created_at: created.map(|action| action.date).or_else(|| made_at(&card.id)),
            completed_at: actions().rfind(|action| self.completes(action)).map(|action| action.date),
            comments: comments.collect(),
            checklist: self.checklist(card),
            ..Draft::default()
        };
        let others = members.count();
        if others > 0 {
            let detail = format_args!("the card has {} members; the first of them is to do the task", others + 1);
            problems.push(RowProblem::warning(&draft, "assignee", &detail));
        }
        draft
    }

    /// Whether a card was done by this.
    fn completes(&self, action: &Action) -> bool {
        let list = action.data.list_after.as_ref().and_then(|list| self.lists.get(list.id.as_str()));
        let into = list.and_then(|list| self.options.status(&list.name)) == Some(Status::Completed);
        let ticked = action.data.card.as_ref().and_then(|card| card.due_complete) == Some(true);
        action.kind == "updateCard" && (into || ticked)
    }

    fn checklist(&self, card: &Card) -> Vec<(String, bool)> {
        let lists = self.board.checklists.iter().filter(|checklist| checklist.id_card == card.id);
        lists
            .flat_map(|checklist| {
                let mut items: Vec<_> = checklist.check_items.iter().collect();
                items.sort_by(|one, other| one.pos.total_cmp(&other.pos));
                items.into_iter().map(|item| (item.name.clone(), item.state == "complete"))
            })
            .collect()
    }

    fn member(&self, id: &str) -> Option<Outsider> {
        self.board.members.iter().find(|member| member.id == id).and_then(person)
    }
}

fn is_of(action: &Action, card: &Card) -> bool {
    action.data.card.as_ref().is_some_and(|of| of.id == card.id)
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
