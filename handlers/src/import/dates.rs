//! Times as people's programs write them.

use chrono::{
    DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which of two numbers of a date is the day, where both could be: `3/4/2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// The first: 3 April.
    DayFirst,
    /// The second: March 4.
    MonthFirst,
}

/// What is made of a day without a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// Its first moment: when something was.
    Start,
    /// Its last second: what is to be done on that day is to be done by then.
    End,
}

/// How times are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The order of day and month, where the file does not tell.
    pub(super) order: Option<DateOrder>,
    /// Where the clocks are that times without an offset are read from.
    pub(super) zone: Tz,
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotATime {
    #[error("is no date that is known here; write it like 2026-03-31 or 2026-03-31T17:00:00Z")]
    Unknown,
    #[error("could be of two days: say by `date_order` whether the day or the month comes first")]
    Ambiguous,
    #[error("is a time that the clocks of {0} skip")]
    Skipped(Tz),
}

/// The days of a date that is written with numbers alone, before it is known which is which.
struct Numbers {
    first: u32,
    second: u32,
    year: i32,
}

/// The most characters of a date. What is longer is none, and not looked at.
const LONGEST: usize = 64;

fn is_too_long(text: &str) -> bool {
    text.chars().nth(LONGEST).is_some()
}

impl Reading {
    /// The moment that this text names.
    pub(super) fn time(self, text: &str, edge: Edge) -> Result<DateTime<Utc>, NotATime> {
        let text = text.trim();
        if is_too_long(text) {
            return Err(NotATime::Unknown);
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text)) {
            return in_range(time.with_timezone(&Utc));
        }
        for format in
            ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z"]
        {
            if let Ok(time) = DateTime::parse_from_str(text, format) {
                return in_range(time.with_timezone(&Utc));
            }
        }
        let (date, time) = parts(text);
        let date = self.date(date)?;
        let time = match time {
            Some(time) => Some(time_of_day(time).ok_or(NotATime::Unknown)?),
            None => None,
        };
        self.at(date, time, edge)
    }

    /// The moment of this day and time of day on the clocks of the zone.
    pub(super) fn at(self, date: NaiveDate, time: Option<NaiveTime>, edge: Edge) -> Result<DateTime<Utc>, NotATime> {
        let time = time.or(match edge {
            Edge::Start => Some(NaiveTime::MIN),
            Edge::End => NaiveTime::from_hms_opt(23, 59, 59),
        });
        let local = NaiveDateTime::new(date, time.unwrap_or_default());
        let moment = self.zone.from_local_datetime(&local);
        // Of an hour that comes twice, the first is meant as well as the second.
        in_range(moment.earliest().ok_or(NotATime::Skipped(self.zone))?.with_timezone(&Utc))
    }

    fn date(self, text: &str) -> Result<NaiveDate, NotATime> {
        for format in ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"] {
            if let Some(date) = whole_year(text, format) {
                return Ok(date);
            }
        }
        // Dots are written by those who put the day first.
        for format in ["%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y"] {
            if let Some(date) = whole_year(&text.replace(',', ""), format) {
                return Ok(date);
            }
        }
        let Numbers { first, second, year } = numbers(text).ok_or(NotATime::Unknown)?;
        let order = if text.contains('.') { Some(DateOrder::DayFirst) } else { self.order };
        let order = match (first > 12, second > 12, order) {
            (true, false, _) => DateOrder::DayFirst,
            (false, true, _) => DateOrder::MonthFirst,
            (true, true, _) => return Err(NotATime::Unknown),
            (false, false, Some(order)) => order,
            (false, false, None) if first == second => DateOrder::DayFirst,
            (false, false, None) => return Err(NotATime::Ambiguous),
        };
        let (day, month) = match order {
            DateOrder::DayFirst => (first, second),
            DateOrder::MonthFirst => (second, first),
        };
        NaiveDate::from_ymd_opt(year, month, day).ok_or(NotATime::Unknown)
    }
}

/// The day, if its year is written with all its digits.
fn whole_year(text: &str, format: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, format).ok().filter(|date| date.year() >= 1000)
}

/// The order of day and month that these texts show: that of the first of which only one can be right.
pub(super) fn order_of(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Option<DateOrder> {
    texts.into_iter().find_map(|text| {
        let text = Some(text.as_ref().trim()).filter(|text| !is_too_long(text))?;
        let Numbers { first, second, .. } = numbers(parts(text).0)?;
        match (first > 12, second > 12) {
            (true, false) => Some(DateOrder::DayFirst),
            (false, true) => Some(DateOrder::MonthFirst),
            (true, true) | (false, false) => None,
        }
    })
}

fn numbers(text: &str) -> Option<Numbers> {
    let mut parts = text.split(['/', '-', '.']).map(str::trim);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !is_number(first, 2) || !is_number(second, 2) || !is_number(year, 4) {
        return None;
    }
    let year: i32 = match (year.len(), year.parse::<i32>().ok()?) {
        (4, year) => year,
        (2, year) => 2000 + year,
        _ => return None,
    };
    Some(Numbers { first: first.parse().ok()?, second: second.parse().ok()?, year })
}

/// A date, and the time of day that follows it.
fn parts(text: &str) -> (&str, Option<&str>) {
    let at = text.char_indices().find(|(index, c)| {
        let rest = text[index + c.len_utf8()..].trim_start();
        matches!(c, ' ' | 'T' | ',') && rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(':')
            // Not the day of "March 31 2026 10:00".
            && rest.find(':').is_some_and(|colon| colon <= 2)
    });
    match at {
        Some((index, _)) => (text[..index].trim().trim_end_matches(','), Some(text[index + 1..].trim())),
        None => (text, None),
    }
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.to_uppercase();
    let formats = ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f", "%I:%M %p", "%I:%M%p", "%I:%M:%S %p"];
    formats.iter().find_map(|format| NaiveTime::parse_from_str(&text, format).ok())
}

/// To the millisecond, of a year that RFC 3339 can write, and no leap second, which few can read.
fn in_range(time: DateTime<Utc>) -> Result<DateTime<Utc>, NotATime> {
    let is_good = (1..=9999).contains(&time.year()) && time.nanosecond() < 1_000_000_000;
    if is_good { Ok(time.trunc_subsecs(3)) } else { Err(NotATime::Unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(order: Option<DateOrder>) -> Reading {
        Reading { order, zone: chrono_tz::Europe::Berlin }
    }

    #[track_caller]
    fn reads(text: &str, expected: &str) {
        let time = reading(Some(DateOrder::DayFirst)).time(text, Edge::End);
        assert_eq!(time.map(|time| time.to_rfc3339()), Ok(expected.to_owned()), "{text:?}");
    }

    #[test]
    fn times_with_an_offset_are_moments_already() {
        for text in [
            "2026-03-31T10:00:00Z",
            "2026-03-31T12:00:00+02:00",
            "2026-03-31 12:00:00 +0200",
            "2026-03-31T10:00:00.0004Z",
        ] {
            reads(text, "2026-03-31T10:00:00+00:00");
        }
        reads("Tue, 31 Mar 2026 12:00:00 +0200", "2026-03-31T10:00:00+00:00");
    }

    #[test]
    fn times_without_one_are_read_from_the_clocks_of_the_zone() {
        for text in [
            "2026-03-31 12:00",
            "2026-03-31T12:00:00",
            "31.03.2026 12:00",
            "31.3.2026, 12:00",
            "31/03/2026 12:00 PM",
            "3/31/2026 12:00",
            "Mar 31, 2026 12:00",
            "31 March 2026 12:00",
        ] {
            reads(text, "2026-03-31T10:00:00+00:00");
        }
    }

    #[test]
    fn a_day_ends_where_the_clocks_say_and_begins_there_too() {
        for text in
            ["2026-03-31", "31.03.2026", "2026/03/31", "20260331", "31 Mar 2026", "March 31, 2026", "31-Mar-2026"]
        {
            reads(text, "2026-03-31T21:59:59+00:00");
        }
        let begun = reading(None).time("2026-01-15", Edge::Start).unwrap();
        assert_eq!(begun.to_rfc3339(), "2026-01-14T23:00:00+00:00");
    }

    #[test]
    fn day_and_month_are_not_guessed_where_both_could_be() {
        let unknown = reading(None);
        assert_eq!(unknown.time("3/4/2026", Edge::End), Err(NotATime::Ambiguous));
        let same = unknown.time("4/4/2026", Edge::End).unwrap();
        assert_eq!(same.to_rfc3339(), "2026-04-04T21:59:59+00:00", "it is the same either way");
        let day = |order: DateOrder| reading(Some(order)).time("3/4/26", Edge::Start).unwrap().to_rfc3339();
        assert_eq!(day(DateOrder::DayFirst), "2026-04-02T22:00:00+00:00");
        assert_eq!(day(DateOrder::MonthFirst), "2026-03-03T23:00:00+00:00");
        assert_eq!(order_of(["3/4/2026", "", "25/4/2026"]), Some(DateOrder::DayFirst));
        assert_eq!(order_of(["3/4/2026 10:00", "4/25/2026 10:00"]), Some(DateOrder::MonthFirst));
        assert_eq!(order_of(["3/4/2026", "2026-04-25"]), None);
    }

    #[test]
    fn what_is_too_long_for_a_date_is_none_and_costs_nothing() {
        let padded = |blanks: usize| format!("2026-03-31{}12:00", " ".repeat(blanks));
        reads(&padded(49), "2026-03-31T10:00:00+00:00");
        assert_eq!(reading(None).time(&padded(50), Edge::End), Err(NotATime::Unknown));
        let long = " 1T".repeat(1_000_000);
        assert_eq!(reading(None).time(&long, Edge::End), Err(NotATime::Unknown));
        assert_eq!(order_of([long.as_str(), "25/4/2026"]), Some(DateOrder::DayFirst));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "soon",
            "every monday",
            "2026-13-01",
            "31/31/2026",
            "2026-02-30",
            "12:00",
            "2026-03-31 25:00",
            "2026-12-31T23:59:60Z",
        ] {
            assert_eq!(reading(None).time(text, Edge::End), Err(NotATime::Unknown), "{text:?}");
        }
        let skipped = reading(None).time("2026-03-29 02:30", Edge::End);
        assert_eq!(skipped, Err(NotATime::Skipped(chrono_tz::Europe::Berlin)));
    }
}
