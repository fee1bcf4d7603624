//! Where something stands in an order that people make by hand.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;
use crate::ids::TaskId;

/// The digits, in the order of their bytes.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The digits of a time: milliseconds up to the year 8888.
const OF_TIME: usize = 8;
/// The digits of a task, of which there are 56 thousand million.
const OF_TASK: usize = 6;
/// Behind a time, so that there is room on both sides of it.
const MIDDLE: u8 = b'V';

/// A fraction between 0 and 1, as the digits behind its point, without a 0 at the end: between two of them there is always a
/// third. Ranks sort like their texts, so that to move one thing is to change that thing alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rank(String);

impl Rank {
    /// The most digits.
    pub const MAX: usize = 200;

    /// Where something stands that began at this time and was never moved: behind what began before.
    pub fn of_time(at: DateTime<Utc>) -> Self {
        let mut rest = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        let mut digits = [b'0'; OF_TIME + 1];
        digits[OF_TIME] = MIDDLE;
        for digit in digits[..OF_TIME].iter_mut().rev() {
            // A remainder is an index of the digits.
            *digit = usize::try_from(rest % 62).ok().and_then(|index| DIGITS.get(index)).copied().unwrap_or(b'0');
            rest /= 62;
        }
        Self(digits.iter().map(|digit| char::from(*digit)).collect())
    }

    /// A rank behind the one and before the other. Of two that stand at the same place or the wrong way round, one close behind the
    /// first: what stands there stays together. `None` when there is no room: so often was something put there that the digits would be too many.
    pub fn between(behind: Option<&Self>, before: Option<&Self>) -> Option<Self> {
        if let Some((behind, _)) = behind.zip(before).filter(|(behind, before)| behind >= before) {
            return (behind.0.len() < Self::MAX).then(|| Self(format!("{behind}{}", char::from(MIDDLE))));
        }
        let digits = |rank: Option<&Self>| rank.map(|rank| rank.0.bytes().map(value).collect::<Vec<_>>());
        let middle = middle(&digits(behind).unwrap_or_default(), digits(before).as_deref());
        let text: String =
            middle.into_iter().filter_map(|value| DIGITS.get(value)).map(|digit| char::from(*digit)).collect();
        (text.len() <= Self::MAX).then_some(Self(text))
    }

    /// The same for this task, and for no other one: two that are put at one place, by two people at once or as an index is behind,
    /// do not share it. Digits of the task's id are at the end.
    pub fn between_for(task: TaskId, behind: Option<&Self>, before: Option<&Self>) -> Option<Self> {
        let mut between = Self::between(behind, before)?;
        let before = before.filter(|before| behind.is_none_or(|behind| behind < *before));
        // What begins with the digits of what it comes before might come behind it with more of them.
        while let Some(before) = before.filter(|before| before.0.starts_with(&between.0)) {
            between = Self::between(Some(&between), Some(before))?;
        }
        let Self(mut text) = between;
        let mut rest = task.0.as_u128();
        for place in 1..=OF_TASK {
            // The last one is no 0.
            let least = u128::from(place == OF_TASK);
            let base = DIGITS.len() as u128 - least;
            let digit = usize::try_from(rest % base + least).ok().and_then(|index| DIGITS.get(index)).copied();
            text.push(char::from(digit.unwrap_or(MIDDLE)));
            rest /= base;
        }
        (text.len() <= Self::MAX).then_some(Self(text))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a digit counts.
fn value(digit: u8) -> usize {
    DIGITS.iter().position(|known| *known == digit).unwrap_or(0)
}

/// The digits of a fraction above the one and below the other, which ends in no 0; 1 if there is no other.
fn middle(low: &[usize], high: Option<&[usize]>) -> Vec<usize> {
    let digit = |at: usize| low.get(at).copied().unwrap_or(0);
    if let Some(high) = high {
        let same = high.iter().enumerate().take_while(|(at, value)| digit(*at) == **value).count();
        if same > 0 {
            let rest = middle(low.get(same..).unwrap_or_default(), Some(&high[same..]));
            return high[..same].iter().copied().chain(rest).collect();
        }
    }
    let (first, last) = (digit(0), high.map_or(DIGITS.len(), |high| high.first().copied().unwrap_or(0)));
    if last > first + 1 {
        return vec![usize::midpoint(first, last)];
    }
    match high {
        Some(high) if high.len() > 1 => high[..1].to_vec(),
        Some(_) | None => std::iter::once(first).chain(middle(low.get(1..).unwrap_or_default(), None)).collect(),
    }
}

impl FromStr for Rank {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX {
            return Err(Invalid::TooLong { max: Self::MAX, actual: text.len() });
        }
        if text.is_empty() || text.ends_with('0') || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Invalid::Form("must be digits and letters of ASCII without a 0 at the end"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Rank {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Rank> for String {
    fn from(rank: Rank) -> Self {
        rank.0
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Rank {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rank".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": Self::MAX, "pattern": "^[0-9A-Za-z]*[1-9A-Za-z]$" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    fn rank(text: &str) -> Rank {
        text.parse().unwrap()
    }

    #[test]
    fn times_rank_in_their_order_and_before_what_is_put_behind_them() {
        let at = |millis| Rank::of_time(DateTime::from_timestamp_millis(millis).unwrap());
        let ranks: Vec<Rank> = [i64::MIN / 1_000_000, 1, 61, 62, 1_772_438_400_000, 1_772_438_400_001].map(at).into();
        assert!(ranks.is_sorted() && ranks.windows(2).all(|pair| pair[0] != pair[1]), "{ranks:?}");
        assert_eq!(ranks[0].as_str(), "00000000V");
        assert_eq!(ranks[3].as_str(), "00000010V");
        assert!(ranks.iter().all(|rank| rank.as_str().parse() == Ok(rank.clone())));
    }

    #[test]
    fn between_two_ranks_is_a_third() {
        for (behind, before, expected) in [
            (None, None, "V"),
            (None, Some("1"), "0V"),
            (None, Some("01"), "00V"),
            (Some("1"), None, "V"),
            (Some("z"), None, "zV"),
            (Some("1"), Some("2"), "1V"),
            (Some("1"), Some("11"), "10V"),
            (Some("1"), Some("2V"), "2"),
            (Some("1z"), Some("2"), "1zV"),
            (Some("aV"), Some("aW"), "aVV"),
            (Some("b"), Some("a"), "bV"),
            (Some("a"), Some("a"), "aV"),
        ] {
            let (behind, before) = (behind.map(rank), before.map(rank));
            let between = Rank::between(behind.as_ref(), before.as_ref()).unwrap();
            assert_eq!(between.as_str(), expected, "{behind:?} {before:?}");
        }
    }

    #[test]
    fn what_goes_behind_two_that_share_a_place_passes_nothing_that_is_behind_them() {
        let at = |millis| Rank::of_time(DateTime::from_timestamp_millis(millis).unwrap());
        let (tied, next) = (at(1_772_438_400_000), at(1_772_438_400_001));
        let between = Rank::between(Some(&tied), Some(&tied)).unwrap();
        assert!(tied < between && between < next, "{tied} {between} {next}");
        let full = rank(&"z".repeat(Rank::MAX));
        assert_eq!(Rank::between(Some(&full), Some(&full)), None);
    }

    #[test]
    fn two_tasks_that_are_put_at_one_place_have_two_ranks_there() {
        let task = |number: u128| TaskId(Uuid::new_v5(&Uuid::nil(), &number.to_be_bytes()));
        for (behind, before) in [
            (None, None),
            (None, Some("1")),
            (None, Some("01")),
            (Some("z"), None),
            (Some("1"), Some("11")),
            (Some("1"), Some("2V")),
            (Some("1"), Some("211")),
            (Some("1"), Some("20001")),
            (Some("1"), Some("2zzzzzzzz")),
            (Some("a"), Some("b")),
        ] {
            let (behind, before) = (behind.map(rank), before.map(rank));
            let mut seen = BTreeSet::new();
            for number in 0..100 {
                let put = || Rank::between_for(task(number), behind.as_ref(), before.as_ref()).unwrap();
                let between = put();
                assert!(behind.as_ref().is_none_or(|behind| *behind < between), "{behind:?} {between}");
                assert!(before.as_ref().is_none_or(|before| between < *before), "{between} {before:?}");
                assert_eq!(between.as_str().parse(), Ok(between.clone()));
                assert_eq!(put(), between, "the same task again");
                assert!(seen.insert(between));
            }
        }
        let tied = rank("aV");
        let put = |number| Rank::between_for(task(number), Some(&tied), Some(&tied)).unwrap();
        assert!(tied < put(1) && put(1) < rank("aW") && put(1) != put(2));
    }

    #[test]
    fn of_tasks_that_are_put_at_one_place_there_is_room_for_hundreds() {
        for down in [true, false] {
            let (mut low, mut high) = (rank("a"), rank("b"));
            for number in 0..500 {
                let between = Rank::between_for(TaskId(Uuid::from_u128(number)), Some(&low), Some(&high)).unwrap();
                assert!(low < between && between < high, "{low} {between} {high}");
                if down {
                    high = between;
                } else {
                    low = between;
                }
            }
        }
    }

    #[test]
    fn there_is_room_for_hundreds_at_one_place_and_not_for_ever() {
        for down in [true, false] {
            let (mut low, mut high) = (rank("a"), rank("b"));
            let mut put = 0;
            while let Some(between) = Rank::between(Some(&low), Some(&high)) {
                assert!(low < between && between < high, "{low} {between} {high}");
                assert_eq!(between.as_str().parse(), Ok(between.clone()));
                if down {
                    high = between;
                } else {
                    low = between;
                }
                put += 1;
            }
            assert!(put > 900, "{put}");
        }
    }

    #[test]
    fn what_is_no_rank_is_refused() {
        for text in ["", "0", "a0", "ä", "a b", "-1", &"z".repeat(201)] {
            assert!(text.parse::<Rank>().is_err(), "{text}");
        }
    }
}
