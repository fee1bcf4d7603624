//! What verifying an export finds.

use serde::Serialize;

use crate::commit::Hash;

/// The most findings, and the most histories under no digest, that are listed; further ones are counted.
const MOST_LISTED: usize = 1_000;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A line that is none of an export, or not in the one form that it can have.
    Malformed,
    /// A line that stands where it must not.
    Order,
    /// An event was changed: the commit's content does not give its hash.
    Changed,
    /// The commit does not continue the one before it: that one was changed or replaced.
    Link,
    /// Events are missing in the middle of a history.
    Removed,
    /// Events that do not belong into the history.
    Inserted,
    /// Events stand in another order.
    Moved,
    /// A history ends before a head that a digest holds.
    Truncated,
    /// A history was written anew: a digest holds another head.
    Rewritten,
    /// A digest holds more heads than the export.
    LeafRemoved,
    /// The export has heads that a digest does not hold.
    LeafInserted,
    /// A digest holds other heads than the export.
    LeafChanged,
    /// A digest is missing.
    DigestRemoved,
    /// A digest stands in another place.
    DigestMoved,
    /// A digest was not signed by a key that is known.
    DigestForged,
    /// A digest does not follow the one before it.
    DigestChain,
    /// A digest is another than the one that was kept.
    DigestReplaced,
    /// There is no digest: that nothing is missing cannot be shown.
    NoDigest,
    /// A history goes on under no digest, where all of it should be under one: events were added, or written anew.
    Undigested,
    /// The last line says something else than what is there.
    End,
    /// The last line is missing, or its line feed.
    Cut,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub code: Code,
    /// The line where it shows.
    pub line: u64,
    /// The history, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The version where it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The digest by which it shows, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<u64>,
    /// What is wrong, in words.
    pub reason: String,
}

/// The digest that an export ends with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastDigest {
    /// Its place.
    pub sequence: u64,
    /// When it was taken.
    pub taken_at: String,
    /// Its hash.
    pub hash: Hash,
}

/// A history that goes on under no digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undigested {
    /// The history.
    pub stream: String,
    /// The first version that no digest speaks for.
    pub from: u64,
}

/// What was verified, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many histories.
    pub streams: u64,
    /// How many commits.
    pub commits: u64,
    /// How many events.
    pub events: u64,
    /// How many events came after the last digest that holds their history: nothing but their hash chain speaks for them yet.
    pub undigested: u64,
    /// The histories that they are in.
    pub undigested_histories: Vec<Undigested>,
    /// How many such histories there were beyond those that are listed.
    pub more_undigested: u64,
    /// Whether each of them is a finding: the export says that its last digest was taken for it, or it was asked for.
    pub complete: bool,
    /// How many digests.
    pub digests: u64,
    /// How many heads the digests hold.
    pub leaves: u64,
    /// The last digest.
    pub last_digest: Option<LastDigest>,
    /// What is not as it was written; of each history the first.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those that are listed.
    pub more_findings: u64,
}

impl Verified {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST_LISTED {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }

    /// Lists a history that goes on under no digest.
    pub(super) fn list(&mut self, stream: &str, from: u64) {
        if self.undigested_histories.len() < MOST_LISTED {
            self.undigested_histories.push(Undigested { stream: stream.to_owned(), from });
        } else {
            self.more_undigested += 1;
        }
    }
}

/// What a line is about, for a finding.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) stream: Option<&'a str>,
    pub(super) version: Option<u64>,
    pub(super) digest: Option<u64>,
}

pub(super) fn finding(code: Code, line: u64, about: About<'_>, reason: String) -> Finding {
    let About { stream, version, digest } = about;
    Finding { code, line, stream: stream.map(str::to_owned), version, digest, reason }
}
