//! Digests that were taken and are not in the store. One that is gone from the middle shows by its neighbours; of those at the end, and
//! where all are gone, somebody else has to know: the marks, the heads that are kept by their streams, and whoever kept a digest.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::StreamId;
use muster_domain::proof::SignedDigest;
use muster_handlers::digests::{DigestTable, Head};

use super::verify::Finding;
use crate::report::{Failure, failed};

const DOING: &str = "looking for digests that are missing";
/// How many histories are asked for at a time.
const AT_A_TIME: usize = 1_000;

/// What of these digests is missing, or was replaced. They were read before, and the streams after them.
pub(super) async fn missing(
    table: &DigestTable,
    digests: &[SignedDigest],
    streams: &[StreamId],
    kept: &[SignedDigest],
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut named: BTreeMap<u64, String> = BTreeMap::new();
    if table.is_there().await.map_err(failed(DOING))? {
        named.insert(table.marked().await.map_err(failed(DOING))?, "it is marked as taken".to_owned());
        for some in streams.chunks(AT_A_TIME) {
            let heads: BTreeMap<String, Head> = table.heads(some).await.map_err(failed(DOING))?.into_iter().collect();
            for (stream, head) in heads {
                named.entry(head.digest).or_insert_with(|| format!("the last digested head of {stream} is under it"));
            }
        }
    }
    let last = digests.last().map_or(0, |last| last.sequence);
    for kept in kept {
        let there = digests.iter().find(|digest| digest.sequence == kept.sequence);
        let hash = |digest: &SignedDigest| digest.hash().map_err(failed(DOING));
        match there {
            Some(there) if hash(there)? == hash(kept)? => {}
            Some(_) => findings.push(finding(kept.sequence, "it is another than the one that was kept".to_owned())),
            None => {
                named.insert(kept.sequence, "it was kept".to_owned());
            }
        }
    }
    // Unless it was taken meanwhile.
    if let Some((sequence, why)) = named.pop_last()
        && sequence > last
        && table.digest(sequence).await.map_err(failed(DOING))?.is_none()
    {
        let first = last + 1;
        let reason = if sequence == first {
            format!("it is missing: {why}")
        } else {
            format!("it and all up to digest {sequence} are missing: of that, {why}")
        };
        findings.push(finding(first, reason));
    }
    Ok(findings)
}

/// That there is none at all, where one was due since: nothing was recorded so long ago, or a digest holds it.
pub(super) async fn none_at_all(
    table: &DigestTable,
    oldest: Option<DateTime<Utc>>,
    due: Option<DateTime<Utc>>,
) -> Result<Option<Finding>, Failure> {
    let (Some(oldest), Some(due)) = (oldest, due) else { return Ok(None) };
    if oldest >= due || !table.is_there().await.map_err(failed(DOING))? {
        return Ok(None);
    }
    let reason = "there is no digest, and one is taken every hour: they were removed, or none is taken".to_owned();
    Ok(Some(finding(0, reason)))
}

fn finding(sequence: u64, reason: String) -> Finding {
    Finding { stream: "digest".to_owned(), version: sequence, reason }
}
