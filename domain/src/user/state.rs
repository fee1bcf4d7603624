//! What an account is at one moment.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::notifications::NotificationPreferences;
use crate::ids::TeamId;
use crate::task::words;
use crate::values::{Email, Locale, Name, Phone, TimeZone};

words!(
    /// What a person is to Muster.
    Role {
        /// Does everything.
        Admin = "admin",
        /// Leads their own teams.
        Manager = "manager",
        /// Does their own tasks.
        Member = "member",
        /// Reads everything, changes nothing.
        Auditor = "auditor",
    }
);

impl Role {
    /// Whether tasks can be given to somebody in this role.
    pub const fn does_tasks(self) -> bool {
        match self {
            Self::Admin | Self::Manager | Self::Member => true,
            Self::Auditor => false,
        }
    }
}

/// The user aggregate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct User {
    /// What is known of it; `None` before it is registered.
    pub state: Option<UserState>,
}

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserState {
    /// What they are called.
    pub name: Name,
    /// Their address, with which they sign in.
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// Where their clock stands.
    pub time_zone: TimeZone,
    /// The language they read.
    pub locale: Option<Locale>,
    /// Where they can be called.
    pub phone: Option<Phone>,
    /// How they want to be told of what concerns them; `None` while they have chosen nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_preferences: Option<NotificationPreferences>,
    /// The teams they are in.
    pub teams: BTreeSet<TeamId>,
    /// Whether they may sign in.
    pub active: bool,
    /// When they were registered.
    pub created_at: DateTime<Utc>,
    /// When everything personal of them was erased, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

impl UserState {
    /// How they want to be told of what concerns them: as they have chosen, or the defaults.
    pub fn notifications(&self) -> NotificationPreferences {
        self.notification_preferences.unwrap_or_default()
    }
}
