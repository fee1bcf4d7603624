//! Where queries read: the active generation of each projection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use muster_domain::StreamId;
use tokio::time::Instant;

use crate::attribute::{Item, Reader, text};
use crate::error::StoreError;
use crate::generations::Generations;

/// How long a query may go on reading a generation after another became active.
const CACHE: Duration = Duration::from_secs(1);

/// The tables that queries read.
#[derive(Clone, Debug)]
pub struct ReadModels {
    generations: Generations,
    active: Arc<Mutex<HashMap<&'static str, (Instant, u64)>>>,
}

impl ReadModels {
    /// The read models in the tables with this prefix, such as `muster-`.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { generations: Generations::new(client, prefix), active: Arc::default() }
    }

    pub(crate) const fn generations(&self) -> &Generations {
        &self.generations
    }

    pub(crate) fn client(&self) -> &Client {
        self.generations.client()
    }

    /// The physical table of the active generation, as it was at most a second ago.
    pub(crate) async fn table(&self, projection: &'static str) -> Result<String, StoreError> {
        let known = self.active.lock().unwrap_or_else(PoisonError::into_inner).get(projection).copied();
        let generation = match known {
            Some((read_at, generation)) if read_at.elapsed() < CACHE => generation,
            _ => {
                let read_at = Instant::now();
                let generation = self.generations.read(projection).await?.active;
                let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
                active.insert(projection, (read_at, generation));
                generation
            }
        };
        Ok(self.generations.table(projection, generation))
    }

    /// One row, as it is now (consistent).
    pub(crate) async fn row<R: serde::de::DeserializeOwned>(
        &self,
        projection: &'static str,
        stream: &StreamId,
    ) -> Result<Option<(R, u64)>, StoreError> {
        let table = self.table(projection).await?;
        self.item(&table, stream).await?.map_or(Ok(None), |item| row_of(&table, &item))
    }

    /// The item of one row in this table, as it is now (consistent).
    pub(crate) async fn item(&self, table: &str, stream: &StreamId) -> Result<Option<Item>, StoreError> {
        let key = Item::from([("pk".to_owned(), text(stream)), ("sk".to_owned(), text(crate::rows::ROW))]);
        let get = self.client().get_item().table_name(table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(|error| StoreError::unavailable(table, error))?.item)
    }
}

/// The row in an item and the version that it reflects; `None` when not even its first event could be taken in.
pub(crate) fn row_of<R: serde::de::DeserializeOwned>(table: &str, item: &Item) -> Result<Option<(R, u64)>, StoreError> {
    let read = Reader { table, item };
    if !item.contains_key("row") {
        return Ok(None);
    }
    Ok(Some((read.typed("row")?, read.number("as_of")?)))
}
