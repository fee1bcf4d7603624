//! The aggregates that were used last, so that the next command on one of them is decided without a read.
//!
//! What is remembered may be behind what is stored: another process writes the same histories. So it is used for one
//! thing only, to append, where the condition of the put finds out; see [`crate::CommandHandler`].
//!
//! A context is taken out to decide on it, and put back when it is known to be the newest. Whatever happens in between
//! (an outcome that stays unknown, a caller that goes away) leaves nothing behind that could be wrong.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use muster_domain::aggregate::Decider;
use muster_domain::{AggregateType, StreamId};
use uuid::Uuid;

use crate::context::Context;

/// How many bytes of aggregates a handler remembers if nothing else is said: some 2,000 of a usual size.
pub const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Contexts of any aggregates, the least recently used of which go when there are too many. Clones share them.
#[derive(Clone)]
pub(crate) struct Cache {
    most_bytes: usize,
    contexts: Arc<Mutex<Contexts>>,
}

struct Contexts {
    by_stream: LruCache<StreamId, Remembered>,
    bytes: usize,
}

struct Remembered {
    context: Box<dyn Any + Send>,
    version: u64,
    bytes: usize,
}

impl Cache {
    /// An empty cache of about this size; 0 bytes: it stays empty.
    pub(crate) fn new(most_bytes: usize) -> Self {
        let contexts = Contexts { by_stream: LruCache::unbounded(), bytes: 0 };
        Self { most_bytes, contexts: Arc::new(Mutex::new(contexts)) }
    }

    /// The aggregate as it was when it was put back. It is not there any more then.
    pub(crate) fn take<A: Decider>(&self, id: Uuid) -> Option<Context<A>> {
        let remembered = self.contexts().remove(&StreamId::new(A::KIND, id))?;
        remembered.context.downcast().ok().map(|context| *context)
    }

    /// Remembers the aggregate, unless a newer version of it is remembered already. One without a history is none:
    /// whoever asks for ids that do not exist drives nothing out.
    pub(crate) fn put<A: Decider>(&self, context: Context<A>) {
        let (stream, version) = (context.stream, context.version);
        if self.most_bytes == 0 || version == 0 || !may_be_remembered(A::KIND) {
            return;
        }
        let remembered = Remembered { bytes: context.bytes(), version, context: Box::new(context) };
        let mut contexts = self.contexts();
        if contexts.by_stream.peek(&stream).is_none_or(|other| other.version <= version) {
            contexts.remove(&stream);
            contexts.bytes += remembered.bytes;
            contexts.by_stream.push(stream, remembered);
            contexts.shrink_to(self.most_bytes);
        }
    }

    fn contexts(&self) -> MutexGuard<'_, Contexts> {
        // Nothing in here panics halfway, and what is remembered is checked when it is used.
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accounts hold personal data in the open. It is in memory for as long as a request needs it, so that a process that knows
/// nothing of an erasure has nothing left of it.
const fn may_be_remembered(kind: AggregateType) -> bool {
    match kind {
        AggregateType::Task | AggregateType::Team => true,
        AggregateType::User => false,
    }
}

impl Contexts {
    fn remove(&mut self, stream: &StreamId) -> Option<Remembered> {
        let remembered = self.by_stream.pop(stream)?;
        self.bytes -= remembered.bytes;
        Some(remembered)
    }

    fn shrink_to(&mut self, most_bytes: usize) {
        while self.bytes > most_bytes
            && let Some((_, oldest)) = self.by_stream.pop_lru()
        {
            self.bytes -= oldest.bytes;
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("most_bytes", &self.most_bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use muster_domain::task::Task;
    use muster_domain::team::Team;
    use muster_domain::user::User;

    use super::*;

    fn context(id: u128, version: u64) -> Context<Task> {
        Context { version, ..Context::new(Uuid::from_u128(id)) }
    }

    /// The version of a task that is remembered, which is left as it is.
    fn version(cache: &Cache, id: u128) -> Option<u64> {
        let stream = StreamId::new(Task::KIND, Uuid::from_u128(id));
        cache.contexts().by_stream.peek(&stream).map(|remembered| remembered.version)
    }

    #[test]
    fn what_is_taken_out_is_not_there_until_it_is_put_back() {
        let cache = Cache::new(CACHE_BYTES);
        cache.put(context(1, 7));
        let taken = cache.take::<Task>(Uuid::from_u128(1)).unwrap();
        assert_eq!(taken.version(), 7);
        assert!(cache.take::<Task>(Uuid::from_u128(1)).is_none());
        cache.put(taken);
        assert_eq!(version(&cache, 1), Some(7));
    }

    #[test]
    fn aggregates_of_two_kinds_with_one_id_are_two() {
        let cache = Cache::new(CACHE_BYTES);
        cache.put(context(1, 7));
        assert!(cache.take::<Team>(Uuid::from_u128(1)).is_none());
        assert_eq!(version(&cache, 1), Some(7));
    }

    #[test]
    fn an_account_is_not_remembered() {
        let cache = Cache::new(CACHE_BYTES);
        cache.put(Context::<User> { version: 7, ..Context::new(Uuid::from_u128(1)) });
        assert!(cache.take::<User>(Uuid::from_u128(1)).is_none());
    }

    #[test]
    fn an_older_version_does_not_take_the_place_of_a_newer_one() {
        let cache = Cache::new(CACHE_BYTES);
        for (put, remembered) in [(5, 5), (7, 7), (6, 7)] {
            cache.put(context(1, put));
            assert_eq!(version(&cache, 1), Some(remembered));
        }
    }

    #[test]
    fn the_least_recently_used_goes_when_the_bytes_are_used_up() {
        let one = context(0, 1).bytes();
        let cache = Cache::new(3 * one);
        for id in 1..=3 {
            cache.put(context(id, 1));
        }
        let used = cache.take::<Task>(Uuid::from_u128(1)).unwrap();
        cache.put(used);
        cache.put(context(4, 1));
        assert_eq!([1, 2, 3, 4].map(|id| version(&cache, id).is_some()), [true, false, true, true]);
        assert_eq!(cache.contexts().bytes, 3 * one);
    }

    #[test]
    fn an_aggregate_larger_than_the_cache_is_not_remembered_and_a_cache_of_no_bytes_remembers_none() {
        for bytes in [0, context(0, 1).bytes() - 1] {
            let cache = Cache::new(bytes);
            cache.put(context(1, 1));
            assert_eq!((version(&cache, 1), cache.contexts().bytes), (None, 0));
        }
    }

    #[test]
    fn an_aggregate_without_a_history_is_not_remembered() {
        let cache = Cache::new(CACHE_BYTES);
        cache.put(context(1, 0));
        assert_eq!(version(&cache, 1), None);
    }
}
