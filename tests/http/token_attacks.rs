//! Tokens that somebody forged, changed, copied or kept: each is refused, and does nothing.
//!
//! Most are signed with the server's own key, which these tests read from its data directory, so that what is refused is what
//! the token says and not that its signature is wrong.

use std::fmt::Display;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use muster_handlers::clock::SystemClock;
use muster_identity::{AccessTokens, SessionId, SigningKey, TokenSettings, TokenSigner as _};
use muster_projections::directory::UserDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PASSWORD, Person, admin, log_in, member, nobody, server};
use crate::tokens::{claims, encoded, part, signed, the_servers_key};

/// A good token taken apart, and the keys of the server and of somebody else.
struct Bench {
    victim: Person,
    head: Value,
    claims: Value,
    key: Arc<SigningKey>,
    attacker: SigningKey,
    attacks: Vec<(String, String)>,
}

impl Bench {
    async fn new() -> Self {
        let victim = member().await;
        Self {
            head: part(victim.client.token(), 0),
            claims: claims(victim.client.token()),
            key: the_servers_key(&server().await.data()),
            attacker: SigningKey::generate().unwrap(),
            attacks: Vec::new(),
            victim,
        }
    }

    fn add(&mut self, what: &str, token: impl Into<String>) {
        self.attacks.push((what.to_owned(), token.into()));
    }

    /// A token of the server's key whose header has this instead; null takes it away.
    async fn with_head(&mut self, name: &str, value: Value) {
        let token = signed(&self.key, &changed(&self.head, name, &value), &self.claims).await;
        self.add(&format!("{name} {value:.60} in the header"), token);
    }

    /// The same with a claim.
    async fn with_claim(&mut self, name: &str, value: Value) {
        let token = signed(&self.key, &self.head, &changed(&self.claims, name, &value)).await;
        self.add(&format!("{name} {value:.60}"), token);
    }

    /// A token of the attacker's key whose header has this, too.
    async fn forged_with(&mut self, name: &str, value: Value) {
        let head = changed(&self.head, name, &value);
        let token = signed(&self.attacker, &head, &self.claims).await;
        self.add(&format!("another key, with {name} in the header"), token);
    }
}

fn changed(object: &Value, name: &str, value: &Value) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value.clone())
    };
    object
}

/// What a caller with this token wants to do: an attack that gets through leaves a name behind.
pub(crate) async fn rename(token: &str) -> muster_tests::client::Answer {
    nobody().await.with_token(token).put("/profile").json(&json!({ "name": "Mallory" })).send().await
}

/// Each of these tokens, of which it is said what is wrong with it, is refused.
pub(crate) async fn refused<W: Display>(attacks: &[(W, String)]) {
    for (what, token) in attacks {
        let answer = rename(token).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
    }
}

/// Nothing was done to this account, and its own token is as good as before.
pub(crate) async fn unharmed(person: &Person) {
    let user: UserDocument = person.client.get("/profile").send().await.document(200);
    assert_eq!((user.version, user.name.as_str()), (1, "A member"));
}

/// The server's public key, as it is published: its point, as text of a JWK, and as PEM.
async fn public_forms() -> Vec<Vec<u8>> {
    let keys = nobody().await.request("GET", "/.well-known/jwks.json").send().await.is(200).value();
    let jwk = &keys["keys"][0];
    let coordinate = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    // What stands before a point of this curve in a SubjectPublicKeyInfo.
    let prefix: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let spki = [&prefix[..], &point].concat();
    let encoded = BASE64_STANDARD.encode(&spki);
    let (first, second) = encoded.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n");
    vec![point, jwk.to_string().into_bytes(), spki, pem.into_bytes()]
}

/// A signature of two numbers as ASN.1 has it, not as a JWT does.
fn der(signature: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = digits.first().is_some_and(|byte| *byte >= 0x80).then_some(0);
        let body: Vec<u8> = sign.into_iter().chain(digits).collect();
        [vec![2, u8::try_from(body.len()).unwrap()], body].concat()
    };
    let (r, s) = signature.split_at(32);
    let body = [number(r), number(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

#[tokio::test]
async fn what_these_tests_sign_is_good_when_it_says_what_the_server_says() {
    let bench = Bench::new().await;
    let again = signed(&bench.key, &bench.head, &bench.claims).await;
    assert_ne!(again, bench.victim.client.token());
    nobody().await.with_token(&again).get("/profile").send().await.is(200);
}

#[tokio::test]
async fn another_algorithm_or_none_is_refused() {
    let mut bench = Bench::new().await;
    for alg in
        ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "RS256", "PS256", "ES384", "ES512", "EdDSA", "es256"]
    {
        bench.with_head("alg", json!(alg)).await;
        let head = changed(&bench.head, "alg", &json!(alg));
        bench.add(&format!("alg {alg}, unsigned"), format!("{}.{}.", encoded(&head), encoded(&bench.claims)));
    }
    bench.with_head("alg", Value::Null).await;
    bench.with_head("alg", json!(["ES256"])).await;
    for secret in public_forms().await {
        let head = changed(&bench.head, "alg", &json!("HS256"));
        let message = format!("{}.{}", encoded(&head), encoded(&bench.claims));
        let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        bench.add("the public key as an HMAC secret", format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(seal)));
    }
    refused(&bench.attacks).await;
    unharmed(&bench.victim).await;
}

#[tokio::test]
async fn another_key_is_refused_however_the_token_speaks_of_it() {
    let mut bench = Bench::new().await;
    let theirs = bench.attacker.public_key().kid().to_owned();
    bench.forged_with("kid", bench.head["kid"].clone()).await;
    bench.forged_with("kid", json!(theirs)).await;
    let settings = TokenSettings::new("https://attacker.invalid", "muster");
    let own = AccessTokens::new(Arc::new(SigningKey::generate().unwrap()), settings, Arc::new(SystemClock));
    let own = own.also_accepting(bench.attacker.public_key().clone());
    let keys = own.jwks();
    let jwk = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == theirs.as_str()).unwrap().clone();
    bench.forged_with("jwk", jwk).await;
    for name in ["jku", "x5u"] {
        bench.forged_with(name, json!("http://127.0.0.1:9/jwks.json")).await;
    }
    bench.forged_with("x5c", json!([BASE64_STANDARD.encode("a certificate")])).await;
    for kid in
        ["", "unknown", "../../../../dev/null", "/proc/self/environ", "' UNION SELECT 'key' --", "http://127.0.0.1:9/k"]
    {
        bench.with_head("kid", json!(kid)).await;
    }
    for kid in [Value::Null, json!(0), json!([bench.head["kid"]])] {
        bench.with_head("kid", kid).await;
    }
    refused(&bench.attacks).await;
    unharmed(&bench.victim).await;
}

#[tokio::test]
async fn a_token_for_another_time_place_or_purpose_is_refused() {
    let mut bench = Bench::new().await;
    let now = Utc::now().timestamp();
    for (claim, values) in [
        ("exp", vec![json!(now - 60), json!(0), json!(-1), json!(1e300), json!("9999999999"), Value::Null]),
        ("nbf", vec![json!(now + 60), json!("soon")]),
        ("iat", vec![json!(now + 60), Value::Null]),
        ("iss", vec![json!("https://attacker.invalid"), json!(""), json!([bench.claims["iss"]]), Value::Null]),
        (
            "aud",
            vec![json!("another-api"), json!(""), json!([bench.claims["aud"], "another-api"]), json!([]), Value::Null],
        ),
        ("sub", vec![json!(Uuid::nil()), json!("admin"), Value::Null]),
        ("sid", vec![json!(Uuid::new_v4()), json!(1), Value::Null]),
    ] {
        for value in values {
            bench.with_claim(claim, value).await;
        }
    }
    for typ in [Value::Null, json!("JWT"), json!("AT+JWT"), json!("application/at+jwt"), json!("refresh+jwt")] {
        bench.with_head("typ", typ).await;
    }
    for (name, value) in [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false))] {
        let head = changed(&changed(&bench.head, name, &value), "crit", &json!([name]));
        let token = signed(&bench.key, &head, &bench.claims).await;
        bench.add(&format!("{name} {value}, to be understood"), token);
    }
    refused(&bench.attacks).await;
    unharmed(&bench.victim).await;
}

#[tokio::test]
async fn a_token_that_was_changed_after_it_was_signed_is_refused() {
    let mut bench = Bench::new().await;
    let token = bench.victim.client.token().to_owned();
    let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let raw = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let boss = claims(admin().await.token());
    for (name, value) in [("sub", &boss["sub"]), ("sid", &boss["sid"]), ("exp", &json!(9_999_999_999_i64))] {
        let raised = encoded(&changed(&bench.claims, name, value));
        bench.add(&format!("another {name}"), format!("{head}.{raised}.{signature}"));
    }
    for (what, other) in [
        ("no signature", String::new()),
        ("a signature cut short", BASE64_URL_SAFE_NO_PAD.encode(&raw[..63])),
        ("a signature made longer", BASE64_URL_SAFE_NO_PAD.encode([&raw[..], &[0]].concat())),
        ("a signature of zeros", BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
        ("a signature of two equal halves", BASE64_URL_SAFE_NO_PAD.encode([&raw[..32], &raw[..32]].concat())),
        ("a signature in DER", BASE64_URL_SAFE_NO_PAD.encode(der(&raw))),
        ("a signature with padding", BASE64_URL_SAFE.encode(&raw)),
        ("a signature in the other alphabet, padded", BASE64_STANDARD.encode(&raw)),
        ("a signature with bits beyond its end", with_loose_bits(signature)),
    ] {
        bench.add(what, format!("{head}.{body}.{other}"));
    }
    bench.add("a header with padding", format!("{head}==.{body}.{signature}"));
    bench.add("claims with padding", format!("{head}.{body}==.{signature}"));
    bench.add("a further part", format!("{token}.{signature}"));
    bench.add("two parts", format!("{head}.{body}"));
    bench.add("one part", head);
    bench.add("a token and more", format!("{token} {token}"));
    bench.add("a huge token", format!("{head}.{body}.{}", "A".repeat(12_000)));
    bench.add("huge claims", {
        let stuffed = changed(&bench.claims, "more", &json!("x".repeat(8_000)));
        signed(&bench.key, &bench.head, &stuffed).await
    });
    bench.add("a nested token", {
        let text = format!("{}.{}", encoded(&bench.head), BASE64_URL_SAFE_NO_PAD.encode(&token));
        let seal = bench.key.sign(text.as_bytes()).await.unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(seal))
    });
    refused(&bench.attacks).await;
    unharmed(&bench.victim).await;
}

/// The last character of a signature has four bits that mean nothing: one of them is set.
fn with_loose_bits(signature: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = signature.split_at(signature.len() - 1);
    let place = ALPHABET.find(last).unwrap();
    format!("{rest}{}", &ALPHABET[place + 1..place + 2])
}

#[tokio::test]
async fn a_claim_that_is_there_twice_is_refused() {
    let mut bench = Bench::new().await;
    let boss = claims(admin().await.token())["sub"].clone();
    let (head, claims) = (bench.head.to_string(), bench.claims.to_string());
    let begun = |object: &str, first: String| format!("{{{first},{}", &object[1..]);
    for (head, claims) in [
        (head.clone(), begun(&claims, format!("\"sub\":{boss}"))),
        (head.clone(), format!("{},\"sub\":{boss}}}", &claims[..claims.len() - 1])),
        (head.clone(), begun(&claims, "\"exp\":9999999999".to_owned())),
        (begun(&head, "\"alg\":\"none\"".to_owned()), claims.clone()),
        (begun(&head, "\"typ\":\"JWT\"".to_owned()), claims),
    ] {
        let text = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(&head), BASE64_URL_SAFE_NO_PAD.encode(&claims));
        let seal = bench.key.sign(text.as_bytes()).await.unwrap();
        bench.add(&format!("{head} {claims}"), format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(seal)));
    }
    refused(&bench.attacks).await;
    unharmed(&bench.victim).await;
}

#[tokio::test]
async fn a_token_of_another_kind_session_or_installation_is_refused() {
    let mut bench = Bench::new().await;
    let other = member().await;
    bench.add("a refresh token", bench.victim.refresh_token.clone());
    bench.with_claim("sid", claims(other.client.token())["sid"].clone()).await;
    bench.with_claim("sub", json!(other.id)).await;
    let settings = TokenSettings::new(bench.claims["iss"].as_str().unwrap(), bench.claims["aud"].as_str().unwrap());
    let installation = Arc::new(SigningKey::generate().unwrap());
    let issuer = AccessTokens::new(installation, settings, Arc::new(SystemClock));
    let session = SessionId(bench.claims["sid"].as_str().unwrap().parse().unwrap());
    bench.add("a token of another installation", issuer.issue(bench.victim.id, session).await.unwrap());
    refused(&bench.attacks).await;
    unharmed(&bench.victim).await;
    unharmed(&other).await;
    let refresh = json!({ "refresh_token": bench.victim.client.token() });
    nobody().await.post("/users/refresh").json(&refresh).send().await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn a_token_is_taken_from_its_header_and_from_nowhere_else() {
    let victim = member().await;
    let (client, token) = (nobody().await, victim.client.token());
    for parameter in ["access_token", "token", "authorization"] {
        let path = format!("/profile?{parameter}={token}");
        client.get(&path).send().await.problem(401, "unauthenticated");
    }
    for (name, value) in [
        ("cookie", format!("access_token={token}")),
        ("x-access-token", token.to_owned()),
        ("x-forwarded-user", victim.email.clone()),
        ("proxy-authorization", format!("Bearer {token}")),
    ] {
        client.get("/profile").header(name, &value).send().await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_that_was_kept_is_good_for_nothing_after_its_session() {
    let (chief, nobody) = (admin().await, nobody().await);
    let (left, closed) = (member().await, member().await);
    // The same account in another session is not signed out with it.
    let other = log_in(&nobody, &left.email, PASSWORD).await.is(200).value();
    left.client.post("/users/logout").send().await.is(204);
    chief.delete(&format!("/users/{}", closed.id)).send().await.is(200);
    refused(&[
        ("signed out".to_owned(), left.client.token().to_owned()),
        ("deactivated".to_owned(), closed.client.token().to_owned()),
    ])
    .await;
    for token in [&left.refresh_token, &closed.refresh_token] {
        let body = json!({ "refresh_token": token });
        nobody.post("/users/refresh").json(&body).send().await.problem(401, "wrong_credentials");
    }
    nobody.with_token(other["access_token"].as_str().unwrap()).get("/profile").send().await.is(200);
}
