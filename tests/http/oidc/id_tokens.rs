//! ID tokens that are none: each is handed out by a real issuer for a real code, and none signs anybody in.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use muster_identity::{FinishOidcError, IdTokenError, OidcRefusal, OutsidePerson};
use muster_tests::issuer::SigningKey;
use serde_json::{Value, json};

use super::alone::{Alone, refusal};
use super::{assert_refused, begin, body, finish, issuer, saying, somebody};
use crate::support::nobody;

type Outcome = Result<OutsidePerson, FinishOidcError>;

/// Somebody comes back, and the issuer makes this ID token of what an honest one would say of them.
async fn with_token(alone: &Alone, mint: impl FnOnce(&SigningKey, Value) -> String + Send + 'static) -> Outcome {
    let begun = alone.begin().await.unwrap();
    let returned = alone.issuer.sign_in_saying(&begun.authorization_url, somebody(), mint);
    alone.come_back(returned).await
}

/// The same, where only the claims are others.
async fn with_claims(alone: &Alone, change: impl FnOnce(&mut Value) + Send + 'static) -> Outcome {
    with_token(alone, |key, mut claims| {
        change(&mut claims);
        key.sign(&claims)
    })
    .await
}

#[track_caller]
fn assert_token_refused(outcome: Outcome, expected: IdTokenError) {
    assert_eq!(refusal(outcome), OidcRefusal::IdToken(expected));
}

/// Which check failed may depend on how it is made; that one did does not.
#[track_caller]
fn assert_some_check_failed(outcome: Outcome) {
    let refusal = refusal(outcome);
    assert!(matches!(refusal, OidcRefusal::IdToken(_)), "{refusal:?}");
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn which_check_failed_is_in_the_access_log_and_not_in_the_answer() {
    let client = nobody().await;
    let begun = begin(&client, "open").await;
    let returned = issuer().sign_in_saying(&begun.url, somebody(), |key, mut claims| {
        claims["aud"] = json!("another");
        key.sign(&claims)
    });
    let answer = finish(&client, "open", &body(&returned, &begun.binding)).await;
    let problem = answer.problem(401, "outside_sign_in_refused");
    assert_eq!(problem["detail"], "What the issuer says cannot be relied on.");
    assert_refused(&answer, 401, "outside_sign_in_refused", "open: the ID token is for another client").await;
}

#[tokio::test]
async fn no_algorithm_and_one_with_a_shared_secret_are_refused() {
    let alone = Alone::start().await;
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let outcome = with_token(&alone, move |key, claims| {
            let head = json!({ "alg": none, "typ": "JWT", "kid": key.kid });
            format!("{}.{}.", part(&head), part(&claims))
        });
        assert_token_refused(outcome.await, IdTokenError::WrongAlgorithm);
    }
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        // The secret is what everybody knows: the public key.
        let outcome = with_token(&alone, move |key, claims| {
            let mut head = Header::new(algorithm);
            head.kid = Some(key.kid.clone());
            let secret = EncodingKey::from_secret(json!(key.public()).to_string().as_bytes());
            jsonwebtoken::encode(&head, &claims, &secret).unwrap()
        });
        assert_token_refused(outcome.await, IdTokenError::WrongAlgorithm);
    }
    for other in ["ES384", "RS512", "PS384", "RS1", "ES256K"] {
        let outcome = with_token(&alone, move |key, claims| {
            let signed = key.sign(&claims);
            let (_, rest) = signed.split_once('.').unwrap();
            format!("{}.{rest}", part(&json!({ "alg": other, "kid": key.kid })))
        });
        assert_token_refused(outcome.await, IdTokenError::WrongAlgorithm);
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_issuers_is_refused_however_the_token_speaks_of_it() {
    let (alone, stranger) = (Alone::start().await, SigningKey::generate(Algorithm::ES256));
    let (one, other, third) = (stranger.clone(), stranger.clone(), stranger);
    assert_token_refused(with_token(&alone, move |_, claims| one.sign(&claims)).await, IdTokenError::UnknownKey);
    // Under the name of the issuer's own.
    let outcome = with_token(&alone, move |key, claims| {
        let mut head = other.header();
        head.kid = Some(key.kid.clone());
        other.sign_with(&head, &claims)
    });
    assert_token_refused(outcome.await, IdTokenError::BadSignature);
    // In the token itself, which is believed in nothing.
    let outcome = with_token(&alone, move |key, claims| {
        let mut head = third.header();
        head.kid = Some(key.kid.clone());
        head.jwk = Some(third.public().clone());
        head.jku = Some("https://evil.example/keys".to_owned());
        third.sign_with(&head, &claims)
    });
    assert_token_refused(outcome.await, IdTokenError::BadSignature);
}

#[tokio::test]
async fn a_token_that_was_changed_or_is_none_is_refused() {
    let alone = Alone::start().await;
    let outcome = with_token(&alone, |key, claims| {
        let signed = key.sign(&claims);
        let parts: Vec<&str> = signed.split('.').collect();
        let changed = saying(&claims, &json!({ "sub": "somebody else" }));
        format!("{}.{}.{}", parts[0], part(&changed), parts[2])
    });
    assert_token_refused(outcome.await, IdTokenError::BadSignature);
    for none in ["", "a.b.c", "not a token", "e30.e30.e30", "....."] {
        let outcome = with_token(&alone, move |_, _| none.to_owned()).await;
        assert_token_refused(outcome, IdTokenError::Malformed);
    }
    let outcome = with_token(&alone, |key, claims| {
        let mut head = key.header();
        head.crit = Some(vec!["exp".to_owned()]);
        key.sign_with(&head, &claims)
    });
    assert_token_refused(outcome.await, IdTokenError::Malformed);
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_client_is_refused() {
    let alone = Alone::start().await;
    for iss in [json!("https://accounts.example.com"), json!(format!("{}/", alone.issuer.url())), json!("")] {
        let outcome = with_claims(&alone, move |claims| claims["iss"] = iss).await;
        assert_token_refused(outcome, IdTokenError::WrongIssuer);
    }
    assert_some_check_failed(with_claims(&alone, |claims| claims["iss"] = Value::Null).await);
    for aud in [json!("another"), json!(["another"]), json!(["another", "muster"])] {
        let outcome = with_claims(&alone, move |claims| claims["aud"] = aud).await;
        assert_token_refused(outcome, IdTokenError::WrongAudience);
    }
    assert_some_check_failed(with_claims(&alone, |claims| claims["aud"] = json!([])).await);
    let outcome = with_claims(&alone, |claims| claims["azp"] = json!("another")).await;
    assert_token_refused(outcome, IdTokenError::WrongAudience);
    for (aud, azp) in [(json!(["muster"]), None), (json!(["another", "muster"]), Some("muster"))] {
        let outcome = with_claims(&alone, move |claims| {
            claims["aud"] = aud;
            if let Some(azp) = azp {
                claims["azp"] = json!(azp);
            }
        });
        let outcome = outcome.await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_token_of_another_time_is_refused() {
    let (alone, now) = (Alone::start().await, Utc::now().timestamp());
    for (claim, at, expected) in [
        ("exp", now - 90, IdTokenError::Expired),
        ("exp", 0, IdTokenError::Expired),
        ("iat", now + 600, IdTokenError::NotYetValid),
        ("nbf", now + 600, IdTokenError::NotYetValid),
        ("exp", i64::MAX, IdTokenError::Malformed),
    ] {
        assert_token_refused(with_claims(&alone, move |claims| claims[claim] = json!(at)).await, expected);
    }
    for claim in ["exp", "iat", "iss", "aud", "sub"] {
        let outcome = with_claims(&alone, move |claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert_some_check_failed(outcome.await);
    }
}

#[tokio::test]
async fn a_token_of_another_sign_in_is_refused() {
    let alone = Alone::start().await;
    let other: reqwest::Url = alone.begin().await.unwrap().authorization_url.parse().unwrap();
    let nonce = other.query_pairs().find(|(name, _)| name == "nonce").unwrap().1.into_owned();
    for nonce in [json!(nonce), json!(""), Value::Null] {
        let outcome = with_claims(&alone, move |claims| claims["nonce"] = nonce).await;
        assert_token_refused(outcome, IdTokenError::WrongNonce);
    }
    let outcome = with_claims(&alone, |claims| {
        claims.as_object_mut().unwrap().remove("nonce");
    });
    assert_token_refused(outcome.await, IdTokenError::WrongNonce);
}

#[tokio::test]
async fn whoever_has_no_name_over_there_is_nobody_here() {
    let alone = Alone::start().await;
    for sub in [json!(""), json!("a".repeat(256)), json!(7), Value::Null] {
        assert_some_check_failed(with_claims(&alone, move |claims| claims["sub"] = sub).await);
    }
    let outcome = with_claims(&alone, |claims| claims["sub"] = json!("a".repeat(255))).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn a_sign_in_that_was_not_strong_enough_over_there_is_refused() {
    let alone = Alone::with(json!({ "acr_values": ["gold", "silver"], "amr": ["mfa"] })).await;
    let strong = async |acr: &'static str, amr: Value| {
        let change = move |claims: &mut Value| {
            claims["acr"] = json!(acr);
            claims["amr"] = amr;
        };
        with_claims(&alone, change).await
    };
    let outcome = strong("silver", json!(["pwd", "mfa"])).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    for (acr, amr) in [
        ("bronze", json!(["pwd", "mfa"])),
        ("silver", json!(["pwd"])),
        ("silver", json!([])),
        ("gold silver", json!(["mfa"])),
    ] {
        assert_token_refused(strong(acr, amr).await, IdTokenError::TooWeak);
    }
    assert_token_refused(with_claims(&alone, |_| {}).await, IdTokenError::TooWeak);
    let url = alone.begin().await.unwrap().authorization_url;
    assert!(url.contains("acr_values=gold+silver"), "it is asked for: {url}");
}
