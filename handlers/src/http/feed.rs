//! The feed: every event that the caller may see, for programs that follow Muster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use futures::{StreamExt as _, TryStreamExt as _};
use muster_domain::personal::without_personal;
use muster_domain::ports::ReadError;
use muster_domain::task::TaskScope;
use muster_domain::{AggregateType, RecordedEvent, StreamId, TaskId};
use muster_identity::policy::{Action, Resource, role_may, task_scope};
use muster_projections::feed::Pointer;
use muster_projections::{FeedCursor, FeedError};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::body::Query;
use super::caller::Caller;
use super::fields::{Fields, wrong_parameter};
use super::layers::Deadline;
use super::problem::Problem;
use super::spec::ReadProblems;
use super::tasks::read::{facts, present};

/// The most events of a page.
const MAX_LIMIT: u32 = 500;
/// The events of a page when the caller does not say.
const DEFAULT_LIMIT: u32 = 100;
/// The longest that a caller may wait for something new, in seconds.
const MAX_WAIT: u32 = 20;
/// How many pages of events that the caller may not see are passed over for one answer.
const MOST_PASSED_OVER: usize = 20;
/// How long between two looks for something new.
const PAUSE: Duration = Duration::from_millis(500);
/// What is kept of the time that a request may take, for the last look and the answer.
const MARGIN: Duration = Duration::from_secs(2);
/// How many tasks are looked up at the same time.
const CONCURRENCY: usize = 16;

/// From where, and how much.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedQuery {
    /// Only what comes after: `next` of an earlier answer. From the very beginning if left out.
    #[param(max_length = 412)]
    after: Option<String>,
    /// The most events of a page; 100 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// How many seconds to wait, at most, for something to show where there is nothing yet; 0 if left out. The answer may come
    /// sooner without anything.
    #[param(minimum = 0, maximum = 20)]
    wait: Option<u32>,
}

/// Some events.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedPage {
    /// The events as they were recorded, without what is personal. Those of one aggregate come in the order of their versions,
    /// and none of them is left out; between aggregates there is no order.
    items: Vec<RecordedEvent>,
    /// For `after`, to go on: keep it once `items` are taken in. It is good for ever, in this store.
    next: String,
    /// Whether there may be more already. A page may be short, or empty, before the end.
    more: bool,
}

/// Every change that the caller may see, for programs that follow Muster: to be read again and again, each time from where the
/// last answer ended.
///
/// An event comes once, as long as the cursor moves on with what is taken in. A task's events are shown to whoever may see the
/// task when the page is read; those of people and teams to administrators and auditors, without names, addresses and the like.
#[utoipa::path(get, path = "/feed", operation_id = "read_feed", tag = "integrate", params(FeedQuery),
    responses((status = 200, description = "Some events, and where to go on.", body = FeedPage), ReadProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Extension(deadline): Extension<Deadline>,
    Query(query): Query<FeedQuery>,
) -> Result<Json<FeedPage>, Problem> {
    caller.may(Action::ReadFeed, &Resource::Any)?;
    let mut fields = Fields::default();
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        fields.wrong_parameter("limit", format_args!("must be between 1 and {MAX_LIMIT}"));
    }
    let wait = query.wait.unwrap_or(0);
    if wait > MAX_WAIT {
        fields.wrong_parameter("wait", format_args!("must be at most {MAX_WAIT}"));
    }
    let mut after = FeedCursor::default();
    if let Some(text) = &query.after {
        match text.parse() {
            Ok(cursor) => after = cursor,
            Err(error) => fields.wrong_parameter("after", error),
        }
    }
    fields.finish(Some(()))?;
    let until = (Instant::now() + Duration::from_secs(wait.into())).min(deadline.0 - MARGIN);
    loop {
        let page = page(&app, &caller, after, limit as usize).await?;
        if !page.0.is_empty() || page.2 || Instant::now() + PAUSE > until {
            let (items, next, more) = page;
            return Ok(Json(FeedPage { items, next: next.to_string(), more }));
        }
        // What was passed over unseen need not be looked at again.
        after = page.1;
        sleep(PAUSE).await;
    }
}

/// A page as full as it can be made: what the caller may not see is passed over.
async fn page(
    app: &App,
    caller: &Caller,
    mut after: FeedCursor,
    limit: usize,
) -> Result<(Vec<RecordedEvent>, FeedCursor, bool), Problem> {
    let (mut items, mut more) = (Vec::new(), true);
    for _ in 0..MOST_PASSED_OVER {
        let page = app.feed.pointers(&after, limit - items.len()).await.map_err(|error| feed_problem(&error))?;
        let seen = visible(app, caller, page.pointers).await?;
        items.extend(
            app.feed.events(&seen).await.map_err(|error| feed_problem(&error))?.into_iter().map(without_personal),
        );
        (after, more) = (page.next, page.more);
        if !more || items.len() >= limit {
            break;
        }
    }
    Ok((items, after, more))
}

/// Those that the caller may see.
async fn visible(app: &App, caller: &Caller, mut pointers: Vec<Pointer>) -> Result<Vec<Pointer>, Problem> {
    let scope = task_scope(&caller.0);
    // Of people and teams there is more in their events than everybody may see of them.
    let all = role_may(caller.0.role, Action::ReadAudit);
    pointers.retain(|pointer| all || pointer.stream.aggregate == AggregateType::Task);
    if scope == TaskScope::All {
        return Ok(pointers);
    }
    let tasks: BTreeSet<StreamId> = pointers.iter().map(|pointer| pointer.stream).collect();
    let looked = tasks.into_iter().map(|stream| {
        let scope = &scope;
        async move {
            let task = present(app, TaskId(stream.id), 0).await?;
            Ok::<_, Problem>((stream, task.is_some_and(|task| scope.contains(&facts(&task)))))
        }
    });
    let within: BTreeMap<StreamId, bool> =
        futures::stream::iter(looked).buffer_unordered(CONCURRENCY).try_collect().await?;
    let shown = |pointer: &Pointer| within.get(&pointer.stream).copied().unwrap_or(false);
    Ok(pointers.into_iter().filter(shown).collect())
}

fn feed_problem(error: &FeedError) -> Problem {
    match error {
        FeedError::Cursor(error) => wrong_parameter("after", error),
        FeedError::Order(muster_projections::StoreError::Unavailable { .. })
        | FeedError::Events(ReadError::Store(_)) => Problem::unavailable(error),
        FeedError::Order(muster_projections::StoreError::Damaged { .. })
        | FeedError::Events(ReadError::Damaged { .. })
        | FeedError::Missing { .. } => Problem::internal(error),
    }
}
