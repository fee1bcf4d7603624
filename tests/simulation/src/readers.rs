//! A reader of the feed, who pages while events are appended and delivered in every way, and goes on from where it was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muster_domain::EventReader;
use muster_projections::{FeedCursor, FeedError, FeedOrder, FeedQueries};
use tokio::time::sleep;

use crate::keys;
use crate::lambda::invoke;
use crate::port::Port;
use crate::world::{PREFIX, World};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest pause between two pages while something comes, in milliseconds.
const OFTEN: u64 = 4_000;
/// Likewise, while nothing does.
const SELDOM: u64 = 60_000;
/// How often the last pages are asked for, which nothing disturbs.
const MOST_TRIES: u32 = 10_000;

/// One reader.
#[derive(Debug)]
pub struct FeedReader {
    world: Arc<World>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    cursor: FeedCursor,
    read: Vec<(String, u64)>,
    ends: bool,
}

impl FeedReader {
    /// At the beginning of the feed.
    pub fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pages now and then, until it is told to end: often while something comes, and ever more seldom while nothing does.
    pub async fn follow(self: Arc<Self>) {
        let mut pause = OFTEN;
        loop {
            sleep(self.world.millis(pause)).await;
            if self.state().ends {
                return;
            }
            let limit = self.world.inner().rng.usize(1..=6);
            let had = self.state().read.len();
            self.page(limit).await;
            pause = if self.state().read.len() > had { OFTEN } else { SELDOM.min(2 * pause) };
        }
    }

    /// Pages no more of itself.
    pub fn end(&self) {
        self.state().ends = true;
    }

    /// Reads what is left, once everything is at rest. What it has read by then, in its order; `None` when there is no end.
    pub async fn rest(&self) -> Option<Vec<(String, u64)>> {
        for _ in 0..MOST_TRIES {
            if self.page(5).await == Some(false) {
                return Some(std::mem::take(&mut self.state().read));
            }
        }
        None
    }

    /// One page, asked of a process of its own. Whether there is more; `None` when there was no answer.
    async fn page(&self, limit: usize) -> Option<bool> {
        let instance = self.world.start_instance("feed", false);
        let client = Port::new(&self.world, &instance).dynamodb();
        let reader: Arc<dyn EventReader> = Arc::new(keys::event_store(&client));
        let feed = FeedQueries::new(FeedOrder::new(client, PREFIX), reader);
        let cursor = self.state().cursor;
        let read = async move {
            let page = feed.pointers(&cursor, limit).await?;
            let events = feed.events(&page.pointers).await?;
            Ok::<_, FeedError>((page, events))
        };
        let (page, events) = invoke(&self.world, &instance, LIMIT, read).await?.ok()?;
        let mut state = self.state();
        state.read.extend(events.iter().map(|event| (event.stream.to_string(), event.version)));
        state.cursor = page.next;
        Some(page.more)
    }
}
