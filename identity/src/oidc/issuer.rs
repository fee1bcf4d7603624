//! What is known of an issuer: where its endpoints are and which keys it signs with, by discovery (OpenID Connect Discovery).

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{CallError, Http, json};
use super::keys::{KeySet, Keys};
use super::settings::ProviderSettings;

/// How long what an issuer said of itself is believed: a key that it has withdrawn is good for no longer.
const BELIEVED: Duration = Duration::from_hours(1);
/// How long an issuer that did not answer is left alone, so that those who wait do not wait one after another.
const PAUSE: Duration = Duration::from_secs(5);
/// How often keys are asked for anew because somebody came with a key that is not known.
const BETWEEN_SEARCHES: Duration = Duration::from_mins(1);

/// Why an issuer is no help at the moment.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It does not answer, or with nothing of use.
    #[error("the issuer gave no answer of use to {asked}")]
    Away {
        /// What it was asked for.
        asked: &'static str,
        /// Why.
        source: CallError,
    },
    /// It did not answer a moment ago.
    #[error("the issuer did not answer a moment ago")]
    AwayAMomentAgo,
    /// What it says of itself cannot be right.
    #[error("the issuer's own description: {0}")]
    Contradiction(&'static str),
    /// It does not know Muster, or asks for something else: the settings here and there do not fit.
    #[error("the issuer refuses Muster as a client: {status}, {error}")]
    RefusesUs {
        /// The status.
        status: StatusCode,
        /// One of the words of OAuth 2.0, or `-`.
        error: &'static str,
    },
}

/// What an issuer says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: Endpoint,
    pub(super) token_endpoint: Endpoint,
    jwks_uri: Endpoint,
    #[serde(default)]
    pub(super) userinfo_endpoint: Option<Endpoint>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether its answers say whose they are (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// An address that it names.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Endpoint(pub(super) Url);

impl TryFrom<String> for Endpoint {
    type Error = <Url as FromStr>::Err;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// The same, with the keys.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: Arc<Keys>,
    since: Instant,
}

#[derive(Debug, Default)]
struct Memory {
    known: Option<Known>,
    failed_at: Option<Instant>,
    searched_at: Option<Instant>,
}

/// An issuer, and what is remembered of it.
#[derive(Debug)]
pub(super) struct Issuer {
    http: Http,
    provider: ProviderSettings,
    memory: Mutex<Memory>,
}

impl Issuer {
    pub(super) fn new(provider: &ProviderSettings) -> Result<Self, reqwest::Error> {
        Ok(Self { http: Http::new(provider.is_local())?, provider: provider.clone(), memory: Mutex::default() })
    }

    pub(super) const fn http(&self) -> &Http {
        &self.http
    }

    /// What is known of it, asked for if that was long ago. Many who ask at once ask it once.
    pub(super) async fn known(&self) -> Result<Known, IssuerError> {
        let mut memory = self.memory.lock().await;
        if let Some(known) = &memory.known
            && known.since.elapsed() < BELIEVED
        {
            return Ok(known.clone());
        }
        memory.ask_unless_away()?;
        let known = self.discover().await;
        memory.note(&known);
        let known = known?;
        memory.known = Some(known.clone());
        Ok(known)
    }

    /// Its keys, when a token names one that is not among those that were seen. `None` if it was asked for that within a
    /// minute: whoever makes up keys does not send us to the issuer each time.
    pub(super) async fn newer_keys(&self, seen: &Known) -> Result<Option<Arc<Keys>>, IssuerError> {
        let mut memory = self.memory.lock().await;
        if let Some(known) = &memory.known
            && !Arc::ptr_eq(&known.keys, &seen.keys)
        {
            return Ok(Some(Arc::clone(&known.keys)));
        }
        if memory.searched_at.is_some_and(|at| at.elapsed() < BETWEEN_SEARCHES) {
            return Ok(None);
        }
        memory.ask_unless_away()?;
        memory.searched_at = Some(Instant::now());
        let keys = self.keys(&seen.metadata).await;
        memory.note(&keys);
        let keys = keys?;
        if let Some(known) = &mut memory.known {
            known.keys = Arc::clone(&keys);
        }
        Ok(Some(keys))
    }

    async fn discover(&self) -> Result<Known, IssuerError> {
        const ASKED: &str = "where its endpoints are";
        let address = format!("{}/.well-known/openid-configuration", self.provider.issuer.trim_end_matches('/'));
        let address: Url = address.parse().map_err(|_| IssuerError::Contradiction("its address is none"))?;
        let away = |source| IssuerError::Away { asked: ASKED, source };
        let metadata: Metadata = json(self.http.get(&address)).await.map_err(away)?;
        if metadata.issuer != self.provider.issuer {
            return Err(IssuerError::Contradiction("it gives itself another address"));
        }
        let Metadata { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint, .. } = &metadata;
        let endpoints = [authorization_endpoint, token_endpoint, jwks_uri].into_iter().chain(userinfo_endpoint);
        if { endpoints }.any(|Endpoint(url)| !self.provider.may_call(url)) {
            return Err(IssuerError::Contradiction(
                "an endpoint of it is not HTTPS, or on another host than its own and those of `endpoint_hosts`",
            ));
        }
        let keys = self.keys(&metadata).await?;
        Ok(Known { metadata: Arc::new(metadata), keys, since: Instant::now() })
    }

    async fn keys(&self, metadata: &Metadata) -> Result<Arc<Keys>, IssuerError> {
        let set: Result<KeySet, _> = json(self.http.get(&metadata.jwks_uri.0)).await;
        let set = set.map_err(|source| IssuerError::Away { asked: "its keys", source })?;
        Ok(Arc::new(set.into()))
    }
}

impl Memory {
    fn ask_unless_away(&self) -> Result<(), IssuerError> {
        let away = self.failed_at.is_some_and(|at| at.elapsed() < PAUSE);
        if away { Err(IssuerError::AwayAMomentAgo) } else { Ok(()) }
    }

    fn note<T>(&mut self, outcome: &Result<T, IssuerError>) {
        self.failed_at = outcome.is_err().then(Instant::now);
    }
}

impl Metadata {
    /// Whether a client's secret goes into the form: only where the header, which every issuer must take, is not named.
    pub(super) fn takes_secret_in_form_only(&self) -> bool {
        let named = |method: &str| {
            let methods = self.token_endpoint_auth_methods_supported.as_ref();
            methods.is_some_and(|methods| methods.iter().any(|one| one == method))
        };
        named("client_secret_post") && !named("client_secret_basic")
    }
}
