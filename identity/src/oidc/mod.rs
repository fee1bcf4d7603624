//! Sign-in with outside issuers of OpenID Connect: the authorization code flow with PKCE. It says who somebody is over there;
//! whether they have an account here is asked by whoever calls.
//!
//! Why it is so: `docs/adr/0023-outside-issuers.md`.

mod binding;
mod exchange;
mod http;
mod id_token;
mod issuer;
mod keys;
mod outcome;
mod roles;
mod secret;
mod settings;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::one_time::{OneTimeTokens, Purpose};
use crate::outside_identities::OutsideIdentityId;
use crate::secrets::ServerSecret;
pub use binding::Binding;
use exchange::{Code, Redeemed, more_about, redeem};
pub use http::CallError;
pub use id_token::IdTokenError;
use id_token::{IdToken, verify};
pub use issuer::IssuerError;
use issuer::{Issuer, Known};
pub use outcome::{BeginOidcError, FinishOidcError, OidcBegun, OidcRefusal, OidcReturn, OidcSetupError, OutsidePerson};
pub use roles::{OutsideRole, RoleMap};
use secret::ClientSecret;
pub use secret::ClientSecretError;
pub use settings::{OidcSettings, OidcSettingsError, ProviderSettings, SecretPlace};

/// How long somebody may take to sign in at the issuer.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// The issuers, and everything that a sign-in with one of them needs.
#[derive(Clone)]
pub(crate) struct Oidc {
    providers: Arc<[Provider]>,
    key: hmac::Key,
    one_time: OneTimeTokens,
    clock: Arc<dyn Clock>,
}

struct Provider {
    settings: ProviderSettings,
    secret: Option<ClientSecret>,
    issuer: Issuer,
}

/// What is kept of a sign-in until somebody comes back. Nonce and verifier follow from the state, of which only a hash is kept.
#[derive(Serialize, Deserialize)]
struct Pending {
    provider: String,
    redirect_uri: String,
    /// A hash.
    binding: String,
    /// Whose account the identity is to be linked with; nobody's at a sign-in.
    linking: Option<UserId>,
}

impl Oidc {
    /// With no issuer.
    pub(crate) fn none(secret: &ServerSecret, one_time: OneTimeTokens, clock: Arc<dyn Clock>) -> Self {
        Self { providers: Arc::default(), key: secret.hmac_key("oidc sign-in"), one_time, clock }
    }

    /// With these. No issuer is called yet: one that is down keeps nobody from starting.
    pub(crate) fn with(self, settings: &OidcSettings) -> Result<Self, OidcSetupError> {
        let providers = settings.providers().iter().map(Provider::new);
        Ok(Self { providers: providers.collect::<Result<_, _>>()?, ..self })
    }

    pub(crate) fn providers(&self) -> impl Iterator<Item = &ProviderSettings> {
        self.providers.iter().map(|provider| &provider.settings)
    }

    fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.settings.id == id)
    }

    /// Begins a sign-in, or a linking with this account.
    pub(crate) async fn begin(
        &self,
        provider: &str,
        redirect_uri: Option<&str>,
        binding: &Binding,
        linking: Option<UserId>,
    ) -> Result<OidcBegun, BeginOidcError> {
        let Provider { settings, issuer, .. } = self.provider(provider).ok_or(BeginOidcError::NoSuchProvider)?;
        let uris = &settings.redirect_uris;
        let redirect_uri = match redirect_uri {
            None => uris.first(),
            Some(named) => uris.iter().find(|uri| *uri == named),
        };
        let redirect_uri = redirect_uri.ok_or(BeginOidcError::NoSuchRedirect)?;
        let Known { metadata, .. } = issuer.known().await?;
        let pending = Pending {
            provider: settings.id.clone(),
            redirect_uri: redirect_uri.clone(),
            binding: binding.hash(),
            linking,
        };
        let state = self.one_time.make(Purpose::OutsideSignIn, &pending, LIFETIME).await?;
        let mut url = metadata.authorization_endpoint.0.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code").append_pair("client_id", &settings.client_id);
            query.append_pair("redirect_uri", redirect_uri).append_pair("scope", &scope(settings));
            query.append_pair("state", &state).append_pair("nonce", &self.nonce(&state));
            query.append_pair("code_challenge", &challenge(&self.verifier(&state)));
            query.append_pair("code_challenge_method", "S256");
            if !settings.acr_values.is_empty() {
                query.append_pair("acr_values", &settings.acr_values.join(" "));
            }
        }
        Ok(OidcBegun { authorization_url: url.into(), state, expires_in: LIFETIME })
    }

    /// Who came back. The state is used up, whatever comes of it.
    pub(crate) async fn finish(
        &self,
        provider: &str,
        returned: &OidcReturn,
        linking: Option<UserId>,
    ) -> Result<OutsidePerson, FinishOidcError> {
        let provider = self.provider(provider).ok_or(FinishOidcError::NoSuchProvider)?;
        let pending = self.one_time.take::<Pending>(Purpose::OutsideSignIn, &returned.state).await?;
        let pending = pending.ok_or(OidcRefusal::State)?;
        if pending.provider != provider.settings.id || pending.linking != linking {
            return Err(OidcRefusal::OtherSignIn.into());
        }
        if !returned.binding.as_ref().is_some_and(|binding| binding.is_kept_as(&pending.binding)) {
            return Err(OidcRefusal::OtherBrowser.into());
        }
        let known = provider.issuer.known().await?;
        if !provider.sent(returned.iss.as_deref(), &known) {
            return Err(OidcRefusal::OtherSignIn.into());
        }
        let verifier = self.verifier(&returned.state);
        let code = Code { text: &returned.code, verifier: &verifier, redirect_uri: &pending.redirect_uri };
        let Provider { settings, secret, issuer } = provider;
        let redeemed = redeem(issuer, &known.metadata, settings, secret.as_ref(), code).await?;
        let Redeemed { id_token, access_token } = redeemed.ok_or(OidcRefusal::Code)?;
        let token = self.verified(provider, &known, &id_token, &returned.state).await?;
        let IdToken { subject, mut claims } = token;
        // Many issuers say who somebody is in the ID token, and how to reach them only when they are asked.
        if claims.get("email").is_none()
            && let Some(access_token) = access_token
        {
            let more = more_about(issuer, &known.metadata, &access_token, &subject).await?;
            claims = with(claims, more.ok_or(OidcRefusal::TwoPeople)?);
        }
        Ok(settings.person(&subject, &claims))
    }

    async fn verified(
        &self,
        provider: &Provider,
        known: &Known,
        id_token: &str,
        state: &str,
    ) -> Result<IdToken, FinishOidcError> {
        let (settings, nonce, now) = (&provider.settings, self.nonce(state), self.clock.now());
        match verify(id_token, &known.keys, settings, &nonce, now) {
            Err(IdTokenError::UnknownKey) => {}
            other => return Ok(other.map_err(OidcRefusal::from)?),
        }
        // It may sign with a new one.
        let keys = provider.issuer.newer_keys(known).await?;
        let keys = keys.ok_or(OidcRefusal::from(IdTokenError::UnknownKey))?;
        Ok(verify(id_token, &keys, settings, &nonce, now).map_err(OidcRefusal::from)?)
    }

    fn nonce(&self, state: &str) -> String {
        self.derived("nonce", state)
    }

    fn verifier(&self, state: &str) -> Zeroizing<String> {
        Zeroizing::new(self.derived("verifier", state))
    }

    /// 43 characters that nobody can know who has not the server's secret.
    fn derived(&self, purpose: &str, state: &str) -> String {
        let tag = hmac::sign(&self.key, format!("{purpose}:{state}").as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(tag)
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers: Vec<_> = self.providers().map(|provider| &provider.id).collect();
        f.debug_struct("Oidc").field("providers", &providers).finish_non_exhaustive()
    }
}

impl Provider {
    fn new(settings: &ProviderSettings) -> Result<Self, OidcSetupError> {
        let issuer = Issuer::new(settings).map_err(OidcSetupError::NoCalls)?;
        Ok(Self { settings: settings.clone(), secret: settings.secret()?, issuer })
    }

    /// Whether this issuer sent somebody back, as far as they say (RFC 9207): one that says so says it always.
    fn sent(&self, iss: Option<&str>, known: &Known) -> bool {
        match iss {
            Some(iss) => iss == self.settings.issuer,
            None => !known.metadata.authorization_response_iss_parameter_supported,
        }
    }
}

impl ProviderSettings {
    fn person(&self, subject: &str, claims: &Value) -> OutsidePerson {
        let text = |name| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        // Cognito, asked who somebody is, says it as a text.
        let verified = claims.get("email_verified").is_some_and(|said| *said == true || *said == "true");
        OutsidePerson {
            identity: OutsideIdentityId::of(&self.issuer, subject),
            verified_email: text("email").filter(|_| verified),
            name: text("name").or_else(|| text("preferred_username")),
            role: self.roles.as_ref().map_or(OutsideRole::Unsaid, |roles| roles.role(claims)),
        }
    }
}

/// What the ID token does not say; what it says stays. But whether an address is verified says who says the address: of another's
/// the ID token has said nothing.
fn with(claims: Value, more: Map<String, Value>) -> Value {
    let Value::Object(mut said) = claims else { return claims };
    if !said.contains_key("email") {
        said.remove("email_verified");
    }
    Value::Object(more.into_iter().chain(said).collect())
}

fn scope(settings: &ProviderSettings) -> String {
    let others = settings.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
    std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
}

/// `S256` (RFC 7636, 4.2).
fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn what_the_id_token_says_is_not_overruled_by_what_is_said_beside_it() {
        let claims = json!({ "sub": "ada", "groups": ["all"] });
        let more = json!({ "sub": "ada", "groups": ["root"], "email": "ada@example.com" });
        let Value::Object(more) = more else { panic!("an object") };
        assert_eq!(with(claims, more), json!({ "sub": "ada", "groups": ["all"], "email": "ada@example.com" }));
    }

    #[test]
    fn who_says_the_address_says_whether_it_is_verified() {
        let both = |claims: Value, more: Value| {
            let Value::Object(more) = more else { panic!("an object") };
            with(claims, more)
        };
        assert_eq!(
            both(json!({ "sub": "ada", "email_verified": true }), json!({ "sub": "ada", "email": "ada@example.com" })),
            json!({ "sub": "ada", "email": "ada@example.com" })
        );
        assert_eq!(
            both(
                json!({ "sub": "ada", "email_verified": true }),
                json!({ "sub": "ada", "email": "ada@example.com", "email_verified": false })
            ),
            json!({ "sub": "ada", "email": "ada@example.com", "email_verified": false })
        );
        assert_eq!(
            both(
                json!({ "sub": "ada", "email_verified": false }),
                json!({ "sub": "ada", "email": "ada@example.com", "email_verified": true })
            ),
            json!({ "sub": "ada", "email": "ada@example.com", "email_verified": true })
        );
    }

    #[test]
    fn an_address_counts_only_when_the_issuer_has_verified_it() {
        let settings: OidcSettings = json!({ "providers": [{
            "id": "a", "name": "A", "issuer": "https://a.example", "client_id": "muster",
            "redirect_uris": ["https://tasks.example.com/a"],
        }] })
        .to_string()
        .parse()
        .unwrap();
        let email = |more: Value| {
            let mut claims = json!({ "sub": "ada", "email": "ada@example.com" });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            settings.providers()[0].person("ada", &claims).verified_email
        };
        for verified in [json!({ "email_verified": true }), json!({ "email_verified": "true" })] {
            assert_eq!(email(verified).as_deref(), Some("ada@example.com"));
        }
        for not in [
            json!({}),
            json!({ "email_verified": false }),
            json!({ "email_verified": "false" }),
            json!({ "email_verified": 1 }),
        ] {
            assert_eq!(email(not.clone()), None, "{not}");
        }
        assert_eq!(email(json!({ "email_verified": true, "email": 7 })), None);
    }
}
