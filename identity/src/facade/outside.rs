//! Signing in with outside issuers.

use muster_domain::ids::UserId;

use super::errors::{IdentityError, InternalError};
use super::{Identity, TokenPair};
use crate::client::Client;
use crate::oidc::{
    BeginOidcError, Binding, FinishOidcError, OidcBegun, OidcReturn, OidcSettings, OutsidePerson, ProviderSettings,
};
use crate::outside_identities::OutsideIdentities;
use crate::sessions::Proved;
use crate::store::StoreError;

impl Identity {
    /// The same, where people sign in with these issuers, too.
    pub fn with_outside_issuers(self, settings: &OidcSettings) -> Result<Self, IdentityError> {
        Ok(Self { oidc: self.oidc.with(settings)?, ..self })
    }

    /// The issuers that people sign in with.
    pub fn outside_issuers(&self) -> impl Iterator<Item = &ProviderSettings> {
        self.oidc.providers()
    }

    /// Who of an outside issuer has which account.
    pub fn outside_identities(&self) -> &OutsideIdentities {
        &self.outside
    }

    /// Whether an account has no password, and who its owner is at an outside issuer in its place.
    pub async fn is_outside_alone(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(!self.has_password(user).await? && !self.outside.of_user(user).await?.is_empty())
    }

    /// Sends somebody to an outside issuer, to sign in or to link who they are there with this account. Whoever comes back must
    /// have this binding.
    pub async fn begin_outside(
        &self,
        provider: &str,
        redirect_uri: Option<&str>,
        binding: &Binding,
        linking: Option<UserId>,
    ) -> Result<OidcBegun, BeginOidcError> {
        self.oidc.begin(provider, redirect_uri, binding, linking).await
    }

    /// Who came back from there. Whether they have an account is for the caller to ask.
    pub async fn finish_outside(
        &self,
        provider: &str,
        returned: &OidcReturn,
        linking: Option<UserId>,
    ) -> Result<OutsidePerson, FinishOidcError> {
        self.oidc.finish(provider, returned, linking).await
    }

    /// Begins a session for somebody for whom an outside issuer vouches. Whether their account is open is for the caller to
    /// ask, again after this: whoever closes it ends the sessions that exist.
    /// Whether that counts as a second factor, the operator has said by what the issuer is asked for.
    pub async fn begin_session(
        &self,
        user: UserId,
        client: &Client,
        provider: &ProviderSettings,
    ) -> Result<TokenPair, InternalError> {
        let proved = Proved { with_factor: provider.asks_for_strength(), with_handed_over_password: false };
        let begun = self.sessions.start(user, client, proved).await?;
        self.pair(begun).await
    }
}
