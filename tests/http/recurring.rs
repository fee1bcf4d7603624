//! Tasks that come again.

use chrono::{DateTime, Utc};
use muster_domain::TaskId;
use muster_domain::task::Status;
use muster_projections::TaskDocument;
use muster_tests::client::{Answer, Client};
use serde_json::{Value, json};

use crate::support::{admin, event_types, eventually, history, member, moved, of_task, task, team};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Every Monday and Friday at half past nine in Berlin.
fn weekly() -> Value {
    json!({ "frequency": "weekly", "weekdays": ["friday", "monday"], "time": "09:30", "time_zone": "Europe/Berlin" })
}

async fn set(client: &Client, id: TaskId, rule: &Value) -> Answer {
    client.put(&of_task(id, "/recurrence")).json(rule).send().await
}

/// What comes after this task, once it is there.
async fn successor(client: &Client, id: TaskId) -> TaskDocument {
    eventually("the next one is there", async || {
        let answer = client.get(&of_task(id.successor(), "")).send().await;
        (answer.status == 200).then(|| answer.document(200))
    })
    .await
}

#[tokio::test]
pub(crate) async fn what_comes_after_a_task_that_is_done_is_the_same_and_due_by_the_rule() {
    let (admin, doer) = (admin().await, member().await);
    let team = team(&[&doer]).await;
    // A Wednesday far ahead.
    let body = json!({
        "title": "Check the lift", "description": "All *four* doors.", "labels": ["lift", "weekly"], "priority": "high",
        "location": { "name": "Hall 4" }, "team_id": team, "assignee_id": doer.id, "deadline": "2040-03-21T08:30:00Z",
    });
    let made = task(&admin, body).await;
    let answer = set(&admin, made.id, &weekly()).await;
    assert_eq!(answer.header("etag"), "\"2\"");
    let first: TaskDocument = answer.document(200);
    let recurrence = serde_json::to_value(first.recurrence.as_ref().unwrap()).unwrap();
    let rule = json!({ "frequency": "weekly", "interval": 1, "weekdays": ["monday", "friday"], "time": "09:30",
        "time_zone": "Europe/Berlin" });
    assert_eq!(recurrence, json!({ "series_id": made.id, "number": 1, "day": "2040-03-21", "rule": rule }));
    admin.put(&of_task(made.id, "/reminders")).json(&json!({ "before": ["P1D"] })).send().await.is(200);
    admin.post(&of_task(made.id, "/comments")).json(&json!({ "text": "Done." })).send().await.is(201);
    let item = json!({ "text": "Switch the current off" });
    admin.post(&of_task(made.id, "/checklist")).json(&item).send().await.is(201);
    let ticked = moved(&admin, made.id, &["in_progress"]).await.checklist.remove(0);
    let tick = admin.put(&of_task(made.id, &format!("/checklist/{}", ticked.id))).json(&json!({ "done": true }));
    tick.send().await.is(200);
    let done = moved(&admin, made.id, &["completed"]).await;
    assert!(done.checklist[0].done);

    let next = successor(&admin, made.id).await;
    assert_eq!(next.deadline, Some(time("2040-03-23T08:30:00Z")));
    let recurrence = next.recurrence.clone().unwrap();
    assert_eq!(
        (recurrence.series_id.0, recurrence.number, recurrence.day.to_string()),
        (made.id.0, 2, "2040-03-23".into())
    );
    assert_eq!(recurrence.rule, first.recurrence.unwrap().rule);
    assert_eq!((next.status, next.comments, next.reopened, next.completed_at), (Status::Todo, 0, 0, None));
    let same = |task: &TaskDocument| {
        let TaskDocument { title, description, labels, priority, location, .. } = task.clone();
        (
            title,
            description,
            labels,
            priority,
            location,
            task.team_id,
            task.assignee_id,
            task.reporter_id,
            task.reminders.clone(),
        )
    };
    assert_eq!(same(&next), same(&done));
    let items: Vec<_> = next.checklist.iter().map(|item| (item.text.as_str(), item.done)).collect();
    assert_eq!(items, [("Switch the current off", false)]);
    let types = event_types(next.id).await;
    assert_eq!(types, ["TaskCreated", "TaskRecurrenceSet", "TaskChecklistBegun", "TaskRemindersSet"]);
    let commit = history(next.id).await.remove(0);
    assert_eq!(commit["events"][0]["actor"], json!({ "type": "system", "name": "recurrence" }));

    // In the summer the clock stands otherwise, and the time of day is the same.
    moved(&admin, next.id, &["in_progress", "completed"]).await;
    let third = successor(&admin, next.id).await;
    assert_eq!((third.deadline, third.recurrence.unwrap().number), (Some(time("2040-03-26T07:30:00Z")), 3));
}

#[tokio::test]
pub(crate) async fn without_a_rule_none_comes_after_it() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    set(&admin, made.id, &weekly()).await.is(200);
    let path = of_task(made.id, "/recurrence");
    let cleared: TaskDocument = admin.delete(&path).send().await.document(200);
    assert_eq!((cleared.version, cleared.recurrence), (3, None));
    let again: TaskDocument = admin.delete(&path).send().await.document(200);
    assert_eq!(again.version, 3, "there was nothing to change");
    assert_eq!(event_types(made.id).await, ["TaskCreated", "TaskRecurrenceSet", "TaskRecurrenceCleared"]);
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    // One of another series that is done later has its successor: this one's completion was heard of by then.
    let other = task(&admin, json!({})).await;
    set(&admin, other.id, &weekly()).await.is(200);
    moved(&admin, other.id, &["in_progress", "completed"]).await;
    successor(&admin, other.id).await;
    admin.get(&of_task(made.id.successor(), "")).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_task_that_is_done_again_after_it_was_reopened_has_one_successor() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    set(&admin, made.id, &weekly()).await.is(200);
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    let next = successor(&admin, made.id).await;
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    moved(&admin, next.id, &["in_progress", "completed"]).await;
    let third = successor(&admin, next.id).await;
    assert_eq!(third.recurrence.unwrap().number, 3);
    let events = event_types(next.id).await;
    assert_eq!(events, ["TaskCreated", "TaskRecurrenceSet", "TaskStatusChanged", "TaskStatusChanged"]);
}

#[tokio::test]
async fn a_series_ends_with_its_count() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let twice = json!({ "frequency": "daily", "interval": 3, "time": "07:00", "time_zone": "UTC", "count": 2 });
    set(&admin, made.id, &twice).await.is(200);
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    let last = successor(&admin, made.id).await;
    moved(&admin, last.id, &["in_progress", "completed"]).await;
    let other = task(&admin, json!({})).await;
    set(&admin, other.id, &twice).await.is(200);
    moved(&admin, other.id, &["in_progress", "completed"]).await;
    successor(&admin, other.id).await;
    admin.get(&of_task(last.id.successor(), "")).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn whoever_has_closed_their_account_gets_no_more_to_do() {
    let (admin, doer) = (admin().await, member().await);
    let made = task(&admin, json!({ "assignee_id": doer.id })).await;
    set(&admin, made.id, &weekly()).await.is(200);
    admin.delete(&format!("/users/{}", doer.id)).send().await.is(200);
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    assert_eq!(successor(&admin, made.id).await.assignee_id, None);
}

#[tokio::test]
async fn another_rule_takes_the_place_of_the_first_and_the_series_goes_on() {
    let admin = admin().await;
    let made = task(&admin, json!({ "deadline": "2040-01-31T12:00:00Z" })).await;
    set(&admin, made.id, &weekly()).await.is(200);
    let same: TaskDocument = set(&admin, made.id, &weekly()).await.document(200);
    assert_eq!(same.version, 2, "the same rule changes nothing");
    let monthly = json!({ "frequency": "monthly", "time": "12:00", "time_zone": "UTC", "until": "2040-12-31" });
    let changed: TaskDocument = set(&admin, made.id, &monthly).await.document(200);
    let recurrence = changed.recurrence.unwrap();
    assert_eq!((changed.version, recurrence.number, recurrence.rule.day), (3, 1, Some(31)));
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    let next = successor(&admin, made.id).await;
    assert_eq!(next.deadline, Some(time("2040-02-29T12:00:00Z")), "the last day of a month that is shorter");
    let log = admin.get(&of_task(made.id, "/logs?limit=200")).send().await.is(200).value();
    let entries = log["items"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["version"] == 3).unwrap();
    assert_eq!(entry["changes"][0]["field"], "recurrence");
    assert_eq!(entry["changes"][0]["from"]["frequency"], "weekly");
    assert_eq!(entry["changes"][0]["to"]["frequency"], "monthly");
}

#[tokio::test]
async fn the_same_rule_sent_again_goes_on_from_where_the_deadline_is_by_then() {
    let admin = admin().await;
    let made = task(&admin, json!({ "deadline": "2040-01-02T12:00:00Z" })).await;
    let every_other_day = json!({ "frequency": "daily", "interval": 2, "time": "12:00", "time_zone": "UTC" });
    set(&admin, made.id, &every_other_day).await.is(200);
    let later = json!({ "deadline": "2040-01-05T12:00:00Z" });
    admin.post(&of_task(made.id, "/deadline")).json(&later).send().await.is(200);
    let again: TaskDocument = set(&admin, made.id, &every_other_day).await.document(200);
    assert_eq!((again.version, again.recurrence.unwrap().number), (4, 1));
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    assert_eq!(successor(&admin, made.id).await.deadline, Some(time("2040-01-07T12:00:00Z")));
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_field_by_field() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let with = |more: Value| {
        let mut rule = json!({ "frequency": "daily", "time": "09:30", "time_zone": "UTC" });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    for (more, pointers) in [
        (json!({ "frequency": "hourly" }), vec!["/frequency"]),
        (json!({ "interval": 0 }), vec!["/interval"]),
        (json!({ "interval": 366 }), vec!["/interval"]),
        (json!({ "weekdays": ["monday"] }), vec!["/weekdays"]),
        (json!({ "frequency": "weekly", "weekdays": [] }), vec!["/weekdays"]),
        (json!({ "frequency": "weekly", "weekdays": ["mon"] }), vec!["/weekdays/0"]),
        (json!({ "frequency": "monthly", "day": 32, "month": 2 }), vec!["/day", "/month"]),
        (json!({ "frequency": "yearly", "day": 0, "month": 13 }), vec!["/day", "/month"]),
        (json!({ "time": "24:00", "time_zone": "Mars/Olympus" }), vec!["/time", "/time_zone"]),
        (json!({ "until": "soon" }), vec!["/until"]),
        (json!({ "until": "2040-01-01", "count": 3 }), vec!["/count"]),
        (json!({ "count": 0 }), vec!["/count"]),
        (json!({ "count": 1 }), vec!["/count"]),
        (json!({ "until": "2020-01-01" }), vec!["/until"]),
        (json!({ "colour": "red" }), vec!["/colour"]),
    ] {
        set(&admin, made.id, &with(more)).await.wrong_fields(&pointers);
    }
    assert_eq!(event_types(made.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn a_task_that_is_done_gets_no_rule() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    set(&admin, made.id, &weekly()).await.problem(409, "task_completed");
    admin.delete(&of_task(made.id, "")).send().await.is(200);
    set(&admin, made.id, &weekly()).await.problem(409, "task_deleted");
}
