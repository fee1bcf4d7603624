//! When somebody is told: at once, or when their quiet hours are over, or with others in a digest.

use chrono::{DateTime, Days, DurationRound as _, MappedLocalTime, NaiveDate, TimeDelta, TimeZone as _, Utc};

use super::preferences::{DigestFrequency, NotificationDigest, NotificationPreferences, QuietHours};
use crate::values::{LocalTime, TimeZone};

/// The longest that clocks are ever set forward by.
const LONGEST_GAP: i64 = 24;
/// By what a time of day is moved on that a day does not have.
const STEP: TimeDelta = TimeDelta::minutes(15);

impl NotificationPreferences {
    /// When a mail comes that could be sent now, where their clock stands: now, or later. Quiet hours are for whatever is not about
    /// a critical task, or for that, too, if they have chosen so; a digest is for everything.
    pub fn mail_comes_at(&self, now: DateTime<Utc>, zone: TimeZone, is_critical: bool) -> DateTime<Utc> {
        self.comes_at(self.digest.next(now, zone), zone, is_critical)
    }

    /// When a message comes that could be sent at this moment, and that no digest is for.
    pub fn comes_at(&self, at: DateTime<Utc>, zone: TimeZone, is_critical: bool) -> DateTime<Utc> {
        match self.quiet_hours {
            Some(hours) if !(is_critical && hours.except_critical()) => hours.over(at, zone),
            Some(_) | None => at,
        }
    }
}

impl NotificationDigest {
    /// When the digest comes into which something goes that happens now; now, if there is none.
    fn next(self, now: DateTime<Utc>, zone: TimeZone) -> DateTime<Utc> {
        match self.frequency {
            DigestFrequency::Off => now,
            DigestFrequency::Hourly => {
                let hour = TimeDelta::hours(1);
                now.duration_trunc(hour).map_or(now, |begun| begun + hour)
            }
            DigestFrequency::Daily => next(self.at, now, zone),
        }
    }
}

impl QuietHours {
    /// This moment, or when the quiet hours are over in which it is.
    fn over(self, at: DateTime<Utc>, zone: TimeZone) -> DateTime<Utc> {
        let time = LocalTime::of(at.with_timezone(&zone.0).time());
        let (from, to) = (self.from(), self.to());
        let is_quiet = if from < to { from <= time && time < to } else { from <= time || time < to };
        if is_quiet { next(to, at, zone) } else { at }
    }
}

/// The next moment after this one at which it is that time of day there. A time that a day does not have, as clocks are set forward, is
/// the first one after it; of two of the same name it is the first that comes.
fn next(time: LocalTime, after: DateTime<Utc>, zone: TimeZone) -> DateTime<Utc> {
    let today = after.with_timezone(&zone.0).date_naive();
    let days = (0..3).filter_map(|days| today.checked_add_days(Days::new(days)));
    let moments = days.flat_map(|day| moments(day, time, zone));
    { moments }.find(|moment| *moment > after).unwrap_or(after)
}

fn moments(day: NaiveDate, time: LocalTime, zone: TimeZone) -> Vec<DateTime<Utc>> {
    let mut local = day.and_time(time.time());
    for _ in 0..4 * LONGEST_GAP {
        match zone.0.from_local_datetime(&local) {
            MappedLocalTime::Single(moment) => return vec![moment.to_utc()],
            MappedLocalTime::Ambiguous(first, second) => return vec![first.to_utc(), second.to_utc()],
            MappedLocalTime::None => local += STEP,
        }
    }
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: TimeZone = TimeZone(chrono_tz::Europe::Berlin);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn quiet(from: &str, to: &str, except_critical: bool) -> NotificationPreferences {
        let (from, to) = (from.parse().expect("a time of day"), to.parse().expect("a time of day"));
        let quiet_hours = Some(QuietHours::new(from, to, except_critical).expect("hours"));
        NotificationPreferences { quiet_hours, ..NotificationPreferences::default() }
    }

    fn digest(frequency: DigestFrequency, time: &str) -> NotificationPreferences {
        let digest = NotificationDigest { frequency, at: time.parse().expect("a time of day") };
        NotificationPreferences { digest, ..NotificationPreferences::default() }
    }

    #[test]
    fn whoever_has_chosen_nothing_is_told_at_once() {
        let now = at("2026-03-02T23:30:00Z");
        assert_eq!(NotificationPreferences::default().mail_comes_at(now, BERLIN, false), now);
    }

    #[test]
    fn quiet_hours_hold_back_until_they_are_over_where_the_person_is() {
        let night = quiet("22:00", "07:00", true);
        for (now, comes) in [
            ("2026-03-02T20:59:59Z", "2026-03-02T20:59:59Z"),
            ("2026-03-02T21:00:00Z", "2026-03-03T06:00:00Z"), // 22:00 in Berlin
            ("2026-03-03T03:12:00Z", "2026-03-03T06:00:00Z"),
            ("2026-03-03T06:00:00Z", "2026-03-03T06:00:00Z"), // 07:00: over
            ("2026-07-02T20:00:00Z", "2026-07-03T05:00:00Z"), // in summer, an hour earlier
        ] {
            assert_eq!(night.mail_comes_at(at(now), BERLIN, false), at(comes), "{now}");
        }
        let noon = quiet("12:00", "13:30", true);
        assert_eq!(noon.comes_at(at("2026-03-02T11:30:00Z"), BERLIN, false), at("2026-03-02T12:30:00Z"));
        assert_eq!(noon.comes_at(at("2026-03-02T13:00:00Z"), BERLIN, false), at("2026-03-02T13:00:00Z"));
    }

    #[test]
    fn what_is_critical_comes_in_quiet_hours_unless_they_are_for_that_too() {
        let now = at("2026-03-02T23:00:00Z");
        assert_eq!(quiet("22:00", "07:00", true).mail_comes_at(now, BERLIN, true), now);
        assert_eq!(quiet("22:00", "07:00", false).mail_comes_at(now, BERLIN, true), at("2026-03-03T06:00:00Z"));
    }

    #[test]
    fn a_digest_comes_with_the_hour_or_at_the_time_of_day_that_they_chose() {
        let hourly = digest(DigestFrequency::Hourly, "08:00");
        assert_eq!(hourly.mail_comes_at(at("2026-03-02T10:00:00Z"), BERLIN, true), at("2026-03-02T11:00:00Z"));
        assert_eq!(hourly.mail_comes_at(at("2026-03-02T10:59:59.999Z"), BERLIN, false), at("2026-03-02T11:00:00Z"));
        let daily = digest(DigestFrequency::Daily, "08:00");
        assert_eq!(daily.mail_comes_at(at("2026-03-02T06:59:00Z"), BERLIN, false), at("2026-03-02T07:00:00Z"));
        assert_eq!(daily.mail_comes_at(at("2026-03-02T07:00:00Z"), BERLIN, false), at("2026-03-03T07:00:00Z"));
        assert_eq!(
            daily.comes_at(at("2026-03-02T06:59:00Z"), BERLIN, false),
            at("2026-03-02T06:59:00Z"),
            "mails alone"
        );
    }

    #[test]
    fn a_digest_that_falls_into_quiet_hours_waits_until_they_are_over() {
        let both = NotificationPreferences {
            quiet_hours: quiet("22:00", "07:00", true).quiet_hours,
            ..digest(DigestFrequency::Daily, "06:30")
        };
        assert_eq!(both.mail_comes_at(at("2026-03-02T12:00:00Z"), BERLIN, false), at("2026-03-03T06:00:00Z"));
        assert_eq!(both.mail_comes_at(at("2026-03-02T12:00:00Z"), BERLIN, true), at("2026-03-03T05:30:00Z"));
    }

    #[test]
    fn a_time_that_a_day_does_not_have_or_has_twice_is_the_next_there_is() {
        // On 29 March 2026 it is 03:00 after 01:59 in Berlin; on 25 October it is 02:00 to 02:59 twice.
        let spring = quiet("22:00", "02:30", true);
        assert_eq!(spring.comes_at(at("2026-03-29T00:00:00Z"), BERLIN, false), at("2026-03-29T01:00:00Z"));
        let autumn = quiet("22:00", "02:30", true);
        assert_eq!(autumn.comes_at(at("2026-10-25T00:00:00Z"), BERLIN, false), at("2026-10-25T00:30:00Z"));
        // The second time around, the hours are over at the second one of that name.
        assert_eq!(autumn.comes_at(at("2026-10-25T01:10:00Z"), BERLIN, false), at("2026-10-25T01:30:00Z"));
    }
}
