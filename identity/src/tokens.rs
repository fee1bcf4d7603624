//! Access tokens: JWTs (RFC 9068) that say who calls, for a quarter of an hour.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Header, Validation};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::key_ring::KeyRing;
use crate::keys::{PublicKey, SigningError};
use crate::sessions::SessionId;
use crate::verified::{TokenHash, VerifiedTokens};

/// The one type of token that is accepted here, so that a token made for another purpose is none.
const TYPE: &str = "at+jwt";
/// From issue to expiry.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How far the clocks of two machines may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);
/// How long tokens of a key may be good after another took its place.
pub(crate) const OVERLAP: TimeDelta = TimeDelta::seconds(15 * 60 + 5);
/// Ours are under 1 KiB.
const MAX_BYTES: usize = 4096;

/// Who issues tokens, for whom, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// `iss`: this installation's address.
    pub issuer: String,
    /// `aud`: the API that takes them.
    pub audience: String,
    /// From issue to expiry.
    pub lifetime: TimeDelta,
}

impl TokenSettings {
    /// Tokens of 15 minutes.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), audience: audience.into(), lifetime: LIFETIME }
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT with the claims of an access token.
    #[error("the token is malformed")]
    Malformed,
    /// `alg` is not ES256, `none` included.
    #[error("the token names another algorithm")]
    WrongAlgorithm,
    /// `typ` is not `at+jwt`.
    #[error("the token is of another type")]
    WrongType,
    /// `kid` is missing or names no key of ours.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The signature is not of that key over this text.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Past its expiry by more than 5 seconds.
    #[error("the token has expired")]
    Expired,
    /// Issued, or valid from, more than 5 seconds in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is another.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// `aud` is another.
    #[error("the token is for another audience")]
    WrongAudience,
}

/// A token that was verified. Whether its session still lives is for the caller to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// `sub`
    pub user_id: UserId,
    /// `sid`
    pub session_id: SessionId,
}

/// What a good signature vouches for, as long as its key is accepted.
#[derive(Clone)]
struct Vouched {
    token: VerifiedToken,
    kid: Arc<str>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: Uuid,
}

/// What is looked at before any cryptography. `alg` is text here: `none` is an answer of its own, not a parse error.
#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// Issues and verifies access tokens.
#[derive(Clone)]
pub struct AccessTokens {
    keys: KeyRing,
    settings: TokenSettings,
    clock: Arc<dyn Clock>,
    validation: Validation,
    verified: VerifiedTokens<Vouched>,
}

impl AccessTokens {
    /// Signs with the key that the ring says, and accepts tokens of those that it says.
    pub fn new(keys: impl Into<KeyRing>, settings: TokenSettings, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library reads the computer's clock; times are checked below, against ours.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys: keys.into(), settings, clock, validation, verified: VerifiedTokens::default() }
    }

    /// Also accepts, and publishes, a key that does not sign. A clone from before does not.
    #[must_use]
    pub fn also_accepting(mut self, key: PublicKey) -> Self {
        self.keys = self.keys.also_accepting(key);
        self
    }

    /// The accepted keys as a JWK set, for `/.well-known/jwks.json`.
    pub fn jwks(&self) -> serde_json::Value {
        let ring = self.keys.keys();
        let mut keys: Vec<_> = ring.published(self.clock.now(), OVERLAP).map(|key| key.jwk().clone()).collect();
        keys.sort_by(|a, b| a.common.key_id.cmp(&b.common.key_id));
        serde_json::json!(JwkSet { keys })
    }

    /// From issue to expiry.
    pub fn lifetime(&self) -> TimeDelta {
        self.settings.lifetime
    }

    /// A token for a user in a session.
    pub async fn issue(&self, user: UserId, session: SessionId) -> Result<String, SigningError> {
        let (now, keys) = (self.clock.now(), self.keys.keys());
        let signer = keys.signer(now).ok_or_else(|| SigningError("there is no key here that signs".into()))?;
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(signer.public_key().kid().to_owned());
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            sub: user,
            sid: session,
            iat: now.timestamp(),
            nbf: None,
            exp: (now + self.settings.lifetime).timestamp(),
            jti: Uuid::new_v4(),
        };
        let mut token = format!("{}.{}", part(&header)?, part(&claims)?);
        let signature = signer.sign(token.as_bytes()).await?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Checks everything that the token itself can show. The signature of a token is checked once, its time each time.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let hash = TokenHash::of(token);
        let now = self.clock.now();
        if let Some(vouched) = self.verified.get(hash) {
            let accepted = self.keys.keys().accepted(&vouched.kid, now, OVERLAP).is_some();
            let verified = if accepted { in_time(&vouched, now) } else { Err(TokenError::UnknownKey) };
            return verified.inspect_err(|_| self.verified.forget(hash));
        }
        let vouched = self.vouched(token, now)?;
        let verified = in_time(&vouched, now)?;
        self.verified.remember(hash, vouched);
        Ok(verified)
    }

    /// What the token says, if it is one of ours.
    fn vouched(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched, TokenError> {
        let kid = named_key(token)?.ok_or(TokenError::UnknownKey)?;
        let keys = self.keys.keys();
        let key = keys.accepted(&kid, now, OVERLAP).ok_or(TokenError::UnknownKey)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, key.decoding_key(), &self.validation);
        let claims = decoded.map_err(|error| refusal(&error))?.claims;
        Ok(Vouched {
            kid: key.shared_kid(),
            token: VerifiedToken { user_id: claims.sub, session_id: claims.sid },
            from: at(claims.nbf.unwrap_or(claims.iat).max(claims.iat))?,
            until: at(claims.exp)?,
        })
    }
}

fn in_time(vouched: &Vouched, now: DateTime<Utc>) -> Result<VerifiedToken, TokenError> {
    if now >= vouched.until + LEEWAY {
        return Err(TokenError::Expired);
    }
    if now + LEEWAY < vouched.from {
        return Err(TokenError::NotYetValid);
    }
    Ok(vouched.token)
}

/// The key that the token names, if its header is one that we write.
fn named_key(token: &str) -> Result<Option<String>, TokenError> {
    let (head, _) = token.split_once('.').ok_or(TokenError::Malformed)?;
    let head = BASE64_URL_SAFE_NO_PAD.decode(head).map_err(|_| TokenError::Malformed)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| TokenError::Malformed)?;
    if head.alg != "ES256" {
        return Err(TokenError::WrongAlgorithm);
    }
    if head.typ.as_deref() != Some(TYPE) {
        return Err(TokenError::WrongType);
    }
    if head.crit.is_some() {
        return Err(TokenError::Malformed); // RFC 7515 §4.1.11: an extension that must be understood, and is not
    }
    Ok(head.kid)
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("AccessTokens");
        debug.field("settings", &self.settings).field("keys", &self.keys).finish_non_exhaustive()
    }
}

fn part(value: &impl Serialize) -> Result<String, SigningError> {
    let json = serde_json::to_vec(value).map_err(|error| SigningError(Box::new(error)))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}

/// A time out of chrono's range is no time that we wrote.
fn at(seconds: i64) -> Result<DateTime<Utc>, TokenError> {
    let range = 0..=253_402_300_799; // up to the end of the year 9999
    if !range.contains(&seconds) {
        return Err(TokenError::Malformed);
    }
    DateTime::from_timestamp(seconds, 0).ok_or(TokenError::Malformed)
}

fn refusal(error: &JwtError) -> TokenError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow; whatever it adds is a refusal")]
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::BadSignature,
        ErrorKind::InvalidIssuer => TokenError::WrongIssuer,
        ErrorKind::InvalidAudience => TokenError::WrongAudience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenError::WrongAlgorithm,
        _ => TokenError::Malformed,
    }
}
