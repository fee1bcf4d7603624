//! A clock that is set by hand, the tables on an engine in this process, and a look at each request on its way there.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
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

/// What is done with the operation of every request on its way to the store.
struct OnTheWay<F>(F);

impl<F> fmt::Debug for OnTheWay<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnTheWay")
    }
}

impl<F: Fn(&str) -> Result<(), BoxError> + Send + Sync> Intercept for OnTheWay<F> {
    fn name(&self) -> &'static str {
        "OnTheWay"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        (self.0)(target.rsplit('.').next().unwrap_or_default())
    }
}

/// The same client, each of whose requests goes on its way after this was done with its operation.
pub(crate) fn on_the_way(
    client: &Client,
    done: impl Fn(&str) -> Result<(), BoxError> + Send + Sync + 'static,
) -> Client {
    Client::from_conf(client.config().to_builder().interceptor(OnTheWay(done)).build())
}

/// The operations of the requests that a client sends.
pub(crate) struct Counting(Arc<Mutex<Vec<String>>>);

impl Counting {
    /// The same client, counted.
    pub(crate) fn of(client: &Client) -> (Self, Client) {
        let list = Arc::new(Mutex::new(Vec::new()));
        let counting = Self(Arc::clone(&list));
        let client = on_the_way(client, move |operation| {
            list.lock().expect("a list").push(operation.to_owned());
            Ok(())
        });
        (counting, client)
    }

    /// What was sent since this was asked last.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("a list"))
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
