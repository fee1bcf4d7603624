//! People: their accounts and profiles.

pub(crate) mod change;
pub(crate) mod command;
pub(crate) mod read;
pub(crate) mod register;
