//! What every aggregate is: a decision and an evolution, both plain functions.

use cqrs_es::Aggregate;
use uuid::Uuid;

use crate::stream::AggregateType;

/// The pure heart of an aggregate. `cqrs_es::Aggregate::handle` and `apply` call these and add nothing.
pub trait Decider: Aggregate + Clone + 'static {
    /// The kind of aggregate.
    const KIND: AggregateType;

    /// The version of the shape in which this aggregate's state is carried by a commit. Raise it whenever the state's
    /// fields or the meaning of `evolve` change: carried states of another number are passed over.
    const STATE_SCHEMA: u32;

    /// What happens if this command is obeyed, or why it is not. No events: it changes nothing.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after the event.
    fn evolve(&mut self, event: &Self::Event);

    /// What these events, after which the aggregate is as it is here, claim or release of the values that only one
    /// aggregate may hold, and which rosters it joins or leaves by them.
    fn reservations(&self, id: Uuid, events: &[Self::Event]) -> Vec<Reservation> {
        let _ = (id, events);
        Vec::new()
    }

    /// All that the aggregate, as it is here, holds of the values that only one may hold, and the rosters that it is on: what its
    /// reservations have come to. Asked when a whole history is taken in from another store.
    fn held(&self, id: Uuid) -> Vec<Reservation> {
        let _ = id;
        Vec::new()
    }

    /// Whether it belongs on this roster. Asked of every aggregate that holds a reservation when a roster is begun in a
    /// store that is older than it.
    fn is_on(&self, roster: &str) -> bool {
        let _ = roster;
        false
    }
}

/// A change to what concerns more than one aggregate: to the values that at most one may hold, such as an e-mail address,
/// and to the rosters on which somebody must always remain. The event store makes it in one transaction with the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// Takes the value; the commit fails if another aggregate holds it.
    Claim {
        /// The kind of value and the value, like `email#ada@example.com`.
        key: String,
        /// The aggregate that takes it.
        owner: Uuid,
    },
    /// Gives the value back; the commit fails if another aggregate holds it.
    Release {
        /// The kind of value and the value.
        key: String,
        /// The aggregate that held it.
        owner: Uuid,
    },
    /// Puts the aggregate on a roster.
    Join {
        /// The roster, like `role#admin`.
        key: String,
        /// The aggregate.
        member: Uuid,
    },
    /// Puts the aggregate on a roster as its first; the commit fails if anybody else is on it. No decider asks for this: whoever sends the
    /// command makes it of [`Self::Join`].
    JoinFirst {
        /// The roster.
        key: String,
        /// The aggregate.
        member: Uuid,
    },
    /// Takes the aggregate off a roster; the commit fails if nobody else is on it.
    Leave {
        /// The roster.
        key: String,
        /// The aggregate.
        member: Uuid,
    },
}

impl Reservation {
    /// What it changes: each change of a commit has a key of its own.
    pub fn key(&self) -> &str {
        match self {
            Self::Claim { key, .. }
            | Self::Release { key, .. }
            | Self::Join { key, .. }
            | Self::JoinFirst { key, .. }
            | Self::Leave { key, .. } => key,
        }
    }

    /// The same, but who would join a roster joins it as its first.
    #[must_use]
    pub fn as_first(self) -> Self {
        match self {
            Self::Join { key, member } => Self::JoinFirst { key, member },
            other @ (Self::Claim { .. } | Self::Release { .. } | Self::JoinFirst { .. } | Self::Leave { .. }) => other,
        }
    }
}

/// The two `cqrs_es::Aggregate` methods, which add nothing to [`Decider`].
macro_rules! impl_aggregate {
    ($aggregate:ty, $kind:expr, $command:ty, $event:ty, $error:ty) => {
        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $kind.as_str();
            type Command = $command;
            type Event = $event;
            type Error = $error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in $crate::aggregate::Decider::decide(self, command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                $crate::aggregate::Decider::evolve(self, &event);
            }
        }
    };
}

pub(crate) use impl_aggregate;
