//! The rules of a team.

use serde_json::Value;

use super::{Verdict, edits};
use crate::oracle::log::Event;

/// What is known of a team.
pub(in crate::oracle) struct Team<'a> {
    pub(in crate::oracle) name: Option<&'a Value>,
    pub(in crate::oracle) description: Option<&'a Value>,
    pub(in crate::oracle) created_at: &'a Value,
}

impl<'a> Team<'a> {
    pub(super) fn new(created: &Event<'a>) -> Option<Self> {
        Some(Self {
            name: created.field("name"),
            description: created.field("description"),
            created_at: created.field("at")?,
        })
    }

    /// Whether one command can have made these events.
    pub(super) fn allows(&self, events: &[Event<'a>]) -> Verdict {
        match events {
            [edited] if edited.kind == "TeamEdited" => {
                edits(edited, &[("name", self.name), ("description", self.description)])
            }
            events => {
                let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
                Err(format!("{kinds:?} in one commit of a team"))
            }
        }
    }

    pub(super) fn evolve(&mut self, event: &Event<'a>) {
        if event.kind == "TeamEdited" {
            if let Some((_, to)) = event.change("name") {
                self.name = to;
            }
            if let Some((_, to)) = event.change("description") {
                self.description = to;
            }
        }
    }
}
