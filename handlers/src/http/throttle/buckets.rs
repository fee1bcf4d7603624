//! Who has used how much of an allowance: one number for each key, in bounded memory.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

/// How many keys are remembered of each policy: a few megabytes.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);
/// In which an allowance is whole again.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);

/// What is left of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// How many requests at once would be let through now.
    pub(crate) remaining: u64,
    /// When the allowance is whole again.
    pub(crate) whole_in: Duration,
}

/// A request for which nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// When one would be let through.
    pub(crate) again_in: Duration,
    /// When the allowance is whole again.
    pub(crate) whole_in: Duration,
}

/// So many requests a minute for each key: at once or spread, and what was used comes back evenly (a leaky bucket, kept
/// as the time at which it is empty). The keys that were used longest ago are forgotten when there are too many. Clones
/// share what they count.
#[derive(Clone)]
pub(crate) struct Buckets {
    quota: u32,
    begun: Instant,
    hasher: RandomState,
    /// Nanoseconds after `begun` at which the bucket is empty, by the key's hash: no address is kept in here.
    empty_at: Arc<Mutex<LruCache<u64, u64>>>,
}

impl Buckets {
    /// With this many requests a minute; without a bound for 0.
    pub(crate) fn new(quota: u32) -> Self {
        let (begun, hasher) = (Instant::now(), RandomState::new());
        Self { quota, begun, hasher, empty_at: Arc::new(Mutex::new(LruCache::new(MOST))) }
    }

    /// The allowance.
    pub(crate) const fn quota(&self) -> u32 {
        self.quota
    }

    /// Takes one request of the key's allowance.
    pub(crate) fn take(&self, key: &impl Hash, now: Instant) -> Result<Left, Exhausted> {
        let Some(cost) = self.cost() else { return Ok(Left { remaining: u64::MAX, whole_in: Duration::ZERO }) };
        let (key, now, window) = (self.hasher.hash_one(key), self.at(now), nanos(WINDOW));
        let mut all = self.all();
        let before = all.get(&key).copied().unwrap_or_default().max(now);
        let after = before.saturating_add(cost);
        let used = after - now;
        if used > window {
            let again_in = Duration::from_nanos(used - window);
            return Err(Exhausted { again_in, whole_in: Duration::from_nanos(before - now) });
        }
        all.put(key, after);
        Ok(Left { remaining: (window - used) / cost, whole_in: Duration::from_nanos(used) })
    }

    /// Gives back what a request took.
    pub(crate) fn give_back(&self, key: &impl Hash) {
        let Some(cost) = self.cost() else { return };
        let key = self.hasher.hash_one(key);
        if let Some(empty_at) = self.all().get_mut(&key) {
            *empty_at = empty_at.saturating_sub(cost);
        }
    }

    /// What one request fills, in nanoseconds.
    fn cost(&self) -> Option<u64> {
        nanos(WINDOW).checked_div(u64::from(self.quota))
    }

    fn at(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.begun))
    }

    fn all(&self) -> MutexGuard<'_, LruCache<u64, u64>> {
        // Nothing in here panics halfway.
        self.empty_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("quota", &self.quota).finish_non_exhaustive()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn as_many_as_allowed_are_let_through_at_once_and_then_one_after_the_other() {
        let (buckets, now) = (Buckets::new(6), Instant::now());
        for n in 1..=6_u32 {
            let left = buckets.take(&"ada", now).unwrap();
            assert_eq!((left.remaining, left.whole_in), (u64::from(6 - n), 10 * SECOND * n));
        }
        let exhausted = buckets.take(&"ada", now).unwrap_err();
        assert_eq!(exhausted.again_in, 10 * SECOND);
        assert!(buckets.take(&"ben", now).is_ok(), "others are not concerned");
        assert!(buckets.take(&"ada", now + 9 * SECOND).is_err());
        assert!(buckets.take(&"ada", now + 11 * SECOND).is_ok());
        assert!(buckets.take(&"ada", now + 11 * SECOND).is_err());
    }

    #[test]
    fn who_waits_for_a_minute_has_everything_again() {
        let (buckets, now) = (Buckets::new(3), Instant::now());
        let all = |now| (0..5).filter(|_| buckets.take(&"ada", now).is_ok()).count();
        assert_eq!(all(now), 3);
        assert_eq!(all(now + 61 * SECOND), 3);
        assert_eq!(all(now + 3_600 * SECOND), 3, "and never more");
    }

    #[test]
    fn who_is_refused_pays_nothing_for_it() {
        let (buckets, now) = (Buckets::new(2), Instant::now());
        while buckets.take(&"ada", now).is_ok() {}
        for _ in 0..100 {
            assert!(buckets.take(&"ada", now).is_err());
        }
        assert!(buckets.take(&"ada", now + 31 * SECOND).is_ok());
    }

    #[test]
    fn what_is_given_back_can_be_used_again_and_is_never_more_than_was_there() {
        let (buckets, now) = (Buckets::new(2), Instant::now());
        for _ in 0..50 {
            buckets.take(&"ada", now).unwrap();
            buckets.give_back(&"ada");
        }
        buckets.give_back(&"ada");
        let let_through = (0..5).filter(|_| buckets.take(&"ada", now).is_ok()).count();
        assert_eq!(let_through, 2);
    }

    #[test]
    fn without_a_bound_everything_is_let_through() {
        let (buckets, now) = (Buckets::new(0), Instant::now());
        assert!((0..10_000).all(|_| buckets.take(&"ada", now).is_ok()));
    }

    #[test]
    fn memory_is_bounded() {
        let (buckets, now) = (Buckets::new(2), Instant::now());
        for n in 0..MOST.get() + 100 {
            buckets.take(&n, now).unwrap();
        }
        assert_eq!(buckets.all().len(), MOST.get());
    }
}
