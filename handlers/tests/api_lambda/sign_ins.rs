//! What becomes of a sign-in that cannot be written down, and of guesses at a password.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use muster_handlers::http::{Rates, Settings};
use serde_json::{Value, json};

use crate::lambdas::{Lambdas, post};
use crate::support::{PREFIX, Store, http_event};

/// Notes which requests are about this table.
#[derive(Clone, Debug)]
struct About(&'static str, Arc<Mutex<usize>>);

impl Intercept for About {
    fn name(&self) -> &'static str {
        "About"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        if body.contains(&format!("\"{PREFIX}{}\"", self.0)) {
            *self.1.lock().unwrap() += 1;
        }
        Ok(())
    }
}

#[tokio::test]
async fn who_tries_passwords_where_they_found_somebody_signed_in_is_stopped_before_the_store() {
    let store = Store::new().await;
    let about = About("credentials", Arc::default());
    let client = Client::from_conf(store.client.config().to_builder().interceptor(about.clone()).build());
    let rates = Rates { attempts: 1, ..Rates::default() };
    let lambdas = Lambdas::over(store, &client, &Settings { rates, ..Settings::default() });
    let bearer = lambdas.bearer().await;
    let asked = || std::mem::take(&mut *about.1.lock().unwrap());
    let path = "/api/v1/profile/second-factor";
    let send = async |method: &str, path: &str, body: Value| {
        let event = http_event(method, path, &[("authorization", &bearer)], Some(&body.to_string()));
        lambdas.command(&event).await
    };
    asked();
    let wrong = send("POST", path, json!({ "password": "a wrong passphrase" })).await;
    assert_eq!(wrong.problem(), (422, "invalid_request"));
    assert_eq!(asked(), 3, "the password, and the try, of which there was none before");

    let right = json!({ "password": "correct horse battery" });
    let proof = json!({ "password": "correct horse battery", "code": "000000" });
    let (confirm, codes) = (format!("{path}/confirm"), format!("{path}/recovery-codes"));
    for (method, path, body) in [
        ("POST", path, right),
        ("POST", confirm.as_str(), json!({ "code": "000000" })),
        ("POST", codes.as_str(), proof.clone()),
        ("DELETE", path, proof),
    ] {
        let refused = send(method, path, body).await;
        assert_eq!(refused.problem(), (429, "too_many_requests"), "{method} {path}");
        assert_eq!(asked(), 0, "{method} {path}");
    }
    // Their owner signs in all the same.
    lambdas.sign_in("Ada").await;
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_written_down_is_not_given_and_a_refusal_stays_one() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let store = &lambdas.store.client;
    store.delete_table().table_name(format!("{PREFIX}access-log")).send().await.unwrap();

    let credentials = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let signed_in = lambdas.command(&post("/api/v1/users/login", &[], &credentials)).await;
    assert_eq!(signed_in.problem(), (503, "unavailable"));
    let mut sessions = store.scan().table_name(format!("{PREFIX}sessions")).send().await.unwrap().items.unwrap();
    // And an item that says that they were begun.
    sessions.retain(|item| item.contains_key("generation"));
    let ended = sessions.iter().filter(|session| session.contains_key("ended_at")).count();
    assert_eq!((sessions.len(), ended), (2, 1), "the one that nobody holds is over");

    let bearer = ("authorization", bearer.as_str());
    let team = lambdas.command(&post("/api/v1/teams", &[bearer], &json!({ "name": "North" }))).await;
    assert_eq!(team.problem(), (403, "forbidden"));
    let signed_out = lambdas.command(&post("/api/v1/users/logout", &[bearer], &Value::Null)).await;
    assert_eq!(signed_out.status, 204);
}
