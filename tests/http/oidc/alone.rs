//! What needs an issuer of its own, or a clock: the identity room by itself, over an issuer in this process.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{KeyAlgorithm, PublicKeyUse};
use muster_domain::ports::Clock;
use muster_embedded::Engine;
use muster_handlers::wiring::identity_tables;
use muster_identity::{
    BeginOidcError, Binding, FinishOidcError, IdTokenError, Identity, IssuerError, OidcBegun, OidcRefusal, OidcReturn,
    OutsidePerson, ServerSecret, SigningKey as AccessKey, TokenSettings,
};
use muster_tests::issuer::{Issuer, Returned, SigningKey};
use muster_tests::tables::{PREFIX, create_tables};
use serde_json::{Value, json};

use super::somebody;

/// Stands still unless it is told to go on.
#[derive(Debug)]
struct StoodStill(Mutex<DateTime<Utc>>);

impl Clock for StoodStill {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// The identity room over an issuer and a store of its own.
pub(super) struct Alone {
    pub(super) issuer: Issuer,
    identity: Identity,
    clock: Arc<StoodStill>,
    binding: Binding,
}

impl Alone {
    pub(super) async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// The same, where the issuer is trusted otherwise.
    pub(super) async fn with(more: Value) -> Self {
        let issuer = Issuer::start();
        let mut provider = json!({
            "id": "alone", "name": "Alone", "issuer": issuer.url(), "client_id": "muster",
            "redirect_uris": ["https://tasks.example.com/alone"],
        });
        provider.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let settings = json!({ "providers": [provider] }).to_string().parse().unwrap();
        let client = create_tables(&Engine::memory().unwrap()).await.unwrap();
        let clock = Arc::new(StoodStill(Mutex::new(Utc::now())));
        let (signer, secret) = (AccessKey::generate().unwrap(), ServerSecret::generate().unwrap());
        let tokens = TokenSettings::new("muster", "muster");
        let identity =
            Identity::new(&client, &identity_tables(PREFIX), Arc::new(signer), &secret, tokens, clock.clone()).unwrap();
        let identity = identity.with_outside_issuers(&settings).unwrap();
        Self { issuer, identity, clock, binding: Binding::generate().unwrap() }
    }

    pub(super) async fn begin(&self) -> Result<OidcBegun, BeginOidcError> {
        self.identity.begin_outside("alone", None, &self.binding, None).await
    }

    /// Somebody signs in over there, with an ID token of this key or of the issuer's own, and comes back after some time.
    async fn come_in(
        &self,
        claims: Value,
        key: Option<&SigningKey>,
        after: TimeDelta,
    ) -> Result<OutsidePerson, FinishOidcError> {
        let (begun, key) = (self.begin().await.unwrap(), key.cloned());
        let mint = move |own: &SigningKey, claims: Value| key.as_ref().unwrap_or(own).sign(&claims);
        let returned = self.issuer.sign_in_saying(&begun.authorization_url, claims, mint);
        *self.clock.0.lock().unwrap() += after;
        self.come_back(returned).await
    }

    pub(super) async fn come_back(&self, returned: Returned) -> Result<OutsidePerson, FinishOidcError> {
        let (code, state, iss) = (returned.code, returned.state, Some(returned.iss));
        let returned = OidcReturn { code, state, iss, binding: Some(self.binding.clone()) };
        self.identity.finish_outside("alone", &returned, None).await
    }

    async fn come_in_at_once(&self, key: Option<&SigningKey>) -> Result<OutsidePerson, FinishOidcError> {
        self.come_in(somebody(), key, TimeDelta::zero()).await
    }
}

/// Why they were refused.
#[track_caller]
pub(super) fn refusal(outcome: Result<OutsidePerson, FinishOidcError>) -> OidcRefusal {
    match outcome {
        Err(FinishOidcError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn each_algorithm_that_is_allowed_signs_somebody_in() {
    let alone = Alone::start().await;
    let algorithms = [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA];
    let keys = algorithms.map(SigningKey::generate);
    for key in &keys {
        alone.issuer.publish(key.clone());
    }
    for (key, algorithm) in keys.iter().zip(algorithms) {
        let outcome = alone.come_in_at_once(Some(key)).await;
        assert!(outcome.is_ok(), "{algorithm:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_key_for_another_use_or_algorithm_is_no_key_for_this() {
    let alone = Alone::start().await;
    let said_of = [
        (Some(KeyAlgorithm::RS256), PublicKeyUse::Signature, true),
        (None, PublicKeyUse::Signature, true),
        (Some(KeyAlgorithm::PS256), PublicKeyUse::Signature, false),
        (Some(KeyAlgorithm::ES256), PublicKeyUse::Signature, false),
        (None, PublicKeyUse::Encryption, false),
    ];
    let keys = said_of.clone().map(|(algorithm, purpose, _)| {
        let key = SigningKey::generate(Algorithm::RS256);
        let kid = key.kid.clone();
        key.said_to_be(&kid, algorithm, purpose)
    });
    for key in &keys {
        alone.issuer.publish(key.clone());
    }
    for (key, said) in keys.iter().zip(said_of) {
        let outcome = alone.come_in_at_once(Some(key)).await;
        if said.2 {
            assert!(outcome.is_ok(), "{said:?}: {outcome:?}");
        } else {
            assert_eq!(refusal(outcome), IdTokenError::UnknownKey.into(), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_token_that_names_no_key_is_of_the_only_one_that_fits() {
    let alone = Alone::start().await;
    let nameless = |key: &SigningKey, claims: Value| {
        let mut head = key.header();
        head.kid = None;
        key.sign_with(&head, &claims)
    };
    let begun = alone.begin().await.unwrap();
    let returned = alone.issuer.sign_in_saying(&begun.authorization_url, somebody(), nameless);
    assert!(alone.come_back(returned).await.is_ok());
    let other = Alone::start().await;
    other.issuer.publish(SigningKey::generate(Algorithm::ES256));
    let begun = other.begin().await.unwrap();
    let returned = other.issuer.sign_in_saying(&begun.authorization_url, somebody(), nameless);
    assert_eq!(refusal(other.come_back(returned).await), IdTokenError::UnknownKey.into(), "which of two?");
}

#[tokio::test]
async fn somebody_may_take_ten_minutes_to_sign_in_over_there() {
    let alone = Alone::start().await;
    let long = json!({ "exp": Utc::now().timestamp() + 3_600 });
    let claims = super::saying(&somebody(), &long);
    assert!(alone.come_in(claims.clone(), None, TimeDelta::seconds(599)).await.is_ok());
    assert_eq!(refusal(alone.come_in(claims, None, TimeDelta::seconds(600)).await), OidcRefusal::State);
}

#[tokio::test]
async fn the_clocks_may_be_a_minute_apart() {
    let alone = Alone::start().await;
    let now = alone.clock.now().timestamp();
    let claims = |exp: i64, iat: i64| super::saying(&somebody(), &json!({ "exp": exp, "iat": iat }));
    let outcome = async |exp, iat| alone.come_in(claims(exp, iat), None, TimeDelta::zero()).await;
    assert!(outcome(now - 59, now - 300).await.is_ok());
    assert!(outcome(now + 300, now + 60).await.is_ok());
    assert_eq!(refusal(outcome(now - 60, now - 300).await), IdTokenError::Expired.into());
    assert_eq!(refusal(outcome(now + 300, now + 62).await), IdTokenError::NotYetValid.into());
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_followed_and_keys_that_are_made_up_are_not_looked_for_each_time() {
    let alone = Alone::start().await;
    assert!(alone.come_in_at_once(None).await.is_ok());
    assert_eq!(alone.issuer.asked_for("keys"), 1);
    let old = alone.issuer.rotate(SigningKey::generate(Algorithm::RS256));
    assert!(alone.come_in_at_once(None).await.is_ok(), "it signs with the new one");
    assert_eq!(alone.issuer.asked_for("keys"), 2);
    alone.issuer.rotate(SigningKey::generate(Algorithm::ES256));
    for _ in 0..5 {
        assert_eq!(refusal(alone.come_in_at_once(None).await), IdTokenError::UnknownKey.into(), "not within a minute");
    }
    assert!(alone.come_in_at_once(Some(&old)).await.is_ok(), "what is remembered is good until it is asked for again");
    assert_eq!((alone.issuer.asked_for("keys"), alone.issuer.asked_for("description")), (2, 1));
}

#[tokio::test]
async fn many_who_begin_at_once_ask_the_issuer_once() {
    let alone = Alone::start().await;
    let begun = join_all((0..20).map(|_| alone.begin())).await;
    assert!(begun.iter().all(Result::is_ok));
    assert_eq!((alone.issuer.asked_for("description"), alone.issuer.asked_for("keys")), (1, 1));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_left_alone_for_a_moment() {
    let alone = Alone::start().await;
    alone.issuer.answer_with(500);
    let first = alone.begin().await;
    assert!(matches!(first, Err(BeginOidcError::Issuer(IssuerError::Away { .. }))), "{first:?}");
    for outcome in join_all((0..20).map(|_| alone.begin())).await {
        assert!(matches!(outcome, Err(BeginOidcError::Issuer(IssuerError::AwayAMomentAgo))), "{outcome:?}");
    }
    assert_eq!(alone.issuer.asked_for("description"), 1);
}

#[tokio::test]
async fn an_issuer_whose_endpoints_could_be_heard_by_others_is_not_used() {
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        let alone = Alone::start().await;
        alone.issuer.describe(name, json!("http://issuer.example.com/"));
        let outcome = alone.begin().await;
        assert!(matches!(outcome, Err(BeginOidcError::Issuer(IssuerError::Contradiction(_)))), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_issuer_that_names_an_endpoint_on_another_host_is_not_used_unless_the_operator_knows_of_it() {
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        let alone = Alone::start().await;
        alone.issuer.describe(name, json!("https://tokens.example.com/"));
        let outcome = alone.begin().await;
        assert!(matches!(outcome, Err(BeginOidcError::Issuer(IssuerError::Contradiction(_)))), "{name}: {outcome:?}");
    }
    let alone = Alone::with(json!({ "endpoint_hosts": ["tokens.example.com"] })).await;
    alone.issuer.describe("authorization_endpoint", json!("https://tokens.example.com/authorize"));
    let begun = alone.begin().await.unwrap();
    assert!(
        begun.authorization_url.starts_with("https://tokens.example.com/authorize?"),
        "{}",
        begun.authorization_url
    );
}

#[tokio::test]
async fn what_the_id_token_leaves_out_is_asked_for_and_it_must_be_of_the_same_person() {
    let alone = Alone::with(json!({ "roles": { "map": { "leads": "manager" } } })).await;
    let said = json!({ "sub": "ada", "email": "ada@example.com", "email_verified": true, "groups": ["leads"] });
    let person = alone.come_in(json!({ "sub": "ada", "userinfo": said }), None, TimeDelta::zero()).await.unwrap();
    assert_eq!(person.verified_email.as_deref(), Some("ada@example.com"));
    assert_eq!(person.role, muster_identity::OutsideRole::Is(muster_domain::user::Role::Manager));
    assert_eq!(alone.issuer.asked_for("userinfo"), 1);

    let of_another = json!({ "sub": "ben", "userinfo": said });
    assert_eq!(refusal(alone.come_in(of_another, None, TimeDelta::zero()).await), OidcRefusal::TwoPeople);
    alone.come_in_at_once(None).await.unwrap();
    assert_eq!(alone.issuer.asked_for("userinfo"), 2, "not where the ID token says it all");
}

#[tokio::test]
async fn an_id_token_does_not_vouch_for_an_address_that_is_said_elsewhere() {
    let alone = Alone::start().await;
    let verified_email = async |more: Value| {
        let mut said = json!({ "sub": "ada", "email": "somebody-else@example.com" });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let claims = json!({ "sub": "ada", "email_verified": true, "userinfo": said });
        alone.come_in(claims, None, TimeDelta::zero()).await.unwrap().verified_email
    };
    assert_eq!(verified_email(json!({})).await, None);
    assert_eq!(verified_email(json!({ "email_verified": false })).await, None);
    assert_eq!(verified_email(json!({ "email_verified": true })).await.as_deref(), Some("somebody-else@example.com"));
}

#[tokio::test]
async fn an_issuer_that_does_not_know_us_is_no_fault_of_the_person() {
    let alone = Alone::start().await;
    let begun = alone.begin().await.unwrap();
    let returned =
        alone.issuer.sign_in(&begun.authorization_url.replace("client_id=muster", "client_id=another"), somebody());
    let outcome = alone.come_back(returned).await;
    let refused =
        matches!(outcome, Err(FinishOidcError::Issuer(IssuerError::RefusesUs { error: "invalid_client", .. })));
    assert!(refused, "{outcome:?}");
}
