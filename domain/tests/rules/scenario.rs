//! Given / when / then over `cqrs_es`'s `TestFramework`, so that every case also runs through the framework's `handle` and
//! `apply`. A failure points at the line of the case.

use std::fmt::Debug;

use cqrs_es::test::TestFramework;
use muster_domain::Decider;

/// A history so far.
pub(crate) struct Given<A: Decider>(Vec<A::Event>);

/// What a command met.
pub(crate) struct Outcome<A: Decider> {
    history: Vec<A::Event>,
    result: Result<Vec<A::Event>, A::Error>,
}

/// The aggregate to which these events have happened.
pub(crate) fn given<A: Decider>(history: impl IntoIterator<Item = A::Event>) -> Given<A> {
    Given(history.into_iter().collect())
}

/// The state after these events.
pub(crate) fn fold<A: Decider>(history: &[A::Event]) -> A {
    history.iter().fold(A::default(), |mut aggregate, event| {
        aggregate.evolve(event);
        aggregate
    })
}

impl<A: Decider<Services = ()>> Given<A> {
    pub(crate) fn when(self, command: A::Command) -> Outcome<A> {
        let framework = TestFramework::<A>::with(()).given(self.0.clone());
        Outcome { history: self.0, result: framework.when(command).inspect_result() }
    }
}

impl<A: Decider> Outcome<A>
where
    A::Event: PartialEq,
    A::Error: PartialEq + Debug,
{
    /// These events follow, in this order. Gives the aggregate after them.
    #[track_caller]
    pub(crate) fn then<const N: usize>(mut self, expected: [A::Event; N]) -> A {
        assert_eq!(self.result.as_deref(), Ok(&expected[..]));
        self.history.extend(expected);
        fold(&self.history)
    }

    /// The command is obeyed, and there is nothing to do.
    #[track_caller]
    pub(crate) fn then_nothing(self) {
        assert_eq!(self.result.as_deref(), Ok(&[][..]));
    }

    /// The command is refused.
    #[track_caller]
    pub(crate) fn then_refused(self, expected: A::Error) {
        assert_eq!(self.result, Err(expected));
    }
}
