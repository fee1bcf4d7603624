//! What holds for every rule by which tasks come again.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use muster_domain::SeriesId;
use muster_domain::task::{Frequency, Lead, Occurrence, Recurrence, Weekday};
use muster_domain::values::{LocalTime, TimeZone};
use proptest::collection::btree_set;
use proptest::option::of;
use proptest::prelude::*;
use uuid::Uuid;

const ZONES: &[&str] =
    &["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"];

pub(crate) fn rule() -> impl Strategy<Value = Recurrence> {
    let clock = (0..24_u8, 0..60_u8, proptest::sample::select(ZONES));
    let by = (proptest::sample::select(Frequency::ALL), 1..=12_u32);
    let days = (btree_set(proptest::sample::select(Weekday::ALL), 0..4), of(1..=31_u32), of(1..=12_u32));
    (by, days, clock, of(1..=5_u32)).prop_map(|((frequency, interval), (weekdays, day, month), clock, count)| {
        let by_month = matches!(frequency, Frequency::Monthly | Frequency::Yearly);
        let (hour, minute, zone) = clock;
        Recurrence {
            frequency,
            interval,
            weekdays: if frequency == Frequency::Weekly { weekdays } else { [].into() },
            day: day.filter(|_| by_month),
            month: month.filter(|_| frequency == Frequency::Yearly),
            time: format!("{hour:02}:{minute:02}").parse::<LocalTime>().unwrap(),
            time_zone: zone.parse::<TimeZone>().unwrap(),
            until: None,
            count,
        }
    })
}

fn day() -> impl Strategy<Value = NaiveDate> {
    (0..30_000_i64).prop_map(|days| NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + TimeDelta::days(days))
}

/// The last day of a month.
fn last_of(day: NaiveDate) -> u32 {
    (28..=31).rev().find(|last| day.with_day(*last).is_some()).unwrap()
}

proptest! {
    /// The days of a series go forward, and each is one that the rule names.
    #[test]
    fn occurrences_go_forward_by_the_rule(rule in rule(), first in day()) {
        prop_assert_eq!(rule.faults(), vec![]);
        let mut before = Occurrence::first(rule, SeriesId(Uuid::nil()), first);
        let mut due_before = before.rule.due(first);
        for _ in 0..6 {
            let Some((next, due)) = before.next(DateTime::<Utc>::MIN_UTC) else { break };
            prop_assert!(next.day > before.day);
            // Where a whole day was passed over, two days are due at the same moment.
            prop_assert!(Some(due) >= due_before);
            prop_assert_eq!(next.number, before.number + 1);
            prop_assert_eq!(next.rule.due(next.day), Some(due));
            let rule = &next.rule;
            match rule.frequency {
                Frequency::Daily => prop_assert_eq!((next.day - before.day).num_days(), i64::from(rule.interval)),
                Frequency::Weekly => {
                    let weekday = Weekday::ALL[next.day.weekday().num_days_from_monday() as usize];
                    prop_assert!(rule.weekdays.contains(&weekday));
                }
                Frequency::Monthly | Frequency::Yearly => {
                    prop_assert_eq!(next.day.day(), rule.day.unwrap().min(last_of(next.day)));
                    prop_assert!(rule.month.is_none_or(|month| month == next.day.month()));
                }
            }
            (before, due_before) = (next, Some(due));
        }
        prop_assert!(before.rule.count.is_none_or(|count| before.number <= count));
    }

    /// What was done late is due after it was done, and on a day that the series would have had anyway.
    #[test]
    fn what_comes_next_is_not_over_yet(rule in rule(), first in day(), late in 0..2_000_i64) {
        let first = Occurrence::first(Recurrence { count: None, ..rule }, SeriesId(Uuid::nil()), first);
        let done = first.rule.due(first.day).unwrap() + TimeDelta::days(late);
        let (next, due) = first.next(done).unwrap();
        prop_assert!(due > done);
        let mut one = first;
        while one.day < next.day {
            one = one.next(DateTime::<Utc>::MIN_UTC).unwrap().0;
        }
        prop_assert_eq!(one.day, next.day);
    }

    /// A time of day is the same wherever the clock has it.
    #[test]
    fn an_occurrence_is_due_at_its_time_of_day_or_right_after(rule in rule(), day in day()) {
        let due = rule.due(day).unwrap();
        let there = due.with_timezone(&rule.time_zone.0).naive_local();
        let wanted = rule.time.on(day);
        prop_assert!(there >= wanted);
        prop_assert!(there - wanted <= TimeDelta::days(1));
    }

    #[test]
    fn a_lead_is_read_back_from_its_text(days in 0..366_u32, hours in 0..100_u32, minutes in 0..500_u32) {
        if let Ok(lead) = format!("P{days}DT{hours}H{minutes}M").parse::<Lead>() {
            prop_assert_eq!(lead.to_string().parse::<Lead>(), Ok(lead));
            let before = TimeDelta::days(days.into()) + TimeDelta::hours(hours.into()) + TimeDelta::minutes(minutes.into());
            prop_assert_eq!(lead.before(), before);
        } else {
            let all = u64::from(days) * 1440 + u64::from(hours) * 60 + u64::from(minutes);
            prop_assert!(all == 0 || all > 366 * 1440);
        }
    }
}
