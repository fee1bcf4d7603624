//! What the caller should know of what they did, though it is done.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use muster_commands::Committed;
use muster_domain::task::{Status, Task, TaskEvent};
use muster_domain::{DomainEvent, RecordedEvent};
use serde::Serialize;
use utoipa::ToSchema;

use super::relations::has_open_blockers;
use crate::http::app::App;

/// What the caller should know of what they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Warning {
    /// The task which they completed still waits for others. It is done all the same: whoever does the work knows whether it is.
    OpenBlockers,
}

const WARNING: HeaderName = HeaderName::from_static("muster-warning");

impl Warning {
    /// Of what a command did. What was done is not refused because nobody knows whether it is worth a warning.
    pub(super) async fn of(app: &App, committed: &Committed<Task>) -> Option<Self> {
        let completes = |event: &RecordedEvent| matches!(event.decode(), Ok(DomainEvent::Task(TaskEvent::TaskStatusChanged(changed))) if changed.to == Status::Completed);
        let task = committed.aggregate.state.as_ref().filter(|task| !task.blocked_by.is_empty())?;
        if !committed.events.iter().any(completes) {
            return None;
        }
        match has_open_blockers(app, task.blocked_by.iter().copied()).await {
            Ok(waits) => waits.then_some(Self::OpenBlockers),
            Err(problem) => {
                tracing::warn!(code = problem.code().as_str(), "it is not known whether the task waits for others");
                None
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::OpenBlockers => "open_blockers",
        }
    }
}

/// The answer, with the warning if there is one.
pub(super) async fn warned(app: &App, committed: &Committed<Task>, mut response: Response) -> Response {
    if let Some(warning) = Warning::of(app, committed).await {
        response.headers_mut().insert(WARNING, HeaderValue::from_static(warning.as_str()));
    }
    response
}
