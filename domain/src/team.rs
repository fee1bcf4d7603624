//! The team: a name under which people work. Who is in it is recorded with each person (`UserJoinedTeam`), because a
//! person's rights follow from their teams and must be decided with the person's own history.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Decider, impl_aggregate};
use crate::macros::events;
use crate::stream::AggregateType;
use crate::values::{Change, Description, Name};

events!(
    /// Something that happened to a team.
    TeamEvent {
        /// It was founded.
        TeamCreated = 1,
        /// It is called or described otherwise.
        TeamEdited = 1,
    }
);

/// A team was founded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamCreated {
    /// What it is called.
    pub name: Name,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A team is called or described otherwise. Each field that is there changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamEdited {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Change<Name>>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Change<Option<Description>>>,
}

/// A request to a team.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum TeamCommand {
    /// Found it.
    Create(CreateTeam),
    /// Call or describe it otherwise.
    Update(UpdateTeam),
}

/// A team to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateTeam {
    /// What it is called.
    pub name: Name,
    /// What it does.
    pub description: Option<Description>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Changes to a team. `None` leaves a property as it is; `Some(None)` takes it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UpdateTeam {
    /// The name.
    pub name: Option<Name>,
    /// The description.
    pub description: Option<Option<Description>>,
}

/// Why a request to a team is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TeamError {
    /// There is no such team.
    #[error("there is no such team")]
    NotFound,
    /// There is one already.
    #[error("there is a team of this id already")]
    AlreadyExists,
}

/// The team aggregate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Team {
    /// What is known of it; `None` before it is founded.
    pub state: Option<TeamState>,
}

/// What is known of a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeamState {
    /// What it is called.
    pub name: Name,
    /// What it does.
    pub description: Option<Description>,
    /// When it was founded.
    pub created_at: DateTime<Utc>,
}

impl Decider for Team {
    const KIND: AggregateType = AggregateType::Team;
    const STATE_SCHEMA: u32 = 1;

    fn decide(&self, command: TeamCommand) -> Result<Vec<TeamEvent>, TeamError> {
        match (&self.state, command) {
            (None, TeamCommand::Create(CreateTeam { name, description, at })) => {
                Ok(vec![TeamCreated { name, description, at }.into()])
            }
            (Some(_), TeamCommand::Create(_)) => Err(TeamError::AlreadyExists),
            (None, TeamCommand::Update(_)) => Err(TeamError::NotFound),
            (Some(state), TeamCommand::Update(update)) => {
                let edited = TeamEdited {
                    name: Change::requested(&state.name, update.name.as_ref()),
                    description: Change::requested(&state.description, update.description.as_ref()),
                };
                Ok(if edited == TeamEdited::default() { vec![] } else { vec![edited.into()] })
            }
        }
    }

    fn evolve(&mut self, event: &TeamEvent) {
        match (&mut self.state, event) {
            (state, TeamEvent::TeamCreated(TeamCreated { name, description, at })) => {
                *state = Some(TeamState { name: name.clone(), description: description.clone(), created_at: *at });
            }
            (Some(state), TeamEvent::TeamEdited(edited)) => {
                if let Some(name) = &edited.name {
                    state.name = name.to.clone();
                }
                if let Some(description) = &edited.description {
                    state.description.clone_from(&description.to);
                }
            }
            // A stored history begins with `TeamCreated`.
            (None, TeamEvent::TeamEdited(_)) => {}
        }
    }
}

impl_aggregate!(Team, AggregateType::Team, TeamCommand, TeamEvent, TeamError);
