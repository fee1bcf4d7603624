//! Access tokens: the good one, and the ways to make a bad one.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_domain::ports::Clock as _;
use muster_identity::{AccessTokens, SessionId, SigningKey, TokenError, TokenSettings, TokenSigner, VerifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::TestClock;

const USER: UserId = UserId(Uuid::from_u128(1));
const SESSION: SessionId = SessionId(Uuid::from_u128(2));

struct Case {
    clock: Arc<TestClock>,
    key: Arc<SigningKey>,
    tokens: AccessTokens,
}

impl Case {
    fn new() -> Self {
        let clock = TestClock::new();
        let key = Arc::new(SigningKey::generate().expect("a key"));
        let settings = TokenSettings::new("https://muster.test", "muster-api");
        let tokens = AccessTokens::new(key.clone(), settings, clock.clone());
        Self { clock, key, tokens }
    }

    fn header(&self) -> Value {
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.key.public_key().kid() })
    }

    fn claims(&self) -> Value {
        let now = self.clock.now().timestamp();
        json!({
            "iss": "https://muster.test", "aud": "muster-api", "sub": USER, "sid": SESSION,
            "iat": now, "exp": now + 900, "jti": Uuid::from_u128(3),
        })
    }

    /// A token signed by our key, whatever it says.
    async fn signed(&self, header: &Value, claims: &Value) -> String {
        sign(&self.key, header, claims).await
    }

    /// The verdict on a token with one claim changed, or taken away by `null`.
    async fn with_claim(&self, name: &str, value: Value) -> Result<VerifiedToken, TokenError> {
        self.tokens.verify(&self.signed(&self.header(), &changed(self.claims(), name, value)).await)
    }

    /// The same for the header.
    async fn with_header(&self, name: &str, value: Value) -> Result<VerifiedToken, TokenError> {
        self.tokens.verify(&self.signed(&changed(self.header(), name, value), &self.claims()).await)
    }
}

fn changed(mut object: Value, name: &str, value: Value) -> Value {
    let members = object.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    object
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(message.as_bytes()).await.expect("a signature");
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn decoded(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

#[tokio::test]
async fn a_token_says_what_rfc_9068_asks_for_and_verifies() {
    let case = Case::new();
    let token = case.tokens.issue(USER, SESSION).await.expect("a token");
    assert_eq!(case.tokens.verify(&token), Ok(VerifiedToken { user_id: USER, session_id: SESSION }));
    assert_eq!(decoded(&token, 0), case.header());
    let claims = decoded(&token, 1);
    assert_eq!(changed(claims.clone(), "jti", case.claims()["jti"].clone()), case.claims());
    let another = case.tokens.issue(USER, SESSION).await.expect("a token");
    assert_ne!(decoded(&another, 1)["jti"], claims["jti"]);
}

#[tokio::test]
async fn the_key_set_holds_the_public_half_only_and_others_can_verify_with_it() {
    let case = Case::new();
    let jwks = case.tokens.jwks();
    let key = jwks["keys"][0].as_object().expect("a key");
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "and no d");
    assert_eq!(key["kid"], case.key.public_key().kid());

    let token = case.tokens.issue(USER, SESSION).await.expect("a token");
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwks["keys"][0].clone()).expect("a JWK");
    let other = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["muster-api"]);
    let read = jsonwebtoken::decode::<Value>(&token, &other, &validation).expect("a good token");
    assert_eq!(read.claims["sub"], json!(USER));
}

#[tokio::test]
async fn a_token_lives_for_fifteen_minutes_and_a_leeway_of_five_seconds() {
    let case = Case::new();
    let token = case.tokens.issue(USER, SESSION).await.expect("a token");
    case.clock.advance(TimeDelta::seconds(15 * 60 + 4));
    assert!(case.tokens.verify(&token).is_ok());
    case.clock.advance(TimeDelta::seconds(1));
    assert_eq!(case.tokens.verify(&token), Err(TokenError::Expired));
}

#[tokio::test]
async fn a_token_that_was_good_before_is_asked_for_its_time_again() {
    let case = Case::new();
    let now = case.clock.now().timestamp();
    let ahead = changed(case.claims(), "nbf", json!(now + 5));
    let token = case.signed(&case.header(), &ahead).await;
    let good = Ok(VerifiedToken { user_id: USER, session_id: SESSION });
    assert_eq!([case.tokens.verify(&token), case.tokens.verify(&token)], [good, good]);

    // A clock that is set back.
    case.clock.advance(TimeDelta::seconds(-1));
    assert_eq!(case.tokens.verify(&token), Err(TokenError::NotYetValid));
    case.clock.advance(TimeDelta::seconds(1));
    assert_eq!(case.tokens.verify(&token), good);
    case.clock.advance(TimeDelta::seconds(900 + 5));
    assert_eq!([case.tokens.verify(&token), case.tokens.verify(&token)], [Err(TokenError::Expired); 2]);
}

#[tokio::test]
async fn a_token_that_was_good_before_vouches_for_no_other_one() {
    let case = Case::new();
    let token = case.tokens.issue(USER, SESSION).await.expect("a token");
    assert_eq!(case.tokens.verify(&token), Ok(VerifiedToken { user_id: USER, session_id: SESSION }));

    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let other = case.tokens.issue(USER, SESSION).await.expect("a token");
    let (_, of_other) = other.rsplit_once('.').expect("a signature");
    assert_eq!(case.tokens.verify(&format!("{message}.{of_other}")), Err(TokenError::BadSignature));
    let forged = part(&changed(decoded(&token, 1), "sub", json!(Uuid::from_u128(9))));
    let (head, _) = message.split_once('.').expect("a header");
    assert_eq!(case.tokens.verify(&format!("{head}.{forged}.{signature}")), Err(TokenError::BadSignature));
}

#[tokio::test]
async fn a_key_that_is_accepted_by_one_is_not_thereby_accepted_by_the_other() {
    let case = Case::new();
    let next = SigningKey::generate().expect("a key");
    let both = case.tokens.clone().also_accepting(next.public_key().clone());
    let header = changed(case.header(), "kid", json!(next.public_key().kid()));
    let token = sign(&next, &header, &case.claims()).await;
    assert_eq!(both.verify(&token), Ok(VerifiedToken { user_id: USER, session_id: SESSION }));
    assert_eq!(case.tokens.verify(&token), Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_token_of_the_near_future_is_a_clock_apart_and_a_later_one_is_refused() {
    let case = Case::new();
    let now = case.clock.now().timestamp();
    for claim in ["iat", "nbf"] {
        assert!(case.with_claim(claim, json!(now + 5)).await.is_ok(), "{claim}");
        assert_eq!(case.with_claim(claim, json!(now + 6)).await, Err(TokenError::NotYetValid), "{claim}");
    }
}

#[tokio::test]
async fn alg_none_is_refused_with_and_without_a_signature() {
    let case = Case::new();
    for alg in ["none", "None", "NONE", ""] {
        let header = changed(case.header(), "alg", json!(alg));
        let bare = format!("{}.{}.", part(&header), part(&case.claims()));
        assert_eq!(case.tokens.verify(&bare), Err(TokenError::WrongAlgorithm), "{alg}");
        assert_eq!(case.with_header("alg", json!(alg)).await, Err(TokenError::WrongAlgorithm), "{alg}");
    }
}

#[tokio::test]
async fn our_public_key_used_as_an_hmac_secret_is_refused() {
    let case = Case::new();
    let jwk = &case.tokens.jwks()["keys"][0];
    let point =
        [&jwk["x"], &jwk["y"]].map(|c| BASE64_URL_SAFE_NO_PAD.decode(c.as_str().expect("text")).expect("base64"));
    let public = [&[4][..], &point[0], &point[1]].concat();
    for secret in [public, jwk.to_string().into_bytes()] {
        let header = changed(case.header(), "alg", json!("HS256"));
        let message = format!("{}.{}", part(&header), part(&case.claims()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let seal = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(seal));
        assert_eq!(case.tokens.verify(&token), Err(TokenError::WrongAlgorithm));
    }
}

#[tokio::test]
async fn any_other_algorithm_is_refused() {
    let case = Case::new();
    for alg in ["HS256", "ES384", "RS256", "PS256", "EdDSA", "es256"] {
        assert_eq!(case.with_header("alg", json!(alg)).await, Err(TokenError::WrongAlgorithm), "{alg}");
    }
}

#[tokio::test]
async fn another_key_is_refused_by_its_name_and_under_ours() {
    let case = Case::new();
    let other = SigningKey::generate().expect("a key");
    let honest = changed(case.header(), "kid", json!(other.public_key().kid()));
    let token = sign(&other, &honest, &case.claims()).await;
    assert_eq!(case.tokens.verify(&token), Err(TokenError::UnknownKey));
    let token = sign(&other, &case.header(), &case.claims()).await;
    assert_eq!(case.tokens.verify(&token), Err(TokenError::BadSignature));
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_used() {
    let case = Case::new();
    let other = SigningKey::generate().expect("a key");
    let settings = TokenSettings::new("https://muster.test", "muster-api");
    let attacker = AccessTokens::new(Arc::new(SigningKey::generate().expect("a key")), settings, case.clock.clone())
        .also_accepting(other.public_key().clone());
    let keys = attacker.jwks();
    let jwk = keys["keys"].as_array().expect("keys").iter().find(|k| k["kid"] == other.public_key().kid());
    let header = changed(case.header(), "jwk", jwk.expect("the key").clone());
    let header = changed(header, "jku", json!("https://attacker.test/jwks.json"));
    assert_eq!(case.tokens.verify(&sign(&other, &header, &case.claims()).await), Err(TokenError::BadSignature));
    let nameless = changed(header, "kid", Value::Null);
    assert_eq!(case.tokens.verify(&sign(&other, &nameless, &case.claims()).await), Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_missing_or_strange_key_id_is_refused() {
    let case = Case::new();
    for kid in [Value::Null, json!(""), json!("../../etc/passwd"), json!("' OR 1=1 --")] {
        assert_eq!(case.with_header("kid", kid.clone()).await, Err(TokenError::UnknownKey), "{kid}");
    }
    assert_eq!(case.with_header("kid", json!(7)).await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn a_token_of_another_type_is_refused() {
    let case = Case::new();
    for typ in [Value::Null, json!("JWT"), json!("jwt"), json!("AT+JWT"), json!("refresh+jwt")] {
        assert_eq!(case.with_header("typ", typ.clone()).await, Err(TokenError::WrongType), "{typ}");
    }
}

#[tokio::test]
async fn an_extension_that_must_be_understood_is_refused() {
    let case = Case::new();
    assert_eq!(case.with_header("crit", json!(["b64"])).await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn another_issuer_or_audience_is_refused() {
    let case = Case::new();
    for issuer in ["https://other.test", "https://muster.test/", "", "HTTPS://MUSTER.TEST"] {
        assert_eq!(case.with_claim("iss", json!(issuer)).await, Err(TokenError::WrongIssuer), "{issuer}");
    }
    for audience in ["other-api", "", "muster-api2"] {
        assert_eq!(case.with_claim("aud", json!(audience)).await, Err(TokenError::WrongAudience), "{audience}");
    }
    assert_eq!(case.with_claim("aud", json!(["muster-api", "other"])).await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn a_token_without_one_of_its_claims_is_refused() {
    let case = Case::new();
    for claim in ["iss", "aud", "sub", "sid", "iat", "exp", "jti"] {
        assert_eq!(case.with_claim(claim, Value::Null).await, Err(TokenError::Malformed), "{claim}");
    }
}

#[tokio::test]
async fn claims_of_another_shape_are_refused() {
    let case = Case::new();
    let cases = [
        ("sub", json!("not a uuid")),
        ("sid", json!(1)),
        ("exp", json!("9999999999")),
        ("exp", json!(-1)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(1e300)),
        ("iat", json!(i64::MIN)),
        ("nbf", json!("soon")),
    ];
    for (claim, value) in cases {
        assert_eq!(case.with_claim(claim, value.clone()).await, Err(TokenError::Malformed), "{claim} {value}");
    }
}

#[tokio::test]
async fn changed_claims_break_the_signature() {
    let case = Case::new();
    let token = case.tokens.issue(USER, SESSION).await.expect("a token");
    let parts: Vec<_> = token.split('.').collect();
    let claims = changed(decoded(&token, 1), "sub", json!(Uuid::from_u128(66)));
    let forged = format!("{}.{}.{}", parts[0], part(&claims), parts[2]);
    assert_eq!(case.tokens.verify(&forged), Err(TokenError::BadSignature));
}

#[tokio::test]
async fn a_signature_taken_off_cut_short_zeroed_or_in_der_is_refused() {
    let case = Case::new();
    let token = case.tokens.issue(USER, SESSION).await.expect("a token");
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let mut cut = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
    cut.truncate(63);
    let cut = BASE64_URL_SAFE_NO_PAD.encode(cut);
    let zeros = BASE64_URL_SAFE_NO_PAD.encode([0; 64]);
    let der = BASE64_URL_SAFE_NO_PAD.encode([0x30, 6, 2, 1, 1, 2, 1, 1]);
    for bad in ["", &cut, &zeros, &der] {
        assert_eq!(case.tokens.verify(&format!("{message}.{bad}")), Err(TokenError::BadSignature), "{bad:?}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let case = Case::new();
    let good = case.tokens.issue(USER, SESSION).await.expect("a token");
    let long = format!("{good}{}", "A".repeat(10_000));
    let nested = BASE64_URL_SAFE_NO_PAD.encode("[".repeat(2_000));
    let twice = format!("{good}.{good}");
    for text in ["", ".", "..", "...", "a.b.c", "Bearer x", &long, &format!("{nested}.e30.AA"), &twice] {
        assert_eq!(case.tokens.verify(text), Err(TokenError::Malformed), "{text:.40}");
    }
    assert_eq!(case.tokens.verify(&format!(" {good}")), Err(TokenError::Malformed));
}

#[tokio::test]
async fn after_a_rotation_of_keys_tokens_of_the_one_before_are_still_good() {
    let case = Case::new();
    let old = case.tokens.issue(USER, SESSION).await.expect("a token");
    let next = Arc::new(SigningKey::generate().expect("a key"));
    let settings = TokenSettings::new("https://muster.test", "muster-api");
    let alone = AccessTokens::new(next.clone(), settings, case.clock.clone());
    assert_eq!(alone.verify(&old), Err(TokenError::UnknownKey));
    let both = alone.also_accepting(case.key.public_key().clone());
    assert!(both.verify(&old).is_ok());
    let new = both.issue(USER, SESSION).await.expect("a token");
    assert_eq!(decoded(&new, 0)["kid"], next.public_key().kid());
    assert_eq!(both.jwks()["keys"].as_array().expect("keys").len(), 2);
}
