//! The programs as Lambda runs them: against the Runtime API, with the services that they use behind endpoints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod support;

use std::net::SocketAddr;

use muster_projections::{ReadModels, TaskQueries};
use serde_json::{Value, json};
use support::program::{
    COMMAND_API, DIGESTER, Environment, GUARD, NOTIFIER, PATIENCE, PROJECTOR, PUBLISHER, QUERY_API, SWEEPER,
    command_settings, digester_settings, environment, event_bus, invoke, invoke_and_listen, notifier_settings, program,
    projector_settings, publisher_settings, query_settings, serve, store_at_an_address, sweeper_settings,
};
use support::{PREFIX, Store, http_event, kms, on_the_bus, queue_event};

/// The metrics among what a program wrote.
fn metrics(said: &str) -> Vec<Value> {
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get("_aws").is_some()).collect()
}

#[tokio::test]
async fn the_command_and_query_programs_work_on_one_store() {
    let store = Store::new().await;
    let (address, _served) = store_at_an_address(&store).await;
    let keys = vec![("AWS_ENDPOINT_URL_KMS", format!("http://{}", serve(kms::router()).await))];
    let command: Environment = [environment(address), command_settings(), keys.clone()].concat();
    let query: Environment = [environment(address), query_settings(), keys].concat();
    let account = json!({ "name": "Ada", "email": "ada@example.com", "password": "correct horse battery" });
    let post = |path: &str, body: &Value| http_event("POST", path, &[], Some(&body.to_string()));

    let signed_up = invoke(COMMAND_API, command.clone(), &post("/api/v1/users/signup", &account)).await;
    assert_eq!(signed_up["statusCode"], 201, "{signed_up}");
    assert_eq!(signed_up["headers"]["etag"], "\"1\"");
    assert_eq!(signed_up["isBase64Encoded"], false);
    let credentials = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let signed_in = invoke(COMMAND_API, command, &post("/api/v1/login", &credentials)).await;
    let tokens: Value = serde_json::from_str(signed_in["body"].as_str().unwrap()).unwrap();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());

    let profile = http_event("GET", "/api/v1/profile", &[("authorization", &bearer)], None);
    let profile = invoke(QUERY_API, query, &profile).await;

    assert_eq!(profile["statusCode"], 200, "{profile}");
    let profile: Value = serde_json::from_str(profile["body"].as_str().unwrap()).unwrap();
    assert_eq!(profile["email"], "ada@example.com");
}

#[tokio::test]
async fn the_programs_publish_and_accept_the_key_before_beside_the_one_that_signs() {
    let store = Store::new().await;
    let (address, _served) = store_at_an_address(&store).await;
    let kms = vec![("AWS_ENDPOINT_URL_KMS", format!("http://{}", serve(kms::router()).await))];
    let keys = |signing: &str, accepted: &str| {
        vec![("MUSTER_SIGNING_KEY_ID", signing.to_owned()), ("MUSTER_ACCEPTED_KEY_IDS", accepted.to_owned())]
    };
    let command = |keys| [environment(address), command_settings(), kms.clone(), keys].concat();
    let query = |keys| [environment(address), query_settings(), kms.clone(), keys].concat();
    let post = |path: &str, body: &Value| http_event("POST", path, &[], Some(&body.to_string()));
    let account = json!({ "name": "Ada", "email": "ada@example.com", "password": "correct horse battery" });
    let credentials = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let (before, after) = (keys(kms::FORMER_KEY, kms::SIGNING_KEY), keys(kms::SIGNING_KEY, kms::FORMER_KEY));
    invoke(COMMAND_API, command(before.clone()), &post("/api/v1/users/signup", &account)).await;
    let signed_in = invoke(COMMAND_API, command(before), &post("/api/v1/login", &credentials)).await;
    let tokens: Value = serde_json::from_str(signed_in["body"].as_str().unwrap()).unwrap();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let profile = http_event("GET", "/api/v1/profile", &[("authorization", &bearer)], None);
    let logout = http_event("POST", "/api/v1/users/logout", &[("authorization", &bearer)], Some("{}"));
    let key_set = http_event("GET", "/.well-known/jwks.json", &[], None);
    let published = async |program: &str, settings| {
        let set = invoke(program, settings, &key_set).await;
        let set: Value = serde_json::from_str(set["body"].as_str().unwrap()).unwrap();
        set["keys"].as_array().unwrap().len()
    };

    assert_eq!(published(QUERY_API, query(after.clone())).await, 2);
    assert_eq!(published(COMMAND_API, command(after.clone())).await, 2);
    assert_eq!(invoke(QUERY_API, query(after.clone()), &profile).await["statusCode"], 200);
    let alone = keys(kms::SIGNING_KEY, "");
    assert_eq!(published(QUERY_API, query(alone.clone())).await, 1);
    assert_eq!(invoke(QUERY_API, query(alone), &profile).await["statusCode"], 401);
    assert_eq!(invoke(COMMAND_API, command(after), &logout).await["statusCode"], 204);
}

#[tokio::test]
async fn the_publisher_program_puts_what_is_in_the_stream_on_the_bus() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let (address, taken) = event_bus().await;
    let lambda = [environment(address), publisher_settings()].concat();

    let answer = invoke(PUBLISHER, lambda, &store.stream_event().await).await;

    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let taken = taken.lock().unwrap().clone();
    let [entry] = &taken[..] else { panic!("one entry is expected: {taken:?}") };
    assert_eq!(entry["EventBusName"], "muster-test-events");
    assert_eq!(entry["DetailType"], "TaskCreated");
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, serde_json::to_value(&store.history(task).await[0]).unwrap());
}

#[tokio::test]
async fn the_projector_program_makes_rows_of_what_is_in_its_queue() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let (address, _served) = store_at_an_address(&store).await;
    let lambda = [environment(address), projector_settings()].concat();
    let good = on_the_bus(&store.history(task).await[0]).to_string();
    let event = queue_event(&[("good", good), ("bad", "Hello?".to_owned())]);

    let answer = invoke(PROJECTOR, lambda, &event).await;

    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "bad" }] }));
    let row = TaskQueries::new(ReadModels::new(store.client.clone(), PREFIX)).get(task).await.unwrap();
    assert_eq!(row.map(|task| task.title).as_deref(), Some("Check the pump"));
}

#[tokio::test]
async fn the_guard_program_counts_what_was_changed_in_the_event_table() {
    let store = Store::new().await;
    store.create_task("Check the pump").await;
    let insertion = store.stream_event().await["Records"][0].take();
    let record = |name: &str| {
        let mut record = insertion.clone();
        record["eventName"] = json!(name);
        record
    };
    let event = json!({ "Records": [record("INSERT"), record("MODIFY"), record("REMOVE")] });

    let (answer, said) = invoke_and_listen(GUARD, environment(nowhere()), &event).await;

    assert_eq!(answer, Value::Null);
    let counted = metrics(&said);
    assert_eq!(counted.len(), 1, "{said}");
    assert_eq!(counted[0]["EventTableChanged"], 2);
    assert_eq!(counted[0]["stage"], "local");
    assert_eq!(counted[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Muster");
}

/// Runs a program to its end; whether it succeeded, and what it wrote.
async fn run(path: &str, environment: Environment) -> (bool, String) {
    let output = tokio::time::timeout(PATIENCE, program(path, environment).output()).await.unwrap().unwrap();
    (output.status.success(), [output.stdout, output.stderr].map(|out| String::from_utf8(out).unwrap()).concat())
}

/// Nothing listens there.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

#[tokio::test]
async fn a_program_that_misses_a_setting_ends_and_names_it() {
    let programs = [
        (COMMAND_API, command_settings()),
        (QUERY_API, query_settings()),
        (PUBLISHER, publisher_settings()),
        (PROJECTOR, projector_settings()),
        (SWEEPER, sweeper_settings()),
        (DIGESTER, digester_settings()),
        (NOTIFIER, notifier_settings()),
    ];
    for (path, settings) in programs {
        for (missing, _) in &settings {
            let rest = settings.iter().filter(|(name, _)| name != missing).cloned().collect();

            let (success, said) = run(path, [environment(nowhere()), rest].concat()).await;

            assert!(!success, "{path} without {missing}");
            assert!(said.contains(missing), "{path} without {missing}: {said}");
        }
    }
}

#[tokio::test]
async fn a_projector_for_a_projection_that_there_is_not_ends_and_names_it() {
    let mut settings = projector_settings();
    settings.retain(|(name, _)| *name != "MUSTER_PROJECTION");
    settings.push(("MUSTER_PROJECTION", "horoscope".to_owned()));

    let (success, said) = run(PROJECTOR, [environment(nowhere()), settings].concat()).await;

    assert!(!success);
    assert!(said.contains("horoscope"), "{said}");
}

#[tokio::test]
async fn a_program_whose_key_is_of_another_kind_ends_and_names_the_key() {
    let keys = serve(kms::router()).await;
    for (name, wrong) in [("MUSTER_SIGNING_KEY_ID", kms::SERVER_KEY), ("MUSTER_SERVER_KEY_ID", kms::SIGNING_KEY)] {
        let mut settings = [environment(keys), command_settings()].concat();
        settings.retain(|(setting, _)| *setting != name);
        settings.push((name, wrong.to_owned()));

        let (success, said) = run(COMMAND_API, settings).await;

        assert!(!success, "{name}");
        assert!(said.contains(wrong), "{name}: {said}");
    }
}
