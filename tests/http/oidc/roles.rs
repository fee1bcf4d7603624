//! What people are here by what they are over there.

use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use muster_tests::server::{Server, output};
use serde_json::{Value, json};

use super::{assert_refused, begin, body, finish, issuer, saying, settings, sign_in, signed_in, somebody};
use crate::support::{PASSWORD, admin, eventually, log_in, server};

async fn in_groups(person: &Value, groups: Value) -> Answer {
    sign_in("groups", &saying(person, &json!({ "groups": groups }))).await
}

/// The role that an account has, once the directory knows of it.
async fn becomes(id: &str, role: Role) {
    eventually("the directory knows the role", async || {
        let user: UserDocument = admin().await.get(&format!("/users/{id}")).send().await.document(200);
        (user.role == role).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_role_follows_the_groups_at_each_sign_in_up_and_down() {
    let ada = somebody();
    let (_, id) = signed_in(&in_groups(&ada, json!(["crew", "unheard of"])).await).await;
    becomes(&id, Role::Member).await;
    for (groups, role) in [
        (json!(["crew", "leads"]), Role::Manager),
        (json!(["leads"]), Role::Manager),
        (json!(["root", "crew"]), Role::Admin),
        (json!(["audit"]), Role::Auditor),
        (json!("crew"), Role::Member),
    ] {
        let (client, same) = signed_in(&in_groups(&ada, groups.clone()).await).await;
        assert_eq!(same, id);
        becomes(&id, role).await;
        let profile: UserDocument = client.get("/profile").send().await.document(200);
        assert_eq!(profile.role, role, "{groups}");
    }
    let stream = format!("user#{id}");
    let history = output(&server().await.data(), &["history", &stream, "--json"]);
    let commits: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let changes: Vec<&Value> =
        commits.iter().filter(|commit| commit["events"][0]["type"] == "UserRoleChanged").collect();
    assert_eq!(changes.len(), 4, "each is an event, and none where nothing changed: {history}");
    assert!(
        changes.iter().all(|commit| commit["actor"] == json!({ "type": "system", "name": "oidc:groups" })),
        "{history}"
    );
}

#[tokio::test]
async fn without_a_group_that_counts_nobody_comes_in_and_their_role_stays() {
    let (ben, ada) = (somebody(), somebody());
    for groups in [json!([]), json!(["unheard of"]), json!(["admin"]), json!({ "root": true }), Value::Null] {
        let answer = in_groups(&ben, groups).await;
        assert_refused(&answer, 403, "not_admitted", "no group of theirs has a role").await;
    }
    let (_, id) = signed_in(&in_groups(&ada, json!(["leads"])).await).await;
    let answer = in_groups(&ada, json!([])).await;
    assert_refused(&answer, 403, "not_admitted", "no group of theirs has a role").await;
    becomes(&id, Role::Manager).await;
}

#[tokio::test]
async fn an_issuer_that_is_not_asked_for_roles_gives_none() {
    let ada = saying(&somebody(), &json!({ "groups": ["root"], "role": "admin", "roles": ["admin"] }));
    let (client, id) = signed_in(&sign_in("open", &ada).await).await;
    let profile: UserDocument = client.get("/profile").send().await.document(200);
    assert_eq!(profile.role, Role::Member);
    admin().await.put(&format!("/users/{id}")).json(&json!({ "role": "manager" })).send().await.is(200);
    sign_in("open", &ada).await.is(200);
    becomes(&id, Role::Manager).await;
}

#[tokio::test]
async fn the_last_administrator_stays_one_whatever_the_issuer_says() {
    let server = Server::start_with_issuers(&settings(), Vec::new()).await;
    let nobody = Client::new(&server.base_url);
    let tokens = log_in(&nobody, &server.admin_email, &server.admin_password).await.is(200).value();
    let chief = nobody.with_token(tokens["access_token"].as_str().unwrap());
    let ada = somebody();
    let path = "/profile/outside-identities/groups";
    let begun = chief.post(&format!("{path}/begin")).json(&json!({ "password": server.admin_password })).send().await;
    let begun = super::begun(&begun);
    let sent = body(&issuer().sign_in(&begun.url, ada.clone()), &begun.binding);
    chief.post(&format!("{path}/finish")).json(&sent).send().await.is(200);

    let come_in = async |groups: Value| {
        let begun = begin(&nobody, "groups").await;
        let returned = issuer().sign_in(&begun.url, saying(&ada, &json!({ "groups": groups })));
        finish(&nobody, "groups", &body(&returned, &begun.binding)).await
    };
    come_in(json!(["leads"])).await.problem(409, "last_admin");
    let refused = chief.get("/audit/access?kind=oidc_refused").send().await.is(200).value();
    let entry = &refused["items"][0];
    assert_eq!(entry["reason"], "groups: its groups would take the role from the last administrator");
    assert_eq!(entry["subject"], format!("user#{}", tokens["user_id"].as_str().unwrap()));
    let profile: UserDocument = chief.get("/profile").send().await.document(200);
    assert_eq!(profile.role, Role::Admin);

    // With another one beside them, they may go.
    let other = json!({ "name": "Ben", "email": "ben@example.com", "password": PASSWORD, "role": "admin" });
    chief.post("/users").json(&other).send().await.is(201);
    come_in(json!(["leads"])).await.is(200);
}
