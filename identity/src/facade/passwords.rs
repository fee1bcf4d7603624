//! An account's password, and what ends with it.

use muster_domain::ids::UserId;
use muster_domain::values::Email;

use super::Identity;
use super::errors::{ChangePasswordError, InternalError, SetPasswordError};
use crate::credentials::CredentialsError;
use crate::hasher::Verdict;
use crate::password::{Password, PasswordAttempt};
use crate::sessions::{EndReason, SessionId};
use crate::store::StoreError;

impl Identity {
    /// Gives a new account its password; refused when it has one.
    pub async fn create_credentials(&self, user: UserId, password: &Password) -> Result<(), SetPasswordError> {
        let hash = self.hasher.hash(password).await?;
        Ok(self.credentials.create(user, &hash).await?)
    }

    /// Whether the account has a password.
    pub async fn has_password(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.credentials.get(user).await?.is_some())
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
        match self.credentials.change(user, &stored, &hash).await {
            Ok(()) => {}
            Err(CredentialsError::Absent | CredentialsError::Exists) => return Err(ChangePasswordError::Meanwhile),
            Err(CredentialsError::Store(error)) => return Err(InternalError::from(error).into()),
        }
        self.sessions.note_chosen_password(kept).await.map_err(InternalError::from)?;
        let ended = self.sessions.end_all_but(Some(kept), user, EndReason::PasswordChanged).await;
        Ok(ended.map_err(InternalError::from)?)
    }

    /// Whether this is the account's password: asked again before something that cannot be undone.
    pub async fn check_password(&self, user: UserId, attempt: &PasswordAttempt) -> Result<bool, InternalError> {
        let stored = self.credentials.get(user).await?;
        let verdict = self.hasher.verify(attempt, stored.as_ref()).await?;
        Ok(matches!(verdict, Verdict::Right { .. }))
    }

    /// Ends all sessions of an account, revokes its API tokens and takes its password away, so that nothing can begin
    /// another.
    pub async fn close(&self, user: UserId) -> Result<(), StoreError> {
        self.credentials.remove(user).await?;
        self.api_tokens.revoke_all_of_user(user).await?;
        self.end_sessions(user, EndReason::Deactivated).await
    }

    /// Removes all that is kept of an account that was closed: password and second factor, who its owner is at outside issuers, API
    /// tokens, what one-time tokens there are for it, invitations to this address and the one that made it, and its sessions with the
    /// addresses and programs that signed in. Entries of the access log stay for as long as they do.
    pub async fn erase(&self, user: UserId, email: Option<&Email>) -> Result<(), StoreError> {
        self.invitations.forget(user, email).await?;
        self.credentials.remove(user).await?;
        self.outside.forget_all_of(user).await?;
        self.api_tokens.forget_all_of(user).await?;
        self.one_time.forget(user).await?;
        self.sessions.forget_all_of(user).await
    }

    /// Ends all sessions of an account.
    pub async fn end_sessions(&self, user: UserId, reason: EndReason) -> Result<(), StoreError> {
        self.sessions.end_all_for_user(user, reason).await
    }
}
