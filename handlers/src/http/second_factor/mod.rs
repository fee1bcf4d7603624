//! The second factor of an account, and signing in with it.

pub(crate) mod enrolment;
pub(crate) mod sign_in;

use muster_identity::{Access, AccessKind, Proof, SecondFactorError};

use super::access::{Asked, done};
use super::app::App;
use super::caller::Caller;
use super::fields::wrong_field;
use super::password::wrong_password;
use super::problem::{Code, Problem};

/// What the access log says of tries that were too many.
const TOO_MANY_TRIES: &str = "too many wrong passwords and codes at the second factor";

/// What is shown, and the field that it came in.
pub(crate) fn proof(code: Option<String>, recovery_code: Option<String>) -> Result<(Proof, &'static str), Problem> {
    match (code, recovery_code) {
        (Some(code), None) => Ok((Proof::Code(code), "/code")),
        (None, Some(code)) => Ok((Proof::RecoveryCode(code), "/recovery_code")),
        (None, None) | (Some(_), Some(_)) => Err(wrong_field("/code", "either code or recovery_code must be given")),
    }
}

/// Not 401 where a password or a code is wrong: the caller is signed in, and stays so.
pub(crate) fn refused(error: &SecondFactorError, pointer: &str) -> Problem {
    match error {
        SecondFactorError::Off | SecondFactorError::On | SecondFactorError::NotBegun => {
            Problem::new(Code::Conflict).detail(error)
        }
        SecondFactorError::WrongPassword => wrong_password(),
        SecondFactorError::WrongCode => wrong_field(pointer, "is wrong, or was used before")
            .refused(Access::refused(AccessKind::SecondFactorRefused).because("the code is wrong, or was used before")),
        SecondFactorError::TooManyTries { again_in } => {
            let seconds = again_in.num_seconds().unsigned_abs();
            Problem::new(Code::TooManyRequests)
                .detail(format_args!("Try again in {seconds} seconds."))
                .retry_after(seconds)
                .refused(Access::refused(AccessKind::Throttled).because(TOO_MANY_TRIES))
        }
        SecondFactorError::NotMade(_) => Problem::internal(error),
        SecondFactorError::Hash(_) | SecondFactorError::Store(_) => Problem::unavailable(error),
    }
}

/// Writes down that a recovery code is spent, if one was shown.
pub(crate) async fn note_spent(app: &App, asked: &Asked, caller: &Caller, proof: &Proof) {
    match proof {
        Proof::Code(_) => {}
        Proof::RecoveryCode(_) => app.note(asked, done(AccessKind::RecoveryCodeUsed, &caller.0)).await,
    }
}
