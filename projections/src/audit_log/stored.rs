//! An entry as it is stored: what is personal in it stays sealed as it came, and is opened for whoever reads it. So a person is
//! erased from the log when their key is, in every generation and every copy of the table.

use muster_domain::personal::{Opener, holds_sealed, open_event};
use muster_domain::{DomainEvent, RecordedEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuditEntry, changes};
use crate::projection::Poison;

/// The payload of an event with sealed fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SealedPayload {
    schema: u32,
    data: Value,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredEntry {
    #[serde(flatten)]
    entry: AuditEntry,
    /// What the entry's changes are made of when it is read, where something in them is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<SealedPayload>,
}

impl StoredEntry {
    /// The entry of an event, from the event alone.
    pub(super) fn of(event: &RecordedEvent, decoded: &DomainEvent) -> Self {
        let mut entry = AuditEntry::of(event, decoded);
        let sealed = holds_sealed(event.stream.aggregate, &event.event_type, &event.data).then(|| {
            entry.changes.clear();
            SealedPayload { schema: event.schema, data: event.data.clone() }
        });
        Self { entry, sealed }
    }

    /// Whether something in it is sealed.
    pub(super) const fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// The entry without what is sealed.
    pub(super) const fn entry(&self) -> &AuditEntry {
        &self.entry
    }

    /// Likewise.
    pub(super) fn into_entry(self) -> AuditEntry {
        self.entry
    }

    /// The entry with what is sealed in the open, or as placeholders.
    pub(super) fn opened(self, opener: &Opener) -> Result<AuditEntry, Poison> {
        let Self { mut entry, sealed } = self;
        let Some(SealedPayload { schema, data }) = sealed else { return Ok(entry) };
        let data = open_event(opener, &entry.stream, entry.version, &entry.event_type, data)
            .map_err(|error| Poison::new(&error))?;
        let decoded = DomainEvent::decode(entry.stream.aggregate, &entry.event_type, schema, data)
            .map_err(|error| Poison::new(&error))?;
        entry.changes = changes::said(&decoded).changes;
        Ok(entry)
    }
}
