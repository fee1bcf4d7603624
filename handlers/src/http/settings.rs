//! What an operator decides about the API.

use std::str::FromStr;

use muster_identity::OidcSettings;
use serde::Serialize;
use utoipa::ToSchema;

use super::throttle::Rates;

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
    /// Origins of web apps, such as `https://tasks.example.com`, that may use the cookie beside the API's own.
    pub allowed_origins: Vec<String>,
    /// The outside issuers that people sign in with.
    pub oidc: OidcSettings,
}
