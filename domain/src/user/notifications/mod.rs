//! How somebody wants to be told of what concerns them: of what, by which channels, and when.

mod channels;
mod preferences;
mod timing;

pub use channels::*;
pub use preferences::*;
