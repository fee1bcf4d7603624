//! Who calls, and what they may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use muster_domain::{Actor, UserId};
use muster_identity::policy::{
    Action, Credential, Decision, Person, Principal, Reason, Resource, decide, within_token,
};
use muster_identity::{Access, AccessKind, AuthError, Presented, SessionId, Standing};

use super::access::Asker;
use super::app::{App, not_found};
use super::problem::{Code, Problem};
use super::settings::Settings;

/// A person who is signed in, or whose API token this is, with the role and teams that they have at this moment; and what they
/// have shown of themselves in their session. Nothing is left that they must do before anything else.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Principal, Option<Standing>);

/// The same, where something may be left that they must do first: for the routes by which they do it, or turn away.
#[derive(Clone, Debug)]
pub(crate) struct Unsettled(pub(crate) Caller);

impl Caller {
    /// Their id.
    pub(crate) const fn id(&self) -> UserId {
        self.0.user_id
    }

    /// Their session: what needs one refuses an API token.
    pub(crate) fn session(&self) -> Result<SessionId, Problem> {
        self.0.credential.session().ok_or_else(|| denied(Reason::Session))
    }

    /// As the one to whom something is done.
    pub(crate) fn themselves(&self) -> Resource {
        Resource::User(Person { id: self.id(), teams: self.0.teams.clone() })
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
            Decision::Allow if action.needs_fresh_proof() => self.is_fresh(),
            Decision::Allow => Ok(()),
            Decision::Deny(reason) => Err(denied(reason)),
            // They are told what everybody is told of what is not there, and whoever audits sees that they tried.
            Decision::Hidden => Err(not_found("task").refused(hidden("task"))),
        }
    }

    /// Refuses unless they have proved a moment ago who they are: whoever finds somebody signed in must not make it theirs.
    pub(crate) fn is_fresh(&self) -> Result<(), Problem> {
        match self.1 {
            Some(Standing { is_fresh: false, .. }) => Err(Problem::new(Code::FreshSignInRequired)
                .detail("This outlasts the session: POST /users/reauthenticate first, or sign in again.")),
            // An API token proves nothing again, and is for nothing of this kind but to close accounts, if its scope says so: the policy knows.
            Some(Standing { is_fresh: true, .. }) | None => Ok(()),
        }
    }

    /// What they must do before anything else, if there is something.
    fn is_settled(&self, settings: &Settings) -> Result<(), Problem> {
        let Some(Standing { has_factor, new_password_due, .. }) = self.1 else { return Ok(()) };
        if new_password_due {
            return Err(Problem::new(Code::PasswordChangeRequired)
                .detail("The password was made up by somebody else: choose one with PUT /profile/password."));
        }
        if !has_factor && settings.asks_second_factor_of(self.0.role) {
            return Err(Problem::new(Code::SecondFactorSetupRequired).detail(
                "Set one up with POST /profile/second-factor. If you have one, show it with POST /users/reauthenticate.",
            ));
        }
        Ok(())
    }

    /// Refuses if they came with an API token that is not for such things. [`Self::may`] does so, too; asked before anything
    /// is looked up, this lets such a token learn neither whether a thing is there nor what an earlier request came to.
    pub(crate) fn within_token(&self, action: Action<'_>) -> Result<(), Problem> {
        within_token(&self.0, action).map_err(denied)
    }
}

/// An attempt to reach what is hidden from whoever tried.
pub(crate) fn hidden(what: &str) -> Access {
    Access::refused(AccessKind::Forbidden).because(format!("The {what} is hidden from them."))
}

fn denied(reason: Reason) -> Problem {
    let code = match reason {
        Reason::Scope(_) => Code::InsufficientScope,
        Reason::Session => Code::SessionRequired,
        Reason::Role
        | Reason::NotReporter
        | Reason::NotYourTeam
        | Reason::NotYourMember
        | Reason::NotYourself
        | Reason::ReporterNotYourself
        | Reason::NotYourAccount
        | Reason::OwnAccount
        | Reason::Mismatch => Code::Forbidden,
    };
    Problem::new(code).detail(reason)
}

/// Why a token is refused. Whoever has the token learns what became of it, and nobody else learns anything.
fn refused(error: &AuthError) -> Problem {
    let detail = match error {
        AuthError::Token(_) => "The access token is not good, or not any more.",
        AuthError::SessionEnded => "The session has ended: sign in again.",
        AuthError::ApiTokenUnknown => "The API token is not good.",
        AuthError::ApiTokenExpired(_) => "The API token has expired.",
        AuthError::ApiTokenRevoked(_) => "The API token was revoked.",
        AuthError::Store(_) => return Problem::unavailable(error),
    };
    Problem::new(Code::Unauthenticated).detail(detail)
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Unsettled(caller) = Unsettled::from_request_parts(parts, app).await?;
        caller.is_settled(&app.settings)?;
        Ok(caller)
    }
}

impl FromRequestParts<Arc<App>> for Unsettled {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let unauthenticated = |detail: &str| Problem::new(Code::Unauthenticated).detail(detail);
        let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
        let header = headers.next();
        if headers.next().is_some() {
            return Err(unauthenticated("Send Authorization once: it is there twice."));
        }
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| unauthenticated("Send an access token or an API token: Authorization: Bearer …"))?;
        let presented = app.identity.verify(token).map_err(|error| refused(&error.into()))?;
        let (authenticated, user) = match presented {
            Presented::AccessToken(verified) => {
                Asker::note(&parts.extensions, verified.user_id, Credential::Session(verified.session_id));
                // No read waits for another, and nothing is said of the account before the session is known to live.
                tokio::join!(app.identity.confirm(&presented), app.present(verified.user_id))
            }
            Presented::ApiToken(token) => {
                let confirmed = app.identity.confirm(&presented).await;
                // Whose it is it has shown also if it is good no longer.
                let shown = confirmed.as_ref().map_or_else(AuthError::credential, |good| Some(good.credential));
                if let Some(credential) = shown {
                    Asker::note(&parts.extensions, token.user_id, credential);
                }
                // One that anybody can make up costs one read.
                let authenticated = confirmed.map_err(|error| refused(&error))?;
                (Ok(authenticated), app.present(token.user_id).await)
            }
        };
        let authenticated = authenticated.map_err(|error| refused(&error))?;
        let user = user?.map(|account| account.document()).filter(|user| user.active);
        let user = user.ok_or_else(|| unauthenticated("The account is not active."))?;
        let principal = Principal {
            user_id: authenticated.user_id,
            role: user.role,
            teams: user.teams,
            credential: authenticated.credential,
        };
        Ok(Self(Caller(principal, authenticated.standing)))
    }
}
