//! The commit log in memory. It keeps the same items as the real one, pages like it, and refuses what it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use muster_domain::aggregate::Reservation;
use muster_domain::ports::{CommitPage, ReadError, ScanCursor};
use muster_domain::{Commit, StreamId};
use uuid::Uuid;

use crate::item::{self, Item};
use crate::limits::{MAX_KEY_BYTES, MAX_TRANSACTION_ITEMS, item_size, refusal};
use crate::log::{AppendError, CarriedState, CommitLog, Direction, Page, PageQuery, StoredCommit};
use crate::roster;
use crate::trace::Trace;

/// DynamoDB ends a page when it has read so many bytes.
const PAGE_BYTES: usize = 1024 * 1024;

/// Commits and reservations in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    tables: Arc<Mutex<Tables>>,
}

/// The key of a commit: its history and the version of its first event.
type Place = (StreamId, u64);

#[derive(Debug, Default)]
struct Tables {
    commits: BTreeMap<Place, Item>,
    reservations: BTreeMap<String, Uuid>,
    rosters: BTreeMap<String, BTreeSet<Uuid>>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who holds a reservation.
    pub fn owner(&self, key: &str) -> Option<Uuid> {
        self.tables().reservations.get(key).copied()
    }

    /// Who is on a roster; `None` before it is begun.
    pub fn members(&self, key: &str) -> Option<BTreeSet<Uuid>> {
        self.tables().rosters.get(key).cloned()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing is written before all of it is checked, so a panic elsewhere leaves the tables whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// What makes the real log refuse the reservations, whatever is stored.
    fn malformed(reservations: &[Reservation]) -> Option<&'static str> {
        let mut keys: Vec<_> = reservations.iter().map(Reservation::key).collect();
        keys.sort_unstable();
        if keys.len() >= MAX_TRANSACTION_ITEMS {
            Some("a transaction has at most 100 items")
        } else if keys.iter().any(|key| key.is_empty() || key.len() > MAX_KEY_BYTES) {
            Some("a partition key has 1 to 2048 bytes")
        } else if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            Some("a transaction cannot write an item twice")
        } else {
            None
        }
    }

    /// What stands in the way of a change.
    fn refused(&self, reservation: &Reservation) -> Option<AppendError> {
        match reservation {
            Reservation::Claim { key, owner } | Reservation::Release { key, owner } => {
                let held = self.reservations.get(key).is_some_and(|holder| holder != owner);
                held.then(|| AppendError::Reserved { key: key.clone() })
            }
            Reservation::Join { key, .. } => self.roster(key).err(),
            Reservation::JoinFirst { key, member } => {
                self.roster(key).and_then(|members| roster::alone(key, members, *member)).err()
            }
            Reservation::Leave { key, member } => {
                self.roster(key).and_then(|members| roster::without(key, members, *member)).err()
            }
        }
    }

    fn roster(&self, key: &str) -> Result<&BTreeSet<Uuid>, AppendError> {
        self.rosters.get(key).ok_or_else(|| AppendError::NoRoster { key: key.to_owned() })
    }

    fn reserve(&mut self, reservation: &Reservation) {
        match reservation {
            Reservation::Claim { key, owner } => {
                self.reservations.insert(key.clone(), *owner);
            }
            Reservation::Release { key, .. } => {
                self.reservations.remove(key);
            }
            Reservation::Join { key, member } | Reservation::JoinFirst { key, member } => {
                self.rosters.entry(key.clone()).or_default().insert(*member);
            }
            Reservation::Leave { key, member } => {
                self.rosters.entry(key.clone()).or_default().remove(member);
            }
        }
    }
}

#[async_trait]
impl CommitLog for MemoryLog {
    async fn append(
        &self,
        commit: &Commit,
        carried: Option<&CarriedState>,
        reservations: &[Reservation],
    ) -> Result<(), AppendError> {
        let item = item::encode(commit, carried, Trace::current().as_ref())?;
        if let Some(reason) = refusal(&item).or_else(|| Tables::malformed(reservations)) {
            return Err(AppendError::Refused(reason.into()));
        }
        let mut tables = self.tables();
        let place = (commit.stream, commit.version);
        if let Some(existing) = tables.commits.get(&place) {
            return Err(item::taken(Some(existing)));
        }
        if let Some(error) = reservations.iter().find_map(|reservation| tables.refused(reservation)) {
            return Err(error);
        }
        for reservation in reservations {
            tables.reserve(reservation);
        }
        tables.commits.insert(place, item);
        Ok(())
    }

    async fn begin_roster(&self, key: &str, members: &BTreeSet<Uuid>) -> Result<(), AppendError> {
        self.tables().rosters.entry(key.to_owned()).or_insert_with(|| members.clone());
        Ok(())
    }

    async fn holders(&self) -> Result<BTreeSet<Uuid>, ReadError> {
        Ok(self.tables().reservations.values().copied().collect())
    }

    async fn page(&self, query: &PageQuery) -> Result<Page, ReadError> {
        if query.is_empty() {
            return Ok(Page::default());
        }
        let tables = self.tables();
        let range = tables.commits.range((query.stream, query.lowest)..=(query.stream, query.highest));
        let limit = query.limit.and_then(|limit| usize::try_from(limit).ok());
        let (commits, last) = match query.direction {
            Direction::Forward => one_page(range, limit),
            Direction::Backward => one_page(range.rev(), limit),
        };
        let commits = commits.into_iter().map(|(_, stored)| stored).collect::<Result<_, _>>()?;
        Ok(Page { commits, next: last.and_then(|(_, version)| query.after(version)) })
    }

    async fn scan_page(
        &self,
        segment: u32,
        segments: u32,
        cursor: Option<&ScanCursor>,
    ) -> Result<CommitPage, ReadError> {
        let tables = self.tables();
        let after = cursor.map(|cursor| (cursor.stream, cursor.version));
        let rest = tables
            .commits
            .iter()
            .filter(|((stream, _), _)| segment_of(stream, segments) == segment)
            .skip_while(|(place, _)| after.is_some_and(|after| **place <= after));
        let (commits, last) = one_page(rest, None);
        let next = last.map(|(stream, version)| ScanCursor { stream, version });
        let mut page = CommitPage { next, ..CommitPage::default() };
        for (place, stored) in commits {
            match stored {
                Ok(stored) => page.commits.push(stored.commit),
                Err(error) => {
                    tracing::error!(%error, "unreadable commit");
                    page.damaged.push(place);
                }
            }
        }
        Ok(page)
    }
}

/// A place, and the commit in it where it can be read.
type Read = (Place, Result<StoredCommit, ReadError>);

/// The first of these items, as far as a page goes, and where it stopped. Like the real log, a page that is full says
/// that there may be more even when there is none.
fn one_page<'a>(
    items: impl Iterator<Item = (&'a Place, &'a Item)>,
    limit: Option<usize>,
) -> (Vec<Read>, Option<Place>) {
    let mut commits = Vec::new();
    let mut bytes = 0;
    for (place, item) in items {
        bytes += item_size(item);
        commits.push((*place, item::read(item.clone())));
        if bytes >= PAGE_BYTES || limit.is_some_and(|limit| commits.len() >= limit) {
            return (commits, Some(*place));
        }
    }
    (commits, None)
}

fn segment_of(stream: &StreamId, segments: u32) -> u32 {
    let mut hasher = DefaultHasher::new();
    stream.hash(&mut hasher);
    u32::try_from(hasher.finish() % u64::from(segments.max(1))).unwrap_or_default()
}
