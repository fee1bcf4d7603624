//! Which histories there are: a scan of the event table's keys alone, so that one that cannot be read is found too.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use muster_domain::{AggregateType, StreamId};

use crate::report::{Failure, failed};
use crate::system::System;

/// In how many parts the table is scanned side by side.
const SEGMENTS: i32 = 4;

/// The histories in the event table.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// How many commits each has.
    pub(crate) commits: BTreeMap<StreamId, u64>,
    /// Partition keys that name no stream.
    pub(crate) foreign: Vec<String>,
}

/// All histories.
pub(crate) async fn all(system: &System) -> Result<Streams, Failure> {
    let mut streams = Streams::default();
    for keys in try_join_all((0..SEGMENTS).map(|segment| scan(system, segment))).await? {
        for (key, count) in keys {
            match key.parse() {
                Ok(stream) => *streams.commits.entry(stream).or_default() += count,
                Err(_) => streams.foreign.push(key),
            }
        }
    }
    streams.foreign.sort_unstable();
    Ok(streams)
}

/// Whether there is no history at all.
pub(crate) async fn is_empty(system: &System) -> Result<bool, Failure> {
    let mut start = None;
    loop {
        let (keys, next) = page(system, 0, 1, start).await?;
        if !keys.is_empty() {
            return Ok(false);
        }
        if next.is_none() {
            return Ok(true);
        }
        start = next;
    }
}

/// Whether there is an aggregate of this kind.
pub(crate) async fn any(system: &System, kind: AggregateType) -> Result<bool, Failure> {
    let mut start = None;
    loop {
        let (keys, next) = page(system, 0, 1, start).await?;
        if keys.iter().any(|key| key.parse::<StreamId>().is_ok_and(|stream| stream.aggregate == kind)) {
            return Ok(true);
        }
        if next.is_none() {
            return Ok(false);
        }
        start = next;
    }
}

/// The partition keys in one segment, each with its number of items.
async fn scan(system: &System, segment: i32) -> Result<HashMap<String, u64>, Failure> {
    let mut counts = HashMap::new();
    let mut start = None;
    loop {
        let (keys, next) = page(system, segment, SEGMENTS, start).await?;
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
        if next.is_none() {
            return Ok(counts);
        }
        start = next;
    }
}

type Key = HashMap<String, AttributeValue>;

async fn page(
    system: &System,
    segment: i32,
    segments: i32,
    start: Option<Key>,
) -> Result<(Vec<String>, Option<Key>), Failure> {
    let answer = system
        .client
        .scan()
        .table_name(system.table("events"))
        .consistent_read(true)
        .segment(segment)
        .total_segments(segments)
        .projection_expression("pk")
        .set_exclusive_start_key(start)
        .send()
        .await
        .map_err(|error| failed("reading the event table")(DisplayErrorContext(error).to_string()))?;
    let key = |mut item: Key| match item.remove("pk") {
        Some(AttributeValue::S(key)) => Some(key),
        _ => None,
    };
    Ok((answer.items.unwrap_or_default().into_iter().filter_map(key).collect(), answer.last_evaluated_key))
}
