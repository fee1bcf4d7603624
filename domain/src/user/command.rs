//! What can be asked of an account.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::notifications::NotificationPreferences;
use super::state::Role;
use crate::ids::TeamId;
use crate::values::{Email, Locale, Name, Phone, TimeZone};

/// A request to an account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum UserCommand {
    /// Make it.
    Register(RegisterUser),
    /// Change any of its properties, all at once or not at all.
    Update(UpdateUser),
    /// Tell its owner of things otherwise than before.
    ChangeNotificationPreferences(NotificationPreferences),
    /// Let its owner join a team.
    JoinTeam(TeamId),
    /// Let its owner leave a team.
    LeaveTeam(TeamId),
    /// Close it.
    Deactivate,
    /// Open it again.
    Reactivate,
    /// Erase everything personal of it.
    Erase {
        /// When.
        at: DateTime<Utc>,
    },
}

/// An account to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegisterUser {
    /// What the person is called.
    pub name: Name,
    /// The address with which they sign in.
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// Where their clock stands.
    pub time_zone: TimeZone,
    /// The language they read.
    pub locale: Option<Locale>,
    /// Where they can be called.
    pub phone: Option<Phone>,
    /// When.
    pub at: DateTime<Utc>,
}

impl RegisterUser {
    /// An account in UTC, with nothing but what it must have.
    pub fn new(name: Name, email: Email, role: Role, at: DateTime<Utc>) -> Self {
        Self { name, email, role, time_zone: TimeZone::default(), locale: None, phone: None, at }
    }
}

/// Changes to an account. `None` leaves a property as it is; `Some(None)` takes it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UpdateUser {
    /// The name.
    pub name: Option<Name>,
    /// The address.
    pub email: Option<Email>,
    /// The role.
    pub role: Option<Role>,
    /// The time zone.
    pub time_zone: Option<TimeZone>,
    /// The language.
    pub locale: Option<Option<Locale>>,
    /// The telephone number.
    pub phone: Option<Option<Phone>>,
}
