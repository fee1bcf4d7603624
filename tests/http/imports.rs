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
use crate::support::{admin, history, member, of_task, person, team};

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
    let refused = import(&manager.client, "run", &file, json!({ "team_id": foreign })).await;
    assert_eq!(counts(&refused), (0, 1, 1), "what is there is there, and the rest goes to nobody's team");
    admin().await.get(&of_task(task_id(&made, 1), "")).send().await.problem(404, "not_found");
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
    send(preview(json!({ "content": "title\nx\n", "time_zone": "Mars/Olympus" }))).await.wrong_fields(&["/time_zone"]);
    send(preview(json!({ "content": "title\nx\n", "delimiter": "a" }))).await.wrong_fields(&["/delimiter"]);
    send(preview(json!({ "content": "title\nx\n", "team_id": Uuid::new_v4() }))).await.wrong_fields(&["/team_id"]);
    let many = format!("title\n{}", "x\n".repeat(501));
    let refused = send(preview(json!({ "content": many }))).await;
    refused.wrong_fields(&["/content"]);
    assert!(refused.text.contains("it has 501 tasks, and 500 may come at once"), "{}", refused.text);
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
