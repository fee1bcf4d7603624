//! The one way out of a process: the AWS SDK's HTTP connector. Every request of every client goes through here, and meets
//! its fate here.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::backend::Answer;
use crate::bus;
use crate::faults::Fate;
use crate::instance::Instance;
use crate::tamper;
use crate::world::{PREFIX, World};

const DYNAMODB: &str = "DynamoDB_20120810.";
const PUT_EVENTS: &str = "AWSEvents.PutEvents";
/// The `__type` of DynamoDB's errors begins so.
const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";

/// The connector of one process.
#[derive(Clone, Debug)]
pub struct Port {
    world: Arc<World>,
    instance: Arc<Instance>,
}

/// The SDK asks for a connector for each set of timeouts; there is one for all.
#[derive(Debug)]
struct OnePort(SharedHttpConnector);

impl HttpClient for OnePort {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

/// A client of one of the SDK's crates, whose configurations are alike and of different types. It does not try again by
/// itself: what comes after a fault is for the code above it, and the SDK draws its pauses from elsewhere.
macro_rules! client {
    ($sdk:ident, $connector:expr) => {{
        use $sdk::config::{BehaviorVersion, Config, Region, StalledStreamProtectionConfig};
        $sdk::Client::from_conf(
            Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("simulated"))
                .endpoint_url("http://simulated.invalid")
                .allow_no_auth()
                .retry_config(RetryConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .http_client(SharedHttpClient::new(OnePort(SharedHttpConnector::new($connector))))
                .build(),
        )
    }};
}

/// A DynamoDB client whose requests go this way.
pub(crate) fn dynamodb_over(connector: impl HttpConnector + 'static) -> aws_sdk_dynamodb::Client {
    client!(aws_sdk_dynamodb, connector)
}

/// What a request to DynamoDB asks for, such as `PutItem`; one to another service says the service, too.
pub(crate) fn operation(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.strip_prefix(DYNAMODB).unwrap_or(target)
}

/// An answer as it comes to the SDK.
pub(crate) fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

impl Port {
    /// The way out of this process.
    pub fn new(world: &Arc<World>, instance: &Arc<Instance>) -> Self {
        Self { world: Arc::clone(world), instance: Arc::clone(instance) }
    }

    /// A DynamoDB client of this process.
    pub fn dynamodb(self) -> aws_sdk_dynamodb::Client {
        dynamodb_over(self)
    }

    /// An EventBridge client of this process.
    pub fn eventbridge(self) -> aws_sdk_eventbridge::Client {
        client!(aws_sdk_eventbridge, self)
    }
}

impl HttpConnector for Port {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = operation(&request).to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        HttpConnectorFuture::new(self.clone().meet(Request::new(operation, body)))
    }
}

impl Port {
    /// One request, from its sending to its answer.
    async fn meet(self, request: Request) -> Result<HttpResponse, ConnectorError> {
        let Self { world, instance } = self;
        instance.alive().await;
        let fate = world.fate(request.writes);
        world.step((instance.id, &request.operation, request.digest, fate), || {
            format!("{} {} {} {}: {fate:?}", instance.name, instance.id, request.operation, request.about())
        });
        let slow = world.inner().rng.u8(..8) == 0;
        sleep(world.millis(if slow { 120 } else { 6 })).await;
        instance.alive().await;
        let answer = match fate {
            Fate::Well => request.execute(&world, &instance),
            Fate::Error => request.error(500, "InternalServerError"),
            Fate::Throttle => request.error(400, "ThrottlingException"),
            Fate::Conflict => request.conflict(),
            Fate::LostAnswer => {
                let _ = request.execute(&world, &instance);
                sleep(Duration::from_millis(50)).await;
                instance.alive().await;
                return Err(ConnectorError::timeout("the answer is lost".into()));
            }
            Fate::LateEffect(after) => {
                world.inner().late += 1;
                tokio::spawn(async move {
                    sleep(after).await;
                    world.step(("late", request.digest), || {
                        format!("{} {} takes effect late", request.operation, request.about())
                    });
                    let _ = request.execute(&world, &instance);
                    world.inner().late -= 1;
                });
                sleep(Duration::from_millis(20)).await;
                return Err(ConnectorError::timeout("no answer in time".into()));
            }
            Fate::CrashBefore => {
                instance.end();
                std::future::pending().await
            }
            Fate::CrashAfter => {
                let _ = request.execute(&world, &instance);
                instance.end();
                std::future::pending().await
            }
            Fate::Stall(time) => {
                sleep(time).await;
                instance.alive().await;
                request.execute(&world, &instance)
            }
        };
        // What is said of a table has a random id in it.
        let said = if request.timed || request.operation.contains("Table") { 0 } else { sum(&answer.body) };
        world.step((instance.id, answer.status, said), || {
            let shown = if request.operation.contains("Table") { String::new() } else { shown(&answer.body) };
            format!("{} {} {} -> {} {shown}", instance.name, instance.id, request.operation, answer.status)
        });
        response(answer)
    }
}

/// A digest of a body that does not depend on the order of the attributes in it, which the SDK takes from hash maps.
fn sum(body: &[u8]) -> u64 {
    body.iter().map(|byte| u64::from(*byte) * u64::from(*byte)).sum()
}

/// The beginning of a body for the trace, its attributes in one order.
fn shown(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    serde_json_canonicalizer::to_string(&value).unwrap_or_default().chars().take(400).collect()
}

/// A request as the process sent it.
struct Request {
    operation: String,
    bus: bool,
    writes: bool,
    /// It is about things that differ between two runs of a seed.
    timed: bool,
    body: Vec<u8>,
    digest: u64,
}

impl Request {
    fn new(operation: String, body: Vec<u8>) -> Self {
        let bus = operation == PUT_EVENTS;
        let writes = bus
            || matches!(
                operation.as_str(),
                "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
            );
        // What the program keeps there has the time of the machine in it, and places in the stream, which the embedded
        // engine counts from that time; and the ids of sessions are random.
        let of_table = |name: &str| {
            let name = format!("\"{PREFIX}{name}\"");
            body.windows(name.len()).any(|window| window == name.as_bytes())
        };
        let timed = !bus && (of_table("control") || of_table("sessions"));
        let digest = if timed { 0 } else { sum(&body) };
        Self { operation, bus, writes, timed, body, digest }
    }

    /// What it is about, for the trace.
    fn about(&self) -> String {
        shown(&self.body)
    }

    fn execute(&self, world: &Arc<World>, instance: &Instance) -> Answer {
        if self.bus {
            return bus::put_events(world, &self.body);
        }
        match self.operation.as_str() {
            "PutItem" | "TransactWriteItems" => self.write(world, instance),
            "BatchGetItem" | "BatchWriteItem" => self.batch(world),
            "Query" | "Scan" | "GetItem" => self.read(world, instance),
            _ => world.execute(&self.operation, &self.body, None),
        }
    }

    fn parsed(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A write, perhaps with a carried state that is missing, damaged, or of another program.
    fn write(&self, world: &World, instance: &Instance) -> Answer {
        let mut request = self.parsed();
        let mut changed = false;
        if self.operation == "PutItem" {
            changed = tamper::state(world, instance, &mut request["Item"]);
        } else {
            for item in request["TransactItems"].as_array_mut().into_iter().flatten() {
                if let Some(put) = item.get_mut("Put") {
                    changed |= tamper::state(world, instance, &mut put["Item"]);
                }
            }
        }
        if changed {
            let body = serde_json::to_vec(&request).unwrap_or_default();
            world.execute(&self.operation, &body, Some(&request))
        } else {
            world.execute(&self.operation, &self.body, Some(&request))
        }
    }

    /// A batch call, of which some may be left undone.
    fn batch(&self, world: &World) -> Answer {
        let mut request = self.parsed();
        if !world.happens(|faults| faults.unprocessed) {
            return world.execute(&self.operation, &self.body, Some(&request));
        }
        let reads = self.operation == "BatchGetItem";
        let mut left = serde_json::Map::new();
        for (table, of_table) in request["RequestItems"].as_object_mut().into_iter().flatten() {
            let list = if reads { &mut of_table["Keys"] } else { &mut *of_table };
            let Some(all) = list.as_array_mut() else { continue };
            let done = world.inner().rng.usize(..=all.len());
            let rest = all.split_off(done);
            if rest.is_empty() {
                continue;
            }
            let mut rest = Value::Array(rest);
            if reads {
                let mut wanted = of_table.clone();
                wanted["Keys"] = rest;
                rest = wanted;
            }
            left.insert(table.clone(), rest);
        }
        let nothing = request["RequestItems"].as_object().is_none_or(|tables| {
            tables.values().all(|of_table| {
                let list = if reads { &of_table["Keys"] } else { of_table };
                list.as_array().is_none_or(Vec::is_empty)
            })
        });
        let mut answer = if nothing {
            Answer { status: 200, body: b"{}".to_vec() }
        } else {
            world.execute(&self.operation, &serde_json::to_vec(&request).unwrap_or_default(), Some(&request))
        };
        if answer.status == 200 {
            let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            if nothing && reads {
                body["Responses"] = json!({});
            }
            body[if reads { "UnprocessedKeys" } else { "UnprocessedItems" }] = Value::Object(left);
            answer.body = serde_json::to_vec(&body).unwrap_or_default();
        }
        answer
    }

    /// A read, perhaps with a short page or, where consistency was not asked for, a stale one.
    fn read(&self, world: &World, instance: &Instance) -> Answer {
        let short = self.operation != "GetItem" && world.happens(|faults| faults.short_page);
        let mut answer = if short {
            let mut request = self.parsed();
            let asked = request["Limit"].as_u64().unwrap_or(u64::MAX);
            request["Limit"] = json!(asked.min(world.inner().rng.u64(1..4)));
            if self.operation == "Scan" && request.get("ExclusiveStartKey").is_some() && world.inner().rng.bool() {
                let page = json!({
                    "Count": 0, "ScannedCount": 0, "Items": [], "LastEvaluatedKey": request["ExclusiveStartKey"],
                });
                return Answer { status: 200, body: page.to_string().into_bytes() };
            }
            world.execute(&self.operation, &serde_json::to_vec(&request).unwrap_or_default(), None)
        } else {
            world.execute(&self.operation, &self.body, None)
        };
        if instance.former {
            tamper::forget_states(&mut answer);
        }
        let consistent = br#""ConsistentRead":true"#;
        let asked = self.body.windows(consistent.len()).any(|window| window == consistent);
        if !asked && self.operation == "Query" && world.happens(|faults| faults.stale_read) {
            tamper::forget_fresh(world, &mut answer);
        }
        answer
    }

    fn error(&self, status: u16, kind: &str) -> Answer {
        let namespace = if self.bus { "" } else { NAMESPACE };
        let body = json!({ "__type": format!("{namespace}{kind}"), "message": "simulated" });
        Answer { status, body: body.to_string().into_bytes() }
    }

    /// Another write to the same item was under way.
    fn conflict(&self) -> Answer {
        if self.bus {
            return self.error(400, "ThrottlingException");
        }
        if self.operation != "TransactWriteItems" {
            return self.error(400, "TransactionConflictException");
        }
        let items = self.parsed()["TransactItems"].as_array().map_or(1, Vec::len);
        let mut reasons = vec![json!({ "Code": "None" }); items];
        if let Some(last) = reasons.last_mut() {
            *last = json!({ "Code": "TransactionConflict", "Message": "simulated" });
        }
        let body = json!({
            "__type": format!("{NAMESPACE}TransactionCanceledException"),
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": reasons,
        });
        Answer { status: 400, body: body.to_string().into_bytes() }
    }
}
