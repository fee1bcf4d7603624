//! `feed`: how far each aggregate has places in the feed. The places themselves are looked at by the oracle's `feed`.

use super::audit_log::event_id;
use super::{History, Item};
use crate::oracle::expected::Expected;

pub(super) fn row<'a>(history: &History<'_, 'a>) -> Item<'a> {
    let last_event_id = event_id(history.stream, history.folded.head).into();
    (Expected::Map(vec![("last_at", history.updated_at()), ("last_event_id", last_event_id)]), Vec::new())
}
