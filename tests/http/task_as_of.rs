//! Reading a task: as it is, as it was, and no older than asked for.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use fastrand::Rng;
use muster_domain::user::Role;
use muster_domain::{RecordedEvent, TaskId, UserId};
use muster_projections::{TaskDocument, fold_task};
use serde_json::{Value, json};

use crate::support::{admin, eventually, history, later, member, of_task, person, task, written};
use muster_tests::client::Client;

#[tokio::test]
pub(crate) async fn a_task_is_read_with_every_key() {
    let member = member().await;
    let made = task(&member.client, json!({ "labels": ["a"] })).await;
    let read: Value = member.client.get(&of_task(made.id, "")).send().await.document(200);
    let mut keys: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = [
        "assignee_id",
        "blocked_by_ids",
        "checklist",
        "comments",
        "completed_at",
        "created_at",
        "deadline",
        "deleted_at",
        "description",
        "duplicate_of_id",
        "hold",
        "id",
        "imported",
        "labels",
        "location",
        "parent_id",
        "priority",
        "rank",
        "recurrence",
        "reminders",
        "reopened",
        "reporter_id",
        "started_at",
        "status",
        "team_id",
        "title",
        "updated_at",
        "updated_by",
        "version",
        "watcher_ids",
    ];
    assert_eq!(keys, expected);
    assert_eq!(serde_json::from_value::<TaskDocument>(read).unwrap(), made);
}

#[tokio::test]
async fn a_task_is_there_as_soon_as_it_is_reported_and_never_older_than_asked_for() {
    let member = member().await;
    let made = task(&member.client, json!({})).await;
    for version in 1..=10 {
        let read: TaskDocument =
            member.client.get(&of_task(made.id, "")).min_version(version).send().await.document(200);
        assert_eq!(read.version, version, "it is what was written");
        let body = json!({ "title": format!("Title {version}") });
        member.client.put(&of_task(made.id, "")).json(&body).send().await.document::<TaskDocument>(200);
    }
    // A version that has not been made yet cannot be waited for: the present one comes.
    let read: TaskDocument = member.client.get(&of_task(made.id, "")).min_version(1_000).send().await.document(200);
    assert_eq!((read.version, read.title.as_str()), (11, "Title 10"));
    eventually("the read model has caught up", async || {
        let read: TaskDocument = member.client.get(&of_task(made.id, "")).send().await.document(200);
        (read.version == 11).then_some(())
    })
    .await;
}

/// A task whose every version was recorded at another millisecond.
async fn three_versions(client: &Client) -> [TaskDocument; 3] {
    let first = task(client, json!({ "title": "One" })).await;
    let next = async |before: &TaskDocument, title: &str| -> TaskDocument {
        later(before).await;
        client.put(&of_task(before.id, "")).json(&json!({ "title": title })).send().await.document(200)
    };
    let second = next(&first, "Two").await;
    let third = next(&second, "Three").await;
    assert!(first.updated_at < second.updated_at && second.updated_at < third.updated_at);
    [first, second, third]
}

async fn at(client: &Client, task: &TaskDocument, moment: &str) -> TaskDocument {
    client.get(&of_task(task.id, &format!("?as_of={moment}"))).send().await.document(200)
}

#[tokio::test]
async fn a_task_is_shown_as_it_was_at_a_version() {
    let member = member().await;
    let versions = three_versions(&member.client).await;
    for version in &versions {
        assert_eq!(at(&member.client, version, &version.version.to_string()).await, *version);
    }
    assert_eq!(at(&member.client, &versions[0], "99").await, versions[2], "after the last version it is the last");
}

#[tokio::test]
async fn a_task_is_shown_as_it_was_at_a_time() {
    let member = member().await;
    let [first, second, third] = three_versions(&member.client).await;
    assert_eq!(at(&member.client, &first, &written(first.updated_at)).await, first);
    assert_eq!(at(&member.client, &first, &written(second.updated_at - TimeDelta::milliseconds(1))).await, first);
    assert_eq!(at(&member.client, &first, &written(second.updated_at)).await, second);
    assert_eq!(at(&member.client, &first, &written(third.updated_at)).await, third);
    assert_eq!(at(&member.client, &first, "2999-01-01T00:00:00Z").await, third);
    let in_india = (second.updated_at + TimeDelta::minutes(330)).format("%Y-%m-%dT%H:%M:%S%.3f%%2B05:30").to_string();
    assert_eq!(at(&member.client, &first, &in_india).await, second, "in any time zone");
}

#[tokio::test]
async fn before_its_report_there_is_no_task() {
    let member = member().await;
    let made = task(&member.client, json!({})).await;
    for before in
        ["0".to_owned(), written(made.created_at - TimeDelta::milliseconds(1)), "2001-01-01T00:00:00Z".to_owned()]
    {
        let answer = member.client.get(&of_task(made.id, &format!("?as_of={before}"))).send().await;
        answer.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_moment_that_is_none_is_refused() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    for wrong in [
        "",
        "yesterday",
        "-1",
        "1.5",
        "2040-01-01",
        "2040-13-01T00:00:00Z",
        "2040-01-01T00:00:00",
        "99999999999999999999",
    ] {
        admin.get(&of_task(made.id, &format!("?as_of={wrong}"))).send().await.wrong_parameters(&["as_of"]);
    }
    admin.get(&of_task(made.id, "?version=1")).send().await.wrong_parameters(&["version"]);
}

#[tokio::test]
async fn a_deleted_task_is_shown_as_it_was_before() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    admin.delete(&of_task(made.id, "")).send().await.is(200);
    assert_eq!(at(&admin, &made, "1").await, made);
    assert!(at(&admin, &made, "2").await.deleted_at.is_some());
}

/// One of many changes to a task: to which others it may stand in some way, and who may watch it.
fn any_change(rng: &mut Rng, others: &[TaskId], watcher: UserId) -> (&'static str, String, Value) {
    let status = ["todo", "in_progress", "completed"][rng.usize(..3)];
    let priority = ["low", "medium", "high", "critical"][rng.usize(..4)];
    let deadline = format!("2040-01-{:02}T08:00:00Z", rng.u32(1..=28));
    let labels: Vec<_> = ["lift", "door", "roof"].into_iter().filter(|_| rng.bool()).collect();
    let other = others[rng.usize(..others.len())];
    let relation = ["blocked_by", "child_of", "duplicate_of"][rng.usize(..3)];
    let beside = ["after", "before"][rng.usize(..2)];
    let related = json!({ "kind": relation, "task_id": other });
    match rng.usize(..19) {
        0 => ("POST", "/status".to_owned(), json!({ "status": status })),
        1 => ("PUT", String::new(), json!({ "status": status, "priority": priority, "labels": labels })),
        2 => (
            "PUT",
            String::new(),
            json!({ "title": format!("Title {}", rng.u32(..9)), "description": null, "deadline": deadline }),
        ),
        3 => ("PUT", String::new(), json!({ "description": "All *four*.", "location": { "name": "Hall 4" } })),
        4 => ("POST", "/hold".to_owned(), json!({ "reason": "no parts" })),
        5 => ("POST", "/resume".to_owned(), json!({ "reason": "they are here" })),
        6 => ("POST", "/checklist".to_owned(), json!({ "text": format!("Step {}", rng.u32(..99)) })),
        7 => ("POST", "/comments".to_owned(), json!({ "text": "Seen." })),
        8 => ("DELETE", String::new(), json!({})),
        9 | 10 => ("POST", "/restore".to_owned(), json!({})),
        11 => ("POST", "/position".to_owned(), json!({ beside: other })),
        12 | 13 => ("POST", "/relations".to_owned(), related),
        14 => ("DELETE", "/relations".to_owned(), related),
        15 => (["PUT", "DELETE"][rng.usize(..2)], format!("/watchers/{watcher}"), json!({})),
        16 => {
            let body = json!({ "frequency": "daily", "interval": rng.u32(1..=3), "time": "09:30", "time_zone": "UTC" });
            ("PUT", "/recurrence".to_owned(), body)
        }
        17 => ("DELETE", "/recurrence".to_owned(), json!({})),
        _ => {
            let before: Vec<_> = ["PT15M", "PT1H", "P1D"].into_iter().filter(|_| rng.bool()).collect();
            ("PUT", "/reminders".to_owned(), json!({ "before": before }))
        }
    }
}

#[tokio::test]
async fn at_every_version_of_any_history_a_task_is_the_fold_of_what_had_happened_by_then() {
    let (admin, watcher) = (admin().await, person(Role::Auditor).await.id);
    let others = [task(&admin, json!({})).await.id, task(&admin, json!({})).await.id];
    let (mut compared, mut types) = (0, BTreeSet::new());
    for seed in 0..6 {
        let mut rng = Rng::with_seed(seed);
        let made = task(&admin, json!({ "deadline": "2040-02-01T08:00:00Z" })).await;
        let mut shown = vec![made.clone()];
        for _ in 0..40 {
            let (method, rest, body) = any_change(&mut rng, &others, watcher);
            let path = format!("/api/v1{}", of_task(made.id, &rest));
            let answer = admin.request(method, &path).json(&body).send().await;
            // Others make no sense at this moment.
            if matches!(answer.status, 200 | 201) {
                shown.push(answer.document(answer.status));
            }
        }
        let events: Vec<RecordedEvent> = commits(made.id).await;
        types.extend(events.iter().map(|event| event.event_type.clone()));
        let last = shown.last().unwrap().version;
        assert_eq!(events.len() as u64, last, "seed {seed}: every event is a version");
        for version in 1..=last {
            let until: Vec<_> = events.iter().filter(|event| event.version <= version).cloned().collect();
            let then = at(&admin, &made, &version.to_string()).await;
            assert_eq!(Some(&then), fold_task(&until).unwrap().as_ref(), "seed {seed}, version {version}");
            if let Some(shown) = shown.iter().find(|shown| shown.version == version) {
                assert_eq!(then, *shown, "seed {seed}: version {version} is what was answered when it was made");
            }
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared} versions were compared: the changes must not be all refused");
    for change in ["TaskRanked", "TaskRelated", "TaskUnrelated", "TaskWatched", "TaskRecurrenceSet", "TaskRemindersSet"]
    {
        assert!(types.contains(change), "there is no {change} among {types:?}");
    }
}

/// The events of a task, as auditors read them.
async fn commits(id: TaskId) -> Vec<RecordedEvent> {
    let commits = history(id).await;
    let events = commits.into_iter().flat_map(|commit| commit["events"].as_array().unwrap().clone());
    events.map(|event| serde_json::from_value(event).unwrap()).collect()
}
