//! Raw conditional puts into an event table: what the embedded store does with nothing of Muster on top but the shape of
//! the table and of the item.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::keys::master;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use muster_cli::report::{Failure, failed};
use muster_cli::system::System;
use muster_commands::CommitLog as _;
use muster_domain::{StreamId, TaskId};
use muster_embedded::Engine;
use uuid::Uuid;

use crate::fill::{History, trim};
use crate::stats::number;

type Item = HashMap<String, AttributeValue>;

const DOING: &str = "putting raw items";

/// An event table that is put into, and nothing else: no pipeline reads its stream.
pub(crate) struct RawTable {
    engine: Engine,
    putter: Arc<Putter>,
}

struct Putter {
    client: Client,
    table: String,
    /// A stored commit. Its partition key is the only thing that differs from put to put.
    item: Item,
    next: AtomicU64,
}

impl RawTable {
    /// In a new store in this directory.
    pub(crate) async fn file(dir: &Path) -> Result<Self, Failure> {
        Self::over(Engine::open(dir)?).await
    }

    /// In memory.
    pub(crate) async fn memory() -> Result<Self, Failure> {
        Self::over(Engine::memory()?).await
    }

    /// In the store of this engine, which gets one commit of a new task: its item is the one that is put again and again.
    pub(crate) async fn over(engine: Engine) -> Result<Self, Failure> {
        let system = System::over(engine.client(), master()).await?;
        let mut history = History::new(TaskId(Uuid::new_v4()));
        let commit = history.create(0)?;
        system.events.log().append(&commit, None, &[]).await.map_err(failed(DOING))?;
        let table = system.table("events");
        let get = system.client.get_item().table_name(&table);
        let get = get.key("pk", text(&StreamId::from(history.id()))).key("sk", AttributeValue::N("1".to_owned()));
        let item = get.send().await.map_err(failed(DOING))?.item.unwrap_or_default();
        let client = system.client;
        Ok(Self { engine, putter: Arc::new(Putter { client, table, item, next: AtomicU64::new(0) }) })
    }

    /// The size of the item in bytes, as DynamoDB counts it.
    pub(crate) fn item_bytes(&self) -> u64 {
        self.putter.item.iter().map(|(name, value)| name.len() as u64 + value_bytes(value)).sum()
    }

    /// Puts as fast as so many clients can for so long, each waiting for the answer to its last put; gives puts a second.
    pub(crate) async fn rate(&self, clients: usize, time: Duration) -> Result<f64, Failure> {
        let begun = Instant::now();
        let work = (0..clients).map(|_| {
            let putter = Arc::clone(&self.putter);
            tokio::spawn(async move {
                let mut done = 0;
                while begun.elapsed() < time {
                    putter.put().await?;
                    done += 1;
                }
                Ok::<u64, Failure>(done)
            })
        });
        self.finish(begun, try_join_all(work).await.map_err(failed(DOING))?).await
    }

    /// Puts so many items, with so many clients; gives puts a second.
    pub(crate) async fn put(&self, count: u64, clients: u64) -> Result<f64, Failure> {
        let begun = Instant::now();
        let work = (0..clients).map(|client| {
            let putter = Arc::clone(&self.putter);
            let share = count / clients + u64::from(client < count % clients);
            tokio::spawn(async move {
                for _ in 0..share {
                    putter.put().await?;
                }
                Ok::<u64, Failure>(share)
            })
        });
        self.finish(begun, try_join_all(work).await.map_err(failed(DOING))?).await
    }

    async fn finish(&self, begun: Instant, counts: Vec<Result<u64, Failure>>) -> Result<f64, Failure> {
        let seconds = begun.elapsed().as_secs_f64();
        let done: u64 = counts.into_iter().sum::<Result<_, _>>()?;
        // The keeper of the checkpoint does this in the program; here it is not part of what is measured.
        trim(&self.engine).await?;
        Ok(number(done) / seconds)
    }
}

impl Putter {
    async fn put(&self) -> Result<(), Failure> {
        let mut item = self.item.clone();
        // In no order, as the ids of tasks are.
        let id = Uuid::from_u128(
            u128::from(fastrand::u64(..)) << 64 | u128::from(self.next.fetch_add(1, Ordering::Relaxed)),
        );
        item.insert("pk".to_owned(), text(&StreamId::from(TaskId(id))));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.condition_expression("attribute_not_exists(pk)").send().await.map(|_| ()).map_err(failed(DOING))
    }
}

fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// What DynamoDB counts for a value: texts by their UTF-8 bytes, numbers by two digits a byte, 3 bytes for a list or map
/// and 1 for each element of it.
fn value_bytes(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) => text.len() as u64,
        AttributeValue::N(digits) => (digits.len() as u64).div_ceil(2) + 1,
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<u64>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() as u64 + value_bytes(value)).sum::<u64>()
        }
        // A commit has none of the others but true, false and null.
        AttributeValue::Bool(_)
        | AttributeValue::Null(_)
        | AttributeValue::B(_)
        | AttributeValue::Bs(_)
        | AttributeValue::Ns(_)
        | AttributeValue::Ss(_)
        | _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_items_are_put_as_are_asked_for() {
        let table = RawTable::memory().await.unwrap();

        table.put(10, 4).await.unwrap();

        let counted = table.putter.client.scan().table_name("muster-events").send().await.unwrap();
        assert_eq!(counted.count, 11, "and the one that they are copies of");
    }

    #[tokio::test]
    async fn the_item_is_one_write_unit_like_those_of_most_commands() {
        let bytes = RawTable::memory().await.unwrap().item_bytes();
        assert!((600..=1024).contains(&bytes), "{bytes} bytes");
    }
}
