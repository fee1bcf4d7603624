//! The histories of an export: each commit continues the one before it, and each head that a digest holds comes.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::finding::{About, Code, Finding, finding};
use super::line::{Shape, has_only, hash, object, positive, text, whole};
use super::{ExportVerifier, Section};
use crate::commit::Hash;
use crate::proof::canonical::canonical;
use crate::proof::digest::Leaf;

/// One history, as far as it was followed.
pub(super) struct History {
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

impl ExportVerifier<'_> {
    pub(super) fn commit(&mut self, mut content: Map<String, Value>) -> Shape<()> {
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

    pub(super) fn leaf(&mut self, content: &Map<String, Value>) -> Shape<()> {
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
    pub(super) fn end_history(&mut self) -> Option<String> {
        let History { name, version, commits, events, digested, awaited, fault, .. } = self.history.take()?;
        self.found.streams += u64::from(commits > 0);
        let undigested = events - digested;
        self.found.undigested += undigested;
        if undigested > 0 {
            self.found.list(&name, digested + 1);
        }
        if let Some(fault) = fault {
            self.found.add(fault);
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
}
