//! Reporting a task.

use chrono::{DateTime, Utc};
use muster_domain::Actor;
use muster_domain::task::{Priority, Status};
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, member, person, task, team};

#[tokio::test]
pub(crate) async fn a_reported_task_is_as_it_was_told() {
    let member = member().await;
    let team = team(&[&member]).await;
    let body = json!({
        "title": "  Check the lift  ",
        "description": "It **stops** between floors.\nAsk at the desk.",
        "priority": "high",
        "labels": ["lift", "safety", "lift"],
        "location": { "name": "Hall 3", "position": { "latitude": 52.520_006_6, "longitude": 13.404_954 } },
        "team_id": team,
        "assignee_id": member.id,
        "deadline": "2040-01-02T04:04:05.678912+01:00",
    });
    let begun = Utc::now();
    let answer = member.client.post("/tasks").json(&body).send().await;
    let task: TaskDocument = answer.document(201);
    assert_eq!(answer.location_under("/tasks"), task.id.0);
    assert_eq!((task.version, task.title.as_str()), (1, "Check the lift"));
    assert_eq!(task.description.as_deref(), Some("It **stops** between floors.\nAsk at the desk."));
    assert_eq!((task.priority, task.status), (Priority::High, Status::Todo));
    assert_eq!(task.labels, ["lift", "safety"]);
    let location = task.location.as_ref().unwrap();
    let position = location.position.unwrap();
    assert_eq!(location.name, "Hall 3");
    assert_eq!(json!([position.latitude, position.longitude]), json!([52.520_006_6, 13.404_954]));
    assert_eq!((task.team_id, task.assignee_id, task.reporter_id), (Some(team), Some(member.id), Some(member.id)));
    let deadline: DateTime<Utc> = "2040-01-02T03:04:05.678Z".parse().unwrap();
    assert_eq!(task.deadline, Some(deadline), "in UTC, to the millisecond");
    assert!((task.created_at - begun).abs() < chrono::TimeDelta::minutes(1));
    assert_eq!((task.updated_at, task.updated_by.clone()), (task.created_at, Actor::from(member.id)));
    assert_eq!((task.reopened, task.comments), (0, 0));

    let path = format!("/tasks/{}", task.id);
    assert_eq!(member.client.get(&path).send().await.document::<TaskDocument>(200), task);
}

#[tokio::test]
async fn what_is_left_out_is_medium_and_nothing() {
    let member = member().await;
    let task: Value = member.client.post("/tasks").json(&json!({ "title": "Check" })).send().await.document(201);
    assert_eq!((&task["priority"], &task["labels"]), (&json!("medium"), &json!([])));
    for nothing in [
        "description",
        "location",
        "team_id",
        "assignee_id",
        "deadline",
        "hold",
        "started_at",
        "completed_at",
        "deleted_at",
        "imported",
    ] {
        assert_eq!(task.get(nothing), Some(&Value::Null), "{nothing} is there, and null");
    }
    assert_eq!(task["reporter_id"], json!(member.id));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_task_is_named_at_once() {
    let body = json!({
        "title": "x".repeat(201),
        "description": "x".repeat(20_001),
        "labels": ["right", "x".repeat(51), " "],
        "location": { "name": "", "position": { "latitude": 91, "longitude": 200 } },
    });
    let answer = admin().await.post("/tasks").json(&body).send().await;
    answer.wrong_fields(&[
        "/title",
        "/description",
        "/labels/1",
        "/labels/2",
        "/location/name",
        "/location/position/latitude",
        "/location/position/longitude",
    ]);
}

#[tokio::test]
async fn all_that_is_not_of_its_kind_is_named_at_once_in_the_order_of_the_body() {
    let body = r#"{"titel":"x","priority":"zzz","status":7,"labels":"x","team_id":"me","deadline":"soon"}"#;
    let answer = admin().await.post("/tasks").body("application/json", body).send().await;
    let problem = answer.problem(422, "invalid_request");
    let errors = problem["errors"].as_array().unwrap();
    let named: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(named, ["/titel", "/priority", "/status", "/labels", "/team_id", "/deadline", "/title"]);
    assert_eq!(errors[4]["detail"], "must be a UUID");
    assert_eq!(errors[5]["detail"], "must be a time such as 2026-03-02T08:00:00Z");
}

#[tokio::test]
async fn texts_and_lists_may_be_as_long_as_they_are_said_to_be() {
    let labels: Vec<String> = (0..20).map(|number| format!("{number:é>50}")).collect();
    let body = json!({ "title": "é".repeat(200), "description": "é".repeat(20_000), "labels": labels });
    let task: TaskDocument = admin().await.post("/tasks").json(&body).send().await.document(201);
    assert_eq!((task.title.chars().count(), task.labels.len()), (200, 20));
}

#[tokio::test]
async fn too_many_labels_are_refused() {
    let admin = admin().await;
    for count in [21, 101, 1000] {
        let labels: Vec<String> = (0..count).map(|number| format!("label {number}")).collect();
        let answer = admin.post("/tasks").json(&json!({ "title": "Check", "labels": labels })).send().await;
        answer.wrong_fields(&["/labels"]);
    }
}

#[tokio::test]
async fn values_of_another_kind_are_refused_where_they_stand() {
    let admin = admin().await;
    for (field, value, pointer) in [
        ("title", json!(null), "/title"),
        ("priority", json!("urgent"), "/priority"),
        ("labels", json!(["right", 7]), "/labels/1"),
        ("labels", json!("right"), "/labels"),
        ("location", json!({ "name": "Hall", "floor": 3 }), "/location/floor"),
        ("location", json!({}), "/location/name"),
        ("location", json!(["Hall", null]), "/location"),
        ("location", json!({ "name": "Hall", "position": [1, 2] }), "/location/position"),
        ("location", json!({ "name": "Hall", "position": { "latitude": 1 } }), "/location/position/longitude"),
        (
            "location",
            json!({ "name": "Hall", "position": { "latitude": "1", "longitude": 1 } }),
            "/location/position/latitude",
        ),
        ("assignee_id", json!("me"), "/assignee_id"),
        ("team_id", json!(7), "/team_id"),
        ("deadline", json!("tomorrow"), "/deadline"),
        ("deadline", json!("2040-01-01T00:00:00"), "/deadline"),
        ("deadline", json!(1_700_000_000), "/deadline"),
        ("status", json!("completed"), "/status"),
        ("reporter_id", json!(Uuid::nil()), "/reporter_id"),
    ] {
        let mut body = json!({ "title": "Check" });
        body[field] = value;
        admin.post("/tasks").json(&body).send().await.wrong_fields(&[pointer]);
    }
    let twice = r#"{"title":"Check","title":"Check again"}"#;
    admin.post("/tasks").body("application/json", twice).send().await.wrong_fields(&["/title"]);
}

#[tokio::test]
async fn whom_and_what_it_names_must_be_there() {
    let (admin, gone) = (admin().await, member().await);
    let nobody = json!({ "title": "Check", "assignee_id": Uuid::new_v4(), "team_id": Uuid::new_v4() });
    admin.post("/tasks").json(&nobody).send().await.wrong_fields(&["/assignee_id", "/team_id"]);

    admin.delete(&format!("/users/{}", gone.id)).send().await.is(200);
    eventually("the directory knows that the account is closed", async || {
        let body = json!({ "title": "Check", "assignee_id": gone.id });
        let answer = admin.post("/tasks").json(&body).send().await;
        (answer.status != 201).then(|| answer.wrong_fields(&["/assignee_id"]))
    })
    .await;
}

#[tokio::test]
async fn a_member_reports_for_themselves_or_nobody_and_into_their_own_teams() {
    let (member, other) = (member().await, member().await);
    let (own, foreign) = (team(&[&member, &other]).await, team(&[]).await);
    for body in [json!({ "team_id": own, "assignee_id": member.id }), json!({ "team_id": own }), json!({})] {
        task(&member.client, body).await;
    }
    for (body, reason) in [
        (json!({ "assignee_id": other.id }), "you may assign this to yourself or to nobody"),
        (json!({ "team_id": foreign }), "this is possible for your own teams only"),
    ] {
        let mut task = json!({ "title": "Check" });
        task.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let problem = member.client.post("/tasks").json(&task).send().await.problem(403, "forbidden");
        assert_eq!(problem["detail"], reason);
    }
}

#[tokio::test]
async fn a_manager_reports_for_the_members_of_their_teams() {
    let (manager, mine, other) = (person(Role::Manager).await, member().await, member().await);
    let (own, foreign) = (team(&[&manager, &mine]).await, team(&[&other]).await);
    let made = task(&manager.client, json!({ "team_id": own, "assignee_id": mine.id })).await;
    assert_eq!((made.assignee_id, made.reporter_id), (Some(mine.id), Some(manager.id)));
    for body in [
        json!({ "title": "Check", "assignee_id": other.id }),
        json!({ "title": "Check", "team_id": foreign }),
        json!({ "title": "Check", "team_id": foreign, "assignee_id": mine.id }),
    ] {
        manager.client.post("/tasks").json(&body).send().await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn an_auditor_reports_nothing() {
    let auditor = person(Role::Auditor).await;
    let problem =
        auditor.client.post("/tasks").json(&json!({ "title": "Check" })).send().await.problem(403, "forbidden");
    assert_eq!(problem["detail"], "your role does not allow this");
}

#[tokio::test]
async fn a_history_begins_with_the_report() {
    let task = task(&member().await.client, json!({})).await;
    assert_eq!(event_types(task.id).await, ["TaskCreated"]);
}
