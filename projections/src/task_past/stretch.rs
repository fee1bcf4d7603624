//! Stretches of time, under which states are kept by how long they lasted (`docs/adr/0028-lists-of-the-past.md`).
//!
//! A stretch is a minute, four minutes, sixteen, and so on, counted from 1970. A state that lasted for a while is kept under
//! the shortest kind of stretch that is as long: it lies in one or two of these. What lasted at a moment is in the one
//! stretch of each kind that the moment lies in.

use chrono::{DateTime, Utc};

/// How long the shortest stretch is, in milliseconds: a minute.
const SHORTEST: i64 = 60_000;
/// How many times as long each kind of stretch is as the one before.
const FACTOR: i64 = 4;
/// How many kinds there are; the longest is 32 years.
const KINDS: u32 = 13;

const fn length(kind: u32) -> i64 {
    SHORTEST * FACTOR.pow(kind)
}

/// The stretches under which what lasted from `since` until just before `until` is kept; none if that is no time at all.
pub(super) fn stretches(since: DateTime<Utc>, until: DateTime<Utc>) -> Vec<String> {
    let (first, last) = (since.timestamp_millis(), until.timestamp_millis() - 1);
    if first > last {
        return Vec::new();
    }
    let kind = (0..KINDS).find(|kind| length(*kind) > last - first).unwrap_or(KINDS - 1);
    let numbers = first.div_euclid(length(kind))..=last.div_euclid(length(kind));
    numbers.map(|number| stretch(kind, number)).collect()
}

/// The stretches that the moment lies in, one of each kind.
pub(super) fn around(moment: DateTime<Utc>) -> Vec<String> {
    let moment = moment.timestamp_millis();
    (0..KINDS).map(|kind| stretch(kind, moment.div_euclid(length(kind)))).collect()
}

fn stretch(kind: u32, number: i64) -> String {
    format!("{kind}.{number}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).expect("a time")
    }

    #[test]
    fn a_state_is_kept_under_the_shortest_stretches_that_are_as_long_as_it_lasted() {
        let minute = 60_000;
        assert_eq!(stretches(at(0), at(minute)), ["0.0"]);
        assert_eq!(stretches(at(0), at(minute + 1)), ["1.0"]);
        assert_eq!(stretches(at(minute - 1), at(minute + 1)), ["0.0", "0.1"]);
        assert_eq!(stretches(at(5 * minute), at(25 * minute)), ["3.0"]);
        assert_eq!(stretches(at(5 * minute), at(5 * minute)), [] as [&str; 0], "it never was");
        assert_eq!(stretches(at(-1), at(1)), ["0.-1", "0.0"]);
        let century = 100 * 365 * 24 * 60 * minute;
        assert_eq!(stretches(at(0), at(century)), ["12.0", "12.1", "12.2", "12.3"], "longer than any stretch");
    }

    proptest! {
        #[test]
        fn whatever_lasted_at_a_moment_is_in_exactly_one_stretch_around_it(
            since in 0_i64..4_000_000_000_000,
            lasted in prop_oneof![1_i64..100_000, 1_i64..100_000_000, 1_i64..2_000_000_000_000],
            part in 0.0_f64..1.0,
        ) {
            let kept = stretches(at(since), at(since + lasted));
            prop_assert!(kept.len() <= 4, "{kept:?}");
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment in it will do")]
            let within = since + ((lasted - 1) as f64 * part) as i64;
            for moment in [since, within, since + lasted - 1] {
                let found = around(at(moment)).into_iter().filter(|stretch| kept.contains(stretch)).count();
                prop_assert_eq!(found, 1, "{:?} around {}", kept, moment);
            }
        }
    }
}
