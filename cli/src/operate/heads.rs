//! The heads that the digests hold, by history: what an export and a verification of the store put beside the commits.

use std::collections::BTreeMap;

use muster_domain::proof::{Leaf, SignedDigest};

use super::digest;
use crate::progress;
use crate::report::{Failure, failed};
use crate::system::System;

/// A head that a digest holds, and its place among the digest's leaves.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) digest: u64,
    pub(crate) index: u64,
    pub(crate) leaf: Leaf,
}

/// All digests, and the heads that they hold.
#[derive(Debug, Default)]
pub(crate) struct Digested {
    pub(crate) digests: Vec<SignedDigest>,
    /// By the history's name, each list in the order of versions and digests.
    pub(crate) heads: BTreeMap<String, Vec<Held>>,
}

/// Reads them. Whoever reads the histories afterwards finds every head in them.
pub(crate) async fn digested(system: &System) -> Result<Digested, Failure> {
    let digests = digest::all(&system.digests).await?;
    let bar = progress::bar(Some(digests.len() as u64), "digests");
    bar.set_message("digests");
    let mut heads: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    for digest in &digests {
        let leaves = system.digests.leaves(digest).await.map_err(failed("reading the heads of a digest"))?;
        for (index, leaf) in (0..).zip(leaves) {
            heads.entry(leaf.stream.clone()).or_default().push(Held { digest: digest.sequence, index, leaf });
        }
        bar.inc(1);
    }
    for held in heads.values_mut() {
        held.sort_by_key(|held| (held.leaf.version, held.digest));
    }
    bar.finish_and_clear();
    Ok(Digested { digests, heads })
}
