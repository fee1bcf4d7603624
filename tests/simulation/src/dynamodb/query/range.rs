//! What of a partition, of a table or of an index, a query reads.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::start::Start;
use crate::dynamodb::key::KeyValue;
use crate::dynamodb::page::Page;
use crate::dynamodb::table::IndexKey;
use crate::dynamodb::value::Stored;

/// What of a partition a key condition asks for.
#[derive(Debug)]
pub(super) struct KeyRange {
    pub(super) pk: KeyValue,
    pub(super) low: Bound<KeyValue>,
    pub(super) high: Bound<KeyValue>,
}

impl KeyRange {
    pub(super) fn has(&self, sk: &KeyValue) -> bool {
        let after_low = match &self.low {
            Bound::Included(low) => sk >= low,
            Bound::Excluded(low) => sk > low,
            Bound::Unbounded => true,
        };
        after_low
            && match &self.high {
                Bound::Included(high) => sk <= high,
                Bound::Excluded(high) => sk < high,
                Bound::Unbounded => true,
            }
    }
}

/// The bounds of an index's sort key, as bounds of the places in it.
pub(super) fn index_bounds(
    low: Bound<KeyValue>,
    high: Bound<KeyValue>,
    start: Option<Start>,
    forward: bool,
) -> (Bound<IndexKey>, Bound<IndexKey>) {
    let before = |sort| IndexKey { sort, pk: KeyValue::Lowest, sk: KeyValue::Lowest };
    let after = |sort| IndexKey { sort, pk: KeyValue::Highest, sk: KeyValue::Highest };
    let mut low = match low {
        Bound::Included(sort) => Bound::Included(before(sort)),
        Bound::Excluded(sort) => Bound::Excluded(after(sort)),
        Bound::Unbounded => Bound::Unbounded,
    };
    let mut high = match high {
        Bound::Included(sort) => Bound::Included(after(sort)),
        Bound::Excluded(sort) => Bound::Excluded(before(sort)),
        Bound::Unbounded => Bound::Unbounded,
    };
    if let Some(Start { sort, place: (pk, sk), .. }) = start {
        let edge = if forward { &mut low } else { &mut high };
        *edge = Bound::Excluded(IndexKey { sort, pk, sk });
    }
    (low, high)
}

/// Reads what of a partition lies within the bounds.
pub(super) fn read_range<K: Ord>(
    page: &mut Page<'_>,
    partition: Option<&BTreeMap<K, Arc<Stored>>>,
    (low, high): (Bound<K>, Bound<K>),
    forward: bool,
) {
    let Some(partition) = partition else { return };
    let empty = match (&low, &high) {
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    };
    if empty {
        return;
    }
    let range = partition.range((low, high)).map(|(_, item)| item);
    if forward {
        page.read(range)
    } else {
        page.read(range.rev())
    };
}
