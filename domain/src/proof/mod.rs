//! The proof that histories are as they were written: digests over their heads, exports that are verified with nothing but a
//! public key, and proofs of single events. `docs/audit-format.md` says it exactly enough to write another verifier.

pub mod canonical;
pub mod digest;
pub mod export;
pub mod inclusion;
pub mod key;
pub mod merkle;
pub mod verifier;

pub use digest::{Digest, Leaf, SignedDigest};
pub use inclusion::{InclusionProof, NotProven};
pub use key::{DigestKey, DigestKeys};
pub use verifier::{Code, ExportVerifier, Finding, Undigested, Verified};
