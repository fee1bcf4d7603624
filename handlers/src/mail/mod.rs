//! Letters to people: what one is, and the port that carries it. SES carries them on AWS, a mail server by SMTP for the local
//! program. Why they are sent as they are: `docs/adr/0020-letters.md`.

mod letters;
mod links;
mod post;

use std::fmt;

use async_trait::async_trait;
use muster_domain::values::Email;
use uuid::Uuid;

pub(crate) use letters::Notice;
pub use links::Links;
pub use post::Post;

/// A letter to one person, as plain text. It may hold a secret, such as a link to set a password with: `Debug` shows neither its
/// text nor whom it is to.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its name: a letter that is sent again has it again, so that mail programs show it once.
    pub id: Uuid,
    /// What it is about, as a word for the program's log.
    pub kind: &'static str,
    /// Whom it is to.
    pub to: Email,
    /// What it is about, in a line.
    pub subject: String,
    /// The text, in lines that end with `\n`.
    pub text: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// It was not sent, or at least nobody has said so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotSent {
    /// Why, in words of ours: what a mail server says of it may name the person.
    pub reason: String,
    /// Whether another try may help.
    pub again: bool,
}

impl NotSent {
    /// Another try may help.
    pub fn yet(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: true }
    }

    /// Another try would end in the same way.
    pub fn ever(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: false }
    }
}

/// Carries letters.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one.
    async fn send(&self, letter: &Letter) -> Result<(), NotSent>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_a_letters_text_nor_whom_it_is_to() {
        let to: Email = "ada@example.com".parse().unwrap();
        let links = Links::new("https://tasks.example.com");
        let letter = Letter::password_reset(to, &links, "a-secret-token");

        let shown = format!("{letter:?}");

        assert!(letter.text.contains("a-secret-token"));
        assert_eq!(shown, format!("Letter {{ id: {}, kind: \"password-reset\", .. }}", letter.id));
    }
}
