//! What can happen to an account.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::Role;
use crate::ids::TeamId;
use crate::macros::events;
use crate::values::{Change, Email, Locale, Name, Phone, TimeZone};

events!(
    /// Something that happened to an account.
    UserEvent {
        /// It was made.
        UserRegistered = 1,
        /// Its owner is called otherwise, lives elsewhere, reads another language.
        UserProfileChanged = 1,
        /// Its owner signs in with another address.
        UserEmailChanged = 1,
        /// Its owner may do other things.
        UserRoleChanged = 1,
        /// Its owner joined a team.
        UserJoinedTeam = 1,
        /// Its owner left a team.
        UserLeftTeam = 1,
        /// Its owner may sign in no longer, and the address is free.
        UserDeactivated = 1,
        /// Its owner may sign in again.
        UserReactivated = 1,
    }
);

/// An account was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRegistered {
    /// What the person is called.
    pub name: Name,
    /// The address with which they sign in.
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// Where their clock stands.
    pub time_zone: TimeZone,
    /// The language they read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Where they can be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A profile changed. Each field that is there changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserProfileChanged {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Change<Name>>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Change<TimeZone>>,
    /// The language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Change<Option<Locale>>>,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Change<Option<Phone>>>,
}

/// The address of an account changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserEmailChanged {
    /// Before.
    pub from: Email,
    /// After.
    pub to: Email,
}

/// The role of an account changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRoleChanged {
    /// Before.
    pub from: Role,
    /// After.
    pub to: Role,
}

/// A person joined a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserJoinedTeam {
    /// The team.
    pub team_id: TeamId,
}

/// A person left a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserLeftTeam {
    /// The team.
    pub team_id: TeamId,
}

/// An account was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserDeactivated {
    /// The address that is free now.
    pub email: Email,
}

/// An account was opened again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserReactivated {
    /// The address that it takes again.
    pub email: Email,
}
