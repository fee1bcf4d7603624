//! Signing in with an outside issuer: one in this process, which is honest unless a test has it lie.

pub(crate) mod accounts;
mod alone;
pub(crate) mod browsers;
mod id_tokens;
pub(crate) mod links;
mod roles;
pub(crate) mod sign_ins;

use std::sync::LazyLock;

use muster_tests::client::{Answer, Client};
use muster_tests::issuer::{Issuer, Returned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{PASSWORD, admin, new_email, nobody};

/// The issuer of all tests that do not need one of their own.
static ISSUER: LazyLock<Issuer> = LazyLock::new(Issuer::start);
/// One that gives itself another address.
static LIAR: LazyLock<Issuer> = LazyLock::new(Issuer::start);
/// Nobody listens there.
const AWAY: &str = "http://127.0.0.1:9";

/// What the shared server is told of outside issuers. Several trust the same one, each as far as it goes.
pub(crate) fn settings() -> Value {
    LIAR.describe("issuer", json!("https://accounts.example.com"));
    let provider = |id: &str, issuer: &str, more: Value| {
        let mut provider = json!({
            "id": id,
            "name": format!("The issuer {id}"),
            "issuer": issuer,
            "client_id": format!("muster-{id}"),
            "redirect_uris": [format!("https://tasks.example.com/{id}"), format!("com.example.{id}:/back")],
        });
        provider.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        provider
    };
    let (url, liar) = (ISSUER.url(), LIAR.url());
    let map = json!({ "map": { "crew": "member", "leads": "manager", "audit": "auditor", "root": "admin" } });
    json!({ "providers": [
        provider("open", &url, json!({ "sign_up": true })),
        provider("known", &url, json!({})),
        provider("linking", &url, json!({ "link_verified_email": true })),
        provider("groups", &url, json!({ "sign_up": true, "roles": map })),
        provider("away", AWAY, json!({ "sign_up": true })),
        provider("liar", &liar, json!({ "sign_up": true })),
    ] })
}

/// The issuer behind most of these.
pub(crate) fn issuer() -> &'static Issuer {
    &ISSUER
}

/// Somebody whom the issuer has never spoken of.
pub(crate) fn somebody() -> Value {
    json!({ "sub": Uuid::new_v4(), "email": new_email(), "email_verified": true, "name": "Ada Elsewhere" })
}

/// The same person, of whom the issuer says something else, too.
pub(crate) fn saying(person: &Value, more: &Value) -> Value {
    let mut person = person.clone();
    person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    person
}

/// A sign-in that was begun by an app.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) binding: String,
}

pub(crate) async fn begin(client: &Client, provider: &str) -> Begun {
    let answer = client.post(&format!("/users/oidc/{provider}/begin")).json(&json!({})).send().await;
    begun(&answer)
}

pub(crate) fn begun(answer: &Answer) -> Begun {
    let begun = answer.is(200).value();
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    assert_eq!((answer.header("cache-control"), &begun["expires_in"]), ("no-store", &json!(600)));
    Begun { url: text("authorization_url"), state: text("state"), binding: text("binding") }
}

/// What an app sends that came back like this.
pub(crate) fn body(returned: &Returned, binding: &str) -> Value {
    json!({ "code": returned.code, "state": returned.state, "iss": returned.iss, "binding": binding })
}

pub(crate) async fn finish(client: &Client, provider: &str, body: &Value) -> Answer {
    client.post(&format!("/users/oidc/{provider}/finish")).json(body).send().await
}

/// Somebody of whom the issuer says this signs in by an app.
pub(crate) async fn sign_in(provider: &str, claims: &Value) -> Answer {
    finish(&nobody().await, provider, &coming_back(provider, claims).await).await
}

/// What they send when they come back.
pub(crate) async fn coming_back(provider: &str, claims: &Value) -> Value {
    let begun = begin(&nobody().await, provider).await;
    body(&issuer().sign_in(&begun.url, claims.clone()), &begun.binding)
}

/// What somebody who is signed in sends when they come back to link who they are there; nothing if they may not begin.
pub(crate) async fn coming_back_to_link(client: &Client, provider: &str, claims: &Value) -> Option<Value> {
    let path = format!("/profile/outside-identities/{provider}/begin");
    let answer = client.post(&path).json(&json!({ "password": PASSWORD })).send().await;
    if answer.status != 200 {
        return None;
    }
    let begun = begun(&answer);
    Some(body(&issuer().sign_in(&begun.url, claims.clone()), &begun.binding))
}

/// Links somebody who is signed in with this person of the issuer; the id of the link.
pub(crate) async fn link(client: &Client, provider: &str, claims: &Value) -> String {
    let body = coming_back_to_link(client, provider, claims).await.expect("it is begun");
    let path = format!("/profile/outside-identities/{provider}/finish");
    client.post(&path).json(&body).send().await.is(200).value()["id"].as_str().unwrap().to_owned()
}

/// A client with the tokens of this answer, and whose they are.
pub(crate) async fn signed_in(answer: &Answer) -> (Client, String) {
    let tokens = answer.is(200).value();
    let client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    (client, tokens["user_id"].as_str().unwrap().to_owned())
}

/// It was refused like this, and the access log says why.
pub(crate) async fn assert_refused(answer: &Answer, status: u16, code: &str, reason: &str) {
    answer.problem(status, code);
    let request = answer.header("x-request-id");
    let all = walk(&admin().await, "/audit/access?kind=oidc_refused", 200).await;
    let entry = all.into_iter().find(|entry| entry["request_id"] == request).expect("an entry");
    assert_eq!(entry["outcome"], "refused");
    assert!(entry["reason"].as_str().unwrap().ends_with(reason), "{reason}: {entry}");
}
