//! Adding the indexes that a table lacks, because an older program made it.
//!
//! The store adds an index with all that the table holds: the embedded engine in one transaction of its database, so that a start that
//! is cut off leaves the table as it was, and the next one adds it. On AWS it goes on in the background, one index at a time.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexDescription, GlobalSecondaryIndexUpdate, IndexStatus,
    TableDescription,
};
use tokio::time::{Instant, sleep};

use super::tables::{attribute_definition, key_schema};
use super::{Index, TableShape};

/// How long it may take until an index holds all that the table does.
const FILLING: Duration = Duration::from_hours(1);
/// How long between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Adds every index of this shape that the table does not have. One that it has with other keys is an error: it would have to be
/// removed first, and that is for its owner to decide. An index that the shape does not name stays.
pub(super) async fn add_missing(client: &Client, table: &str, shape: &TableShape) -> Result<(), String> {
    if shape.indexes.is_empty() {
        return Ok(());
    }
    let described = describe(client, table).await?;
    for index in &shape.indexes {
        match find(&described, &index.name) {
            Some(made) if has_keys_of(made, index) => {}
            Some(_) => return Err(format!("its index {} has other keys than this program reads it by", index.name)),
            None => add(client, table, index).await?,
        }
    }
    Ok(())
}

async fn add(client: &Client, table: &str, index: &Index) -> Result<(), String> {
    let definitions: Result<Vec<_>, _> = index.key_attributes().into_iter().map(attribute_definition).collect();
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(&index.key_attributes())?))
        .projection(index.projection())
        .build()
        .map_err(|error| error.to_string())?;
    tracing::info!(table, index = index.name, "an index that the table lacks is added");
    client
        .update_table()
        .table_name(table)
        .set_attribute_definitions(Some(definitions?))
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build())
        .send()
        .await
        .map_err(|error| DisplayErrorContext(error).to_string())?;
    filled(client, table, index).await
}

/// Waits until the index can be read, and another one be added.
async fn filled(client: &Client, table: &str, index: &Index) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let described = describe(client, table).await?;
        let status = find(&described, &index.name).and_then(GlobalSecondaryIndexDescription::index_status);
        if status == Some(&IndexStatus::Active) {
            return Ok(());
        }
        if begun.elapsed() >= FILLING {
            return Err(format!("its index {} is not filled yet", index.name));
        }
        sleep(PAUSE).await;
    }
}

async fn describe(client: &Client, table: &str) -> Result<TableDescription, String> {
    let answer = client.describe_table().table_name(table).send().await;
    let answer = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
    answer.table.ok_or_else(|| "the store does not describe it".to_owned())
}

fn find<'a>(table: &'a TableDescription, index: &str) -> Option<&'a GlobalSecondaryIndexDescription> {
    table.global_secondary_indexes().iter().find(|made| made.index_name() == Some(index))
}

fn has_keys_of(made: &GlobalSecondaryIndexDescription, index: &Index) -> bool {
    let made = made.key_schema().iter().map(|element| &element.attribute_name);
    made.eq(index.key_attributes().iter().map(|attribute| &attribute.name))
}
