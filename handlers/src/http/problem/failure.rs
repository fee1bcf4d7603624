//! What went wrong on our side: the cause goes to the log, and never to the caller.

use super::{Code, Problem};

impl Problem {
    /// A failure on our side: the cause goes to the log, and the caller learns only that it broke.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Causes(error), "a request failed on our side");
        Self::new(Code::Internal)
    }

    /// A store that cannot be reached: the cause goes to the log.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = %Causes(error), "the store could not be reached");
        Self::new(Code::Unavailable).detail("Try again in a moment.")
    }
}

/// An error and all that caused it, on one line.
pub struct Causes<'a>(pub &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the table is away")]
    struct Away(#[source] std::io::Error);

    #[test]
    fn the_cause_of_a_failure_on_our_side_goes_to_the_log_and_not_to_the_caller() {
        let error = Away(std::io::Error::other("10.0.0.7 refused"));

        assert_eq!(Causes(&error).to_string(), "the table is away: 10.0.0.7 refused");
        for problem in [Problem::internal(&error), Problem::unavailable(&error)] {
            let body = serde_json::to_string(&problem).unwrap();
            assert!(!body.contains("10.0.0.7") && !body.contains("table"), "{body}");
        }
    }
}
