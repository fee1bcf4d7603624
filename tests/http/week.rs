//! A week of a team's work on a server of its own, and what every part of Muster says of it in the end.

use std::collections::BTreeMap;
use std::fs;

use chrono::Utc;
use muster_domain::TaskId;
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use muster_tests::client::Client;
use muster_tests::server::{Server, command, output};
use serde_json::{Value, json};

use crate::page::walk;
use crate::support::{Person, eventually, ids, later, moved, of_task, person_of, team_of, written};
use crate::webhooks::{Inbox, local_server, receiver};

/// The people, and what they have seen.
struct Week {
    server: Server,
    chief: Client,
    lead: Person,
    ada: Person,
    ben: Person,
    auditor: Person,
    team: String,
    told: Inbox,
    /// Every task at every version that somebody was shown.
    seen: BTreeMap<(TaskId, u64), TaskDocument>,
    /// When each day ended, and what the team's board showed then.
    evenings: Vec<(String, Board)>,
}

/// The titles of each column.
type Board = Vec<Vec<String>>;

impl Week {
    async fn new() -> Self {
        let (server, chief) = local_server().await;
        let lead = person_of(&chief, Role::Manager).await;
        let (ada, ben) = (person_of(&chief, Role::Member).await, person_of(&chief, Role::Member).await);
        let auditor = person_of(&chief, Role::Auditor).await;
        let team = team_of(&chief, &[&lead, &ada, &ben]).await.to_string();
        let (told, url) = receiver().await;
        chief.post("/webhooks").json(&json!({ "url": url, "team_id": team })).send().await.is(201);
        Self { server, chief, lead, ada, ben, auditor, team, told, seen: BTreeMap::new(), evenings: Vec::new() }
    }

    /// Somebody does something to a task, and is shown what it is then.
    async fn done(&mut self, by: &Client, id: TaskId, method: &str, rest: &str, body: Value) -> TaskDocument {
        let path = format!("/api/v1{}", of_task(id, rest));
        let answer = by.request(method, &path).json(&body).send().await;
        let status = if answer.status == 201 { 201 } else { 200 };
        let task: TaskDocument = answer.document(status);
        self.seen.insert((id, task.version), task.clone());
        later(&task).await;
        task
    }

    /// The tasks with these titles, which somebody may see.
    async fn named(&self, titles: &[&str]) -> Vec<TaskId> {
        eventually("the list has them", async || {
            let tasks = walk(&self.lead.client, &format!("/tasks?team_id={}", self.team), 50).await;
            let id = |title: &&str| tasks.iter().find(|task| task["title"] == **title).map(|task| task["id"].clone());
            let found: Option<Vec<_>> = titles.iter().map(id).collect();
            found.map(|ids| ids.into_iter().map(|id| serde_json::from_value(id).unwrap()).collect())
        })
        .await
    }

    async fn board(&self, query: &str) -> Board {
        let path = format!("/tasks/board?team_id={}{query}", self.team);
        let board =
            self.lead.client.get(&path).header("muster-min-version", &self.newest()).send().await.is(200).value();
        let column = |column: &Value| {
            let items = column["items"].as_array().unwrap().iter();
            items.map(|task| task["title"].as_str().unwrap().to_owned()).collect()
        };
        board["columns"].as_array().unwrap().iter().map(column).collect()
    }

    /// The last versions that somebody was shown, of the ten tasks that were changed last.
    fn newest(&self) -> String {
        let mut last: BTreeMap<TaskId, &TaskDocument> = BTreeMap::new();
        last.extend(self.seen.iter().map(|((id, _), task)| (*id, task)));
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_by_key(|task| std::cmp::Reverse(task.updated_at));
        let named = last.into_iter().take(10).map(|task| format!("task#{}@{}", task.id, task.version));
        named.collect::<Vec<_>>().join(",")
    }

    async fn evening(&mut self, expected: &[&[&str]; 3]) {
        let board = self.board("").await;
        assert_eq!(board, expected.map(<[&str]>::to_vec));
        self.evenings.push((written(Utc::now()), board));
        let last = self.seen.values().max_by_key(|task| task.updated_at).unwrap().clone();
        later(&TaskDocument { updated_at: Utc::now(), ..last }).await;
    }
}

#[tokio::test]
async fn a_week_of_work_is_on_the_board_in_the_logs_in_the_feed_and_in_the_proof() {
    let mut week = Week::new().await;
    let (lead, ada, ben) = (week.lead.client.clone(), week.ada.client.clone(), week.ben.client.clone());

    // Monday: the old list comes in, and the lead plans the week.
    let file = "Key,Title,Status,Created\nL-1,Oil the gate,Open,2025-02-03\nL-2,Paint the hall,Done,2025-01-07\n";
    let import = json!({ "mode": "run", "content": file, "team_id": week.team });
    let outcome = week.chief.post("/imports").json(&import).send().await.is(200).value();
    assert_eq!(outcome["outcome"]["created"], 2);
    let plan = json!({ "tasks": [
        { "title": "Order the door", "team_id": week.team, "assignee_id": week.ben.id, "priority": "high" },
        { "title": "Fit the door", "team_id": week.team, "assignee_id": week.ada.id, "labels": ["door"] },
        { "title": "Check the lift", "team_id": week.team, "assignee_id": week.ada.id, "deadline": "2040-03-23T09:00:00Z" },
        { "title": "", "team_id": week.team },
    ] });
    let planned = lead.post("/tasks/bulk").json(&plan).send().await.is(200).value();
    let statuses: Vec<_> = planned["outcomes"].as_array().unwrap().iter().map(|outcome| &outcome["status"]).collect();
    assert_eq!(statuses, [201, 201, 201, 422], "one has no title, the others are planned");
    let titles = ["Order the door", "Fit the door", "Check the lift", "Oil the gate"];
    let [order, fit, check, oil] = week.named(&titles).await[..] else { panic!("four") };
    let weekly = json!({ "frequency": "weekly", "weekdays": ["friday"], "time": "09:00", "time_zone": "Etc/UTC" });
    week.done(&lead, check, "PUT", "/recurrence", weekly).await;
    week.done(&lead, check, "PUT", "/reminders", json!({ "before": ["P1D"] })).await;
    week.done(&lead, fit, "POST", "/relations", json!({ "kind": "blocked_by", "task_id": order })).await;
    week.done(&lead, order, "POST", "/position", json!({ "before": oil })).await;
    let todo = ["Order the door", "Oil the gate", "Fit the door", "Check the lift"];
    week.evening(&[&todo, &[], &["Paint the hall"]]).await;

    // Tuesday: Ben orders, and waits; the lead writes down what there is to do, and watches the order; Ada asks.
    week.done(&ben, order, "POST", "/status", json!({ "status": "in_progress" })).await;
    week.done(&ben, order, "POST", "/hold", json!({ "reason": "The supplier is closed." })).await;
    for text in ["Take the old one out", "Hang the new one"] {
        week.done(&lead, fit, "POST", "/checklist", json!({ "text": text })).await;
    }
    let mention = json!({ "text": format!("@[{}] is it coming?", week.ben.id) });
    week.done(&ada, fit, "POST", "/comments", mention).await;
    week.done(&lead, order, "PUT", &format!("/watchers/{}", week.lead.id), json!({})).await;
    week.evening(&[&todo[1..], &["Order the door"], &["Paint the hall"]]).await;

    // Wednesday: it goes on; somebody is late with a change, and a phone sends one twice.
    let resumed = week.done(&ben, order, "POST", "/resume", json!({ "reason": "Open again." })).await;
    let hurry = json!({ "priority": "critical" });
    let stale = lead.put(&of_task(order, "")).if_match(resumed.version - 1).json(&hurry).send().await;
    assert_eq!(stale.problem(412, "stale_version")["version"], resumed.version);
    week.done(&lead, order, "PUT", "", hurry).await;
    let comment = async || {
        let request = ada.post(&of_task(fit, "/comments")).key("from the phone").json(&json!({ "text": "I am here." }));
        request.send().await.document::<TaskDocument>(201)
    };
    let (once, twice) = (comment().await, comment().await);
    assert_eq!(once, twice);
    week.seen.insert((fit, once.version), once);
    moved(&ben, order, &["completed"]).await;
    let begun = week.done(&ada, fit, "POST", "/status", json!({ "status": "in_progress" })).await;
    let ticked = format!("/checklist/{}", begun.checklist[0].id);
    week.done(&ada, fit, "PUT", &ticked, json!({ "done": true })).await;
    let both = ["Order the door", "Paint the hall"];
    week.evening(&[&["Oil the gate", "Check the lift"], &["Fit the door"], &both]).await;

    // Thursday: the weekly check is done, the next one is there; a task is thrown away by mistake.
    week.done(&ada, check, "POST", "/status", json!({ "status": "in_progress" })).await;
    week.done(&ada, check, "POST", "/status", json!({ "status": "completed" })).await;
    let next = check.successor();
    let following: TaskDocument = eventually("the next check is planned", async || {
        let answer = ada.get(&of_task(next, "")).send().await;
        (answer.status == 200).then(|| answer.document(200))
    })
    .await;
    assert_eq!(written(following.deadline.unwrap()), "2040-03-30T09:00:00.000Z");
    week.seen.insert((next, following.version), following);
    week.done(&lead, oil, "DELETE", "", json!({})).await;
    week.evening(&[&["Check the lift"], &["Fit the door"], &["Order the door", "Paint the hall", "Check the lift"]])
        .await;

    // Friday: it is put back, and the door hangs.
    week.done(&lead, oil, "POST", "/restore", json!({})).await;
    week.done(&lead, oil, "POST", "/assign", json!({ "assignee_id": week.ben.id })).await;
    week.done(&ada, fit, "POST", "/status", json!({ "status": "completed" })).await;
    let done = ["Order the door", "Paint the hall", "Fit the door", "Check the lift"];
    let last: [&[&str]; 3] = [&["Oil the gate", "Check the lift"], &[], &done];
    week.evening(&last).await;

    past_is_as_it_was_seen(&week).await;
    lists_have_what_they_are_for(&week, [oil, next]).await;
    let events = histories_are_in_the_feed_and_at_the_receiver(&week, &[order, fit, check, oil, next]).await;
    audit_says_who_did_what(&week, fit, events).await;
    all_of_it_is_proven(&week, fit).await;
}

/// Whatever somebody was shown is what the task was at that version, and each evening's board is what the board was then.
async fn past_is_as_it_was_seen(week: &Week) {
    for ((id, version), then) in &week.seen {
        let path = of_task(*id, &format!("?as_of={version}"));
        assert_eq!(week.lead.client.get(&path).send().await.document::<TaskDocument>(200), *then);
    }
    for (evening, board) in &week.evenings {
        assert_eq!(week.board(&format!("&as_of={evening}")).await, *board, "on the evening of {evening}");
    }
}

async fn lists_have_what_they_are_for(week: &Week, open: [TaskId; 2]) {
    let open_ones = json!({ "name": "Open", "filter": { "team_id": week.team, "open": true, "sort": "rank" } });
    let saved = week.lead.client.post("/profile/filters").json(&open_ones).send().await.is(201).value();
    let listed = week.lead.client.get(&format!("/tasks?filter_id={}", saved["id"].as_str().unwrap()));
    assert_eq!(ids(&listed.send().await.is(200).value()), open.map(|id| id.0));
    let mine = week.ben.client.get("/tasks?open=true").send().await.is(200).value();
    assert_eq!(ids(&mine), [open[0].0], "Ben sees what is his");
    let other = person_of(&week.chief, Role::Member).await;
    assert_eq!(ids(&other.client.get("/tasks").send().await.is(200).value()), [] as [uuid::Uuid; 0]);
    other.client.get(&of_task(open[0], "")).send().await.problem(404, "not_found");
}

/// Gives the ids of the events.
async fn histories_are_in_the_feed_and_at_the_receiver(week: &Week, tasks: &[TaskId]) -> Vec<String> {
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in tasks {
        let commits = walk(&week.auditor.client, &of_task(*id, "/history"), 200).await;
        let events = commits.iter().flat_map(|commit| commit["events"].as_array().unwrap());
        let names = events.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect();
        expected.insert(id.to_string(), names);
    }
    eventually("the feed has each history, whole and in order", async || {
        let page = week.auditor.client.get("/feed?limit=500").send().await.is(200).value();
        assert_eq!(page["more"], false);
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in page["items"].as_array().unwrap() {
            let of = found.entry(event["stream"]["id"].as_str().unwrap().to_owned()).or_default();
            of.push(event["event_id"].as_str().unwrap().to_owned());
        }
        found.retain(|id, _| expected.contains_key(id));
        (found == expected).then_some(())
    })
    .await;
    let events: Vec<String> = expected.into_values().flatten().collect();
    eventually("the receiver was told of each", async || {
        let told = week.told.lock().unwrap();
        let names: Vec<_> = told.iter().filter_map(|(headers, _)| headers.get("muster-event-id")).collect();
        events.iter().all(|event| names.iter().any(|name| *name == event.as_str())).then_some(())
    })
    .await;
    events
}

async fn audit_says_who_did_what(week: &Week, fit: TaskId, events: Vec<String>) {
    let auditor = &week.auditor.client;
    let audit = walk(auditor, "/audit?sort=at", 200).await;
    let names: Vec<_> = audit.iter().map(|entry| entry["event_id"].as_str().unwrap()).collect();
    assert!(events.iter().all(|event| names.contains(&event.as_str())));
    let by_ada = walk(auditor, &format!("/audit?actor={}&task_id={fit}&sort=at", week.ada.id), 50).await;
    let kinds: Vec<_> = by_ada.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    let expected =
        ["TaskCommented", "TaskCommented", "TaskStatusChanged", "TaskChecklistItemTicked", "TaskStatusChanged"];
    assert_eq!(kinds, expected);
    assert_eq!(by_ada[2]["changes"], json!([{ "field": "status", "from": "todo", "to": "in_progress" }]));
    assert_eq!(by_ada[2]["from"]["address"], "127.0.0.1");
    let rows = auditor.get(&format!("/audit/export?format=csv&task_id={fit}")).send().await;
    let entries = walk(auditor, &format!("/audit?task_id={fit}"), 200).await.len();
    assert_eq!(rows.is(200).text.matches("\r\n").count(), entries + 1, "a line for each, and the names of the columns");
    let reads = walk(&week.chief, &format!("/audit/access?actor={}&kind=audit_exported", week.auditor.id), 50).await;
    assert_eq!(reads.len(), 1, "reading the audit is in the audit");
}

async fn all_of_it_is_proven(week: &Week, fit: TaskId) {
    let data = week.server.data();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (export, key, proof) = (file("export.jsonl"), file("key.pem"), file("proof.json"));
    output(&data, &["digest", "take"]);
    fs::write(&key, output(&data, &["digest", "public-key"])).unwrap();
    output(&data, &["export", "--out", &export]);
    let verified = offline(&["verify", "--json", "--export", &export, "--key", &key]);
    assert_eq!((&verified["findings"], &verified["undigested"]), (&json!([]), &json!(0)));
    let path = of_task(fit, "/history/1/proof");
    fs::write(&proof, &week.ada.client.get(&path).send().await.is(200).text).unwrap();
    let proven = offline(&["verify", "--json", "--proof", &proof, "--key", &key]);
    assert_eq!(proven["event"]["type"], "TaskCreated");
    assert_eq!(proven["event"]["stream"], json!({ "type": "task", "id": fit }));
}

/// What the program says without a store.
fn offline(arguments: &[&str]) -> Value {
    let output = command(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
