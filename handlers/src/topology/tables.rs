//! Making the tables that the topology names.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::{AttributeType, Index, KeyAttribute, StreamView, TableShape, Topology, TopologyError, indexes};

/// How long a new table may take until it can be used.
const MAKING: Duration = Duration::from_mins(10);

impl Topology {
    /// Makes every table that is not there yet: those that are always there, and the first generation of each
    /// projection's. `prefix` is what stands before every name. One that is always there and that an older program made gets
    /// the indexes that it lacks; a read model gets another shape with its next generation.
    pub async fn create_tables(&self, client: &Client, prefix: &str) -> Result<(), TopologyError> {
        for (name, shape) in &self.tables {
            let table = format!("{prefix}{name}");
            if make(client, &table, shape).await? == Maker::Another {
                let added = indexes::add_missing(client, &table, shape).await;
                added.map_err(|reason| TopologyError::AddIndex { table, reason })?;
            }
        }
        for (name, projection) in &self.projections {
            create_table(client, &format!("{prefix}{name}-1"), &projection.table()).await?;
        }
        Ok(())
    }
}

/// Makes a table, and waits until it can be used; one that is there already is left as it is.
pub async fn create_table(client: &Client, name: &str, shape: &TableShape) -> Result<(), TopologyError> {
    make(client, name, shape).await.map(|_| ())
}

/// Who made a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    /// This call.
    This,
    /// Somebody before: perhaps an older program.
    Another,
}

async fn make(client: &Client, name: &str, shape: &TableShape) -> Result<Maker, TopologyError> {
    let failed = |reason: String| TopologyError::CreateTable { table: name.to_owned(), reason };
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&shape.key_attributes()).map_err(failed)?))
        .set_attribute_definitions(Some(shape.attribute_definitions().map_err(failed)?));
    for index in &shape.indexes {
        request = request.global_secondary_indexes(index.request().map_err(failed)?);
    }
    if let Some(StreamView::NewImage) = shape.stream {
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
        request = request.stream_specification(stream.build().map_err(|error| failed(error.to_string()))?);
    }
    let maker = match request.send().await {
        Ok(answer) => {
            let made = answer.table_description.and_then(|table| table.table_status);
            if made != Some(TableStatus::Active) {
                usable(client, name).await.map_err(failed)?;
            }
            Maker::This
        }
        Err(error) if matches!(error.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) => {
            usable(client, name).await.map_err(failed)?;
            // Whoever made it may have been cut off before its time to live was set.
            if shape.ttl.is_none() || expires(client, name).await.map_err(failed)? {
                return Ok(Maker::Another);
            }
            Maker::Another
        }
        Err(error) => return Err(failed(DisplayErrorContext(error).to_string())),
    };
    if let Some(attribute) = &shape.ttl {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute);
        let ttl = ttl.build().map_err(|error| failed(error.to_string()))?;
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(ttl)
            .send()
            .await
            .map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
    }
    Ok(maker)
}

/// Waits until a table that is being made can be used: on AWS that takes a while, the longer the more indexes it has.
async fn usable(client: &Client, name: &str) -> Result<(), String> {
    let table = client.wait_until_table_exists().table_name(name);
    table.wait(MAKING).await.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
}

/// Whether the items of a table have a time to live.
pub(super) async fn expires(client: &Client, name: &str) -> Result<bool, String> {
    let found = client.describe_time_to_live().table_name(name).send().await;
    let found = found.map_err(|error| DisplayErrorContext(error).to_string())?;
    let status = found.time_to_live_description.and_then(|description| description.time_to_live_status);
    Ok(matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)))
}

impl TableShape {
    fn key_attributes(&self) -> Vec<KeyAttribute> {
        let attribute = |name: &str, kind| KeyAttribute { name: name.to_owned(), kind };
        let pk = attribute("pk", self.key.pk);
        std::iter::once(pk).chain(self.key.sk.map(|kind| attribute("sk", kind))).collect()
    }

    /// Every attribute that is a key of the table or of an index, once.
    fn attribute_definitions(&self) -> Result<Vec<AttributeDefinition>, String> {
        let mut attributes = self.key_attributes();
        for attribute in self.indexes.iter().flat_map(Index::key_attributes) {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
        attributes.into_iter().map(attribute_definition).collect()
    }
}

pub(super) fn attribute_definition(attribute: KeyAttribute) -> Result<AttributeDefinition, String> {
    let kind = match attribute.kind {
        AttributeType::S => ScalarAttributeType::S,
        AttributeType::N => ScalarAttributeType::N,
    };
    AttributeDefinition::builder()
        .attribute_name(attribute.name)
        .attribute_type(kind)
        .build()
        .map_err(|error| error.to_string())
}

impl Index {
    pub(super) fn key_attributes(&self) -> Vec<KeyAttribute> {
        std::iter::once(self.pk.clone()).chain(self.sk.clone()).collect()
    }

    fn request(&self) -> Result<GlobalSecondaryIndex, String> {
        GlobalSecondaryIndex::builder()
            .index_name(&self.name)
            .set_key_schema(Some(key_schema(&self.key_attributes())?))
            .projection(self.projection())
            .build()
            .map_err(|error| error.to_string())
    }

    pub(super) fn projection(&self) -> Projection {
        let kind = if self.holds.is_some() { ProjectionType::Include } else { ProjectionType::All };
        Projection::builder().projection_type(kind).set_non_key_attributes(self.holds.clone()).build()
    }
}

pub(super) fn key_schema(attributes: &[KeyAttribute]) -> Result<Vec<KeySchemaElement>, String> {
    let element = |(attribute, kind): (&KeyAttribute, KeyType)| {
        KeySchemaElement::builder()
            .attribute_name(&attribute.name)
            .key_type(kind)
            .build()
            .map_err(|error| error.to_string())
    };
    attributes.iter().zip([KeyType::Hash, KeyType::Range]).map(element).collect()
}
