//! Verifies an export with nothing but the public keys, line by line. What it holds does not grow with the number of events and
//! histories: a tree of a few hashes for each digest.
//!
//! It knows the form of a line and nothing of what events mean, so that it says of every export what the other verifier
//! (`docs/verify_export.py`) says of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::canonical::{canonical, sha256};
use super::digest::{DIGEST_FORMAT, Leaf, SignedDigest};
use super::export::{EXPORT_FORMAT, End, FIRST_EXPORT_FORMAT};
use super::key::DigestKeys;
use super::merkle::MerkleTree;
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

/// Where in an export the lines are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Header,
    Histories,
    Digests,
    Ended,
}

/// Verifies the lines of one export.
pub struct ExportVerifier<'a> {
    /// Without any, nothing is said of who signed.
    keys: Option<&'a DigestKeys>,
    /// Digests that somebody kept, by their places.
    kept: BTreeMap<u64, Hash>,
    section: Section,
    line: u64,
    /// Whether the last line had its line feed.
    ended: bool,
    so_far: Sha256,
    history: Option<History>,
    trees: BTreeMap<u64, Tree>,
    before: (u64, Hash),
    found: Verified,
}

/// One history, as far as it was followed.
struct History {
    name: String,
    version: u64,
    head: Hash,
    commits: u64,
    events: u64,
    digested: u64,
    /// A head that a digest holds and that has not come.
    awaited: Option<(u64, u64)>,
    fault: Option<Finding>,
}

/// The leaves of one digest, as far as they came.
#[derive(Default)]
struct Tree {
    merkle: MerkleTree,
    faulty: bool,
}

/// What a line is about, for a finding.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    stream: Option<&'a str>,
    version: Option<u64>,
    digest: Option<u64>,
}

type Shape<T> = Result<T, String>;

impl<'a> ExportVerifier<'a> {
    /// With these keys; for somebody who has none, nothing is found about who signed the digests, nor that there are none. The
    /// digests in `kept` must be among those of the export.
    pub fn new(keys: Option<&'a DigestKeys>, kept: &[SignedDigest]) -> Self {
        let kept = kept.iter().filter_map(|digest| Some((digest.sequence, digest.hash().ok()?))).collect();
        Self {
            keys,
            kept,
            section: Section::Header,
            line: 0,
            ended: true,
            so_far: Sha256::new(),
            history: None,
            trees: BTreeMap::new(),
            before: (0, Hash::GENESIS),
            found: Verified::default(),
        }
    }

    /// Every event must be under a digest, whether the export says so of itself or not.
    #[must_use]
    pub const fn complete(mut self) -> Self {
        self.found.complete = true;
        self
    }

    /// How many lines it has seen.
    pub const fn lines(&self) -> u64 {
        self.line
    }

    /// Verifies the next line, which is given with its line feed.
    pub fn line(&mut self, bytes: &[u8]) {
        self.line += 1;
        let sha256_before = self.so_far.clone();
        self.so_far.update(bytes);
        self.ended = bytes.ends_with(b"\n");
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if self.section == Section::Ended {
            return self.find(Code::Malformed, About::default(), "there is a line after the last one".to_owned());
        }
        let (kind, content) = match read(bytes) {
            Ok(line) => line,
            Err(reason) => return self.malformed(reason),
        };
        if self.section == Section::Header && kind != "header" {
            self.malformed("the first line is not the header".to_owned());
            self.section = Section::Histories;
        }
        let taken = match kind.as_str() {
            "header" => self.header(&content),
            "commit" => self.commit(content),
            "leaf" => self.leaf(&content),
            "digest" => self.digest(content),
            "end" => self.end(&content, Hash::from_bytes(sha256_before.finalize().into())),
            other => Err(format!("{other} is no kind of line")),
        };
        if let Err(reason) = taken {
            self.malformed(reason);
        }
    }

    /// A line that is longer than any can be.
    pub fn overlong(&mut self) {
        self.line += 1;
        self.malformed("the line is longer than any of an export can be".to_owned());
    }

    /// What was verified and found, after the last line.
    pub fn finish(mut self) -> Verified {
        if self.section != Section::Ended {
            self.end_history();
            self.find(Code::Cut, About::default(), "the last line is missing: the export was cut off".to_owned());
        } else if !self.ended {
            let reason = "the line feed of the last line is missing: the export was cut off".to_owned();
            self.find(Code::Cut, About::default(), reason);
        }
        let (last, _) = self.before;
        let referred: BTreeSet<u64> =
            self.trees.keys().chain(self.kept.keys()).copied().filter(|at| *at > last).collect();
        for sequence in referred {
            let about = About { digest: Some(sequence), ..About::default() };
            self.find(Code::DigestRemoved, about, format!("digest {sequence} is missing: the export ends at {last}"));
        }
        if self.found.digests == 0 && self.keys.is_some() {
            let reason = "there is no digest: that nothing is missing cannot be shown".to_owned();
            self.find(Code::NoDigest, About::default(), reason);
        }
        self.found
    }

    fn malformed(&mut self, reason: String) {
        self.find(Code::Malformed, About::default(), reason);
    }

    fn find(&mut self, code: Code, about: About<'_>, reason: String) {
        let finding = finding(code, self.line, about, reason);
        self.add(finding);
    }

    fn add(&mut self, finding: Finding) {
        if self.found.findings.len() < MOST_LISTED {
            self.found.findings.push(finding);
        } else {
            self.found.more_findings += 1;
        }
    }

    fn header(&mut self, content: &Map<String, Value>) -> Shape<()> {
        let complete = match text(content, "format")? {
            EXPORT_FORMAT => {
                has_only(content, &["complete", "format"])?;
                let said = content.get("complete").and_then(Value::as_bool);
                said.ok_or_else(|| "complete is neither true nor false".to_owned())?
            }
            FIRST_EXPORT_FORMAT => {
                has_only(content, &["format"])?;
                false
            }
            _ => return Err(format!("the format is neither {EXPORT_FORMAT} nor {FIRST_EXPORT_FORMAT}")),
        };
        if self.section != Section::Header {
            return Err("there is a header after the first line".to_owned());
        }
        self.section = Section::Histories;
        self.found.complete |= complete;
        Ok(())
    }

    fn commit(&mut self, mut content: Map<String, Value>) -> Shape<()> {
        let stream = object(&content, "stream")?;
        let name = format!("{}#{}", text(stream, "type")?, text(stream, "id")?);
        let version = positive(&content, "version")?;
        let (hash, prev_hash) = (hash(&content, "hash")?, hash(&content, "prev_hash")?);
        let events = content.get("events").and_then(Value::as_array).map_or(0, Vec::len) as u64;
        if events == 0 {
            return Err("the commit has no events".to_owned());
        }
        if !self.enter(&name, version) {
            return Ok(());
        }
        self.found.commits += 1;
        self.found.events += events;
        let line = self.line;
        let Some(history) = &mut self.history else { return Ok(()) };
        history.commits += 1;
        history.events += events;
        if let Some(fault) = &mut history.fault {
            // What was missing has come: it was moved, and not removed.
            if fault.code == Code::Removed && fault.version == Some(version) {
                fault.code = Code::Moved;
                fault.reason = format!("the events from version {version} on stand in another place");
            }
            return Ok(());
        }
        let at = |version| About { stream: Some(&name), version: Some(version), digest: None };
        let expected = history.version + 1;
        history.fault = if version > expected {
            let reason = format!("version {expected} is expected and {version} found: events were removed");
            Some(finding(Code::Removed, line, at(expected), reason))
        } else if version < expected {
            let reason = format!("version {expected} is expected and {version} found: events were inserted");
            Some(finding(Code::Inserted, line, at(version), reason))
        } else if let Some((digest, awaited)) = history.awaited {
            let about = About { digest: Some(digest), ..at(awaited) };
            let reason = format!("digest {digest} has a head at version {awaited}, where no commit ends");
            Some(finding(Code::Rewritten, line, about, reason))
        } else if prev_hash != history.head {
            let reason = format!(
                "the commit at version {version} does not continue the one before it: that one was changed or replaced"
            );
            Some(finding(Code::Link, line, at(version), reason))
        } else {
            content.remove("hash");
            content.remove("prev_hash");
            let canonical = canonical(&content).map_err(|error| error.to_string())?;
            let digest = Sha256::new().chain_update(prev_hash.as_bytes()).chain_update(canonical).finalize();
            if Hash::from_bytes(digest.into()) == hash {
                history.version += events;
                history.head = hash;
                None
            } else {
                let reason = format!("the commit at version {version} was changed: its content does not give its hash");
                Some(finding(Code::Changed, line, at(version), reason))
            }
        };
        Ok(())
    }

    fn leaf(&mut self, content: &Map<String, Value>) -> Shape<()> {
        has_only(content, &["digest", "hash", "index", "stream", "version"])?;
        let (digest, index, version) =
            (positive(content, "digest")?, whole(content, "index")?, positive(content, "version")?);
        let leaf = Leaf { hash: hash(content, "hash")?, stream: text(content, "stream")?.to_owned(), version };
        let tree_hash = leaf.tree_hash().map_err(|error| error.to_string())?;
        if !self.enter(&leaf.stream, version) {
            return Ok(());
        }
        self.found.leaves += 1;
        self.grow(digest, index, &leaf.stream, tree_hash);
        let line = self.line;
        let Some(history) = &mut self.history else { return Ok(()) };
        if history.fault.is_some() || history.awaited.is_some() {
            return Ok(());
        }
        let about = About { stream: Some(&leaf.stream), version: Some(version), digest: Some(digest) };
        if version > history.version {
            history.awaited = Some((digest, version));
        } else if version < history.version {
            let reason = format!("the head at version {version} does not stand after its commit");
            history.fault = Some(finding(Code::Order, line, about, reason));
        } else if leaf.hash == history.head {
            history.digested = history.events;
        } else {
            let reason = format!("digest {digest} has another head at version {version}: the history was written anew");
            history.fault = Some(finding(Code::Rewritten, line, about, reason));
        }
        Ok(())
    }

    /// Adds a leaf to the tree of its digest.
    fn grow(&mut self, digest: u64, index: u64, stream: &str, leaf: Hash) {
        let tree = self.trees.entry(digest).or_default();
        let expected = tree.merkle.leaves();
        if tree.faulty {
            return;
        }
        if index == expected {
            return tree.merkle.push(leaf);
        }
        tree.faulty = true;
        if index > expected {
            let about = About { digest: Some(digest), ..About::default() };
            self.find(
                Code::LeafRemoved,
                about,
                format!("a head of digest {digest} is missing before that of {stream}"),
            );
        } else {
            let about = About { stream: Some(stream), digest: Some(digest), version: None };
            self.find(Code::LeafInserted, about, format!("digest {digest} has another head at place {index}"));
        }
    }

    fn digest(&mut self, mut content: Map<String, Value>) -> Shape<()> {
        has_only(&content, &["format", "key", "leaves", "previous", "root", "sequence", "signature", "taken_at"])?;
        let (format, key, taken_at) = (text(&content, "format")?, text(&content, "key")?, text(&content, "taken_at")?);
        let (sequence, leaves) = (positive(&content, "sequence")?, whole(&content, "leaves")?);
        let (previous, root) = (hash(&content, "previous")?, hash(&content, "root")?);
        let signature = text(&content, "signature")?.to_owned();
        let (known_format, key, taken_at) = (format == DIGEST_FORMAT, key.to_owned(), taken_at.to_owned());
        content.remove("signature");
        let message = canonical(&content).map_err(|error| error.to_string())?;
        if self.section == Section::Histories {
            self.end_history();
            self.section = Section::Digests;
        }
        self.found.digests += 1;
        let about = About { digest: Some(sequence), ..About::default() };
        let ((last, last_hash), hash) = (self.before, sha256(&message));
        if !known_format || self.keys.is_some_and(|keys| !keys.verify(&key, &message, &signature)) {
            self.find(Code::DigestForged, about, format!("digest {sequence} is not signed by a key that is known"));
        }
        if sequence <= last {
            self.find(Code::DigestMoved, about, format!("digest {sequence} comes after digest {last}"));
            return Ok(());
        }
        if sequence > last + 1 {
            let about = About { digest: Some(last + 1), ..about };
            let reason = format!("digest {sequence} comes after digest {last}: what is between them is missing");
            self.find(Code::DigestRemoved, about, reason);
        } else if previous != last_hash {
            let reason = format!("digest {sequence} does not follow the one before it: one of the two was replaced");
            self.find(Code::DigestChain, about, reason);
        }
        if self.kept.get(&sequence).is_some_and(|kept| *kept != hash) {
            self.find(Code::DigestReplaced, about, format!("digest {sequence} is another than the one that was kept"));
        }
        let Tree { merkle, faulty } = self.trees.remove(&sequence).unwrap_or_default();
        let there = merkle.leaves();
        if faulty {
            // Said where it showed.
        } else if there < leaves {
            let reason = format!("digest {sequence} has {leaves} heads, and {there} of them are in the export");
            self.find(Code::LeafRemoved, about, reason);
        } else if there > leaves {
            let reason = format!("digest {sequence} has {leaves} heads, and the export has {there} for it");
            self.find(Code::LeafInserted, about, reason);
        } else if merkle.root() != root {
            let reason = format!("digest {sequence} has other heads than the export: their tree has another root");
            self.find(Code::LeafChanged, about, reason);
        }
        self.before = (sequence, hash);
        self.found.last_digest = Some(LastDigest { sequence, taken_at, hash });
        Ok(())
    }

    fn end(&mut self, content: &Map<String, Value>, so_far: Hash) -> Shape<()> {
        has_only(content, &["commits", "digests", "events", "leaves", "sha256", "streams"])?;
        let said = End {
            commits: whole(content, "commits")?,
            digests: whole(content, "digests")?,
            events: whole(content, "events")?,
            leaves: whole(content, "leaves")?,
            sha256: hash(content, "sha256")?,
            streams: whole(content, "streams")?,
        };
        self.end_history();
        self.section = Section::Ended;
        let Verified { streams, commits, events, digests, leaves, .. } = self.found;
        let is = End { commits, digests, events, leaves, sha256: so_far, streams };
        if said != is {
            let reason =
                "the last line says something else than what is there: the export was changed or cut".to_owned();
            self.find(Code::End, About::default(), reason);
        }
        Ok(())
    }

    /// Comes to a line of this history. Whether it may stand here.
    fn enter(&mut self, name: &str, version: u64) -> bool {
        let about = About { stream: Some(name), version: Some(version), digest: None };
        if self.section == Section::Digests {
            self.find(Code::Order, about, "a line of a history stands among the digests".to_owned());
            return false;
        }
        if self.history.as_ref().is_some_and(|history| history.name == name) {
            return true;
        }
        let before = self.end_history();
        let out_of_order = before.as_deref().is_some_and(|before| name <= before);
        let fault = out_of_order.then(|| {
            let reason = format!("{name} stands after {}", before.as_deref().unwrap_or_default());
            finding(Code::Order, self.line, about, reason)
        });
        self.history = Some(History {
            name: name.to_owned(),
            version: 0,
            head: Hash::GENESIS,
            commits: 0,
            events: 0,
            digested: 0,
            awaited: None,
            fault,
        });
        true
    }

    /// Ends the history that is being followed, if there is one, and gives its name.
    fn end_history(&mut self) -> Option<String> {
        let History { name, version, commits, events, digested, awaited, fault, .. } = self.history.take()?;
        self.found.streams += u64::from(commits > 0);
        let undigested = events - digested;
        self.found.undigested += undigested;
        if undigested > 0 {
            self.list(&name, digested + 1);
        }
        if let Some(fault) = fault {
            self.add(fault);
        } else if let Some((digest, awaited)) = awaited {
            let about = About { stream: Some(&name), version: Some(version), digest: Some(digest) };
            let reason = match version {
                0 => format!("the history is missing, and digest {digest} has its version {awaited}"),
                _ => format!("the history ends at version {version}, and digest {digest} has its version {awaited}"),
            };
            self.find(Code::Truncated, about, reason);
        } else if undigested > 0 && self.found.complete {
            let from = digested + 1;
            let about = About { stream: Some(&name), version: Some(from), digest: None };
            let reason =
                format!("the history goes on from version {from} under no digest: that was added or written anew");
            self.find(Code::Undigested, about, reason);
        }
        Some(name)
    }

    /// Lists a history that goes on under no digest.
    fn list(&mut self, stream: &str, from: u64) {
        if self.found.undigested_histories.len() < MOST_LISTED {
            self.found.undigested_histories.push(Undigested { stream: stream.to_owned(), from });
        } else {
            self.found.more_undigested += 1;
        }
    }
}

fn finding(code: Code, line: u64, about: About<'_>, reason: String) -> Finding {
    let About { stream, version, digest } = about;
    Finding { code, line, stream: stream.map(str::to_owned), version, digest, reason }
}

/// The kind of a line and what is in it, if it is an object of one member, written in the one form that it can have.
fn read(bytes: &[u8]) -> Shape<(String, Map<String, Value>)> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
    if canonical(&value).ok().as_deref() != Some(bytes) {
        return Err("not in the canonical form".to_owned());
    }
    let Value::Object(object) = value else { return Err("not a line of an export".to_owned()) };
    let mut members = object.into_iter();
    match (members.next(), members.next()) {
        (Some((kind, Value::Object(content))), None) => Ok((kind, content)),
        _ => Err("not a line of an export".to_owned()),
    }
}

fn has_only(content: &Map<String, Value>, members: &[&str]) -> Shape<()> {
    match content.keys().find(|name| !members.contains(&name.as_str())) {
        Some(unknown) => Err(format!("there is a member {unknown}")),
        None => Ok(()),
    }
}

fn object<'c>(content: &'c Map<String, Value>, name: &str) -> Shape<&'c Map<String, Value>> {
    content.get(name).and_then(Value::as_object).ok_or_else(|| format!("{name} is not an object"))
}

fn text<'c>(content: &'c Map<String, Value>, name: &str) -> Shape<&'c str> {
    content.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is not a text"))
}

fn hash(content: &Map<String, Value>, name: &str) -> Shape<Hash> {
    text(content, name)?.parse().map_err(|error| format!("{name} is {error}"))
}

/// The largest number that every reader of JSON keeps as it is.
const LARGEST: u64 = (1 << 53) - 1;

fn whole(content: &Map<String, Value>, name: &str) -> Shape<u64> {
    let number = content.get(name).and_then(Value::as_u64).filter(|number| *number <= LARGEST);
    number.ok_or_else(|| format!("{name} is not a whole number"))
}

fn positive(content: &Map<String, Value>, name: &str) -> Shape<u64> {
    whole(content, name).and_then(|number| if number > 0 { Ok(number) } else { Err(format!("{name} is not positive")) })
}
