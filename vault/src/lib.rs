//! The keys of personal data: one for each person, kept wrapped in a table, and erased for ever when the person is.
//!
//! A [`Master`] wraps the keys: [`LocalMaster`] under a secret of the installation, [`KmsMaster`] under a key in AWS's key
//! management service. [`KeyTable`] keeps them, remembers those that were used lately, and is the port
//! [`muster_domain::SubjectKeys`] to everybody else. [`WrappedKeys`] tells whether a master is the right one before it is used.
//! [`Copies`] are the keys on their way into another store, and [`seal_copies`] puts them under a passphrase meanwhile.

mod copies;
mod kms;
mod local;
mod master;
mod sealed_file;
mod table;
mod wrapped;

pub use copies::{Copies, KeyCopy};
pub use kms::KmsMaster;
pub use local::LocalMaster;
pub use master::{Made, Master, MasterError};
pub use sealed_file::{SealedFileError, open_copies, seal_copies};
pub use table::{KeyTable, REMEMBERED_FOR, REMEMBERED_KEYS};
pub use wrapped::WrappedKeys;
