//! A bound on what is written of refusals: whoever hammers at the door fills a counter and not the table.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lru::LruCache;
use muster_domain::ids::UserId;

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

#[derive(Clone, Copy)]
struct Minute {
    number: i64,
    seen: u64,
}

/// Counts refusals in memory. Clones share the counts.
#[derive(Clone)]
pub(super) struct Bound(Arc<Mutex<LruCache<(AccessKind, Place), Minute>>>);

impl Default for Bound {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(PLACES))))
    }
}

impl Bound {
    /// Whether this one gets an entry: if so, how many of the minute before got none.
    pub(super) fn admit(
        &self,
        kind: AccessKind,
        actor: Option<UserId>,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Option<u64> {
        let place = match (actor, address) {
            (Some(actor), _) => Place::Account(actor),
            (None, Some(address)) => Place::Address(network(address)),
            (None, None) => Place::Unknown,
        };
        let number = now.timestamp().div_euclid(60);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = counts.get_or_insert_mut((kind, place), || Minute { number, seen: 0 });
        let left_out = if minute.number == number {
            0
        } else {
            let left_out = minute.seen.saturating_sub(MOST);
            *minute = Minute { number, seen: 0 };
            left_out
        };
        minute.seen += 1;
        (minute.seen <= MOST).then_some(left_out)
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
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    #[test]
    fn of_many_refusals_in_a_minute_the_first_hundred_are_told_and_the_rest_counted() {
        let bound = Bound::default();
        let there = "203.0.113.7".parse().ok();
        let ask = |second| bound.admit(AccessKind::TokenRefused, None, there, at(second));

        let told = (0..250).filter(|_| ask(0) == Some(0)).count();

        assert_eq!(told, 100);
        assert_eq!(ask(60), Some(150), "the next minute says how many were left out");
        assert_eq!(ask(61), Some(0), "once");
    }

    #[test]
    fn each_kind_account_and_network_is_counted_apart() {
        let bound = Bound::default();
        let ask = |kind, actor, address: &str| bound.admit(kind, actor, address.parse().ok(), at(0));
        while ask(AccessKind::Forbidden, None, "2001:db8::1").is_some() {}

        assert_eq!(ask(AccessKind::Forbidden, None, "2001:db8::2"), None, "the same network");
        assert_eq!(ask(AccessKind::Forbidden, None, "2001:db8:0:1::1"), Some(0));
        assert_eq!(ask(AccessKind::TokenRefused, None, "2001:db8::1"), Some(0));
        assert_eq!(ask(AccessKind::Forbidden, Some(UserId(uuid::Uuid::nil())), "2001:db8::1"), Some(0));
    }
}
