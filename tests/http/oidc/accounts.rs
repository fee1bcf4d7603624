//! Who is let in: whose account it is, and whose it does not become.

use muster_projections::directory::UserDocument;
use serde_json::{Value, json};

use super::{assert_refused, saying, sign_in, signed_in, somebody};
use crate::page::walk;
use crate::support::{PASSWORD, admin, log_in, member, nobody};

#[tokio::test]
async fn an_address_that_the_issuer_has_not_verified_makes_no_account_and_opens_none() {
    let member = member().await;
    for claims in [
        saying(&somebody(), &json!({ "email_verified": false })),
        saying(&somebody(), &json!({ "email_verified": Value::Null })),
        saying(&somebody(), &json!({ "email": member.email, "email_verified": false })),
        saying(&somebody(), &json!({ "email": "no address" })),
        json!({ "sub": "somebody without an address" }),
    ] {
        for provider in ["open", "linking"] {
            let answer = sign_in(provider, &claims).await;
            assert_refused(&answer, 403, "not_admitted", "no address that the issuer has verified").await;
        }
    }
}

#[tokio::test]
pub(crate) async fn an_account_with_the_same_address_is_not_taken_over() {
    let member = member().await;
    let claims = saying(&somebody(), &json!({ "email": member.email.to_uppercase() }));
    for provider in ["open", "known"] {
        let answer = sign_in(provider, &claims).await;
        assert_refused(&answer, 409, "email_taken", "another account has the address").await;
    }
    let linked = member.client.get("/profile/outside-identities").send().await.is(200).value();
    assert_eq!(linked["items"], json!([]));
    log_in(&nobody().await, &member.email, PASSWORD).await.is(200);
}

#[tokio::test]
async fn where_the_operator_relies_on_the_issuers_addresses_the_account_is_theirs() {
    let member = member().await;
    let claims = saying(&somebody(), &json!({ "email": member.email }));
    let (_, id) = signed_in(&sign_in("linking", &claims).await).await;
    assert_eq!(id, member.id.to_string());
    // From now on it is linked, whatever the address.
    let (_, again) = signed_in(&sign_in("known", &saying(&claims, &json!({ "email_verified": false }))).await).await;
    assert_eq!(again, id);
    log_in(&nobody().await, &member.email, PASSWORD).await.is(200);
    let entries = walk(&admin().await, &format!("/audit/access?actor={id}&kind=outside_identity_linked"), 50).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["reason"], "with the issuer linking, by the address that it has verified");
}

#[tokio::test]
async fn where_nobody_signs_up_with_an_issuer_only_those_with_an_account_come_in() {
    let ada = somebody();
    for provider in ["known", "linking"] {
        let answer = sign_in(provider, &ada).await;
        assert_refused(&answer, 403, "not_admitted", "nobody signs up with it").await;
    }
    let (_, id) = signed_in(&sign_in("open", &ada).await).await;
    assert_eq!(signed_in(&sign_in("known", &ada).await).await.1, id, "the same issuer knows them by the same name");
}

#[tokio::test]
async fn a_closed_account_stays_closed_and_no_other_is_made() {
    let ada = somebody();
    let (client, id) = signed_in(&sign_in("open", &ada).await).await;
    admin().await.delete(&format!("/users/{id}")).send().await.is(200);
    client.get("/profile").send().await.problem(401, "unauthenticated");
    for provider in ["open", "linking"] {
        assert_refused(&sign_in(provider, &ada).await, 403, "not_admitted", "the account is closed").await;
    }
}

#[tokio::test]
async fn an_account_from_elsewhere_has_no_password() {
    let ada = somebody();
    let (client, _) = signed_in(&sign_in("open", &ada).await).await;
    for password in ["", PASSWORD] {
        let answer = log_in(&nobody().await, ada["email"].as_str().unwrap(), password).await;
        answer.problem(401, "wrong_credentials");
    }
    let body = json!({ "password": PASSWORD });
    client.post("/profile/second-factor").json(&body).send().await.wrong_fields(&["/password"]);
}

#[tokio::test]
async fn whatever_somebody_is_called_over_there_they_have_a_name_here() {
    for (name, expected) in [
        (json!("  Ada  "), "Ada".to_owned()),
        (json!("A".repeat(500)), "A".repeat(120)),
        (json!("\u{7}"), "local".to_owned()),
        (json!(""), "local".to_owned()),
        (Value::Null, "local".to_owned()),
    ] {
        let email = format!("local@{}.example.com", uuid::Uuid::new_v4().simple());
        let claims = saying(&somebody(), &json!({ "email": email, "name": name }));
        let (client, _) = signed_in(&sign_in("open", &claims).await).await;
        let account: UserDocument = client.get("/profile").send().await.document(200);
        assert_eq!(account.name, expected, "{name}");
    }
}
