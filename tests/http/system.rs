//! The program about itself: health, contracts, keys, the rendered page.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use muster_handlers::clock::SystemClock;
use muster_identity::{AccessTokens, PublicKey, SigningKey, TokenSettings};
use serde_json::{Value, json};

use crate::routes::{document, operations};
use crate::support::{member, nobody};
use crate::tokens::claims;

#[tokio::test]
pub(crate) async fn it_is_healthy_and_ready() {
    let nobody = nobody().await;
    for path in ["/healthz", "/readyz"] {
        let answer = nobody.request("GET", path).send().await;
        assert_eq!(answer.is(200).value(), json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
}

/// Every `$ref` in a value.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
pub(crate) async fn the_document_is_openapi_and_whole() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["title"], "Muster");
    assert!(document["info"]["version"].is_string());
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");

    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }

    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
        assert!(names.insert(name.to_owned()), "{name} names two operations");
        assert!(operation["summary"].is_string(), "{method} {path} says what it does");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_template = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(in_path, in_template.collect(), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} can succeed");
        assert!(responses.values().all(|response| response["description"].is_string()), "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_on_disk_is_the_one_that_is_served() {
    let on_disk: Value = serde_json::from_str(include_str!("../../schemas/openapi.json")).unwrap();
    assert_eq!(document().await, on_disk);
}

#[tokio::test]
pub(crate) async fn the_key_set_verifies_a_token() {
    let (nobody, member) = (nobody().await, member().await);
    let set = nobody.request("GET", "/.well-known/jwks.json").send().await.is(200).value();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    for (field, value) in [("kty", "EC"), ("crv", "P-256"), ("alg", "ES256"), ("use", "sig")] {
        assert_eq!(key[field], value, "{field}");
    }
    assert_eq!(key.get("d"), None, "the private half stays where it is");

    let coordinate = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let public = PublicKey::from_point(&[vec![4], coordinate("x"), coordinate("y")].concat()).unwrap();
    assert_eq!(public.kid(), key["kid"]);
    let said = claims(member.client.token());
    let settings = TokenSettings::new(said["iss"].as_str().unwrap(), said["aud"].as_str().unwrap());
    let other = Arc::new(SigningKey::generate().unwrap());
    let tokens = AccessTokens::new(other, settings, Arc::new(SystemClock)).also_accepting(public);
    assert_eq!(tokens.verify(member.client.token()).unwrap().user_id, member.id);
}

#[tokio::test]
async fn the_api_is_a_page_that_needs_nothing_from_elsewhere() {
    let nobody = nobody().await;
    let home = nobody.request("GET", "/").send().await;
    assert_eq!(home.is(303).header("location"), "/api/docs", "whoever opens the bare address is led there");
    let mut page = nobody.request("GET", "/api/docs").send().await;
    let mut base = "/api/docs".to_owned();
    if (300..400).contains(&page.status) {
        base = page.header("location").to_owned();
        page = nobody.request("GET", &base).send().await;
    }
    page.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let mut assets: Vec<&str> = attributes(&page.text, "src=\"").chain(attributes(&page.text, "href=\"")).collect();
    assets.sort_unstable();
    assets.dedup();
    assert!(assets.len() >= 3, "scripts and styles: {assets:?}");
    let folder = base.trim_end_matches("index.html").trim_end_matches('/');
    let mut initializer = String::new();
    for asset in assets {
        assert!(!asset.contains("//"), "{asset} is on another server");
        let path = if asset.starts_with('/') {
            asset.to_owned()
        } else {
            format!("{folder}/{}", asset.trim_start_matches("./"))
        };
        let answer = nobody.request("GET", &path).send().await;
        assert!(!answer.is(200).text.is_empty(), "{asset}");
        if asset.contains("initializer") {
            initializer = answer.text;
        }
    }
    assert!(initializer.contains("/openapi.json"), "it shows our document: {initializer}");
}

/// What stands behind these words, up to the next quote.
fn attributes<'a>(html: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    html.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}
