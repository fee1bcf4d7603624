//! How fresh a list is to be: `Muster-Min-Version` on what shows many tasks.
//!
//! A command answers with the version that it made. Whoever names it here gets a list that has it, or is told to ask again.
//! Waiting is bounded, and nothing is waited for that is not in the store.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use muster_domain::task::TaskScope;
use muster_domain::{StreamId, TaskId};
use muster_projections::{Page, QueryError, TaskFilter, TaskPage};

use super::app::{App, unreadable};
use super::etag::MIN_VERSION;
use super::page::query_problem;
use super::problem::{Code, Problem};
use super::request::only;

/// The most tasks that one request may name.
const MOST_TASKS: usize = 10;
/// The most digits of a version.
const MOST_DIGITS: usize = 15;
/// The first pause between two looks; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The last pause: 3.2 seconds were waited after it. A projector on AWS takes a second to gather what it takes in.
const LAST_PAUSE: Duration = Duration::from_millis(1_600);

/// The versions from which on a list is fresh enough for the caller, by task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MinVersions(BTreeMap<TaskId, u64>);

impl<S: Send + Sync> FromRequestParts<S> for MinVersions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = only(&parts.headers, &MIN_VERSION)? else { return Ok(Self::default()) };
        let versions = value.to_str().ok().and_then(Self::parse);
        versions.ok_or_else(|| {
            Problem::new(Code::InvalidHeader).detail(format_args!(
                "Muster-Min-Version must name 1 to {MOST_TASKS} tasks with the version of each, such as task#…@3."
            ))
        })
    }
}

impl MinVersions {
    fn parse(text: &str) -> Option<Self> {
        let mut versions = BTreeMap::new();
        for part in text.split(',') {
            if versions.len() == MOST_TASKS {
                return None;
            }
            let (stream, version) = part.split_once('@')?;
            let text = stream.strip_prefix("task#")?;
            // `parse` alone would take other ways to write an id, and a sign.
            let id: TaskId = text.parse().ok().filter(|id: &TaskId| id.to_string() == text)?;
            let digits = Some(version).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
            let version: u64 = digits.parse().ok().filter(|_| digits.len() <= MOST_DIGITS)?;
            let least = versions.entry(id).or_insert(version);
            *least = version.max(*least);
        }
        Some(Self(versions))
    }

    /// The version from which on this task is fresh enough; 0 for one that is not named.
    pub(crate) fn of(&self, id: TaskId) -> u64 {
        self.0.get(&id).copied().unwrap_or(0)
    }

    /// A page of the tasks as they are, or as they were at a moment, once it can show each named task at its version, or the
    /// newest that there is of it.
    pub(crate) async fn list(
        &self,
        app: &App,
        scope: &TaskScope,
        filter: &TaskFilter,
        as_of: Option<DateTime<Utc>>,
        page: &Page,
    ) -> Result<TaskPage, Problem> {
        let wanted = self.that_are_there(app).await?;
        let mut pause = FIRST_PAUSE;
        loop {
            let listed = match as_of {
                Some(moment) => past(app, scope, filter, moment, page, &wanted).await,
                None => present(app, scope, filter, page, &wanted).await,
            };
            if let Some(listed) = listed.map_err(|error| query_problem(&error))? {
                return Ok(listed);
            }
            if pause > LAST_PAUSE {
                return Err(Problem::new(Code::NotFreshYet).detail("Ask again in a moment, or ask for less."));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Nobody waits for what has not happened.
    async fn that_are_there(&self, app: &App) -> Result<BTreeMap<TaskId, u64>, Problem> {
        let mut wanted = BTreeMap::new();
        for (id, version) in &self.0 {
            let head = app.reader.head(&StreamId::from(*id)).await.map_err(|error| unreadable(&error))?;
            wanted.insert(*id, head.min(*version));
        }
        wanted.retain(|_, version| *version > 0);
        Ok(wanted)
    }
}

/// A page of what is, if it is fresh enough.
async fn present(
    app: &App,
    scope: &TaskScope,
    filter: &TaskFilter,
    page: &Page,
    wanted: &BTreeMap<TaskId, u64>,
) -> Result<Option<TaskPage>, QueryError> {
    for (id, version) in wanted {
        if !app.tasks.shows(scope, filter, *id, *version).await? {
            return Ok(None);
        }
    }
    let listed = app.tasks.list(scope, filter, page).await?;
    // In an index there may be what a row was a moment ago.
    let old = |id, version| wanted.get(id).is_some_and(|least| version < *least);
    let fresh = !listed.items.iter().any(|task| old(&task.id, task.version));
    Ok(fresh.then_some(listed))
}

/// A page of what was, if all that was by then is known of the tasks.
async fn past(
    app: &App,
    scope: &TaskScope,
    filter: &TaskFilter,
    moment: DateTime<Utc>,
    page: &Page,
    wanted: &BTreeMap<TaskId, u64>,
) -> Result<Option<TaskPage>, QueryError> {
    for (id, version) in wanted {
        if app.past.version(*id).await? < *version {
            return Ok(None);
        }
    }
    app.past.list(scope, filter, moment, page).await.map(Some)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn task(number: u128) -> TaskId {
        TaskId(Uuid::from_u128(number))
    }

    #[test]
    fn each_task_is_named_with_the_version_that_it_must_have() {
        let (one, two) = (task(1), task(2));
        let parsed = MinVersions::parse(&format!("task#{one}@3,task#{two}@7,task#{one}@2"));
        assert_eq!(parsed, Some(MinVersions(BTreeMap::from([(one, 3), (two, 7)]))), "the greater version counts");
        let of = |id| parsed.as_ref().map(|versions| versions.of(id));
        assert_eq!((of(one), of(two), of(task(3))), (Some(3), Some(7), Some(0)));
    }

    #[test]
    fn what_names_no_task_no_version_or_too_many_is_refused() {
        let one = task(1);
        let many = (0..11).map(|number| format!("task#{}@1", task(number))).collect::<Vec<_>>();
        for text in [
            "",
            "3",
            "task#@3",
            &format!("task#{one}"),
            &format!("task#{one}@"),
            &format!("task#{one}@+3"),
            &format!("task#{one}@1000000000000000"),
            &format!("task#{one}@3, task#{one}@4"),
            &format!("task#{}@3", one.0.simple()),
            &format!("team#{one}@3"),
            &format!("task#{one}@3,"),
            &many.join(","),
        ] {
            assert_eq!(MinVersions::parse(text), None, "{text}");
        }
        assert!(MinVersions::parse(&many[..10].join(",")).is_some());
    }
}
