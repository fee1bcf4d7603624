//! Waiting between tries.

use std::time::Duration;

use muster_domain::CommandId;

/// The wait before the second try, at most. It doubles with each try.
const FIRST: Duration = Duration::from_millis(20);
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// Tries a bounded number of times, with growing waits. The jitter follows from the command's id, so that two commands
/// do not keep step, and the same run gives the same waits.
#[derive(Debug)]
pub(crate) struct Backoff {
    left: u32,
    bound: Duration,
    seed: u64,
}

impl Backoff {
    /// `tries` in all, the first one included.
    pub(crate) fn new(tries: u32, command_id: CommandId) -> Self {
        let (high, low) = command_id.0.as_u64_pair();
        Self { left: tries.saturating_sub(1), bound: FIRST, seed: high ^ low }
    }

    /// Waits for the next try; `false` at once when there are no more.
    pub(crate) async fn wait(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        tokio::time::sleep(self.next_wait()).await;
        true
    }

    /// Between half the bound and the bound.
    fn next_wait(&mut self) -> Duration {
        // The step of SplitMix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let share = u32::try_from(mixed >> 54).unwrap_or_default(); // 0 to 1023
        let wait = self.bound / 2 + self.bound / 2048 * share;
        self.bound = (self.bound * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_after_the_tries_that_it_was_given() {
        let mut backoff = Backoff::new(3, CommandId(Uuid::from_u128(1)));
        assert!(backoff.wait().await);
        assert!(backoff.wait().await);
        assert!(!backoff.wait().await);
    }

    #[test]
    fn waits_grow_to_a_bound_and_differ_between_commands() {
        let waits = |id: u128| {
            let mut backoff = Backoff::new(10, CommandId(Uuid::from_u128(id)));
            (0..9).map(|_| backoff.next_wait()).collect::<Vec<_>>()
        };
        for (n, wait) in waits(1).into_iter().enumerate() {
            let bound = (FIRST * 2u32.pow(n.try_into().unwrap())).min(LONGEST);
            assert!(wait >= bound / 2 && wait <= bound, "{wait:?} is not between half of {bound:?} and all of it");
        }
        assert_ne!(waits(1), waits(2));
        assert_eq!(waits(1), waits(1));
    }
}
