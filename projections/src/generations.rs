//! The generations of a projection: which table is read, and which are written.
//!
//! The item `pk` = `projection#<name>`, `sk` = `generations` of the table `control` has `active` (N), `building` (N,
//! while one is filled) and `last` (N, the highest number ever used). Without it, generation 1 is active. The table of
//! generation 2 of `task-list` is `<prefix>task-list-2`.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use muster_domain::StreamId;

use crate::attribute::{Item, Reader, number, text};
use crate::error::StoreError;
use crate::feed::{Feed, FeedOrder};
use crate::projection::Projection as _;
use crate::projector::RowStores;
use crate::rows::{DynamoRows, ROW, RowStore};

/// Which generations a projection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerationState {
    /// The one that is read. Written too.
    pub active: u64,
    /// The one that is being filled, if there is one. Written too.
    pub building: Option<u64>,
    /// The highest number ever used.
    pub last: u64,
}

impl GenerationState {
    /// What holds as long as nothing was rebuilt.
    pub const INITIAL: Self = Self { active: 1, building: None, last: 1 };
}

/// Why the generations were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Somebody else changed them since they were read.
    #[error("the generations of {projection} were changed by somebody else")]
    Moved {
        /// The projection.
        projection: String,
    },
    /// There is no generation being built that could take over.
    #[error("no generation of {projection} is being built")]
    NotBuilding {
        /// The projection.
        projection: String,
    },
    /// The table failed; whether they were changed is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads and changes the generations of projections.
#[derive(Clone, Debug)]
pub struct Generations {
    client: Client,
    prefix: String,
    control: String,
    feed: FeedOrder,
}

impl Generations {
    /// Over the tables with this prefix, such as `muster-`.
    pub fn new(client: Client, prefix: &str) -> Self {
        let feed = FeedOrder::new(client.clone(), prefix);
        Self { client, prefix: prefix.to_owned(), control: format!("{prefix}control"), feed }
    }

    /// The same, with the order of the feed written by another client: a read model can be made again from the events,
    /// and the order cannot.
    #[must_use]
    pub fn with_feed_order(self, feed: FeedOrder) -> Self {
        Self { feed, ..self }
    }

    /// The physical name of a generation's table.
    pub fn table(&self, projection: &str, generation: u64) -> String {
        format!("{}{projection}-{generation}", self.prefix)
    }

    /// The rows of a generation.
    pub fn rows(&self, projection: &str, generation: u64) -> DynamoRows {
        let rows = DynamoRows::new(self.client.clone(), self.table(projection, generation));
        if projection == Feed::NAME { rows.in_order(self.feed.clone()) } else { rows }
    }

    /// The client that reaches the tables.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The generations as they are now (consistent).
    pub async fn read(&self, projection: &str) -> Result<GenerationState, StoreError> {
        let get = self.client.get_item().table_name(&self.control).set_key(Some(key(projection))).consistent_read(true);
        let answer = get.send().await.map_err(|error| StoreError::unavailable(&self.control, error))?;
        let Some(item) = answer.item else { return Ok(GenerationState::INITIAL) };
        let read = Reader { table: &self.control, item: &item };
        Ok(GenerationState {
            active: read.number("active")?,
            building: read.optional_number("building")?,
            last: read.number("last")?,
        })
    }

    /// Says that this generation is being built: from now on projectors write to it too. `seen` is what the caller
    /// read.
    pub async fn announce(
        &self,
        projection: &str,
        generation: u64,
        seen: GenerationState,
    ) -> Result<GenerationState, ChangeError> {
        let next = GenerationState { building: Some(generation), last: seen.last.max(generation), ..seen };
        self.change(projection, seen, next).await
    }

    /// Makes the generation that is being built the active one, in one conditional write. The one before is written no
    /// more and kept: to go back, it is announced, filled and switched to like a new one.
    pub async fn switch(&self, projection: &str, seen: GenerationState) -> Result<GenerationState, ChangeError> {
        let built = seen.building.ok_or_else(|| ChangeError::NotBuilding { projection: projection.to_owned() })?;
        self.change(projection, seen, GenerationState { active: built, building: None, ..seen }).await
    }

    /// Gives up the generation that is being built. Its table can be deleted then.
    pub async fn abandon(&self, projection: &str, seen: GenerationState) -> Result<GenerationState, ChangeError> {
        if seen.building.is_none() {
            return Err(ChangeError::NotBuilding { projection: projection.to_owned() });
        }
        self.change(projection, seen, GenerationState { building: None, ..seen }).await
    }

    /// Removes an aggregate's row from the generations that are written no more, which no event reaches. Whoever goes back to
    /// one of them fills it first.
    pub async fn forget(&self, projection: &str, stream: &StreamId) -> Result<(), StoreError> {
        let GenerationState { active, building, last } = self.read(projection).await?;
        for generation in (1..=last).filter(|generation| *generation != active && Some(*generation) != building) {
            let table = self.table(projection, generation);
            let key = Item::from([("pk".to_owned(), text(stream)), ("sk".to_owned(), text(ROW))]);
            match self.client.delete_item().table_name(&table).set_key(Some(key)).send().await {
                Ok(_) => {}
                // Its table was deleted.
                Err(error)
                    if error.as_service_error().is_some_and(DeleteItemError::is_resource_not_found_exception) => {}
                Err(error) => return Err(StoreError::unavailable(&table, error)),
            }
        }
        Ok(())
    }

    async fn change(
        &self,
        projection: &str,
        seen: GenerationState,
        next: GenerationState,
    ) -> Result<GenerationState, ChangeError> {
        let mut item = key(projection);
        item.insert("active".to_owned(), number(&next.active));
        item.insert("last".to_owned(), number(&next.last));
        item.extend(next.building.map(|building| ("building".to_owned(), number(&building))));
        let building = if seen.building.is_some() { "#b = :b" } else { "attribute_not_exists(#b)" };
        let unchanged = format!("#a = :a AND #l = :l AND {building}");
        let condition = if seen == GenerationState::INITIAL {
            format!("attribute_not_exists(pk) OR ({unchanged})")
        } else {
            unchanged
        };
        let mut put = self
            .client
            .put_item()
            .table_name(&self.control)
            .set_item(Some(item))
            .condition_expression(condition)
            .expression_attribute_names("#a", "active")
            .expression_attribute_names("#l", "last")
            .expression_attribute_names("#b", "building")
            .expression_attribute_values(":a", number(&seen.active))
            .expression_attribute_values(":l", number(&seen.last));
        if let Some(building) = seen.building {
            put = put.expression_attribute_values(":b", number(&building));
        }
        match put.send().await {
            Ok(_) => Ok(next),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(ChangeError::Moved { projection: projection.to_owned() })
            }
            Err(error) => Err(StoreError::unavailable(&self.control, error).into()),
        }
    }
}

fn key(projection: &str) -> Item {
    Item::from([
        ("pk".to_owned(), text(&format_args!("projection#{projection}"))),
        ("sk".to_owned(), text("generations")),
    ])
}

/// The tables of the generations that are written to, looked up for every batch.
#[derive(Clone, Debug)]
pub struct LiveTables {
    generations: Generations,
    projection: &'static str,
}

impl LiveTables {
    /// Of this projection.
    pub const fn new(generations: Generations, projection: &'static str) -> Self {
        Self { generations, projection }
    }
}

#[async_trait]
impl RowStores for LiveTables {
    async fn writable(&self) -> Result<Vec<Arc<dyn RowStore>>, StoreError> {
        let GenerationState { active, building, .. } = self.generations.read(self.projection).await?;
        let rows = |generation| -> Arc<dyn RowStore> { Arc::new(self.generations.rows(self.projection, generation)) };
        Ok(std::iter::once(active).chain(building.filter(|building| *building != active)).map(rows).collect())
    }
}
