//! The task: a piece of work from its report to its completion, and back when it has to be done again.

mod command;
mod decide;
mod event;
mod evolve;
mod import;
mod scope;
mod state;

pub use command::*;
pub use decide::TaskError;
pub use event::*;
pub use import::*;
pub use scope::*;
pub use state::*;
