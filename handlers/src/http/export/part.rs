//! How the lists of the document are filled, one after the other, and where a part of it begins. A Lambda answers 6 MB at most, and
//! nobody's hundred thousand entries are to be in memory at once.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use muster_domain::personal::open_event;
use muster_domain::task::TaskScope;
use muster_domain::{Actor, StreamId, UserId};
use muster_identity::AccessFilter;
use muster_projections::{Listed, Page, TaskFilter};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document::{ExportedAccess, ExportedSession, ExportedTask, Held};
use crate::http::app::{App, unreadable};
use crate::http::audit::access_log_problem;
use crate::http::etag::MAX_VERSION;
use crate::http::logged::logged;
use crate::http::page::query_problem;
use crate::http::problem::Problem;

/// The most entries of a part.
const MOST: usize = 500;
/// A part that has so many bytes of comments ends. In the answer of a Lambda, which is JSON within JSON, four may be made of one.
const ENOUGH_BYTES: usize = 1_000_000;
/// The entries that are read at once: of the longest comments there are, 1 MB.
const STEP: usize = 25;

/// Where a part begins: in which list, and after what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// After this session.
    Sessions(Option<Uuid>),
    /// After this version of the account.
    History(u64),
    /// At this place of the list of tasks.
    Tasks(Option<String>),
    /// At this place of what they did.
    Deeds(Option<String>),
    /// At this place of the entries of the access log by them.
    AccessBy(Option<String>),
    /// At this place of the entries about them.
    AccessAbout(Option<String>),
}

impl Place {
    /// The beginning.
    pub(super) const START: Self = Self::Sessions(None);

    /// As `next` has it.
    pub(super) fn to_cursor(&self) -> String {
        // Texts and numbers always have a JSON form.
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// From `next`.
    pub(super) fn of_cursor(cursor: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok().filter(|place| match place {
            Self::History(after) => *after <= MAX_VERSION,
            Self::Sessions(_) | Self::Tasks(_) | Self::Deeds(_) | Self::AccessBy(_) | Self::AccessAbout(_) => true,
        })
    }
}

/// Fills a part with what is held of this person from this place on. Gives where the next one begins.
pub(super) async fn collect(app: &App, of: UserId, from: Place, held: &mut Held) -> Result<Option<Place>, Problem> {
    let mut place = Some(from);
    while let Some(at) = place.take_if(|_| held.entries() < MOST && held.bytes() < ENOUGH_BYTES) {
        let room = (MOST - held.entries()).min(STEP);
        place = step(app, of, at, room, held).await?;
    }
    Ok(place)
}

/// Adds at most so many entries. Gives where to go on.
async fn step(app: &App, of: UserId, at: Place, room: usize, held: &mut Held) -> Result<Option<Place>, Problem> {
    let page = |cursor| Page { cursor, ..Page::first(room) };
    Ok(Some(match at {
        Place::Sessions(after) => sessions(app, of, after, held).await?,
        Place::History(after) => history(app, of, after, room, held).await?,
        Place::Tasks(cursor) => {
            let listed = app.tasks.list(&TaskScope::Own(of), &TaskFilter::default(), &page(cursor)).await;
            let Listed { items, next } = listed.map_err(|error| query_problem(&error))?;
            held.tasks.extend(items.into_iter().map(|task| ExportedTask::new(task, of)));
            next.map_or(Place::Deeds(None), |next| Place::Tasks(Some(next)))
        }
        Place::Deeds(cursor) => {
            let listed = app.audit.deeds(&Actor::from(of), &page(cursor)).await;
            let Listed { items, next } = listed.map_err(|error| query_problem(&error))?;
            held.add_all(logged(app, items, |_| true).await?);
            next.map_or(Place::AccessBy(None), |next| Place::Deeds(Some(next)))
        }
        Place::AccessBy(cursor) => {
            let filter = AccessFilter { actor: Some(of), ..AccessFilter::default() };
            let next = access(app, of, &filter, cursor.as_deref(), room, |_| true, held).await?;
            next.map_or(Place::AccessAbout(None), |next| Place::AccessBy(Some(next)))
        }
        Place::AccessAbout(cursor) => {
            let filter = AccessFilter { about: Some(of), ..AccessFilter::default() };
            // What they did themselves is there already.
            let not_theirs = |actor| actor != Some(of);
            let next = access(app, of, &filter, cursor.as_deref(), room, not_theirs, held).await?;
            return Ok(next.map(|next| Place::AccessAbout(Some(next))));
        }
    }))
}

async fn sessions(app: &App, of: UserId, after: Option<Uuid>, held: &mut Held) -> Result<Place, Problem> {
    let mut sessions = app.identity.sessions().of_user(of).await.map_err(|error| Problem::unavailable(&error))?;
    sessions.retain(|session| after.is_none_or(|after| session.id.0 > after));
    sessions.sort_unstable_by_key(|session| session.id.0);
    let last = sessions.get(MOST).and(sessions.get(MOST - 1)).map(|session| session.id.0);
    held.sessions.extend(sessions.into_iter().take(MOST).map(ExportedSession::from));
    Ok(last.map_or(Place::History(0), |last| Place::Sessions(Some(last))))
}

async fn history(app: &App, of: UserId, after: u64, room: usize, held: &mut Held) -> Result<Place, Problem> {
    let stream = StreamId::from(of);
    let opener = app.reader.keys().opener(&stream).await.map_err(|error| Problem::unavailable(&error))?;
    let events = app.reader.events(&stream, after, Some(after + room as u64)).await;
    let events = events.map_err(|error| unreadable(&error))?;
    let last = events.get(room - 1).map(|event| event.version);
    for mut event in events {
        let plain = open_event(&opener, &stream, event.version, &event.event_type, event.data);
        event.data = plain.map_err(|error| Problem::internal(&error))?;
        held.history.push(event);
    }
    Ok(last.map_or(Place::Tasks(None), Place::History))
}

async fn access(
    app: &App,
    of: UserId,
    filter: &AccessFilter,
    cursor: Option<&str>,
    room: usize,
    wanted: impl Fn(Option<UserId>) -> bool,
    held: &mut Held,
) -> Result<Option<String>, Problem> {
    let page = app.identity.access_log().page(filter, room, cursor, true).await;
    let page = page.map_err(|error| access_log_problem(&error))?;
    let wanted = page.items.into_iter().filter(|entry| wanted(entry.actor));
    held.access_log.extend(wanted.map(|entry| ExportedAccess::new(entry, of)));
    Ok(page.next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_cursor_and_nothing_else_is_one() {
        for place in [Place::START, Place::History(7), Place::Deeds(Some("x".to_owned()))] {
            assert_eq!(Place::of_cursor(&place.to_cursor()), Some(place));
        }
        let beyond = Place::History(MAX_VERSION + 1).to_cursor();
        for cursor in ["", "e30", "not base64!", &beyond] {
            assert_eq!(Place::of_cursor(cursor), None, "{cursor:?}");
        }
    }
}
