//! The digests of an export: each is signed, follows the one before it, and holds the heads that came, and no others.

use serde_json::{Map, Value};

use super::finding::{About, Code, LastDigest};
use super::line::{Shape, has_only, hash, positive, text, whole};
use super::{ExportVerifier, Section};
use crate::commit::Hash;
use crate::proof::canonical::{canonical, sha256};
use crate::proof::digest::DIGEST_FORMAT;
use crate::proof::merkle::MerkleTree;

/// The leaves of one digest, as far as they came.
#[derive(Default)]
pub(super) struct Tree {
    merkle: MerkleTree,
    faulty: bool,
}

impl ExportVerifier<'_> {
    /// Adds a leaf to the tree of its digest.
    pub(super) fn grow(&mut self, digest: u64, index: u64, stream: &str, leaf: Hash) {
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

    pub(super) fn digest(&mut self, mut content: Map<String, Value>) -> Shape<()> {
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
}
