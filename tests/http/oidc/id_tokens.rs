//! ID tokens that are none: each is handed out by a real issuer for a real code, and none signs anybody in.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use muster_tests::client::Answer;
use muster_tests::issuer::SigningKey;
use serde_json::{Value, json};

use super::{assert_refused, begin, body, finish, issuer, saying, sign_in, somebody};
use crate::support::nobody;

/// Somebody comes back, and the issuer makes this ID token of what an honest one would say of them.
async fn with_token(provider: &str, mint: impl FnOnce(&SigningKey, Value) -> String + Send + 'static) -> Answer {
    let client = nobody().await;
    let begun = begin(&client, provider).await;
    let returned = issuer().sign_in_saying(&begun.url, somebody(), mint);
    finish(&client, provider, &body(&returned, &begun.binding)).await
}

/// The same, where only the claims are others.
async fn with_claims(provider: &str, change: impl FnOnce(&mut Value) + Send + 'static) -> Answer {
    with_token(provider, |key, mut claims| {
        change(&mut claims);
        key.sign(&claims)
    })
    .await
}

async fn assert_token_refused(answer: &Answer, reason: &str) {
    assert_refused(answer, 401, "outside_sign_in_refused", reason).await;
    let detail = &answer.problem(401, "outside_sign_in_refused")["detail"];
    assert_eq!(detail, "What the issuer says cannot be relied on.", "which check failed is nobody's business");
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn no_algorithm_and_one_with_a_shared_secret_are_refused() {
    let reason = "the ID token names another algorithm";
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let answer = with_token("open", move |key, claims| {
            let head = json!({ "alg": none, "typ": "JWT", "kid": key.kid });
            format!("{}.{}.", part(&head), part(&claims))
        });
        assert_token_refused(&answer.await, reason).await;
    }
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        // The secret is what everybody knows: the public key.
        let answer = with_token("open", move |key, claims| {
            let mut head = Header::new(algorithm);
            head.kid = Some(key.kid.clone());
            let secret = EncodingKey::from_secret(json!(key.public()).to_string().as_bytes());
            jsonwebtoken::encode(&head, &claims, &secret).unwrap()
        });
        assert_token_refused(&answer.await, reason).await;
    }
    for other in ["ES384", "RS512", "PS384", "RS1", "ES256K"] {
        let answer = with_token("open", move |key, claims| {
            let signed = key.sign(&claims);
            let (_, rest) = signed.split_once('.').unwrap();
            format!("{}.{rest}", part(&json!({ "alg": other, "kid": key.kid })))
        });
        assert_token_refused(&answer.await, reason).await;
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_issuers_is_refused_however_the_token_speaks_of_it() {
    let stranger = SigningKey::generate(Algorithm::ES256);
    let (one, other, third) = (stranger.clone(), stranger.clone(), stranger.clone());
    assert_token_refused(&with_token("open", move |_, claims| one.sign(&claims)).await, "an unknown key").await;
    // Under the name of the issuer's own.
    let answer = with_token("open", move |key, claims| {
        let mut head = other.header();
        head.kid = Some(key.kid.clone());
        other.sign_with(&head, &claims)
    });
    assert_token_refused(&answer.await, "the ID token's signature is wrong").await;
    // In the token itself, which is believed in nothing.
    let answer = with_token("open", move |key, claims| {
        let mut head = third.header();
        head.kid = Some(key.kid.clone());
        head.jwk = Some(third.public().clone());
        head.jku = Some("https://evil.example/keys".to_owned());
        third.sign_with(&head, &claims)
    });
    assert_token_refused(&answer.await, "the ID token's signature is wrong").await;
}

#[tokio::test]
async fn a_token_that_was_changed_or_is_none_is_refused() {
    let answer = with_token("open", |key, claims| {
        let signed = key.sign(&claims);
        let parts: Vec<&str> = signed.split('.').collect();
        let changed = saying(&claims, &json!({ "sub": "somebody else" }));
        format!("{}.{}.{}", parts[0], part(&changed), parts[2])
    });
    assert_token_refused(&answer.await, "the ID token's signature is wrong").await;
    for none in ["", "a.b.c", "not a token", "e30.e30.e30", "....."] {
        assert_token_refused(&with_token("open", move |_, _| none.to_owned()).await, "the ID token is malformed").await;
    }
    let answer = with_token("open", |key, claims| {
        let mut head = key.header();
        head.crit = Some(vec!["exp".to_owned()]);
        key.sign_with(&head, &claims)
    });
    assert_token_refused(&answer.await, "the ID token is malformed").await;
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_client_is_refused() {
    for iss in [json!("https://accounts.example.com"), json!(format!("{}/", issuer().url())), json!(""), Value::Null] {
        let answer = with_claims("open", move |claims| claims["iss"] = iss).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    let answer = with_claims("open", |claims| claims["iss"] = json!("https://accounts.example.com")).await;
    assert_token_refused(&answer, "the ID token is of another issuer").await;
    let reason = "the ID token is for another client";
    for aud in [json!("muster-groups"), json!(["muster-groups"]), json!([]), json!(["muster-groups", "muster-open"])] {
        assert_token_refused(&with_claims("open", move |claims| claims["aud"] = aud).await, reason).await;
    }
    let answer = with_claims("open", |claims| claims["azp"] = json!("muster-groups")).await;
    assert_token_refused(&answer, reason).await;
    for (aud, azp) in
        [(json!(["muster-open"]), Value::Null), (json!(["muster-groups", "muster-open"]), json!("muster-open"))]
    {
        let answer = with_claims("open", move |claims| {
            claims["aud"] = aud;
            if !azp.is_null() {
                claims["azp"] = azp;
            }
        });
        answer.await.is(200);
    }
}

#[tokio::test]
async fn a_token_of_another_time_is_refused() {
    let now = Utc::now().timestamp();
    for (claim, at, reason) in [
        ("exp", now - 90, "the ID token has expired"),
        ("exp", 0, "the ID token has expired"),
        ("iat", now + 600, "the ID token is not valid yet"),
        ("nbf", now + 600, "the ID token is not valid yet"),
        ("exp", i64::MAX, "the ID token is malformed"),
    ] {
        assert_token_refused(&with_claims("open", move |claims| claims[claim] = json!(at)).await, reason).await;
    }
    with_claims("open", move |claims| claims["exp"] = json!(now - 20)).await.is(200);
    for claim in ["exp", "iat", "iss", "aud", "sub"] {
        let answer = with_claims("open", move |claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert_eq!(answer.await.status, 401, "without {claim}");
    }
}

#[tokio::test]
async fn a_token_of_another_sign_in_is_refused() {
    let reason = "the ID token is of another sign-in";
    let other = begin(&nobody().await, "open").await;
    let url: reqwest::Url = other.url.parse().unwrap();
    let nonce = url.query_pairs().find(|(name, _)| name == "nonce").unwrap().1.into_owned();
    for nonce in [json!(nonce), json!(""), Value::Null] {
        assert_token_refused(&with_claims("open", move |claims| claims["nonce"] = nonce).await, reason).await;
    }
    let answer = with_claims("open", |claims| {
        claims.as_object_mut().unwrap().remove("nonce");
    });
    assert_token_refused(&answer.await, reason).await;
}

#[tokio::test]
async fn whoever_has_no_name_over_there_is_nobody_here() {
    for sub in [json!(""), json!("a".repeat(256)), json!(7), Value::Null] {
        assert_eq!(with_claims("open", move |claims| claims["sub"] = sub).await.status, 401);
    }
    let longest = saying(&somebody(), &json!({ "sub": format!("{}{}", uuid::Uuid::new_v4(), "a".repeat(219)) }));
    sign_in("open", &longest).await.is(200);
}

#[tokio::test]
async fn a_sign_in_that_was_not_strong_enough_over_there_is_refused() {
    let strong = |acr: Value, amr: Value| saying(&somebody(), &json!({ "acr": acr, "amr": amr }));
    sign_in("strong", &strong(json!("silver"), json!(["pwd", "mfa"]))).await.is(200);
    for (acr, amr) in [
        (json!("bronze"), json!(["pwd", "mfa"])),
        (json!("silver"), json!(["pwd"])),
        (json!("silver"), json!([])),
        (json!("gold silver"), json!(["mfa"])),
    ] {
        let answer = sign_in("strong", &strong(acr, amr)).await;
        assert_token_refused(&answer, "the issuer did not sign them in as strongly as is asked").await;
    }
    let begun = begin(&nobody().await, "strong").await;
    assert!(begun.url.contains("acr_values=gold+silver"), "it is asked for: {}", begun.url);
}
