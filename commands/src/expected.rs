//! The version that a command expects of its aggregate.

use std::fmt;

/// The version that an aggregate must have for a command to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Whatever it is.
    Any,
    /// None: the aggregate must not exist yet.
    New,
    /// This one.
    Exactly(u64),
}

impl ExpectedVersion {
    pub(crate) const fn allows(self, actual: u64) -> bool {
        match self {
            Self::Any => true,
            Self::New => actual == 0,
            Self::Exactly(expected) => actual == expected,
        }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::New => f.write_str("no history"),
            Self::Exactly(version) => write!(f, "version {version}"),
        }
    }
}
