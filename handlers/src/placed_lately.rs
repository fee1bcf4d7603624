//! Where this program has put tasks by hand lately: an index follows a moment later, and whoever puts one task after another does not
//! wait for it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use muster_domain::TaskId;
use muster_domain::values::Rank;

/// How many are remembered: an index is seconds behind at most.
const MOST: usize = 256;

/// Tasks and their ranks. One that stands elsewhere by now does no harm: what is put before it or behind it is in order all the same.
#[derive(Debug, Default)]
pub struct PlacedLately(Mutex<VecDeque<(TaskId, Rank)>>);

impl PlacedLately {
    /// Remembers that the task is put there.
    pub fn note(&self, task: TaskId, rank: Rank) {
        let mut placed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        placed.retain(|(other, _)| *other != task);
        placed.push_back((task, rank));
        if placed.len() > MOST {
            placed.pop_front();
        }
    }

    /// The rank that comes next to this one, `behind` it or before it, of those that were put there lately; but for these tasks.
    pub fn beside(&self, rank: &Rank, behind: bool, but: &[TaskId]) -> Option<Rank> {
        let placed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = placed.iter().filter(|(task, _)| !but.contains(task)).map(|(_, rank)| rank);
        let beside = others.filter(|other| if behind { *other > rank } else { *other < rank });
        if behind { beside.min().cloned() } else { beside.max().cloned() }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn task(number: u128) -> TaskId {
        TaskId(Uuid::from_u128(number))
    }

    fn rank(text: &str) -> Rank {
        text.parse().unwrap()
    }

    #[test]
    fn the_nearest_on_either_side_is_found_but_for_those_that_are_not_asked_for() {
        let lately = PlacedLately::default();
        for (number, text) in [(1, "b"), (2, "d"), (3, "f")] {
            lately.note(task(number), rank(text));
        }
        assert_eq!(lately.beside(&rank("b"), true, &[]), Some(rank("d")));
        assert_eq!(lately.beside(&rank("b"), true, &[task(2)]), Some(rank("f")));
        assert_eq!(lately.beside(&rank("e"), false, &[]), Some(rank("d")));
        assert_eq!(lately.beside(&rank("b"), false, &[]), None);
        lately.note(task(2), rank("a"));
        assert_eq!(lately.beside(&rank("b"), true, &[]), Some(rank("f")), "it was put elsewhere");
    }

    #[test]
    fn what_was_put_long_ago_is_forgotten() {
        let lately = PlacedLately::default();
        lately.note(task(0), rank("b"));
        for number in 1..=MOST {
            lately.note(task(number as u128), rank("a"));
        }
        assert_eq!(lately.beside(&rank("a"), true, &[]), None);
    }
}
