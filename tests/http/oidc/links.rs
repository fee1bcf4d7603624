//! Who people are at outside issuers, as they see it and change it themselves.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{coming_back_to_link, link, sign_in, signed_in, somebody};
use crate::page::walk;
use crate::support::{PASSWORD, admin, member};
use muster_tests::client::{Answer, Client};

async fn listed(client: &Client) -> Vec<Value> {
    client.get("/profile/outside-identities").send().await.is(200).value()["items"].as_array().unwrap().clone()
}

async fn finish(client: &Client, body: &Value) -> Answer {
    client.post("/profile/outside-identities/known/finish").json(body).send().await
}

#[tokio::test]
pub(crate) async fn whoever_links_who_they_are_there_signs_in_with_it() {
    let (member, ada) = (member().await, somebody());
    let id = link(&member.client, "known", &ada).await;
    let (_, user) = signed_in(&sign_in("known", &ada).await).await;
    assert_eq!(user, member.id.to_string());
    let listed = listed(&member.client).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["id"], &listed[0]["provider"]), (&json!(id), &json!("known")));
    assert_eq!(listed[0].as_object().unwrap().len(), 3, "who they are there is not shown: {listed:?}");
    assert_eq!(link(&member.client, "known", &ada).await, id, "once more changes nothing");
    let entries =
        walk(&admin().await, &format!("/audit/access?actor={}&kind=outside_identity_linked", member.id), 50).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["subject"], &entries[0]["reason"]),
        (&json!(format!("outside-identity#{id}")), &json!("with the issuer known"))
    );
}

#[tokio::test]
async fn it_takes_the_password_to_begin_with_it() {
    let member = member().await;
    let path = "/profile/outside-identities/known/begin";
    let body = json!({ "password": "another passphrase" });
    member.client.post(path).json(&body).send().await.wrong_fields(&["/password"]);
    let entries = walk(&admin().await, &format!("/audit/access?actor={}&kind=password_refused", member.id), 50).await;
    assert_eq!(entries.len(), 1);
    let body = json!({ "password": PASSWORD, "redirect_uri": "https://evil.example/" });
    member.client.post(path).json(&body).send().await.wrong_fields(&["/redirect_uri"]);
}

#[tokio::test]
async fn a_person_over_there_opens_one_account_here() {
    let (one, other, ada) = (member().await, member().await, somebody());
    link(&one.client, "known", &ada).await;
    let body = coming_back_to_link(&other.client, "known", &ada).await.unwrap();
    finish(&other.client, &body).await.problem(409, "conflict");
    assert!(listed(&other.client).await.is_empty());
}

#[tokio::test]
async fn what_one_has_begun_another_cannot_finish() {
    let (one, other) = (member().await, member().await);
    let body = coming_back_to_link(&one.client, "known", &somebody()).await.unwrap();
    finish(&other.client, &body).await.problem(401, "outside_sign_in_refused");
    assert!(listed(&other.client).await.is_empty() && listed(&one.client).await.is_empty());
}

#[tokio::test]
pub(crate) async fn a_link_that_is_taken_away_opens_nothing_any_more() {
    let (member, ada) = (member().await, somebody());
    let id = link(&member.client, "known", &ada).await;
    member.client.delete(&format!("/profile/outside-identities/{id}")).send().await.is(204);
    sign_in("known", &ada).await.problem(403, "not_admitted");
    assert!(listed(&member.client).await.is_empty());
    member.client.delete(&format!("/profile/outside-identities/{id}")).send().await.problem(404, "not_found");
    let kind = "outside_identity_unlinked";
    let entries = walk(&admin().await, &format!("/audit/access?actor={}&kind={kind}", member.id), 50).await;
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn nobody_takes_away_what_is_anothers_or_their_own_only_way_in() {
    let (member, ada) = (member().await, somebody());
    let id = link(&member.client, "known", &somebody()).await;
    let (from_elsewhere, _) = signed_in(&sign_in("open", &ada).await).await;
    for another in [id, Uuid::new_v4().to_string()] {
        let path = format!("/profile/outside-identities/{another}");
        from_elsewhere.delete(&path).send().await.problem(404, "not_found");
    }
    let own = listed(&from_elsewhere).await[0]["id"].as_str().unwrap().to_owned();
    let answer = from_elsewhere.delete(&format!("/profile/outside-identities/{own}")).send().await;
    answer.problem(409, "conflict");
    sign_in("open", &ada).await.is(200);
}
