//! The audit: who did what to anything, for those who audit.

use chrono::Utc;
use muster_domain::TaskId;
use muster_domain::user::Role;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{Person, admin, eventually, member, moved, of_task, person, task};

/// A task with three events by its reporter and one by somebody else; the audit has all of them.
async fn worked_on(reporter: &Person, other: &Person) -> String {
    let made = task(&reporter.client, json!({ "assignee_id": reporter.id })).await;
    moved(&reporter.client, made.id, &["in_progress", "completed"]).await;
    let comment = json!({ "text": "Well done." });
    other.client.post(&of_task(made.id, "/comments")).json(&comment).send().await.is(201);
    eventually("the audit has it all", async || {
        (found(other, &format!("task_id={}", made.id)).await.len() == 4).then_some(())
    })
    .await;
    made.id.to_string()
}

/// What a search finds: types and versions, in order.
async fn found(who: &Person, query: &str) -> Vec<(String, u64)> {
    let items = walk(&who.client, &format!("/audit?{query}"), 2).await;
    items.iter().map(|entry| (entry["type"].as_str().unwrap().to_owned(), entry["version"].as_u64().unwrap())).collect()
}

fn pairs(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    all.iter().map(|(kind, version)| ((*kind).to_owned(), *version)).collect()
}

#[tokio::test]
pub(crate) async fn the_audit_is_searched_by_actor_type_day_and_task() {
    let (reporter, auditor) = (member().await, person(Role::Admin).await);
    let id = worked_on(&reporter, &auditor).await;
    let all = pairs(&[("TaskCommented", 4), ("TaskStatusChanged", 3), ("TaskStatusChanged", 2), ("TaskCreated", 1)]);
    assert_eq!(found(&auditor, &format!("task_id={id}")).await, all);
    let mine = found(&auditor, &format!("actor={}", reporter.id)).await;
    assert_eq!(mine, all[1..], "by the reporter, newest first");
    assert_eq!(found(&auditor, &format!("actor={}", auditor.id)).await, all[..1]);
    let moves = format!("actor={}&type=TaskStatusChanged", reporter.id);
    assert_eq!(found(&auditor, &moves).await, all[1..3]);
    assert_eq!(
        found(&auditor, &format!("{moves}&sort=at")).await,
        pairs(&[("TaskStatusChanged", 2), ("TaskStatusChanged", 3)])
    );
    assert_eq!(found(&auditor, &format!("task_id={id}&type=TaskCommented&actor={}", auditor.id)).await, all[..1]);
    assert_eq!(found(&auditor, &format!("task_id={id}&day=2020-01-01")).await, []);
    // What everybody did is more than this test has done: of it, what is about the task.
    let today = Utc::now().date_naive();
    let about = |items: Vec<Value>| items.into_iter().filter(|entry| entry["stream"]["id"] == id).count();
    for query in
        [format!("from={}", today - chrono::TimeDelta::days(1)), "type=TaskStatusChanged".to_owned(), String::new()]
    {
        let expected = if query.contains("type") { 2 } else { 4 };
        assert_eq!(about(walk(&auditor.client, &format!("/audit?{query}"), 200).await), expected, "{query}");
    }
    // An account is in it, too, with what is personal in the open.
    let about = walk(&auditor.client, &format!("/audit?user_id={}", reporter.id), 50).await;
    assert_eq!((about.len(), &about[0]["type"]), (1, &json!("UserRegistered")));
    assert!(about[0]["changes"].as_array().unwrap().iter().any(|change| change["to"] == reporter.email));
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused_parameter_by_parameter() {
    let admin = admin().await;
    let wrong = async |query: &str, parameters: &[&str]| {
        admin.get(&format!("/audit?{query}")).send().await.wrong_parameters(parameters);
    };
    wrong("actor=ada&type=&sort=when", &["sort", "actor", "type"]).await;
    wrong("actor=system:", &["actor"]).await;
    wrong("type=TaskStatusChange", &["type"]).await;
    let (task, team) = (Uuid::new_v4(), Uuid::new_v4());
    wrong(&format!("task_id={task}&team_id={team}"), &["task_id"]).await;
    wrong("day=2026-03-02&to=2026-03-03", &["day"]).await;
    wrong("from=2026-03-03&to=2026-03-02", &["from"]).await;
    wrong("from=2024-01-01&to=2026-03-02", &["from"]).await;
    wrong("day=yesterday", &["day"]).await;
    wrong("from=2026-11-2&to=%2B2026-11-03", &["from", "to"]).await;
    wrong("cursor=garbage", &["cursor"]).await;
    // Where something narrower leads, days are a filter like any other.
    admin.get(&format!("/audit?from=2024-01-01&to=2026-03-02&task_id={task}")).send().await.is(200);
    let page = admin.get("/audit?limit=1").send().await.is(200).value();
    let turned = format!("/audit?limit=1&sort=at&cursor={}", page["next"].as_str().unwrap());
    admin.get(&turned).send().await.wrong_parameters(&["cursor"]);
}

#[tokio::test]
async fn who_reads_the_audit_is_in_the_access_log() {
    let auditor = person(Role::Auditor).await;
    let answer = auditor.client.get("/audit?limit=1").send().await;
    answer.is(200);
    let reads = walk(&admin().await, &format!("/audit/access?actor={}&kind=audit_read", auditor.id), 50).await;
    assert_eq!(reads.len(), 1);
    assert_eq!((&reads[0]["route"], &reads[0]["outcome"]), (&json!("GET /api/v1/audit"), &json!("allowed")));
    assert_eq!(reads[0]["request_id"], answer.header("x-request-id"));
}

/// Where the comment on a task came from, as this reader sees it.
async fn origin_of_comment(reader: &Client, id: TaskId) -> Value {
    let page = reader.get(&of_task(id, "/logs?type=TaskCommented")).min_version(2).send().await.is(200).value();
    page["items"][0]["from"].clone()
}

#[tokio::test]
async fn an_entry_says_where_its_command_came_from_to_those_who_audit_and_to_whoever_sent_it() {
    let (ada, ben, auditor) = (member().await, member().await, person(Role::Auditor).await);
    let made = task(&admin().await, json!({ "assignee_id": ada.id })).await;
    let path = of_task(made.id, "/comments");
    let comment = ada.client.post(&path).header("user-agent", "field app/1.0").json(&json!({ "text": "Here." }));
    comment.send().await.is(201);
    let from = json!({ "address": "127.0.0.1", "user_agent": "field app/1.0" });
    eventually("the origin is kept", async || {
        (origin_of_comment(&auditor.client, made.id).await == from).then_some(())
    })
    .await;
    assert_eq!(origin_of_comment(&ada.client, made.id).await, from, "it is her own");
    // Whoever does the task now sees what she said, and not where she was.
    admin().await.post(&of_task(made.id, "/assign")).json(&json!({ "assignee_id": ben.id })).send().await.is(200);
    eventually("the task is his", async || {
        (ben.client.get(&of_task(made.id, "")).send().await.status == 200).then_some(())
    })
    .await;
    assert_eq!(origin_of_comment(&ben.client, made.id).await, Value::Null);
    let searched = auditor.client.get(&format!("/audit?task_id={}&type=TaskCommented", made.id)).send().await;
    assert_eq!(searched.is(200).value()["items"][0]["from"], from);
    // A repeat is answered as the first was, and changes nothing of where that came from.
    let repeat = async |agent: &str| {
        let request = ada.client.put("/profile").key("once").header("user-agent", agent);
        request.json(&json!({ "name": "Ada B." })).send().await.is(200);
    };
    repeat("first").await;
    repeat("second").await;
    let latest = async || {
        let query = format!("/audit?user_id={}&type=UserProfileChanged", ada.id);
        let page = auditor.client.get(&query).send().await.is(200).value();
        page["items"][0]["from"]["user_agent"].as_str().map(str::to_owned)
    };
    assert_eq!(eventually("the profile's origin is kept", latest).await, "first");
}

#[tokio::test]
async fn where_somebody_was_is_erased_with_them() {
    let ada = member().await;
    let made = task(&ada.client, json!({})).await;
    ada.client.post(&of_task(made.id, "/comments")).json(&json!({ "text": "Here." })).send().await.is(201);
    let admin = admin().await;
    eventually("the origin is kept", async || (!origin_of_comment(&admin, made.id).await.is_null()).then_some(()))
        .await;
    admin.delete(&format!("/users/{}", ada.id)).send().await.is(200);
    let erase = admin.post(&format!("/users/{}/erase", ada.id)).json(&json!({ "confirm": ada.id }));
    erase.send().await.is(200);
    assert_eq!(origin_of_comment(&admin, made.id).await, Value::Null);
}
