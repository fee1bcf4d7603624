//! The bus as EventBridge is: it refuses single entries, delivers late, in no order and more than once, and puts aside
//! what it cannot deliver.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use muster_handlers::topology::Topology;
use serde_json::{Value, json};

use crate::backend::Answer;
use crate::world::World;

/// The projections and the types of aggregates that their rules let through.
static RULES: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let topology = Topology::load().map(|topology| topology.projections).unwrap_or_default();
    let types = |rule: &Value| serde_json::from_value(rule["detail"]["stream"]["type"].clone()).unwrap_or_default();
    topology.into_iter().map(|(projection, shape)| (projection, types(&shape.rule))).collect()
});

/// The reactor that makes the next task of a series.
pub const RECURRENCE: &str = "recurrence";

/// The projections that have a rule.
pub fn projections() -> impl Iterator<Item = &'static str> {
    RULES.keys().map(String::as_str)
}

/// What a rule and a trace need of an event.
#[derive(serde::Deserialize)]
struct Detail<'a> {
    #[serde(borrow)]
    stream: Stream<'a>,
    version: u64,
}

#[derive(serde::Deserialize)]
struct Stream<'a> {
    #[serde(rename = "type")]
    aggregate: &'a str,
    id: &'a str,
}

/// Answers `PutEvents`.
pub fn put_events(world: &Arc<World>, body: &[u8]) -> Answer {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut failed = 0;
    let mut outcomes = Vec::new();
    for entry in request["Entries"].as_array().into_iter().flatten() {
        if world.happens(|faults| faults.refused_entry) {
            failed += 1;
            outcomes.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "simulated" }));
        } else {
            outcomes.push(json!({ "EventId": "accepted" }));
            deliver(world, entry);
        }
    }
    let answer = json!({ "FailedEntryCount": failed, "Entries": outcomes });
    Answer { status: 200, body: answer.to_string().into_bytes() }
}

/// Puts one entry into the queue of each projection and reactor whose rule it matches.
fn deliver(world: &World, entry: &Value) {
    let text = entry["Detail"].as_str().unwrap_or_default();
    let Ok(detail) = serde_json::from_str::<Detail<'_>>(text) else { return };
    let envelope = json!({
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "000000000000",
        "time": "2026-03-02T08:00:00Z",
        "region": "simulated",
        "resources": entry["Resources"],
    })
    .to_string();
    // The detail stays as the publisher wrote it.
    let body: Arc<str> = format!("{},\"detail\":{text}}}", envelope.strip_suffix('}').unwrap_or_default()).into();
    let wanted = RULES.iter().filter(|(_, types)| types.iter().any(|aggregate| aggregate == detail.stream.aggregate));
    let queues = wanted.map(|(projection, _)| projection.as_str());
    // The rule of the reactor: `detail-type` and `data.to`.
    let done = entry["DetailType"] == "TaskStatusChanged" && text.contains(r#""to":"completed""#);
    for queue in queues.chain(done.then_some(RECURRENCE)) {
        put(world, queue, &detail, &body);
    }
}

/// Puts one event into one queue: late, twice, or among its dead letters.
fn put(world: &World, queue: &str, detail: &Detail<'_>, body: &Arc<str>) {
    let copies = if world.happens(|faults| faults.duplicate) { 2 } else { 1 };
    for _ in 0..copies {
        if world.happens(|faults| faults.dropped) {
            world.step(("dropped", queue, detail.version), || {
                format!(
                    "{}#{} {} goes to the dead letters of {queue}",
                    detail.stream.aggregate, detail.stream.id, detail.version
                )
            });
            world.inner().queues.entry(queue.to_owned()).or_default().bury(Arc::clone(body));
            continue;
        }
        let late = world.happens(|faults| faults.delay);
        let delay = if late { world.millis(300_000) } else { world.millis(400) };
        let visible = world.elapsed() + Duration::from_millis(5) + delay;
        world.inner().queues.entry(queue.to_owned()).or_default().send(Arc::clone(body), visible);
    }
}
