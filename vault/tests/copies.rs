//! Keys that go from one table into another, which another master wraps.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a store that fails is a failed test")]

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use muster_domain::personal::{KEY_BYTES, Opener};
use muster_domain::ports::{KeyError, SubjectKeys as _};
use muster_domain::{Fingerprint, UserId};
use muster_embedded::Engine;
use muster_vault::{Copies, KeyTable, LocalMaster};
use uuid::Uuid;

const TABLE: &str = "subject-keys";

async fn table() -> Client {
    let client = Engine::memory().unwrap().client();
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    let name =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap();
    let make = client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(name);
    make.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    client
}

fn master(byte: u8) -> LocalMaster {
    LocalMaster::new([byte; KEY_BYTES].into())
}

fn keys(client: &Client, byte: u8) -> KeyTable {
    KeyTable::new(client.clone(), TABLE, Arc::new(master(byte)))
}

fn mark(opener: &Opener) -> String {
    match opener {
        Opener::NoKey => "none".to_owned(),
        Opener::Erased => "erased".to_owned(),
        Opener::Key(key) => key.fingerprint(&Fingerprint::of("test", &())).as_str().to_owned(),
    }
}

#[tokio::test]
async fn every_key_and_every_erasure_comes_along_and_is_wrapped_anew() {
    let (from, to) = (table().await, table().await);
    let old = keys(&from, 1);
    for number in 1..=120 {
        old.make(UserId(Uuid::from_u128(number))).await.unwrap();
    }
    let (ada, erased, stranger) =
        (UserId(Uuid::from_u128(7)), UserId(Uuid::from_u128(8)), UserId(Uuid::from_u128(500)));
    old.erase(erased).await.unwrap();

    let copies = Copies::of(&from, TABLE, &master(1)).await.unwrap();
    assert_eq!(copies.0.len(), 120);
    copies.put(&to, TABLE, &master(2)).await.unwrap();
    copies.put(&to, TABLE, &master(2)).await.unwrap();

    let new = keys(&to, 2);
    for subject in [ada, erased, stranger] {
        assert_eq!(mark(&new.find(subject).await.unwrap()), mark(&old.find(subject).await.unwrap()));
        assert_eq!(mark(&copies.opener(subject)), mark(&old.find(subject).await.unwrap()));
    }
    assert!(matches!(keys(&to, 1).find(ada).await, Err(KeyError::Damaged { .. })), "the old master opens none");
}

#[tokio::test]
async fn keys_that_the_master_does_not_open_are_not_copied() {
    let from = table().await;
    keys(&from, 1).make(UserId(Uuid::from_u128(7))).await.unwrap();
    let refused = Copies::of(&from, TABLE, &master(2)).await;
    assert!(matches!(refused, Err(KeyError::Damaged { .. })), "{refused:?}");
}
