//! A function that lost a right: what it refuses is not half done, and what it did not do is made up for.

use muster_domain::StreamId;
use serde_json::{Value, json};

use crate::deployment::{Deployment, listed, muster, report, told, until};

/// The one inline policy of a function's role: the role, the policy's name, and its text.
async fn policy(aws: &Deployment, function: &str) -> (String, String, String) {
    let configuration = aws.function(function).await;
    let role = configuration["Role"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let listed = aws.iam("ListRolePolicies", &[("RoleName", &role)]).await;
    let name = between(&listed, "<member>", "</member>").to_owned();
    let found = aws.iam("GetRolePolicy", &[("RoleName", &role), ("PolicyName", &name)]).await;
    let document = percent_decoded(between(&found, "<PolicyDocument>", "</PolicyDocument>"));
    (role, name, document)
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {text}")).0
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            decoded.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap()
}

/// Does the work while a function may not do this.
async fn without<T>(aws: &Deployment, function: &str, action: &str, work: impl Future<Output = T>) -> T {
    let (role, name, document) = policy(aws, function).await;
    let less = document.replace(action, "dynamodb:DescribeLimits");
    assert_ne!(less, document, "the grant was there");
    let put = async |document: &str| {
        let policy = [("RoleName", role.as_str()), ("PolicyName", &name), ("PolicyDocument", document)];
        aws.iam("PutRolePolicy", &policy).await
    };
    put(&less).await;
    let done = work.await;
    put(&document).await;
    done
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_function_whose_grant_is_removed_refuses_and_changes_nothing() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Before" })).await;
    let history = async || ada.client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    let comment = async |text: &str| {
        ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": text })).send().await
    };
    let before = history().await;

    let (refused, read) =
        without(&aws, "command-api", "dynamodb:PutItem", async { (comment("Lost").await, history().await) }).await;

    refused.problem(503, "unavailable");
    assert_eq!(read, before);
    comment("Kept").await.is(201);
    assert_eq!(history().await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_the_publisher_had_to_give_up_is_in_its_failure_queue_and_reconciled() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let refused = "\"EventsRefused\":";
    let refused_before = aws.logged("publisher", refused).await.len();

    let task = without(&aws, "publisher", "events:PutEvents", async {
        let task = report(&ada.client, &json!({ "title": "Not published" })).await;
        until("the given-up record", async || (aws.waiting("PublisherFailuresUrl").await > 0).then_some(())).await;
        task
    })
    .await;

    assert!(aws.logged("publisher", refused).await.len() > refused_before, "the alarm's metric");
    let behind = muster(&["reconcile", "task-list", "--dry-run", "--json"]);
    let behind: Value = serde_json::from_slice(&behind.stdout).unwrap();
    let behind: Vec<_> = behind["task-list"]["findings"].as_array().unwrap().iter().collect();
    assert_eq!(behind.iter().map(|found| &found["stream"]).collect::<Vec<_>>(), [&json!(StreamId::from(task))]);
    assert_eq!(told(&["reconcile", "--json"])["task-list"]["findings"][0]["outcome"]["outcome"], json!("repaired"));
    assert_eq!(listed(&ada.client, task).await["title"], "Not published");
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_a_projector_could_not_write_is_taken_in_by_a_redrive() {
    let aws = Deployment::here();
    let ada = aws.member().await;

    let task = without(&aws, "projector-task-list", "dynamodb:PutItem", async {
        let task = report(&ada.client, &json!({ "title": "Not written" })).await;
        let dead = async || (aws.waiting("TaskListDeadLettersUrl").await > 0).then_some(());
        until("the dead letter", dead).await;
        task
    })
    .await;

    assert_eq!(muster(&["parked", "task-list"]).status.code(), Some(1));
    let redriven = told(&["redrive", "task-list", "--json"]);
    // What others did shortly before was on its way, and may have met the same fate.
    let expected = json!({ "stream": StreamId::from(task), "outcome": "repaired", "from": 0, "to": 1 });
    let redriven = redriven["task-list"]["streams"].as_array().unwrap();
    assert!(redriven.contains(&expected), "{redriven:?}");
    assert_eq!(listed(&ada.client, task).await["title"], "Not written");
    assert_eq!(aws.waiting("TaskListDeadLettersUrl").await, 0);
}
