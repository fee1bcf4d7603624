//! A table of keys, the masters that wrap them, and what tells keys apart.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use muster_domain::Fingerprint;
use muster_domain::personal::{KEY_BYTES, Opener};
use muster_embedded::Engine;
use muster_vault::{KeyTable, LocalMaster};

pub(crate) const TABLE: &str = "subject-keys";

pub(crate) async fn table() -> Client {
    let client = Engine::memory().unwrap().client();
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    let name =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap();
    let make = client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(name);
    make.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    client
}

pub(crate) fn keys_under(client: &Client, byte: u8) -> KeyTable {
    KeyTable::new(client.clone(), TABLE, Arc::new(master(byte)))
}

pub(crate) fn master(byte: u8) -> LocalMaster {
    LocalMaster::new([byte; KEY_BYTES].into())
}

/// What tells openers apart.
pub(crate) fn mark(opener: &Opener) -> String {
    match opener {
        Opener::NoKey => "none".to_owned(),
        Opener::Erased => "erased".to_owned(),
        Opener::Key(key) => key.fingerprint(&Fingerprint::of("test", &())).as_str().to_owned(),
    }
}
