//! A place in a shard, and what stands up to it.

use std::fmt;
use std::str::FromStr;

use muster_domain::StreamId;
use uuid::{Uuid, uuid};

use crate::error::CursorError;

const NAMESPACE: Uuid = uuid!("6d757374-6572-5000-8000-00706c616365");

/// A place, with a digest of all that stands up to it: of two orders that differ anywhere up to a place, the digests at it
/// differ. So a place is known in the order that it is of, and in no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The position; 0 is before the first.
    pub(super) position: u64,
    /// The digest; 0 before the first.
    pub(super) digest: u64,
}

impl Place {
    /// The place after this one, with this event in it.
    pub(super) fn then(self, stream: &StreamId, version: u64) -> Self {
        let said = format!("{:016x}\n{stream}\n{version}", self.digest);
        let digest = Uuid::new_v5(&NAMESPACE, said.as_bytes()).as_u64_pair().0;
        Self { position: self.position.saturating_add(1), digest }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.position, self.digest)
    }
}

impl FromStr for Place {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parse = || {
            let (position, digest) = text.split_once('-')?;
            Some(Self { position: position.parse().ok()?, digest: u64::from_str_radix(digest, 16).ok()? })
        };
        // Nothing stands before the first.
        let has_sense = |place: &Self| place.position > 0 || *place == Self::default();
        parse().filter(has_sense).ok_or(CursorError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use muster_domain::TaskId;

    use super::*;

    #[test]
    fn a_place_is_another_one_where_anything_before_it_is_another() {
        let stream = |number: u128| StreamId::from(TaskId(Uuid::from_u128(number)));
        let place = |events: &[(u128, u64)]| {
            events.iter().fold(Place::default(), |place, (of, version)| place.then(&stream(*of), *version))
        };
        let order = place(&[(1, 1), (2, 1), (1, 2)]);
        assert_eq!(order.position, 3);
        assert_eq!(order, place(&[(1, 1), (2, 1), (1, 2)]));
        for other in [&[(2, 1), (1, 1), (1, 2)], &[(3, 1), (2, 1), (1, 2)], &[(1, 1), (2, 1), (1, 3)]] {
            let other = place(other);
            assert_eq!(other.position, 3);
            assert_ne!(other.digest, order.digest);
        }
    }
}
