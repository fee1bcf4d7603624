//! Tasks by their deadlines: the sort keys, and which of them an answer can have.

use chrono::{DateTime, SecondsFormat, TimeZone as _, Utc};
use muster_domain::StreamId;

use super::query::TaskFilter;

/// Below every sort key of a task, and above.
pub(super) const LOWEST: &str = " ";
pub(super) const HIGHEST: &str = "~~";

/// The sort key by deadline: the deadline, or `~` for none, then the task. So the soonest comes first, what has no
/// deadline last, and no two tasks have the same.
pub(crate) fn due_key(deadline: Option<DateTime<Utc>>, stream: &StreamId) -> String {
    format!("{}#{}", deadline.map_or_else(|| "~".to_owned(), sortable), stream.id)
}

/// A time as a text of fixed width that sorts like it: RFC 3339 to the millisecond. Times outside the years 0 to 9999
/// sort like the first and the last of these.
pub(crate) fn sortable(time: DateTime<Utc>) -> String {
    let edge = |year, month, day, hour, minute, second| Utc.with_ymd_and_hms(year, month, day, hour, minute, second);
    let first = edge(0, 1, 1, 0, 0, 0).single().unwrap_or(DateTime::<Utc>::MIN_UTC);
    let last = edge(9999, 12, 31, 23, 59, 59).single().unwrap_or(DateTime::<Utc>::MAX_UTC);
    time.clamp(first, last).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The sort keys by deadline that can be in the answer. One is a deadline and more, so that it comes after the bare deadline.
pub(crate) fn due_range(wanted: &TaskFilter) -> (String, String) {
    let before = [wanted.due_before, wanted.overdue].into_iter().flatten().min();
    let low = wanted.due_after.map_or_else(|| LOWEST.to_owned(), sortable);
    let high = match (before, wanted.due_after) {
        (Some(before), _) => sortable(before),
        // What has no deadline is not due after anything.
        (None, Some(_)) => "~".to_owned(),
        (None, None) => HIGHEST.to_owned(),
    };
    (low, high)
}
