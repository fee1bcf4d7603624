//! The log of a task, and the history behind it.

use muster_domain::commit::ChainVerifier;
use muster_domain::{Commit, EventData, RecordedEvent, TaskId};
use muster_projections::audit_log::AuditEntry;
use serde_json::{Value, json};

use crate::page::walk;
use crate::support::{Person, admin, eventually, history, member, moved, of_task, task};
use muster_tests::client::Client;

/// A task with a history of five events in four commits, whose log has them all.
async fn worked_on(member: &Person) -> TaskId {
    let task = task(&member.client, json!({ "labels": ["lift"] })).await;
    let body = json!({ "title": "Repair the lift", "priority": "high" });
    member.client.put(&of_task(task.id, "")).json(&body).send().await.is(200);
    moved(&member.client, task.id, &["in_progress"]).await;
    let comment = json!({ "text": "The fuse it was." });
    member
        .client
        .post(&of_task(task.id, "/comments"))
        .header("x-request-id", "said-7")
        .json(&comment)
        .send()
        .await
        .is(201);
    eventually("the log is complete", async || (log(&member.client, task.id, "").await.len() == 5).then_some(())).await;
    task.id
}

async fn log(client: &Client, id: TaskId, query: &str) -> Vec<AuditEntry> {
    let items = walk(client, &of_task(id, &format!("/logs{query}")), 2).await;
    items.into_iter().map(|entry| serde_json::from_value(entry).unwrap()).collect()
}

#[tokio::test]
pub(crate) async fn the_log_tells_who_did_what_newest_first() {
    let member = member().await;
    let id = worked_on(&member).await;
    let entries = log(&member.client, id, "").await;
    let told: Vec<_> = entries.iter().map(|entry| (entry.version, entry.event_type.as_str())).collect();
    assert_eq!(
        told,
        [
            (5, "TaskCommented"),
            (4, "TaskStatusChanged"),
            (3, "TaskPriorityChanged"),
            (2, "TaskEdited"),
            (1, "TaskCreated")
        ]
    );
    assert!(entries.iter().all(|entry| entry.actor.user() == Some(member.id) && entry.stream.id == id.0));
    let changes = |at: usize| serde_json::to_value(&entries[at].changes).unwrap();
    assert_eq!(changes(1), json!([{ "field": "status", "from": "todo", "to": "in_progress" }]));
    assert_eq!(changes(2), json!([{ "field": "priority", "from": "medium", "to": "high" }]));
    assert_eq!(changes(3), json!([{ "field": "title", "from": "Check the lift", "to": "Repair the lift" }]));
    assert_eq!(
        changes(4),
        json!([
            { "field": "title", "from": null, "to": "Check the lift" },
            { "field": "priority", "from": null, "to": "medium" },
            { "field": "labels", "from": null, "to": ["lift"] },
            { "field": "reporter_id", "from": null, "to": member.id },
        ])
    );
    assert_eq!((entries[0].note.as_deref(), entries[0].changes.len()), (Some("The fuse it was."), 0));
    assert_eq!(entries[0].correlation_id, "said-7", "by the request that its sender named");
    assert_eq!(entries[2].command_id, entries[3].command_id, "one request made both changes");
    assert!(entries.windows(2).all(|pair| pair[0].at >= pair[1].at));
}

#[tokio::test]
async fn the_log_is_sorted_and_filtered_as_asked() {
    let member = member().await;
    let id = worked_on(&member).await;
    let versions = async |query: &str| -> Vec<u64> {
        log(&member.client, id, query).await.iter().map(|entry| entry.version).collect()
    };
    assert_eq!(versions("?sort=version").await, [1, 2, 3, 4, 5]);
    assert_eq!(versions("?sort=-version").await, [5, 4, 3, 2, 1]);
    assert_eq!(versions("?type=TaskStatusChanged").await, [4]);
    assert_eq!(versions("?type=TaskDeleted").await, [] as [u64; 0]);
    let path = of_task(id, "/logs");
    member.client.get(&format!("{path}?sort=at")).send().await.wrong_parameters(&["sort"]);
    for mistyped in ["TaskStatusChange", ""] {
        member.client.get(&format!("{path}?type={mistyped}")).send().await.wrong_parameters(&["type"]);
    }
    member.client.get(&format!("{path}?cursor=garbage")).send().await.wrong_parameters(&["cursor"]);
    let page = member.client.get(&format!("{path}?limit=1")).send().await.is(200).value();
    let cursor = page["next"].as_str().unwrap();
    let turned = member.client.get(&format!("{path}?sort=version&cursor={cursor}")).send().await;
    turned.wrong_parameters(&["cursor"]);
}

#[tokio::test]
pub(crate) async fn the_latest_entry_is_the_last_thing_that_happened() {
    let member = member().await;
    let id = worked_on(&member).await;
    let latest = async || member.client.get(&of_task(id, "/logs/latest")).send().await.is(200).json::<AuditEntry>();
    let entry = latest().await;
    assert_eq!((entry.version, entry.event_type.as_str()), (5, "TaskCommented"));
    assert_eq!(entry, log(&member.client, id, "").await[0]);
    let reason = json!({ "reason": "Rain" });
    member.client.post(&of_task(id, "/hold")).json(&reason).send().await.is(200);
    let held = eventually("the hold is logged", async || Some(latest().await).filter(|entry| entry.version == 6)).await;
    assert_eq!((held.event_type.as_str(), held.note.as_deref()), ("TaskHeld", Some("Rain")));
}

/// The commit that an item of a history tells of.
fn commit(item: &Value) -> Commit {
    let events: Vec<RecordedEvent> = serde_json::from_value(item["events"].clone()).unwrap();
    let first = events[0].clone();
    Commit {
        stream: first.stream,
        version: first.version,
        events: events
            .into_iter()
            .map(|event| EventData { event_type: event.event_type, schema: event.schema, data: event.data })
            .collect(),
        command_id: first.command_id,
        fingerprint: serde_json::from_value(item["fingerprint"].clone()).unwrap(),
        actor: first.actor,
        recorded_at: first.recorded_at,
        correlation_id: first.correlation_id,
        causation_id: first.causation_id,
        prev_hash: serde_json::from_value(item["prev_hash"].clone()).unwrap(),
        hash: serde_json::from_value(item["hash"].clone()).unwrap(),
    }
}

#[tokio::test]
pub(crate) async fn the_raw_history_verifies() {
    let member = member().await;
    let made = task(
        &member.client,
        json!({ "location": { "name": "Hall", "position": { "latitude": 1.5, "longitude": -0.1 } } }),
    );
    let id = made.await.id;
    member
        .client
        .put(&of_task(id, ""))
        .json(&json!({ "title": "Zwölf \u{1f527}", "priority": "low" }))
        .send()
        .await
        .is(200);
    moved(&member.client, id, &["in_progress", "completed"]).await;
    let items = history(id).await;
    assert_eq!(items.len(), 4, "one for each request");
    let mut chain = ChainVerifier::default();
    for item in &items {
        chain.follow(&commit(item)).unwrap();
    }
    assert_eq!(chain.version(), 5);
    assert_eq!(items[0]["prev_hash"], "0".repeat(64));
    assert_eq!(items[1]["prev_hash"], items[0]["hash"]);

    let events: Vec<RecordedEvent> = items
        .iter()
        .flat_map(|item| serde_json::from_value::<Vec<RecordedEvent>>(item["events"].clone()).unwrap())
        .collect();
    assert!(events.iter().zip(1..).all(|(event, version)| event.version == version), "no gaps");
    assert!(events.iter().all(|event| event.event_id == RecordedEvent::id_at(&event.stream, event.version)));
    assert!(events.iter().all(|event| event.actor.user() == Some(member.id) && event.decode().is_ok()));

    // A history that was tampered with does not.
    let mut changed = items.clone();
    changed[1]["events"][0]["data"]["title"]["to"] = json!("Nothing");
    let mut chain = ChainVerifier::default();
    chain.follow(&commit(&changed[0])).unwrap();
    chain.follow(&commit(&changed[1])).unwrap_err();
}

#[tokio::test]
async fn a_history_is_read_part_by_part() {
    let member = member().await;
    let id = worked_on(&member).await;
    let part =
        async |query: &str| member.client.get(&of_task(id, &format!("/history{query}"))).send().await.is(200).value();
    let first_versions = |part: &Value| -> Vec<u64> {
        part["items"].as_array().unwrap().iter().map(|item| item["events"][0]["version"].as_u64().unwrap()).collect()
    };
    let whole = part("").await;
    assert_eq!((first_versions(&whole), &whole["next"]), (vec![1, 2, 4, 5], &Value::Null));
    let first = part("?limit=2").await;
    assert_eq!((first_versions(&first), &first["next"]), (vec![1, 2], &json!(3)));
    let second = part("?limit=2&after=3").await;
    assert_eq!((first_versions(&second), &second["next"]), (vec![4, 5], &Value::Null));
    assert_eq!(part("?limit=2&cursor=3").await, second);
    assert_eq!(walk(&member.client, &of_task(id, "/history"), 1).await, *whole["items"].as_array().unwrap());
    assert_eq!(first_versions(&part("?after=2").await), [4, 5], "from the middle of a commit to the next one");
    assert_eq!(first_versions(&part("?after=5").await), [] as [u64; 0]);
    for wrong in ["after=-1", "after=first", "after=9007199254740992"] {
        let answer = member.client.get(&of_task(id, &format!("/history?{wrong}"))).send().await;
        answer.wrong_parameters(&["after"]);
    }
    for wrong in ["cursor=", "cursor=first", "cursor=%2B3", "cursor=03", "cursor=9007199254740992", "cursor=3&after=3"]
    {
        let answer = member.client.get(&of_task(id, &format!("/history?{wrong}"))).send().await;
        answer.wrong_parameters(&["cursor"]);
    }
}

#[tokio::test]
async fn a_log_is_for_those_who_see_the_task() {
    let (member, other) = (member().await, member().await);
    let id = task(&member.client, json!({})).await.id;
    eventually("the log has an entry", async || (!log(&member.client, id, "").await.is_empty()).then_some(())).await;
    for path in ["/logs", "/logs/latest", "/history"] {
        member.client.get(&of_task(id, path)).send().await.is(200);
        admin().await.get(&of_task(id, path)).send().await.is(200);
        other.client.get(&of_task(id, path)).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_log_is_as_fresh_as_what_its_reader_has_just_written() {
    let member = member().await;
    let mut task = task(&member.client, json!({})).await;
    for round in 0..5 {
        let body = json!({ "title": format!("Round {round}") });
        task = member.client.put(&of_task(task.id, "")).json(&body).send().await.document(200);
        let read = async |rest: &str, version: u64| {
            let answer =
                member.client.get(&of_task(task.id, &format!("/logs{rest}"))).min_version(version).send().await;
            answer.is(200).value()
        };
        assert_eq!(read("/latest", task.version).await["version"], task.version);
        let (page, whole) = (read("?limit=1", task.version).await, read("", task.version + 100).await);
        assert_eq!(page["items"][0]["version"], task.version);
        assert_eq!(whole["items"].as_array().unwrap().len() as u64, task.version, "the newest that there is");
        let next = page["next"].as_str().unwrap();
        let second = read(&format!("?limit=1&cursor={next}"), task.version + 100).await;
        assert_eq!(second["items"][0], whole["items"][1], "a cursor is good for the log and for what comes before it");
    }
}
