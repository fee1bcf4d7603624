//! The rules of Muster, and nothing else: aggregates, events, commands and value types.
//!
//! Nothing in this crate does I/O, reads a clock or makes a random id: time, ids and the actor come in with
//! the command. So every rule is a plain function, and every test is plain data:
//!
//! ```
//! use muster_domain::aggregate::Decider;
//! use muster_domain::team::{CreateTeam, Team, TeamCommand, TeamEvent};
//!
//! let at = "2026-03-02T08:00:00Z".parse()?;
//! let events = Team::default()
//!     .decide(TeamCommand::Create(CreateTeam { name: "North".parse()?, description: None, at }))?;
//! assert!(matches!(&events[..], [TeamEvent::TeamCreated(created)] if created.name.as_str() == "North"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod macros;

pub mod aggregate;
pub mod commit;
pub mod envelope;
pub mod event;
pub mod ids;
pub mod mutant;
pub mod personal;
pub mod ports;
pub mod proof;
pub mod stream;
pub mod task;
pub mod team;
pub mod upcast;
pub mod user;
pub mod values;

pub use aggregate::Decider;
pub use commit::{Commit, EventData, Hash};
pub use envelope::{Actor, CommandId, Fingerprint, Metadata, RecordedEvent, import_cause};
pub use event::DomainEvent;
pub use ids::{ChecklistItemId, CommentId, ImportId, SeriesId, TaskId, TeamId, UserId};
pub use ports::{Clock, EventReader, SubjectKeys};
pub use stream::{AggregateType, StreamId};
