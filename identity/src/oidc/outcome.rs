//! What a sign-in with an outside issuer begins with and comes to.

use std::fmt;

use chrono::TimeDelta;

use super::binding::Binding;
use super::id_token::IdTokenError;
use super::issuer::IssuerError;
use super::roles::OutsideRole;
use super::secret::ClientSecretError;
use crate::outside_identities::OutsideIdentityId;
use crate::store::StoreError;

/// Why issuers cannot be signed in with.
#[derive(Debug, thiserror::Error)]
pub enum OidcSetupError {
    /// Muster's secret at one of them is not where it is said to be.
    #[error("the secret at the issuer {id:?}")]
    Secret {
        /// Which issuer.
        id: String,
        /// Why.
        source: ClientSecretError,
    },
    /// TLS is not to be had: there are no root certificates.
    #[error("no calls can be made to issuers")]
    NoCalls(#[source] reqwest::Error),
}

/// A sign-in that was begun.
pub struct OidcBegun {
    /// Where the person signs in.
    pub authorization_url: String,
    /// What comes back with the code.
    pub state: String,
    /// From now until it is too late.
    pub expires_in: TimeDelta,
}

/// Why none was begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginOidcError {
    /// There is no such issuer.
    #[error("there is no such issuer")]
    NoSuchProvider,
    /// The issuer may not send people back to there.
    #[error("this is no address to come back to")]
    NoSuchRedirect,
    /// The issuer is no help at the moment.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The store failed; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// With what somebody comes back from an issuer.
pub struct OidcReturn {
    /// Stands for their sign-in over there. A secret.
    pub code: String,
    /// What they were sent there with. A secret until it is used.
    pub state: String,
    /// Which issuer says that it sent them back.
    pub iss: Option<String>,
    /// Of their browser or app.
    pub binding: Option<Binding>,
}

/// Somebody for whom an issuer vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsidePerson {
    /// Who they are over there, which never changes.
    pub identity: OutsideIdentityId,
    /// Their address, if the issuer has verified it.
    pub verified_email: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// What they are to be here.
    pub role: OutsideRole,
}

/// Why somebody did not come back as who they say.
#[derive(Debug, thiserror::Error)]
pub enum FinishOidcError {
    /// There is no such issuer.
    #[error("there is no such issuer")]
    NoSuchProvider,
    /// What came back is not good.
    #[error(transparent)]
    Refused(#[from] OidcRefusal),
    /// The issuer is no help at the moment.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The store failed; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is not good about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcRefusal {
    /// Nobody was sent to an issuer with this state, or it was used, or that was long ago.
    #[error("the state is unknown, was used before, or is too old")]
    State,
    /// They were sent to another issuer, or for another purpose.
    #[error("the state is of another sign-in")]
    OtherSignIn,
    /// Somebody else was sent there.
    #[error("another browser began this sign-in")]
    OtherBrowser,
    /// The issuer does not know the code, or it was used.
    #[error("the issuer does not take the code")]
    Code,
    /// The issuer speaks of two people.
    #[error("the issuer says two things of who they are")]
    TwoPeople,
    /// The ID token is not good.
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
}

impl fmt::Debug for OidcBegun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcBegun").finish_non_exhaustive()
    }
}

impl fmt::Debug for OidcReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcReturn").finish_non_exhaustive()
    }
}
