//! The keys of people: made, found, and erased for ever.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::UserId;
use muster_domain::ports::{KeyError, SubjectKeys as _};
use muster_vault::{KeyTable, REMEMBERED_FOR, WrappedKeys};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::{TABLE, keys_under, mark, master, table};

const ADA: UserId = UserId(Uuid::from_u128(1));

/// The keys as a process of its own has them.
fn keys(client: &Client) -> KeyTable {
    keys_under(client, 1)
}

#[tokio::test]
async fn a_key_is_made_once_and_every_process_finds_the_same() {
    let client = table().await;
    assert_eq!(mark(&keys(&client).find(ADA).await.unwrap()), "none");
    let (first, second) = (keys(&client), keys(&client));
    let (a, b) = tokio::join!(first.make(ADA), second.make(ADA));
    let made = mark(&a.unwrap());
    assert_eq!(made.len(), 32);
    assert_eq!(mark(&b.unwrap()), made);
    assert_eq!(mark(&keys(&client).find(ADA).await.unwrap()), made);
    assert_ne!(mark(&keys(&client).make(UserId(Uuid::from_u128(2))).await.unwrap()), made);
}

#[tokio::test]
async fn an_erased_key_is_gone_for_ever_and_no_new_one_takes_its_place() {
    let client = table().await;
    let keys_here = keys(&client);
    keys_here.make(ADA).await.unwrap();
    keys_here.erase(ADA).await.unwrap();
    keys_here.erase(ADA).await.unwrap();
    for keys in [&keys_here, &keys(&client)] {
        assert_eq!(mark(&keys.find(ADA).await.unwrap()), "erased");
        assert_eq!(mark(&keys.make(ADA).await.unwrap()), "erased");
    }
    let item = client.get_item().table_name(TABLE).key("pk", AttributeValue::S(ADA.to_string())).send().await.unwrap();
    let mut left: Vec<_> = item.item.unwrap().into_keys().collect();
    left.sort();
    assert_eq!(left, ["erased", "pk"]);
}

#[tokio::test]
async fn another_process_reads_with_an_erased_key_for_a_minute_at_most() {
    let client = table().await;
    let (here, there) = (keys(&client), keys(&client));
    let made = mark(&here.make(ADA).await.unwrap());
    let before = Instant::now();
    assert_eq!(mark(&there.find(ADA).await.unwrap()), made);
    let after = Instant::now();
    here.erase(ADA).await.unwrap();
    tokio::time::pause();
    let still = before + REMEMBERED_FOR.checked_sub(Duration::from_millis(1)).unwrap();
    tokio::time::advance(still.duration_since(Instant::now())).await;
    assert_eq!(mark(&there.find(ADA).await.unwrap()), made);
    let no_longer = after + REMEMBERED_FOR;
    tokio::time::advance(no_longer.duration_since(Instant::now())).await;
    tokio::time::resume();
    assert_eq!(mark(&there.find(ADA).await.unwrap()), "erased");
}

#[tokio::test]
async fn a_key_under_another_master_is_damaged_and_not_erased() {
    let client = table().await;
    keys_under(&client, 1).make(ADA).await.unwrap();
    let error = keys_under(&client, 2).find(ADA).await.unwrap_err();
    assert!(matches!(&error, KeyError::Damaged { subject: ADA, .. }), "{error}");
}

#[tokio::test]
async fn a_table_tells_whether_a_master_is_the_one_of_its_keys() {
    let nowhere = WrappedKeys::some_of(&table().await, "another-table").await.unwrap();
    assert!(nowhere.is_empty(), "a table that is not there has none");
    let client = table().await;
    assert!(WrappedKeys::some_of(&client, TABLE).await.unwrap().is_empty());
    // More than a page of people, of whom all but one are erased, and a key that is damaged.
    let keys = keys_under(&client, 1);
    for number in 1..=250 {
        keys.make(UserId(Uuid::from_u128(number))).await.unwrap();
        keys.erase(UserId(Uuid::from_u128(number))).await.unwrap();
    }
    assert!(WrappedKeys::some_of(&client, TABLE).await.unwrap().is_empty(), "an erased key is none");
    let damaged = client.put_item().table_name(TABLE).item("pk", AttributeValue::S(Uuid::from_u128(500).to_string()));
    damaged.item("wrapped", AttributeValue::B(Blob::new(b"half a key"))).send().await.unwrap();
    let some = WrappedKeys::some_of(&client, TABLE).await.unwrap();
    assert!(!some.is_empty() && !some.are_of(&master(1)).await.unwrap(), "there is none that could be opened");
    keys.make(UserId(Uuid::from_u128(501))).await.unwrap();

    let some = WrappedKeys::some_of(&client, TABLE).await.unwrap();

    assert!(some.are_of(&master(1)).await.unwrap());
    assert!(!some.are_of(&master(2)).await.unwrap());
}
