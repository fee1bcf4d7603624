//! A new key in place of an old one, as the runbook says: who is refused, and who goes on.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use muster_tests::client::Client;
use serde_json::{Value, json};

use crate::deployment::{Deployment, report};

/// Makes a key in KMS, and gives its ARN.
async fn new_key(aws: &Deployment, spec: &str, usage: &str) -> String {
    let made = aws.json("kms", "TrentService.CreateKey", &json!({ "KeySpec": spec, "KeyUsage": usage })).await;
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// Does the work while a function has another key in this setting, and may use it.
async fn with_key<T>(aws: &Deployment, function: &str, setting: &str, key: &str, work: impl Future<Output = T>) -> T {
    let variables = aws.function(function).await["Environment"]["Variables"].clone();
    let former = variables[setting].as_str().unwrap();
    let work = Box::pin(work);
    aws.with_grant(function, former, key, aws.with_variables(function, &json!({ setting: key }), work)).await
}

/// Does the work while both functions of the API sign with this key, if they sign, and accept tokens of that one, too.
async fn with_keys<T>(aws: &Deployment, signing: &str, accepted: &str, work: impl Future<Output = T>) -> T {
    let keys = json!({ "MUSTER_SIGNING_KEY_ID": signing, "MUSTER_ACCEPTED_KEY_IDS": accepted });
    let work = Box::pin(work);
    aws.with_variables("query-api", &keys, aws.with_variables("command-api", &keys, work)).await
}

/// Does the work while both functions may do with another key, too, what they may do with the one that signs.
async fn with_grants<T>(aws: &Deployment, former: &str, key: &str, work: impl Future<Output = T>) -> T {
    let (one, both) = (format!("\"{former}\""), format!("[\"{former}\",\"{key}\"]"));
    let work = Box::pin(work);
    aws.with_grant("query-api", &one, &both, aws.with_grant("command-api", &one, &both, work)).await
}

/// The key that a token says it is of.
fn kid(tokens: &Value) -> Value {
    let head = tokens["access_token"].as_str().unwrap().split('.').next().unwrap();
    let head: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    head["kid"].clone()
}

/// Ends a key that nobody uses any more.
async fn end_key(aws: &Deployment, key: &str) {
    let ending = json!({ "KeyId": key, "PendingWindowInDays": 30 });
    aws.json("kms", "TrentService.ScheduleKeyDeletion", &ending).await;
}

async fn keys(aws: &Deployment) -> Vec<Value> {
    let set = aws.api().request("GET", "/.well-known/jwks.json").send().await.is(200).value();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn after_a_new_signing_key_tokens_of_the_old_one_are_refused_and_a_refresh_goes_on() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let tokens = aws.tokens(&ada.email).await;
    let old = aws.signed_in(&tokens);
    let task = report(&old, &json!({ "title": "Of the old key" })).await;
    let former = keys(&aws).await;
    let key = new_key(&aws, "ECC_NIST_P256", "SIGN_VERIFY").await;
    let setting = "MUSTER_SIGNING_KEY_ID";

    let new = with_key(
        &aws,
        "query-api",
        setting,
        &key,
        with_key(&aws, "command-api", setting, &key, async {
            let current = keys(&aws).await;
            assert!(current.len() == 1 && current != former, "{current:?}");
            old.get("/profile").send().await.problem(401, "unauthenticated");
            old.post("/tasks").json(&json!({ "title": "Refused" })).send().await.problem(401, "unauthenticated");
            let refresh = json!({ "refresh_token": tokens["refresh_token"] });
            let refreshed = aws.api().post("/users/refresh").json(&refresh).send().await.is(200).value();
            aws.signed_in(&refreshed).get(&format!("/tasks/{task}")).send().await.is(200);
            let new = aws.signed_in(&aws.tokens(&ada.email).await);
            report(&new, &json!({ "title": "Of the new key" })).await;
            new
        }),
    )
    .await;

    end_key(&aws, &key).await;
    assert_eq!(keys(&aws).await, former);
    new.get("/profile").send().await.problem(401, "unauthenticated");
    old.get("/profile").send().await.is(200);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn with_an_overlap_nobody_is_refused_before_the_old_key_is_retired() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let tokens = aws.tokens(&ada.email).await;
    let old = aws.signed_in(&tokens);
    let former_kids = keys(&aws).await;
    let former = aws.function("command-api").await["Environment"]["Variables"]["MUSTER_SIGNING_KEY_ID"].clone();
    let former = former.as_str().unwrap();
    let key = new_key(&aws, "ECC_NIST_P256", "SIGN_VERIFY").await;
    // What asks is answered by one function, and what changes by the other.
    let good = async |client: &Client, title: &str| {
        client.get("/profile").send().await.is(200);
        report(client, &json!({ "title": title })).await;
    };

    with_grants(&aws, former, &key, async {
        let next = with_keys(&aws, former, &key, async {
            let published = keys(&aws).await;
            assert!(published.len() == 2 && published.contains(&former_kids[0]), "{published:?}");
            let tokens = aws.tokens(&ada.email).await;
            assert_eq!(kid(&tokens), former_kids[0], "it is published, and does not sign yet");
            good(&old, "While the next key is published").await;
            published.into_iter().find(|kid| *kid != former_kids[0]).unwrap()
        })
        .await;

        let new = with_keys(&aws, &key, former, async {
            assert_eq!(keys(&aws).await.len(), 2);
            let tokens = aws.tokens(&ada.email).await;
            assert_eq!(kid(&tokens), next);
            good(&old, "Of the key before").await;
            good(&aws.signed_in(&tokens), "Of the new key").await;
            aws.signed_in(&tokens)
        })
        .await;

        with_keys(&aws, &key, "", async {
            assert_eq!(keys(&aws).await, [next]);
            old.get("/profile").send().await.problem(401, "unauthenticated");
            old.post("/tasks").json(&json!({ "title": "Refused" })).send().await.problem(401, "unauthenticated");
            good(&new, "After the rotation").await;
            let refresh = json!({ "refresh_token": tokens["refresh_token"] });
            let refreshed = aws.api().post("/users/refresh").json(&refresh).send().await.is(200).value();
            good(&aws.signed_in(&refreshed), "Of the session that was there before").await;
        })
        .await;
    })
    .await;

    end_key(&aws, &key).await;
    assert_eq!(keys(&aws).await, former_kids);
    good(&old, "As before").await;
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn after_a_new_server_key_nobody_refreshes_and_access_tokens_go_on() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let tokens = aws.tokens(&ada.email).await;
    let refresh = async |tokens: &Value| {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        aws.api().post("/users/refresh").json(&body).send().await
    };
    let key = new_key(&aws, "HMAC_256", "GENERATE_VERIFY_MAC").await;

    with_key(&aws, "command-api", "MUSTER_SERVER_KEY_ID", &key, async {
        refresh(&tokens).await.problem(401, "wrong_credentials");
        report(&aws.signed_in(&tokens), &json!({ "title": "Until it runs out" })).await;
        refresh(&aws.tokens(&ada.email).await).await.is(200);
    })
    .await;

    end_key(&aws, &key).await;
    refresh(&aws.tokens(&ada.email).await).await.is(200);
}
