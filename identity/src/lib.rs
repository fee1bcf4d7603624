//! Passwords, sessions, tokens, and who may do what.
//!
//! [`Identity`] is what the entry points call: log in, refresh, log out, authenticate. [`policy`] decides what an
//! authenticated person may do. Both are the only places of their kind: no route checks a password or a role by itself.

mod access_log;
mod api_tokens;
mod client;
mod credentials;
mod emails;
mod facade;
mod hasher;
mod invitations;
mod key_ring;
mod keys;
mod oidc;
mod one_time;
mod origins;
mod outside_identities;
mod password;
mod password_resets;
pub mod policy;
mod private_file;
mod refresh_token;
mod second_factor;
mod secrets;
mod sessions;
mod signing_keys;
mod store;
mod tokens;
mod verified;

pub use access_log::{
    Access, AccessEntry, AccessFilter, AccessKind, AccessLog, AccessLogError, AccessPage, AccessSubject, Origin,
    Outcome,
};
pub use api_tokens::{
    ApiToken, ApiTokenId, ApiTokenText, ApiTokens, MOST_API_TOKENS, MakeApiTokenError, NewApiToken, PresentedApiToken,
    Revoked,
};
pub use client::Client;
pub use credentials::{CredentialsError, CredentialsStore};
pub use emails::Emails;
pub use facade::{
    AuthError, Authenticated, ChangePasswordError, FinishLoginError, Identity, IdentityError, InternalError,
    LoginError, Presented, ProveError, RefreshError, SetPasswordError, TokenPair,
};
pub use hasher::{HashError, HashParameters, PasswordHash, PasswordHasher, Verdict};
pub use invitations::{Invitation, InvitationPage, Invitations, ListInvitationsError, NewInvitation};
pub use key_ring::{KeyRing, KeyState, RingKey};
pub use keys::{KeyError, PublicKey, SigningError, SigningKey, TokenSigner};
pub use oidc::{
    BeginOidcError, Binding, CallError, ClientSecretError, FinishOidcError, IdTokenError, IssuerError, OidcBegun,
    OidcRefusal, OidcReturn, OidcSettings, OidcSettingsError, OidcSetupError, OutsidePerson, OutsideRole,
    ProviderSettings, RoleMap, SecretPlace,
};
pub use one_time::{OneTimeTokens, Purpose};
pub use origins::{Carried, CommandOrigin, Origins};
pub use outside_identities::{OutsideIdentities, OutsideIdentity, OutsideIdentityId};
pub use password::{Password, PasswordAttempt, PasswordError};
pub use password_resets::{PasswordResets, ResetError};
pub use second_factor::{Challenge, Enrolment, FactorState, Proof, RecoveryCode, SecondFactorError, SecondFactors};
pub use secrets::{MissingSecrets, Secrets, SecretsError, ServerSecret, digest_key};
pub use sessions::{EndReason, IDLE, Proved, Rotated, Session, SessionError, SessionId, Sessions, Standing};
pub use signing_keys::{RotationError, SigningKeyStatus, SigningKeys};
pub use store::{IdentityTables, StoreError};
pub use tokens::{AccessTokens, TokenError, TokenSettings, VerifiedToken};
