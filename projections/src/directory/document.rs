//! Users and teams as the API shows them.

use chrono::{DateTime, Utc};
use muster_domain::personal::Opener;
use muster_domain::team::TeamState;
use muster_domain::user::{Role, UserState};
use muster_domain::{RecordedEvent, TeamId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Directory, DirectoryRow, Party};
use crate::advance::Fold;
use crate::projection::Poison;

/// A user. Every key is there; what the user does not have is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserDocument {
    /// The user's id.
    pub id: UserId,
    /// The version that this is the state of; also the `ETag`.
    pub version: u64,
    /// What they are called.
    pub name: String,
    /// The address with which they sign in.
    #[schema(required)]
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Where their clock stands: a name of the IANA time zone database.
    pub time_zone: String,
    /// The language they read (BCP 47).
    #[schema(required)]
    pub locale: Option<String>,
    /// Where they can be called.
    #[schema(required)]
    pub phone: Option<String>,
    /// The teams they are in, sorted.
    pub teams: Vec<TeamId>,
    /// Whether they may sign in.
    pub active: bool,
    /// When everything personal of them was erased, if it was.
    #[schema(required)]
    pub erased_at: Option<DateTime<Utc>>,
    /// When they were registered.
    pub created_at: DateTime<Utc>,
    /// When their account was last changed.
    pub updated_at: DateTime<Utc>,
}

/// All that is known of a person, of which [`UserDocument`] is what others may see too.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Their id.
    pub id: UserId,
    /// The version that this is the state of.
    pub version: u64,
    /// What they are at that version.
    pub state: UserState,
    /// When their account was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A team. Every key is there; what the team does not have is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TeamDocument {
    /// The team's id.
    pub id: TeamId,
    /// The version that this is the state of; also the `ETag`.
    pub version: u64,
    /// What it is called.
    pub name: String,
    /// What it does, in Markdown.
    #[schema(required)]
    pub description: Option<String>,
    /// When it was founded.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Account {
    /// The account in this row; `None` when it is another party's.
    pub(super) fn of(id: Uuid, row: DirectoryRow, version: u64) -> Option<Self> {
        match row.party {
            Party::User(state) => Some(Self { id: UserId(id), version, state, updated_at: row.updated_at }),
            Party::Team(_) => None,
        }
    }

    /// The account as the API shows it.
    pub fn document(&self) -> UserDocument {
        UserDocument::new(self.id, &self.state, self.version, self.updated_at)
    }
}

impl UserDocument {
    /// The user in this state at this version, last changed then.
    pub fn new(id: UserId, state: &UserState, version: u64, updated_at: DateTime<Utc>) -> Self {
        Self {
            id,
            version,
            name: state.name.as_str().to_owned(),
            email: state.erased_at.is_none().then(|| state.email.as_str().to_owned()),
            role: state.role,
            time_zone: state.time_zone.to_string(),
            locale: state.locale.as_ref().map(|locale| locale.as_str().to_owned()),
            phone: state.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            teams: state.teams.iter().copied().collect(),
            active: state.active,
            erased_at: state.erased_at,
            created_at: state.created_at,
            updated_at,
        }
    }
}

impl TeamDocument {
    /// The team in this state at this version, last changed then.
    pub fn new(id: TeamId, state: &TeamState, version: u64, updated_at: DateTime<Utc>) -> Self {
        Self {
            id,
            version,
            name: state.name.as_str().to_owned(),
            description: state.description.as_ref().map(|text| text.as_str().to_owned()),
            created_at: state.created_at,
            updated_at,
        }
    }
}

/// A person folded from their events, in order from the first, which are opened with their key. `None` without events; an
/// error when one is poison.
pub fn fold_account(events: &[RecordedEvent], opener: &Opener) -> Result<Option<Account>, Poison> {
    let Some((id, row, version)) = fold(events, opener)? else { return Ok(None) };
    Ok(Account::of(id, row, version))
}

/// A team folded from its events, likewise.
pub fn fold_team(events: &[RecordedEvent]) -> Result<Option<TeamDocument>, Poison> {
    let Some((id, row, version)) = fold(events, &Opener::NoKey)? else { return Ok(None) };
    Ok(match row.party {
        Party::Team(team) => Some(TeamDocument::new(TeamId(id), &team, version, row.updated_at)),
        Party::User(_) => None,
    })
}

fn fold(events: &[RecordedEvent], opener: &Opener) -> Result<Option<(Uuid, DirectoryRow, u64)>, Poison> {
    let Some(first) = events.first() else { return Ok(None) };
    let fold = Fold::from(0, None).through(&Directory, events, opener);
    if let Some(parked) = fold.parked {
        return Err(Poison::new(&parked.reason));
    }
    Ok(fold.row.map(|row| (first.stream.id, row, fold.as_of)))
}
