//! Value types: text that was checked once, where it came in, and is right ever after.

mod change;
mod email;
mod labels;
mod language_tag;
mod local_time;
mod mentions;
mod place;
mod rank;
mod text;
mod time_zone;

pub use change::Change;
pub use email::Email;
pub use labels::Labels;
pub use local_time::LocalTime;
pub use mentions::{MAX_MENTIONS, mentions};
pub use place::{Location, Position};
pub use rank::Rank;
pub use text::{ChecklistText, CommentText, Description, ExternalId, Label, Locale, Name, Phone, Reason, Title};
pub use time_zone::TimeZone;

/// Why a value was refused. The message is for the person who typed it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than it may be, counted in characters.
    #[error("must have at most {max} characters, and has {actual}")]
    TooLong {
        /// The bound.
        max: usize,
        /// What came.
        actual: usize,
    },
    /// A control character where text is expected.
    #[error("must not contain control characters")]
    Control,
    /// A character that shows nothing and makes a line look like another one.
    #[error("must not contain invisible characters, such as those that turn the direction of writing")]
    Invisible,
    /// More elements than it may have.
    #[error("must have at most {max} entries, and has {actual}")]
    TooMany {
        /// The bound.
        max: usize,
        /// What came.
        actual: usize,
    },
    /// Not of the form that is expected.
    #[error("{0}")]
    Form(&'static str),
}

/// The schema of a value type in the OpenAPI document.
macro_rules! openapi {
    ($name:ident, $schema:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

pub(crate) use openapi;
