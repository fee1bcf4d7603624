//! A clock that is set by hand, and the tables on an engine in this process.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::GlobalSecondaryIndexBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ports::Clock;
use muster_embedded::Engine;
use muster_identity::IdentityTables;

/// Shows what it was set to.
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Midnight of a day in 2030.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::from_timestamp(1_900_000_000, 0).expect("a time"))))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("a clock") += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("a clock")
    }
}

/// A fresh store with the tables.
pub(crate) async fn store() -> (Client, IdentityTables) {
    let client = Engine::memory().expect("an engine").client();
    let names = [
        "credentials",
        "sessions",
        "reservations",
        "one-time-tokens",
        "access-log",
        "api-tokens",
        "outside-identities",
        "invitations",
    ];
    let names = names.map(|name| format!("muster-{name}"));
    for name in &names {
        let mut create = client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(string_attribute("pk"))
            .key_schema(hash_key("pk"));
        if name.ends_with("sessions") || name.ends_with("outside-identities") {
            let index = index("by-user").key_schema(hash_key("user_id"));
            create = create
                .attribute_definitions(string_attribute("user_id"))
                .global_secondary_indexes(index.build().expect("an index"));
        }
        if name.ends_with("api-tokens") {
            let range = key("sk", KeyType::Range);
            create = create.attribute_definitions(string_attribute("sk")).key_schema(range);
        }
        if name.ends_with("invitations") {
            let index = index("open").key_schema(hash_key("open")).key_schema(key("created_at", KeyType::Range));
            create = create
                .attribute_definitions(string_attribute("open"))
                .attribute_definitions(string_attribute("created_at"))
                .global_secondary_indexes(index.build().expect("an index"));
        }
        create.send().await.expect("a table");
    }
    let [credentials, sessions, reservations, one_time_tokens, access_log, api_tokens, outside_identities, invitations] =
        names;
    let tables = IdentityTables {
        credentials,
        sessions,
        reservations,
        one_time_tokens,
        access_log,
        api_tokens,
        outside_identities,
        invitations,
    };
    (client, tables)
}

fn string_attribute(name: &str) -> AttributeDefinition {
    let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    definition.build().expect("a definition")
}

fn hash_key(name: &str) -> KeySchemaElement {
    key(name, KeyType::Hash)
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
}

fn index(name: &str) -> GlobalSecondaryIndexBuilder {
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    GlobalSecondaryIndex::builder().index_name(name).projection(all)
}
