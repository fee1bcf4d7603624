//! The bus on AWS: EventBridge.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use muster_domain::mutant::{Mutant, planted};
use opentelemetry_aws::trace::xray_propagator::span_context_to_string;

use crate::publisher::{BusError, Entry, EventBus, PutOutcome, SOURCE};

/// The most entries that `PutEvents` takes at once.
const MAX_ENTRIES: usize = 10;
/// The most bytes that `PutEvents` takes at once, less a margin for the names of the fields.
const MAX_BYTES: usize = 240 * 1024;
/// What a time counts in the size of an entry; texts count their bytes in UTF-8.
const TIME_BYTES: usize = 14;

/// An EventBridge bus.
#[derive(Clone, Debug)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// The bus of this name.
    pub fn new(client: Client, bus: impl Into<String>) -> Self {
        Self { client, bus: bus.into() }
    }

    /// The trace goes in X-Ray's header, which EventBridge hands on to the queues.
    fn entry(&self, Entry { event, trace }: &Entry) -> Result<(PutEventsRequestEntry, usize), BusError> {
        let trace = trace.as_ref().and_then(|trace| span_context_to_string(trace.place()));
        let detail = serde_json::to_string(event).map_err(|error| BusError(Box::new(error)))?;
        let stream = event.stream.to_string();
        let size = TIME_BYTES + SOURCE.len() + event.event_type.len() + detail.len() + stream.len();
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(&event.event_type)
            .time(DateTime::from_millis(event.recorded_at.timestamp_millis()))
            .resources(stream)
            .detail(detail)
            .set_trace_header(trace)
            .build();
        Ok((entry, size))
    }

    /// One request. One outcome for each entry, even if the answer has fewer: those of later requests must not move up.
    async fn put_entries(&self, entries: Vec<PutEventsRequestEntry>) -> Result<Vec<PutOutcome>, BusError> {
        let sent = entries.len();
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| BusError(Box::new(error)))?;
        // `FailedEntryCount` is the number of entries with an error code; the codes say which.
        let outcomes = answer.entries().iter().map(|entry| match entry.error_code() {
            None => PutOutcome::Accepted,
            Some(_) if planted(Mutant::FailedEntriesIgnored) => PutOutcome::Accepted,
            Some(code) => {
                PutOutcome::Refused { reason: format!("{code}: {}", entry.error_message().unwrap_or_default()) }
            }
        });
        let unanswered = || PutOutcome::Refused { reason: "the answer says nothing of it".to_owned() };
        Ok(outcomes.chain(std::iter::repeat_with(unanswered)).take(sent).collect())
    }
}

#[async_trait]
impl EventBus for EventBridge {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<PutOutcome>, BusError> {
        let mut outcomes = Vec::with_capacity(entries.len());
        let (mut request, mut bytes) = (Vec::with_capacity(MAX_ENTRIES), 0);
        for entry in entries {
            let (entry, size) = self.entry(entry)?;
            if request.len() == MAX_ENTRIES || (bytes + size > MAX_BYTES && !request.is_empty()) {
                outcomes.extend(self.put_entries(std::mem::take(&mut request)).await?);
                bytes = 0;
            }
            request.push(entry);
            bytes += size;
        }
        if !request.is_empty() {
            outcomes.extend(self.put_entries(request).await?);
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use aws_sdk_eventbridge::config::retry::RetryConfig;
    use aws_sdk_eventbridge::config::{BehaviorVersion, Region};
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use axum::{Json, Router};
    use muster_commands::Trace;
    use muster_domain::task::{TaskEdited, TaskEvent};
    use muster_domain::values::{Change, Description, Label, Labels, Location, Position, Title};
    use muster_domain::{Actor, CommandId, RecordedEvent, StreamId, TaskId, UserId};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    /// A server that speaks `PutEvents`: gives the answers it is told to, then takes everything.
    #[derive(Clone, Default)]
    struct Server {
        answers: Arc<Mutex<VecDeque<(StatusCode, Value)>>>,
        requests: Arc<Mutex<Vec<Vec<Value>>>>,
    }

    impl Server {
        fn answer(&self, headers: &HeaderMap, body: &str) -> (StatusCode, Json<Value>) {
            assert_eq!(headers["x-amz-target"], "AWSEvents.PutEvents");
            let mut request: Value = serde_json::from_str(body).unwrap();
            let Value::Array(entries) = request["Entries"].take() else { panic!("no entries: {request}") };
            let everything =
                json!({ "FailedEntryCount": 0, "Entries": vec![json!({ "EventId": "e" }); entries.len()] });
            self.requests.lock().unwrap().push(entries);
            let (status, answer) = self.answers.lock().unwrap().pop_front().unwrap_or((StatusCode::OK, everything));
            (status, Json(answer))
        }

        /// Starts it; the bus that it is.
        async fn bus(&self) -> EventBridge {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            let put =
                async |State(server): State<Self>, headers: HeaderMap, body: String| server.answer(&headers, &body);
            let router = Router::new().route("/", post(put)).with_state(self.clone());
            let router = router.layer(axum::extract::DefaultBodyLimit::disable());
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            let config = aws_sdk_eventbridge::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("eu-central-1"))
                .allow_no_auth()
                .retry_config(RetryConfig::disabled())
                .endpoint_url(endpoint)
                .build();
            EventBridge::new(Client::from_conf(config), "muster-test-events")
        }

        fn then(self, status: StatusCode, answer: Value) -> Self {
            self.answers.lock().unwrap().push_back((status, answer));
            self
        }

        /// How many entries each request had.
        fn batches(&self) -> Vec<usize> {
            self.requests.lock().unwrap().iter().map(Vec::len).collect()
        }
    }

    fn event(version: u64, data: Value) -> RecordedEvent {
        let stream = StreamId::from(TaskId(Uuid::from_u128(1)));
        RecordedEvent {
            event_id: RecordedEvent::id_at(&stream, version),
            stream,
            version,
            event_type: "TaskEdited".to_owned(),
            schema: 1,
            recorded_at: "2026-03-02T08:00:00.120Z".parse().unwrap(),
            actor: Actor::from(UserId(Uuid::from_u128(2))),
            command_id: CommandId(Uuid::from_u128(3)),
            correlation_id: "request-1".to_owned(),
            causation_id: None,
            data,
        }
    }

    fn entries(count: u64) -> Vec<Entry> {
        (1..=count).map(|version| Entry::from(event(version, json!({})))).collect()
    }

    fn refused(reason: &str) -> PutOutcome {
        PutOutcome::Refused { reason: reason.to_owned() }
    }

    #[tokio::test]
    async fn an_entry_is_the_event_under_our_source_and_its_type() {
        let server = Server::default();
        let event = event(7, json!({ "title": { "from": "a", "to": "b" } }));

        let outcomes = server.bus().await.put(&[Entry::from(event.clone())]).await.unwrap();

        assert_eq!(outcomes, [PutOutcome::Accepted]);
        let mut entry = server.requests.lock().unwrap()[0][0].clone();
        let detail: RecordedEvent = serde_json::from_str(entry["Detail"].take().as_str().unwrap()).unwrap();
        assert_eq!(detail, event);
        assert_eq!(
            entry,
            json!({
                "EventBusName": "muster-test-events",
                "Source": "muster",
                "DetailType": "TaskEdited",
                "Detail": null,
                "Resources": ["task#00000000-0000-0000-0000-000000000001"],
                "Time": 1_772_438_400.12,
            })
        );
    }

    #[tokio::test]
    async fn an_entry_has_its_trace_in_the_header_of_x_ray() {
        let server = Server::default();
        let trace = Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let event = event(1, json!({}));

        server.bus().await.put(&[Entry { event: event.clone(), trace }, Entry::from(event)]).await.unwrap();

        let requests = server.requests.lock().unwrap();
        let headers: Vec<_> = requests[0].iter().map(|entry| entry["TraceHeader"].as_str()).collect();
        let header = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
        assert_eq!(headers, [Some(header), None]);
    }

    #[tokio::test]
    async fn a_request_has_ten_entries_at_most_and_the_order_stays() {
        let server = Server::default();

        let outcomes = server.bus().await.put(&entries(23)).await.unwrap();

        assert_eq!(outcomes, vec![PutOutcome::Accepted; 23]);
        assert_eq!(server.batches(), [10, 10, 3]);
        let requests = server.requests.lock().unwrap();
        let details = requests.iter().flatten().map(|entry| entry["Detail"].as_str().unwrap());
        let versions = details.map(|detail| serde_json::from_str::<RecordedEvent>(detail).unwrap().version);
        assert!(versions.eq(1..=23));
    }

    #[tokio::test]
    async fn without_events_there_is_no_request() {
        let server = Server::default();

        assert_eq!(server.bus().await.put(&[]).await.unwrap(), []);

        assert_eq!(server.batches(), [0; 0]);
    }

    #[tokio::test]
    async fn a_request_has_no_more_bytes_than_eventbridge_takes() {
        let server = Server::default();
        let of_size = |kilobytes: usize| Entry::from(event(1, json!({ "text": "x".repeat(kilobytes * 1024) })));

        server.bus().await.put(&[100, 100, 100, 1, 200, 100].map(of_size)).await.unwrap();

        assert_eq!(server.batches(), [2, 2, 1, 1]);
        for entries in server.requests.lock().unwrap().iter() {
            let bytes: usize = entries.iter().map(|entry| entry["Detail"].as_str().unwrap().len()).sum();
            assert!(bytes < MAX_BYTES, "{bytes}");
        }
    }

    #[tokio::test]
    async fn an_entry_with_an_error_code_is_refused_and_the_others_are_not() {
        let answers = json!([
            { "EventId": "1" },
            { "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" },
            { "ErrorCode": "InternalFailure" },
            { "EventId": "4" },
        ]);
        let server = Server::default().then(StatusCode::OK, json!({ "FailedEntryCount": 2, "Entries": answers }));

        let outcomes = server.bus().await.put(&entries(4)).await.unwrap();

        let throttled = refused("ThrottlingException: slow down");
        assert_eq!(outcomes, [PutOutcome::Accepted, throttled, refused("InternalFailure: "), PutOutcome::Accepted]);
    }

    #[tokio::test]
    async fn an_entry_that_the_answer_does_not_mention_is_refused_and_no_other_takes_its_place() {
        let short = json!({ "FailedEntryCount": 0, "Entries": vec![json!({ "EventId": "e" }); 9] });
        let server = Server::default().then(StatusCode::OK, short);

        let outcomes = server.bus().await.put(&entries(12)).await.unwrap();

        let mut expected = vec![PutOutcome::Accepted; 12];
        expected[9] = refused("the answer says nothing of it");
        assert_eq!(outcomes, expected);
    }

    #[tokio::test]
    async fn a_request_that_fails_as_a_whole_says_nothing_of_any_event() {
        let server =
            Server::default().then(StatusCode::INTERNAL_SERVER_ERROR, json!({ "__type": "InternalException" }));

        let error = server.bus().await.put(&entries(3)).await.unwrap_err();

        assert_eq!(error.to_string(), "the bus does not answer");
        assert_eq!(server.batches(), [3]);
    }

    /// Every text as long as it may be, of characters that take four bytes, before and after.
    fn largest_event() -> RecordedEvent {
        fn texts<T: std::str::FromStr<Err: std::fmt::Debug>>(length: usize) -> Change<T> {
            let text = |last: &str| (String::from("😀").repeat(length - 1) + last).parse().unwrap();
            Change { from: text("😁"), to: text("😂") }
        }
        let labels = |first: u32| {
            let label = |n: u32| char::from_u32(first + n).unwrap().to_string().repeat(Label::MAX).parse().unwrap();
            Labels::try_from((0..u32::try_from(Labels::MAX).unwrap()).map(label).collect::<Vec<Label>>()).unwrap()
        };
        let location = |name| {
            let position = Position::new(-12.345_678_901_234_567, -123.456_789_012_345_67).unwrap();
            Some(Location { name, position: Some(position) })
        };
        let description = texts::<Description>(Description::MAX);
        let names = texts(120);
        let edited = TaskEdited {
            title: Some(texts::<Title>(Title::MAX)),
            description: Some(Change { from: Some(description.from), to: Some(description.to) }),
            labels: Some(Change { from: labels(0x1_F600), to: labels(0x1_F620) }),
            location: Some(Change { from: location(names.from), to: location(names.to) }),
            mentions: Vec::new(),
        };
        let TaskEvent::TaskEdited(edited) = TaskEvent::from(edited) else { panic!("another event") };
        let mut event = event(u64::MAX, serde_json::to_value(edited).unwrap());
        event.correlation_id = "r".repeat(128);
        event.causation_id = Some("c".repeat(128));
        event
    }

    #[tokio::test]
    async fn the_largest_event_that_the_domain_allows_fits_into_one_request() {
        let server = Server::default();
        let bus = server.bus().await;
        let event = Entry::from(largest_event());

        let (_, size) = bus.entry(&event).unwrap();
        assert!((160_000..MAX_BYTES).contains(&size), "{size}");
        assert_eq!(bus.put(&[event.clone(), event]).await.unwrap(), [PutOutcome::Accepted, PutOutcome::Accepted]);

        assert_eq!(server.batches(), [1, 1]);
    }
}
