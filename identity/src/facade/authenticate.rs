//! Who calls.

use muster_domain::ids::UserId;

use super::Identity;
use super::errors::AuthError;
use crate::sessions::SessionId;
use crate::tokens::{TokenError, VerifiedToken};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The account.
    pub user_id: UserId,
    /// The session that the token belongs to.
    pub session_id: SessionId,
}

impl Identity {
    /// Who calls with this access token. The token must be good and its session alive: after a log-out it is refused
    /// at once, not at its expiry.
    pub async fn authenticate(&self, bearer: &str) -> Result<Authenticated, AuthError> {
        let token = self.verify(bearer)?;
        self.confirm(token).await
    }

    /// The first half of [`Self::authenticate`]: whether the token is good. It says who calls if the session lives.
    pub fn verify(&self, bearer: &str) -> Result<VerifiedToken, TokenError> {
        self.tokens.verify(bearer)
    }

    /// The second half: whether the token's session still lives, by a consistent read. Nobody has authenticated before
    /// this says so.
    pub async fn confirm(&self, token: VerifiedToken) -> Result<Authenticated, AuthError> {
        let session = self.sessions.live(token.session_id).await?;
        match session {
            Some(session) if session.user_id == token.user_id => {
                Ok(Authenticated { user_id: token.user_id, session_id: token.session_id })
            }
            Some(_) | None => Err(AuthError::SessionEnded),
        }
    }
}
