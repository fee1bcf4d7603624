//! A password without the one before: for whoever can read the account's mail.
//!
//! The token is good once and for a short time, and only its hash is stored. It is bound to the account's address and to the
//! password of the moment, so that whatever changes one of them, such as another token, makes it worthless.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_domain::values::Email;
use serde::{Deserialize, Serialize};

use crate::credentials::{CredentialsError, CredentialsStore};
use crate::facade::InternalError;
use crate::hasher::{PasswordHash, PasswordHasher, Verdict};
use crate::one_time::{OneTimeTokens, Purpose};
use crate::password::Password;
use crate::secrets::ServerSecret;
use crate::sessions::{EndReason, Sessions};
use crate::store::StoreError;

/// How long a token is good that somebody asked for.
const LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// How many of an account may be on their way at the same time: whoever asks in another's name sends them no more than that.
const MOST: u8 = 3;
/// How long a token is good that comes with a new account. Its owner may be away.
const FIRST_LIFETIME: TimeDelta = TimeDelta::days(7);

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The token was never made, was used, is too old, or the account has changed since.
    #[error("the token is not good, or not any more")]
    NotGood,
    /// It would be the same password again. The token is as good as before.
    #[error("this is the present password")]
    Present,
    /// Something of ours failed; trying again with the same token may help.
    #[error("setting the password failed")]
    Internal(#[from] InternalError),
}

impl From<StoreError> for ResetError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// What a token is good for.
#[derive(Serialize, Deserialize)]
struct Claim {
    user: UserId,
    /// A keyed hash of what the account was when it was made.
    bound: String,
}

/// Makes tokens, and sets passwords for whoever has one.
pub struct PasswordResets {
    tokens: OneTimeTokens,
    credentials: CredentialsStore,
    sessions: Sessions,
    hasher: PasswordHasher,
    key: hmac::Key,
}

impl PasswordResets {
    pub(crate) fn new(
        tokens: &OneTimeTokens,
        credentials: &CredentialsStore,
        sessions: &Sessions,
        hasher: &PasswordHasher,
        secret: &ServerSecret,
    ) -> Self {
        let (tokens, credentials) = (tokens.clone(), credentials.clone());
        let (sessions, hasher) = (sessions.clone(), hasher.clone());
        Self { tokens, credentials, sessions, hasher, key: secret.hmac_key("muster password reset v1") }
    }

    /// A token for the active account with this address, good for half an hour; `None` if it has three already.
    pub async fn make(&self, user: UserId, email: &Email) -> Result<Option<String>, StoreError> {
        if !self.tokens.take_place(Purpose::PasswordReset, user, MOST, LIFETIME).await? {
            return Ok(None);
        }
        self.token(Purpose::PasswordReset, user, email, LIFETIME).await.map(Some)
    }

    /// A token for an account that was just made without a password, good for a week.
    pub async fn make_first(&self, user: UserId, email: &Email) -> Result<String, StoreError> {
        self.token(Purpose::FirstPassword, user, email, FIRST_LIFETIME).await
    }

    async fn token(
        &self,
        purpose: Purpose,
        user: UserId,
        email: &Email,
        lifetime: TimeDelta,
    ) -> Result<String, StoreError> {
        let password = self.credentials.get(user).await?;
        let bound = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &account(user, email, password.as_ref())));
        self.tokens.make(purpose, &Claim { user, bound }, lifetime).await
    }

    /// Whose password the token sets, if it is good for anything. It stays as it is.
    pub async fn owner(&self, token: &str) -> Result<Option<UserId>, StoreError> {
        Ok(self.claim(token).await?.map(|(_, claim)| claim.user))
    }

    /// What the token claims, and what it was made for.
    async fn claim(&self, token: &str) -> Result<Option<(Purpose, Claim)>, StoreError> {
        for purpose in [Purpose::PasswordReset, Purpose::FirstPassword] {
            if let Some(claim) = self.tokens.look(purpose, token).await? {
                return Ok(Some((purpose, claim)));
            }
        }
        Ok(None)
    }

    /// Sets the password of the token's account, which is active and has this address, to another, and ends all of its sessions. Of many
    /// who do so with one token, one does. A second factor stays as it is.
    pub async fn set(&self, token: &str, email: &Email, new: &Password) -> Result<UserId, ResetError> {
        let (purpose, claim) = self.claim(token).await?.ok_or(ResetError::NotGood)?;
        let user = claim.user;
        let stored = self.credentials.get(user).await?;
        let bound = BASE64_URL_SAFE_NO_PAD.decode(&claim.bound).unwrap_or_default();
        if hmac::verify(&self.key, &account(user, email, stored.as_ref()), &bound).is_err() {
            return Err(ResetError::NotGood);
        }
        // The same again would leave one that somebody else has made up, or knows.
        if let Some(stored) = &stored {
            let verdict = self.hasher.verify(&new.as_attempt(), Some(stored)).await.map_err(InternalError::from)?;
            if matches!(verdict, Verdict::Right { .. }) {
                return Err(ResetError::Present);
            }
        }
        let hash = self.hasher.hash(new).await.map_err(InternalError::from)?;
        // Before, so that nothing is set by a store that cannot end them; and after, for those that begin in between.
        self.sessions.end_all_for_user(user, EndReason::PasswordChanged).await?;
        if self.tokens.take::<Claim>(purpose, token).await?.is_none() {
            return Err(ResetError::NotGood);
        }
        let set = match &stored {
            Some(stored) => self.credentials.change(user, stored, &hash).await,
            None => self.credentials.create(user, &hash).await,
        };
        match set {
            Ok(()) => {}
            Err(CredentialsError::Absent | CredentialsError::Exists) => return Err(ResetError::NotGood),
            Err(CredentialsError::Store(error)) => return Err(error.into()),
        }
        self.sessions.end_all_for_user(user, EndReason::PasswordChanged).await?;
        Ok(user)
    }
}

impl fmt::Debug for PasswordResets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordResets").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// What a token is bound to. Nothing in one part can be taken for another: the id has its length, and an address no NUL.
fn account(user: UserId, email: &Email, password: Option<&PasswordHash>) -> Vec<u8> {
    let password = password.map_or(&b""[..], |hash| hash.0.as_bytes());
    [&user.0.as_bytes()[..], email.reservation_key().as_bytes(), &[0], password].concat()
}
