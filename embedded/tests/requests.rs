//! Requests through the SDK, answered as DynamoDB answers them.

mod common;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use common::{create_table, n, s};
use muster_embedded::Engine;

#[tokio::test]
async fn an_item_that_was_put_is_read_back() {
    let client = Engine::memory().unwrap().client();
    create_table(&client, "events", false).await;

    client
        .put_item()
        .table_name("events")
        .item("pk", s("task#1"))
        .item("sk", n(1))
        .item("title", s("Fix the pump"))
        .send()
        .await
        .unwrap();
    let found = client
        .get_item()
        .table_name("events")
        .key("pk", s("task#1"))
        .key("sk", n(1))
        .consistent_read(true)
        .send()
        .await
        .unwrap();

    assert_eq!(found.item.unwrap()["title"], s("Fix the pump"));
}

#[tokio::test]
async fn a_failed_condition_returns_the_item_that_is_there() {
    let client = Engine::memory().unwrap().client();
    create_table(&client, "events", false).await;
    let put = |who: &str| {
        client
            .put_item()
            .table_name("events")
            .item("pk", s("task#1"))
            .item("sk", n(1))
            .item("command_id", s(who))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };
    put("first").await.unwrap();

    let error = put("second").await.unwrap_err().into_service_error();

    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("not a failed condition: {error:?}");
    };
    let item: &std::collections::HashMap<String, AttributeValue> = failed.item().unwrap();
    assert_eq!(item["command_id"], s("first"));
}
