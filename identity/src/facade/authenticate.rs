//! Who calls.

use muster_domain::ids::UserId;

use super::Identity;
use super::errors::AuthError;
use crate::api_tokens::{self, PresentedApiToken};
use crate::policy::Credential;
use crate::sessions::Standing;
use crate::tokens::{TokenError, VerifiedToken};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The account.
    pub user_id: UserId,
    /// What they came with.
    pub credential: Credential,
    /// What they have shown of themselves, if it is a session.
    pub standing: Option<Standing>,
}

/// A bearer token, as far as it shows by itself what it is.
#[derive(Clone, Copy, Debug)]
pub enum Presented {
    /// An access token: this installation signed it.
    AccessToken(VerifiedToken),
    /// What looks like an API token: only the store knows whether it is one.
    ApiToken(PresentedApiToken),
}

impl Presented {
    /// Whose it says it is.
    pub const fn user_id(&self) -> UserId {
        match self {
            Self::AccessToken(token) => token.user_id,
            Self::ApiToken(token) => token.user_id,
        }
    }
}

impl Identity {
    /// Who calls with this token: an access token whose session is alive, or an API token that is good. After a log-out or a
    /// revocation it is refused at once, not at its expiry.
    pub async fn authenticate(&self, bearer: &str) -> Result<Authenticated, AuthError> {
        let presented = self.verify(bearer)?;
        self.confirm(&presented).await
    }

    /// The first half of [`Self::authenticate`]: what the token shows by itself. Its beginning decides which of the two kinds
    /// it is to be.
    pub fn verify(&self, bearer: &str) -> Result<Presented, TokenError> {
        if bearer.starts_with(api_tokens::PREFIX) {
            PresentedApiToken::parse(bearer).map(Presented::ApiToken).ok_or(TokenError::Malformed)
        } else {
            self.tokens.verify(bearer).map(Presented::AccessToken)
        }
    }

    /// Whether it is certain without asking the store whose token it is; it may have ended since.
    pub fn is_proven(&self, presented: &Presented) -> bool {
        match presented {
            Presented::AccessToken(_) => true,
            Presented::ApiToken(token) => self.proven.get(token.hash).is_some(),
        }
    }

    /// The second half: whether the session still lives, or the API token is good, by one consistent read. Nobody has
    /// authenticated before this says so.
    pub async fn confirm(&self, presented: &Presented) -> Result<Authenticated, AuthError> {
        match presented {
            Presented::AccessToken(token) => self.confirm_session(token).await,
            Presented::ApiToken(token) => {
                let confirmed = self.confirm_api_token(token).await;
                if confirmed.is_ok() {
                    self.proven.remember(token.hash, ());
                } else {
                    self.proven.forget(token.hash);
                }
                confirmed
            }
        }
    }

    async fn confirm_session(&self, token: &VerifiedToken) -> Result<Authenticated, AuthError> {
        let session = self.sessions.live(token.session_id).await?;
        match session {
            Some(session) if session.user_id == token.user_id => {
                let credential = Credential::Session(token.session_id);
                let standing = Some(session.standing(self.clock.now()));
                Ok(Authenticated { user_id: token.user_id, credential, standing })
            }
            Some(_) | None => Err(AuthError::SessionEnded),
        }
    }

    async fn confirm_api_token(&self, presented: &PresentedApiToken) -> Result<Authenticated, AuthError> {
        let token = self.api_tokens.find(presented).await?.ok_or(AuthError::ApiTokenUnknown)?;
        let credential = token.credential();
        if token.revoked_at.is_some() {
            return Err(AuthError::ApiTokenRevoked(credential));
        }
        if token.expires_at <= self.clock.now() {
            return Err(AuthError::ApiTokenExpired(credential));
        }
        self.api_tokens.note_use(&token).await;
        Ok(Authenticated { user_id: token.user_id, credential, standing: None })
    }
}
