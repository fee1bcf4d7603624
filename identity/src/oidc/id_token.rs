//! ID tokens: JWTs in which an issuer says who somebody is (OpenID Connect Core, 3.1.3.7).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::keys::{ALGORITHMS, Keys};
use super::settings::ProviderSettings;

/// How far the issuer's clock and ours may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// The most bytes of a token: some issuers name every group.
const MAX_BYTES: usize = 64 * 1024;
/// The most bytes of a subject (Core, 2).
const MAX_SUBJECT: usize = 255;

/// Why an ID token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Not a JWT with the claims of an ID token.
    #[error("the ID token is malformed")]
    Malformed,
    /// `alg` is none of RS256, PS256, ES256 and EdDSA.
    #[error("the ID token names another algorithm")]
    WrongAlgorithm,
    /// No key of the issuer's is the token's.
    #[error("the ID token names an unknown key")]
    UnknownKey,
    /// The signature is not of that key over this text.
    #[error("the ID token's signature is wrong")]
    BadSignature,
    /// `iss` is another.
    #[error("the ID token is of another issuer")]
    WrongIssuer,
    /// `aud` is another, or `azp` is.
    #[error("the ID token is for another client")]
    WrongAudience,
    /// Past its expiry by more than a minute.
    #[error("the ID token has expired")]
    Expired,
    /// Issued, or valid from, more than a minute in the future.
    #[error("the ID token is not valid yet")]
    NotYetValid,
    /// `nonce` is that of another sign-in, or missing.
    #[error("the ID token is of another sign-in")]
    WrongNonce,
    /// `acr` or `amr` is not what is asked for.
    #[error("the issuer did not sign them in as strongly as is asked")]
    TooWeak,
}

/// What a token says that was verified.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IdToken {
    /// Whom it is about; of this issuer alone.
    pub(super) subject: String,
    /// Everything that it says.
    pub(super) claims: Value,
}

/// What is looked at before any cryptography. `alg` is text here: `none` is an answer of its own, not a parse error.
#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    aud: Value,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
}

/// Checks everything that a token can show: it must be of this issuer, for this client, of the sign-in with this nonce.
pub(super) fn verify(
    token: &str,
    keys: &Keys,
    provider: &ProviderSettings,
    nonce: &str,
    now: DateTime<Utc>,
) -> Result<IdToken, IdTokenError> {
    let (algorithm, kid) = head(token)?;
    let key = keys.find(kid.as_deref(), algorithm).ok_or(IdTokenError::UnknownKey)?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&provider.issuer]);
    validation.set_audience(&[&provider.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The library reads the computer's clock; times are checked below, against ours.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let value = jsonwebtoken::decode::<Value>(token, &key, &validation).map_err(|error| refusal(&error))?.claims;
    let claims: Claims = serde_json::from_value(value.clone()).map_err(|_| IdTokenError::Malformed)?;
    in_time(&claims, now)?;
    for_us_alone(&claims, &provider.client_id)?;
    let said = claims.nonce.as_deref().unwrap_or_default();
    verify_slices_are_equal(said.as_bytes(), nonce.as_bytes()).map_err(|_| IdTokenError::WrongNonce)?;
    strong_enough(&claims, provider)?;
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT {
        return Err(IdTokenError::Malformed);
    }
    Ok(IdToken { subject: claims.sub, claims: value })
}

/// Algorithm and key, as the token names them.
fn head(token: &str) -> Result<(Algorithm, Option<String>), IdTokenError> {
    if token.len() > MAX_BYTES {
        return Err(IdTokenError::Malformed);
    }
    let (head, _) = token.split_once('.').ok_or(IdTokenError::Malformed)?;
    let head = BASE64_URL_SAFE_NO_PAD.decode(head).map_err(|_| IdTokenError::Malformed)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| IdTokenError::Malformed)?;
    let algorithm = head.alg.parse().ok().filter(|algorithm| ALGORITHMS.contains(algorithm));
    let algorithm = algorithm.ok_or(IdTokenError::WrongAlgorithm)?;
    if head.crit.is_some() {
        return Err(IdTokenError::Malformed); // RFC 7515 §4.1.11: an extension that must be understood, and is not
    }
    Ok((algorithm, head.kid))
}

fn in_time(claims: &Claims, now: DateTime<Utc>) -> Result<(), IdTokenError> {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(IdTokenError::Malformed);
    let (from, until) = (at(claims.nbf.unwrap_or(claims.iat).max(claims.iat))?, at(claims.exp)?);
    if now - LEEWAY >= until {
        return Err(IdTokenError::Expired);
    }
    if now + LEEWAY < from { Err(IdTokenError::NotYetValid) } else { Ok(()) }
}

/// A token for several clients must say that it was given to this one.
fn for_us_alone(claims: &Claims, client_id: &str) -> Result<(), IdTokenError> {
    let of_several = claims.aud.as_array().is_some_and(|audience| audience.len() > 1);
    match &claims.azp {
        Some(party) if party == client_id => Ok(()),
        None if !of_several => Ok(()),
        Some(_) | None => Err(IdTokenError::WrongAudience),
    }
}

fn strong_enough(claims: &Claims, provider: &ProviderSettings) -> Result<(), IdTokenError> {
    let class =
        provider.acr_values.is_empty() || claims.acr.as_ref().is_some_and(|class| provider.acr_values.contains(class));
    let methods = provider.amr.iter().all(|method| claims.amr.contains(method));
    if class && methods { Ok(()) } else { Err(IdTokenError::TooWeak) }
}

fn refusal(error: &JwtError) -> IdTokenError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow; whatever it adds is a refusal")]
    match error.kind() {
        ErrorKind::InvalidSignature => IdTokenError::BadSignature,
        ErrorKind::InvalidIssuer => IdTokenError::WrongIssuer,
        ErrorKind::InvalidAudience => IdTokenError::WrongAudience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => IdTokenError::WrongAlgorithm,
        _ => IdTokenError::Malformed,
    }
}
