//! Times as texts.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as a text of one width that sorts like it: RFC 3339 in UTC to the millisecond. What lies outside the years 0 to
/// 9999 sorts like their first and last second; what is no time stays as it is.
pub(super) fn sortable(time: &str) -> Cow<'_, str> {
    const LAST: &str = "9999-12-31T23:59:59";
    // As events have them: a whole second, or milliseconds.
    if let Some(seconds) = time.strip_suffix('Z')
        && seconds.starts_with(|first: char| first.is_ascii_digit())
        && !seconds.starts_with(LAST)
    {
        match seconds.len() {
            19 => return Cow::Owned(format!("{seconds}.000Z")),
            23 => return Cow::Borrowed(time),
            _ => {}
        }
    }
    let Ok(parsed) = DateTime::parse_from_rfc3339(time).map(|time| time.with_timezone(&Utc)).or_else(|_| time.parse())
    else {
        return Cow::Borrowed(time);
    };
    Cow::Owned(match parsed.timestamp() {
        ..-62_167_219_200 => "0000-01-01T00:00:00.000Z".to_owned(),
        253_402_300_799.. => format!("{LAST}.000Z"),
        _ => parsed.to_rfc3339_opts(SecondsFormat::Millis, true),
    })
}
