//! What an operator decides about the API.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::TimeDelta;
use muster_domain::user::Role;
use muster_identity::{IDLE, OidcSettings};
use serde::Serialize;
use utoipa::ToSchema;

use super::throttle::Rates;
use crate::webhooks::Reach;

/// Who may sign up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignUpPolicy {
    /// Whoever likes to.
    #[default]
    Open,
    /// Whoever was invited by an administrator.
    Invitation,
    /// Nobody, not even by an invitation of before: an administrator makes the accounts.
    Closed,
}

/// What is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing up is open, by invitation, or closed")]
pub struct NoSignUpPolicy;

impl FromStr for SignUpPolicy {
    type Err = NoSignUpPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "invitation" => Ok(Self::Invitation),
            "closed" => Ok(Self::Closed),
            _ => Err(NoSignUpPolicy),
        }
    }
}

/// For how long a session lives that nobody refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionIdle(pub TimeDelta);

impl SessionIdle {
    /// The least and the most hours.
    const HOURS: RangeInclusive<i64> = 1..=720;
}

impl Default for SessionIdle {
    fn default() -> Self {
        Self(IDLE)
    }
}

impl fmt::Display for SessionIdle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.num_hours().fmt(f)
    }
}

/// What is no such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session stands still for 1 to 720 hours")]
pub struct NoSessionIdle;

impl FromStr for SessionIdle {
    type Err = NoSessionIdle;

    fn from_str(hours: &str) -> Result<Self, NoSessionIdle> {
        let hours = hours.parse().ok().filter(|hours| Self::HOURS.contains(hours)).ok_or(NoSessionIdle)?;
        Ok(Self(TimeDelta::hours(hours)))
    }
}

/// How the API behaves where operators differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How many reverse proxies stand before the program: so many entries of `X-Forwarded-For`, counted from the end, are
    /// believed. 0 believes none.
    pub trusted_proxies: usize,
    /// Where people see Muster, such as `https://tasks.example.com`.
    pub public_url: String,
    /// Who may sign up.
    pub sign_up: SignUpPolicy,
    /// How often somebody may ask.
    pub rates: Rates,
    /// Origins of web apps, such as `https://tasks.example.com`, whose pages may call the API and use the cookie beside its own.
    pub allowed_origins: Vec<String>,
    /// The outside issuers that people sign in with.
    pub oidc: OidcSettings,
    /// The roles that do nothing without a second factor.
    pub second_factor_for: Vec<Role>,
    /// For how long a session lives that nobody refreshes.
    pub session_idle: SessionIdle,
    /// Where webhooks may lead.
    pub webhooks: Reach,
}

impl Settings {
    /// Whether somebody of this role does nothing without a second factor.
    pub fn asks_second_factor_of(&self, role: Role) -> bool {
        self.second_factor_for.contains(&role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_stands_still_for_an_hour_to_a_month() {
        assert_eq!("1".parse(), Ok(SessionIdle(TimeDelta::hours(1))));
        assert_eq!("720".parse(), Ok(SessionIdle(TimeDelta::days(30))));
        assert_eq!(SessionIdle::default().to_string(), "168");
        for wrong in ["0", "721", "-1", "", "a day", "1.5"] {
            assert_eq!(wrong.parse::<SessionIdle>(), Err(NoSessionIdle), "{wrong:?}");
        }
    }
}
