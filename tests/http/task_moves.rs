//! Giving a task to somebody, moving it on and back, letting it wait.

use muster_domain::task::Status;
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, member, moved, of_task, person, task, team};

#[tokio::test]
pub(crate) async fn a_task_is_given_to_somebody_and_to_nobody() {
    let (admin, one, other) = (admin().await, member().await, member().await);
    let task = task(&admin, json!({})).await;
    let assign = async |to: Value| -> TaskDocument {
        admin.post(&of_task(task.id, "/assign")).json(&json!({ "assignee_id": to })).send().await.document(200)
    };
    let first = assign(json!(one.id)).await;
    assert_eq!((first.version, first.assignee_id), (2, Some(one.id)));
    assert_eq!(assign(json!(one.id)).await, first, "given to the same person again, nothing changes");
    assert_eq!(assign(json!(other.id)).await.assignee_id, Some(other.id));
    assert_eq!(assign(Value::Null).await.assignee_id, None);
    assert_eq!(assign(Value::Null).await.version, 4);
    assert_eq!(event_types(task.id).await, ["TaskCreated", "TaskAssigned", "TaskAssigned", "TaskUnassigned"]);
}

#[tokio::test]
async fn a_task_is_given_only_to_somebody_who_is_there() {
    let (admin, gone) = (admin().await, member().await);
    let task = task(&admin, json!({})).await;
    let assign =
        async |to: Value| admin.post(&of_task(task.id, "/assign")).json(&json!({ "assignee_id": to })).send().await;
    let unknown = assign(json!(Uuid::new_v4())).await;
    unknown.wrong_fields(&["/assignee_id"]);
    assert!(unknown.text.contains("there is no such user"), "{}", unknown.text);
    assign(json!("somebody")).await.wrong_fields(&["/assignee_id"]);

    admin.delete(&format!("/users/{}", gone.id)).send().await.is(200);
    eventually("the directory knows that the account is closed", async || {
        let user: Value = admin.get(&format!("/users/{}", gone.id)).send().await.document(200);
        (user["active"] == false).then_some(())
    })
    .await;
    let inactive = assign(json!(gone.id)).await;
    inactive.wrong_fields(&["/assignee_id"]);
    assert!(inactive.text.contains("this account is not active"), "{}", inactive.text);
    assert_eq!(event_types(task.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn a_manager_gives_tasks_to_the_members_of_their_teams() {
    let (manager, mine, other) = (person(Role::Manager).await, member().await, member().await);
    let team = team(&[&manager, &mine]).await;
    let task = task(&manager.client, json!({ "team_id": team })).await;
    let assign = async |to: Value| {
        manager.client.post(&of_task(task.id, "/assign")).json(&json!({ "assignee_id": to })).send().await
    };
    assign(json!(mine.id)).await.document::<TaskDocument>(200);
    let problem = assign(json!(other.id)).await.problem(403, "forbidden");
    assert_eq!(problem["detail"], "tasks are assigned to yourself or to members of your own teams");
    assert_eq!(assign(json!(manager.id)).await.document::<TaskDocument>(200).assignee_id, Some(manager.id));
}

#[tokio::test]
pub(crate) async fn a_task_goes_on_to_completion_and_back() {
    let member = member().await;
    let task = task(&member.client, json!({ "assignee_id": member.id })).await;
    let begun = moved(&member.client, task.id, &["in_progress"]).await;
    assert_eq!((begun.version, begun.status, begun.completed_at), (2, Status::InProgress, None));
    assert_eq!(begun.started_at, Some(begun.updated_at));
    let done = moved(&member.client, task.id, &["completed"]).await;
    assert_eq!((done.version, done.status, done.started_at), (3, Status::Completed, begun.started_at));
    assert_eq!(done.completed_at, Some(done.updated_at));
    assert_eq!(done.reopened, 0);
    let reopened = moved(&member.client, task.id, &["todo"]).await;
    assert_eq!((reopened.status, reopened.reopened), (Status::Todo, 1));
    assert_eq!((reopened.started_at, reopened.completed_at), (None, None));
    let again = moved(&member.client, task.id, &["in_progress", "completed", "in_progress"]).await;
    assert_eq!((again.version, again.status, again.reopened), (7, Status::InProgress, 2));
    assert!(again.started_at.is_some());
    let back = moved(&member.client, task.id, &["todo"]).await;
    assert_eq!((back.started_at, back.reopened), (None, 2));
    let same = moved(&member.client, task.id, &["todo"]).await;
    assert_eq!(same, back, "a move to where it is changes nothing");
}

#[tokio::test]
async fn a_move_that_makes_no_sense_is_refused_with_those_that_do() {
    let admin = admin().await;
    let task = task(&admin, json!({})).await;
    let answer = admin.post(&of_task(task.id, "/status")).json(&json!({ "status": "completed" })).send().await;
    let problem = answer.problem(409, "impossible_move");
    assert_eq!(problem["allowed"], json!(["in_progress"]));
    assert_eq!(problem["detail"], "a task cannot go from todo to completed");
    assert_eq!(event_types(task.id).await, ["TaskCreated"]);
    for wrong in [json!("done"), json!("Completed"), json!(1), json!(null)] {
        let answer = admin.post(&of_task(task.id, "/status")).json(&json!({ "status": wrong })).send().await;
        answer.wrong_fields(&["/status"]);
    }
}

#[tokio::test]
pub(crate) async fn a_held_task_waits_until_it_is_resumed() {
    let member = member().await;
    let task = task(&member.client, json!({})).await;
    let reason = json!({ "reason": " A spare part is\non its way. " });
    let held: TaskDocument = member.client.post(&of_task(task.id, "/hold")).json(&reason).send().await.document(200);
    let why = held.hold.as_ref().unwrap();
    assert_eq!((held.version, why.reason.as_str()), (2, "A spare part is\non its way."));
    assert_eq!(why.since, held.updated_at);

    for (path, body) in [("/hold", &reason), ("/status", &json!({ "status": "in_progress" }))] {
        member.client.post(&of_task(task.id, path)).json(body).send().await.problem(409, "task_on_hold");
    }

    let reason = json!({ "reason": "It came." });
    let resumed: TaskDocument =
        member.client.post(&of_task(task.id, "/resume")).json(&reason).send().await.document(200);
    assert_eq!((resumed.version, resumed.hold), (3, None));
    let problem = member.client.post(&of_task(task.id, "/resume")).json(&reason).send().await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the task is not on hold");
    assert_eq!(moved(&member.client, task.id, &["in_progress"]).await.version, 4);
    assert_eq!(event_types(task.id).await, ["TaskCreated", "TaskHeld", "TaskResumed", "TaskStatusChanged"]);
}

#[tokio::test]
async fn a_completed_task_waits_for_nothing() {
    let admin = admin().await;
    let task = task(&admin, json!({})).await;
    moved(&admin, task.id, &["in_progress", "completed"]).await;
    let answer = admin.post(&of_task(task.id, "/hold")).json(&json!({ "reason": "Why" })).send().await;
    answer.problem(409, "task_completed");
}

#[tokio::test]
async fn a_reason_has_between_1_and_500_characters() {
    let admin = admin().await;
    let task = task(&admin, json!({})).await;
    for path in ["/hold", "/resume"] {
        for wrong in [json!(""), json!(" \n "), json!("x".repeat(501)), json!("a\u{0}b"), json!(["why"])] {
            let answer = admin.post(&of_task(task.id, path)).json(&json!({ "reason": wrong })).send().await;
            answer.wrong_fields(&["/reason"]);
        }
    }
    let longest = json!({ "reason": "é".repeat(500) });
    admin.post(&of_task(task.id, "/hold")).json(&longest).send().await.document::<TaskDocument>(200);
}
