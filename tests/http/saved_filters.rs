//! What people list again and again, saved under names of their own.

use muster_tests::client::{Answer, Client};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_tokens::made;
use crate::support::{Person, admin, eventually, ids, member, moved, task};

const PATH: &str = "/profile/filters";

/// Saves a filter of this name.
pub(crate) async fn saved(client: &Client, name: &str, filter: Value) -> Value {
    save(client, name, filter).await.is(201).value()
}

async fn save(client: &Client, name: &str, filter: Value) -> Answer {
    client.post(PATH).json(&json!({ "name": name, "filter": filter })).send().await
}

fn at(id: &Value) -> String {
    format!("{PATH}/{}", id.as_str().unwrap())
}

/// The titles of what is listed with these parameters.
async fn titles(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/tasks?{query}")).send().await.is(200).value();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

/// A member with a low and a critical task that are open, and one that is completed; the list has them.
async fn with_tasks() -> Person {
    let member = member().await;
    for (title, priority) in [("Later", "low"), ("Now", "critical")] {
        task(&member.client, json!({ "title": title, "priority": priority, "labels": ["roof"] })).await;
    }
    let done = task(&member.client, json!({ "title": "Done", "priority": "critical" })).await;
    moved(&member.client, done.id, &["in_progress", "completed"]).await;
    eventually("the list has them as they are", async || {
        (titles(&member.client, "status=completed").await == ["Done"] && titles(&member.client, "").await.len() == 3)
            .then_some(())
    })
    .await;
    member
}

#[tokio::test]
pub(crate) async fn a_saved_filter_lists_what_it_is_for() {
    let member = with_tasks().await;
    let filter = saved(&member.client, "Hurry", json!({ "priority": "critical", "open": true })).await;
    let id = filter["id"].as_str().unwrap();
    assert_eq!(titles(&member.client, &format!("filter_id={id}")).await, ["Now"]);

    // What is asked for beside it wins over what it says, and adds to it.
    assert_eq!(titles(&member.client, &format!("filter_id={id}&priority=low")).await, ["Later"]);
    assert_eq!(titles(&member.client, &format!("filter_id={id}&open=false")).await, ["Done"]);
    assert_eq!(titles(&member.client, &format!("filter_id={id}&label=roof")).await, ["Now"]);
    assert_eq!(titles(&member.client, &format!("filter_id={id}&label=cellar")).await, Vec::<String>::new());

    let named = saved(&member.client, "By name", json!({ "text": "L\u{e1}ter" })).await;
    assert_eq!(titles(&member.client, &format!("filter_id={}", named["id"].as_str().unwrap())).await, ["Later"]);
}

#[tokio::test]
pub(crate) async fn filters_are_saved_listed_read_saved_anew_and_removed() {
    let member = member().await;
    let first = save(&member.client, " Mine ", json!({ "assignee_id": member.id, "overdue": true })).await;
    let made = first.is(201).value();
    assert_eq!((made["name"].clone(), made["version"].clone()), (json!("Mine"), json!(1)));
    assert_eq!(made["filter"], json!({ "assignee_id": member.id, "overdue": true }));
    assert_eq!((first.header("etag"), made["created_at"] == made["updated_at"]), ("\"1\"", true));
    assert_eq!(first.header("location"), format!("/api/v1{}", at(&made["id"])));
    let second = saved(&member.client, "All", json!({})).await;
    let listed = member.client.get(PATH).send().await.is(200).value();
    assert_eq!(listed, json!({ "items": [made, second], "next": null }));

    let body = json!({ "name": "Not mine", "filter": { "status": "todo", "sort": "-due" } });
    let replaced = member.client.put(&at(&made["id"])).if_match(1).json(&body).send().await;
    assert_eq!(replaced.header("etag"), "\"2\"");
    let replaced = replaced.is(200).value();
    assert_eq!((&replaced["name"], &replaced["filter"]), (&body["name"], &body["filter"]));
    let read = member.client.get(&at(&made["id"])).send().await;
    assert_eq!((read.is(200).value(), read.header("etag")), (replaced, "\"2\""));

    member.client.delete(&at(&made["id"])).send().await.is(204);
    member.client.get(&at(&made["id"])).send().await.problem(404, "not_found");
    member.client.delete(&at(&made["id"])).send().await.problem(404, "not_found");
    assert_eq!(member.client.get(PATH).send().await.is(200).value()["items"], json!([second]));
}

#[tokio::test]
async fn a_filter_holds_what_the_list_takes_and_nothing_else() {
    let member = member().await;
    for (filter, pointer) in [
        (json!({ "sort": "title" }), "/filter/sort"),
        (json!({ "label": "" }), "/filter/label"),
        (json!({ "text": " " }), "/filter/text"),
        (json!({ "status": "lost" }), "/filter/status"),
        (json!({ "assignee_id": "me" }), "/filter/assignee_id"),
        (json!({ "due_before": "tomorrow" }), "/filter/due_before"),
        (json!({ "overdue": "yes" }), "/filter/overdue"),
        (json!({ "colour": "red" }), "/filter/colour"),
        (json!({ "limit": 3 }), "/filter/limit"),
        (json!({ "cursor": "x" }), "/filter/cursor"),
        (json!({ "filter_id": Uuid::nil() }), "/filter/filter_id"),
        (json!([]), "/filter"),
    ] {
        let answer = save(&member.client, "Mine", filter.clone()).await;
        let problem = answer.problem(422, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{filter}");
    }
    for name in ["", " ", &"n".repeat(121), "a\nb"] {
        let problem = save(&member.client, name, json!({})).await.problem(422, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/name", "{name:?}");
    }
}

#[tokio::test]
async fn two_filters_of_one_person_have_two_names_and_those_of_two_people_need_not() {
    let (one, other) = (member().await, member().await);
    let first = saved(&one.client, "Mine", json!({})).await;
    save(&one.client, "MINE", json!({ "open": true })).await.problem(409, "filter_name_taken");
    saved(&other.client, "Mine", json!({})).await;
    let second = saved(&one.client, "Late", json!({})).await;
    let rename = json!({ "name": "mine", "filter": {} });
    one.client.put(&at(&second["id"])).json(&rename).send().await.problem(409, "filter_name_taken");
    let renamed = one.client.put(&at(&first["id"])).json(&rename).send().await.is(200).value();
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("mine"), &json!(2)));
}

#[tokio::test]
async fn a_person_has_fifty_at_most_and_those_who_save_at_once_do_not_lose_each_others() {
    let member = member().await;
    for batch in 0..10 {
        let save = |number: u32| {
            let client = &member.client;
            async move { save(client, &format!("Filter {batch}-{number}"), json!({})).await }
        };
        for answer in futures::future::join_all((0..5).map(save)).await {
            answer.is(201);
        }
    }
    save(&member.client, "One more", json!({})).await.problem(409, "too_many_filters");
    let listed = member.client.get(PATH).send().await.is(200).value();
    assert_eq!(ids(&listed).len(), 50);
}

#[tokio::test]
async fn a_filter_is_its_owners_alone() {
    let (owner, other, admin) = (with_tasks().await, member().await, admin().await);
    let filter = saved(&owner.client, "Mine", json!({ "priority": "low" })).await;
    for stranger in [&other.client, &admin] {
        stranger.get(&at(&filter["id"])).send().await.problem(404, "not_found");
        stranger.delete(&at(&filter["id"])).send().await.problem(404, "not_found");
        let query = format!("/tasks?filter_id={}", filter["id"].as_str().unwrap());
        let problem = stranger.get(&query).send().await.problem(422, "invalid_request");
        let expected = json!([{ "parameter": "filter_id", "detail": "is no saved filter of yours" }]);
        assert_eq!(problem["errors"], expected);
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_saves_one_filter() {
    let member = member().await;
    let key = Uuid::new_v4().to_string();
    let body = json!({ "name": "Mine", "filter": { "open": true } });
    let send = |body: &Value| member.client.post(PATH).key(&key).json(body).send();
    let first = send(&body).await.is(201).value();
    assert_eq!(send(&body).await.is(201).value(), first);
    send(&json!({ "name": "Other", "filter": {} })).await.problem(422, "idempotency_key_reused");
    assert_eq!(member.client.get(PATH).send().await.is(200).value()["items"], json!([first]));

    // Whatever became of it since.
    let changed = json!({ "name": "Changed", "filter": {} });
    let changed = member.client.put(&at(&first["id"])).json(&changed).send().await.is(200).value();
    assert_eq!(send(&body).await.is(201).value(), first);
    assert_eq!(member.client.get(PATH).send().await.is(200).value()["items"], json!([changed]));
    member.client.delete(&at(&first["id"])).send().await.is(204);
    assert_eq!(send(&body).await.is(201).value(), first);
    send(&json!({ "name": "Other", "filter": {} })).await.problem(422, "idempotency_key_reused");
    assert_eq!(member.client.get(PATH).send().await.is(200).value()["items"], json!([]));
}

#[tokio::test]
async fn a_stale_change_of_a_filter_is_refused_with_the_present_version() {
    let member = member().await;
    let filter = saved(&member.client, "Mine", json!({})).await;
    let path = at(&filter["id"]);
    let put = |open: bool, version: u64| {
        let body = json!({ "name": "Mine", "filter": { "open": open } });
        member.client.put(&path).if_match(version).json(&body).send()
    };
    assert_eq!(put(true, 1).await.is(200).value()["version"], 2);
    assert_eq!(put(true, 1).await.is(200).value()["version"], 2, "it was made already");
    let stale = put(false, 1).await;
    assert_eq!((stale.problem(412, "stale_version")["version"].clone(), stale.header("etag")), (json!(2), "\"2\""));
    member.client.delete(&path).if_match(1).send().await.problem(412, "stale_version");
    member.client.delete(&path).if_match(2).send().await.is(204);
}

#[tokio::test]
async fn a_page_of_another_filter_is_no_page_of_this_one() {
    let member = with_tasks().await;
    let filter = saved(&member.client, "Open", json!({ "open": true })).await;
    let id = filter["id"].as_str().unwrap();
    let first = member.client.get(&format!("/tasks?filter_id={id}&limit=1")).send().await.is(200).value();
    let next = first["next"].as_str().unwrap();
    let second = member.client.get(&format!("/tasks?filter_id={id}&limit=1&cursor={next}")).send().await;
    assert_ne!(ids(&second.is(200).value()), ids(&first));
    let body = json!({ "name": "Open", "filter": { "open": true, "priority": "low" } });
    member.client.put(&at(&filter["id"])).json(&body).send().await.is(200);
    let other = member.client.get(&format!("/tasks?filter_id={id}&limit=1&cursor={next}")).send().await;
    assert_eq!(other.problem(422, "invalid_request")["errors"][0]["parameter"], "cursor");
}

#[tokio::test]
async fn a_token_that_reads_tasks_lists_by_a_filter_and_saves_none() {
    let member = with_tasks().await;
    let filter = saved(&member.client, "Low", json!({ "priority": "low" })).await;
    let reader = made(&member.client, &["tasks:read"]).await.client;
    let query = format!("filter_id={}", filter["id"].as_str().unwrap());
    assert_eq!(titles(&reader, &query).await, ["Later"]);
    save(&reader, "Mine", json!({})).await.problem(403, "insufficient_scope");
}

#[tokio::test]
async fn what_is_held_of_a_person_has_their_filters_and_of_who_is_erased_none_is_left() {
    let (member, admin) = (member().await, admin().await);
    let filter = saved(&member.client, "What I look for", json!({ "overdue": true })).await;
    let held = member.client.get("/profile/export").send().await.is(200).value();
    assert_eq!(held["saved_filters"], json!([filter]));
    let path = format!("/users/{}", member.id);
    admin.delete(&path).send().await.is(200);
    admin.post(&format!("{path}/erase")).json(&json!({ "confirm": member.id })).send().await.is(200);
    let held = admin.get(&format!("{path}/export")).send().await.is(200).value();
    assert_eq!(held["saved_filters"], json!([]));
}
