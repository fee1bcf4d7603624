//! An account's second factor, for whoever knows its password.

use muster_domain::ids::UserId;

use super::Identity;
use crate::hasher::Verdict;
use crate::password::PasswordAttempt;
use crate::second_factor::{Enrolment, Proof, RecoveryCode, SecondFactorError, Tries};
use crate::sessions::SessionId;
use crate::store::StoreError;

impl Identity {
    /// Begins to set up a second factor for somebody who knows their password, under this name in their app.
    pub async fn begin_second_factor(
        &self,
        user: UserId,
        name: &str,
        attempt: &PasswordAttempt,
    ) -> Result<Enrolment, SecondFactorError> {
        self.try_password(user, attempt).await?;
        // No code is tried: whoever begins again and again, as a page that is loaded anew does, has all tries left for one.
        self.factors.give_back(user, Tries::InSession).await?;
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
        self.factors.check(user, proof, Tries::InSession).await?;
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
        self.factors.check(user, proof, Tries::InSession).await?;
        self.drop_second_factor(user).await.map_err(SecondFactorError::from)
    }

    /// Takes the second factor off the account of somebody who has lost it. Their sessions live on, as ones without.
    pub async fn drop_second_factor(&self, user: UserId) -> Result<(), StoreError> {
        self.factors.remove(user).await?;
        self.sessions.forget_factor(user).await
    }

    /// Sets up for good what [`Self::begin_second_factor`] has begun; the session that it is done in has it from then on.
    pub async fn confirm_second_factor(
        &self,
        user: UserId,
        session: SessionId,
        code: &str,
    ) -> Result<Vec<RecoveryCode>, SecondFactorError> {
        let codes = self.factors.confirm(user, code).await?;
        // The codes are shown once: they are not lost for this. Whoever needs it noted shows the factor again.
        if let Err(error) = self.sessions.note_factor(session).await {
            tracing::warn!(%user, %error, "a session does not know of its owner's second factor");
        }
        Ok(codes)
    }

    /// Counts a try, and compares the password. A right one does not begin the count anew: codes are tried after it.
    async fn try_password(&self, user: UserId, attempt: &PasswordAttempt) -> Result<(), SecondFactorError> {
        // Whoever has no password can be right with none, and has nothing that tries are counted in.
        let stored = self.credentials.get(user).await?.ok_or(SecondFactorError::WrongPassword)?;
        self.factors.take_try(user, Tries::InSession).await?;
        match self.hasher.verify(attempt, Some(&stored)).await? {
            Verdict::Right { .. } => Ok(()),
            Verdict::Wrong => Err(SecondFactorError::WrongPassword),
        }
    }
}
