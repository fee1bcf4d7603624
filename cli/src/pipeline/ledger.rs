//! Which events are under way, and so how far the stream's checkpoint may go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use muster_domain::mutant::{Mutant, planted};
use tokio::sync::watch;

/// Every event that is put on the bus has a ticket; tickets count up.
pub(crate) type Ticket = u64;

/// What is under way between the stream and the read models.
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    settled: watch::Sender<Option<String>>,
}

#[derive(Debug, Default)]
struct State {
    next: Ticket,
    /// How many queues have yet to acknowledge each event.
    open: BTreeMap<Ticket, usize>,
    /// Places in the stream: all events before the first element's ticket were read up to the second's record.
    marks: VecDeque<(Ticket, String)>,
}

impl Ledger {
    /// Of a stream that is settled up to this record.
    pub(crate) fn new(settled: Option<String>) -> Self {
        Self { state: Mutex::default(), settled: watch::Sender::new(settled) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ticket of an event that goes to so many queues.
    pub(crate) fn issue(&self, queues: usize) -> Ticket {
        let mut state = self.state();
        let ticket = state.next;
        state.next += 1;
        if queues > 0 {
            state.open.insert(ticket, queues);
        }
        ticket
    }

    /// One queue is done with the event.
    pub(crate) fn acknowledge(&self, ticket: Ticket) {
        let mut state = self.state();
        if let Some(queues) = state.open.get_mut(&ticket) {
            *queues -= 1;
            if *queues == 0 {
                state.open.remove(&ticket);
            }
        }
        self.settle(&mut state);
    }

    /// All records of the stream up to this one are on the bus.
    pub(crate) fn mark(&self, sequence_number: String) {
        let mut state = self.state();
        let next = state.next;
        state.marks.push_back((next, sequence_number));
        self.settle(&mut state);
    }

    /// The last record up to which everything was acknowledged, and every change of it.
    pub(crate) fn settled(&self) -> watch::Receiver<Option<String>> {
        self.settled.subscribe()
    }

    fn settle(&self, state: &mut State) {
        let first_open = state.open.keys().next().copied().filter(|_| !planted(Mutant::CheckpointBeforeAck));
        let first_open = first_open.unwrap_or(Ticket::MAX);
        let mut settled = None;
        while let Some((ticket, _)) = state.marks.front()
            && *ticket <= first_open
        {
            settled = state.marks.pop_front().map(|(_, sequence_number)| sequence_number);
        }
        if settled.is_some() {
            self.settled.send_replace(settled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(ledger: &Ledger) -> Option<String> {
        ledger.settled().borrow().clone()
    }

    #[test]
    fn a_record_is_settled_when_every_queue_has_acknowledged_everything_up_to_it() {
        let ledger = Ledger::new(None);
        let first = ledger.issue(2);
        let second = ledger.issue(1);
        ledger.mark("10".to_owned());
        let third = ledger.issue(1);
        ledger.mark("11".to_owned());

        ledger.acknowledge(third);
        ledger.acknowledge(second);
        ledger.acknowledge(first);
        assert_eq!(settled(&ledger), None, "one of the two queues of the first event is not done");
        ledger.acknowledge(first);
        assert_eq!(settled(&ledger).as_deref(), Some("11"));
    }

    #[test]
    fn a_record_that_is_not_wholly_on_the_bus_is_not_settled() {
        let ledger = Ledger::new(None);
        let ticket = ledger.issue(1);
        ledger.acknowledge(ticket);
        assert_eq!(settled(&ledger), None, "its last event may be still to come");
    }

    #[test]
    fn an_event_that_no_queue_wants_holds_nothing_up() {
        let ledger = Ledger::new(None);
        ledger.issue(0);
        ledger.mark("10".to_owned());
        assert_eq!(settled(&ledger).as_deref(), Some("10"));
    }
}
