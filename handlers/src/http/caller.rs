//! Who calls, and what they may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use muster_domain::{Actor, UserId};
use muster_identity::policy::{Action, Decision, Principal, Resource, decide};
use muster_identity::{AuthError, SessionId};

use super::access::Asker;
use super::app::{App, not_found};
use super::problem::{Code, Problem};

/// A person who is signed in, with the role and teams that they have at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Principal);

impl Caller {
    /// Their id.
    pub(crate) const fn id(&self) -> UserId {
        self.0.user_id
    }

    /// Their session.
    pub(crate) const fn session(&self) -> SessionId {
        self.0.session_id
    }

    /// As the one who does something.
    pub(crate) fn actor(&self) -> Actor {
        Actor::from(self.id())
    }

    /// Whether they may do this.
    pub(crate) fn can(&self, action: Action<'_>, resource: &Resource) -> bool {
        decide(&self.0, action, resource) == Decision::Allow
    }

    /// Refuses unless they may do this; what they may not even know of is not found.
    pub(crate) fn may(&self, action: Action<'_>, resource: &Resource) -> Result<(), Problem> {
        match decide(&self.0, action, resource) {
            Decision::Allow => Ok(()),
            Decision::Deny(reason) => Err(Problem::new(Code::Forbidden).detail(reason)),
            Decision::Hidden => Err(not_found("task")),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let unauthenticated = |detail: &str| Problem::new(Code::Unauthenticated).detail(detail);
        let header = parts.headers.get(header::AUTHORIZATION);
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| unauthenticated("Send an access token: Authorization: Bearer …"))?;
        let refused = |error: &AuthError| match error {
            AuthError::Token(_) => unauthenticated("The access token is not good, or not any more."),
            AuthError::SessionEnded => unauthenticated("The session has ended: sign in again."),
            AuthError::Store(_) => Problem::unavailable(error),
        };
        let token = app.identity.verify(token).map_err(|error| refused(&error.into()))?;
        Asker::note(&parts.extensions, token.user_id, token.session_id);
        // Neither read waits for the other, and nothing is said of the account before the session is known to live.
        let (authenticated, user) = tokio::join!(app.identity.confirm(token), app.user(token.user_id, 1));
        let authenticated = authenticated.map_err(|error| refused(&error))?;
        let user = user?.filter(|user| user.active);
        let user = user.ok_or_else(|| unauthenticated("The account is not active."))?;
        Ok(Self(Principal {
            user_id: authenticated.user_id,
            role: user.role,
            teams: user.teams,
            session_id: authenticated.session_id,
        }))
    }
}
