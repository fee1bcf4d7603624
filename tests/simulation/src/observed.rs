//! What one run showed: all that the oracle knows.
//!
//! Only data: JSON as it is stored, and what callers sent and were told. Nothing here comes out of the code under test
//! but its answers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// A run, after it came to rest.
#[derive(Debug, Default)]
pub struct Observed {
    /// What was asked of the command handler, in the order of asking.
    pub calls: Vec<Call>,
    /// What was asked about sessions, in the order of asking.
    pub session_calls: Vec<SessionCall>,
    /// Every item of the event table, in DynamoDB's JSON, in no order.
    pub events: Vec<Value>,
    /// Every item of the table of reservations, in DynamoDB's JSON.
    pub reservations: Vec<Value>,
    /// Every item of the table of personal keys, in DynamoDB's JSON.
    pub keys: Vec<Value>,
    /// The addresses to which an invitation was, one each, and with which nobody registers otherwise.
    pub invited: Vec<String>,
    /// Every item of the table of digests, in DynamoDB's JSON, where digests were taken: the last one after the last commit.
    pub digests: Option<Vec<Value>>,
    /// Every item of the table of the feed's order, in DynamoDB's JSON.
    pub feed_order: Vec<Value>,
    /// What a reader of the feed got who paged all the time: streams and versions, in its order.
    pub feed_read: Vec<(String, u64)>,
    /// Each projection's generations by number, and every item of each one's table, in DynamoDB's JSON.
    pub tables: BTreeMap<(String, u64), Vec<Value>>,
    /// The generation that each projection is read from.
    pub active: BTreeMap<String, u64>,
    /// Every write to the event table that took effect, in order.
    pub event_writes: Vec<EventWrite>,
    /// Every write of a row (`sk` = `row`) that took effect, in order.
    pub row_writes: Vec<RowWrite>,
    /// What is still under way: stream records not published, messages in queues and dead-letter queues.
    pub lag: Lag,
    /// How long it took to come to rest after the last fault; `None` when it did not within its bound.
    pub rest: Option<Duration>,
}

/// One sending of a command, and what came back.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it was sent, in virtual time.
    pub sent: Duration,
    /// When the answer came; `None` when none did.
    pub answered: Option<Duration>,
    /// The stream, like `task#0190…`.
    pub stream: String,
    /// The command's id. Several sendings of one command have the same.
    pub command_id: String,
    /// A text that is the same for the same command, and another for another one under the same id.
    pub content: String,
    /// The version that the aggregate had to have, if one was asked for; 0: it must not exist.
    pub expected: Option<u64>,
    /// What the caller was told.
    pub outcome: Outcome,
}

/// What the sender of a command was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It took effect, or there was nothing to change.
    Committed {
        /// The aggregate's version after it.
        version: u64,
        /// Its events: version, type, data. None when there was nothing to change.
        events: Vec<(u64, String, Value)>,
        /// Whether it is the answer to an earlier sending.
        replayed: bool,
    },
    /// The aggregate's rules refuse it: no effect.
    Refused,
    /// The aggregate is at another version than the expected one: no effect.
    VersionMismatch {
        /// The version that it is at.
        actual: u64,
    },
    /// The id was used for another command: no effect.
    KeyReused,
    /// Another aggregate holds a value that it claims, or nobody else is on a roster that it leaves: no effect.
    Reserved,
    /// Others were faster each time: no effect.
    Contended,
    /// It is not known whether it took effect: no answer, or one that says so.
    Unknown,
    /// The history could not be read. Never right here: nothing in a run damages a history.
    Damaged {
        /// What was said.
        reason: String,
    },
}

/// One question about a person's session, and what came back. A person has one session.
#[derive(Clone, Debug)]
pub struct SessionCall {
    /// Whose session.
    pub person: u64,
    /// When it was sent, in virtual time.
    pub sent: Duration,
    /// When the answer came; `None` when none did, or one that says that it is not known.
    pub answered: Option<Duration>,
    /// What was asked.
    pub ask: SessionAsk,
    /// What the sender was told.
    pub answer: SessionAnswer,
}

/// What can be asked about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionAsk {
    /// The successor of a refresh token.
    Refresh {
        /// The token.
        token: String,
    },
    /// Its end.
    End {
        /// Its id.
        session: String,
    },
}

/// What the sender was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionAnswer {
    /// A successor.
    Token(String),
    /// The session has ended.
    Ended,
    /// There is no successor: sign in again.
    Refused,
    /// Nothing is known.
    Unknown,
}

/// One item put into the event table.
#[derive(Clone, Debug)]
pub struct EventWrite {
    /// When, in virtual time.
    pub at: Duration,
    /// The stream.
    pub stream: String,
    /// The version of its first event.
    pub version: u64,
    /// Whether something stood there before.
    pub replaced: bool,
}

/// One row put into a table of a projection.
#[derive(Clone, Debug)]
pub struct RowWrite {
    /// When, in virtual time.
    pub at: Duration,
    /// The projection.
    pub projection: String,
    /// The generation of its table.
    pub generation: u64,
    /// The aggregate.
    pub stream: String,
    /// The version that it reflects.
    pub as_of: u64,
    /// The version of the shape that it was written in.
    pub projection_version: u64,
}

/// What is still under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Stream records that are not published.
    pub unpublished: usize,
    /// Messages in queues, by projection.
    pub queued: BTreeMap<String, usize>,
    /// Messages in dead-letter queues, by projection.
    pub dead: BTreeMap<String, usize>,
}
