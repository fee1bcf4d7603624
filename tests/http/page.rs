//! Pages of lists: walked to the end, and asked for wrongly.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{admin, eventually, ids, member, new_email, task, team};
use muster_tests::client::Client;

/// All items of a list, page by page of at most `limit`. No item may come twice.
pub(crate) async fn walk(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}{separator}limit={limit}{cursor}")).send().await.is(200).value();
        let keys: BTreeSet<&str> = page.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["items", "next"]), "{path}");
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit, "{path}: a page of {} where at most {limit} are asked for", found.len());
        items.extend(found.iter().cloned());
        // Of a history, it is a number.
        let number = || page["next"].as_u64().map(|next| next.to_string());
        let Some(next) = page["next"].as_str().map(str::to_owned).or_else(number) else { break };
        cursor = format!("&cursor={next}");
    }
    let each: BTreeSet<String> = items.iter().map(ToString::to_string).collect();
    assert_eq!(each.len(), items.len(), "{path}: something came twice");
    items
}

#[tokio::test]
async fn walking_a_list_gives_each_item_once_whatever_the_size_of_a_page() {
    let (member, mut made) = (member().await, Vec::new());
    for day in 1..=7 {
        // Two of each day, and one without a deadline.
        for _ in 0..2 {
            let deadline = json!({ "deadline": format!("2040-01-{day:02}T08:00:00Z") });
            made.push(task(&member.client, deadline).await);
        }
    }
    made.push(task(&member.client, json!({})).await);
    let path = format!("/tasks?reporter_id={}", member.id);
    eventually("the list has all tasks", async || {
        (walk(&member.client, &path, 200).await.len() == made.len()).then_some(())
    })
    .await;

    made.sort_by_key(|task| (task.deadline.is_none(), task.deadline, task.id));
    let soonest: Vec<_> = made.iter().map(|task| json!(task.id)).collect();
    let latest: Vec<_> = soonest.iter().rev().cloned().collect();
    for limit in [1, 2, 4, 14, 15, 16, 200] {
        let walked = async |sort: &str| -> Vec<Value> {
            let items = walk(&member.client, &format!("{path}{sort}"), limit).await;
            items.into_iter().map(|task| task["id"].clone()).collect()
        };
        assert_eq!(walked("").await, soonest, "by {limit}");
        assert_eq!(walked("&sort=due").await, soonest, "by {limit}");
        assert_eq!(walked("&sort=-due").await, latest, "by {limit}");
    }
}

#[tokio::test]
async fn a_page_has_between_1_and_200_items() {
    let (admin, member, team) = (admin().await, member().await, team(&[]).await);
    let task = task(&member.client, json!({})).await;
    for path in [
        "/users".to_owned(),
        "/teams".to_owned(),
        format!("/teams/{team}/members"),
        "/tasks".to_owned(),
        format!("/tasks/{}/logs", task.id),
        format!("/tasks/{}/history", task.id),
    ] {
        for wrong in ["0", "201", "-1", "4294967296", "many", ""] {
            admin.get(&format!("{path}?limit={wrong}")).send().await.wrong_parameters(&["limit"]);
        }
        for right in ["1", "200"] {
            admin.get(&format!("{path}?limit={right}")).send().await.is(200);
        }
        admin.get(&format!("{path}?colour=red")).send().await.wrong_parameters(&["colour"]);
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_the_query_that_gave_it() {
    let (member, other) = (member().await, member().await);
    team(&[&member, &other]).await;
    for number in 0..3 {
        task(&member.client, json!({ "title": format!("Task {number}") })).await;
    }
    let first = eventually("the list has a second page", async || {
        let page = member.client.get("/tasks?limit=2").send().await.is(200).value();
        page["next"].is_string().then_some(page)
    })
    .await;
    let cursor = first["next"].as_str().unwrap();

    let more = member.client.get(&format!("/tasks?limit=200&cursor={cursor}")).send().await.is(200).value();
    assert!(ids(&more).iter().all(|id| !ids(&first).contains(id)), "the limit may change between pages");
    for wrong in [
        format!("/tasks?status=todo&cursor={cursor}"),
        format!("/tasks?sort=-due&cursor={cursor}"),
        format!("/tasks?reporter_id={}&cursor={cursor}", member.id),
        format!("/users?cursor={cursor}"),
        format!("/teams?cursor={cursor}"),
        format!("/tasks?cursor={}", &cursor[..10]),
        "/tasks?cursor=garbage".to_owned(),
        "/tasks?cursor=".to_owned(),
        format!("/tasks?cursor={}", "A".repeat(2048)),
    ] {
        member.client.get(&wrong).send().await.wrong_parameters(&["cursor"]);
    }
    let of_another = other.client.get(&format!("/tasks?cursor={cursor}")).send().await;
    of_another.wrong_parameters(&["cursor"]);
}

#[tokio::test]
async fn a_list_of_one_order_goes_both_ways_and_a_cursor_is_good_for_its_way_alone() {
    let admin = admin().await;
    for name in ["One of these teams", "Another of these teams"] {
        admin.post("/teams").json(&json!({ "name": name })).send().await.is(201);
        admin.post("/invitations").json(&json!({ "email": new_email() })).send().await.is(201);
        member().await;
    }
    // Each with the way that it goes when nobody says, and the other.
    for (path, usual, other) in [
        ("/users?", "name", "-name"),
        ("/teams?", "name", "-name"),
        ("/invitations?", "-created", "created"),
        ("/audit/access?kind=signed_in&", "-at", "at"),
    ] {
        let first = async |sort: &str| {
            eventually("there is a second page", async || {
                let page = admin.get(&format!("{path}limit=1{sort}")).send().await.is(200).value();
                page["next"].as_str().map(str::to_owned)
            })
            .await
        };
        let (unsaid, back) = (first("").await, first(&format!("&sort={other}")).await);
        admin.get(&format!("{path}sort={usual}&cursor={unsaid}")).send().await.is(200);
        for (sort, cursor) in [(other, &unsaid), (usual, &back)] {
            let wrong = admin.get(&format!("{path}sort={sort}&cursor={cursor}")).send().await;
            wrong.wrong_parameters(&["cursor"]);
        }
        for wrong in ["email", "--name", "-", ""] {
            admin.get(&format!("{path}limit=0&sort={wrong}")).send().await.wrong_parameters(&["limit", "sort"]);
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_the_list_that_gave_it() {
    let admin = admin().await;
    for _ in 0..2 {
        admin.post("/invitations").json(&json!({ "email": new_email() })).send().await.is(201);
    }
    for (list, sorts, others) in [
        (
            "/invitations",
            ["", "&sort=created"],
            ["/audit/access?", "/audit/access?sort=at&", "/audit/access/export?", "/users?"],
        ),
        ("/audit/access", ["", "&sort=at"], ["/invitations?", "/invitations?sort=created&", "/users?", "/teams?"]),
    ] {
        for sort in sorts {
            let cursor = eventually("there is a second page", async || {
                let page = admin.get(&format!("{list}?limit=1{sort}")).send().await.is(200).value();
                page["next"].as_str().map(str::to_owned)
            })
            .await;
            for other in others {
                admin.get(&format!("{other}cursor={cursor}")).send().await.wrong_parameters(&["cursor"]);
            }
        }
    }
}
