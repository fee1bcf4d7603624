//! From what the write side refuses to the problem that the caller sees. The only place where the two meet.

use muster_commands::{ExecuteError, GuardedError};
use muster_domain::task::TaskError;
use muster_domain::team::TeamError;
use muster_domain::user::UserError;

use super::app::not_found;
use super::fields::wrong_field;
use super::problem::{Code, Problem};

/// A rule of the domain, as the problem that tells of it.
pub(crate) trait Refusal: std::error::Error + Send + Sync + 'static {
    /// The problem.
    fn problem(&self) -> Problem;
}

impl Refusal for TaskError {
    fn problem(&self) -> Problem {
        let code = match self {
            Self::NotFound => return not_found("task"),
            Self::NoSuchItem => return not_found("item on the checklist"),
            Self::NoSuchNeighbour => return wrong_field("/before", self),
            Self::OverByDay => return wrong_field("/until", self),
            Self::OverByCount { .. } => return wrong_field("/count", self),
            Self::ImpossibleMove { allowed, .. } => {
                return Problem::new(Code::ImpossibleMove).detail(self).allowed(*allowed);
            }
            Self::Deleted => Code::TaskDeleted,
            Self::Completed => Code::TaskCompleted,
            Self::OnHold => Code::TaskOnHold,
            Self::AlreadyExists
            | Self::NotDeleted
            | Self::NotOnHold
            | Self::ItemExists
            | Self::ChecklistFull
            | Self::TooManyBlockers
            | Self::TooManyWatchers => Code::Conflict,
        };
        Problem::new(code).detail(self)
    }
}

impl Refusal for UserError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => not_found("user"),
            Self::Erased => Problem::new(Code::PersonErased).detail(self),
            Self::AlreadyExists | Self::Inactive | Self::Active | Self::TooManyTeams => {
                Problem::new(Code::Conflict).detail(self)
            }
        }
    }
}

impl Refusal for TeamError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => not_found("team"),
            Self::AlreadyExists => Problem::new(Code::Conflict).detail(self),
        }
    }
}

/// The problem that a failed command is.
pub(crate) fn problem<E: Refusal>(error: &ExecuteError<E>) -> Problem {
    match error {
        ExecuteError::Refused(refusal) => refusal.problem(),
        ExecuteError::VersionMismatch { actual, .. } => stale(*actual),
        ExecuteError::KeyReused => key_reused(),
        ExecuteError::Reserved { .. } => Problem::new(Code::EmailTaken),
        ExecuteError::LastOnRoster { .. } => {
            Problem::new(Code::LastAdmin).detail("Make another account an administrator first.")
        }
        // Whoever would be the first goes on without that: nobody is told.
        ExecuteError::NotFirst { .. } => Problem::new(Code::Conflict).detail(error),
        ExecuteError::TooLarge { .. } => Problem::new(Code::TooLarge).detail(error),
        ExecuteError::Contended => Problem::new(Code::Contended).detail("Try again in a moment."),
        ExecuteError::Unavailable(_) => Problem::unavailable(error),
        ExecuteError::Damaged { .. } => Problem::internal(error),
    }
}

/// It is not the version that the caller expected to change.
pub(crate) fn stale(actual: u64) -> Problem {
    Problem::new(Code::StaleVersion)
        .detail(format_args!("The present version is {actual}: read it again, and decide again."))
        .version(actual)
}

/// The caller's name for this request is the name of another one.
pub(crate) fn key_reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused)
        .detail("This Idempotency-Key came with another request before. Use a new key for a new request.")
}

/// The problem that a failed or forbidden command is.
pub(crate) fn guarded<E: Refusal>(error: GuardedError<E, Problem>) -> Problem {
    match error {
        GuardedError::Guard(problem) => problem,
        GuardedError::Execute(error) => problem(&error),
    }
}
