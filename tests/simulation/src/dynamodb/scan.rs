//! `Scan`, in segments.

use std::ops::Bound;

use super::Model;
use super::evaluate::{self, Scope};
use super::key::{KeyValue, Partition};
use super::page::Page;
use super::refusal::Refusal;
use super::requests::Scan;

/// The most segments.
const MOST_SEGMENTS: u64 = 1_000_000;

/// The part of the hashes of partition keys that a scan reads.
fn segment(scan: &Scan) -> Result<Segment, Refusal> {
    let refuse = |message: &str| Err(Refusal::Validation(message.to_owned()));
    let (number, of) = match (scan.segment, scan.total_segments) {
        (None, None) => (0, 1),
        (Some(number), Some(of)) => match (u64::try_from(number), u64::try_from(of)) {
            (Ok(number), Ok(of)) if (1..=MOST_SEGMENTS).contains(&of) && number < of => (number, of),
            _ => return refuse("Segment must be from 0 to below TotalSegments, which must be from 1 to 1000000"),
        },
        (Some(_), None) | (None, Some(_)) => return refuse("Segment and TotalSegments must be given together"),
    };
    Ok(Segment { number, of })
}

#[derive(Clone, Copy)]
struct Segment {
    number: u64,
    of: u64,
}

impl Segment {
    fn has(self, hash: u64) -> bool {
        (u128::from(hash) * u128::from(self.of)) >> 64 == u128::from(self.number)
    }

    /// The lowest hash in it.
    fn first(self) -> u64 {
        let first = (u128::from(self.number) << 64).div_ceil(u128::from(self.of));
        u64::try_from(first).unwrap_or(u64::MAX)
    }
}

impl Model {
    pub(super) fn scan(&mut self, scan: &Scan) -> Result<Vec<u8>, Refusal> {
        let scope = Scope {
            names: scan.expression_attribute_names.as_ref(),
            values: scan.expression_attribute_values.as_ref(),
        };
        let filter = scan.filter_expression.as_ref().map(|text| self.expressions.condition(text)).transpose()?;
        let projection =
            scan.projection_expression.as_ref().map(|text| self.expressions.projection(text)).transpose()?;
        let mut used: Vec<(&[String], &[String])> = Vec::new();
        used.extend(filter.iter().map(|parsed| (parsed.names.as_slice(), parsed.values.as_slice())));
        used.extend(projection.iter().map(|parsed| (parsed.names.as_slice(), parsed.values.as_slice())));
        scope.check(&used)?;
        filter.as_ref().map_or(Ok(()), |filter| evaluate::check(filter, scope))?;
        let mut page = Page::new(scan.limit, filter.as_deref(), projection.as_deref(), scope)?;
        let segment = segment(scan)?;

        let table = self.table(&scan.table_name)?;
        let mut from = Bound::Included(Partition { hash: segment.first(), pk: KeyValue::Lowest });
        if let Some(key) = &scan.exclusive_start_key {
            let invalid = || Refusal::Validation("The provided starting key is invalid".to_owned());
            let start = table.schema.of_key(key).map_err(|_| invalid())?;
            if !segment.has(start.partition.hash) {
                return Err(invalid());
            }
            let rest = table.partitions.get(&start.partition);
            let rest = rest.into_iter().flat_map(|rest| rest.range((Bound::Excluded(&start.sk), Bound::Unbounded)));
            if page.read(rest.map(|(_, item)| item)) {
                return Ok(page.finish(table, None));
            }
            from = Bound::Excluded(start.partition);
        }
        let partitions = table.partitions.range((from, Bound::Unbounded));
        let of_segment = partitions.take_while(|(partition, _)| segment.has(partition.hash));
        page.read(of_segment.flat_map(|(_, items)| items.values()));
        Ok(page.finish(table, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_in_one_segment_from_its_first_on() {
        for of in [1, 2, 3, 7, 8, 1000] {
            let segments: Vec<_> = (0..of).map(|number| Segment { number, of }).collect();
            for hash in [0, 1, u64::MAX / 3, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX] {
                assert_eq!(segments.iter().filter(|segment| segment.has(hash)).count(), 1, "{hash} of {of}");
            }
            for segment in segments {
                let first = segment.first();
                assert!(segment.has(first), "{} of {of}", segment.number);
                assert!(first == 0 || !segment.has(first - 1), "{} of {of}", segment.number);
            }
        }
    }
}
