//! Digests over the heads of all histories: taken once an hour, chained, signed and kept, so that a history that is removed or written
//! anew shows (`docs/adr/0024-digests.md`). What can be verified with them is in `muster_domain::proof`.

mod prove;
mod table;
mod take;

pub use prove::{ProofError, prove};
pub use table::{DigestTable, Head, Holder};
pub use take::{Contradiction, DigestArchive, Digester, Outcome, Taken, is_due};

/// Digests could not be taken or read. Trying again may help, unless something is damaged.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The table could not be reached, or refused.
    #[error("{doing} failed")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored is not what was written.
    #[error("{place} in the table of digests cannot be read: {reason}")]
    Damaged {
        /// Where.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A digest that was taken is gone, or another stands in its place.
    #[error(
        "digest {sequence} was taken, and is not in the table as it was: none is taken in its place; `muster verify` names what is gone"
    )]
    Gone {
        /// Its place.
        sequence: u64,
    },
    /// The event store could not be read.
    #[error(transparent)]
    Read(#[from] muster_domain::ports::ReadError),
    /// The digest could not be signed.
    #[error("the digest could not be signed")]
    Sign(#[from] muster_identity::SigningError),
    /// The key that signs is none that digests can have.
    #[error(transparent)]
    Key(#[from] muster_domain::proof::key::NotAKey),
    /// What was to be hashed has no canonical form.
    #[error(transparent)]
    Canonical(#[from] muster_domain::commit::NotCanonical),
}

impl DigestError {
    /// For `map_err`: what failed, and why.
    pub(crate) fn of<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Store { doing, source: source.into() }
    }

    pub(crate) fn damaged(place: &(impl ToString + ?Sized), reason: &(impl ToString + ?Sized)) -> Self {
        Self::Damaged { place: place.to_string(), reason: reason.to_string() }
    }
}
