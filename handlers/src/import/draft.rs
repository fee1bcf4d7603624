//! What a file says of a task, before anybody has looked at whether it can be one.

use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, Status};
use serde::Serialize;
use utoipa::ToSchema;

/// A task as a file has it: every text as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Draft {
    /// The line on which it begins, in a table.
    pub(super) line: Option<u32>,
    /// What it is called in its source; also what tells it from the others of the same file.
    pub(super) external_id: Option<String>,
    /// The task that it is a part of: which of the drafts, of those before it.
    pub(super) parent: Option<usize>,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) status: Option<Status>,
    pub(super) priority: Option<Priority>,
    pub(super) labels: Vec<String>,
    pub(super) location: Option<String>,
    pub(super) deadline: Option<DateTime<Utc>>,
    pub(super) assignee: Option<Outsider>,
    pub(super) author: Option<Outsider>,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) completed_at: Option<DateTime<Utc>>,
    pub(super) comments: Vec<DraftComment>,
    /// What is to be ticked off, and whether it is.
    pub(super) checklist: Vec<(String, bool)>,
}

/// Something that was said on a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DraftComment {
    pub(super) author: Option<Outsider>,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) text: String,
}

/// Somebody as another program calls them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outsider(pub(super) String);

impl Outsider {
    /// The person in this text, if there is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The task is not imported.
    Error,
    /// The task is imported without this.
    Warning,
}

/// What is wrong with a row, or with something of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowProblem {
    /// The line on which the row begins, in a table; the first is 1.
    #[schema(required)]
    pub line: Option<u32>,
    /// What the task is called in its source.
    #[schema(required)]
    pub external_id: Option<String>,
    /// The field.
    pub field: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub detail: String,
}

impl RowProblem {
    pub(super) fn error(draft: &Draft, field: &str, detail: &impl ToString) -> Self {
        Self::new(draft, field, Severity::Error, detail.to_string())
    }

    pub(super) fn warning(draft: &Draft, field: &str, detail: &impl ToString) -> Self {
        Self::new(draft, field, Severity::Warning, detail.to_string())
    }

    fn new(draft: &Draft, field: &str, severity: Severity, detail: String) -> Self {
        let external_id = draft.external_id.as_deref().map(short);
        Self { line: draft.line, external_id, field: field.to_owned(), severity, detail }
    }
}

/// The most characters of a value that a problem repeats.
const REPEATED: usize = 200;

/// A value of a file as a problem repeats it.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
