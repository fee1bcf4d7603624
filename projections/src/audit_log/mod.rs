//! `audit-log`: who did what when, one immutable entry per event; by aggregate, by actor, by type, by day.

mod changes;
mod query;
mod search;
mod stored;

use chrono::{DateTime, Utc};
use muster_domain::{Actor, AggregateType, CommandId, CommentId, DomainEvent, RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::projection::{Entry, IndexKey, Poison, Projection};
use crate::task_list::sortable;
use stored::StoredEntry;

pub use query::{AuditPage, AuditQueries};
pub use search::AuditFilter;

/// The projection.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditLog;

/// What the log knows of an aggregate as a whole: how far it has come. The entries say the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditHead {
    /// When its first event was recorded.
    pub first_at: DateTime<Utc>,
    /// When its last event was recorded.
    pub last_at: DateTime<Utc>,
    /// The id of that event.
    pub last_event_id: Uuid,
}

/// One line of the log: one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// The event's id.
    pub event_id: Uuid,
    /// The aggregate: its kind and its id.
    pub stream: StreamId,
    /// The event's place in the aggregate's history.
    pub version: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// By which command.
    pub command_id: CommandId,
    /// In which request (the `X-Request-Id` of its answer) or process.
    pub correlation_id: String,
    /// What changed, property by property, named as in the document of the aggregate.
    pub changes: Vec<FieldChange>,
    /// What was said with it: a comment's text, the reason of a hold.
    #[schema(required)]
    pub note: Option<String>,
    /// The comment's id, where it is one.
    #[schema(required)]
    pub comment_id: Option<CommentId>,
}

/// One property before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// The property.
    pub field: String,
    /// Before; null where there was nothing.
    #[schema(value_type = Value)]
    pub from: Value,
    /// After; null where there is nothing.
    #[schema(value_type = Value)]
    pub to: Value,
}

impl AuditEntry {
    /// The entry of an event, from the event alone.
    pub fn of(event: &RecordedEvent, decoded: &DomainEvent) -> Self {
        let said = changes::said(decoded);
        Self {
            event_id: event.event_id,
            stream: event.stream,
            version: event.version,
            event_type: event.event_type.clone(),
            at: event.recorded_at,
            actor: event.actor.clone(),
            command_id: event.command_id,
            correlation_id: event.correlation_id.clone(),
            changes: said.changes,
            note: said.note,
            comment_id: said.comment_id,
        }
    }
}

impl Projection for AuditLog {
    const NAME: &'static str = "audit-log";
    const VERSION: u32 = 3;
    type Row = AuditHead;

    fn wants(&self, aggregate: AggregateType) -> bool {
        match aggregate {
            AggregateType::Task | AggregateType::User | AggregateType::Team => true,
        }
    }

    fn evolve(
        &self,
        row: Option<AuditHead>,
        event: &RecordedEvent,
        _decoded: &DomainEvent,
    ) -> Result<AuditHead, Poison> {
        Ok(AuditHead {
            first_at: row.map_or(event.recorded_at, |row| row.first_at),
            last_at: event.recorded_at,
            last_event_id: event.event_id,
        })
    }

    fn index_keys(&self, _stream: &StreamId, _row: &AuditHead) -> Vec<IndexKey> {
        Vec::new()
    }

    fn entries(&self, _before: Option<&AuditHead>, event: &RecordedEvent, decoded: &DomainEvent) -> Vec<Entry> {
        let sort_key = Entry::at(event.version);
        let at = sortable(event.recorded_at);
        let keys = vec![
            ("gsi_actor", event.actor.to_string().into()),
            ("gsi_type", event.event_type.clone().into()),
            ("gsi_day", at[..10].to_owned().into()),
            ("at", format!("{at}#{}#{sort_key}", event.stream).into()),
        ];
        // An entry is made of texts, numbers and lists: it always has a JSON form.
        let body = serde_json::to_value(StoredEntry::of(event, decoded)).unwrap_or_default();
        vec![Entry { sort_key, keys, body }]
    }
}

#[cfg(test)]
mod tests;
