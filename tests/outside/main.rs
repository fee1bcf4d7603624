//! People sign in with an issuer that others wrote: oidc-provider, in a process of its own. The tests do what a browser does: they
//! follow redirects, keep cookies and send the forms. `cargo xtask outside` sets it up and runs this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

mod browser;
mod provider;

use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use muster_tests::server::Server;
use serde_json::{Value, json};

use browser::Browser;
use provider::Provider;

/// Where people come back to.
const BACK: [&str; 2] = ["https://tasks.example.com/signed-in", "http://127.0.0.1:7070/signed-in"];
/// In `issuer.js`, too.
const SECRET: &str = "open: sesame, and a good deal more";

/// The issuer, and a server that knows it as a web app with a secret and as a native app without one.
struct World {
    issuer: Provider,
    server: Server,
    client: Client,
}

impl World {
    async fn start() -> Self {
        let issuer = Provider::start(&BACK);
        let roles = json!({ "map": { "leads": "manager", "crew": "member" } });
        let provider = |id: &str, more: Value| {
            let mut provider = json!({
                "id": id, "name": id, "issuer": issuer.url, "client_id": id, "sign_up": true,
                "scopes": ["openid", "email", "profile", "groups"], "roles": roles,
            });
            provider.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            provider
        };
        let settings = json!({ "providers": [
            provider("muster", json!({ "redirect_uris": [BACK[0]], "client_secret": { "env": "SECRET_AT_THE_ISSUER" } })),
            provider("muster-app", json!({ "redirect_uris": [BACK[1]] })),
        ] });
        let environment = vec![("SECRET_AT_THE_ISSUER", SECRET.to_owned())];
        let server = Server::start_with_issuers(&settings, environment).await;
        let client = Client::new(&server.base_url);
        Self { issuer, server, client }
    }

    /// Somebody signs in over there in this browser, and comes back.
    async fn sign_in(&self, provider: &str, browser: &mut Browser, name: &str) -> Answer {
        let path = format!("/users/oidc/{provider}");
        let begun = self.client.post(&format!("{path}/begin")).json(&json!({})).send().await.is(200).value();
        let back = BACK.iter().find(|back| begun["authorization_url"].as_str().unwrap().contains(&encoded(back)));
        let returned = browser.sign_in(begun["authorization_url"].as_str().unwrap(), back.unwrap(), name).await;
        assert_eq!(returned["state"], begun["state"].as_str().unwrap());
        let sent = json!({
            "code": returned["code"], "state": returned["state"], "iss": returned["iss"], "binding": begun["binding"],
        });
        self.client.post(&format!("{path}/finish")).json(&sent).send().await
    }

    async fn profile(&self, answer: &Answer) -> UserDocument {
        let tokens = answer.is(200).value();
        let client = self.client.with_token(tokens["access_token"].as_str().unwrap());
        client.get("/profile").send().await.document(200)
    }
}

fn encoded(uri: &str) -> String {
    uri.replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask outside"]
async fn somebody_signs_in_with_an_issuer_that_others_wrote_and_is_the_same_person_the_next_time() {
    let mut world = World::start().await;
    world.issuer.knows(&json!({
        "sub": "ada", "email": "ada@example.org", "email_verified": true, "name": "Ada", "groups": ["crew"],
    }));
    let first = world.sign_in("muster", &mut Browser::new(), "ada").await;
    let account = world.profile(&first).await;
    assert_eq!((account.name.as_str(), account.role), ("Ada", Role::Member));
    assert_eq!(account.email.as_deref(), Some("ada@example.org"));

    // From a native app that has no secret, with a token of another algorithm.
    let mut browser = Browser::new();
    let second = world.sign_in("muster-app", &mut browser, "ada").await;
    assert_eq!(second.is(200).value()["user_id"], json!(account.id));
    // And once more, where the issuer still knows them.
    let third = world.sign_in("muster-app", &mut browser, "ada").await;
    assert_eq!(third.is(200).value()["user_id"], json!(account.id));
    assert!(!world.server.logged().contains(SECRET), "no secret is logged");
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask outside"]
async fn the_issuers_groups_say_who_somebody_is_here() {
    let mut world = World::start().await;
    let mut role = async |groups: Value| {
        world.issuer.knows(&json!({
            "sub": "ben", "email": "ben@example.org", "email_verified": true, "groups": groups,
        }));
        world.sign_in("muster", &mut Browser::new(), "ben").await
    };
    let lead = role(json!(["crew", "leads"])).await;
    let crew = role(json!(["crew"])).await;
    let nobody = role(json!([])).await;
    assert_eq!(lead.is(200).value()["user_id"], crew.is(200).value()["user_id"]);
    nobody.problem(403, "not_admitted");
    // What the directory has last is what the last one said who was let in.
    let id = lead.value()["user_id"].as_str().unwrap().to_owned();
    let history = muster_tests::server::output(&world.server.data(), &["history", &format!("user#{id}"), "--json"]);
    let events: Vec<Value> = history
        .lines()
        .flat_map(|line| serde_json::from_str::<Value>(line).unwrap()["events"].as_array().unwrap().clone())
        .collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["UserRegistered", "UserRoleChanged"], "{history}");
    assert_eq!(events[0]["data"]["role"], "manager", "{history}");
    assert_eq!(events[1]["data"], json!({ "from": "manager", "to": "member" }), "{history}");
}

#[tokio::test]
#[ignore = "needs oidc-provider: cargo xtask outside"]
async fn an_unverified_address_is_refused_and_a_sign_in_is_finished_once_by_who_began_it() {
    let mut world = World::start().await;
    world
        .issuer
        .knows(&json!({ "sub": "eve", "email": "eve@example.org", "email_verified": false, "groups": ["crew"] }));
    let answer = world.sign_in("muster", &mut Browser::new(), "eve").await;
    answer.problem(403, "not_admitted");

    world
        .issuer
        .knows(&json!({ "sub": "ada", "email": "ada@example.org", "email_verified": true, "groups": ["crew"] }));
    let begin = async || world.client.post("/users/oidc/muster/begin").json(&json!({})).send().await.is(200).value();
    let (first, second) = (begin().await, begin().await);
    let returned = Browser::new().sign_in(first["authorization_url"].as_str().unwrap(), BACK[0], "ada").await;
    let sent = |begun: &Value| json!({ "code": returned["code"], "state": begun["state"], "iss": returned["iss"], "binding": begun["binding"] });
    // Another sign-in's verifier does not fit: PKCE.
    let finish = async |body: Value| world.client.post("/users/oidc/muster/finish").json(&body).send().await;
    finish(sent(&second)).await.problem(401, "outside_sign_in_refused");
    // The issuer keeps the code for whoever has the right one; with that, both are used up.
    finish(sent(&first)).await.is(200);
    finish(sent(&first)).await.problem(401, "outside_sign_in_refused");
}
