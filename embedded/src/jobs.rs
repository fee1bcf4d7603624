//! The jobs that wait for a thread: those that somebody waits for go before those of the background.
//!
//! A command is answered sooner when the read models of the one before it give way. They must not be starved either:
//! after some urgent jobs, half as many of the background that wait get their turn, and at least one.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody.
    Urgent,
    /// What makes the read models.
    Background,
}

/// The jobs, in the order of their arrival within each lane.
pub(crate) struct Jobs<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
}

struct Waiting<T> {
    urgent: VecDeque<T>,
    background: VecDeque<T>,
    /// How many of the background come before the next urgent one.
    owed: usize,
    closed: bool,
}

impl<T> Waiting<T> {
    fn next(&mut self) -> Option<T> {
        if self.owed > 0
            && let Some(job) = self.background.pop_front()
        {
            self.owed -= 1;
            return Some(job);
        }
        self.owed = 0;
        self.next_urgent().or_else(|| self.background.pop_front())
    }

    fn next_urgent(&mut self) -> Option<T> {
        self.urgent.pop_front()
    }
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        let waiting = Waiting { urgent: VecDeque::new(), background: VecDeque::new(), owed: 0, closed: false };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new() }
    }
}

impl<T> Jobs<T> {
    /// Adds one. It is given back when no more are taken.
    pub(crate) fn push(&self, lane: Lane, job: T) -> Result<(), T> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(job);
        }
        match lane {
            Lane::Urgent => waiting.urgent.push_back(job),
            Lane::Background => waiting.background.push_back(job),
        }
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// The next one, when there is one; `None` after the last.
    pub(crate) fn next(&self) -> Option<T> {
        let mut waiting = self.waiting();
        loop {
            if let Some(job) = waiting.next() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next urgent one, if there is one within this time.
    pub(crate) fn next_urgent(&self, within: Duration) -> Option<T> {
        let waiting = self.waiting();
        let none = |waiting: &mut Waiting<T>| waiting.urgent.is_empty() && !waiting.closed;
        let waited = self.arrived.wait_timeout_while(waiting, within, none);
        waited.unwrap_or_else(PoisonError::into_inner).0.next_urgent()
    }

    /// Tells that so many urgent ones were done one after the other.
    pub(crate) fn owe(&self, done: usize) {
        self.waiting().owed = done.div_ceil(2);
    }

    /// Takes no more.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.arrived.notify_one();
    }

    /// Takes no more, and drops those that wait.
    pub(crate) fn abandon(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        let dropped = (std::mem::take(&mut waiting.urgent), std::mem::take(&mut waiting.background));
        drop(waiting);
        drop(dropped);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing in here panics halfway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(urgent: &[u8], background: &[u8]) -> Jobs<u8> {
        let jobs = Jobs::default();
        for (lane, numbers) in [(Lane::Background, background), (Lane::Urgent, urgent)] {
            for number in numbers {
                jobs.push(lane, *number).unwrap();
            }
        }
        jobs
    }

    fn rest(jobs: &Jobs<u8>) -> Vec<u8> {
        jobs.close();
        std::iter::from_fn(|| jobs.next()).collect()
    }

    #[test]
    fn urgent_ones_go_first_and_each_lane_keeps_its_order() {
        assert_eq!(rest(&filled(&[1, 2], &[11, 12])), [1, 2, 11, 12]);
    }

    #[test]
    fn what_is_owed_to_the_background_is_given_before_the_next_urgent_one() {
        let jobs = filled(&[1, 2], &[11, 12, 13]);
        jobs.owe(3);
        assert_eq!(rest(&jobs), [11, 12, 1, 2, 13]);
    }

    #[test]
    fn what_the_background_did_not_want_is_not_owed_for_ever() {
        let jobs = filled(&[1], &[]);
        jobs.owe(5);
        assert_eq!(jobs.next(), Some(1));
        for (lane, number) in [(Lane::Background, 11), (Lane::Urgent, 2)] {
            jobs.push(lane, number).unwrap();
        }
        assert_eq!(rest(&jobs), [2, 11]);
    }

    #[test]
    fn nobody_waits_for_an_urgent_one_longer_than_said() {
        let jobs = filled(&[1], &[11]);
        assert_eq!(jobs.next_urgent(Duration::ZERO), Some(1));
        assert_eq!(jobs.next_urgent(Duration::from_millis(1)), None);
    }

    #[test]
    fn after_the_end_none_is_taken() {
        let jobs = filled(&[1], &[11]);
        jobs.abandon();
        assert_eq!(jobs.push(Lane::Urgent, 2), Err(2));
        assert_eq!(rest(&jobs), [0; 0]);
    }
}
