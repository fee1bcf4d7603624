//! Times and days in requests: RFC 3339, and nothing that looks like it.

use chrono::{DateTime, NaiveDate, Timelike as _, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotATime {
    #[error("must be a time such as 2026-03-02T08:00:00Z")]
    Form,
    /// RFC 3339 knows leap seconds. Most who read what was given do not, so that they could not read it back.
    #[error("must be a time with seconds from 00 to 59: leap seconds are not kept")]
    LeapSecond,
}

/// Why a text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-03-02")]
pub(crate) struct NotADay;

/// The time that this text names.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, NotATime> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| NotATime::Form)?.to_utc();
    if time.nanosecond() >= 1_000_000_000 { Err(NotATime::LeapSecond) } else { Ok(time) }
}

/// The day that this text names. `parse` alone would take signs, blanks and single digits, too.
fn parse_day(text: &str) -> Result<NaiveDate, NotADay> {
    let is_written_out = text.len() == "2026-03-02".len()
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    text.parse().ok().filter(|_| is_written_out).ok_or(NotADay)
}

struct Time(DateTime<Utc>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

struct Day(NaiveDate);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_day(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// A time.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    Time::deserialize(deserializer).map(|Time(time)| time)
}

/// A time, or null.
pub(crate) fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Option::<Time>::deserialize(deserializer).map(|time| time.map(|Time(time)| time))
}

/// A time or null, told from a field that is left out (`None`).
pub(crate) fn present_time<'de, D>(deserializer: D) -> Result<Option<Option<DateTime<Utc>>>, D::Error>
where
    D: Deserializer<'de>,
{
    optional_time(deserializer).map(Some)
}

/// A day, or null.
pub(crate) fn optional_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    Option::<Day>::deserialize(deserializer).map(|day| day.map(|Day(day)| day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_of_rfc_3339_without_leap_seconds() {
        let good: DateTime<Utc> = "2031-03-01T15:00:59.999Z".parse().unwrap();
        assert_eq!(parse("2031-03-01T15:00:59.999Z"), Ok(good));
        assert_eq!(parse("2031-03-01T16:00:59.999+01:00"), Ok(good));
        for leap in ["2031-03-01T16:00:60Z", "2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"] {
            assert_eq!(parse(leap), Err(NotATime::LeapSecond), "{leap}");
        }
        for wrong in [
            "",
            "soon",
            "2031-03-01",
            "2031-03-01T16:00:00",
            "2031-03-01T16:00:61Z",
            "2031-02-30T16:00:00Z",
            "2031-3-1T16:00:00Z",
            "+12031-03-01T16:00:00Z",
            " 2031-03-01T16:00:00Z",
        ] {
            assert_eq!(parse(wrong), Err(NotATime::Form), "{wrong}");
        }
    }

    #[test]
    fn a_day_is_written_with_all_its_digits() {
        assert_eq!(parse_day("2026-11-02"), Ok(NaiveDate::from_ymd_opt(2026, 11, 2).unwrap()));
        for wrong in [
            "",
            "today",
            "2026-11-2",
            "2026-11- 2",
            "+2026-11-02",
            "2026-11-02 ",
            "2026-02-30",
            "2026/11/02",
            "20261102",
        ] {
            assert_eq!(parse_day(wrong), Err(NotADay), "{wrong}");
        }
    }
}
