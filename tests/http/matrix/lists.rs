//! Lists show exactly what their reader may see one by one, in full pages.

use std::collections::BTreeSet;

use muster_domain::TaskId;
use muster_domain::user::Role;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, eventually, member, of_task, person, task, team};

/// All items of a list. Every page but the last has as many as were asked for: what the reader may not see is left out before
/// the page is cut, not after.
async fn full_pages(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}{separator}limit={limit}{cursor}")).send().await.is(200).value();
        let found = page["items"].as_array().unwrap();
        items.extend(found.iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        assert_eq!(found.len(), limit, "{path}: a page that is not the last is full");
        cursor = format!("&cursor={next}");
    }
}

async fn listed(client: &Client, path: &str, limit: usize) -> Vec<TaskId> {
    let items = full_pages(client, path, limit).await;
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_list_of_tasks_has_exactly_those_that_its_reader_may_read_in_pages_of_any_size() {
    let (chief, mark) = (admin().await, Uuid::new_v4().simple().to_string());
    let (manager, plain, auditor) = (person(Role::Manager).await, member().await, person(Role::Auditor).await);
    let (colleague, stranger, guest) = (member().await, member().await, member().await);
    let ours = team(&[&manager, &plain, &auditor, &colleague]).await;
    let theirs = team(&[&stranger]).await;
    let mut made = Vec::new();
    for round in 0..2 {
        for body in [
            json!({ "team_id": ours, "assignee_id": colleague.id }),
            json!({ "team_id": ours }),
            json!({ "team_id": ours, "assignee_id": plain.id }),
            json!({ "team_id": theirs, "assignee_id": plain.id }),
            json!({ "team_id": theirs, "assignee_id": manager.id }),
            json!({ "team_id": theirs, "assignee_id": guest.id }),
            json!({ "team_id": theirs, "assignee_id": stranger.id }),
            json!({ "team_id": theirs }),
            json!({ "assignee_id": stranger.id }),
            json!({}),
        ] {
            let mut body = body;
            body["labels"] = json!([mark]);
            body["deadline"] = json!(format!("2040-01-0{}T08:00:00Z", 1 + round));
            made.push(task(&chief, body).await.id);
        }
        for reporter in [&manager, &plain, &stranger] {
            made.push(task(&reporter.client, json!({ "labels": [mark] })).await.id);
        }
    }
    let path = format!("/tasks?label={mark}");
    eventually("the list has all tasks", async || (listed(&chief, &path, 200).await.len() == made.len()).then_some(()))
        .await;

    // What each of the 13 is to each reader: `x` is seen.
    for (client, seen) in [
        (&chief, "xxxxxxxxxxxxx"),
        (&auditor.client, "xxxxxxxxxxxxx"),
        (&manager.client, "xxx.x...xxxxx"),
        (&plain.client, "..xx.......x."),
        (&stranger.client, "......x.x...x"),
    ] {
        let seen = seen.chars().cycle().zip(&made).filter(|(mark, _)| *mark == 'x').map(|(_, id)| *id);
        let seen: BTreeSet<TaskId> = seen.collect();
        for id in &made {
            let status = client.get(&of_task(*id, "")).send().await.status;
            assert_eq!(status, if seen.contains(id) { 200 } else { 404 }, "one by one");
        }
        let all = listed(client, &path, 200).await;
        assert_eq!(all.iter().copied().collect::<BTreeSet<_>>(), seen);
        for limit in [1, 3, all.len()] {
            for sort in ["due", "-due"] {
                let mut pages = listed(client, &format!("{path}&sort={sort}"), limit).await;
                if sort == "-due" {
                    pages.reverse();
                }
                assert_eq!(pages, all, "by {limit}, {sort}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_without_a_filter_has_what_a_member_reports_and_does_in_full_pages() {
    let (chief, plain) = (admin().await, member().await);
    let mut made = BTreeSet::new();
    for _ in 0..4 {
        made.insert(task(&plain.client, json!({})).await.id);
        made.insert(task(&chief, json!({ "assignee_id": plain.id })).await.id);
        // Twice theirs, and once in the list.
        made.insert(task(&plain.client, json!({ "assignee_id": plain.id })).await.id);
        task(&chief, json!({})).await;
    }
    eventually("the list has all tasks", async || {
        (listed(&plain.client, "/tasks", 200).await.len() == made.len()).then_some(())
    })
    .await;
    for limit in [1, 3, 12, 200] {
        let pages = listed(&plain.client, "/tasks", limit).await;
        assert_eq!(pages.len(), made.len(), "each once, by {limit}");
        assert_eq!(pages.into_iter().collect::<BTreeSet<_>>(), made, "by {limit}");
    }
}

#[tokio::test]
async fn a_list_of_people_says_how_to_reach_those_whom_its_reader_leads_and_no_others() {
    let chief = admin().await;
    let (manager, plain, auditor) = (person(Role::Manager).await, member().await, person(Role::Auditor).await);
    let (colleague, stranger) = (member().await, member().await);
    team(&[&manager, &plain, &auditor, &colleague]).await;
    let everywhere = team(&[&manager, &plain, &auditor, &colleague, &stranger]).await;
    let theirs = team(&[&stranger]).await;
    let leave = format!("/teams/{everywhere}/members/{}", manager.id);
    chief.delete(&leave).send().await.is(200);
    let people = [&plain, &auditor, &colleague, &stranger];
    let ids = |people: &[&crate::support::Person]| people.iter().map(|one| json!(one.id).to_string()).collect();
    let everybody: BTreeSet<String> = ids(&people);
    let path = format!("/users?team_id={everywhere}");
    eventually("the manager has left the team of everybody", async || {
        (full_pages(&chief, &path, 200).await.len() == people.len()).then_some(())
    })
    .await;
    for (client, reached) in [
        (&chief, ids(&people)),
        (&auditor.client, ids(&people)),
        (&manager.client, ids(&[&plain, &auditor, &colleague])),
        (&plain.client, ids(&[&plain])),
        (&stranger.client, ids(&[&stranger])),
    ] {
        for limit in [1, 3] {
            let items = full_pages(client, &path, limit).await;
            let named: BTreeSet<String> = items.iter().map(|user| user["id"].to_string()).collect();
            assert_eq!(named, everybody, "who there is, everybody may know");
            let shown = items.iter().filter(|user| user["email"].is_string());
            let shown: BTreeSet<String> = shown.map(|user| user["id"].to_string()).collect();
            assert_eq!(shown, reached, "by {limit}");
        }
    }
    let of_them = full_pages(&manager.client, &format!("/users?team_id={theirs}"), 1).await;
    assert!(of_them.iter().all(|user| user["email"].is_null()), "another team's are not the manager's to reach");
}
