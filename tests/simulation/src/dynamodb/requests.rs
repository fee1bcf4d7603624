//! The requests that the model knows, as they stand in a body. A field that is not here is refused as not modelled.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::value::{Attribute, Item, Pairs};

/// `PutItem`, and `Put` in a transaction.
#[derive(Debug, Deserialize, Hash)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    pub(super) table_name: String,
    pub(super) item: Item,
    pub(super) condition_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Pairs<String>>,
    pub(super) expression_attribute_values: Option<Pairs<Attribute>>,
    pub(super) return_values: Option<String>,
    pub(super) return_values_on_condition_check_failure: Option<String>,
}

/// `DeleteItem`, and `Delete` and `ConditionCheck` in a transaction.
#[derive(Debug, Deserialize, Hash)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Keyed {
    pub(super) table_name: String,
    pub(super) key: Item,
    pub(super) condition_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Pairs<String>>,
    pub(super) expression_attribute_values: Option<Pairs<Attribute>>,
    pub(super) return_values: Option<String>,
    pub(super) return_values_on_condition_check_failure: Option<String>,
}

/// `UpdateItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are DynamoDB's")]
pub(super) struct Update {
    pub(super) table_name: String,
    pub(super) key: Item,
    pub(super) update_expression: String,
    pub(super) condition_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Pairs<String>>,
    pub(super) expression_attribute_values: Option<Pairs<Attribute>>,
    pub(super) return_values: Option<String>,
    pub(super) return_values_on_condition_check_failure: Option<String>,
}

/// `TransactWriteItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Transaction {
    pub(super) transact_items: Vec<Action>,
    pub(super) client_request_token: Option<String>,
}

/// An action of a transaction: exactly one of them must be there.
#[derive(Debug, Deserialize, Hash)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Action {
    pub(super) put: Option<Put>,
    pub(super) delete: Option<Keyed>,
    pub(super) condition_check: Option<Keyed>,
}

/// `GetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    pub(super) table_name: String,
    pub(super) key: Item,
    /// Every read is consistent.
    #[serde(rename = "ConsistentRead")]
    pub(super) _consistent_read: Option<bool>,
}

/// `BatchGetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchGet {
    pub(super) request_items: BTreeMap<String, Keys>,
}

/// The keys that are wanted of one table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) keys: Vec<Item>,
    pub(super) consistent_read: Option<bool>,
}

/// `BatchWriteItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct BatchWrite {
    pub(super) request_items: BTreeMap<String, Vec<Write>>,
}

/// A write of a batch: exactly one of them must be there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Write {
    pub(super) put_request: Option<PutRequest>,
    pub(super) delete_request: Option<DeleteRequest>,
}

/// A put of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutRequest {
    pub(super) item: Item,
}

/// A deletion of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteRequest {
    pub(super) key: Item,
}

/// `Query`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Query {
    pub(super) table_name: String,
    pub(super) index_name: Option<String>,
    pub(super) key_condition_expression: Option<String>,
    pub(super) filter_expression: Option<String>,
    pub(super) projection_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Pairs<String>>,
    pub(super) expression_attribute_values: Option<Pairs<Attribute>>,
    pub(super) scan_index_forward: Option<bool>,
    pub(super) limit: Option<i64>,
    pub(super) exclusive_start_key: Option<Item>,
    pub(super) consistent_read: Option<bool>,
}

/// `Scan`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Scan {
    pub(super) table_name: String,
    pub(super) filter_expression: Option<String>,
    pub(super) projection_expression: Option<String>,
    pub(super) expression_attribute_names: Option<Pairs<String>>,
    pub(super) expression_attribute_values: Option<Pairs<Attribute>>,
    pub(super) limit: Option<i64>,
    pub(super) exclusive_start_key: Option<Item>,
    pub(super) segment: Option<i64>,
    pub(super) total_segments: Option<i64>,
    /// Every read is consistent.
    #[serde(rename = "ConsistentRead")]
    pub(super) _consistent_read: Option<bool>,
}

/// `DescribeTable`, `DeleteTable` and `DescribeTimeToLive`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    pub(super) table_name: String,
}

/// `ListTables`, as long as all fit in one page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTables {}

/// `UpdateTimeToLive`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateTimeToLive {
    pub(super) table_name: String,
    pub(super) time_to_live_specification: TimeToLive,
}

/// Which attribute says when an item expires.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TimeToLive {
    pub(super) enabled: bool,
    pub(super) attribute_name: String,
}

/// `CreateTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateTable {
    pub(super) table_name: String,
    pub(super) key_schema: Vec<KeyElement>,
    pub(super) attribute_definitions: Vec<Definition>,
    pub(super) billing_mode: Option<String>,
    #[serde(default)]
    pub(super) global_secondary_indexes: Vec<IndexDefinition>,
    pub(super) stream_specification: Option<StreamSpecification>,
}

/// An attribute of a key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct KeyElement {
    pub(super) attribute_name: String,
    pub(super) key_type: String,
}

/// The type of an attribute of a key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) attribute_name: String,
    pub(super) attribute_type: String,
}

/// A global secondary index.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct IndexDefinition {
    pub(super) index_name: String,
    pub(super) key_schema: Vec<KeyElement>,
    pub(super) projection: ProjectionDefinition,
}

/// What an index holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ProjectionDefinition {
    pub(super) projection_type: Option<String>,
    pub(super) non_key_attributes: Option<Vec<String>>,
}

/// Whether there is a stream, and what it carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StreamSpecification {
    pub(super) stream_enabled: bool,
    pub(super) stream_view_type: Option<String>,
}
