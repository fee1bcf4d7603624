//! What can go wrong between a read model and its table.

use std::error::Error;
use std::fmt::Display;

/// A table of a read model could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached or refused; trying again may help.
    #[error("the read model's table {table} could not be used")]
    Unavailable {
        /// The physical name of the table.
        table: String,
        /// What the store said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// An item is not as a projector writes it; trying again does not help, a rebuild does.
    #[error("the item {key} of the table {table} cannot be read: {reason}")]
    Damaged {
        /// The physical name of the table.
        table: String,
        /// The item's partition key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable(table: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { table: table.to_owned(), source: source.into() }
    }

    pub(crate) fn damaged(table: &str, key: &dyn Display, reason: &dyn Display) -> Self {
        Self::Damaged { table: table.to_owned(), key: key.to_string(), reason: reason.to_string() }
    }
}

/// A cursor that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It was not made here, or was cut or changed on its way.
    #[error("the cursor is not one that was given out")]
    Malformed,
    /// It was given out for another query: other filters, another order, another reader.
    #[error("the cursor belongs to another query")]
    OtherQuery,
    /// The feed has no such place: it is of another store's feed, or of one whose order was lost and made anew.
    #[error(
        "the feed has no such place: the cursor is of another store, or of before the feed was made anew. Begin anew, without it"
    )]
    OtherFeed,
}

/// A query without an answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The caller's cursor is refused.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// There is too much to put it in the order that is asked for.
    #[error("there are more than {most} tasks to put in order")]
    TooMany {
        /// How many it may be.
        most: usize,
    },
    /// So much lies between what is asked for that not all of it was found, to put it in order.
    #[error("{found} tasks were found to put in order, and too much lies between the others")]
    TooSparse {
        /// How many were found by then.
        found: usize,
    },
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
