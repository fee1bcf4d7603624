//! A bound on what is written of refusals: whoever hammers at the door fills a counter and not the table.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use muster_domain::ids::UserId;

use super::entry::AccessEntry;
use super::kind::AccessKind;

/// How many refusals of one kind from one place have an entry of their own in a minute.
const MOST: u64 = 100;
/// How many places are remembered; those longest unseen go first.
const PLACES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);
/// Of an IPv6 address, what belongs to one customer of a network.
const CUSTOMER: u32 = 64;

/// Whom refusals are counted for: an account, or else an address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Account(UserId),
    Address(IpAddr),
    Unknown,
}

impl Place {
    fn of(entry: &AccessEntry) -> Self {
        match (entry.actor, entry.address) {
            (Some(actor), _) => Self::Account(actor),
            (None, Some(address)) => Self::Address(network(address)),
            (None, None) => Self::Unknown,
        }
    }
}

/// What came of one kind from one place.
#[derive(Default)]
struct Count {
    /// The minute of which `told` counts.
    minute: i64,
    /// How many have an entry of their own.
    told: u64,
    /// The first of those that have none, with how many there were after it. Nothing is written of them yet.
    left_out: Option<Box<AccessEntry>>,
}

impl Count {
    /// The entry that this one gets, if it gets one: with how many before it got none.
    fn admit(&mut self, mut entry: AccessEntry) -> Option<AccessEntry> {
        let minute = entry.at.timestamp().div_euclid(60);
        if self.minute != minute {
            (self.minute, self.told) = (minute, 0);
        }
        if self.told < MOST {
            self.told += 1;
            entry.left_out = self.left_out.take().map_or(0, |first| 1 + first.left_out);
            return Some(entry);
        }
        match &mut self.left_out {
            Some(first) => first.left_out += 1,
            None => self.left_out = Some(Box::new(entry)),
        }
        None
    }
}

/// What is to be written when something was refused.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Its own entry, if it gets one.
    pub(super) own: Option<AccessEntry>,
    /// What was left out from another place, which is forgotten to make room for this one.
    pub(super) forgotten: Option<AccessEntry>,
}

/// Counts refusals in memory. Clones share the counts.
#[derive(Clone)]
pub(super) struct Bound(Arc<Mutex<LruCache<(AccessKind, Place), Count>>>);

impl Default for Bound {
    fn default() -> Self {
        Self::remembering(PLACES)
    }
}

impl Bound {
    fn remembering(places: NonZeroUsize) -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(places))))
    }

    /// Whether this one gets an entry; if not, it is counted.
    pub(super) fn admit(&self, entry: AccessEntry) -> Admitted {
        let key = (entry.kind, Place::of(&entry));
        let mut counts = self.counts();
        let mut count = counts.pop(&key).unwrap_or_default();
        let own = count.admit(entry);
        let forgotten = counts.push(key, count).and_then(|(_, count)| count.left_out).map(|first| *first);
        Admitted { own, forgotten }
    }

    /// What was left out since, from each place: the first of them, which says how many there were after it.
    pub(super) fn take_left_out(&self) -> Vec<AccessEntry> {
        let mut counts = self.counts();
        counts.iter_mut().filter_map(|(_, count)| count.left_out.take()).map(|first| *first).collect()
    }

    /// Counts again what was taken and could not be written.
    pub(super) fn give_back(&self, mut first: AccessEntry) {
        let key = (first.kind, Place::of(&first));
        let mut counts = self.counts();
        let mut count = counts.pop(&key).unwrap_or_default();
        first.left_out += count.left_out.take().map_or(0, |later| 1 + later.left_out);
        count.left_out = Some(Box::new(first));
        // Where its place was forgotten meanwhile, another's is now: there is no room to count everything while nothing can be written.
        counts.push(key, count);
    }

    fn counts(&self) -> MutexGuard<'_, LruCache<(AccessKind, Place), Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> CUSTOMER << CUSTOMER)),
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::entry::{Access, Origin};
    use super::*;

    /// What was refused, in this second.
    fn refused(kind: AccessKind, actor: Option<UserId>, address: &str, second: i64) -> AccessEntry {
        let origin = Origin { address: address.parse().ok(), ..Origin::default() };
        let access = actor.into_iter().fold(Access::refused(kind), Access::by_user);
        AccessEntry::new(DateTime::from_timestamp(second, 0).expect("a time"), &origin, access)
    }

    /// How many were left out before this one, if it gets an entry.
    fn ask(bound: &Bound, entry: AccessEntry) -> Option<u64> {
        bound.admit(entry).own.map(|entry| entry.left_out)
    }

    fn from_there(second: i64) -> AccessEntry {
        refused(AccessKind::TokenRefused, None, "203.0.113.7", second)
    }

    #[test]
    fn of_many_refusals_in_a_minute_the_first_hundred_are_told_and_the_rest_counted() {
        let bound = Bound::default();
        let ask = |second| ask(&bound, from_there(second));

        let told = (0..250).filter(|_| ask(0) == Some(0)).count();

        assert_eq!(told, 100);
        assert_eq!(ask(60), Some(150), "the next minute says how many were left out");
        assert_eq!(ask(61), Some(0), "once");
    }

    #[test]
    fn each_kind_account_and_network_is_counted_apart() {
        let bound = Bound::default();
        let ask = |kind, actor, address: &str| ask(&bound, refused(kind, actor, address, 0));
        while ask(AccessKind::Forbidden, None, "2001:db8::1").is_some() {}

        assert_eq!(ask(AccessKind::Forbidden, None, "2001:db8::2"), None, "the same network");
        assert_eq!(ask(AccessKind::Forbidden, None, "2001:db8:0:1::1"), Some(0));
        assert_eq!(ask(AccessKind::TokenRefused, None, "2001:db8::1"), Some(0));
        assert_eq!(ask(AccessKind::Forbidden, Some(UserId(uuid::Uuid::nil())), "2001:db8::1"), Some(0));
    }

    #[test]
    fn what_was_left_out_is_taken_once_as_the_first_of_it_and_how_many_more_there_were() {
        let bound = Bound::default();
        for second in 0..50 {
            for _ in 0..5 {
                bound.admit(from_there(second));
            }
        }

        let taken = bound.take_left_out();

        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].at.timestamp(), taken[0].left_out), (20, 149), "a hundred are told before it");
        assert_eq!(bound.take_left_out(), []);
        assert_eq!(ask(&bound, from_there(59)), None, "the minute goes on");
        assert_eq!(ask(&bound, from_there(60)), Some(1), "and what was taken is not told again");
    }

    #[test]
    fn what_was_left_out_from_a_place_is_told_when_the_place_is_forgotten() {
        let bound = Bound::remembering(NonZeroUsize::MIN.saturating_add(1));
        let of = |address: &str| refused(AccessKind::Forbidden, None, address, 0);
        for _ in 0..103 {
            bound.admit(of("203.0.113.1"));
        }
        assert_eq!(bound.admit(of("203.0.113.2")).forgotten, None, "there is room");

        let forgotten = bound.admit(of("203.0.113.3")).forgotten.expect("what was left out");

        assert_eq!((forgotten.address, forgotten.left_out), ("203.0.113.1".parse().ok(), 2));
        assert_eq!(bound.admit(of("203.0.113.4")).forgotten, None, "nothing was left out from the second");
    }

    #[test]
    fn what_could_not_be_written_is_counted_with_what_came_since() {
        let bound = Bound::default();
        for _ in 0..110 {
            bound.admit(from_there(0));
        }
        let [first] = <[_; 1]>::try_from(bound.take_left_out()).expect("one place");
        for _ in 0..5 {
            bound.admit(from_there(30));
        }

        bound.give_back(first.clone());

        assert_eq!(bound.take_left_out(), [AccessEntry { left_out: 14, ..first }], "ten and five, of which one tells");
    }
}
