//! Files as people have them, read to plans.

mod bounds;
mod refusals;
mod tables;
mod todoist;
mod trello;

use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_domain::values::Label;
use uuid::Uuid;

use super::{Account, Options, People, Plan, PlannedTask, Severity, TaskFile};

const ADA: UserId = UserId(Uuid::from_u128(0xada));
const BEN: UserId = UserId(Uuid::from_u128(0xbe2));

fn people() -> People {
    [("ada@example.com", ADA), ("ben@example.com", BEN)]
        .map(|(address, id)| (address.to_owned(), Account { id, does_tasks: true }))
        .into()
}

fn at() -> DateTime<Utc> {
    "2026-04-01T12:00:00Z".parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn planned(bytes: &[u8], options: Options) -> (TaskFile, Plan) {
    let file = TaskFile::read(bytes, options, 100).unwrap();
    let plan = file.plan(file.id, &people(), at());
    (file, plan)
}

fn problems(plan: &Plan) -> Vec<(Option<u32>, &str, Severity, &str)> {
    plan.problems.iter().map(|p| (p.line, p.field.as_str(), p.severity, p.detail.as_str())).collect()
}

fn titles(plan: &Plan) -> Vec<&str> {
    plan.tasks.iter().map(|planned| planned.import.task.title.as_str()).collect()
}

fn labels(planned: &PlannedTask) -> Vec<&str> {
    planned.import.task.labels.iter().map(Label::as_str).collect()
}

fn description(planned: &PlannedTask) -> &str {
    planned.import.task.description.as_ref().map_or("", |text| text.as_str())
}

fn checklist(planned: &PlannedTask) -> Vec<(&str, bool)> {
    planned.import.checklist.iter().map(|item| (item.text.as_str(), item.done)).collect()
}

/// What was said, by whom and when.
type Said<'a> = (&'a str, Option<UserId>, Option<DateTime<Utc>>);

fn said(planned: &PlannedTask) -> Vec<Said<'_>> {
    let comments = planned.import.comments.iter();
    comments.map(|comment| (comment.text.as_str(), comment.facts.author, comment.facts.at)).collect()
}
