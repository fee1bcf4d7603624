//! What can happen to an account.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::notifications::NotificationPreferences;
use super::state::Role;
use crate::ids::TeamId;
use crate::macros::events;
use crate::personal::Sealed;
use crate::values::{Change, Email, Locale, Name, Phone, TimeZone};

events!(
    /// Something that happened to an account.
    UserEvent {
        /// It was made.
        UserRegistered = 2 { name: Name, email: Email, locale: Absent, phone: Absent },
        /// Its owner is called otherwise, lives elsewhere, reads another language.
        UserProfileChanged = 2 { name: NameChange, locale: AbsentChange, phone: AbsentChange },
        /// Its owner signs in with another address.
        UserEmailChanged = 2 { from: Email, to: Email },
        /// Its owner may do other things.
        UserRoleChanged = 1,
        /// Its owner wants to be told of other things, by other channels or at other times.
        UserNotificationPreferencesChanged = 1,
        /// Its owner joined a team.
        UserJoinedTeam = 1,
        /// Its owner left a team.
        UserLeftTeam = 1,
        /// Its owner may sign in no longer, and the address is free.
        UserDeactivated = 2 { email: Email },
        /// Its owner may sign in again.
        UserReactivated = 2 { email: Email },
        /// Everything personal of it was erased, for ever.
        UserErased = 1,
    }
);

/// An account was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRegistered {
    /// What the person is called.
    #[schemars(with = "Sealed")]
    pub name: Name,
    /// The address with which they sign in.
    #[schemars(with = "Sealed")]
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// Where their clock stands.
    pub time_zone: TimeZone,
    /// The language they read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub locale: Option<Locale>,
    /// Where they can be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
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
    #[schemars(with = "Option<Sealed>")]
    pub name: Option<Change<Name>>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Change<TimeZone>>,
    /// The language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub locale: Option<Change<Option<Locale>>>,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub phone: Option<Change<Option<Phone>>>,
}

/// The address of an account changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserEmailChanged {
    /// Before.
    #[schemars(with = "Sealed")]
    pub from: Email,
    /// After.
    #[schemars(with = "Sealed")]
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

/// What somebody wants to be told of, and how, changed. It says when somebody wants to be left alone, but not who it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserNotificationPreferencesChanged {
    /// Before: what they had chosen, or what was the default then.
    pub from: NotificationPreferences,
    /// After.
    pub to: NotificationPreferences,
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
    #[schemars(with = "Sealed")]
    pub email: Email,
}

/// An account was opened again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserReactivated {
    /// The address that it takes again.
    #[schemars(with = "Sealed")]
    pub email: Email,
}

/// Everything personal of an account was erased. What was sealed before cannot be read any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserErased {
    /// When.
    pub at: DateTime<Utc>,
}
