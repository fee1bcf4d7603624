//! How a session begins, goes on and ends.

use muster_domain::ids::UserId;
use uuid::Uuid;

use super::errors::{FinishLoginError, InternalError, LoginError, ProveError, RefreshError, SetPasswordError};
use super::{Identity, TokenPair};
use crate::client::Client;
use crate::credentials::Credentials;
use crate::hasher::{PasswordHash, Verdict};
use crate::password::PasswordAttempt;
use crate::second_factor::{Challenges, Proof, Tries};
use crate::sessions::{EndReason, Proved, Rotated, SessionError, SessionId};
use crate::store::StoreError;

/// Whose credentials are read where there is no account. No account has this id.
const NOBODY: UserId = UserId(Uuid::nil());

impl Identity {
    /// Begins a session for whoever knows the password of the active account with this address, unless the account has a
    /// second factor, too.
    pub async fn login(
        &self,
        email: &str,
        attempt: &PasswordAttempt,
        client: &Client,
    ) -> Result<TokenPair, LoginError> {
        let owner = self.emails.owner(email).await.map_err(InternalError::from)?;
        // Nobody's are read, too: an address that nobody has takes as long as any other.
        let stored = self.credentials.whole(owner.unwrap_or(NOBODY)).await.map_err(InternalError::from)?;
        let hash = stored.as_ref().map(|stored| &stored.hash);
        let verdict = self.hasher.verify(attempt, hash).await.map_err(InternalError::from)?;
        let (Some(user), Some(stored), Verdict::Right { rehash }) = (owner, stored, verdict) else {
            return Err(LoginError::InvalidCredentials);
        };
        let Credentials { hash: stored, has_factor, handed_over_until } = stored;
        // Good for nothing any more, and for whoever guesses it no other than a wrong one.
        if handed_over_until.is_some_and(|until| until <= self.clock.now()) {
            return Err(LoginError::InvalidCredentials);
        }
        if has_factor {
            let renewed = if rehash { self.renew(user, &stored, attempt).await } else { None };
            let challenge = self.challenges.make(user, renewed.as_ref().unwrap_or(&stored), self.clock.now());
            return Err(LoginError::SecondFactorRequired { user, challenge });
        }
        let proved = Proved { with_factor: false, with_handed_over_password: handed_over_until.is_some() };
        let begun = self.sessions.start(user, client, proved).await.map_err(InternalError::from)?;
        if !self.still_right(user, &stored, attempt).await? {
            self.sessions.end(begun.session_id, EndReason::PasswordChanged).await.map_err(InternalError::from)?;
            return Err(LoginError::InvalidCredentials);
        }
        if rehash {
            self.renew(user, &stored, attempt).await;
        }
        Ok(self.pair(begun).await?)
    }

    /// Begins a session for whoever answers the challenge of [`LoginError::SecondFactorRequired`] with the second factor.
    pub async fn finish_login(
        &self,
        challenge: &str,
        proof: &Proof,
        client: &Client,
    ) -> Result<TokenPair, FinishLoginError> {
        let claim = Challenges::claim(challenge).ok_or(FinishLoginError::Challenge { of: None })?;
        let user = claim.user;
        let (stored, now) = (self.credentials.whole(user).await.map_err(InternalError::from)?, self.clock.now());
        // Anybody can claim to be anybody: whose it is the seal alone says.
        let stored = stored.filter(|stored| self.challenges.is_genuine(&claim, &stored.hash));
        let stored = stored.ok_or(FinishLoginError::Challenge { of: None })?;
        let is_good = self.challenges.is_good(&claim, &stored.hash, now);
        if !is_good || stored.handed_over_until.is_some_and(|until| until <= now) {
            return Err(FinishLoginError::Challenge { of: Some(user) });
        }
        let unproved = |source| FinishLoginError::Factor { user, source };
        self.factors.take_try(user, Tries::AtSignIn).await.map_err(unproved)?;
        self.factors.check(user, proof, Tries::AtSignIn).await.map_err(unproved)?;
        let proved = Proved { with_factor: true, with_handed_over_password: stored.handed_over_until.is_some() };
        let begun = self.sessions.start(user, client, proved).await.map_err(InternalError::from)?;
        // As after a log-in with the password alone: whoever changed it meanwhile did not see this session.
        if self.credentials.get(user).await.map_err(InternalError::from)? != Some(stored.hash) {
            self.sessions.end(begun.session_id, EndReason::PasswordChanged).await.map_err(InternalError::from)?;
            return Err(FinishLoginError::Challenge { of: Some(user) });
        }
        Ok(self.pair(begun).await?)
    }

    /// Notes that whoever is in this session has proved again who they are: with the password, and with the second factor where the
    /// account has one.
    pub async fn prove_again(
        &self,
        user: UserId,
        session: SessionId,
        attempt: &PasswordAttempt,
        proof: Option<&Proof>,
    ) -> Result<(), ProveError> {
        let stored = self.credentials.whole(user).await.map_err(InternalError::from)?;
        let hash = stored.as_ref().map(|stored| &stored.hash);
        let verdict = self.hasher.verify(attempt, hash).await.map_err(InternalError::from)?;
        let (Some(stored), Verdict::Right { .. }) = (stored, verdict) else { return Err(ProveError::WrongPassword) };
        if stored.has_factor {
            let proof = proof.ok_or(ProveError::FactorMissing)?;
            self.factors.take_try(user, Tries::InSession).await?;
            self.factors.check(user, proof, Tries::InSession).await?;
        }
        Ok(self.sessions.prove(session, stored.has_factor).await.map_err(InternalError::from)?)
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

    pub(super) async fn pair(&self, rotated: Rotated) -> Result<TokenPair, InternalError> {
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
