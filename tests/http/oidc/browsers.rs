//! The same in a browser, which keeps its secrets in cookies.

use serde_json::json;

use super::{assert_refused, begin, issuer, somebody};
use crate::support::{nobody, server};
use muster_tests::client::{Answer, Client, Request};

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    lines
        .map(|line| {
            let (pair, attributes) = line.split_once("; ").unwrap();
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
                assert!(attributes.split("; ").any(|one| one == attribute), "{attribute}: {line}");
            }
            pair.to_owned()
        })
        .collect()
}

/// A request of a page of this origin.
async fn ours(request: Request) -> Request {
    request.header("origin", &server().await.base_url)
}

async fn begin_in_browser(client: &Client) -> Answer {
    ours(client.post("/users/oidc/open/begin")).await.json(&json!({ "cookie": true })).send().await
}

#[tokio::test]
pub(crate) async fn a_browser_is_known_again_by_its_cookie_and_gets_its_tokens_in_one() {
    let client = nobody().await;
    let answer = begin_in_browser(&client).await;
    let begun = answer.is(200).value();
    assert!(begun.get("binding").is_none(), "{begun}");
    let kept = cookies(&answer);
    assert!(kept.len() == 1 && kept[0].starts_with("__Host-muster-outside="), "{kept:?}");

    let returned = issuer().sign_in(begun["authorization_url"].as_str().unwrap(), somebody());
    let sent = json!({ "code": returned.code, "state": returned.state, "iss": returned.iss, "cookie": true });
    let finish = ours(client.post("/users/oidc/open/finish")).await.header("cookie", &kept[0]).json(&sent).send().await;
    let tokens = finish.is(200).value();
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    let kept = cookies(&finish);
    let refresh = kept.iter().find(|cookie| cookie.starts_with("__Host-muster-refresh=")).expect("a refresh token");
    assert!(kept.contains(&"__Host-muster-outside=".to_owned()), "it is forgotten: {kept:?}");

    let refreshed = ours(client.post("/users/refresh")).await.header("cookie", refresh).json(&json!({})).send().await;
    assert_eq!(refreshed.is(200).value()["user_id"], tokens["user_id"]);
}

#[tokio::test]
async fn two_tabs_of_one_browser_can_both_finish() {
    let client = nobody().await;
    let first = begin_in_browser(&client).await;
    let kept = cookies(&first).remove(0);
    let begin = ours(client.post("/users/oidc/open/begin")).await.header("cookie", &kept);
    let second = begin.json(&json!({ "cookie": true })).send().await;
    assert_eq!(cookies(&second).remove(0), kept);
    for begun in [first, second] {
        let returned = issuer().sign_in(begun.value()["authorization_url"].as_str().unwrap(), somebody());
        let sent = json!({ "code": returned.code, "state": returned.state, "iss": returned.iss, "cookie": true });
        ours(client.post("/users/oidc/open/finish")).await.header("cookie", &kept).json(&sent).send().await.is(200);
    }
}

#[tokio::test]
async fn nobody_is_signed_in_to_an_account_that_another_browser_has_asked_for() {
    let client = nobody().await;
    // The attacker signs in over there as themselves, and has the victim's browser come back with it.
    let attackers = begin(&client, "open").await;
    let returned = issuer().sign_in(&attackers.url, somebody());
    let sent = json!({ "code": returned.code, "state": returned.state, "iss": returned.iss, "cookie": true });
    let victims = cookies(&begin_in_browser(&client).await).remove(0);
    let answer = ours(client.post("/users/oidc/open/finish")).await.header("cookie", &victims).json(&sent).send().await;
    assert_refused(&answer, 401, "outside_sign_in_refused", "another browser began this sign-in").await;
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_page_of_another_site_neither_begins_nor_finishes_anything() {
    let client = nobody().await;
    for path in ["/users/oidc/open/begin", "/users/oidc/open/finish"] {
        let sent = if path.ends_with("begin") {
            json!({ "cookie": true })
        } else {
            json!({ "code": "a", "state": "b", "cookie": true })
        };
        client.post(path).json(&sent).send().await.problem(403, "foreign_origin");
        let answer = client.post(path).header("origin", "https://evil.example").json(&sent).send().await;
        answer.problem(403, "foreign_origin");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}
