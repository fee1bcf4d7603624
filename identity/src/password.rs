//! Passwords as people type them: a new one is parsed, an attempt is taken as it comes.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use zeroize::Zeroizing;

/// The fewest characters (Unicode scalar values) of a new password.
const MIN_CHARACTERS: usize = 8;
/// The most.
const MAX_CHARACTERS: usize = 128;
/// No password that was ever accepted is longer: a character is at most four bytes.
const MAX_ATTEMPT_BYTES: usize = MAX_CHARACTERS * 4;

/// One lower-case password a line; only those that are long enough to be accepted otherwise.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A password that somebody chooses: 8 to 128 characters of any kind, not one of the most common.
///
/// No composition rules, no trimming, no change of case: it is hashed exactly as typed. Wiped from memory on drop.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password is refused. Says nothing of the password itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than 8 characters.
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// More than 128 characters.
    #[error("a password has at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// On the list of those that are tried first.
    #[error("this password is too common")]
    TooCommon,
}

impl Password {
    /// Accepts what may become somebody's password.
    pub fn parse(text: String) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text);
        match text.chars().take(MAX_CHARACTERS + 1).count() {
            0..MIN_CHARACTERS => Err(PasswordError::TooShort),
            MIN_CHARACTERS..=MAX_CHARACTERS => {
                let folded = Zeroizing::new(text.to_lowercase());
                if COMMON.contains(folded.as_str()) { Err(PasswordError::TooCommon) } else { Ok(Self(text)) }
            }
            _ => Err(PasswordError::TooLong),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What somebody types to log in. Not parsed: an account keeps its password when the rules for new ones change.
#[derive(Clone)]
pub struct PasswordAttempt(Zeroizing<String>);

impl PasswordAttempt {
    /// Takes any text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// What to hash: nothing when it is longer than any password can be, so that a huge body costs no more than another.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        (self.0.len() <= MAX_ATTEMPT_BYTES).then(|| self.0.as_bytes())
    }
}

impl fmt::Debug for PasswordAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordAttempt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> PasswordError {
        Password::parse(text.to_owned()).expect_err("a refusal")
    }

    #[test]
    fn length_is_counted_in_characters_and_not_in_bytes() {
        assert_eq!(refused("sieben7"), PasswordError::TooShort);
        assert_eq!(refused("ééééééé"), PasswordError::TooShort, "7 characters, 14 bytes");
        assert_eq!(refused(&"x".repeat(129)), PasswordError::TooLong);
        assert!(Password::parse("ééééééée".to_owned()).is_ok());
        assert!(Password::parse("🦀".repeat(128)).is_ok(), "128 characters, 512 bytes");
    }

    #[test]
    fn no_composition_is_asked_for_and_nothing_is_trimmed() {
        let password = Password::parse("  only spaces and words  ".to_owned()).expect("a password");
        assert_eq!(password.as_bytes(), b"  only spaces and words  ");
    }

    #[test]
    fn the_most_common_passwords_are_refused_in_any_case() {
        for common in ["password", "PassWord1", "12345678", "qwertyuiop", "ILOVEYOU"] {
            assert_eq!(refused(common), PasswordError::TooCommon, "{common}");
        }
    }

    #[test]
    fn each_line_of_the_list_is_a_password_that_would_pass_otherwise() {
        assert!(COMMON.len() > 100);
        for common in COMMON.iter() {
            assert_eq!(common.to_lowercase(), *common);
            assert!(common.chars().count() >= MIN_CHARACTERS, "{common} is refused for its length already");
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let secret = "correct horse battery";
        let password = Password::parse(secret.to_owned()).expect("a password");
        let attempt = PasswordAttempt::new(secret.to_owned());
        assert_eq!(format!("{password:?} {attempt:?}"), "Password(..) PasswordAttempt(..)");
    }

    #[test]
    fn an_attempt_longer_than_any_password_is_not_hashed() {
        assert!(PasswordAttempt::new("x".repeat(512)).as_bytes().is_some());
        assert!(PasswordAttempt::new("x".repeat(513)).as_bytes().is_none());
    }
}
