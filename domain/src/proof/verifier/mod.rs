//! Verifies an export with nothing but the public keys, line by line. What it holds does not grow with the number of events and
//! histories: a tree of a few hashes for each digest.
//!
//! It knows the form of a line and nothing of what events mean, so that it says of every export what the other verifier
//! (`docs/verify_export.py`) says of it.

mod digests;
mod finding;
mod histories;
mod line;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::digest::SignedDigest;
use super::export::{EXPORT_FORMAT, End, FIRST_EXPORT_FORMAT};
use super::key::DigestKeys;
use crate::commit::Hash;
use digests::Tree;
use finding::{About, finding};
use histories::History;
use line::{Shape, has_only, hash, read, text, whole};

pub use finding::{Code, Finding, LastDigest, Undigested, Verified};

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
        self.found.add(finding(code, self.line, about, reason));
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
}
