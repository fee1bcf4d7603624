//! A session family as it is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::{Item, flag, number, text};

/// How long after somebody has proved who they are it counts as just now.
const FRESH: TimeDelta = TimeDelta::minutes(15);

/// Names a session family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner logged out.
    Logout,
    /// An old refresh token was used again: somebody has a copy.
    Reuse,
    /// The password was changed.
    PasswordChanged,
    /// The account was deactivated.
    Deactivated,
    /// Its owner or an admin ended it from elsewhere.
    Revoked,
}

impl EndReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::PasswordChanged => "password_changed",
            Self::Deactivated => "deactivated",
            Self::Revoked => "revoked",
        }
    }
}

/// A session family as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How often it was refreshed.
    pub generation: u64,
    /// When it was last refreshed, or begun.
    pub rotated_at: DateTime<Utc>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// When it ends if nobody refreshes it before.
    pub idle_until: DateTime<Utc>,
    /// When its owner last proved who they are: when it began, or since.
    pub proved_at: DateTime<Utc>,
    /// Whether they did so with a second factor, too.
    pub has_factor: bool,
    /// Whether it began with a password that somebody else has made up, and which they have not changed yet.
    pub new_password_due: bool,
    /// When it was ended before that.
    pub ended_at: Option<DateTime<Utc>>,
    /// What logged in, as it named itself; cut to 256 characters.
    pub user_agent: Option<String>,
    /// From where it logged in.
    pub address: Option<IpAddr>,
}

impl Session {
    /// As it is stored, where a family that nobody refreshes lives for so long.
    pub(super) fn of(item: &Item, idle: TimeDelta) -> Option<Self> {
        let time = |attribute| DateTime::from_timestamp_millis(number(item, attribute)?);
        let (rotated_at, created_at) = (time("rotated_at")?, time("created_at")?);
        Some(Self {
            id: text(item, "pk")?.parse().ok()?,
            user_id: text(item, "user_id")?.parse().ok()?,
            generation: number(item, "generation")?,
            rotated_at,
            created_at,
            expires_at: time("expires_at")?,
            idle_until: rotated_at + idle,
            proved_at: if item.contains_key("proved_at") { time("proved_at")? } else { created_at },
            has_factor: flag(item, "has_factor")?,
            new_password_due: flag(item, "new_password_due")?,
            ended_at: if item.contains_key("ended_at") { Some(time("ended_at")?) } else { None },
            user_agent: text(item, "user_agent"),
            address: text(item, "address").and_then(|address| address.parse().ok()),
        })
    }

    /// Whether it still lives at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now < self.idle_until
    }

    /// What its owner has shown of themselves by this time.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        let is_fresh = now - self.proved_at <= FRESH;
        Standing { is_fresh, has_factor: self.has_factor, new_password_due: self.new_password_due }
    }
}

/// What somebody in a session has shown of themselves, and what they still have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether they have proved within the last quarter of an hour who they are.
    pub is_fresh: bool,
    /// Whether they did so with a second factor, too.
    pub has_factor: bool,
    /// Whether they have to choose a password, as theirs was made up by somebody else.
    pub new_password_due: bool,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proved {
    /// Whether a second factor was shown, here or to an outside issuer that is asked for one.
    pub with_factor: bool,
    /// Whether the password was one that somebody else has made up.
    pub with_handed_over_password: bool,
}
