//! Requests through the SDK, answered as DynamoDB answers them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod common;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Get, KeysAndAttributes, Put, PutRequest, ReturnValuesOnConditionCheckFailure,
    TimeToLiveSpecification, TransactGetItem, TransactWriteItem, WriteRequest,
};
use common::{create_table, n, put, read, s};
use muster_embedded::Engine;

async fn client_with_table(table: &str) -> Client {
    let client = Engine::memory().unwrap().client();
    create_table(&client, table, false).await;
    client
}

fn transact_put(pk: &str, sk: u64) -> TransactWriteItem {
    let put = Put::builder()
        .table_name("events")
        .item("pk", s(pk))
        .item("sk", n(sk))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    TransactWriteItem::builder().put(put).build()
}

#[tokio::test]
async fn an_item_that_was_put_is_read_back() {
    let client = client_with_table("events").await;

    put(&client, "events", "task#1", 1, "Fix the pump").await;

    assert_eq!(read(&client, "events", "task#1", 1).await, Some("Fix the pump".to_owned()));
    assert_eq!(read(&client, "events", "task#1", 2).await, None);
}

#[tokio::test]
async fn a_failed_condition_returns_the_item_that_is_there() {
    let client = client_with_table("events").await;
    put(&client, "events", "task#1", 1, "first").await;

    let error = client
        .put_item()
        .table_name("events")
        .item("pk", s("task#1"))
        .item("sk", n(1))
        .item("data", s("second"))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    let PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("not a failed condition: {error:?}");
    };
    assert_eq!(failed.item().unwrap()["data"], s("first"));
    assert_eq!(read(&client, "events", "task#1", 1).await, Some("first".to_owned()));
}

#[tokio::test]
async fn a_query_over_more_than_a_megabyte_comes_in_pages() {
    let client = client_with_table("events").await;
    let large = "x".repeat(300_000);
    for version in 1..=5 {
        put(&client, "events", "task#1", version, &large).await;
    }

    let mut versions_by_page = Vec::new();
    let mut start = None;
    loop {
        let page = client
            .query()
            .table_name("events")
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s("task#1"))
            .set_exclusive_start_key(start)
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        let versions: Vec<String> = page.items().iter().map(|item| item["sk"].as_n().unwrap().clone()).collect();
        versions_by_page.push(versions);
        start = page.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }

    assert!(versions_by_page.len() > 1, "one page: {versions_by_page:?}");
    assert_eq!(versions_by_page.concat(), ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_cancelled_transaction_writes_nothing_and_says_which_part_failed() {
    let client = client_with_table("events").await;
    put(&client, "events", "taken", 1, "there").await;

    let error = client
        .transact_write_items()
        .transact_items(transact_put("free", 1))
        .transact_items(transact_put("taken", 1))
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("not a cancelled transaction: {error:?}");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(cancelled.cancellation_reasons()[1].item().unwrap()["data"], s("there"));
    assert_eq!(read(&client, "events", "free", 1).await, None);
}

#[tokio::test]
async fn items_are_updated_and_deleted() {
    let client = client_with_table("events").await;
    put(&client, "events", "task#1", 1, "old").await;
    let key = || [("pk".to_owned(), s("task#1")), ("sk".to_owned(), n(1))].into();

    client
        .update_item()
        .table_name("events")
        .set_key(Some(key()))
        .update_expression("SET #data = :data ADD seen :one")
        .expression_attribute_names("#data", "data")
        .expression_attribute_values(":data", s("new"))
        .expression_attribute_values(":one", n(1))
        .send()
        .await
        .unwrap();
    assert_eq!(read(&client, "events", "task#1", 1).await, Some("new".to_owned()));

    client.delete_item().table_name("events").set_key(Some(key())).send().await.unwrap();
    assert_eq!(read(&client, "events", "task#1", 1).await, None);
}

#[tokio::test]
async fn batches_and_transactions_read_what_they_wrote() {
    let client = client_with_table("events").await;
    let write = |sk| {
        let request = PutRequest::builder().item("pk", s("b")).item("sk", n(sk)).build().unwrap();
        WriteRequest::builder().put_request(request).build()
    };
    let key = |sk| [("pk".to_owned(), s("b")), ("sk".to_owned(), n(sk))].into();
    client.batch_write_item().request_items("events", vec![write(1), write(2)]).send().await.unwrap();
    let delete = Delete::builder().table_name("events").set_key(Some(key(2))).build().unwrap();
    client
        .transact_write_items()
        .transact_items(transact_put("b", 3))
        .transact_items(TransactWriteItem::builder().delete(delete).build())
        .send()
        .await
        .unwrap();

    let keys = KeysAndAttributes::builder().keys(key(1)).keys(key(2)).keys(key(3)).build().unwrap();
    let batch = client.batch_get_item().request_items("events", keys).send().await.unwrap();
    let get = |sk| {
        let get = Get::builder().table_name("events").set_key(Some(key(sk))).build().unwrap();
        TransactGetItem::builder().get(get).build()
    };
    let transaction = client.transact_get_items().transact_items(get(2)).transact_items(get(3)).send().await.unwrap();
    let scan = client.scan().table_name("events").send().await.unwrap();

    let mut found: Vec<_> = batch.responses.unwrap()["events"].iter().map(|item| item["sk"].clone()).collect();
    found.sort_by_key(|sk| sk.as_n().unwrap().clone());
    assert_eq!(found, [n(1), n(3)]);
    let present: Vec<bool> = transaction.responses().iter().map(|response| response.item().is_some()).collect();
    assert_eq!(present, [false, true]);
    assert_eq!(scan.count(), 2);
}

#[tokio::test]
async fn tables_are_described_listed_and_deleted() {
    let client = client_with_table("events").await;
    create_table(&client, "sessions", false).await;

    let described = client.describe_table().table_name("events").send().await.unwrap();
    assert_eq!(described.table().unwrap().table_status().unwrap().as_str(), "ACTIVE");

    client.delete_table().table_name("events").send().await.unwrap();
    let listed = client.list_tables().send().await.unwrap();
    assert_eq!(listed.table_names(), ["sessions"]);
    let error = client.describe_table().table_name("events").send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
}

#[tokio::test]
async fn items_past_their_time_to_live_are_removed_when_the_host_says_so() {
    let engine = Engine::memory().unwrap();
    let client = engine.client();
    create_table(&client, "sessions", false).await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("sk").build().unwrap();
    client.update_time_to_live().table_name("sessions").time_to_live_specification(ttl).send().await.unwrap();
    let (expired, live) = (1_700_000_000, 32_500_000_000);
    put(&client, "sessions", "a", expired, "old").await;
    put(&client, "sessions", "b", live, "new").await;

    assert_eq!(engine.remove_expired().await.unwrap(), 1);

    assert_eq!(read(&client, "sessions", "a", expired).await, None);
    assert_eq!(read(&client, "sessions", "b", live).await, Some("new".to_owned()));
}

#[tokio::test]
async fn an_operation_that_is_not_known_is_refused_as_dynamodb_does() {
    let client = Engine::memory().unwrap().client();

    let error = client.list_backups().send().await.unwrap_err();

    assert_eq!(error.code(), Some("UnknownOperationException"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_refused_with_the_reason() {
    let client = client_with_table("events").await;

    let error = client.put_item().table_name("events").item("pk", s("no sort key")).send().await.unwrap_err();

    assert_eq!(error.code(), Some("ValidationException"));
    assert_eq!(error.message(), Some("One or more parameter values were invalid: Missing the key sk in the item"));
}

#[tokio::test]
async fn expressions_and_values_nested_without_end_are_refused() {
    let client = client_with_table("events").await;
    let brackets = format!("{}attribute_not_exists(pk){}", "(".repeat(2000), ")".repeat(2000));
    let value = (0..100).fold(s("x"), |inner, _| AttributeValue::L(vec![inner]));
    let put = || client.put_item().table_name("events").item("pk", s("task#1")).item("sk", n(1));

    let deep_expression = put().condition_expression(brackets).send().await.unwrap_err();
    let deep_value = put().item("data", value).send().await.unwrap_err();

    assert_eq!(deep_expression.code(), Some("ValidationException"));
    assert!(matches!(deep_value.code(), Some("ValidationException" | "SerializationException")), "{deep_value:?}");
    assert_eq!(read(&client, "events", "task#1", 1).await, None);
}

#[tokio::test]
async fn engines_in_memory_share_nothing() {
    let one = client_with_table("events").await;
    let other = client_with_table("events").await;

    put(&one, "events", "task#1", 1, "mine").await;

    assert_eq!(read(&other, "events", "task#1", 1).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_request_has_happened_as_a_whole_or_not_at_all() {
    let client = client_with_table("events").await;
    let pairs = 200;
    let requests: Vec<_> = (1..=pairs)
        .map(|pair| {
            let request = client
                .transact_write_items()
                .transact_items(transact_put("left", pair))
                .transact_items(transact_put("right", pair));
            tokio::spawn(request.send())
        })
        .collect();
    for request in requests.iter().skip(1) {
        request.abort();
    }
    for request in requests {
        let _ = request.await;
    }

    let mut seen = 0;
    for pair in 1..=pairs {
        let exists = async |pk| {
            let key = Some([("pk".to_owned(), s(pk)), ("sk".to_owned(), n(pair))].into());
            client.get_item().table_name("events").set_key(key).send().await.unwrap().item.is_some()
        };
        let (left, right) = (exists("left").await, exists("right").await);
        assert_eq!(left, right, "pair {pair} is half there");
        seen += u64::from(left);
    }
    assert!(seen >= 1, "the request that was not cancelled is missing");
}
