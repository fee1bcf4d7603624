//! Tasks from files of other programs, over the running server.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use muster_domain::TaskId;
use muster_domain::user::Role;
use muster_handlers::http::MAX_IMPORT_BYTES;
use muster_projections::TaskDocument;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{admin, event_types, history, member, of_task, person, team};

/// A file that nobody has sent before.
fn file(rows: &[&str]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| format!("{row},{}\n", Uuid::new_v4())).collect();
    format!("Key,Title,Status,Assignee,Created,Unique\n{}", rows.concat())
}

async fn import(client: &Client, mode: &str, file: &str, options: Value) -> Value {
    let mut body = json!({ "mode": mode, "content": file });
    body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    client.post("/imports").json(&body).send().await.is(200).value()
}

fn counts(answer: &Value) -> (u64, u64, u64) {
    let outcome = &answer["outcome"];
    let count = |name: &str| outcome[name].as_u64().unwrap();
    (count("created"), count("repeated"), outcome["failed"].as_array().unwrap().len() as u64)
}

fn task_id(answer: &Value, number: usize) -> TaskId {
    answer["preview"]["tasks"][number]["task_id"].as_str().unwrap().parse().unwrap()
}

async fn read(client: &Client, id: TaskId) -> TaskDocument {
    read_at(client, id, 1).await
}

async fn read_at(client: &Client, id: TaskId, version: u64) -> TaskDocument {
    client.get(&of_task(id, "")).min_version(version).send().await.document(200)
}

#[tokio::test]
pub(crate) async fn a_file_is_looked_at_and_then_brought_in() {
    let (admin, ben) = (admin().await, member().await);
    let ours = team(&[&ben]).await;
    let (done, open) = ("T-1,Fix the door,Done,,2024-05-01", format!("T-2,Mow the lawn,Open,{},", ben.email));
    let file = file(&[done, &open]);

    let looked = import(&admin, "preview", &file, json!({ "team_id": ours })).await;

    assert_eq!(looked["outcome"], Value::Null);
    let preview = &looked["preview"];
    assert_eq!(
        (&preview["source"], &preview["encoding"], &preview["delimiter"]),
        (&json!("csv"), &json!("utf8"), &json!(","))
    );
    assert_eq!(preview["counts"]["tasks"], 2);
    assert_eq!(preview["tasks"][1]["assignee_id"], json!(ben.id));
    admin.get(&of_task(task_id(&looked, 0), "")).send().await.problem(404, "not_found");

    let made = import(&admin, "run", &file, json!({ "team_id": ours })).await;

    assert_eq!(made["preview"], *preview);
    assert_eq!(counts(&made), (2, 0, 0));
    let door = read(&admin, task_id(&made, 0)).await;
    assert_eq!((door.title.as_str(), door.status.as_str(), door.team_id), ("Fix the door", "completed", Some(ours)));
    let facts = door.imported.unwrap();
    assert_eq!(
        (facts.external_id.as_deref(), facts.created_at),
        (Some("T-1"), Some("2024-05-01T00:00:00Z".parse().unwrap()))
    );
    assert!(door.created_at > facts.created_at.unwrap(), "it was created here when it was brought in");
    let lawn = read(&admin, task_id(&made, 1)).await;
    assert_eq!((lawn.status.as_str(), lawn.assignee_id), ("todo", Some(ben.id)));

    let commits = history(door.id).await;
    assert_eq!(commits.len(), 1);
    assert_eq!(commits[0]["events"][0]["type"], "TaskImported");
    assert_eq!(commits[0]["events"][0]["causation_id"], format!("import:{}", facts.import_id));
}

#[tokio::test]
async fn the_same_file_makes_nothing_twice_whoever_sends_it_and_whatever_became_of_its_tasks() {
    let (admin, other) = (admin().await, person(Role::Admin).await);
    let file = file(&["1,One,,,", "2,Two,,,"]);
    let made = import(&admin, "run", &file, json!({})).await;
    assert_eq!(counts(&made), (2, 0, 0));
    let id = task_id(&made, 0);
    let body = json!({ "title": "One, and a half" });
    admin.put(&of_task(id, "")).json(&body).send().await.document::<TaskDocument>(200);

    assert_eq!(counts(&import(&admin, "run", &file, json!({})).await), (0, 2, 0));
    assert_eq!(counts(&import(&other.client, "run", &file, json!({ "archived": "complete" })).await), (0, 2, 0));
    assert_eq!(read_at(&admin, id, 2).await.title, "One, and a half");

    // The file grows: what is new is made.
    let grown = format!("{file}3,Three,,,,\n");
    let import_id = &made["preview"]["import_id"];
    assert_eq!(counts(&import(&admin, "run", &grown, json!({ "import_id": import_id })).await), (1, 2, 0));
}

#[tokio::test]
async fn a_file_that_was_changed_in_its_middle_loses_no_row_and_doubles_none_without_a_word() {
    let admin = admin().await;
    let unique = Uuid::new_v4();
    let first = format!("title,unique\nOne,{unique}\nTwo,{unique}\n");
    let made = import(&admin, "run", &first, json!({})).await;
    assert_eq!(counts(&made), (2, 0, 0));

    let changed = format!("title,unique\nOne,{unique}\nNew,{unique}\nTwo,{unique}\n");
    let again = import(&admin, "run", &changed, json!({ "import_id": made["preview"]["import_id"] })).await;

    assert_eq!(counts(&again), (0, 1, 0));
    let problems = again["preview"]["problems"].as_array().unwrap();
    let found: Vec<_> = problems.iter().map(|found| (&found["line"], &found["severity"])).collect();
    assert_eq!(found, [(&json!(3), &json!("error")), (&json!(4), &json!("error"))]);
    assert!(problems[0]["detail"].as_str().unwrap().contains("which had \"Two\" in this place"), "{problems:?}");
}

#[tokio::test]
async fn a_manager_brings_tasks_into_their_own_teams_and_gives_them_to_their_own_people() {
    let (manager, ours, theirs) = (person(Role::Manager).await, member().await, member().await);
    let (mine, foreign) = (team(&[&manager, &ours]).await, team(&[&theirs]).await);
    let file = file(&[&format!("1,For us,,{},", ours.email), &format!("2,For them,,{},", theirs.email)]);

    let made = import(&manager.client, "run", &file, json!({ "team_id": mine })).await;

    assert_eq!(counts(&made), (1, 0, 1));
    let failed = &made["outcome"]["failed"][0];
    assert_eq!(
        (&failed["line"], &failed["title"], &failed["problem"]["code"]),
        (&json!(3), &json!("For them"), &json!("forbidden"))
    );
    let logged = walk(&admin().await, &format!("/audit/access?actor={}&kind=forbidden", manager.id), 50).await;
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["subject"], format!("task#{}", failed["task_id"].as_str().unwrap()));
    assert_eq!(logged[0]["route"], "POST /api/v1/imports");
    let us = read(&manager.client, task_id(&made, 0)).await;
    assert_eq!((us.assignee_id, us.reporter_id), (Some(ours.id), Some(manager.id)));
    let looked = import(&manager.client, "preview", &file, json!({ "team_id": foreign })).await;
    let problems = looked["preview"]["problems"].as_array().unwrap();
    let found: Vec<_> = problems.iter().map(|found| (&found["line"], &found["severity"])).collect();
    assert_eq!(found, [(&json!(3), &json!("error"))], "a preview says what a run would say");
    let refused = import(&manager.client, "run", &file, json!({ "team_id": foreign })).await;
    assert_eq!(counts(&refused), (0, 1, 1), "what is there is there, and the rest goes to nobody's team");
    assert_eq!(refused["outcome"]["failed"][0]["problem"]["detail"], problems[0]["detail"]);
    admin().await.get(&of_task(task_id(&made, 1), "")).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn whoever_brings_in_what_somebody_else_has_brought_in_is_told_how_to_have_it_too() {
    let (admin, manager) = (admin().await, person(Role::Manager).await);
    let (theirs, ours) = (team(&[]).await, team(&[&manager]).await);
    let file = file(&["1,One,,,"]);
    let first = import(&admin, "run", &file, json!({ "team_id": theirs })).await;
    assert_eq!((counts(&first), &first["outcome"]["hint"]), ((1, 0, 0), &Value::Null));

    let again = import(&manager.client, "run", &file, json!({ "team_id": ours })).await;

    assert_eq!(counts(&again), (0, 1, 0));
    let hint = again["outcome"]["hint"].as_str().unwrap();
    assert!(hint.contains("send an import_id of your own"), "{hint}");
    manager.client.get(&of_task(task_id(&again, 0), "")).send().await.problem(404, "not_found");
    let own = json!({ "team_id": ours, "import_id": Uuid::new_v4() });
    let own = import(&manager.client, "run", &file, own).await;
    assert_eq!((counts(&own), &own["outcome"]["hint"]), ((1, 0, 0), &Value::Null));
    assert_eq!(read(&manager.client, task_id(&own, 0)).await.team_id, Some(ours));
}

/// An account of Todoist, which nobody has sent before: a task, a part of it with a date, a point of its checklist, and a comment.
fn account(person: &str) -> String {
    let [whole, part, point] = [(); 3].map(|()| Uuid::new_v4().to_string());
    let file = json!({
        "items": [
            { "id": whole, "content": "Inspect the hydrants", "responsible_uid": "7" },
            { "id": part, "parent_id": whole, "content": "Call the supplier", "due": { "date": "2040-04-20" } },
            { "id": point, "parent_id": whole, "content": "Count the hoses", "checked": true },
        ],
        "notes": [{ "item_id": whole, "content": "Behind the hedge", "posted_at": "2026-02-03T12:00:00Z", "posted_uid": "7" }],
        "collaborators": [{ "id": "7", "email": person }],
    });
    file.to_string()
}

#[tokio::test]
async fn parts_points_and_comments_of_a_task_come_as_what_they_are() {
    let (admin, ben) = (admin().await, member().await);

    let made = import(&admin, "run", &account(&ben.email), json!({})).await;

    assert_eq!(counts(&made), (2, 0, 0));
    let (whole, part) = (task_id(&made, 0), task_id(&made, 1));
    assert_eq!(
        event_types(whole).await,
        ["TaskImported", "TaskChecklistBegun", "TaskChecklistItemTicked", "TaskCommented"]
    );
    assert_eq!(event_types(part).await, ["TaskImported", "TaskRelated"]);
    assert_eq!(made["preview"]["tasks"][1]["parent_id"], json!(whole));
    let part = read_at(&admin, part, 2).await;
    assert_eq!(part.parent_id, Some(whole));
    let whole = read_at(&admin, whole, 4).await;
    assert_eq!((whole.checklist.len(), whole.checklist[0].done, whole.comments), (1, true, 1));
    assert!(whole.created_at < part.created_at && whole.rank < part.rank, "in the order of the file");
    let logged = admin.get(&of_task(whole.id, "/logs?type=TaskCommented")).min_version(4).send().await.is(200).value();
    let known = json!({ "author_id": ben.id, "at": "2026-02-03T12:00:00Z" });
    assert_eq!(logged["items"][0]["note"], "Behind the hedge");
    assert_eq!(logged["items"][0]["changes"], json!([{ "field": "imported", "from": null, "to": known }]));
}

#[tokio::test]
async fn what_is_a_part_of_a_task_that_cannot_be_made_is_not_made_either() {
    let (manager, theirs) = (person(Role::Manager).await, member().await);
    let ours = team(&[&manager]).await;
    team(&[&theirs]).await;
    let made = import(&manager.client, "run", &account(&theirs.email), json!({ "team_id": ours })).await;
    assert_eq!(counts(&made), (0, 0, 2));
    let codes: Vec<_> =
        made["outcome"]["failed"].as_array().unwrap().iter().map(|failed| &failed["problem"]["code"]).collect();
    assert_eq!(codes, [&json!("forbidden"), &json!("conflict")]);
}

#[tokio::test]
async fn who_has_no_account_is_named_in_the_answer_and_in_no_event() {
    let admin = admin().await;
    let stranger = format!("stranger-{}@example.org", Uuid::new_v4().simple());
    let made = import(&admin, "run", &file(&[&format!("1,One,,{stranger},")]), json!({})).await;
    assert_eq!(made["preview"]["unknown_people"], json!([{ "name": stranger, "times": 1 }]));
    let commits = history(task_id(&made, 0)).await;
    assert!(!json!(commits).to_string().contains("stranger"), "{commits:?}");
    assert_eq!(read(&admin, task_id(&made, 0)).await.assignee_id, None);
}

#[tokio::test]
async fn a_file_in_another_encoding_comes_as_base64() {
    let admin = admin().await;
    let unique = Uuid::new_v4();
    let bytes = [b"Titel;Kennung\nT\xfcr klemmt;".as_slice(), unique.to_string().as_bytes()].concat();
    let body = json!({ "mode": "preview", "content_base64": BASE64_STANDARD.encode(bytes) });
    let preview = admin.post("/imports").json(&body).send().await.is(200).value()["preview"].clone();
    assert_eq!((&preview["encoding"], &preview["tasks"][0]["title"]), (&json!("windows1252"), &json!("Tür klemmt")));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_or_its_file_is_named() {
    let admin = admin().await;
    let send = async |body: Value| admin.post("/imports").json(&body).send().await;
    let preview = |more: Value| {
        let mut body = json!({ "mode": "preview" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    send(preview(json!({}))).await.wrong_fields(&["/content"]);
    send(preview(json!({ "content": "title\nx\n", "content_base64": "dGl0bGUKeAo=" })))
        .await
        .wrong_fields(&["/content"]);
    send(preview(json!({ "content_base64": "not base64" }))).await.wrong_fields(&["/content_base64"]);
    send(preview(json!({ "content": "a,b\n1,2\n" }))).await.wrong_fields(&["/content"]);
    send(preview(json!({ "content": "title\nx\n", "columns": { "status": "Lane" } })))
        .await
        .wrong_fields(&["/columns/status"]);
    send(preview(json!({ "content": "title\nx\n", "time_zone": "Mars/Olympus" }))).await.wrong_fields(&["/time_zone"]);
    send(preview(json!({ "content": "title\nx\n", "delimiter": "a" }))).await.wrong_fields(&["/delimiter"]);
    send(preview(json!({ "content": "title\nx\n", "team_id": Uuid::new_v4() }))).await.wrong_fields(&["/team_id"]);
    let many = format!("title\n{}", "x\n".repeat(501));
    let refused = send(preview(json!({ "content": many }))).await;
    refused.wrong_fields(&["/content"]);
    assert!(refused.text.contains("it has more tasks than the 500 that may come at once"), "{}", refused.text);
}

#[tokio::test]
async fn a_file_may_be_larger_than_other_bodies_and_not_without_bound() {
    let admin = admin().await;
    let file = |bytes: usize| format!("title,description\nLarge,{}\n", "a".repeat(bytes));
    let body = json!({ "mode": "preview", "content": file(1024 * 1024) });
    let preview = admin.post("/imports").json(&body).send().await.is(200).value();
    assert_eq!(preview["preview"]["problems"][0]["detail"], "has more than 20000 characters, and was cut");
    let body = json!({ "mode": "preview", "content": file(MAX_IMPORT_BYTES) });
    admin.post("/imports").json(&body).send().await.problem(413, "too_large");
}
