//! The name of one aggregate's history.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{TaskId, TeamId, UserId};

/// The kinds of aggregate that have histories.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AggregateType {
    /// A piece of work.
    Task,
    /// A person with an account.
    User,
    /// A group of users.
    Team,
}

impl AggregateType {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Task, Self::User, Self::Team];

    /// The name in stream ids, table keys and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::User => "user",
            Self::Team => "team",
        }
    }
}

impl fmt::Display for AggregateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One aggregate's history. Written `task#<uuid>`, which is also the partition key of the event table.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct StreamId {
    /// The kind of aggregate.
    #[serde(rename = "type")]
    pub aggregate: AggregateType,
    /// The aggregate's id.
    pub id: Uuid,
}

impl StreamId {
    /// The history of the aggregate of this kind and id.
    pub const fn new(aggregate: AggregateType, id: Uuid) -> Self {
        Self { aggregate, id }
    }
}

impl From<TaskId> for StreamId {
    fn from(id: TaskId) -> Self {
        Self::new(AggregateType::Task, id.0)
    }
}

impl From<UserId> for StreamId {
    fn from(id: UserId) -> Self {
        Self::new(AggregateType::User, id.0)
    }
}

impl From<TeamId> for StreamId {
    fn from(id: TeamId) -> Self {
        Self::new(AggregateType::Team, id.0)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.aggregate, self.id)
    }
}

/// Not the name of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stream: {0:?} (a stream is written like task#0190b2f4-…, with task, user or team before the #)")]
pub struct NotAStream(pub String);

impl FromStr for StreamId {
    type Err = NotAStream;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('#').and_then(|(name, id)| {
            let aggregate = AggregateType::ALL.into_iter().find(|kind| kind.as_str() == name)?;
            Some(Self::new(aggregate, id.parse().ok()?))
        });
        parsed.ok_or_else(|| NotAStream(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_id_is_read_back_as_it_was_written() {
        let id = StreamId::new(AggregateType::User, Uuid::from_u128(7));
        assert_eq!(id.to_string(), "user#00000000-0000-0000-0000-000000000007");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_not_a_stream_id_is_refused_with_the_text_in_the_error() {
        for text in ["", "task", "task#", "job#00000000-0000-0000-0000-000000000007", "task#7"] {
            assert_eq!(text.parse::<StreamId>(), Err(NotAStream(text.to_owned())));
        }
    }
}
