//! Finds what proves one event: the digest that holds its history's head, and the way from the event to it.

use muster_domain::proof::merkle::inclusion_path;
use muster_domain::proof::{InclusionProof, Leaf};
use muster_domain::{EventReader, Hash, StreamId};

use super::{DigestError, DigestTable, Holder};

/// Why there is no proof of an event.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The history has no such event.
    #[error("{stream} has no event at version {version}")]
    NoSuchEvent {
        /// The history.
        stream: StreamId,
        /// The version.
        version: u64,
    },
    /// No digest was taken since.
    #[error("no digest was taken since the event was recorded; the next one will hold it")]
    NotYet,
    /// The history is not as the digest has it.
    #[error("{stream} is not as digest {digest} has it: it was changed since")]
    Contradicted {
        /// The history.
        stream: StreamId,
        /// The digest.
        digest: u64,
    },
    /// What is needed could not be read.
    #[error(transparent)]
    Digests(#[from] DigestError),
}

/// The proof that the event at this version was there when the first digest after it was taken.
pub async fn prove(
    reader: &dyn EventReader,
    table: &DigestTable,
    stream: &StreamId,
    version: u64,
) -> Result<InclusionProof, ProofError> {
    let head = reader.head(stream).await.map_err(DigestError::from)?;
    if version == 0 || version > head {
        return Err(ProofError::NoSuchEvent { stream: *stream, version });
    }
    let Holder { digest: sequence, version: end, index } =
        table.holder(stream, version).await?.ok_or(ProofError::NotYet)?;
    let missing = || DigestError::damaged(&format!("digest {sequence}"), "a head names it, and it is not there");
    let digest = table.digest(sequence).await?.ok_or_else(missing)?;
    let leaves = table.leaves(&digest).await?;
    let hashes = leaves.iter().map(Leaf::tree_hash).collect::<Result<Vec<Hash>, _>>().map_err(DigestError::from)?;
    let contradicted = ProofError::Contradicted { stream: *stream, digest: sequence };
    let commits = reader.commits(stream, version - 1, Some(end)).await.map_err(DigestError::from)?;
    let leaf = usize::try_from(index).ok().and_then(|index| leaves.get(index));
    if commits.last().map(Leaf::of).as_ref() != leaf {
        return Err(contradicted);
    }
    let path = usize::try_from(index).ok().and_then(|index| inclusion_path(&hashes, index));
    path.and_then(|path| InclusionProof::new(version, commits, index, path, digest)).ok_or(contradicted)
}
