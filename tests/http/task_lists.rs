//! Lists of tasks: what is asked for, of what the caller may see.

use std::collections::BTreeSet;
use std::slice;

use chrono::{TimeDelta, Utc};
use muster_domain::TaskId;
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use serde_json::json;
use uuid::Uuid;

use crate::page::walk;
use crate::support::{admin, eventually, later, member, moved, of_task, person, task, team, written};
use muster_tests::client::Client;

/// The tasks that this query lists.
async fn listed(client: &Client, query: &str) -> BTreeSet<TaskId> {
    let items = walk(client, &format!("/tasks{query}"), 50).await;
    items.iter().map(|task| task["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn only(tasks: &[&TaskDocument]) -> BTreeSet<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}

/// Waits until a query lists these tasks and no others.
async fn comes_to_list(client: &Client, query: &str, tasks: &[&TaskDocument]) {
    let expected = only(tasks);
    eventually("the list is what was written", async || (listed(client, query).await == expected).then_some(())).await;
}

#[tokio::test]
pub(crate) async fn a_member_sees_what_they_reported_and_what_they_do() {
    let (admin, member, other) = (admin().await, member().await, member().await);
    let team = team(&[&member, &other]).await;
    let reported = task(&member.client, json!({ "team_id": team })).await;
    let given = task(&admin, json!({ "assignee_id": member.id, "team_id": team })).await;
    let both = task(&member.client, json!({ "assignee_id": member.id })).await;
    let of_the_team = task(&admin, json!({ "team_id": team })).await;
    let of_another = task(&other.client, json!({ "team_id": team })).await;

    comes_to_list(&member.client, "", &[&reported, &given, &both]).await;
    comes_to_list(&other.client, "", &[&of_another]).await;
    comes_to_list(&admin, &format!("?team_id={team}"), &[&reported, &given, &of_the_team, &of_another]).await;
    // Filters take away from what may be seen, and never add to it.
    assert_eq!(listed(&member.client, &format!("?team_id={team}")).await, only(&[&reported, &given]));
    assert_eq!(listed(&member.client, &format!("?reporter_id={}", other.id)).await, only(&[]));
    assert_eq!(listed(&member.client, &format!("?assignee_id={}", member.id)).await, only(&[&given, &both]));
    assert_eq!(listed(&member.client, "?status=todo").await, only(&[&reported, &given, &both]));
}

#[tokio::test]
async fn a_listed_task_is_the_whole_task() {
    let member = member().await;
    let made = task(&member.client, json!({ "labels": ["a"], "deadline": "2040-01-01T00:00:00Z" })).await;
    comes_to_list(&member.client, "", &[&made]).await;
    let items = walk(&member.client, "/tasks", 50).await;
    assert_eq!(serde_json::from_value::<TaskDocument>(items[0].clone()).unwrap(), made);
}

#[tokio::test]
async fn a_manager_sees_the_tasks_of_their_teams_of_no_team_and_their_own() {
    let (admin, manager, mine, other) = (admin().await, person(Role::Manager).await, member().await, member().await);
    let (own, foreign) = (team(&[&manager, &mine]).await, team(&[&other]).await);
    let of_my_team = task(&admin, json!({ "team_id": own })).await;
    let of_my_member = task(&mine.client, json!({ "team_id": own, "assignee_id": mine.id })).await;
    let my_own = task(&manager.client, json!({})).await;
    let given_to_me = task(&admin, json!({ "team_id": foreign, "assignee_id": manager.id })).await;
    let of_no_team = task(&other.client, json!({})).await;
    let foreign_task = task(&other.client, json!({ "team_id": foreign })).await;
    comes_to_list(&other.client, "", &[&of_no_team, &foreign_task]).await;

    let made = [&of_my_team, &of_my_member, &my_own, &given_to_me, &of_no_team, &foreign_task];
    let seen = only(&made[..5]);
    // Tasks of no team are everybody's: other tests make some, too.
    eventually("the list is what a manager may see of these", async || {
        let listed = listed(&manager.client, "").await;
        (listed.intersection(&only(&made)).copied().collect::<BTreeSet<_>>() == seen).then_some(())
    })
    .await;
    for task in made {
        let answer = manager.client.get(&of_task(task.id, "")).send().await;
        assert_eq!(answer.status, if seen.contains(&task.id) { 200 } else { 404 }, "one by one as in the list");
    }
    assert_eq!(listed(&manager.client, &format!("?team_id={own}")).await, only(&[&of_my_team, &of_my_member]));
    assert_eq!(listed(&manager.client, &format!("?team_id={foreign}")).await, only(&[&given_to_me]));
    assert_eq!(listed(&manager.client, &format!("?reporter_id={}", other.id)).await, only(&[&of_no_team]));
    assert_eq!(listed(&manager.client, &format!("?assignee_id={}", mine.id)).await, only(&[&of_my_member]));
}

#[tokio::test]
async fn an_auditor_sees_everybodys_tasks() {
    let (auditor, member) = (person(Role::Auditor).await, member().await);
    let made = task(&member.client, json!({})).await;
    comes_to_list(&auditor.client, &format!("?reporter_id={}", member.id), &[&made]).await;
}

#[tokio::test]
async fn each_filter_lists_what_fulfils_it() {
    let (admin, reporter, doer) = (admin().await, member().await, member().await);
    let team = team(&[]).await;
    let label = format!("label {}", Uuid::new_v4().simple());
    let plain = task(&reporter.client, json!({ "priority": "low" })).await;
    let labelled = task(&reporter.client, json!({ "labels": [label, "other"], "priority": "critical" })).await;
    let given = task(&reporter.client, json!({})).await;
    let body = json!({ "assignee_id": doer.id, "team_id": team, "status": "in_progress" });
    admin.put(&of_task(given.id, "")).json(&body).send().await.is(200);
    let done = task(&reporter.client, json!({})).await;
    moved(&reporter.client, done.id, &["in_progress", "completed"]).await;

    for client in [&admin, &reporter.client] {
        let mine = format!("reporter_id={}", reporter.id);
        for (query, expected) in [
            (format!("?{mine}"), vec![&plain, &labelled, &given, &done]),
            (format!("?{mine}&assignee_id={}", doer.id), vec![&given]),
            (format!("?assignee_id={}", doer.id), vec![&given]),
            (format!("?team_id={team}"), vec![&given]),
            (format!("?{mine}&status=todo"), vec![&plain, &labelled]),
            (format!("?{mine}&status=in_progress"), vec![&given]),
            (format!("?{mine}&status=completed"), vec![&done]),
            (format!("?{mine}&priority=low"), vec![&plain]),
            (format!("?{mine}&priority=medium&status=completed"), vec![&done]),
            (format!("?label={}", label.replace(' ', "%20")), vec![&labelled]),
            (format!("?label={}&priority=low", label.replace(' ', "+")), vec![]),
            (format!("?{mine}&label=oth"), vec![]),
            (format!("?{mine}&status=in_progress&assignee_id={}", reporter.id), vec![]),
            (format!("?reporter_id={}", Uuid::new_v4()), vec![]),
        ] {
            comes_to_list(client, &query, &expected).await;
        }
    }
    // Over all tasks, whatever else is there.
    assert!(listed(&admin, "?status=completed").await.contains(&done.id));
    assert!(!listed(&admin, "?status=completed").await.contains(&given.id));
    assert!(listed(&admin, "?priority=critical").await.contains(&labelled.id));
}

#[tokio::test]
async fn text_is_each_word_of_it_in_the_title() {
    let (admin, member) = (admin().await, member().await);
    let titled = async |title: &str| task(&member.client, json!({ "title": title })).await;
    let (lift, door) = (titled("Fix the LIFT in the Café").await, titled("Straße 4: cafe door").await);
    let roof = titled("Mend the roof").await;
    let mine = format!("reporter_id={}", member.id);
    for client in [&member.client, &admin] {
        for (text, expected) in [
            ("lift", vec![&lift]),
            ("caf%C3%A9", vec![&lift, &door]),
            ("CAFE+the", vec![&lift]),
            ("the", vec![&lift, &roof]),
            ("oo", vec![&door, &roof]),
            ("STRASSE", vec![&door]),
            ("%20door%20%204:%20", vec![&door]),
            ("door+roof", vec![]),
        ] {
            comes_to_list(client, &format!("?{mine}&text={text}"), &expected).await;
            comes_to_list(client, &format!("?{mine}&text={text}&sort=-priority&open=true"), &expected).await;
        }
    }
    let renamed = json!({ "title": "Mend the lift" });
    admin.put(&of_task(roof.id, "")).json(&renamed).send().await.is(200);
    comes_to_list(&member.client, "?text=mend+lift", &[&roof]).await;
    comes_to_list(&member.client, "?text=roof", &[]).await;
    let many = ["a"; 11].join("+");
    for wrong in ["", "%20", &many, &"a".repeat(201)] {
        admin.get(&format!("/tasks?text={wrong}")).send().await.wrong_parameters(&["text"]);
    }
}

#[tokio::test]
async fn due_from_a_time_on_and_before_a_time() {
    let member = member().await;
    let due = async |deadline: &str| task(&member.client, json!({ "deadline": deadline })).await;
    let (first, second, third) =
        (due("2040-01-01T00:00:00Z").await, due("2040-01-02T00:00:00.500Z").await, due("2040-01-03T00:00:00Z").await);
    let never = task(&member.client, json!({})).await;
    for (query, expected) in [
        ("", vec![&first, &second, &third, &never]),
        ("?due_after=2040-01-02T00:00:00.500Z", vec![&second, &third]),
        ("?due_after=2040-01-02T00:00:00.501Z", vec![&third]),
        ("?due_before=2040-01-02T00:00:00.500Z", vec![&first]),
        ("?due_before=2040-01-02T00:00:00.501Z", vec![&first, &second]),
        ("?due_after=2040-01-01T00:00:00Z&due_before=2040-01-03T00:00:00Z", vec![&first, &second]),
        ("?due_after=2040-01-01T02:00:00%2B02:00&due_before=2040-01-02T00:00:00Z", vec![&first]),
        ("?due_after=2040-01-03T00:00:00Z&due_before=2040-01-01T00:00:00Z", vec![]),
        ("?due_after=2040-01-03T00:00:00Z&due_before=2040-01-01T00:00:00Z&sort=created", vec![]),
        ("?due_after=2040-01-01T00:00:00Z&due_before=2040-01-03T00:00:00Z&sort=created", vec![&first, &second]),
    ] {
        comes_to_list(&member.client, query, &expected).await;
    }
}

#[tokio::test]
async fn a_label_is_one_whether_its_marks_come_apart_or_not() {
    let member = member().await;
    let name = |accented: &str| format!("Caf{accented} {}", member.id);
    let (apart, composed) = (name("e\u{301}"), name("\u{e9}"));
    let one = task(&member.client, json!({ "labels": [apart] })).await;
    let other = task(&member.client, json!({ "labels": [composed, apart] })).await;
    assert_eq!((&one.labels[..], &other.labels[..]), (&[composed.clone()][..], &[composed.clone()][..]));
    for label in ["Cafe%CC%81", "Caf%C3%A9"] {
        comes_to_list(&member.client, &format!("?label={label}%20{}", member.id), &[&one, &other]).await;
    }
    let same: TaskDocument =
        member.client.put(&of_task(one.id, "")).json(&json!({ "labels": [apart] })).send().await.document(200);
    assert_eq!(same.version, 1, "nothing changes");
}

#[tokio::test]
async fn overdue_is_what_should_have_been_done_and_is_not() {
    let (admin, member) = (admin().await, member().await);
    let past = written(Utc::now() - TimeDelta::hours(1));
    let late = task(&member.client, json!({ "deadline": past })).await;
    let done = task(&member.client, json!({ "deadline": past })).await;
    moved(&member.client, done.id, &["in_progress", "completed"]).await;
    let in_time = task(&member.client, json!({ "deadline": "2140-01-01T00:00:00Z" })).await;
    let never = task(&member.client, json!({})).await;
    let mine = format!("reporter_id={}", member.id);
    for client in [&member.client, &admin] {
        comes_to_list(client, &format!("?{mine}&overdue=true"), &[&late]).await;
        comes_to_list(client, &format!("?{mine}&overdue=true&status=completed"), &[]).await;
        for sort in ["", "&sort=created", "&as_of=2139-01-01T00:00:00Z"] {
            let expected = [&done, &in_time, &never];
            comes_to_list(client, &format!("?{mine}&overdue=false{sort}"), &expected).await;
            comes_to_list(client, &format!("?{mine}&open=false{sort}"), &[&done]).await;
        }
        comes_to_list(client, &format!("?{mine}&overdue=false&open=true&sort=-due"), &[&never, &in_time]).await;
        comes_to_list(client, &format!("?{mine}&open=false&status=todo"), &[]).await;
    }
    admin
        .post(&of_task(late.id, "/deadline"))
        .json(&json!({ "deadline": "2140-01-01T00:00:00Z" }))
        .send()
        .await
        .is(200);
    comes_to_list(&member.client, "?overdue=true", &[]).await;
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused_by_name() {
    let admin = admin().await;
    for (query, wrong) in [
        ("assignee_id=me", "assignee_id"),
        ("reporter_id=7", "reporter_id"),
        ("team_id=", "team_id"),
        ("status=done", "status"),
        ("priority=urgent", "priority"),
        ("label=", "label"),
        ("due_after=today", "due_after"),
        ("due_before=2040-01-01", "due_before"),
        ("overdue=maybe", "overdue"),
        ("sort=title", "sort"),
        ("colour=red", "colour"),
    ] {
        admin.get(&format!("/tasks?{query}")).send().await.wrong_parameters(&[wrong]);
    }
    let several = admin.get("/tasks?assignee_id=me&overdue=yes&due_after=today&limit=many&colour=red").send().await;
    let problem = several.problem(422, "invalid_request");
    let errors = problem["errors"].as_array().unwrap().iter();
    let said = errors.map(|error| (error["parameter"].as_str().unwrap(), error["detail"].as_str().unwrap()));
    let said: Vec<_> = said.collect();
    assert_eq!(
        said[..4],
        [
            ("assignee_id", "must be a UUID"),
            ("overdue", "must be true or false"),
            ("due_after", "must be a time such as 2026-03-02T08:00:00Z"),
            ("limit", "must be a whole number"),
        ]
    );
    assert_eq!((said.len(), said[4].0), (5, "colour"));
    let label = format!("label={}&sort=title", "x".repeat(51));
    admin.get(&format!("/tasks?{label}")).send().await.wrong_parameters(&["label", "sort"]);
}

/// What a list must reflect.
fn at_least(task: &TaskDocument) -> String {
    format!("task#{}@{}", task.id, task.version)
}

#[tokio::test]
async fn a_list_is_as_fresh_as_what_its_caller_has_just_written() {
    let member = member().await;
    let list = async |query: &str, header: &str| {
        let path = format!("/tasks?reporter_id={}{query}", member.id);
        let page = member.client.get(&path).header("muster-min-version", header).send().await.is(200).value();
        serde_json::from_value::<Vec<TaskDocument>>(page["items"].clone()).unwrap()
    };
    let mut made = task(&member.client, json!({})).await;
    assert_eq!(list("", &at_least(&made)).await, slice::from_ref(&made));
    for round in 0..5 {
        let body =
            json!({ "title": format!("Round {round}"), "deadline": format!("2040-01-0{}T08:00:00Z", 9 - round) });
        made = member.client.put(&of_task(made.id, "")).json(&body).send().await.document(200);
        assert_eq!(list("", &at_least(&made)).await, slice::from_ref(&made), "nothing older, and nothing twice");
    }
    let other = task(&member.client, json!({})).await;
    let both = format!("{},{}", at_least(&made), at_least(&other));
    assert_eq!(list("", &both).await, [made.clone(), other.clone()]);
    let done = moved(&member.client, other.id, &["in_progress", "completed"]).await;
    assert_eq!(list("&open=true", &at_least(&done)).await, [made], "what has left the list is gone from it");
    // A version that has not been made yet cannot be waited for, nor can a task of which there is nothing.
    assert_eq!(list("&status=completed", &format!("task#{}@1000", done.id)).await, [done]);
    assert_eq!(list("&status=in_progress", &format!("task#{}@1", Uuid::new_v4())).await, [] as [TaskDocument; 0]);
}

/// The tasks of this reporter as they were when the task was last changed, by when the list has its last version.
async fn then(client: &Client, moment: &TaskDocument, last: &TaskDocument, query: &str) -> Vec<TaskDocument> {
    let at = written(moment.updated_at);
    let path = format!("/tasks?as_of={at}{query}");
    let page = client.get(&path).header("muster-min-version", &at_least(last)).send().await.is(200).value();
    serde_json::from_value(page["items"].clone()).unwrap()
}

#[tokio::test]
async fn a_list_is_shown_as_it_was() {
    let member = member().await;
    let one = task(&member.client, json!({ "title": "One" })).await;
    later(&one).await;
    let body = json!({ "title": "Two", "priority": "high", "deadline": "2040-01-01T00:00:00Z" });
    let two: TaskDocument = member.client.put(&of_task(one.id, "")).json(&body).send().await.document(200);
    later(&two).await;
    let begun = moved(&member.client, one.id, &["in_progress"]).await;
    later(&begun).await;
    let gone: TaskDocument = member.client.delete(&of_task(one.id, "")).send().await.document(200);
    let reported = format!("&reporter_id={}", member.id);
    let at = async |moment: &TaskDocument, query: &str| {
        then(&member.client, moment, &gone, &format!("{reported}{query}")).await
    };
    let none = [] as [TaskDocument; 0];
    assert_eq!(at(&one, "").await, slice::from_ref(&one));
    assert_eq!(at(&two, "").await, slice::from_ref(&two), "two events in one commit are one change");
    assert_eq!(at(&begun, "").await, slice::from_ref(&begun));
    assert_eq!(at(&gone, "").await, none);
    assert_eq!(
        at(&begun, "&status=in_progress&priority=high&due_after=2039-01-01T00:00:00Z").await,
        slice::from_ref(&begun)
    );
    assert_eq!(at(&two, "&status=in_progress").await, none);
    assert_eq!(at(&one, "&priority=high").await, none);
    assert_eq!(at(&two, "&text=TWO").await, slice::from_ref(&two));
    assert_eq!(at(&one, "&text=two").await, none);
    assert_eq!(at(&one, "&text=one&sort=created").await, slice::from_ref(&one));
    let before = TaskDocument { updated_at: one.updated_at - TimeDelta::milliseconds(1), ..one.clone() };
    assert_eq!(at(&before, "").await, none);
    member.client.get("/tasks?as_of=yesterday").send().await.wrong_parameters(&["as_of"]);
}

#[tokio::test]
async fn of_what_was_nobody_sees_what_they_may_not_see_now() {
    let (ada, ben, admin) = (member().await, member().await, admin().await);
    let hers = task(&admin, json!({ "assignee_id": ada.id, "title": "Hers" })).await;
    later(&hers).await;
    let give = json!({ "assignee_id": ben.id });
    let his: TaskDocument = admin.post(&of_task(hers.id, "/assign")).json(&give).send().await.document(200);
    let query = format!("&assignee_id={}", ada.id);
    assert_eq!(then(&admin, &hers, &his, &query).await, slice::from_ref(&hers));
    assert_eq!(then(&ada.client, &hers, &his, "").await, [] as [TaskDocument; 0], "it is his now");
    assert_eq!(then(&ben.client, &hers, &his, "").await, [] as [TaskDocument; 0], "it was not his then");
    assert_eq!(then(&ben.client, &his, &his, "").await, slice::from_ref(&his));
}
