//! An issuer of OpenID Connect on this computer that says whatever a test wants it to say. It is a real one as far as calls go:
//! discovery, keys, tokens and what it knows of somebody come over HTTP. Only its sign-in page is left out: a test says who signs
//! in there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Url;
use serde_json::{Value, json};
use uuid::Uuid;

/// How many bytes of PKCS #8 stand before the RSA key of 2048 bits that the library wants.
const BEFORE_RSA_KEY: usize = 26;

/// A key to sign with.
#[derive(Clone)]
pub struct SigningKey {
    /// As tokens name it.
    pub kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
    public: Jwk,
}

impl SigningKey {
    /// A new key for this algorithm.
    pub fn generate(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let key = if algorithm == Algorithm::ES256 {
            let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            EncodingKey::from_ec_der(der.as_ref())
        } else if algorithm == Algorithm::EdDSA {
            EncodingKey::from_ed_der(Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref())
        } else {
            assert!(matches!(algorithm, Algorithm::RS256 | Algorithm::PS256), "no key for {algorithm:?}");
            let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
            EncodingKey::from_rsa_der(&der.as_ref()[BEFORE_RSA_KEY..])
        };
        let mut public = Jwk::from_encoding_key(&key, algorithm).unwrap();
        let kid = Uuid::new_v4().simple().to_string();
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Self { kid, algorithm, key, public }
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    /// The head of such a token.
    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        header
    }

    /// A token with this head.
    pub fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    /// The public half.
    pub const fn public(&self) -> &Jwk {
        &self.public
    }

    /// The same key under the name of another, or said to be for another algorithm or use.
    #[must_use]
    pub fn said_to_be(mut self, kid: &str, algorithm: Option<KeyAlgorithm>, purpose: PublicKeyUse) -> Self {
        kid.clone_into(&mut self.kid);
        self.public.common.key_id = Some(kid.to_owned());
        self.public.common.key_algorithm = algorithm;
        self.public.common.public_key_use = Some(purpose);
        self
    }
}

/// Makes the ID token of one sign-in, from what an honest issuer would say.
type Mint = Box<dyn FnOnce(&SigningKey, Value) -> String + Send>;

/// Somebody who signed in, until their code is redeemed.
struct Grant {
    asked: BTreeMap<String, String>,
    claims: Value,
    mint: Mint,
}

struct Inner {
    url: String,
    description: Value,
    keys: Vec<SigningKey>,
    grants: HashMap<String, Grant>,
    /// By access token.
    known: HashMap<String, Value>,
    answers: StatusCode,
    asked: BTreeMap<&'static str, usize>,
}

/// The issuer. It ends with the test program.
#[derive(Clone)]
pub struct Issuer(Arc<Mutex<Inner>>);

/// What somebody comes back with.
#[derive(Clone, Debug)]
pub struct Returned {
    /// Stands for their sign-in.
    pub code: String,
    /// What they were sent there with.
    pub state: String,
    /// Who sent them back.
    pub iss: String,
}

impl Issuer {
    /// At a free port, with a thread of its own: tests come and go.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let description = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "authorization_response_iss_parameter_supported": true,
        });
        let issuer = Self(Arc::new(Mutex::new(Inner {
            url,
            description,
            keys: vec![SigningKey::generate(Algorithm::ES256)],
            grants: HashMap::new(),
            known: HashMap::new(),
            answers: StatusCode::OK,
            asked: BTreeMap::new(),
        })));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(issuer.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await.unwrap();
            });
        });
        issuer
    }

    fn inner<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Its address, as its tokens say it.
    pub fn url(&self) -> String {
        self.inner(|inner| inner.url.clone())
    }

    /// Changes what it says of itself.
    pub fn describe(&self, name: &str, value: Value) {
        self.inner(|inner| inner.description[name] = value);
    }

    /// Signs with another key from now on; the one before is withdrawn. The new one.
    pub fn rotate(&self, key: SigningKey) -> SigningKey {
        self.inner(|inner| inner.keys = vec![key.clone()]);
        key
    }

    /// Publishes these keys, too; it does not sign with them.
    pub fn publish(&self, key: SigningKey) {
        self.inner(|inner| inner.keys.push(key));
    }

    /// Answers everything with this status from now on, if it is no success.
    pub fn answer_with(&self, status: u16) {
        self.inner(|inner| inner.answers = StatusCode::from_u16(status).unwrap());
    }

    /// How often it was asked for this: `description`, `keys`, `token`, `userinfo`.
    pub fn asked_for(&self, what: &str) -> usize {
        self.inner(|inner| inner.asked.get(what).copied().unwrap_or_default())
    }

    /// Somebody who was sent to this address signs in; these are what the ID token says of them beside what it must.
    pub fn sign_in(&self, authorization_url: &str, claims: Value) -> Returned {
        self.sign_in_saying(authorization_url, claims, |key, claims| key.sign(&claims))
    }

    /// The same, with an ID token that is made like this.
    pub fn sign_in_saying(
        &self,
        authorization_url: &str,
        claims: Value,
        mint: impl FnOnce(&SigningKey, Value) -> String + Send + 'static,
    ) -> Returned {
        let url: Url = authorization_url.parse().unwrap();
        assert_eq!(
            format!("{}{}", url.origin().ascii_serialization(), url.path()),
            format!("{}/authorize", self.url())
        );
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked.len(), url.query_pairs().count(), "nothing is asked twice: {url}");
        assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"));
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{url}");
        assert!(asked["nonce"].len() >= 43 && asked["code_challenge"].len() == 43, "{url}");
        let (code, state) = (Uuid::new_v4().to_string(), asked["state"].clone());
        let grant = Grant { asked, claims, mint: Box::new(mint) };
        self.inner(|inner| inner.grants.insert(code.clone(), grant));
        Returned { code, state, iss: self.url() }
    }

    /// Counts a request, and refuses it if the issuer is out of order.
    fn count(&self, what: &'static str) -> Result<(), StatusCode> {
        self.inner(|inner| {
            *inner.asked.entry(what).or_default() += 1;
            if inner.answers.is_success() { Ok(()) } else { Err(inner.answers) }
        })
    }
}

async fn describe(State(issuer): State<Issuer>) -> Result<Json<Value>, StatusCode> {
    issuer.count("description")?;
    Ok(Json(issuer.inner(|inner| inner.description.clone())))
}

async fn keys(State(issuer): State<Issuer>) -> Result<Json<Value>, StatusCode> {
    issuer.count("keys")?;
    let keys: Vec<Value> = issuer.inner(|inner| inner.keys.iter().map(|key| json!(key.public)).collect());
    Ok(Json(json!({ "keys": keys })))
}

async fn token(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    if let Err(status) = issuer.count("token") {
        return status.into_response();
    }
    let error = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "authorization_code" {
        return error("unsupported_grant_type");
    }
    // A code is good once, whether what comes with it is right or not.
    let Some(grant) = issuer.inner(|inner| inner.grants.remove(field("code"))) else { return error("invalid_grant") };
    let client = basic(&headers).unwrap_or_else(|| field("client_id").to_owned());
    if client != grant.asked["client_id"] {
        return error("invalid_client");
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, field("code_verifier").as_bytes()));
    if challenge != grant.asked["code_challenge"] || field("redirect_uri") != grant.asked["redirect_uri"] {
        return error("invalid_grant");
    }
    let now = Utc::now().timestamp();
    let mut claims = json!({
        "iss": issuer.url(),
        "aud": client,
        "iat": now,
        "exp": now + 300,
        "nonce": grant.asked["nonce"],
    });
    claims.as_object_mut().unwrap().extend(grant.claims.as_object().unwrap().clone());
    let key = issuer.inner(|inner| inner.keys[0].clone());
    let (id_token, access_token) = ((grant.mint)(&key, claims.clone()), Uuid::new_v4().to_string());
    issuer.inner(|inner| inner.known.insert(access_token.clone(), claims));
    Json(json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token }))
        .into_response()
}

/// What it knows of somebody beside the ID token: what the claim `userinfo` said, or else nothing but who they are.
async fn userinfo(State(issuer): State<Issuer>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    issuer.count("userinfo")?;
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = token.and_then(|token| issuer.inner(|inner| inner.known.get(token).cloned()));
    let known = known.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(known.get("userinfo").cloned().unwrap_or_else(|| json!({ "sub": known["sub"] }))))
}

/// The client that a header names; its secret is not asked for.
fn basic(headers: &HeaderMap) -> Option<String> {
    let pair = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
    pair.split_once(':').map(|(id, _)| id.to_owned())
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Issuer").field(&self.url()).finish()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}
