//! `directory`: users and teams, by name.

mod document;
mod query;

use chrono::{DateTime, Utc};
use muster_domain::team::{Team, TeamEvent, TeamState};
use muster_domain::user::{User, UserEvent, UserState};
use muster_domain::{AggregateType, Decider as _, DomainEvent, RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};

use crate::projection::{IndexKey, Poison, Projection};

pub use document::{Account, TeamDocument, UserDocument, fold_account, fold_team};
pub use query::{DirectoryQueries, TeamPage, UserFilter, UserPage};

/// The projection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Directory;

/// A user or a team as it is. The version that it reflects is the row's `as_of`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// What is known of it.
    pub party: Party,
    /// When its last event was recorded.
    pub updated_at: DateTime<Utc>,
}

/// Who or what is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A person.
    User(UserState),
    /// A team.
    Team(TeamState),
}

impl Projection for Directory {
    const NAME: &'static str = "directory";
    const VERSION: u32 = 3;
    type Row = DirectoryRow;

    fn wants(&self, aggregate: AggregateType) -> bool {
        match aggregate {
            AggregateType::User | AggregateType::Team => true,
            AggregateType::Task => false,
        }
    }

    fn evolve(
        &self,
        row: Option<DirectoryRow>,
        event: &RecordedEvent,
        decoded: &DomainEvent,
    ) -> Result<DirectoryRow, Poison> {
        let before = row.map(|row| row.party);
        let party = match decoded {
            DomainEvent::User(decoded) => Party::User(user(before, event, decoded)?),
            DomainEvent::Team(decoded) => Party::Team(team(before, event, decoded)?),
            DomainEvent::Task(_) => return Err(Poison::foreign(Self::NAME, event)),
        };
        Ok(DirectoryRow { party, updated_at: event.recorded_at })
    }

    fn index_keys(&self, stream: &StreamId, row: &DirectoryRow) -> Vec<IndexKey> {
        let (partition, name) = match &row.party {
            Party::User(user) => ("gsi_users", &user.name),
            Party::Team(team) => ("gsi_teams", &team.name),
        };
        let sort = format!("{}#{}", name.as_str().to_lowercase(), stream.id);
        vec![(partition, "all".into()), ("name", sort.into())]
    }
}

fn user(before: Option<Party>, event: &RecordedEvent, decoded: &UserEvent) -> Result<UserState, Poison> {
    let before = match (decoded, before) {
        (UserEvent::UserRegistered(_), None) => None,
        (
            UserEvent::UserProfileChanged(_)
            | UserEvent::UserEmailChanged(_)
            | UserEvent::UserRoleChanged(_)
            | UserEvent::UserNotificationPreferencesChanged(_)
            | UserEvent::UserJoinedTeam(_)
            | UserEvent::UserLeftTeam(_)
            | UserEvent::UserDeactivated(_)
            | UserEvent::UserReactivated(_)
            | UserEvent::UserErased(_),
            Some(Party::User(user)),
        ) => Some(user),
        (_, None | Some(Party::User(_) | Party::Team(_))) => return Err(Poison::out_of_place(event)),
    };
    let mut user = User { state: before };
    user.evolve(decoded);
    user.state.ok_or_else(|| Poison::out_of_place(event))
}

fn team(before: Option<Party>, event: &RecordedEvent, decoded: &TeamEvent) -> Result<TeamState, Poison> {
    let before = match (decoded, before) {
        (TeamEvent::TeamCreated(_), None) => None,
        (TeamEvent::TeamEdited(_), Some(Party::Team(team))) => Some(team),
        (_, None | Some(Party::User(_) | Party::Team(_))) => return Err(Poison::out_of_place(event)),
    };
    let mut team = Team { state: before };
    team.evolve(decoded);
    team.state.ok_or_else(|| Poison::out_of_place(event))
}

#[cfg(test)]
mod tests;
