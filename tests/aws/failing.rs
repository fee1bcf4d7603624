//! A function that lost a right: it refuses, and nothing is half done.

use serde_json::json;

use crate::deployment::{Deployment, report};

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

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_function_whose_grant_is_removed_refuses_and_changes_nothing() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Before" })).await;
    let (role, name, document) = policy(&aws, "command-api").await;
    let history = async || ada.client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    let before = history().await;

    let less = document.replace("dynamodb:PutItem", "dynamodb:DescribeLimits");
    assert_ne!(less, document, "the grant was there");
    aws.iam("PutRolePolicy", &[("RoleName", &role), ("PolicyName", &name), ("PolicyDocument", &less)]).await;
    let refused = ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": "Lost" })).send().await;
    let read = history().await;
    aws.iam("PutRolePolicy", &[("RoleName", &role), ("PolicyName", &name), ("PolicyDocument", &document)]).await;

    refused.problem(503, "unavailable");
    assert_eq!(read, before);
    ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": "Kept" })).send().await.is(201);
    assert_eq!(history().await["items"].as_array().unwrap().len(), 2);
}
