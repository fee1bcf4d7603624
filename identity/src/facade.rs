//! What the entry points call: log in, refresh, log out, authenticate.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;

use crate::access_log::AccessLog;
use crate::client::Client;
use crate::credentials::{CredentialsError, CredentialsStore};
use crate::emails::Emails;
use crate::hasher::{HashError, HashParameters, PasswordHash, PasswordHasher, Verdict};
use crate::keys::{KeyError, SigningError, TokenSigner};
use crate::one_time::OneTimeTokens;
use crate::password::{Password, PasswordAttempt};
use crate::second_factor::{Challenge, Challenges, Enrolment, Proof, RecoveryCode, SecondFactorError, SecondFactors};
use crate::secrets::ServerSecret;
use crate::sessions::{EndReason, Rotated, SessionError, SessionId, Sessions};
use crate::store::{IdentityTables, StoreError};
use crate::tokens::{AccessTokens, TokenError, TokenSettings, VerifiedToken};

/// What a log-in or a refresh gives. The tokens are secrets: `Debug` does not show them.
#[derive(Clone)]
pub struct TokenPair {
    /// Whose they are.
    pub user_id: UserId,
    /// The session family.
    pub session_id: SessionId,
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// From now until the access token expires.
    pub expires_in: TimeDelta,
    /// For the next refresh.
    pub refresh_token: String,
    /// When the session ends, however often it is refreshed.
    pub session_expires_at: DateTime<Utc>,
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The account.
    pub user_id: UserId,
    /// The session that the token belongs to.
    pub session_id: SessionId,
}

/// Why a log-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such address, or not its password: which of them is nobody's business.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// They are right, and the account has a second factor: go on with [`Identity::finish_login`].
    #[error("the second factor is missing")]
    SecondFactorRequired(Challenge),
    /// Something of ours failed; trying again may help.
    #[error("logging in failed")]
    Internal(#[from] InternalError),
}

/// Why a log-in was not finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishLoginError {
    /// The challenge is not good, or not any more: begin again with the password.
    #[error("the challenge is not good, or not any more")]
    Challenge,
    /// The second factor was not proved.
    #[error(transparent)]
    Factor(#[from] SecondFactorError),
    /// Something of ours failed; trying again may help.
    #[error("logging in failed")]
    Internal(#[from] InternalError),
}

/// Why a refresh was refused.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, ended, expired or used before: log in again.
    #[error(transparent)]
    Refused(SessionError),
    /// Something of ours failed; trying again with the same token may help.
    #[error("refreshing failed")]
    Internal(#[from] InternalError),
}

/// Why a caller was not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The token is none of ours, or none any more.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its session was ended or has expired.
    #[error("the session has ended")]
    SessionEnded,
    /// The session could not be looked up; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A failure that is not the caller's.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Signing failed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// The account has credentials already, or none to replace.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Why somebody's password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The present one is another.
    #[error("this is not the present password")]
    Wrong,
    /// Somebody else changed it, or took it away, at the same moment.
    #[error("the password was changed at the same moment")]
    Meanwhile,
    /// Something of ours failed; trying again may help.
    #[error("changing the password failed")]
    Internal(#[from] InternalError),
}

/// Everything about who somebody is.
#[derive(Clone)]
pub struct Identity {
    emails: Emails,
    credentials: CredentialsStore,
    factors: SecondFactors,
    challenges: Challenges,
    clock: Arc<dyn Clock>,
    sessions: Sessions,
    one_time: OneTimeTokens,
    access_log: AccessLog,
    hasher: PasswordHasher,
    tokens: AccessTokens,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("sessions", &self.sessions)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// Why an [`Identity`] could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The signing key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The hashing parameters are none.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl Identity {
    /// With this signer: a key in this process, or one in a key management service.
    pub fn new(
        client: &DynamoDb,
        tables: &IdentityTables,
        signer: Arc<dyn TokenSigner>,
        server_secret: &ServerSecret,
        settings: TokenSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityError> {
        let hasher = PasswordHasher::new(HashParameters::default())?;
        Self::with_hasher(client, tables, signer, server_secret, settings, hasher, clock)
    }

    /// With another cost of hashing.
    pub fn with_hasher(
        client: &DynamoDb,
        tables: &IdentityTables,
        signer: Arc<dyn TokenSigner>,
        server_secret: &ServerSecret,
        settings: TokenSettings,
        hasher: PasswordHasher,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityError> {
        Ok(Self {
            emails: Emails::new(client.clone(), &tables.reservations),
            credentials: CredentialsStore::new(client.clone(), &tables.credentials),
            factors: SecondFactors::new(client.clone(), &tables.credentials, server_secret, Arc::clone(&clock))?,
            challenges: Challenges::new(server_secret),
            clock: Arc::clone(&clock),
            sessions: Sessions::new(client.clone(), &tables.sessions, server_secret, Arc::clone(&clock)),
            one_time: OneTimeTokens::new(client.clone(), &tables.one_time_tokens, Arc::clone(&clock)),
            access_log: AccessLog::new(client.clone(), &tables.access_log, server_secret, Arc::clone(&clock)),
            hasher,
            tokens: AccessTokens::new(signer, settings, clock)?,
        })
    }

    /// The sessions, to list and to end them.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Tokens that are good once: for invitations, new passwords, second factors.
    pub fn one_time(&self) -> &OneTimeTokens {
        &self.one_time
    }

    /// What was tried, to read it and to add to it.
    pub fn access_log(&self) -> &AccessLog {
        &self.access_log
    }

    /// The active account with this e-mail address.
    pub async fn owner(&self, email: &str) -> Result<Option<UserId>, StoreError> {
        self.emails.owner(email).await
    }

    /// The second factors, to look at them and to take them away.
    pub fn second_factors(&self) -> &SecondFactors {
        &self.factors
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub fn jwks(&self) -> serde_json::Value {
        self.tokens.jwks()
    }

    /// Gives a new account its password; refused when it has one.
    pub async fn create_credentials(&self, user: UserId, password: &Password) -> Result<(), SetPasswordError> {
        let hash = self.hasher.hash(password).await?;
        Ok(self.credentials.create(user, &hash).await?)
    }

    /// Replaces an account's password. Its sessions live on; end them with [`Self::end_sessions`].
    pub async fn set_password(&self, user: UserId, password: &Password) -> Result<(), SetPasswordError> {
        let hash = self.hasher.hash(password).await?;
        Ok(self.credentials.replace(user, &hash).await?)
    }

    /// Changes somebody's password, if they know the present one, and ends all of their sessions but the one that they
    /// change it in.
    pub async fn change_password(
        &self,
        user: UserId,
        kept: SessionId,
        current: &PasswordAttempt,
        new: &Password,
    ) -> Result<(), ChangePasswordError> {
        let stored = self.credentials.get(user).await.map_err(InternalError::from)?;
        let verdict = self.hasher.verify(current, stored.as_ref()).await.map_err(InternalError::from)?;
        let (Some(stored), Verdict::Right { .. }) = (stored, verdict) else { return Err(ChangePasswordError::Wrong) };
        let hash = self.hasher.hash(new).await.map_err(InternalError::from)?;
        match self.credentials.renew(user, &stored, &hash).await {
            Ok(()) => {}
            Err(CredentialsError::Absent | CredentialsError::Exists) => return Err(ChangePasswordError::Meanwhile),
            Err(CredentialsError::Store(error)) => return Err(InternalError::from(error).into()),
        }
        let ended = self.sessions.end_all_but(Some(kept), user, EndReason::PasswordChanged).await;
        Ok(ended.map_err(InternalError::from)?)
    }

    /// Whether this is the account's password: asked again before something that cannot be undone.
    pub async fn check_password(&self, user: UserId, attempt: &PasswordAttempt) -> Result<bool, InternalError> {
        let stored = self.credentials.get(user).await?;
        let verdict = self.hasher.verify(attempt, stored.as_ref()).await?;
        Ok(matches!(verdict, Verdict::Right { .. }))
    }

    /// Ends all sessions of an account and takes its password away, so that nothing can begin another.
    pub async fn close(&self, user: UserId) -> Result<(), StoreError> {
        self.credentials.remove(user).await?;
        self.end_sessions(user, EndReason::Deactivated).await
    }

    /// Ends all sessions of an account.
    pub async fn end_sessions(&self, user: UserId, reason: EndReason) -> Result<(), StoreError> {
        self.sessions.end_all_for_user(user, reason).await
    }

    /// Begins to set up a second factor for somebody who knows their password, under this name in their app.
    pub async fn begin_second_factor(
        &self,
        user: UserId,
        name: &str,
        attempt: &PasswordAttempt,
    ) -> Result<Enrolment, SecondFactorError> {
        self.try_password(user, attempt).await?;
        self.factors.begin(user, name).await
    }

    /// Other recovery codes, for somebody who has password and second factor.
    pub async fn renew_recovery_codes(
        &self,
        user: UserId,
        attempt: &PasswordAttempt,
        proof: &Proof,
    ) -> Result<Vec<RecoveryCode>, SecondFactorError> {
        self.try_password(user, attempt).await?;
        self.factors.check(user, proof).await?;
        self.factors.renew_recovery_codes(user).await
    }

    /// Takes the second factor away, for somebody who has password and second factor.
    pub async fn remove_second_factor(
        &self,
        user: UserId,
        attempt: &PasswordAttempt,
        proof: &Proof,
    ) -> Result<(), SecondFactorError> {
        self.try_password(user, attempt).await?;
        self.factors.check(user, proof).await?;
        Ok(self.factors.remove(user).await?)
    }

    /// Counts a try, and compares the password. A right one does not begin the count anew: codes are tried after it.
    async fn try_password(&self, user: UserId, attempt: &PasswordAttempt) -> Result<(), SecondFactorError> {
        self.factors.take_try(user).await?;
        let stored = self.credentials.get(user).await?;
        match self.hasher.verify(attempt, stored.as_ref()).await? {
            Verdict::Right { .. } => Ok(()),
            Verdict::Wrong => Err(SecondFactorError::WrongPassword),
        }
    }

    /// Begins a session for whoever answers the challenge of [`LoginError::SecondFactorRequired`] with the second factor.
    pub async fn finish_login(
        &self,
        challenge: &str,
        proof: &Proof,
        client: &Client,
    ) -> Result<TokenPair, FinishLoginError> {
        let claim = Challenges::claim(challenge).ok_or(FinishLoginError::Challenge)?;
        let user = claim.user;
        let stored = self.credentials.get(user).await.map_err(InternalError::from)?;
        let stored = stored.filter(|stored| self.challenges.is_good(&claim, stored, self.clock.now()));
        let stored = stored.ok_or(FinishLoginError::Challenge)?;
        self.factors.take_try(user).await?;
        self.factors.check(user, proof).await?;
        let begun = self.sessions.start(user, client).await.map_err(InternalError::from)?;
        // As after a log-in with the password alone: whoever changed it meanwhile did not see this session.
        if self.credentials.get(user).await.map_err(InternalError::from)? != Some(stored) {
            self.sessions.end(begun.session_id, EndReason::PasswordChanged).await.map_err(InternalError::from)?;
            return Err(FinishLoginError::Challenge);
        }
        Ok(self.pair(begun).await?)
    }

    /// Begins a session for whoever knows the password of the active account with this address, unless the account has a
    /// second factor, too.
    pub async fn login(
        &self,
        email: &str,
        attempt: &PasswordAttempt,
        client: &Client,
    ) -> Result<TokenPair, LoginError> {
        let owner = self.emails.owner(email).await.map_err(InternalError::from)?;
        let stored = match owner {
            Some(user) => self.credentials.get_with_factor(user).await.map_err(InternalError::from)?,
            None => None,
        };
        let (stored, has_factor) = stored.map_or((None, false), |(stored, has_factor)| (Some(stored), has_factor));
        let verdict = self.hasher.verify(attempt, stored.as_ref()).await.map_err(InternalError::from)?;
        let (Some(user), Some(stored), Verdict::Right { rehash }) = (owner, stored, verdict) else {
            return Err(LoginError::InvalidCredentials);
        };
        if has_factor {
            let renewed = if rehash { self.renew(user, &stored, attempt).await } else { None };
            let challenge = self.challenges.make(user, renewed.as_ref().unwrap_or(&stored), self.clock.now());
            return Err(LoginError::SecondFactorRequired(challenge));
        }
        let begun = self.sessions.start(user, client).await.map_err(InternalError::from)?;
        if !self.still_right(user, &stored, attempt).await? {
            self.sessions.end(begun.session_id, EndReason::PasswordChanged).await.map_err(InternalError::from)?;
            return Err(LoginError::InvalidCredentials);
        }
        if rehash {
            self.renew(user, &stored, attempt).await;
        }
        Ok(self.pair(begun).await?)
    }

    /// Exchanges a refresh token for a new pair.
    pub async fn refresh(&self, refresh_token: &str) -> Result<TokenPair, RefreshError> {
        let rotated = self.sessions.refresh(refresh_token).await.map_err(|error| match error {
            SessionError::Store(error) => RefreshError::Internal(error.into()),
            refused @ (SessionError::Unknown
            | SessionError::Ended
            | SessionError::Expired
            | SessionError::Reused
            | SessionError::Overtaken) => RefreshError::Refused(refused),
        })?;
        Ok(self.pair(rotated).await?)
    }

    /// Ends a session; fine when it has ended.
    pub async fn logout(&self, session: SessionId) -> Result<(), StoreError> {
        self.sessions.end(session, EndReason::Logout).await
    }

    /// Ends the session that a refresh token belongs to, whether it was used before or not; fine when it has ended or
    /// there is none.
    pub async fn logout_with(&self, refresh_token: &str) -> Result<(), StoreError> {
        match self.sessions.family(refresh_token) {
            Some(session) => self.logout(session).await,
            None => Ok(()),
        }
    }

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

    /// Whether the password was not changed while it was compared. Whoever changes it ends the sessions that exist; the
    /// one that was just begun with the old password may not have been among them.
    async fn still_right(
        &self,
        user: UserId,
        stored: &PasswordHash,
        attempt: &PasswordAttempt,
    ) -> Result<bool, InternalError> {
        let now = self.credentials.get(user).await?;
        if now.as_ref() == Some(stored) {
            return Ok(true);
        }
        // Another hash of the same password is fine: a log-in beside this one renewed it.
        Ok(matches!(self.hasher.verify(attempt, now.as_ref()).await?, Verdict::Right { .. }))
    }

    async fn pair(&self, rotated: Rotated) -> Result<TokenPair, InternalError> {
        let access_token = self.tokens.issue(rotated.user_id, rotated.session_id).await?;
        Ok(TokenPair {
            user_id: rotated.user_id,
            session_id: rotated.session_id,
            access_token,
            expires_in: self.tokens.lifetime(),
            refresh_token: rotated.refresh_token,
            session_expires_at: rotated.expires_at,
        })
    }

    /// Best effort: the log-in is good whether or not the stronger hash could be kept, and the next one tries again.
    async fn renew(&self, user: UserId, stored: &PasswordHash, attempt: &PasswordAttempt) -> Option<PasswordHash> {
        let renewed = match self.hasher.rehash(attempt).await {
            Ok(hash) => {
                let kept = self.credentials.renew(user, stored, &hash).await;
                kept.map(|()| hash).map_err(SetPasswordError::from)
            }
            Err(error) => Err(error.into()),
        };
        renewed.inspect_err(|error| tracing::warn!(%user, %error, "a password hash could not be renewed")).ok()
    }
}
