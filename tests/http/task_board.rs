//! Boards, and lists in every order.

use chrono::{TimeDelta, Utc};
use muster_domain::TaskId;
use muster_projections::TaskDocument;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, ids, later, member, moved, of_task, task, team, written};

/// The ids of each column of this board.
async fn board(client: &Client, query: &str) -> Vec<(String, Vec<Uuid>)> {
    columns(&client.get(&format!("/tasks/board?{query}")).send().await.is(200).value())
}

fn columns(board: &Value) -> Vec<(String, Vec<Uuid>)> {
    let columns = board["columns"].as_array().unwrap().iter();
    columns.map(|column| (column["status"].as_str().unwrap().to_owned(), ids(column))).collect()
}

/// Waits until the board is this.
async fn becomes(client: &Client, query: &str, expected: [&[TaskId]; 3]) {
    let expected: Vec<_> = ["todo", "in_progress", "completed"]
        .into_iter()
        .zip(expected)
        .map(|(status, ids)| (status.to_owned(), ids.iter().map(|id| id.0).collect::<Vec<_>>()))
        .collect();
    let mut last = Vec::new();
    eventually(&format!("the board is {expected:?}, and was {last:?}"), async || {
        last = board(client, query).await;
        (last == expected).then_some(())
    })
    .await;
}

async fn put(client: &Client, id: TaskId, beside: Value) -> TaskDocument {
    client.post(&of_task(id, "/position")).json(&beside).send().await.document(200)
}

#[tokio::test]
pub(crate) async fn a_board_has_columns_in_the_order_that_people_make() {
    let (admin, ours) = (admin().await, team(&[]).await);
    let of_ours = json!({ "team_id": ours });
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(task(&admin, of_ours.clone()).await.id);
    }
    let [first, second, third, begun, done] = made[..] else { panic!("five") };
    moved(&admin, begun, &["in_progress"]).await;
    moved(&admin, done, &["in_progress", "completed"]).await;
    let query = format!("team_id={ours}");
    becomes(&admin, &query, [&[first, second, third], &[begun], &[done]]).await;

    put(&admin, third, json!({ "before": first })).await;
    becomes(&admin, &query, [&[third, first, second], &[begun], &[done]]).await;
    put(&admin, third, json!({ "after": first })).await;
    becomes(&admin, &query, [&[first, third, second], &[begun], &[done]]).await;
    put(&admin, second, json!({ "after": first, "before": third })).await;
    becomes(&admin, &query, [&[first, second, third], &[begun], &[done]]).await;
    put(&admin, first, json!({ "after": third })).await;
    let last = task(&admin, of_ours).await.id;
    becomes(&admin, &query, [&[second, third, first, last], &[begun], &[done]]).await;
    // Another column: the order is one.
    put(&admin, begun, json!({ "before": third })).await;
    moved(&admin, begun, &["todo"]).await;
    becomes(&admin, &query, [&[second, begun, third, first, last], &[], &[done]]).await;
    assert_eq!(event_types(third).await, ["TaskCreated", "TaskRanked", "TaskRanked"]);
}

#[tokio::test]
async fn a_column_goes_on_where_its_page_ended_and_a_board_is_filtered() {
    let (admin, member) = (admin().await, member().await);
    let mut made = Vec::new();
    for number in 0..5 {
        let body = json!({ "title": format!("Door {number}"), "assignee_id": member.id,
            "labels": [format!("odd-{}", number % 2)], "priority": "low" });
        made.push(task(&admin, body).await.id.0);
    }
    let query = format!("assignee_id={}", member.id);
    eventually("the board has all", async || (board(&admin, &query).await[0].1 == made).then_some(())).await;
    assert_eq!(board(&member.client, "label=odd-1").await[0].1, [made[1], made[3]]);
    assert_eq!(board(&member.client, "priority=high").await[0].1, [] as [Uuid; 0]);
    assert_eq!(board(&member.client, "text=3+DOOR").await[0].1, [made[3]]);

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/tasks/board?{query}&status=todo&limit=2{cursor}");
        let page = admin.get(&path).send().await.is(200).value();
        let [column] = &page["columns"].as_array().unwrap()[..] else { panic!("one column") };
        seen.extend(ids(column));
        let Some(next) = column["next"].as_str() else { break };
        assert_eq!(ids(column).len(), 2);
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, made);
    admin.get(&format!("/tasks/board?{query}{cursor}")).send().await.wrong_parameters(&["cursor"]);
    admin.get("/tasks/board?label=&text=").send().await.wrong_parameters(&["label", "text"]);
    admin.get("/tasks/board?sort=due").send().await.wrong_parameters(&["sort"]);
}

#[tokio::test]
async fn a_board_has_the_filters_of_lists() {
    let (admin, member) = (admin().await, member().await);
    let past = written(Utc::now() - TimeDelta::hours(1));
    let late = task(&member.client, json!({ "deadline": past })).await.id;
    let in_time = task(&member.client, json!({ "deadline": "2140-01-01T00:00:00Z" })).await.id;
    let never = task(&member.client, json!({})).await.id;
    let done = task(&member.client, json!({ "deadline": past })).await.id;
    moved(&member.client, done, &["in_progress", "completed"]).await;
    let child = json!({ "kind": "child_of", "task_id": late });
    member.client.post(&of_task(never, "/relations")).json(&child).send().await.is(200);
    member.client.put(&of_task(in_time, &format!("/watchers/{}", member.id))).send().await.is(200);
    let filter = json!({ "name": "Late", "filter": { "overdue": true, "reporter_id": member.id, "sort": "-due" } });
    let saved = member.client.post("/profile/filters").json(&filter).send().await.is(201).value();
    let saved = format!("filter_id={}", saved["id"].as_str().unwrap());
    let mine = format!("reporter_id={}", member.id);
    becomes(&admin, &mine, [&[late, in_time, never], &[], &[done]]).await;

    let client = &member.client;
    for (query, todo, completed) in [
        (format!("{mine}&overdue=true"), vec![late], vec![]),
        (format!("{mine}&overdue=false"), vec![in_time, never], vec![done]),
        (format!("{mine}&open=true"), vec![late, in_time, never], vec![]),
        (format!("{mine}&open=false"), vec![], vec![done]),
        (format!("{mine}&due_after=2100-01-01T00:00:00Z"), vec![in_time], vec![]),
        (format!("{mine}&due_before=2100-01-01T00:00:00Z"), vec![late], vec![done]),
        (format!("parent_id={late}"), vec![never], vec![]),
        (format!("watcher_id={}", member.id), vec![in_time], vec![]),
        (saved.clone(), vec![late], vec![]),
        (format!("{saved}&overdue=false"), vec![in_time, never], vec![done]),
    ] {
        becomes(client, &query, [&todo, &[], &completed]).await;
    }
    admin.get(&format!("/tasks/board?{saved}")).send().await.wrong_parameters(&["filter_id"]);
}

#[tokio::test]
async fn a_neighbour_must_be_there_and_in_the_order_that_is_meant() {
    let (admin, member) = (admin().await, member().await);
    let (a, b) = (task(&member.client, json!({})).await.id, task(&member.client, json!({})).await.id);
    let (own, hidden) = (task(&member.client, json!({})).await.id, task(&admin, json!({})).await.id);
    let gone = task(&member.client, json!({})).await.id;
    member.client.delete(&of_task(gone, "")).send().await.is(200);
    let ask = async |body: Value| member.client.post(&of_task(own, "/position")).json(&body).send().await;
    ask(json!({})).await.wrong_fields(&["/after"]);
    ask(json!({ "after": null, "before": null })).await.wrong_fields(&["/after"]);
    for wrong in [own.0, hidden.0, gone.0, Uuid::new_v4()] {
        ask(json!({ "after": wrong })).await.wrong_fields(&["/after"]);
        ask(json!({ "after": a, "before": wrong })).await.wrong_fields(&["/before"]);
    }
    ask(json!({ "after": a, "before": a })).await.wrong_fields(&["/before"]);
    ask(json!({ "after": b, "before": a })).await.problem(409, "conflict");
    assert_eq!(event_types(own).await, ["TaskCreated"]);
    let between: TaskDocument = ask(json!({ "after": a, "before": b })).await.document(200);
    let (a, b): (TaskDocument, TaskDocument) = (
        member.client.get(&of_task(a, "")).send().await.document(200),
        member.client.get(&of_task(b, "")).send().await.document(200),
    );
    assert!(a.rank < between.rank && between.rank < b.rank);
    member.client.delete(&of_task(own, "")).send().await.is(200);
    ask(json!({ "after": a.id })).await.problem(409, "task_deleted");
}

#[tokio::test]
async fn two_that_are_put_between_the_same_two_stand_there_one_behind_the_other() {
    let (admin, ours) = (admin().await, team(&[]).await);
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(task(&admin, json!({ "team_id": ours })).await.id);
    }
    let [first, last, tied, twin, third, fourth, fifth] = made[..] else { panic!("seven") };
    let query = format!("team_id={ours}");
    becomes(&admin, &query, [&made, &[], &[]]).await;
    // As if by two people at the same moment.
    let between = json!({ "after": first, "before": last });
    let (one, other) = (put(&admin, tied, between.clone()).await, put(&admin, twin, between).await);
    assert_ne!(one.rank, other.rank);
    let (one, other) = if one.rank < other.rank { (tied, twin) } else { (twin, tied) };
    becomes(&admin, &query, [&[first, one, other, last, third, fourth, fifth], &[], &[]]).await;

    put(&admin, third, json!({ "after": one, "before": other })).await;
    becomes(&admin, &query, [&[first, one, third, other, last, fourth, fifth], &[], &[]]).await;
    put(&admin, fourth, json!({ "after": one })).await;
    becomes(&admin, &query, [&[first, one, fourth, third, other, last, fifth], &[], &[]]).await;
    put(&admin, fifth, json!({ "before": other })).await;
    becomes(&admin, &query, [&[first, one, fourth, third, fifth, other, last], &[], &[]]).await;
}

#[tokio::test]
async fn who_moves_one_after_the_other_waits_for_no_list_in_between() {
    let admin = admin().await;
    for _ in 0..10 {
        let first = task(&admin, json!({})).await;
        let (second, third) = (task(&admin, json!({})).await, task(&admin, json!({})).await);
        let second = put(&admin, second.id, json!({ "after": first.id })).await;
        let third = put(&admin, third.id, json!({ "after": first.id })).await;
        assert!(first.rank < third.rank && third.rank < second.rank, "the last one is right behind the first");
        let second = put(&admin, second.id, json!({ "before": first.id })).await;
        let third = put(&admin, third.id, json!({ "before": first.id })).await;
        assert!(second.rank < third.rank && third.rank < first.rank, "the last one is right before the first");
        // Beside one that stands elsewhere by now.
        let first = put(&admin, first.id, json!({ "before": second.id })).await;
        let third = put(&admin, third.id, json!({ "after": first.id })).await;
        assert!(first.rank < third.rank && third.rank < second.rank);
    }
}

#[tokio::test]
async fn a_list_is_in_the_order_that_is_asked_for() {
    let (admin, member) = (admin().await, member().await);
    let make = async |priority: &str, deadline: Value| {
        task(&admin, json!({ "assignee_id": member.id, "priority": priority, "deadline": deadline })).await.id.0
    };
    let a = make("low", json!("2040-01-03T00:00:00Z")).await;
    let b = make("critical", Value::Null).await;
    let c = make("low", json!("2040-01-01T00:00:00Z")).await;
    let d = make("high", json!("2040-01-02T00:00:00Z")).await;
    // The second is changed last, and put to the end.
    put(&admin, b.into(), json!({ "after": d })).await;
    let list = async |sort: &str| {
        let path = format!("/tasks?assignee_id={}&sort={sort}", member.id);
        ids(&admin.get(&path).send().await.is(200).value())
    };
    eventually("the list has all", async || (list("updated").await == [a, c, d, b]).then_some(())).await;
    for (sort, mut expected) in [
        ("due", [c, d, a, b]),
        ("created", [a, b, c, d]),
        ("updated", [a, c, d, b]),
        ("priority", [b, d, c, a]),
        ("rank", [a, c, d, b]),
    ] {
        assert_eq!(list(sort).await, expected, "{sort}");
        expected.reverse();
        assert_eq!(list(&format!("-{sort}")).await, expected, "-{sort}");
    }
    // As they were at a moment that is still to come: as they are.
    let later = "&as_of=2040-01-01T00:00:00Z";
    let then = async |sort: &str| list(&format!("{sort}{later}")).await;
    eventually("the past has all", async || (then("updated").await == [a, c, d, b]).then_some(())).await;
    for (sort, expected) in [("-created", [d, c, b, a]), ("priority", [b, d, c, a]), ("rank", [a, c, d, b])] {
        assert_eq!(then(sort).await, expected, "{sort}");
    }
    for wrong in ["title", "--due", "", "Due"] {
        admin.get(&format!("/tasks?sort={wrong}")).send().await.wrong_parameters(&["sort"]);
    }
}

#[tokio::test]
async fn a_board_is_shown_as_it_was() {
    let (admin, ours) = (admin().await, team(&[]).await);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(task(&admin, json!({ "team_id": ours })).await.id);
    }
    let [first, second, third] = made[..] else { panic!("three") };
    let reordered = put(&admin, third, json!({ "before": first })).await;
    later(&reordered).await;
    let begun = moved(&admin, first, &["in_progress"]).await;
    later(&begun).await;
    let gone: TaskDocument = admin.delete(&of_task(third, "")).send().await.document(200);

    let then = async |moment: &TaskDocument| {
        let query = format!("team_id={ours}&as_of={}", written(moment.updated_at));
        let least = format!("task#{first}@{},task#{third}@{}", begun.version, gone.version);
        let path = format!("/tasks/board?{query}");
        columns(&admin.get(&path).header("muster-min-version", &least).send().await.is(200).value())
    };
    let board = |todo: &[TaskId], begun: &[TaskId]| {
        let of = |status: &str, ids: &[TaskId]| (status.to_owned(), ids.iter().map(|id| id.0).collect::<Vec<_>>());
        vec![of("todo", todo), of("in_progress", begun), of("completed", &[])]
    };
    assert_eq!(then(&reordered).await, board(&[third, first, second], &[]));
    assert_eq!(then(&begun).await, board(&[third, second], &[first]));
    assert_eq!(then(&gone).await, board(&[second], &[first]));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let at = written(reordered.updated_at);
        let path = format!("/tasks/board?team_id={ours}&as_of={at}&status=todo&limit=1{cursor}");
        let board = admin.get(&path).send().await.is(200).value();
        seen.extend(ids(&board["columns"][0]));
        let Some(next) = board["columns"][0]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, [third.0, first.0, second.0], "one a page");
}
