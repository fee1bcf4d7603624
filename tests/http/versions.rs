//! `If-Match`: a change of what somebody has read, and not of what became of it since.

use futures::future::join_all;
use muster_projections::TaskDocument;
use serde_json::json;

use crate::every_route::request;
use crate::routes::ROUTES;
use crate::support::{admin, event_types, member, of_task, task};

#[tokio::test]
async fn a_stale_change_of_a_task_is_refused_with_the_present_version() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    admin.put(&of_task(made.id, "")).json(&json!({ "title": "Second" })).send().await.is(200);
    for route in ROUTES.iter().filter(|route| route.is_of_a_task() && route.method != "GET") {
        for stale in [1, 3, 0] {
            let answer = request(&admin, route, &made.id.to_string()).if_match(stale).send().await;
            assert_eq!(answer.problem(412, "stale_version")["version"], 2, "{} {}", route.method, route.path);
            assert_eq!(answer.header("etag"), "\"2\"");
        }
    }
    assert_eq!(event_types(made.id).await, ["TaskCreated", "TaskEdited"], "nothing was done");
}

#[tokio::test]
async fn the_etag_of_an_answer_is_good_for_the_next_change() {
    let member = member().await;
    let made = task(&member.client, json!({})).await;
    let read = member.client.get(&of_task(made.id, "")).send().await;
    let path = of_task(made.id, "/comments");
    let first = member.client.post(&path).header("if-match", read.header("etag")).json(&json!({ "text": "One" }));
    let first = first.send().await;
    let second = member.client.post(&path).header("if-match", first.header("etag")).json(&json!({ "text": "Two" }));
    assert_eq!(second.send().await.document::<TaskDocument>(201).version, 3);
}

#[tokio::test]
async fn any_version_will_do_with_a_star_or_without_the_header() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let put = |title: &str| admin.put(&of_task(made.id, "")).json(&json!({ "title": title }));
    assert_eq!(put("Two").header("if-match", "*").send().await.document::<TaskDocument>(200).version, 2);
    assert_eq!(put("Three").send().await.document::<TaskDocument>(200).version, 3);
}

#[tokio::test]
async fn of_two_who_change_what_both_have_read_one_does() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let change = async |title: String| {
        admin.put(&of_task(made.id, "")).if_match(1).json(&json!({ "title": title })).send().await
    };
    let answers = join_all((0..5).map(|number| change(format!("Title {number}")))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(done.len(), 1, "exactly one change");
    for answer in refused {
        assert_eq!(answer.problem(412, "stale_version")["version"], 2);
    }
    let task: TaskDocument = admin.get(&of_task(made.id, "")).min_version(2).send().await.document(200);
    assert_eq!(task, done[0].document::<TaskDocument>(200));
}

#[tokio::test]
async fn all_who_change_without_a_version_do() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let comment = async |number: i32| {
        admin.post(&of_task(made.id, "/comments")).json(&json!({ "text": format!("Words {number}") })).send().await
    };
    let answers = join_all((0..4).map(comment)).await;
    let mut versions: Vec<u64> = answers.iter().map(|answer| answer.document::<TaskDocument>(201).version).collect();
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5]);
}
