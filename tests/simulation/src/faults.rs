//! Which faults a run has. A seed turns each kind on or off and gives it a rate, so that some runs have one kind alone
//! and some have all of them: defects hide in particular mixtures.

use std::time::Duration;

/// How likely each fault is. A rate is a share of 0 to 1 of the occasions for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// An answer of the store that says that nothing was done, though nothing is wrong: an internal error.
    pub error: f64,
    /// The store has too much to do.
    pub throttle: f64,
    /// Another write to the same item was under way.
    pub conflict: f64,
    /// What was asked for is done, and the answer is lost.
    pub lost_answer: f64,
    /// The caller is told of a timeout, and the write happens later, perhaps after it was tried again.
    pub late_effect: f64,
    /// A batch call leaves some of it undone, and says so.
    pub unprocessed: f64,
    /// A page of a query or a scan ends early, or is empty and says that there is more.
    pub short_page: f64,
    /// A read that does not ask for consistency does not see what was written lately.
    pub stale_read: f64,
    /// The process ends at a call, before or after its effect.
    pub crash: f64,
    /// The process stands still at a call, for longer than others wait for it, and then goes on.
    pub stall: f64,
    /// The bus refuses an entry.
    pub refused_entry: f64,
    /// A message is there twice, or comes again after it was acknowledged.
    pub duplicate: f64,
    /// A message is held back for a long time.
    pub delay: f64,
    /// A message goes to the dead-letter queue before it was ever delivered.
    pub dropped: f64,
    /// A batch of the stream comes again after it was published.
    pub republish: f64,
    /// The whole of a shard's unread records is lost: it was not read for a day.
    pub trim: f64,
    /// A carried state is not written.
    pub no_state: f64,
    /// A carried state is damaged.
    pub damaged_state: f64,
    /// The local program is killed, at each of its turns.
    pub kill: f64,
}

impl Faults {
    /// None at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of this seed.
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        // One run in twelve has no faults: what breaks there is no matter of luck.
        if rng.u8(..12) == 0 {
            return Self::none();
        }
        let intensity = [0.4, 1.0, 1.0, 2.0][rng.usize(..4)];
        let all = rng.u8(..4) == 0;
        let mut rate = |usual: f64| if all || rng.bool() { usual * intensity * (0.5 + rng.f64()) } else { 0.0 };
        Self {
            error: rate(0.02),
            throttle: rate(0.03),
            conflict: rate(0.03),
            lost_answer: rate(0.03),
            late_effect: rate(0.03),
            unprocessed: rate(0.2),
            short_page: rate(0.15),
            stale_read: rate(0.5),
            crash: rate(0.01),
            stall: rate(0.01),
            refused_entry: rate(0.08),
            duplicate: rate(0.08),
            delay: rate(0.06),
            dropped: rate(0.04),
            republish: rate(0.05),
            trim: rate(0.01),
            no_state: rate(0.1),
            damaged_state: rate(0.1),
            kill: rate(0.02),
        }
    }
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It goes well.
    Well,
    /// Nothing is done, and the answer is an internal error.
    Error,
    /// Nothing is done, and the answer says that there is too much to do.
    Throttle,
    /// Nothing is done, and the answer says that another write was under way.
    Conflict,
    /// It is done, and no answer comes.
    LostAnswer,
    /// No answer comes, and it is done after this time.
    LateEffect(Duration),
    /// The process ends before it.
    CrashBefore,
    /// The process ends after it.
    CrashAfter,
    /// The process stands still for this time, and then it goes well.
    Stall(Duration),
}
