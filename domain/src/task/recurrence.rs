//! When a task comes again: a rule, and the arithmetic of its days. Days are those of a calendar where somebody lives; only the
//! deadline that a day has is a moment.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Datelike as _, Days, LocalResult, Months, NaiveDate, TimeDelta, TimeZone as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::words;
use crate::ids::SeriesId;
use crate::values::{Invalid, LocalTime, TimeZone};

words!(
    /// What a rule counts in.
    Frequency {
        /// Days.
        Daily = "daily",
        /// Weeks, which begin on Monday.
        Weekly = "weekly",
        /// Months.
        Monthly = "monthly",
        /// Years.
        Yearly = "yearly",
    }
);

words!(
    /// A day of the week.
    Weekday {
        /// The first one.
        Monday = "monday",
        /// The second one.
        Tuesday = "tuesday",
        /// The third one.
        Wednesday = "wednesday",
        /// The fourth one.
        Thursday = "thursday",
        /// The fifth one.
        Friday = "friday",
        /// The sixth one.
        Saturday = "saturday",
        /// The last one.
        Sunday = "sunday",
    }
);

impl Weekday {
    fn of(date: NaiveDate) -> Self {
        Self::ALL[date.weekday().num_days_from_monday() as usize]
    }
}

/// When a task comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// What it counts in.
    pub frequency: Frequency,
    /// How many of these lie between two occurrences.
    #[schema(minimum = 1, maximum = 365)]
    pub interval: u32,
    /// Of a weekly rule: its days.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub weekdays: BTreeSet<Weekday>,
    /// Of a monthly or yearly rule: the day of the month. In a month that has fewer days it is the last one, so 31 is always the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 31)]
    pub day: Option<u32>,
    /// Of a yearly rule: the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 12)]
    pub month: Option<u32>,
    /// At which time of its day an occurrence is due.
    pub time: LocalTime,
    /// Where that clock stands.
    pub time_zone: TimeZone,
    /// The last day that an occurrence may be due on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// How many occurrences the series has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub count: Option<u32>,
}

/// One of the tasks that come of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The rule.
    pub rule: Recurrence,
    /// What links it with the others.
    pub series: SeriesId,
    /// Which one it is; the first has 1.
    pub number: u32,
    /// Its day by the rule. Its own deadline may be moved without those of the others.
    pub day: NaiveDate,
}

/// How many days ahead of the one before the next occurrence is looked for: whoever does daily work again after a hundred years.
const MOST_STEPS: usize = 40_000;

impl Recurrence {
    /// The most of anything between two occurrences.
    pub const MAX_INTERVAL: u32 = 365;
    /// The most occurrences that a count may say.
    pub const MAX_COUNT: u32 = 10_000;

    /// What is wrong with it: fields, and why.
    pub fn faults(&self) -> Vec<(&'static str, Invalid)> {
        let by_month = matches!(self.frequency, Frequency::Monthly | Frequency::Yearly);
        let within = |number: Option<u32>, most: u32| number.is_none_or(|number| (1..=most).contains(&number));
        let checks = [
            ("interval", (1..=Self::MAX_INTERVAL).contains(&self.interval), "must be between 1 and 365"),
            ("weekdays", self.weekdays.is_empty() || self.frequency == Frequency::Weekly, "is for a weekly rule only"),
            ("day", self.day.is_none() || by_month, "is for a monthly or yearly rule only"),
            ("day", within(self.day, 31), "must be between 1 and 31"),
            ("month", self.month.is_none() || self.frequency == Frequency::Yearly, "is for a yearly rule only"),
            ("month", within(self.month, 12), "must be between 1 and 12"),
            (
                "until",
                self.until.is_none_or(|day| (1..=9999).contains(&day.year())),
                "must be of a year between 1 and 9999",
            ),
            ("count", within(self.count, Self::MAX_COUNT), "must be between 1 and 10000"),
            ("count", self.count.is_none() || self.until.is_none(), "a rule ends by a day or by a count, not by both"),
        ];
        checks.into_iter().filter(|(_, right, _)| !right).map(|(field, _, why)| (field, Invalid::Form(why))).collect()
    }

    /// The rule with what it leaves open taken from this day: its weekday, its day of the month, its month.
    #[must_use]
    pub fn from_day(mut self, day: NaiveDate) -> Self {
        match self.frequency {
            Frequency::Daily => {}
            Frequency::Weekly => {
                if self.weekdays.is_empty() {
                    self.weekdays.insert(Weekday::of(day));
                }
            }
            Frequency::Monthly => {
                self.day.get_or_insert(day.day());
            }
            Frequency::Yearly => {
                self.day.get_or_insert(day.day());
                self.month.get_or_insert(day.month());
            }
        }
        self
    }

    /// The day on which this moment is where the rule's clock stands.
    pub fn day_of(&self, time: DateTime<Utc>) -> NaiveDate {
        time.with_timezone(&self.time_zone.0).date_naive()
    }

    /// When what comes on this day is due. A time of day that there is twice counts when it comes first; one that a clock passes
    /// over counts as soon as the clock is beyond it. `None` beyond all years.
    pub fn due(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let zone = self.time_zone.0;
        let mut local = self.time.on(day);
        // No clock has ever been set forward by more than a day.
        for _ in 0..=2 * 24 * 60 {
            match zone.from_local_datetime(&local) {
                LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => return Some(time.to_utc()),
                LocalResult::None => local = local.checked_add_signed(TimeDelta::minutes(1))?,
            }
        }
        None
    }

    /// The first day of the rule after this one, which lies in a day, week, month or year that counts.
    fn next_day(&self, after: NaiveDate) -> Option<NaiveDate> {
        match self.frequency {
            Frequency::Daily => after.checked_add_days(Days::new(self.interval.into())),
            Frequency::Weekly => {
                let monday = after.checked_sub_days(Days::new(after.weekday().num_days_from_monday().into()))?;
                let later = monday.checked_add_days(Days::new(u64::from(self.interval) * 7))?;
                [monday, later].into_iter().find_map(|monday| self.in_week(monday, after))
            }
            Frequency::Monthly => self.in_months(after, after.with_day(1)?, self.interval),
            Frequency::Yearly => {
                let month = NaiveDate::from_ymd_opt(after.year(), self.month.unwrap_or(after.month()), 1)?;
                self.in_months(after, month, self.interval * 12)
            }
        }
    }

    /// The first of its days in the week that begins on this Monday, if it is after that day.
    fn in_week(&self, monday: NaiveDate, after: NaiveDate) -> Option<NaiveDate> {
        let days = (0..7).zip(Weekday::ALL).filter(|(_, weekday)| self.weekdays.contains(*weekday));
        days.filter_map(|(days, _)| monday.checked_add_days(Days::new(days))).find(|day| *day > after)
    }

    /// Its day in this month or, if that is not after that day, so many months later.
    fn in_months(&self, after: NaiveDate, month: NaiveDate, months: u32) -> Option<NaiveDate> {
        let later = month.checked_add_months(Months::new(months))?;
        let day = |month: NaiveDate| in_month(month, self.day.unwrap_or(after.day()));
        [month, later].into_iter().filter_map(day).find(|day| *day > after)
    }
}

/// This day of a month, or its last one; the month is given by its first day.
fn in_month(month: NaiveDate, day: u32) -> Option<NaiveDate> {
    let last = month.checked_add_months(Months::new(1))?.pred_opt()?;
    month.with_day(day.min(last.day()))
}

impl Occurrence {
    /// The first one of a series, on this day.
    pub fn first(rule: Recurrence, series: SeriesId, day: NaiveDate) -> Self {
        Self { rule: rule.from_day(day), series, number: 1, day }
    }

    /// The one after this one, which was done at that time, and when it is due. Days whose time was over by then are passed over: what
    /// was done late is not due again at once. `None` when the series is over.
    pub fn next(&self, done_at: DateTime<Utc>) -> Option<(Self, DateTime<Utc>)> {
        if self.rule.count.is_some_and(|count| self.number >= count) {
            return None;
        }
        let mut day = self.day;
        for _ in 0..MOST_STEPS {
            day = self.rule.next_day(day)?;
            if self.rule.until.is_some_and(|until| day > until) || day.year() > 9999 {
                return None;
            }
            let due = self.rule.due(day)?;
            if due > done_at {
                return Some((Self { number: self.number + 1, day, ..self.clone() }, due));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(frequency: Frequency, interval: u32) -> Recurrence {
        Recurrence {
            frequency,
            interval,
            weekdays: BTreeSet::new(),
            day: None,
            month: None,
            time: "09:30".parse().unwrap(),
            time_zone: "Europe/Berlin".parse().unwrap(),
            until: None,
            count: None,
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The days of the occurrences after the first, each done before it was due.
    fn days(rule: Recurrence, first: &str, most: usize) -> Vec<String> {
        let mut occurrence = Occurrence::first(rule, SeriesId(uuid::Uuid::nil()), day(first));
        let mut days = Vec::new();
        while days.len() < most
            && let Some((next, _)) = occurrence.next(DateTime::<Utc>::MIN_UTC)
        {
            days.push(next.day.to_string());
            occurrence = next;
        }
        days
    }

    #[test]
    fn days_weeks_months_and_years_are_counted_by_the_interval() {
        assert_eq!(days(rule(Frequency::Daily, 3), "2026-02-27", 2), ["2026-03-02", "2026-03-05"]);
        assert_eq!(days(rule(Frequency::Weekly, 1), "2026-03-04", 2), ["2026-03-11", "2026-03-18"]);
        assert_eq!(days(rule(Frequency::Monthly, 2), "2026-01-15", 3), ["2026-03-15", "2026-05-15", "2026-07-15"]);
        assert_eq!(days(rule(Frequency::Yearly, 1), "2026-05-01", 2), ["2027-05-01", "2028-05-01"]);
    }

    #[test]
    fn the_weekdays_of_a_week_come_one_after_the_other_and_then_those_of_the_next_week_that_counts() {
        let weekdays = [Weekday::Friday, Weekday::Monday, Weekday::Sunday].into();
        let rule = Recurrence { weekdays, ..rule(Frequency::Weekly, 2) };
        // The first one is on a Wednesday, which is none of them.
        assert_eq!(days(rule, "2026-03-04", 5), ["2026-03-06", "2026-03-08", "2026-03-16", "2026-03-20", "2026-03-22"]);
    }

    #[test]
    fn in_a_month_that_is_too_short_it_is_the_last_day_and_afterwards_the_same_as_before() {
        assert_eq!(
            days(rule(Frequency::Monthly, 1), "2026-01-31", 4),
            ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
        );
        assert_eq!(
            days(rule(Frequency::Yearly, 1), "2024-02-29", 4),
            ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
        );
    }

    #[test]
    fn a_first_occurrence_off_the_rule_is_followed_by_one_on_it() {
        let monthly = Recurrence { day: Some(20), ..rule(Frequency::Monthly, 1) };
        assert_eq!(days(monthly.clone(), "2026-03-04", 2), ["2026-03-20", "2026-04-20"]);
        assert_eq!(days(monthly, "2026-03-25", 2), ["2026-04-20", "2026-05-20"]);
        let yearly = Recurrence { day: Some(1), month: Some(12), ..rule(Frequency::Yearly, 2) };
        assert_eq!(days(yearly, "2026-03-04", 2), ["2026-12-01", "2028-12-01"]);
    }

    #[test]
    fn a_series_ends_with_its_last_day_or_with_its_count() {
        let until = Recurrence { until: Some(day("2026-03-07")), ..rule(Frequency::Daily, 1) };
        assert_eq!(days(until, "2026-03-05", 9), ["2026-03-06", "2026-03-07"]);
        let count = Recurrence { count: Some(3), ..rule(Frequency::Daily, 1) };
        assert_eq!(days(count, "2026-03-05", 9), ["2026-03-06", "2026-03-07"], "with the first one they are three");
    }

    #[test]
    fn the_time_of_day_stays_when_the_clocks_are_changed() {
        let rule = rule(Frequency::Daily, 1);
        assert_eq!(rule.due(day("2026-03-28")), Some(time("2026-03-28T08:30:00Z")));
        assert_eq!(rule.due(day("2026-03-29")), Some(time("2026-03-29T07:30:00Z")));
        assert_eq!(rule.due(day("2026-10-25")), Some(time("2026-10-25T08:30:00Z")));
    }

    #[test]
    fn a_time_that_the_clock_passes_over_counts_right_after_and_one_that_there_is_twice_when_it_comes_first() {
        let at = |text: &str| Recurrence { time: text.parse().unwrap(), ..rule(Frequency::Daily, 1) };
        // 02:00 to 03:00 is not there in Berlin on the first day, and there twice on the other.
        assert_eq!(at("02:30").due(day("2026-03-29")), Some(time("2026-03-29T01:00:00Z")));
        assert_eq!(at("02:30").due(day("2026-10-25")), Some(time("2026-10-25T00:30:00Z")));
        // Samoa had no 30 December in 2011.
        let samoa = Recurrence { time_zone: "Pacific/Apia".parse().unwrap(), ..at("12:00") };
        assert_eq!(samoa.due(day("2011-12-30")), Some(time("2011-12-30T10:00:00Z")));
    }

    #[test]
    fn what_is_done_late_is_not_due_again_at_once() {
        let first = Occurrence::first(rule(Frequency::Daily, 1), SeriesId(uuid::Uuid::nil()), day("2026-03-02"));
        let (next, due) = first.next(time("2026-03-05T09:00:00Z")).unwrap();
        assert_eq!((next.day, next.number, due), (day("2026-03-06"), 2, time("2026-03-06T08:30:00Z")));
        let (early, _) = first.next(time("2026-03-01T09:00:00Z")).unwrap();
        assert_eq!(early.day, day("2026-03-03"));
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said_field_by_field() {
        let fields = |rule: Recurrence| -> Vec<&str> { rule.faults().into_iter().map(|(field, _)| field).collect() };
        assert_eq!(fields(rule(Frequency::Daily, 1)), Vec::<&str>::new());
        assert_eq!(fields(rule(Frequency::Daily, 0)), ["interval"]);
        assert_eq!(fields(rule(Frequency::Daily, 366)), ["interval"]);
        assert_eq!(fields(Recurrence { day: Some(3), month: Some(2), ..rule(Frequency::Weekly, 1) }), ["day", "month"]);
        assert_eq!(
            fields(Recurrence { day: Some(32), month: Some(13), ..rule(Frequency::Yearly, 1) }),
            ["day", "month"]
        );
        assert_eq!(
            fields(Recurrence { weekdays: [Weekday::Monday].into(), ..rule(Frequency::Daily, 1) }),
            ["weekdays"]
        );
        let both = Recurrence { count: Some(0), until: Some(day("2026-01-01")), ..rule(Frequency::Daily, 1) };
        assert_eq!(fields(both), ["count", "count"]);
    }
}
