//! The event table itself is gone and comes back from its backup, as the runbook says (restore, way B). It ends with another stream and
//! other mappings than were deployed, so this goes last.

use aws_sdk_dynamodb::types::{PointInTimeRecoverySpecification, StreamSpecification, StreamViewType};
use muster_domain::user::Role;
use serde_json::{Value, json};

use crate::deployment::{Deployment, PREFIX, build_anew, listed, muster, report, settled, until};
use crate::poison::{commit, put};

/// What a mapping is made again with.
const SETTINGS: [&str; 9] = [
    "StartingPosition",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FilterCriteria",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "FunctionResponseTypes",
];

/// Deletes the event table and restores it under its own name; gives its stream of before and its new one.
async fn delete_and_restore(aws: &Deployment) -> (String, String) {
    let (tables, events) = (aws.tables().await, format!("{PREFIX}events"));
    let stream = async || {
        let found = tables.describe_table().table_name(&events).send().await.unwrap();
        found.table.unwrap().latest_stream_arn.unwrap()
    };
    let before = stream().await;
    // AWS makes one itself when a table with recovery is deleted.
    let backup = tables.create_backup().table_name(&events).backup_name("its-last-moment").send().await.unwrap();
    let backup = backup.backup_details.unwrap().backup_arn;
    tables.delete_table().table_name(&events).send().await.unwrap();
    let restore = tables.restore_table_from_backup().target_table_name(&events).backup_arn(backup);
    restore.send().await.unwrap();
    let to_stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    let update = tables.update_table().table_name(&events).stream_specification(to_stream.build().unwrap());
    update.send().await.unwrap();
    let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
    let update = tables.update_continuous_backups().table_name(&events).point_in_time_recovery_specification(recovery);
    update.send().await.unwrap();
    (before, stream().await)
}

/// Lets a function read the new stream in place of the one of before, from its beginning.
async fn follow(aws: &Deployment, function: &str, before: &str, stream: &str) {
    aws.replace_grant(function, before, stream).await;
    let mapping = aws.mapping(function).await;
    let mut again: Value = SETTINGS.iter().map(|name| ((*name).to_owned(), mapping[name].clone())).collect();
    again["EventSourceArn"] = json!(stream);
    again["FunctionName"] = mapping["FunctionArn"].clone();
    aws.lambda("POST", "2015-03-31/event-source-mappings/", &again).await;
    let former = mapping["UUID"].as_str().unwrap();
    aws.lambda("DELETE", &format!("2015-03-31/event-source-mappings/{former}"), &Value::Null).await;
}

/// What `verify` finds: other tests may have left something.
fn verified() -> Value {
    serde_json::from_slice::<Value>(&muster(&["verify", "--json"]).stdout).unwrap()
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_restored_event_table_is_written_read_and_followed_as_the_one_before() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let task = report(&admin.client, &json!({ "title": "Before" })).await;
    settled().await;
    let before = verified();

    aws.throttled("command-api", async {
        let (former, stream) = delete_and_restore(&aws).await;
        follow(&aws, "publisher", &former, &stream).await;
        follow(&aws, "guard", &former, &stream).await;
        aws.renew("command-api", "Restored").await;
        build_anew();
        assert_eq!(verified(), before);
    })
    .await;

    let comment = admin.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": "After it" }));
    comment.send().await.is(201);
    let after = report(&admin.client, &json!({ "title": "After" })).await;
    assert_eq!(listed(&admin.client, after).await["title"], "After");
    assert_eq!(listed(&admin.client, task).await["version"], 2);
    let changed = async || aws.counted("guard", "event-table-changed").await.len();
    let counted = changed().await;
    let mut item = commit(&aws, &format!("{PREFIX}events"), after, 1).await;
    let unchanged = item.clone();
    item.remove("hash");
    put(&aws, item).await;
    put(&aws, unchanged).await;
    until("the guard's count", async || (changed().await > counted).then_some(())).await;
}
