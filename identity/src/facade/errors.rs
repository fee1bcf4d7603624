//! Why something about who somebody is was refused, or failed.

use muster_domain::ids::UserId;

use crate::credentials::CredentialsError;
use crate::hasher::HashError;
use crate::keys::{KeyError, SigningError};
use crate::oidc::OidcSetupError;
use crate::policy::Credential;
use crate::second_factor::{Challenge, SecondFactorError};
use crate::sessions::SessionError;
use crate::store::StoreError;
use crate::tokens::TokenError;

/// Why a log-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such address, or not its password: which of them is nobody's business.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// They are right, and the account has a second factor: go on with [`Identity::finish_login`].
    #[error("the second factor is missing")]
    SecondFactorRequired {
        /// Whose they are.
        user: UserId,
        /// What goes along with the second factor.
        challenge: Challenge,
    },
    /// Something of ours failed; trying again may help.
    #[error("logging in failed")]
    Internal(#[from] InternalError),
}

/// Why a log-in was not finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishLoginError {
    /// The challenge is not good, or not any more: begin again with the password.
    #[error("the challenge is not good, or not any more")]
    Challenge {
        /// Whose it is, if this server made it.
        of: Option<UserId>,
    },
    /// The second factor was not proved.
    #[error("the second factor was not proved")]
    Factor {
        /// Whose challenge it was.
        user: UserId,
        /// Why not.
        source: SecondFactorError,
    },
    /// Something of ours failed; trying again may help.
    #[error("logging in failed")]
    Internal(#[from] InternalError),
}

/// Why somebody who is signed in has not proved again who they are.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// It is not their password, or they have none.
    #[error("this is not the password")]
    WrongPassword,
    /// The account has a second factor, and none was shown.
    #[error("the second factor is missing")]
    FactorMissing,
    /// The second factor was not proved.
    #[error(transparent)]
    Factor(#[from] SecondFactorError),
    /// Something of ours failed; trying again may help.
    #[error("it could not be noted")]
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
    /// There is no such API token.
    #[error("there is no such API token")]
    ApiTokenUnknown,
    /// It is the token, and its time is over.
    #[error("the API token has expired")]
    ApiTokenExpired(Credential),
    /// It is the token, and it was revoked.
    #[error("the API token was revoked")]
    ApiTokenRevoked(Credential),
    /// The session or the API token could not be looked up; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthError {
    /// What the caller has shown that they have, although it is good no longer.
    pub const fn credential(&self) -> Option<Credential> {
        match self {
            Self::ApiTokenExpired(credential) | Self::ApiTokenRevoked(credential) => Some(*credential),
            Self::Token(_) | Self::SessionEnded | Self::ApiTokenUnknown | Self::Store(_) => None,
        }
    }
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

/// Why an [`Identity`] could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The signing key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The hashing parameters are none.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The outside issuers cannot be signed in with.
    #[error(transparent)]
    Oidc(#[from] OidcSetupError),
}
