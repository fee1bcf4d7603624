//! The feed: what it shows to whom, and how a reader goes on.

use std::collections::BTreeMap;

use muster_domain::user::Role;
use serde_json::{Value, json};

use crate::api_tokens::made;
use crate::support::{admin, event_types, eventually, member, moved, nobody, of_task, person, task, team};
use muster_tests::client::Client;

/// A page, and where it ends.
async fn page(client: &Client, after: Option<&str>, query: &str) -> (Vec<Value>, String, bool) {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let page = client.get(&format!("/feed?{query}{after}")).send().await.is(200).value();
    assert_eq!(page.as_object().unwrap().len(), 3);
    let items = page["items"].as_array().unwrap().clone();
    (items, page["next"].as_str().unwrap().to_owned(), page["more"].as_bool().unwrap())
}

/// Reads on to the end; gives what came, and where it ends.
async fn read_on(client: &Client, mut after: Option<String>, limit: usize) -> (Vec<Value>, String) {
    let mut items = Vec::new();
    loop {
        let (found, next, more) = page(client, after.as_deref(), &format!("limit={limit}")).await;
        assert!(found.len() <= limit);
        items.extend(found);
        if !more {
            return (items, next);
        }
        after = Some(next);
    }
}

/// The types of the events of each aggregate, in the order in which they came.
fn by_stream(items: &[Value]) -> BTreeMap<String, Vec<(u64, String)>> {
    let mut streams: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for event in items {
        let id = event["stream"]["id"].as_str().unwrap().to_owned();
        let of = streams.entry(id).or_default();
        of.push((event["version"].as_u64().unwrap(), event["type"].as_str().unwrap().to_owned()));
    }
    streams
}

#[tokio::test]
pub(crate) async fn a_reader_gets_every_event_of_a_task_in_order_and_goes_on_where_it_was() {
    let (member, auditor) = (member().await, person(Role::Auditor).await);
    let (_, start) = read_on(&auditor.client, None, 500).await;
    let made = task(&member.client, json!({ "labels": ["lift"] })).await.id;
    moved(&member.client, made, &["in_progress"]).await;

    let (mut read, mut at) = (Vec::new(), start.clone());
    eventually("the feed has the two events", async || {
        let (items, next) = read_on(&auditor.client, Some(at.clone()), 3).await;
        read.extend(items);
        at = next;
        by_stream(&read).get(&made.to_string()).is_some_and(|events| events.len() == 2).then_some(())
    })
    .await;
    moved(&member.client, made, &["completed"]).await;
    eventually("the feed has the third", async || {
        let (items, next) = read_on(&auditor.client, Some(at.clone()), 500).await;
        read.extend(items);
        at = next;
        by_stream(&read).get(&made.to_string()).is_some_and(|events| events.len() == 3).then_some(())
    })
    .await;

    let versions: Vec<_> = by_stream(&read)[&made.to_string()].clone();
    let types = event_types(made).await;
    assert_eq!(versions, (1..).zip(types).collect::<Vec<_>>());
    let mut ids: Vec<_> = read.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), read.len(), "nothing comes twice");
    // The same place gives the same again.
    let (again, _) = read_on(&auditor.client, Some(start), 500).await;
    let (again, first) = (by_stream(&again), by_stream(&read));
    assert!(first.iter().all(|(stream, events)| again[stream].starts_with(events)));
}

#[tokio::test]
async fn a_feed_has_the_events_of_all_that_its_reader_may_see_and_of_nothing_else() {
    let (manager, plain, other) = (person(Role::Manager).await, member().await, member().await);
    let ours = team(&[&manager]).await;
    let chief = admin().await;
    let (_, start) = read_on(&chief, None, 500).await;
    let of_team = task(&chief, json!({ "team_id": ours })).await.id.to_string();
    let of_plain = task(&chief, json!({ "assignee_id": plain.id })).await.id.to_string();
    let theirs = team(&[&other]).await;
    let of_other = task(&chief, json!({ "team_id": theirs, "assignee_id": other.id })).await.id.to_string();
    let tasks = [&of_team, &of_plain, &of_other];
    eventually("all are in the feed", async || {
        let (items, _) = read_on(&chief, Some(start.clone()), 500).await;
        let streams = by_stream(&items);
        tasks.iter().all(|id| streams.contains_key(*id)).then_some(())
    })
    .await;

    // A manager sees what is of no team, too.
    for (client, seen) in [
        (&manager.client, vec![&of_team, &of_plain]),
        (&plain.client, vec![&of_plain]),
        (&other.client, vec![&of_other]),
    ] {
        let (items, _) = read_on(client, Some(start.clone()), 200).await;
        let streams = by_stream(&items);
        let found: Vec<_> = tasks.into_iter().filter(|id| streams.contains_key(*id)).collect();
        assert_eq!(found, seen);
        assert!(items.iter().all(|event| event["stream"]["type"] == "task"));
    }
    // Whoever is given a task sees from then on what happens to it.
    let (_, at) = read_on(&plain.client, Some(start), 500).await;
    let path = format!("/tasks/{of_team}/assign");
    chief.post(&path).json(&json!({ "assignee_id": plain.id })).send().await.is(200);
    eventually("it is seen by its new assignee", async || {
        let (items, _) = read_on(&plain.client, Some(at.clone()), 500).await;
        by_stream(&items).get(&of_team).is_some_and(|events| events[0].1 == "TaskAssigned").then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_about_people_are_shown_without_what_is_personal() {
    let chief = admin().await;
    let (_, start) = read_on(&chief, None, 500).await;
    let somebody = member().await;
    let body = json!({ "name": "Grace Hopper", "phone": "+1 202 555 0100" });
    somebody.client.put("/profile").json(&body).send().await.is(200);

    let id = somebody.id.to_string();
    let events = eventually("both events are in the feed", async || {
        let (items, _) = read_on(&chief, Some(start.clone()), 500).await;
        let of = |event: &Value| event["stream"]["id"] == id.as_str();
        let events: Vec<Value> = items.into_iter().filter(of).collect();
        (events.len() == 2).then_some(events)
    })
    .await;
    assert_eq!(events[0]["type"], "UserRegistered");
    assert_eq!(events[0]["data"]["role"], "member");
    assert_eq!(events[1]["type"], "UserProfileChanged");
    for event in &events {
        let data = event["data"].as_object().unwrap();
        assert!(["name", "email", "phone"].iter().all(|field| !data.contains_key(*field)), "{event}");
        let text = event.to_string();
        assert!(!text.contains("sealed") && !text.contains("Grace") && !text.contains(&somebody.email), "{text}");
    }
}

#[tokio::test]
async fn a_reader_may_wait_for_what_comes_next() {
    let member = member().await;
    let (_, at) = read_on(&member.client, None, 500).await;
    let reading = {
        let (client, at) = (member.client.clone(), at.clone());
        tokio::spawn(async move { page(&client, Some(&at), "wait=20").await })
    };
    let made = task(&member.client, json!({})).await.id.to_string();
    let (items, next, _) = reading.await.unwrap();
    assert_eq!(by_stream(&items).keys().collect::<Vec<_>>(), [&made]);
    assert_ne!(next, at);
    // Nothing comes: the answer is empty, and its place is as good as any.
    let (items, next, more) = page(&member.client, Some(&next), "wait=1").await;
    assert_eq!((items.len(), more), (0, false));
    page(&member.client, Some(&next), "limit=1").await;
}

#[tokio::test]
async fn a_feed_is_not_asked_for_wrongly() {
    let member = member().await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("wait=21", "wait"),
        ("after=nothing", "after"),
        ("after=", "after"),
    ] {
        let problem = member.client.get(&format!("/feed?{query}")).send().await.problem(422, "invalid_request");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}");
    }
    nobody().await.get("/feed").send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cursor_that_this_feed_did_not_give_is_refused_and_passes_over_nothing() {
    let member = member().await;
    let (_, given) = read_on(&member.client, None, 500).await;
    // `feed2.`, the place 99999999999 with a digest in the first shard, and the beginning of each other one.
    let made_up = "ZmVlZDIuOTk5OTk5OTk5OTktMDEyMzQ1Njc4OWFiY2RlZi4wLTAwMDAwMDAw\
        MDAwMDAwMDAuMC0wMDAwMDAwMDAwMDAwMDAwLjAtMDAwMDAwMDAwMDAwMDAwMC4wLTAwMDAwMDAwMDAw\
        MDAwMDAuMC0wMDAwMDAwMDAwMDAwMDAwLjAtMDAwMDAwMDAwMDAwMDAwMC4wLTAwMDAwMDAwMDAwMDAwMDA";
    let former = "ZmVlZDEuOTk5OTk5OTk5OTkuOS45LjkuOS45LjkuOQ";
    for (cursor, said) in
        [(made_up, "Begin anew"), (former, "Begin anew"), (&given[..given.len() - 4], "is not one that was given out")]
    {
        let path = format!("/feed?after={cursor}");
        let problem = member.client.get(&path).send().await.problem(422, "invalid_request");
        assert_eq!(problem["errors"][0]["parameter"], "after");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    page(&member.client, Some(&given), "limit=1").await;
}

#[tokio::test]
async fn a_token_for_the_feed_is_good_for_the_feed_alone() {
    let member = member().await;
    let id = task(&member.client, json!({})).await.id;
    let token = made(&member.client, &["feed:read"]).await.client;
    eventually("the token's owner's task is in its feed", async || {
        let (items, _) = read_on(&token, None, 500).await;
        by_stream(&items).contains_key(&id.to_string()).then_some(())
    })
    .await;
    token.get(&of_task(id, "")).send().await.problem(403, "insufficient_scope");
    let other = made(&member.client, &["tasks:write"]).await.client;
    other.get("/feed").send().await.problem(403, "insufficient_scope");
}
