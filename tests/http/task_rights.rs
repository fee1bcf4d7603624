//! Who may do what to a task, and who may not even know of it.

use muster_domain::user::Role;
use muster_projections::TaskDocument;
use serde_json::json;

use crate::every_route::request;
use crate::routes::ROUTES;
use crate::support::{admin, event_types, eventually, member, of_task, person, take_digest, task, team};

#[tokio::test]
async fn a_task_of_others_is_not_there_for_a_member() {
    let (admin, member) = (admin().await, member().await);
    let team = team(&[&member]).await;
    for foreign in [task(&admin, json!({})).await, task(&admin, json!({ "team_id": team })).await] {
        for route in ROUTES.iter().filter(|route| route.is_of_a_task()) {
            let answer = request(&member.client, route, &foreign.id.to_string()).send().await;
            let problem = answer.problem(404, "not_found");
            assert_eq!(problem["detail"], "There is no such task.", "{} {}", route.method, route.path);
        }
        assert_eq!(event_types(foreign.id).await, ["TaskCreated"], "nothing was done");
    }
}

#[tokio::test]
async fn a_task_is_not_given_to_an_auditor() {
    let (admin, auditor) = (admin().await, person(Role::Auditor).await);
    let to_them = json!({ "assignee_id": auditor.id });
    let reported = json!({ "title": "Check", "assignee_id": auditor.id });
    admin.post("/tasks").json(&reported).send().await.wrong_fields(&["/assignee_id"]);
    let free = task(&admin, json!({})).await;
    let given = admin.post(&of_task(free.id, "/assign")).json(&to_them).send().await;
    given.wrong_fields(&["/assignee_id"]);
    assert_eq!(given.problem(422, "invalid_request")["errors"][0]["detail"], "an auditor does no tasks");
    admin.put(&of_task(free.id, "")).json(&to_them).send().await.wrong_fields(&["/assignee_id"]);
    let bulk = admin.post("/tasks/bulk").json(&json!({ "tasks": [reported] })).send().await.is(200).value();
    let problem = &bulk["outcomes"][0]["problem"];
    assert_eq!((&problem["status"], &problem["errors"][0]["pointer"]), (&json!(422), &json!("/tasks/0/assignee_id")));
    let body = json!({ "to": auditor.id });
    let reassigned = admin.post(&format!("/users/{}/reassign", member().await.id)).json(&body).send().await;
    reassigned.wrong_fields(&["/to"]);
    assert_eq!(event_types(free.id).await, ["TaskCreated"], "nothing was done");

    // What somebody had before they became an auditor stays theirs until somebody gives it away.
    let later = member().await;
    let theirs = task(&admin, json!({ "assignee_id": later.id })).await;
    admin.put(&format!("/users/{}", later.id)).json(&json!({ "role": "auditor" })).send().await.is(200);
    let seen: TaskDocument = admin.get(&of_task(theirs.id, "")).send().await.document(200);
    assert_eq!(seen.assignee_id, Some(later.id));
}

#[tokio::test]
async fn a_task_of_another_team_is_not_there_for_a_manager() {
    let (admin, manager, other) = (admin().await, person(Role::Manager).await, member().await);
    team(&[&manager]).await;
    let foreign = task(&admin, json!({ "team_id": team(&[&other]).await })).await;
    for route in ROUTES.iter().filter(|route| route.is_of_a_task()) {
        request(&manager.client, route, &foreign.id.to_string()).send().await.problem(404, "not_found");
    }
    assert_eq!(event_types(foreign.id).await, ["TaskCreated"], "nothing was done");
}

#[tokio::test]
async fn an_auditor_reads_every_task_and_changes_none() {
    let (auditor, member) = (person(Role::Auditor).await, member().await);
    let foreign = task(&member.client, json!({})).await;
    let id = foreign.id.to_string();
    // The read models are there when the log has its entry.
    eventually("the log has an entry", async || {
        let answer = auditor.client.get(&of_task(foreign.id, "/logs/latest")).send().await;
        (answer.status == 200).then_some(())
    })
    .await;
    take_digest().await;
    for route in ROUTES.iter().filter(|route| route.is_of_a_task()) {
        let answer = request(&auditor.client, route, &id).send().await;
        if route.method == "GET" {
            answer.is(200);
        } else {
            answer.problem(403, "forbidden");
        }
    }
    assert_eq!(event_types(foreign.id).await, ["TaskCreated"], "nothing was done");
}

#[tokio::test]
async fn whoever_does_a_task_moves_it_but_does_not_say_what_it_is() {
    let (admin, member) = (admin().await, member().await);
    let given = task(&admin, json!({ "assignee_id": member.id, "deadline": "2040-01-01T00:00:00Z" })).await;
    let (client, path) = (&member.client, |rest| of_task(given.id, rest));
    for (rest, body) in [
        ("/hold", json!({ "reason": "Rain" })),
        ("/resume", json!({ "reason": "Sun" })),
        ("/status", json!({ "status": "in_progress" })),
    ] {
        client.post(&path(rest)).json(&body).send().await.document::<TaskDocument>(200);
    }
    client.post(&path("/comments")).json(&json!({ "text": "On it." })).send().await.document::<TaskDocument>(201);
    for body in [
        json!({ "title": "Mine" }),
        json!({ "priority": "low" }),
        json!({ "deadline": null }),
        json!({ "assignee_id": null }),
        json!({ "team_id": null }),
        json!({}),
        json!({ "status": "completed", "title": "Mine" }),
    ] {
        let problem = client.put(&path("")).json(&body).send().await.problem(403, "forbidden");
        assert_eq!(problem["detail"], "only who reported the task may do this", "{body}");
    }
    client.delete(&path("")).send().await.problem(403, "forbidden");
    client.delete(&path("/deadline")).send().await.problem(403, "forbidden");
    let deadline = json!({ "deadline": "2041-01-01T00:00:00Z" });
    client.post(&path("/deadline")).json(&deadline).send().await.problem(403, "forbidden");
    client.post(&path("/assign")).json(&json!({ "assignee_id": null })).send().await.problem(403, "forbidden");
    admin.delete(&path("")).send().await.is(200);
    client.post(&path("/restore")).send().await.problem(403, "forbidden");
    let types = event_types(given.id).await;
    assert_eq!(types, ["TaskCreated", "TaskHeld", "TaskResumed", "TaskStatusChanged", "TaskCommented", "TaskDeleted"]);
    client.put(&path("")).json(&json!({ "status": "completed" })).send().await.problem(409, "task_deleted");
}

#[tokio::test]
async fn whoever_reported_a_task_gives_it_to_themselves_or_nobody_and_into_their_own_teams() {
    let (member, other) = (member().await, member().await);
    let (own, foreign) = (team(&[&member]).await, team(&[&other]).await);
    let task = task(&member.client, json!({})).await;
    let put = async |body| member.client.put(&of_task(task.id, "")).json(&body).send().await;
    let moved: TaskDocument = put(json!({ "team_id": own, "assignee_id": member.id })).await.document(200);
    assert_eq!((moved.team_id, moved.assignee_id), (Some(own), Some(member.id)));
    put(json!({ "assignee_id": other.id })).await.problem(403, "forbidden");
    put(json!({ "team_id": foreign })).await.problem(403, "forbidden");
    let back: TaskDocument = put(json!({ "team_id": null, "assignee_id": null })).await.document(200);
    assert_eq!((back.version, back.team_id, back.assignee_id), (5, None, None));
}

#[tokio::test]
async fn a_manager_does_everything_to_the_tasks_of_their_teams_and_keeps_them_there() {
    let (admin, manager, other) = (admin().await, person(Role::Manager).await, member().await);
    let (own, foreign) = (team(&[&manager]).await, team(&[&other]).await);
    let task = task(&admin, json!({ "team_id": own })).await;
    let (client, path) = (&manager.client, |rest| of_task(task.id, rest));
    let body =
        json!({ "title": "Ours", "priority": "low", "status": "in_progress", "deadline": "2040-01-01T00:00:00Z" });
    client.put(&path("")).json(&body).send().await.document::<TaskDocument>(200);
    let away = client.put(&path("")).json(&json!({ "team_id": foreign })).send().await;
    assert_eq!(away.problem(403, "forbidden")["detail"], "this is possible for your own teams only");
    client.delete(&path("")).send().await.document::<TaskDocument>(200);
    client.post(&path("/restore")).send().await.document::<TaskDocument>(200);
}

#[tokio::test]
async fn whoever_a_task_is_taken_from_does_not_see_it_any_more() {
    let (admin, member) = (admin().await, member().await);
    let given = task(&admin, json!({ "assignee_id": member.id })).await;
    let path = of_task(given.id, "");
    member.client.get(&path).min_version(1).send().await.is(200);
    admin.post(&of_task(given.id, "/assign")).json(&json!({ "assignee_id": null })).send().await.is(200);
    member.client.get(&path).min_version(2).send().await.problem(404, "not_found");
    // What it was is not theirs to see either, though it was theirs then.
    member.client.get(&format!("{path}?as_of=1")).min_version(2).send().await.problem(404, "not_found");
    let comment = json!({ "text": "But I was at it" });
    member.client.post(&of_task(given.id, "/comments")).json(&comment).send().await.problem(404, "not_found");
}
