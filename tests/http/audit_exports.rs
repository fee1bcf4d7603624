//! The logs as files: what a search finds, line by line, whatever its length.

use chrono::NaiveDate;
use futures::future::join_all;
use muster_domain::user::Role;
use serde_json::{Value, json};

use crate::page::walk;
use crate::support::{Person, admin, eventually, member, of_task, person, task};

/// An auditor, and a task with so many comments, all in the log.
async fn commented(comments: usize) -> (Person, String) {
    let (member, auditor) = (member().await, person(Role::Auditor).await);
    let made = task(&member.client, json!({})).await;
    let said = |number: usize| {
        let (client, path) = (member.client.clone(), of_task(made.id, "/comments"));
        async move {
            client.post(&path).json(&json!({ "text": format!("=Comment, {number}\n\"quoted\"") })).send().await.is(201);
        }
    };
    for some in (0..comments).collect::<Vec<_>>().chunks(4) {
        // A few at once: more would contend for the one task.
        join_all(some.iter().map(|number| said(*number))).await;
    }
    let query = format!("task_id={}", made.id);
    eventually("the log has it all", async || {
        (walk(&auditor.client, &format!("/audit?{query}"), 200).await.len() == comments + 1).then_some(())
    })
    .await;
    (auditor, query)
}

#[tokio::test]
pub(crate) async fn the_audit_is_taken_out_line_by_line_as_it_is_searched() {
    // More than are read at once.
    let (auditor, query) = commented(230).await;
    let answer = auditor.client.get(&format!("/audit/export?{query}")).send().await;
    assert_eq!(answer.is(200).header("content-type"), "application/x-ndjson");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"muster-audit-"));
    let lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, walk(&auditor.client, &format!("/audit?{query}&sort=at"), 200).await);

    let csv = auditor.client.get(&format!("/audit/export?format=csv&{query}&type=TaskCommented")).send().await;
    assert_eq!(csv.is(200).header("content-type"), "text/csv; charset=utf-8; header=present");
    let text = csv.text.clone();
    let columns = "at,event_id,aggregate,id,version,type,actor,command_id,correlation_id,address,user_agent,changes,note,comment_id";
    assert_eq!(text.split("\r\n").next(), Some(columns));
    assert_eq!(text.matches("\r\n").count(), 231, "each line ends so, and no line within a value does");
    assert!(text.contains("\"'=Comment, 7\n\"\"quoted\"\"\""), "no formula, and quoted: {}", &text[..600]);
    assert!(text.contains(",127.0.0.1,"), "from where");

    let admin = admin().await;
    let asked = format!("/audit/access?actor={}&kind=audit_exported", auditor.id);
    let routes: Vec<_> = walk(&admin, &asked, 50).await.into_iter().map(|entry| entry["route"].clone()).collect();
    assert_eq!(routes, [json!("GET /api/v1/audit/export"), json!("GET /api/v1/audit/export")]);
}

#[tokio::test]
async fn an_export_goes_on_where_a_part_ended_and_refuses_what_a_search_refuses() {
    let (auditor, query) = commented(2).await;
    let page = auditor.client.get(&format!("/audit?{query}&sort=at&limit=1")).send().await.is(200).value();
    let cursor = page["next"].as_str().unwrap();
    let rest = auditor.client.get(&format!("/audit/export?format=csv&{query}&cursor={cursor}")).send().await;
    assert_eq!(
        rest.is(200).text.matches("\r\n").count(),
        2,
        "without a header line, and without what was there before"
    );
    let get = async |query: &str| auditor.client.get(&format!("/audit/export?{query}")).send().await;
    get("format=xlsx").await.wrong_parameters(&["format"]);
    get("actor=ada&day=2026-03-02&from=2026-03-02").await.wrong_parameters(&["actor", "day"]);
    get("cursor=garbage").await.wrong_parameters(&["cursor"]);
    get("type=TaskStatusChange").await.wrong_parameters(&["type"]);
}

#[tokio::test]
async fn the_audit_without_days_is_all_of_it_and_its_name_says_which_days_it_has() {
    let auditor = person(Role::Auditor).await;
    let named = async |query: &str| {
        let answer = auditor.client.get(&format!("/audit/export?{query}")).send().await;
        let name =
            answer.is(200).header("content-disposition").strip_prefix("attachment; filename=").unwrap().to_owned();
        (name, answer.text.lines().count())
    };
    // Longer than a search may be, and long before anything happened.
    let (name, lines) = named("from=1999-01-01&to=2001-12-31").await;
    assert_eq!((name.as_str(), lines), ("\"muster-audit-1999-01-01-to-2001-12-31.jsonl\"", 0));
    let (name, lines) = named("from=1999-01-01&type=UserErased&to=2001-12-31&format=csv").await;
    assert_eq!((name.as_str(), lines), ("\"muster-audit-1999-01-01-to-2001-12-31.csv\"", 1));
    let (name, _) = named("actor=system:nobody&to=2001-12-31").await;
    assert_eq!(name, "\"muster-audit-to-2001-12-31.jsonl\"");

    let (whole, _) = named("").await;
    let days = whole.strip_prefix("\"muster-audit-").and_then(|name| name.strip_suffix(".jsonl\"")).unwrap();
    let (from, to) = days.split_once("-to-").unwrap();
    assert!(from.parse::<NaiveDate>().unwrap() <= to.parse::<NaiveDate>().unwrap(), "{whole}");
}

#[tokio::test]
pub(crate) async fn the_access_log_is_taken_out_too() {
    let (auditor, member) = (person(Role::Auditor).await, member().await);
    let query = format!("actor={}", member.id);
    let answer = auditor.client.get(&format!("/audit/access/export?{query}")).send().await;
    let lines: Vec<Value> = answer.is(200).text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines, walk(&auditor.client, &format!("/audit/access?{query}"), 50).await);
    let csv = auditor.client.get(&format!("/audit/access/export?format=csv&{query}")).send().await.is(200).text.clone();
    assert_eq!(csv.matches("\r\n").count(), 2);
    assert!(csv.contains(&format!(",signed_in,allowed,with the password,{},", member.id)), "{csv}");
}
