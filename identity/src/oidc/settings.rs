//! Which outside issuers an operator trusts, and how far. One JSON document, wherever Muster runs; it holds no secret, only
//! the places where secrets are.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::outcome::OidcSetupError;
use super::roles::RoleMap;
use super::secret::ClientSecret;

/// The most issuers: a sign-in page has a button for each.
const MAX_PROVIDERS: usize = 16;
/// The most characters of an issuer's name in paths.
const MAX_ID: usize = 32;
/// The most characters of its name for people.
const MAX_NAME: usize = 64;

/// The issuers that people may sign in with. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OidcSettings {
    providers: Vec<ProviderSettings>,
}

/// One issuer, and what its word is good for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// Its name in paths: small letters, digits and hyphens.
    pub id: String,
    /// Its name on the sign-in page.
    pub name: String,
    /// Its address, exactly as its tokens say it in `iss`: HTTPS, or plain HTTP on this computer.
    pub issuer: String,
    /// Under which id Muster is registered there.
    pub client_id: String,
    /// Where Muster's secret there is. A public client has none: PKCE proves that a code is redeemed by whoever asked for it.
    #[serde(default)]
    pub client_secret: Option<SecretPlace>,
    /// Where the issuer may send people back to: pages of the web app, addresses of native apps. The first is the usual one.
    pub redirect_uris: Vec<String>,
    /// What is asked for beside `openid`.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// Whether somebody without an account gets one.
    #[serde(default)]
    pub sign_up: bool,
    /// Whether the account with the address that the issuer has verified is theirs, without its password being asked. Whoever
    /// can make the issuer say an address can then take over its account.
    #[serde(default)]
    pub link_verified_email: bool,
    /// What people are here by what they are there. Left out, the issuer says nothing about roles.
    #[serde(default)]
    pub roles: Option<RoleMap>,
    /// On which hosts its endpoints may lie beside the issuer's own: large issuers spread them, such as Google's
    /// `oauth2.googleapis.com`. Whatever else an issuer names is not called.
    #[serde(default)]
    pub endpoint_hosts: Vec<String>,
    /// The `acr` of an ID token must be one of these, if there are any; they are asked for, too.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// The `amr` of an ID token must have all of these, such as `mfa`.
    #[serde(default)]
    pub amr: Vec<String>,
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// The environment variable of this name.
    Env(String),
    /// This file, which nobody but its owner may read.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for SecretPlace {
    /// Whatever else stands here may be the secret itself: the error repeats none of it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refused = || {
            D::Error::custom(
                "client_secret must be {\"env\": \"NAME\"} or {\"file\": \"PATH\"}: the secret itself does not stand here",
            )
        };
        let Value::Object(place) = Value::deserialize(deserializer)? else { return Err(refused()) };
        let mut entries = place.into_iter();
        let (Some((kind, Value::String(name))), None) = (entries.next(), entries.next()) else { return Err(refused()) };
        match kind.as_str() {
            "env" => Ok(Self::Env(name)),
            "file" => Ok(Self::File(name.into())),
            _ => Err(refused()),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum OidcSettingsError {
    /// They are no JSON of this shape.
    #[error("the issuers are not written as they should be")]
    Shape(#[from] serde_json::Error),
    /// Too many.
    #[error("there may be {MAX_PROVIDERS} issuers at the most")]
    TooMany,
    /// One of them cannot be used.
    #[error("the issuer {id:?}: {what}")]
    Provider {
        /// Which.
        id: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    providers: Vec<ProviderSettings>,
}

impl OidcSettings {
    /// The issuers, in the operator's order.
    pub fn providers(&self) -> &[ProviderSettings] {
        &self.providers
    }

    /// Whether Muster's secrets are where they are said to be; nothing is kept of them.
    pub fn check_secrets(&self) -> Result<(), OidcSetupError> {
        self.providers.iter().try_for_each(|provider| provider.secret().map(|_| ()))
    }

    /// The same for a program that shows the issuers and signs nobody in: it has no business with their secrets.
    #[must_use]
    pub fn to_show(mut self) -> Self {
        for provider in &mut self.providers {
            provider.client_secret = None;
        }
        self
    }
}

impl FromStr for OidcSettings {
    type Err = OidcSettingsError;

    fn from_str(json: &str) -> Result<Self, OidcSettingsError> {
        let Document { providers } = serde_json::from_str(json)?;
        if providers.len() > MAX_PROVIDERS {
            return Err(OidcSettingsError::TooMany);
        }
        let (mut ids, mut redirects) = (BTreeSet::new(), BTreeSet::new());
        for provider in &providers {
            let wrong = |what| OidcSettingsError::Provider { id: provider.id.clone(), what };
            provider.check().map_err(wrong)?;
            if !ids.insert(&provider.id) {
                return Err(wrong("there are two of this id"));
            }
            // An issuer that is not honest could otherwise have a code of another one sent to itself (RFC 9700, 4.4).
            if provider.redirect_uris.iter().any(|uri| !redirects.insert(uri)) {
                return Err(wrong("an address to come back to is there twice: each belongs to one issuer"));
            }
        }
        Ok(Self { providers })
    }
}

impl ProviderSettings {
    /// Muster's secret there, if it has one, from its place.
    pub(super) fn secret(&self) -> Result<Option<ClientSecret>, OidcSetupError> {
        let unreadable = |source| OidcSetupError::Secret { id: self.id.clone(), source };
        self.client_secret.as_ref().map(ClientSecret::read).transpose().map_err(unreadable)
    }

    /// Whether it runs on this computer, where plain HTTP is heard by nobody else.
    pub(super) fn is_local(&self) -> bool {
        self.issuer.parse::<Url>().is_ok_and(|url| is_loopback(&url))
    }

    /// Whether it must say that somebody signed in strongly over there: then its word is worth a second factor here.
    pub fn asks_for_strength(&self) -> bool {
        !self.acr_values.is_empty() || !self.amr.is_empty()
    }

    /// Whether an endpoint may be called: it is heard by nobody on the way, and lies where the operator knows it to be.
    pub(super) fn may_call(&self, endpoint: &Url) -> bool {
        let own = self.issuer.parse::<Url>().is_ok_and(|issuer| issuer.host_str() == endpoint.host_str());
        let named = || endpoint.host_str().is_some_and(|host| self.endpoint_hosts.iter().any(|one| one == host));
        is_safe(endpoint, self.is_local()) && !has_login(endpoint) && (own || named())
    }

    fn check(&self) -> Result<(), &'static str> {
        let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.id.is_empty() || self.id.len() > MAX_ID || !self.id.bytes().all(is_id) {
            return Err("its id must have 1 to 32 small letters, digits and hyphens");
        }
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            return Err("its name must have 1 to 64 characters");
        }
        let issuer: Url = self.issuer.parse().map_err(|_| "its address is none")?;
        if !is_safe(&issuer, true) || issuer.query().is_some() || issuer.fragment().is_some() || has_login(&issuer) {
            return Err("its address must be HTTPS (or HTTP on this computer) and nothing but an address");
        }
        if self.client_id.is_empty() {
            return Err("the client id is empty");
        }
        if self.redirect_uris.is_empty() {
            return Err("there is no address to come back to");
        }
        if !self.redirect_uris.iter().all(|uri| is_redirect(uri)) {
            return Err("an address to come back to must be HTTPS, HTTP on this computer, or a scheme of an app's own");
        }
        if self.scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
            return Err("a scope is one word");
        }
        if !self.endpoint_hosts.iter().all(|host| is_host(host)) {
            return Err("a host of its endpoints is a name in small letters, such as oauth2.example.com");
        }
        self.roles.as_ref().map_or(Ok(()), RoleMap::check)
    }
}

fn usual_scopes() -> Vec<String> {
    ["email", "profile"].map(str::to_owned).into()
}

/// Whether what goes there is heard by nobody on the way.
pub(super) fn is_safe(url: &Url, may_be_local: bool) -> bool {
    url.scheme() == "https" || (may_be_local && url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether it is a host's name as addresses have it, and nothing else.
fn is_host(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
    letters
        && format!("https://{text}/")
            .parse::<Url>()
            .is_ok_and(|url| url.host_str() == Some(text) && url.port().is_none())
}

fn has_login(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A native app has a scheme that is its own: a domain the other way round, so with a dot (RFC 8252, 7.1).
fn is_redirect(uri: &str) -> bool {
    let Ok(url) = uri.parse::<Url>() else { return false };
    url.fragment().is_none() && !has_login(&url) && (is_safe(&url, true) || url.scheme().contains('.'))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use muster_domain::user::Role;
    use serde_json::json;

    use super::*;

    fn provider(more: &Value) -> Value {
        let mut provider = json!({
            "id": "cognito",
            "name": "Company sign-in",
            "issuer": "https://issuer.example/pool",
            "client_id": "muster",
            "redirect_uris": ["https://tasks.example.com/signed-in/cognito"],
        });
        provider.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        provider
    }

    fn parsed(providers: &[Value]) -> Result<OidcSettings, String> {
        json!({ "providers": providers }).to_string().parse().map_err(|error: OidcSettingsError| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_the_narrowest_there_is() {
        let settings = parsed(&[provider(&json!({}))]).unwrap();
        let [provider] = settings.providers() else { panic!("one issuer") };
        assert!(!provider.sign_up && !provider.link_verified_email);
        assert_eq!((&provider.roles, &provider.client_secret), (&None, &None));
        assert_eq!(provider.scopes, ["email", "profile"]);
        assert!(provider.acr_values.is_empty() && provider.amr.is_empty());
    }

    #[test]
    fn a_whole_issuer_is_read_and_its_secret_is_not_in_it() {
        let whole = provider(&json!({
            "client_secret": { "env": "MUSTER_OIDC_SECRET" },
            "sign_up": true,
            "link_verified_email": true,
            "roles": { "claim": "cognito:groups", "map": { "muster-admins": "admin" }, "otherwise": "member" },
            "acr_values": ["strong"],
            "amr": ["mfa"],
            "endpoint_hosts": ["pool.auth.example"],
        }));
        let settings = parsed(&[whole]).unwrap();
        let [provider] = settings.providers() else { panic!("one issuer") };
        assert_eq!(provider.client_secret, Some(SecretPlace::Env("MUSTER_OIDC_SECRET".to_owned())));
        assert_eq!(provider.roles.as_ref().unwrap().otherwise(), Some(Role::Member));
        assert_eq!(settings.to_show().providers()[0].client_secret, None);
    }

    #[test]
    fn a_secret_that_stands_in_the_settings_is_refused_and_not_repeated() {
        for place in [
            json!("hunter2secret"),
            json!(["hunter2secret"]),
            json!({ "hunter2secret": "x" }),
            json!({ "value": "hunter2secret" }),
            json!({ "env": ["hunter2secret"] }),
            json!({ "env": "MUSTER_OIDC_SECRET", "file": "hunter2secret" }),
            json!({}),
            json!(7_313_573),
        ] {
            let document = json!({ "providers": [provider(&json!({ "client_secret": place }))] }).to_string();
            let refused = document.parse::<OidcSettings>().expect_err("a refusal");
            let cause = refused.source().expect("what is wrong").to_string();
            assert!(cause.starts_with("client_secret must be {\"env\": \"NAME\"} or"), "{place}: {cause}");
            assert!(!cause.contains("hunter2secret") && !cause.contains("7313573"), "{cause}");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused_at_the_start() {
        for (more, what) in [
            (json!({ "issuer": "http://issuer.example" }), "HTTPS"),
            (json!({ "issuer": "https://issuer.example/?x=1" }), "nothing but an address"),
            (json!({ "issuer": "https://ada:secret@issuer.example" }), "nothing but an address"),
            (json!({ "issuer": "issuer.example" }), "its address is none"),
            (json!({ "id": "Company" }), "its id"),
            (json!({ "id": "../admin" }), "its id"),
            (json!({ "id": "" }), "its id"),
            (json!({ "name": " " }), "its name"),
            (json!({ "client_id": "" }), "client id"),
            (json!({ "redirect_uris": [] }), "no address to come back to"),
            (json!({ "redirect_uris": ["http://tasks.example.com/signed-in"] }), "to come back to must be"),
            (json!({ "redirect_uris": ["https://tasks.example.com/#signed-in"] }), "to come back to must be"),
            (json!({ "redirect_uris": ["javascript:alert(1)"] }), "to come back to must be"),
            (json!({ "redirect_uris": ["/signed-in"] }), "to come back to must be"),
            (json!({ "scopes": ["email profile"] }), "one word"),
            (json!({ "roles": { "claim": "", "map": {} } }), "claim"),
            (json!({ "endpoint_hosts": ["https://tokens.example"] }), "a host of its endpoints"),
            (json!({ "endpoint_hosts": ["tokens.example:444"] }), "a host of its endpoints"),
            (json!({ "endpoint_hosts": ["Tokens.Example"] }), "a host of its endpoints"),
            (json!({ "endpoint_hosts": ["*.example"] }), "a host of its endpoints"),
            (json!({ "endpoint_hosts": [""] }), "a host of its endpoints"),
        ] {
            let refused = parsed(&[provider(&more)]).expect_err("a refusal");
            assert!(refused.contains(what), "{more}: {refused}");
        }
        assert!(parsed(&[provider(&json!({ "sign_upp": true }))]).is_err(), "a word that is misspelt");
        assert!(parsed(&[provider(&json!({ "roles": { "claim": "groups", "map": { "a": "root" } } }))]).is_err());
    }

    #[test]
    fn an_issuer_that_is_asked_for_a_strong_sign_in_is_worth_a_second_factor() {
        let worth = |more: Value| parsed(&[provider(&more)]).unwrap().providers()[0].asks_for_strength();
        assert!(!worth(json!({})));
        assert!(worth(json!({ "acr_values": ["strong"] })));
        assert!(worth(json!({ "amr": ["mfa"] })));
    }

    #[test]
    fn an_endpoint_is_called_on_the_issuers_host_and_on_those_that_are_named_and_nowhere_else() {
        let spread = provider(&json!({ "endpoint_hosts": ["pool.auth.example"] }));
        let settings = parsed(&[spread]).unwrap();
        let may = |address: &str| settings.providers()[0].may_call(&address.parse().unwrap());
        for address in
            ["https://issuer.example/keys", "https://issuer.example:8443/", "https://pool.auth.example/token"]
        {
            assert!(may(address), "{address}");
        }
        for address in [
            "https://tokens.example/",
            "https://169.254.169.254/latest/meta-data",
            "https://pool.auth.example.evil.example/",
            "https://issuer.example@tokens.example/",
            "https://ada:secret@issuer.example/",
            "http://issuer.example/keys",
            "http://127.0.0.1/keys",
            "https://sub.issuer.example/",
        ] {
            assert!(!may(address), "{address}");
        }
    }

    #[test]
    fn on_this_computer_plain_http_will_do_and_apps_have_schemes_of_their_own() {
        for issuer in ["http://127.0.0.1:8089", "http://localhost:8089/", "http://[::1]:8089/pool"] {
            assert!(parsed(&[provider(&json!({ "issuer": issuer }))]).is_ok(), "{issuer}");
        }
        for uri in ["http://127.0.0.1:3000/cb", "com.example.muster:/signed-in"] {
            assert!(parsed(&[provider(&json!({ "redirect_uris": [uri] }))]).is_ok(), "{uri}");
        }
    }

    #[test]
    fn no_two_issuers_share_an_id_or_an_address_to_come_back_to() {
        let other = provider(&json!({ "id": "other" }));
        assert!(parsed(&[provider(&json!({})), other]).expect_err("a refusal").contains("there twice"));
        let other = provider(&json!({ "redirect_uris": ["https://tasks.example.com/other"] }));
        assert!(parsed(&[provider(&json!({})), other]).expect_err("a refusal").contains("two of this id"));
    }
}
