//! From a code to tokens (RFC 6749, 4.1.3), and what else the issuer says of a person.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::http::{CallError, answer, json, parse};
use super::issuer::{Endpoint, Issuer, IssuerError, Metadata};
use super::secret::ClientSecret;
use super::settings::ProviderSettings;

/// What a code is worth. Both are secrets.
#[derive(Deserialize)]
pub(super) struct Redeemed {
    pub(super) id_token: String,
    #[serde(default)]
    pub(super) access_token: Option<String>,
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
}

/// A code, and what goes along with it.
pub(super) struct Code<'a> {
    pub(super) text: &'a str,
    pub(super) verifier: &'a str,
    pub(super) redirect_uri: &'a str,
}

/// The tokens for a code; `None` if the issuer does not know the code, or not with this verifier.
pub(super) async fn redeem(
    issuer: &Issuer,
    metadata: &Metadata,
    provider: &ProviderSettings,
    secret: Option<&ClientSecret>,
    code: Code<'_>,
) -> Result<Option<Redeemed>, IssuerError> {
    let away = |source| IssuerError::Away { asked: "tokens for a code", source };
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.text),
        ("redirect_uri", code.redirect_uri),
        ("code_verifier", code.verifier),
    ];
    let in_form = secret.filter(|_| metadata.takes_secret_in_form_only());
    if secret.is_none() || in_form.is_some() {
        form.push(("client_id", &provider.client_id));
    }
    form.extend(in_form.map(|secret| ("client_secret", secret.expose())));
    let mut request = issuer.http().post(&metadata.token_endpoint.0, &form);
    if let Some(secret) = secret.filter(|_| in_form.is_none()) {
        request = request.header(AUTHORIZATION, basic(&provider.client_id, secret));
    }
    match answer(request).await.map_err(away)? {
        (status, body) if status == StatusCode::OK => parse(&body).map(Some).map_err(away),
        (status, body) if status.is_client_error() => match word(&body) {
            "invalid_grant" => Ok(None),
            error => Err(IssuerError::RefusesUs { status, error }),
        },
        (status, _) => Err(away(CallError::Status(status))),
    }
}

/// What the issuer says of whoever this access token is of. It must be this person (OpenID Connect Core, 5.3.2); `None` if
/// it is another.
pub(super) async fn more_about(
    issuer: &Issuer,
    metadata: &Metadata,
    access_token: &str,
    subject: &str,
) -> Result<Option<Map<String, Value>>, IssuerError> {
    let Some(Endpoint(endpoint)) = &metadata.userinfo_endpoint else { return Ok(Some(Map::new())) };
    let said = json(issuer.http().get(endpoint).bearer_auth(access_token)).await;
    let said: Map<String, Value> = said.map_err(|source| IssuerError::Away { asked: "who somebody is", source })?;
    Ok(Some(said).filter(|said| said.get("sub").and_then(Value::as_str) == Some(subject)))
}

/// The error as a word of ours: what an issuer writes is in no log.
fn word(body: &[u8]) -> &'static str {
    const WORDS: [&str; 6] = [
        "invalid_grant",
        "invalid_client",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    ];
    let said: Option<OAuthError> = serde_json::from_slice(body).ok();
    said.and_then(|said| WORDS.into_iter().find(|word| *word == said.error)).unwrap_or("-")
}

/// Id and secret are form-encoded before they are put together (RFC 6749, 2.3.1): either may have a colon.
fn basic(client_id: &str, secret: &ClientSecret) -> String {
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_told_apart_whatever_is_in_them() {
        assert_eq!(encoded("a-b.c_d~e9"), "a-b.c_d~e9");
        assert_eq!(encoded("a:b c%+é"), "a%3Ab%20c%25%2B%C3%A9");
    }

    #[test]
    fn an_error_is_a_word_of_the_standard_or_nothing() {
        assert_eq!(word(br#"{"error":"invalid_grant","error_description":"no"}"#), "invalid_grant");
        for other in [&b"{}"[..], b"<html>", br#"{"error":"ada@example.com"}"#, b""] {
            assert_eq!(word(other), "-");
        }
    }
}
