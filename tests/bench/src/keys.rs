//! What wraps the keys of personal data in stores that are measured in this process.

use std::sync::Arc;

use muster_domain::personal::KEY_BYTES;
use muster_vault::{LocalMaster, Master};

/// The same for every store.
pub(crate) fn master() -> Arc<dyn Master> {
    Arc::new(LocalMaster::new([1; KEY_BYTES].into()))
}
