//! Coming in, and what keeps others from coming in.

use futures::future::join_all;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::{
    assert_refused, begin, body, coming_back, coming_back_to_link, finish, issuer, settings, sign_in, signed_in,
    somebody,
};
use crate::page::walk;
use crate::support::{PASSWORD, admin, log_in, member, nobody};
use muster_tests::client::Client;
use muster_tests::server::Server;

#[tokio::test]
pub(crate) async fn the_issuers_are_listed_for_the_sign_in_page() {
    let listed = nobody().await.get("/users/oidc").send().await.is(200).value();
    let (settings, items) = (settings(), listed["items"].as_array().unwrap());
    assert_eq!(items.len(), settings["providers"].as_array().unwrap().len());
    assert_eq!(items[0], json!({ "id": "open", "name": "The issuer open" }), "and nothing that is nobody's business");
}

#[tokio::test]
async fn where_there_is_no_issuer_the_list_is_empty_and_the_rest_is_not_there() {
    let server = Server::start().await;
    let client = Client::new(&server.base_url);
    assert_eq!(client.get("/users/oidc").send().await.is(200).value(), json!({ "items": [], "next": null }));
    client.post("/users/oidc/open/begin").json(&json!({})).send().await.problem(404, "not_found");
}

#[tokio::test]
pub(crate) async fn the_first_sign_in_makes_an_account_and_the_second_finds_it() {
    let ada = somebody();
    let first = sign_in("open", &ada).await;
    let (client, id) = signed_in(&first).await;
    assert_eq!(first.header("cache-control"), "no-store");
    let account: UserDocument = client.get("/profile").send().await.document(200);
    assert_eq!(
        (account.id.to_string(), account.name.as_str(), account.role),
        (id.clone(), "Ada Elsewhere", Role::Member)
    );
    assert_eq!(account.email.map(|email| json!(email)), Some(ada["email"].clone()));

    let moved = super::saying(&ada, &json!({ "email": "another@example.com", "email_verified": false, "name": "Ada" }));
    let (again, same) = signed_in(&sign_in("open", &moved).await).await;
    assert_eq!(id, same, "who they are is what the issuer never changes: its subject");
    let unchanged: UserDocument = again.get("/profile").send().await.document(200);
    assert_eq!((unchanged.name.as_str(), unchanged.version), ("Ada Elsewhere", account.version));
    let refreshed = json!({ "refresh_token": first.value()["refresh_token"] });
    nobody().await.post("/users/refresh").json(&refreshed).send().await.is(200);

    let entries = walk(&admin().await, &format!("/audit/access?actor={id}&kind=signed_in"), 50).await;
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry["reason"] == "with the issuer open"), "{entries:?}");
}

#[tokio::test]
pub(crate) async fn each_sign_in_is_begun_with_what_no_other_has() {
    let client = nobody().await;
    let (one, other) = (begin(&client, "open").await, begin(&client, "open").await);
    let asked = |url: &str, name: &str| {
        let url: reqwest::Url = url.parse().unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).expect("a parameter")
    };
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(asked(&one.url, name), asked(&other.url, name), "{name}");
        assert_eq!(asked(&one.url, name).len(), 43, "{name}");
    }
    assert_eq!(asked(&one.url, "state"), one.state);
    assert_eq!(
        (asked(&one.url, "client_id"), asked(&one.url, "scope")),
        ("muster-open".into(), "openid email profile".into())
    );
    assert_eq!(asked(&one.url, "redirect_uri"), "https://tasks.example.com/open");
    assert_ne!(one.binding, other.binding);
}

#[tokio::test]
async fn the_issuer_sends_people_back_to_where_the_operator_said_and_nowhere_else() {
    let client = nobody().await;
    let to = async |uri: &str| client.post("/users/oidc/open/begin").json(&json!({ "redirect_uri": uri })).send().await;
    let url = super::begun(&to("com.example.open:/back").await).url;
    assert!(url.contains("redirect_uri=com.example.open%3A%2Fback"), "{url}");
    for foreign in [
        "https://evil.example/",
        "https://tasks.example.com/open/",
        "https://tasks.example.com/known",
        "",
        "https://tasks.example.com/open?x",
    ] {
        to(foreign).await.wrong_fields(&["/redirect_uri"]);
    }
}

#[tokio::test]
async fn a_state_is_good_once_and_so_is_a_code() {
    let (client, ada) = (nobody().await, somebody());
    let begun = begin(&client, "open").await;
    let returned = issuer().sign_in(&begun.url, ada.clone());
    let sent = body(&returned, &begun.binding);
    finish(&client, "open", &sent).await.is(200);
    let again = finish(&client, "open", &sent).await;
    assert_refused(&again, 401, "outside_sign_in_refused", "the state is unknown, was used before, or is too old")
        .await;

    let other = begin(&client, "open").await;
    let replayed =
        json!({ "code": returned.code, "state": other.state, "iss": returned.iss, "binding": other.binding });
    assert_refused(&finish(&client, "open", &replayed).await, 401, "outside_sign_in_refused", "does not take the code")
        .await;
    let made_up = json!({ "code": "a code", "state": "a state", "iss": returned.iss, "binding": other.binding });
    finish(&client, "open", &made_up).await.problem(401, "outside_sign_in_refused");
}

#[tokio::test]
async fn a_code_that_somebody_else_asked_for_is_worth_nothing() {
    let client = nobody().await;
    let (victim, thief) = (begin(&client, "open").await, begin(&client, "open").await);
    let stolen = issuer().sign_in(&victim.url, somebody());
    let sent = json!({ "code": stolen.code, "state": thief.state, "iss": stolen.iss, "binding": thief.binding });
    // The verifier is that of the thief's own sign-in, and the issuer notices.
    assert_refused(&finish(&client, "open", &sent).await, 401, "outside_sign_in_refused", "does not take the code")
        .await;
}

#[tokio::test]
async fn whoever_did_not_begin_a_sign_in_cannot_finish_it() {
    let client = nobody().await;
    for binding in [Value::Null, json!("short"), json!(begin(&client, "open").await.binding)] {
        let begun = begin(&client, "open").await;
        let mut sent = body(&issuer().sign_in(&begun.url, somebody()), "");
        let fields = sent.as_object_mut().unwrap();
        fields.remove("binding");
        if !binding.is_null() {
            fields.insert("binding".to_owned(), binding);
        }
        assert_refused(
            &finish(&client, "open", &sent).await,
            401,
            "outside_sign_in_refused",
            "another browser began this sign-in",
        )
        .await;
        sent["binding"] = json!(begun.binding);
        finish(&client, "open", &sent).await.problem(401, "outside_sign_in_refused");
    }
}

#[tokio::test]
async fn a_state_is_for_one_issuer_and_one_purpose() {
    let (client, member) = (nobody().await, member().await);
    let reason = "the state is of another sign-in";
    let sent = coming_back("open", &somebody()).await;
    assert_refused(&finish(&client, "groups", &sent).await, 401, "outside_sign_in_refused", reason).await;
    let sent = coming_back_to_link(&member.client, "open", &somebody()).await.unwrap();
    assert_refused(&finish(&client, "open", &sent).await, 401, "outside_sign_in_refused", reason).await;
    let sent = coming_back("open", &somebody()).await;
    let answer = member.client.post("/profile/outside-identities/open/finish").json(&sent).send().await;
    assert_refused(&answer, 401, "outside_sign_in_refused", reason).await;
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let client = nobody().await;
    for iss in [Some("https://evil.example"), None] {
        let mut sent = coming_back("open", &somebody()).await;
        let fields = sent.as_object_mut().unwrap();
        fields.remove("iss");
        fields.extend(iss.map(|iss| ("iss".to_owned(), json!(iss))));
        let answer = finish(&client, "open", &sent).await;
        assert_refused(&answer, 401, "outside_sign_in_refused", "the state is of another sign-in").await;
    }
}

#[tokio::test]
async fn twenty_first_sign_ins_of_one_person_at_once_make_one_account() {
    let ada = somebody();
    let (client, sent) = (nobody().await, join_all((0..20).map(|_| coming_back("open", &ada))).await);
    let answers = join_all(sent.iter().map(|sent| finish(&client, "open", sent))).await;
    let ids: BTreeSet<String> =
        answers.iter().map(|answer| answer.is(200).value()["user_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn without_the_issuer_people_sign_in_with_their_passwords() {
    let (client, member) = (nobody().await, member().await);
    for _ in 0..2 {
        let answer = client.post("/users/oidc/away/begin").json(&json!({})).send().await;
        answer.problem(503, "issuer_unavailable");
        assert_eq!(answer.header("retry-after"), "5");
    }
    log_in(&client, &member.email, PASSWORD).await.is(200);
    sign_in("open", &somebody()).await.is(200);
}

#[tokio::test]
async fn an_issuer_that_gives_itself_another_address_is_not_believed() {
    let answer = nobody().await.post("/users/oidc/liar/begin").json(&json!({})).send().await;
    answer.problem(503, "issuer_unavailable");
}

#[tokio::test]
async fn one_address_begins_so_many_sign_ins_and_those_that_are_finished_count_for_nothing() {
    let limits = vec![("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "4".to_owned())];
    let server = Server::start_with_issuers(&settings(), limits).await;
    let client = Client::new(&server.base_url);
    for _ in 0..6 {
        let begun = begin(&client, "open").await;
        finish(&client, "open", &body(&issuer().sign_in(&begun.url, somebody()), &begun.binding)).await.is(200);
    }
    for _ in 0..4 {
        begin(&client, "open").await;
    }
    let begin = client.post("/users/oidc/open/begin").json(&json!({})).send().await;
    begin.problem(429, "too_many_requests");
    let sent = json!({ "code": "a", "state": "b" });
    finish(&client, "open", &sent).await.problem(429, "too_many_requests");
}
