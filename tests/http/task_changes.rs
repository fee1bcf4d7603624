//! Changing a task's properties, several at once, and its deadline.

use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, Status};
use muster_projections::TaskDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, member, moved, of_task, task, team};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
pub(crate) async fn all_that_is_named_changes_and_nothing_else() {
    let (admin, member) = (admin().await, member().await);
    let (before, team) = (task(&admin, json!({ "description": "Old", "labels": ["a"] })).await, team(&[]).await);
    let body = json!({
        "title": "Repair the lift",
        "labels": ["b", "a"],
        "location": { "name": "Hall 4" },
        "team_id": team,
        "assignee_id": member.id,
        "priority": "critical",
        "deadline": "2040-01-01T00:00:00Z",
        "status": "in_progress",
    });
    let path = of_task(before.id, "");
    let after: TaskDocument = admin.put(&path).if_match(1).json(&body).send().await.document(200);
    assert_eq!((after.title.as_str(), after.description.as_deref()), ("Repair the lift", Some("Old")));
    assert_eq!(after.labels, ["a", "b"]);
    let location = after.location.as_ref().unwrap();
    assert_eq!((location.name.as_str(), location.position), ("Hall 4", None));
    assert_eq!((after.team_id, after.assignee_id), (Some(team), Some(member.id)));
    assert_eq!((after.priority, after.status), (Priority::Critical, Status::InProgress));
    assert_eq!(after.deadline, Some(time("2040-01-01T00:00:00Z")));
    assert!(after.started_at.is_some_and(|started| started >= before.created_at));
    assert_eq!(after.reporter_id, before.reporter_id);
    assert_eq!(
        event_types(before.id).await,
        [
            "TaskCreated",
            "TaskEdited",
            "TaskTeamChanged",
            "TaskAssigned",
            "TaskPriorityChanged",
            "TaskDeadlineSet",
            "TaskStatusChanged"
        ]
    );
    assert_eq!(after.version, 7, "the version counts events");
    assert_eq!(admin.get(&path).min_version(7).send().await.document::<TaskDocument>(200), after);
}

#[tokio::test]
async fn null_takes_a_value_away() {
    let admin = admin().await;
    let team = team(&[]).await;
    let full = json!({
        "description": "Old",
        "location": { "name": "Hall" },
        "team_id": team,
        "assignee_id": member().await.id,
        "deadline": "2040-01-01T00:00:00Z",
    });
    let before = task(&admin, full).await;
    let body = json!({ "description": null, "location": null, "team_id": null, "assignee_id": null, "deadline": null });
    let after: TaskDocument = admin.put(&of_task(before.id, "")).json(&body).send().await.document(200);
    assert_eq!((after.description, after.location, after.deadline), (None, None, None));
    assert_eq!((after.team_id, after.assignee_id), (None, None));
    assert_eq!(after.title, before.title);
    for field in ["title", "priority", "status", "labels"] {
        // What a task always has cannot be taken away.
        admin
            .put(&of_task(before.id, ""))
            .json(&json!({ field: null }))
            .send()
            .await
            .wrong_fields(&[&format!("/{field}")]);
    }
}

#[tokio::test]
async fn a_change_to_what_is_there_already_changes_nothing() {
    let admin = admin().await;
    let before = task(&admin, json!({ "labels": ["a", "b"] })).await;
    for body in [json!({}), json!({ "title": "Check the lift", "labels": ["b", "a", "b"], "status": "todo" })] {
        let after: TaskDocument = admin.put(&of_task(before.id, "")).json(&body).send().await.document(200);
        assert_eq!(after, before, "{body}");
    }
    assert_eq!(event_types(before.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_change_is_named_at_once_and_nothing_is_changed() {
    let admin = admin().await;
    let before = task(&admin, json!({})).await;
    let path = of_task(before.id, "");
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let body = json!({ "title": "", "description": "x".repeat(20_001), "labels": many, "location": { "name": "x".repeat(121) } });
    admin.put(&path).json(&body).send().await.wrong_fields(&["/title", "/description", "/labels", "/location/name"]);
    let unknown = json!({ "title": "Good", "assignee_id": Uuid::new_v4(), "team_id": Uuid::new_v4() });
    admin.put(&path).json(&unknown).send().await.wrong_fields(&["/assignee_id", "/team_id"]);
    for (field, value) in [("status", "done"), ("priority", "urgent"), ("deadline", "soon"), ("assignee_id", "me")] {
        admin
            .put(&path)
            .json(&json!({ "title": "Good", field: value }))
            .send()
            .await
            .wrong_fields(&[&format!("/{field}")]);
    }
    let position = json!({ "location": { "name": "Sea", "position": { "latitude": 0, "longitude": -181 } } });
    admin.put(&path).json(&position).send().await.wrong_fields(&["/location/position/longitude"]);
    let after: TaskDocument = admin.get(&path).send().await.document(200);
    assert_eq!(after, before);
    assert_eq!(event_types(before.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn a_change_of_which_a_part_is_impossible_is_not_made_at_all() {
    let admin = admin().await;
    let before = task(&admin, json!({})).await;
    let body = json!({ "title": "Repaired", "priority": "low", "status": "completed" });
    let answer = admin.put(&of_task(before.id, "")).json(&body).send().await;
    assert_eq!(answer.problem(409, "impossible_move")["allowed"], json!(["in_progress"]));
    assert_eq!(event_types(before.id).await, ["TaskCreated"]);
}

#[tokio::test]
pub(crate) async fn a_deadline_is_set_and_moved() {
    let member = member().await;
    let before = task(&member.client, json!({})).await;
    let set = async |deadline: &str| -> TaskDocument {
        let path = of_task(before.id, "/deadline");
        member.client.post(&path).json(&json!({ "deadline": deadline })).send().await.document(200)
    };
    let first = set("2040-01-01T12:00:00.9999+02:00").await;
    assert_eq!((first.version, first.deadline), (2, Some(time("2040-01-01T10:00:00.999Z"))));
    let same = set("2040-01-01T10:00:00.999Z").await;
    assert_eq!(same.version, 2, "the same moment is no change");
    let past = set("2001-01-01T00:00:00Z").await;
    assert_eq!((past.version, past.deadline), (3, Some(time("2001-01-01T00:00:00Z"))));
    assert_eq!(event_types(before.id).await, ["TaskCreated", "TaskDeadlineSet", "TaskDeadlineSet"]);
}

#[tokio::test]
pub(crate) async fn a_deadline_is_cleared() {
    let member = member().await;
    let before = task(&member.client, json!({ "deadline": "2040-01-01T00:00:00Z" })).await;
    let clear = async || member.client.delete(&of_task(before.id, "/deadline")).send().await;
    let cleared: TaskDocument = clear().await.document(200);
    assert_eq!((cleared.version, cleared.deadline), (2, None));
    let again: TaskDocument = clear().await.document(200);
    assert_eq!(again.version, 2, "there is nothing to clear");
}

#[tokio::test]
async fn a_deadline_that_is_none_is_refused() {
    let (admin, path) = (admin().await, of_task(task(&admin().await, json!({})).await.id, "/deadline"));
    for wrong in
        [json!(null), json!("2040-02-30T00:00:00Z"), json!("2040-01-01"), json!("+12345-01-01T00:00:00Z"), json!(7)]
    {
        admin.post(&path).json(&json!({ "deadline": wrong })).send().await.wrong_fields(&["/deadline"]);
    }
}

#[tokio::test]
async fn a_leap_second_is_refused_wherever_a_time_is_said() {
    const LEAP: &str = "2031-03-01T16:00:60Z";
    const DETAIL: &str = "must be a time with seconds from 00 to 59: leap seconds are not kept";
    let admin = admin().await;
    let before = task(&admin, json!({})).await;
    let deadline = json!({ "deadline": LEAP });
    for (request, pointer) in [
        (admin.post(&of_task(before.id, "/deadline")).json(&deadline), "/deadline"),
        (admin.put(&of_task(before.id, "")).json(&deadline), "/deadline"),
        (admin.post("/tasks").json(&json!({ "title": "Check", "deadline": LEAP })), "/deadline"),
        (
            admin.post("/tokens").json(&json!({ "name": "x", "scopes": ["tasks:read"], "expires_at": LEAP })),
            "/expires_at",
        ),
        (
            admin.post("/profile/filters").json(&json!({ "name": "x", "filter": { "due_before": LEAP } })),
            "/filter/due_before",
        ),
    ] {
        let problem = request.send().await.problem(422, "invalid_request");
        assert_eq!(problem["errors"], json!([{ "pointer": pointer, "detail": DETAIL }]));
    }
    let as_of = of_task(before.id, "?as_of=");
    for (path, parameter) in [
        ("/tasks?due_after=", "due_after"),
        ("/tasks?due_before=", "due_before"),
        ("/tasks?as_of=", "as_of"),
        ("/tasks/board?as_of=", "as_of"),
        (as_of.as_str(), "as_of"),
    ] {
        let problem = admin.get(&format!("{path}{LEAP}")).send().await.problem(422, "invalid_request");
        assert_eq!(problem["errors"], json!([{ "parameter": parameter, "detail": DETAIL }]), "{path}");
    }
    assert_eq!(event_types(before.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn who_how_urgent_and_by_when_are_settled_once_a_task_is_done() {
    let (admin, member) = (admin().await, member().await);
    let task = task(&admin, json!({ "deadline": "2040-01-01T00:00:00Z" })).await;
    moved(&admin, task.id, &["in_progress", "completed"]).await;
    let put = async |body: Value| admin.put(&of_task(task.id, "")).json(&body).send().await;
    put(json!({ "priority": "low" })).await.problem(409, "task_completed");
    put(json!({ "assignee_id": member.id })).await.problem(409, "task_completed");
    admin.delete(&of_task(task.id, "/deadline")).send().await.problem(409, "task_completed");
    let deadline = json!({ "deadline": "2041-01-01T00:00:00Z" });
    admin.post(&of_task(task.id, "/deadline")).json(&deadline).send().await.problem(409, "task_completed");
    let assign = json!({ "assignee_id": member.id });
    admin.post(&of_task(task.id, "/assign")).json(&assign).send().await.problem(409, "task_completed");

    let words: TaskDocument = put(json!({ "description": "It was a fuse." })).await.document(200);
    assert_eq!((words.version, words.status), (4, Status::Completed), "its words may still be changed");
    let reopened: TaskDocument = put(json!({ "status": "todo", "assignee_id": member.id })).await.document(200);
    assert_eq!((reopened.assignee_id, reopened.reopened), (Some(member.id), 1), "unless the same request reopens it");
}
