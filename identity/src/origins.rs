//! Where the commands came from that were carried out: address and program, beside the events and not in them
//! (`docs/adr/0026-origins-beside-the-events.md`). Each is sealed under the key of the person whose it is, so that it is erased with
//! them, and forgotten after 400 days.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::personal::{Opener, open_value, seal};
use muster_domain::{Actor, AggregateType, CommandId, StreamId, SubjectKeys, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::store::{Item, StoreError, n, s, text};

/// How long an origin is kept, as an entry of the access log is.
const KEPT: TimeDelta = TimeDelta::days(400);
/// The most characters that are kept of a user agent.
const MAX_USER_AGENT: usize = 256;
/// The most items in one `BatchGetItem`.
const MAX_GET: usize = 100;
/// How often what a batch left undone is asked for again.
const MAX_ROUNDS: u32 = 5;
/// How many origins may be on their way behind the answers of their requests; more are not kept.
const MOST_BEHIND: usize = 256;

const WRITING: &str = "writing an origin";
const READING: &str = "reading origins";

/// Where a command came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandOrigin {
    /// The client's address.
    #[schema(required, value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// The client's program, as it named itself.
    #[schema(required)]
    pub user_agent: Option<String>,
}

/// What a command was carried out on, which command it was, and whose it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The aggregate.
    pub stream: StreamId,
    /// The command: it takes effect once on an aggregate.
    pub command_id: CommandId,
    /// Who sent it.
    pub actor: Actor,
}

impl Carried {
    /// Whose origin it is: the actor's; of what a part of Muster did to an account while its owner was at the door, the
    /// owner's.
    fn subject(&self) -> Option<UserId> {
        match (&self.actor, self.stream.aggregate) {
            (Actor::User { id }, _) => Some(*id),
            (Actor::System { .. }, AggregateType::User) => Some(UserId(self.stream.id)),
            (Actor::System { .. }, AggregateType::Task | AggregateType::Team) => None,
        }
    }

    fn place(&self) -> String {
        format!("origin of {} on {}", self.command_id, self.stream)
    }

    fn key(&self) -> (String, String) {
        (self.stream.to_string(), self.command_id.to_string())
    }
}

/// The table of origins: `pk` (S) = the aggregate, `sk` (S) = the command's id.
#[derive(Clone)]
pub struct Origins {
    client: Client,
    table: String,
    keys: Arc<dyn SubjectKeys>,
    /// Room for those that are written behind the answer; `None`: the answer waits.
    behind: Option<Arc<Semaphore>>,
}

impl Origins {
    /// Over an existing table. A request's answer waits for its origin, as a Lambda stands still when it has answered.
    pub fn new(client: Client, table: impl Into<String>, keys: Arc<dyn SubjectKeys>) -> Self {
        Self { client, table: table.into(), keys, behind: None }
    }

    /// The same over this client, and no answer waits.
    #[must_use]
    pub fn behind(self, client: Client) -> Self {
        Self { client, behind: Some(Arc::new(Semaphore::new(MOST_BEHIND))), ..self }
    }

    /// Keeps where a command came from that was carried out. Whatever becomes of it, the command is done: what goes wrong
    /// here is for the program's log, and the log entry has no origin then.
    pub async fn keep(&self, carried: Carried, origin: CommandOrigin, at: DateTime<Utc>) {
        let Some(room) = &self.behind else { return self.put_or_tell(&carried, origin, at).await };
        let Ok(permit) = Arc::clone(room).try_acquire_owned() else {
            tracing::warn!(stream = %carried.stream, "an origin is not kept: too many are on their way");
            return;
        };
        let this = self.clone();
        tokio::spawn(async move {
            this.put_or_tell(&carried, origin, at).await;
            drop(permit);
        });
    }

    async fn put_or_tell(&self, carried: &Carried, origin: CommandOrigin, at: DateTime<Utc>) {
        if let Err(error) = self.put(carried, origin, at).await {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(stream = %carried.stream, %error, cause, "an origin is not kept");
        }
    }

    async fn put(&self, carried: &Carried, origin: CommandOrigin, at: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(subject) = carried.subject() else { return Ok(()) };
        // Who was erased meanwhile has no origin any more.
        let Opener::Key(key) = self.keys.make(subject).await.map_err(StoreError::of(WRITING))? else { return Ok(()) };
        let cut = |agent: String| agent.chars().take(MAX_USER_AGENT).collect::<String>();
        let user_agent = origin.user_agent.map(cut).filter(|agent| !agent.is_empty());
        let plain = serde_json::to_value(CommandOrigin { user_agent, ..origin }).map_err(StoreError::of(WRITING))?;
        let sealed = seal(&key, &carried.place(), &plain).map_err(StoreError::of(WRITING))?;
        let (pk, sk) = carried.key();
        let item = Item::from([
            ("pk".to_owned(), s(&pk)),
            ("sk".to_owned(), s(&sk)),
            ("origin".to_owned(), s(&sealed)),
            ("ttl".to_owned(), n(&(at + KEPT).timestamp())),
        ]);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(StoreError::of(WRITING))?;
        Ok(())
    }

    /// Where each of these came from, in their order; `None` where it is not known, not kept any more, or erased.
    pub async fn of(&self, carried: &[Carried]) -> Result<Vec<Option<CommandOrigin>>, StoreError> {
        let wanted: HashSet<_> = carried.iter().filter(|one| one.subject().is_some()).map(Carried::key).collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut found = HashMap::new();
        for some in wanted.chunks(MAX_GET) {
            self.get(some, &mut found).await?;
        }
        let mut openers: BTreeMap<UserId, Opener> = BTreeMap::new();
        let mut origins = Vec::with_capacity(carried.len());
        for one in carried {
            let (Some(subject), Some(sealed)) = (one.subject(), found.get(&one.key())) else {
                origins.push(None);
                continue;
            };
            // Each person's key is looked for once.
            let opener = match openers.entry(subject) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.keys.find(subject).await.map_err(StoreError::of(READING))?),
            };
            origins.push(match opener {
                Opener::Key(key) => {
                    let plain =
                        open_value(key, &one.place(), sealed).and_then(|plain| serde_json::from_value(plain).ok());
                    Some(plain.ok_or(StoreError::damaged(READING, "what is sealed"))?)
                }
                Opener::NoKey | Opener::Erased => None,
            });
        }
        Ok(origins)
    }

    async fn get(
        &self,
        keys: &[(String, String)],
        found: &mut HashMap<(String, String), Value>,
    ) -> Result<(), StoreError> {
        let keys = keys.iter().map(|(pk, sk)| Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))]));
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build();
        let mut requests = HashMap::from([(self.table.clone(), wanted.map_err(StoreError::of(READING))?)]);
        for round in 0..MAX_ROUNDS {
            let call = self.client.batch_get_item().set_request_items(Some(requests)).send().await;
            let answer = call.map_err(StoreError::of(READING))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let entry = (text(&item, "pk"), text(&item, "sk"), text(&item, "origin"));
                let (Some(pk), Some(sk), Some(sealed)) = entry else {
                    return Err(StoreError::damaged(READING, "an attribute"));
                };
                found.insert((pk, sk), serde_json::from_str(&sealed).map_err(StoreError::of(READING))?);
            }
            requests = answer.unprocessed_keys.unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20 << round)).await;
        }
        Err(StoreError::damaged(READING, "an answer to some keys"))
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origins").field("table", &self.table).finish_non_exhaustive()
    }
}
