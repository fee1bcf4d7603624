//! The computer's clock: the one place where the time comes from.

use chrono::{DateTime, SubsecRound as _, Utc};
use muster_domain::Clock;

/// The computer's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}
