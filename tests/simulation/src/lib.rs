//! A simulation of the whole system: the real command handler, publisher, projectors, reconciliation and rebuild, over
//! ports that fail in every way that the real ones do, in virtual time, from one seed.

pub mod backend;
pub mod dynamodb;
pub mod observed;
pub mod oracle;
