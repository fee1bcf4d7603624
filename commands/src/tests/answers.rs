//! What DynamoDB's answers mean, for those that no engine gives on demand: whether anything may have been written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use muster_domain::aggregate::Reservation;
use muster_domain::{Commit, Decider as _, EventData, Hash, StreamId};
use serde_json::json;

use super::*;
use crate::{AppendError, DynamoLog};

/// Answers every request alike, and counts them.
#[derive(Clone, Debug)]
struct Counted(Canned, Arc<AtomicU32>);

impl HttpConnector for Counted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.call(request)
    }
}

/// Answers every request alike.
#[derive(Clone, Copy, Debug)]
enum Canned {
    Answer(u16, &'static str),
    Timeout,
    BrokenConnection,
}

impl HttpConnector for Canned {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(match *self {
            Self::Answer(status, body) => {
                let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
                response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                Ok(response)
            }
            Self::Timeout => Err(ConnectorError::timeout("no answer in time".into())),
            Self::BrokenConnection => Err(ConnectorError::io("connection reset".into())),
        })
    }
}

/// Appends a commit, with two reservations or alone, to a log that answers like this.
async fn append(answer: Canned, reserving: bool) -> Result<(), AppendError> {
    append_over(answer, RetryConfig::disabled(), reserving).await
}

/// The same, over a client that tries again like this.
async fn append_over(
    answer: impl HttpConnector + Clone + 'static,
    retries: RetryConfig,
    reserving: bool,
) -> Result<(), AppendError> {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .endpoint_url("http://canned.invalid")
        .allow_no_auth()
        .retry_config(retries)
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(answer.clone())))
        .build();
    let log = DynamoLog::new(Client::from_conf(config), "events", "reservations");
    let stream = StreamId::new(Task::KIND, TASK);
    let event = EventData { event_type: "TaskCommented".into(), schema: 1, data: json!({}) };
    let commit = Commit::seal(stream, 1, vec![event], &metadata(1, &()), Hash::GENESIS).unwrap();
    let reservations = [
        Reservation::Release { key: "old".into(), owner: TASK },
        Reservation::Claim { key: "new".into(), owner: TASK },
    ];
    log.append(&commit, None, if reserving { &reservations } else { &[] }).await
}

/// The name of the variant, as the answers differ in their sources only.
fn outcome(answer: Result<(), AppendError>) -> String {
    match answer {
        Ok(()) => "written".to_owned(),
        Err(AppendError::Reserved { key }) => format!("{key} is reserved"),
        Err(error) => format!("{error:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn an_answer_to_a_put_says_whether_anything_may_have_been_written() {
    let cases = [
        (Canned::Answer(200, "{}"), "written"),
        (Canned::Answer(400, r#"{"__type":"x#ConditionalCheckFailedException"}"#), "Taken"),
        (Canned::Answer(400, r#"{"__type":"x#TransactionConflictException"}"#), "Contention"),
        (Canned::Answer(400, r#"{"__type":"x#ProvisionedThroughputExceededException"}"#), "Throttled"),
        (Canned::Answer(400, r#"{"__type":"x#ThrottlingException"}"#), "Throttled"),
        (Canned::Answer(400, r#"{"__type":"x#RequestLimitExceeded"}"#), "Throttled"),
        (Canned::Answer(400, r#"{"__type":"x#ValidationException"}"#), "Refused"),
        (Canned::Answer(400, r#"{"__type":"x#ResourceNotFoundException"}"#), "Refused"),
        (Canned::Answer(500, r#"{"__type":"x#InternalServerError"}"#), "Unknown"),
        (Canned::Answer(503, "<html>"), "Unknown"),
        (Canned::Answer(200, "not JSON"), "Unknown"),
        (Canned::Answer(408, ""), "Unknown"),
        (Canned::Timeout, "Unknown"),
        (Canned::BrokenConnection, "Unknown"),
    ];
    for (answer, expected) in cases {
        assert_eq!(outcome(append(answer, false).await), expected, "{answer:?}");
    }
}

#[tokio::test]
async fn the_reasons_of_a_canceled_transaction_say_what_stood_in_its_way() {
    // The commit, the release of "old", the claim of "new".
    let cases = [
        (r#"[{"Code":"ConditionalCheckFailed"},{"Code":"None"},{"Code":"None"}]"#, "Taken"),
        (r#"[{"Code":"ConditionalCheckFailed"},{"Code":"None"},{"Code":"ConditionalCheckFailed"}]"#, "Taken"),
        (r#"[{"Code":"None"},{"Code":"None"},{"Code":"ConditionalCheckFailed"}]"#, "new is reserved"),
        (r#"[{"Code":"None"},{"Code":"ConditionalCheckFailed"},{"Code":"TransactionConflict"}]"#, "old is reserved"),
        (r#"[{"Code":"None"},{"Code":"None"},{"Code":"TransactionConflict"}]"#, "Contention"),
        (r#"[{"Code":"ThrottlingError"},{"Code":"None"},{"Code":"None"}]"#, "Throttled"),
        (r#"[{"Code":"ValidationError"},{"Code":"None"},{"Code":"None"}]"#, "Refused"),
        ("[]", "Refused"),
    ];
    for (reasons, expected) in cases {
        let body = format!(r#"{{"__type":"x#TransactionCanceledException","CancellationReasons":{reasons}}}"#);
        let answer = Canned::Answer(400, body.leak());
        assert_eq!(outcome(append(answer, true).await), expected, "{reasons}");
    }
    let in_progress = Canned::Answer(400, r#"{"__type":"x#TransactionInProgressException"}"#);
    assert_eq!(outcome(append(in_progress, true).await), "Contention");
    assert_eq!(outcome(append(Canned::Timeout, true).await), "Unknown");
}

#[tokio::test]
async fn an_append_is_sent_once_though_the_client_tries_again() {
    for reserving in [false, true] {
        let sent = Arc::new(AtomicU32::new(0));
        let answer = Counted(Canned::Answer(500, r#"{"__type":"x#InternalServerError"}"#), Arc::clone(&sent));
        assert_eq!(outcome(append_over(answer, RetryConfig::standard(), reserving).await), "Unknown");
        assert_eq!(sent.load(Ordering::Relaxed), 1, "with reservations: {reserving}");
    }
}
