//! The user: a person with an account, a role and teams. What a person knows or holds to sign in (passwords, sessions)
//! is in no event; it is kept by the identity room.

mod command;
mod decide;
mod event;
mod evolve;
mod notifications;
mod state;

pub use command::*;
pub use decide::{ADMINISTRATORS, MAX_TEAMS, UserError};
pub use event::*;
pub use notifications::*;
pub use state::*;
