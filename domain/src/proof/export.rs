//! The lines of an export: a header, the histories one after another with the digests that hold their heads, the digests
//! themselves, and an end that says how much there is.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::canonical::canonical;
use super::digest::{Leaf, SignedDigest};
use crate::commit::{Commit, Hash, NotCanonical};

/// What the first line says.
pub const EXPORT_FORMAT: &str = "muster-export-2";
/// What it said before it told whether everything is under a digest. Such exports are verified as before.
pub const FIRST_EXPORT_FORMAT: &str = "muster-export-1";

/// How much an export holds: its last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Commits.
    pub commits: u64,
    /// Digests.
    pub digests: u64,
    /// Events in the commits.
    pub events: u64,
    /// Heads that the digests hold.
    pub leaves: u64,
    /// SHA-256 of every line before this one, each with its line feed.
    pub sha256: Hash,
    /// Histories with one commit or more.
    pub streams: u64,
}

/// One line.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Header { complete: bool, format: &'a str },
    Commit(&'a Commit),
    Leaf { digest: u64, hash: Hash, index: u64, stream: &'a str, version: u64 },
    Digest(&'a SignedDigest),
    End(End),
}

/// Makes the lines of one export, each with its line feed, and counts. The caller gives the histories in the byte order of their
/// names, each commit before the leaves that are its head, and the digests after them in their order.
#[derive(Debug)]
pub struct ExportLines {
    so_far: Sha256,
    count: End,
    stream: Option<crate::stream::StreamId>,
}

impl ExportLines {
    /// An export, and its first line. It is `complete` if its last digest was taken for it, so that every event is under one.
    pub fn begin(complete: bool) -> Result<(Self, Vec<u8>), NotCanonical> {
        let count = End { commits: 0, digests: 0, events: 0, leaves: 0, sha256: Hash::GENESIS, streams: 0 };
        let mut lines = Self { so_far: Sha256::new(), count, stream: None };
        let header = lines.line(&Line::Header { complete, format: EXPORT_FORMAT })?;
        Ok((lines, header))
    }

    /// The next commit.
    pub fn commit(&mut self, commit: &Commit) -> Result<Vec<u8>, NotCanonical> {
        self.count.commits += 1;
        self.count.events += commit.events.len() as u64;
        if self.stream != Some(commit.stream) {
            self.stream = Some(commit.stream);
            self.count.streams += 1;
        }
        self.line(&Line::Commit(commit))
    }

    /// That a digest holds this head, at this place among its leaves.
    pub fn leaf(&mut self, digest: u64, index: u64, leaf: &Leaf) -> Result<Vec<u8>, NotCanonical> {
        self.count.leaves += 1;
        let Leaf { hash, ref stream, version } = *leaf;
        self.line(&Line::Leaf { digest, hash, index, stream, version })
    }

    /// The next digest.
    pub fn digest(&mut self, digest: &SignedDigest) -> Result<Vec<u8>, NotCanonical> {
        self.count.digests += 1;
        self.line(&Line::Digest(digest))
    }

    /// The last line, and what it says.
    pub fn end(mut self) -> Result<(End, Vec<u8>), NotCanonical> {
        self.count.sha256 = Hash::from_bytes(self.so_far.clone().finalize().into());
        let count = self.count.clone();
        Ok((count.clone(), self.line(&Line::End(count))?))
    }

    fn line(&mut self, line: &Line<'_>) -> Result<Vec<u8>, NotCanonical> {
        let mut bytes = canonical(line)?;
        bytes.push(b'\n');
        self.so_far.update(&bytes);
        Ok(bytes)
    }
}
