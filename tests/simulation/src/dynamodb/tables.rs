//! Operations on tables as a whole.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::key::{KeyAttribute, KeyKind, KeySchema};
use super::refusal::Refusal;
use super::requests::{CreateTable, Definition, KeyElement, ListTables, Named, ProjectionDefinition, UpdateTimeToLive};
use super::table::{Index, Table};
use super::{Model, no_table};

/// The most global secondary indexes of a table.
const MOST_INDEXES: usize = 20;
/// The most tables in one page of their names.
const MOST_LISTED: usize = 100;

fn refuse<T>(message: String) -> Result<T, Refusal> {
    Err(Refusal::Validation(message))
}

fn body(answer: &Value) -> Vec<u8> {
    answer.to_string().into_bytes()
}

fn is_name(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Reads a key, whose attributes must be among the defined ones.
fn schema(elements: &[KeyElement], definitions: &[Definition]) -> Result<KeySchema, Refusal> {
    let attribute = |element: &KeyElement| {
        let name = &element.attribute_name;
        let definition = definitions.iter().find(|definition| definition.attribute_name == *name);
        let kind = match definition.map(|definition| definition.attribute_type.as_str()) {
            Some("S") => KeyKind::S,
            Some("N") => KeyKind::N,
            Some("B") => return Err(Refusal::NotModelled("binary keys".to_owned())),
            Some(other) => return refuse(format!("{other} is no type of a key attribute")),
            None => return refuse(format!("The key attribute {name} is not defined in AttributeDefinitions")),
        };
        Ok(KeyAttribute { name: name.clone(), kind })
    };
    match elements {
        [pk] if pk.key_type == "HASH" => Ok(KeySchema { pk: attribute(pk)?, sk: None }),
        [pk, sk] if pk.key_type == "HASH" && sk.key_type == "RANGE" && pk.attribute_name != sk.attribute_name => {
            Ok(KeySchema { pk: attribute(pk)?, sk: Some(attribute(sk)?) })
        }
        _ => refuse("Invalid KeySchema: it must be a HASH key and, if wanted, another RANGE key".to_owned()),
    }
}

fn key_schema(schema: &KeySchema) -> Value {
    let keys = schema.attributes().zip(["HASH", "RANGE"]);
    keys.map(|(attribute, kind)| json!({ "AttributeName": attribute.name, "KeyType": kind })).collect()
}

impl Table {
    fn describe(&self, name: &str, status: &str) -> Value {
        let schemas = std::iter::once(&self.schema).chain(self.indexes.iter().map(|index| &index.schema));
        let attributes: BTreeMap<_, _> =
            schemas.flat_map(KeySchema::attributes).map(|attribute| (&attribute.name, attribute.kind.name())).collect();
        let definitions: Vec<_> = attributes
            .into_iter()
            .map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }))
            .collect();
        let items: usize = self.partitions.values().map(BTreeMap::len).sum();
        let mut table = json!({
            "TableName": name,
            "TableStatus": status,
            "TableArn": format!("arn:aws:dynamodb:model:000000000000:table/{name}"),
            "KeySchema": key_schema(&self.schema),
            "AttributeDefinitions": definitions,
            "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
            "ItemCount": items,
        });
        if !self.indexes.is_empty() {
            let index = |index: &Index| {
                json!({
                    "IndexName": index.name,
                    "IndexStatus": "ACTIVE",
                    "KeySchema": key_schema(&index.schema),
                    "Projection": match &index.holds {
                        Some(holds) => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": holds }),
                        None => json!({ "ProjectionType": "ALL" }),
                    },
                })
            };
            table["GlobalSecondaryIndexes"] = self.indexes.iter().map(index).collect();
        }
        if self.stream.is_some() {
            table["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" });
        }
        table
    }
}

impl Model {
    pub(super) fn create_table(&mut self, create: &CreateTable) -> Result<Vec<u8>, Refusal> {
        let name = &create.table_name;
        if !is_name(name) {
            return refuse(format!("{name} is no name of a table: 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.'"));
        }
        if create.billing_mode.as_deref() != Some("PAY_PER_REQUEST") {
            return Err(Refusal::NotModelled("a table that is not PAY_PER_REQUEST".to_owned()));
        }
        let table_schema = schema(&create.key_schema, &create.attribute_definitions)?;
        let mut indexes: Vec<Index> = Vec::with_capacity(create.global_secondary_indexes.len());
        for index in &create.global_secondary_indexes {
            let ProjectionDefinition { projection_type, non_key_attributes: holds } = &index.projection;
            if !matches!((projection_type.as_deref(), holds), (Some("ALL"), None) | (Some("INCLUDE"), Some(_))) {
                return Err(Refusal::NotModelled("an index that holds neither ALL attributes nor some".to_owned()));
            }
            if !is_name(&index.index_name) || indexes.iter().any(|other| other.name == index.index_name) {
                return refuse(format!("{} is no name of an index, or two have it", index.index_name));
            }
            let schema = schema(&index.key_schema, &create.attribute_definitions)?;
            let name = index.index_name.clone();
            indexes.push(Index { name, schema, holds: holds.clone(), partitions: BTreeMap::new() });
        }
        if indexes.len() > MOST_INDEXES {
            return refuse("A table has at most 20 global secondary indexes".to_owned());
        }
        let schemas = std::iter::once(&table_schema).chain(indexes.iter().map(|index| &index.schema));
        let used: BTreeSet<_> = schemas.flat_map(KeySchema::attributes).map(|attribute| &attribute.name).collect();
        let defined: BTreeSet<_> = create.attribute_definitions.iter().map(|defined| &defined.attribute_name).collect();
        if used != defined || defined.len() != create.attribute_definitions.len() {
            return refuse("AttributeDefinitions must name each key attribute once, and no other".to_owned());
        }
        let stream = match &create.stream_specification {
            Some(stream) if stream.stream_enabled && stream.stream_view_type.as_deref() == Some("NEW_IMAGE") => {
                Some(VecDeque::new())
            }
            Some(stream) if !stream.stream_enabled => None,
            Some(_) => return Err(Refusal::NotModelled("a stream that does not carry NEW_IMAGE".to_owned())),
            None => None,
        };
        if self.tables.contains_key(name) {
            return Err(Refusal::InUse(format!("Table already exists: {name}")));
        }
        let table = Table { schema: table_schema, indexes, stream, ttl: None, partitions: BTreeMap::new() };
        let answer = json!({ "TableDescription": table.describe(name, "ACTIVE") });
        self.tables.insert(name.clone(), table);
        Ok(body(&answer))
    }

    pub(super) fn describe_table(&self, named: &Named) -> Result<Vec<u8>, Refusal> {
        let table = self.table(&named.table_name)?;
        Ok(body(&json!({ "Table": table.describe(&named.table_name, "ACTIVE") })))
    }

    /// The stream goes with its table: in DynamoDB it can be read for another day.
    pub(super) fn delete_table(&mut self, named: &Named) -> Result<Vec<u8>, Refusal> {
        let table = self.tables.remove(&named.table_name).ok_or_else(no_table)?;
        Ok(body(&json!({ "TableDescription": table.describe(&named.table_name, "DELETING") })))
    }

    pub(super) fn list_tables(&self, _: &ListTables) -> Result<Vec<u8>, Refusal> {
        if self.tables.len() > MOST_LISTED {
            return Err(Refusal::NotModelled("a second page of tables".to_owned()));
        }
        Ok(body(&json!({ "TableNames": self.tables.keys().collect::<Vec<_>>() })))
    }

    pub(super) fn update_time_to_live(&mut self, update: UpdateTimeToLive) -> Result<Vec<u8>, Refusal> {
        let table = self.tables.get_mut(&update.table_name).ok_or_else(no_table)?;
        let wanted = update.time_to_live_specification;
        if wanted.enabled == table.ttl.is_some() {
            let state = if wanted.enabled { "enabled" } else { "disabled" };
            return refuse(format!("TimeToLive is already {state}"));
        }
        let answer = json!({
            "TimeToLiveSpecification": { "Enabled": wanted.enabled, "AttributeName": wanted.attribute_name }
        });
        table.ttl = wanted.enabled.then_some(wanted.attribute_name);
        Ok(body(&answer))
    }

    pub(super) fn describe_time_to_live(&self, named: &Named) -> Result<Vec<u8>, Refusal> {
        let description = match &self.table(&named.table_name)?.ttl {
            Some(attribute) => json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": attribute }),
            None => json!({ "TimeToLiveStatus": "DISABLED" }),
        };
        Ok(body(&json!({ "TimeToLiveDescription": description })))
    }
}
