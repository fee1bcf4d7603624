//! What the entry points call: log in, refresh, log out, authenticate.

mod authenticate;
mod errors;
mod outside;
mod passwords;
mod second_factor;
mod sign_in;

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;

use crate::access_log::AccessLog;
use crate::api_tokens::ApiTokens;
use crate::credentials::CredentialsStore;
use crate::emails::Emails;
use crate::hasher::{HashParameters, PasswordHasher};
use crate::invitations::Invitations;
use crate::key_ring::KeyRing;
use crate::oidc::Oidc;
use crate::one_time::OneTimeTokens;
use crate::outside_identities::OutsideIdentities;
use crate::password_resets::PasswordResets;
use crate::second_factor::{Challenges, SecondFactors};
use crate::secrets::ServerSecret;
use crate::sessions::{SessionId, Sessions};
use crate::store::{IdentityTables, StoreError};
use crate::tokens::{AccessTokens, TokenSettings};
use crate::verified::VerifiedTokens;

pub use authenticate::{Authenticated, Presented};
pub use errors::{
    AuthError, ChangePasswordError, FinishLoginError, IdentityError, InternalError, LoginError, ProveError,
    RefreshError, SetPasswordError,
};

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
    api_tokens: ApiTokens,
    /// The API tokens that were found good last: they count for their owners, before the store is asked again.
    proven: VerifiedTokens<()>,
    oidc: Oidc,
    outside: OutsideIdentities,
    resets: Arc<PasswordResets>,
    invitations: Arc<Invitations>,
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

impl Identity {
    /// With these keys: in this process, or in a key management service.
    pub fn new(
        client: &DynamoDb,
        tables: &IdentityTables,
        keys: impl Into<KeyRing>,
        server_secret: &ServerSecret,
        settings: TokenSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityError> {
        let hasher = PasswordHasher::new(HashParameters::default())?;
        Self::with_hasher(client, tables, keys, server_secret, settings, hasher, clock)
    }

    /// With another cost of hashing.
    pub fn with_hasher(
        client: &DynamoDb,
        tables: &IdentityTables,
        keys: impl Into<KeyRing>,
        server_secret: &ServerSecret,
        settings: TokenSettings,
        hasher: PasswordHasher,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityError> {
        let credentials = CredentialsStore::new(client.clone(), &tables.credentials);
        let sessions = Sessions::new(client.clone(), &tables.sessions, server_secret, Arc::clone(&clock));
        let one_time = OneTimeTokens::new(client.clone(), &tables.one_time_tokens, Arc::clone(&clock));
        let resets = PasswordResets::new(&one_time, &credentials, &sessions, &hasher, server_secret);
        let invitations = Invitations::new(client.clone(), &tables.invitations, server_secret, Arc::clone(&clock));
        Ok(Self {
            resets: Arc::new(resets),
            invitations: Arc::new(invitations),
            emails: Emails::new(client.clone(), &tables.reservations),
            credentials,
            factors: SecondFactors::new(client.clone(), &tables.credentials, server_secret, Arc::clone(&clock))?,
            challenges: Challenges::new(server_secret),
            clock: Arc::clone(&clock),
            sessions,
            api_tokens: ApiTokens::new(client.clone(), &tables.api_tokens, Arc::clone(&clock)),
            proven: VerifiedTokens::default(),
            oidc: Oidc::none(server_secret, one_time.clone(), Arc::clone(&clock)),
            outside: OutsideIdentities::new(client.clone(), &tables.outside_identities),
            one_time,
            access_log: AccessLog::new(client.clone(), &tables.access_log, server_secret, Arc::clone(&clock)),
            hasher,
            tokens: AccessTokens::new(keys, settings, clock),
        })
    }

    /// The same, where a session that nobody refreshes lives for so long.
    #[must_use]
    pub fn with_session_idle(self, idle: TimeDelta) -> Self {
        Self { sessions: self.sessions.with_idle(idle), ..self }
    }

    /// The sessions, to list and to end them.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// New passwords for those who have forgotten theirs.
    pub fn password_resets(&self) -> &PasswordResets {
        &self.resets
    }

    /// Who is invited.
    pub fn invitations(&self) -> &Invitations {
        &self.invitations
    }

    /// Tokens that are good once.
    pub fn one_time(&self) -> &OneTimeTokens {
        &self.one_time
    }

    /// The API tokens, to make, to list and to revoke them.
    pub fn api_tokens(&self) -> &ApiTokens {
        &self.api_tokens
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
}
