//! Waiting until the read models show what was acknowledged.
//!
//! Rows are read through the server's own socket, as the operator's commands do, with a projection on `as_of`: a point
//! read of an item or a hundred, which takes the store a fraction of a millisecond.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use muster_cli::report::{Failure, failed};
use muster_cli::store::LocalStore;
use muster_domain::{StreamId, TaskId};
use tokio::time::sleep;
use uuid::Uuid;

use crate::load::Done;

/// The tables of the projections that take in what happens to tasks. The directory takes in only people and teams.
const TABLES: [&str; 2] = ["muster-task-list-1", "muster-audit-log-1"];
/// The most keys in one `BatchGetItem`.
const BATCH: usize = 100;
/// How long between two looks at the last rows.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a projection may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_mins(5);
const DOING: &str = "reading rows";

/// Looks at the rows of a store that a server has open.
#[derive(Clone)]
pub(crate) struct Rows {
    client: Client,
}

impl Rows {
    /// Of the server that has this data directory.
    pub(crate) async fn of(data: &Path) -> Result<Self, Failure> {
        Ok(Self { client: LocalStore::open(data).await?.client().clone() })
    }

    /// Returns when every projection has taken in everything that a load did: first what each client did last, since
    /// queues keep nearly the order of the stream, and then all of it, to be sure. Gives the time at which that was so.
    pub(crate) async fn settled(&self, done: &Done) -> Result<Instant, Failure> {
        let begun = Instant::now();
        self.reached(done.last.iter().copied().collect(), begun).await?;
        let last_shown = Instant::now();
        let late = self.reached(done.versions.clone(), begun).await?;
        Ok(if late { Instant::now() } else { last_shown })
    }

    /// Returns when the row of `task-list` shows this version.
    pub(crate) async fn listed(&self, task: Uuid, version: u64, pause: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.as_of(TABLES[0], &[task]).await?.get(&task).is_none_or(|as_of| *as_of < version) {
            stuck(begun)?;
            sleep(pause).await;
        }
        Ok(())
    }

    /// Whether it had to wait for any of them.
    async fn reached(&self, wanted: HashMap<Uuid, u64>, begun: Instant) -> Result<bool, Failure> {
        let mut late = false;
        let tasks: Vec<Uuid> = wanted.keys().copied().collect();
        for some in tasks.chunks(BATCH) {
            for table in TABLES {
                let mut missing = some.to_vec();
                loop {
                    let found = self.as_of(table, &missing).await?;
                    missing.retain(|task| found.get(task).is_none_or(|as_of| as_of < &wanted[task]));
                    if missing.is_empty() {
                        break;
                    }
                    late = true;
                    stuck(begun)?;
                    sleep(PAUSE).await;
                }
            }
        }
        Ok(late)
    }

    async fn as_of(&self, table: &str, tasks: &[Uuid]) -> Result<HashMap<Uuid, u64>, Failure> {
        let text = |text: String| AttributeValue::S(text);
        let key = |task: &Uuid| {
            let stream = StreamId::from(TaskId(*task)).to_string();
            HashMap::from([("pk".to_owned(), text(stream)), ("sk".to_owned(), text("row".to_owned()))])
        };
        let keys = tasks.iter().map(key).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.projection_expression("pk, as_of").build().map_err(failed(DOING))?;
        let answer = self.client.batch_get_item().request_items(table, wanted).send().await.map_err(failed(DOING))?;
        let items = answer.responses.unwrap_or_default().into_values().flatten();
        let found = items.filter_map(|item| {
            let stream: StreamId = item.get("pk")?.as_s().ok()?.parse().ok()?;
            Some((stream.id, item.get("as_of")?.as_n().ok()?.parse().ok()?))
        });
        Ok(found.collect())
    }
}

fn stuck(begun: Instant) -> Result<(), Failure> {
    if begun.elapsed() < PATIENCE {
        Ok(())
    } else {
        Err(Failure::Refused("the read models do not catch up".to_owned()))
    }
}
