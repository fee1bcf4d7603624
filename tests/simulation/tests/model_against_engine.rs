//! The model of DynamoDB held against the embedded engine: the same requests, by chance, to both.
//!
//! Compared are the statuses, the bodies, the streams and what is stored in the end. Of errors: their types, what stands
//! in a taken place, and the codes of a canceled transaction; their words differ.
//!
//! Where the engine differs from what DynamoDB documents, the model follows DynamoDB, and the difference is left out
//! here, each at a comment that begins with "The engine".

#![allow(clippy::unwrap_used, reason = "a test, with helpers around it")]

#[path = "model_against_engine/requests/mod.rs"]
mod requests;

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;
use muster_simulation::backend::{Answer, Backend};
use muster_simulation::dynamodb::Model;
use muster_simulation::engine::EngineBackend;
use requests::Request;
use serde_json::{Value, json};

/// How many operations are compared in all.
const OPERATIONS: usize = 100_000;
/// After how many both begin anew.
const OF_EACH_SEED: usize = 10_000;
const TABLES: [&str; 3] = ["events", "rows", "claims"];

struct Both {
    model: Model,
    engine: EngineBackend,
    seed: u64,
    operation: usize,
}

impl Both {
    fn new(seed: u64) -> Self {
        let mut both = Self { model: Model::new(), engine: EngineBackend::memory().unwrap(), seed, operation: 0 };
        for table in requests::tables() {
            both.compare(&("CreateTable", table));
        }
        both
    }

    /// Sends the request to both and compares the answers, which are the same: one is given.
    #[track_caller]
    fn compare(&mut self, (operation, request): &Request) -> Value {
        self.operation += 1;
        let body = request.to_string();
        let (model, engine) =
            (self.model.execute(operation, body.as_bytes()), self.engine.execute(operation, body.as_bytes()));
        let (mut told, mut expected) = (parse(&model), parse(&engine));
        if model.status == 200 && *operation == "Query" {
            forgive_count(request, &told, &mut expected);
        }
        let same = model.status == engine.status
            && if model.status == 200 {
                of_answer(operation, &mut told) == of_answer(operation, &mut expected)
            } else {
                of_error(&told) == of_error(&expected)
            };
        assert!(
            same,
            "seed {}, operation {}: {operation} {}\nmodel:  {} {}\nengine: {} {}",
            self.seed,
            self.operation,
            short(&body),
            model.status,
            short(&told.to_string()),
            engine.status,
            short(&expected.to_string()),
        );
        told
    }

    /// Sends a query, and those for the pages that follow.
    fn query(&mut self, mut query: Value, pages: usize) {
        for _ in 0..pages {
            let answer = self.compare(&("Query", query.clone()));
            match answer.get("LastEvaluatedKey") {
                Some(key) => query["ExclusiveStartKey"] = key.clone(),
                None => return,
            }
        }
    }

    /// Scans with both. Their orders of partitions differ, so whole scans are compared.
    fn scan(&mut self, segments: u8, scan: &Value) {
        let model = whole_scan(&mut self.model, segments, scan);
        let engine = whole_scan(&mut self.engine, segments, scan);
        assert_eq!(model, engine, "seed {}, operation {}: {scan} in {segments}", self.seed, self.operation);
    }

    fn compare_what_is_stored(&mut self) {
        for table in TABLES {
            let what = format!("seed {}, {table}", self.seed);
            assert_eq!(sorted(self.model.items(table)), sorted(self.engine.items(table)), "{what}");
            let model = whole_stream(&mut self.model, table);
            let mut engine = whole_stream(&mut self.engine, table);
            forget_idle_writes(&mut engine);
            assert_eq!(model.len(), engine.len(), "{what}: records");
            for (at, (model, engine)) in model.iter().zip(&engine).enumerate() {
                let of = |record: &Value| {
                    let change = &record["dynamodb"];
                    [&record["eventName"], &change["Keys"], &change["NewImage"]].map(Clone::clone)
                };
                assert_eq!(of(model), of(engine), "{what}: record {at}");
            }
        }
    }
}

fn parse(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn short(text: &str) -> String {
    text.chars().take(3000).collect()
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_cached_key(Value::to_string);
    values
}

/// What of a good answer must be the same.
fn of_answer(operation: &str, answer: &mut Value) -> Value {
    match operation {
        // A batch gives its items in no order.
        "BatchGetItem" => {
            let responses = answer["Responses"].as_object_mut().unwrap();
            for items in responses.values_mut() {
                *items = Value::Array(sorted(std::mem::take(items.as_array_mut().unwrap())));
            }
            answer.clone()
        }
        // The engine tells more of a table than the model does.
        "CreateTable" | "DescribeTable" => {
            let table = answer.get("TableDescription").or(answer.get("Table")).unwrap();
            let mut definitions = table["AttributeDefinitions"].as_array().unwrap().clone();
            definitions.sort_by_cached_key(Value::to_string);
            let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array).into_iter().flatten();
            let indexes: BTreeMap<_, _> =
                indexes.map(|index| (index["IndexName"].to_string(), index["KeySchema"].clone())).collect();
            json!([table["TableName"], table["KeySchema"], definitions, indexes, table["StreamSpecification"]])
        }
        _ => answer.clone(),
    }
}

/// What of an error must be the same.
fn of_error(error: &Value) -> Value {
    let reasons = error["CancellationReasons"].as_array().into_iter().flatten();
    let reasons: Vec<_> = reasons.map(|reason| json!([reason["Code"], reason["Item"]])).collect();
    json!([error["__type"], error["Item"], reasons])
}

/// The engine counts the item that did not fit into a page of 1 MB as one that it scanned.
fn forgive_count(request: &Value, model: &Value, engine: &mut Value) {
    let full = model.get("LastEvaluatedKey").is_some() && request["Limit"] != model["ScannedCount"];
    if full && engine["ScannedCount"].as_u64() == model["ScannedCount"].as_u64().map(|count| count + 1) {
        engine["ScannedCount"] = model["ScannedCount"].clone();
    }
}

/// All items of a scan, sorted. Each partition is in one segment, and in order.
fn whole_scan(backend: &mut dyn Backend, segments: u8, scan: &Value) -> Vec<Value> {
    let mut items = Vec::new();
    let mut segment_of: HashMap<String, u8> = HashMap::new();
    for segment in 0..segments {
        let mut request = scan.clone();
        if segments > 1 {
            request["Segment"] = json!(segment);
            request["TotalSegments"] = json!(segments);
        }
        let mut pages: Vec<Value> = Vec::new();
        loop {
            let answer = backend.execute("Scan", request.to_string().as_bytes());
            let mut page = parse(&answer);
            assert_eq!(answer.status, 200, "{request}: {page}");
            pages.append(page["Items"].as_array_mut().unwrap());
            let next = page["LastEvaluatedKey"].take();
            if next.is_null() {
                break;
            }
            request["ExclusiveStartKey"] = next;
        }
        let mut before: Option<&Value> = None;
        for item in &pages {
            let pk = item["pk"].to_string();
            assert_eq!(*segment_of.entry(pk).or_insert(segment), segment, "{request}: {item}");
            if let Some(before) = before.filter(|before| before["pk"] == item["pk"]) {
                assert!(sort_key(before) <= sort_key(item), "{request}: {before} before {item}");
            }
            before = Some(item);
        }
        items.append(&mut pages);
    }
    sorted(items)
}

fn sort_key(item: &Value) -> (f64, String) {
    let sk = &item["sk"];
    let number = sk["N"].as_str().map_or(0.0, |number| number.parse().unwrap());
    (number, sk["S"].as_str().unwrap_or_default().to_owned())
}

fn whole_stream(backend: &mut dyn Backend, table: &str) -> Vec<Value> {
    let mut records: Vec<Value> = Vec::new();
    loop {
        let sequence = |record: &Value| record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned();
        let last = records.last().map(sequence);
        let mut next = backend.stream(table, last.as_deref(), 1000);
        if next.is_empty() {
            assert!(records.windows(2).all(|pair| sequence(&pair[0]) < sequence(&pair[1])));
            assert!(records.iter().all(|record| sequence(record).len() == 21));
            return records;
        }
        records.append(&mut next);
    }
}

/// The engine makes a record of a put that changes nothing; DynamoDB makes none.
fn forget_idle_writes(records: &mut Vec<Value>) {
    let mut images: HashMap<String, Value> = HashMap::new();
    records.retain(|record| {
        let change = &record["dynamodb"];
        let old = images.insert(change["Keys"].to_string(), change["NewImage"].clone());
        record["eventName"] != "MODIFY" || old.as_ref() != Some(&change["NewImage"])
    });
}

#[test]
fn the_model_answers_stores_and_streams_as_the_embedded_engine_does() {
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..OPERATIONS.div_ceil(OF_EACH_SEED) as u64 {
        let mut rng = Rng::with_seed(seed);
        let mut both = Both::new(seed);
        let mut last = requests::any(&mut rng);
        while both.operation < OF_EACH_SEED {
            if rng.u8(..100) == 0 {
                let (segments, scan) = requests::scan(&mut rng);
                both.scan(segments, &scan);
            }
            // Some come twice: puts that change nothing, tokens that were used.
            if rng.u8(..20) > 0 {
                last = requests::any(&mut rng);
            }
            let answer = both.compare(&last);
            if let Some(kind) = answer["__type"].as_str() {
                let reasons = answer["CancellationReasons"].as_array().into_iter().flatten();
                for code in reasons.filter_map(|reason| reason["Code"].as_str()) {
                    *refused.entry(code.to_owned()).or_default() += 1;
                }
                *refused.entry(kind.rsplit('#').next().unwrap().to_owned()).or_default() += 1;
            }
            if last.0 == "Query" && answer.get("LastEvaluatedKey").is_some() {
                both.query(last.1.clone(), 4);
            }
        }
        both.compare_what_is_stored();
        assert_eq!(both.model.not_modelled(), [""; 0]);
    }
    // The requests reach each way of being refused.
    for kind in [
        "ConditionalCheckFailed",
        "ConditionalCheckFailedException",
        "IdempotentParameterMismatchException",
        "None",
        "ResourceNotFoundException",
        "SerializationException",
        "TransactionCanceledException",
        "ValidationError",
        "ValidationException",
    ] {
        assert!(refused.contains_key(kind), "{kind} in {refused:?}");
    }
}
