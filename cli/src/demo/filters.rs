//! What the people of the demo team list again and again.

use chrono::{DateTime, Utc};
use muster_domain::{Actor, CommandId, Fingerprint, UserId};
use muster_handlers::saved_filters::{SavedFilter, SavedFilterId};
use serde_json::{Value, json};

use super::DOING;
use super::people::Roster;
use crate::report::{Failure, failed};
use crate::system::System;

/// Saves some filters of each manager and each member. Saved again, they are the same.
pub(super) async fn make(system: &System, roster: &Roster, at: DateTime<Utc>) -> Result<(), Failure> {
    for crew in &roster.teams {
        save(system, crew.manager, "Late in my team", json!({ "team_id": crew.id, "overdue": true }), at).await?;
        let hurry = json!({ "team_id": crew.id, "open": true, "priority": "critical" });
        save(system, crew.manager, "In a hurry", hurry, at).await?;
        for member in &crew.members {
            save(system, *member, "Mine", json!({ "assignee_id": member, "open": true }), at).await?;
        }
    }
    Ok(())
}

async fn save(system: &System, of: UserId, name: &str, filter: Value, at: DateTime<Utc>) -> Result<(), Failure> {
    let key = format!("filter/{of}/{name}");
    let parameters = filter.as_object().cloned().unwrap_or_default();
    let filter = SavedFilter {
        id: SavedFilterId(CommandId::from_key(&Actor::system("demo"), &key).created_id()),
        version: 1,
        name: name.parse().map_err(failed(DOING))?,
        made_by: Fingerprint::of(&key, &parameters),
        parameters,
        created_at: at,
        updated_at: at,
    };
    system.saved_filters().add(of, filter).await.map(|_| ()).map_err(failed(DOING))
}
