//! What Muster writes. No letter repeats what somebody typed about themselves, such as a name: whoever signs up with another
//! person's address must not be able to write to them in Muster's name.

use chrono::{DateTime, Utc};
use muster_domain::values::Email;
use uuid::Uuid;

use super::{Letter, Links};

impl Letter {
    fn new(kind: &'static str, to: Email, subject: &str, paragraphs: &[String]) -> Self {
        let text = format!("Hello,\n\n{}\n\nMuster\n", paragraphs.join("\n\n"));
        Self { id: Uuid::new_v4(), kind, to, subject: subject.to_owned(), text }
    }

    /// The same letter as an earlier one of this name.
    #[must_use]
    pub(crate) fn named(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// How to set a new password.
    pub(crate) fn password_reset(to: Email, links: &Links, token: &str) -> Self {
        let paragraphs = [
            format!(
                "somebody asked for a new password for your account at {}. If it was you, set it here:",
                links.home()
            ),
            links.password_reset(token),
            "The link is good once, and for 30 minutes.".to_owned(),
            "If it was not you, do nothing: your password stays as it is, and nobody but you got this link.".to_owned(),
        ];
        Self::new("password-reset", to, "Set a new password", &paragraphs)
    }

    /// An account is there, and how to set its first password.
    pub(crate) fn first_password(to: Email, links: &Links, token: &str) -> Self {
        let paragraphs = [
            format!("an administrator made an account for you at {}. You sign in with this address.", links.home()),
            format!("Set your password here:\n\n{}", links.password_reset(token)),
            "The link is good once, and for 7 days. After that, ask for a new password where you sign in.".to_owned(),
        ];
        Self::new("first-password", to, "Your account", &paragraphs)
    }

    /// How to sign up.
    pub(crate) fn invitation(to: Email, links: &Links, token: &str, expires_at: DateTime<Utc>) -> Self {
        let paragraphs = [
            format!("an administrator invites you to {}. Sign up here:", links.home()),
            links.invitation(token),
            format!("The link is good once, until {}.", time(expires_at)),
            "If you do not know what this is about, do nothing: there is no account before you sign up.".to_owned(),
        ];
        Self::new("invitation", to, "You are invited", &paragraphs)
    }
}

/// What happened to how somebody signs in, of which they are told whoever did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The password was changed by somebody who is signed in.
    PasswordChanged,
    /// The password was set with the link of a letter.
    PasswordReset,
    /// Another address is the account's from now on. Told to both.
    EmailChanged,
    /// A second factor was added.
    SecondFactorAdded,
    /// The second factor was taken away.
    SecondFactorRemoved,
    /// There are other recovery codes in the place of those that were left.
    RecoveryCodesRenewed,
    /// The account can be signed in to with an outside issuer from now on.
    OutsideIdentityLinked,
    /// An API token was made for the account.
    ApiTokenMade,
    /// The account was closed.
    AccountClosed,
    /// The closed account was opened again.
    AccountReopened,
}

impl Notice {
    /// The letter about it.
    pub(crate) fn letter(self, to: Email, links: &Links, at: DateTime<Utc>) -> Letter {
        let (kind, subject, what) = match self {
            Self::PasswordChanged => {
                ("password-changed", "Your password was changed", "the password of your account was changed")
            }
            Self::PasswordReset => (
                "password-was-reset",
                "A new password was set",
                "a new password was set for your account, with the link of a letter to this address, and all of its \
                 sessions were ended",
            ),
            Self::EmailChanged => (
                "email-changed",
                "The address of your account was changed",
                "the e-mail address with which you sign in was changed; this letter goes to the old one and the new one",
            ),
            Self::SecondFactorAdded => (
                "second-factor-added",
                "A second factor was added",
                "a second factor was added to your account: signing in asks for a code from now on",
            ),
            Self::SecondFactorRemoved => (
                "second-factor-removed",
                "Your second factor was removed",
                "the second factor was removed from your account: signing in asks for the password alone",
            ),
            Self::RecoveryCodesRenewed => (
                "recovery-codes-renewed",
                "You have new recovery codes",
                "new recovery codes were made for your account: those from before are good for nothing any more",
            ),
            Self::OutsideIdentityLinked => (
                "outside-identity-linked",
                "There is another way to sign in to your account",
                "your account was linked with somebody's account elsewhere: whoever signs in there can sign in to yours here",
            ),
            Self::ApiTokenMade => (
                "api-token-made",
                "An API token was made",
                "an API token was made for your account: whatever program has it does in your name what the token is for",
            ),
            Self::AccountClosed => ("account-closed", "Your account was closed", "your account was closed"),
            Self::AccountReopened => (
                "account-reopened",
                "Your account was opened again",
                "your account was opened again by an administrator: you sign in with this address as you did, but with a new \
                 password, and without a second factor until you add one",
            ),
        };
        let if_not = match self {
            // They are for programs, which would stand still whenever somebody sets a new password: docs/adr/0020-letters.md.
            Self::PasswordChanged | Self::PasswordReset => {
                "API tokens of your account stay good. To see them, and to revoke those that you do not know, sign in and \
                 look at your tokens; an administrator can do it, too.\n\n\
                 If it was not you, ask for a new password where you sign in, and tell an administrator."
            }
            Self::SecondFactorAdded | Self::SecondFactorRemoved | Self::RecoveryCodesRenewed => {
                "If it was not you, ask for a new password where you sign in, and tell an administrator."
            }
            // A new password ends neither.
            Self::OutsideIdentityLinked => {
                "If it was not you, take the link away in your profile, ask for a new password where you sign in, and tell an \
                 administrator."
            }
            Self::ApiTokenMade => {
                "If it was not you, revoke it where you look at your tokens, ask for a new password where you sign in, and tell \
                 an administrator."
            }
            Self::EmailChanged => "If it was not you, tell an administrator at once.",
            Self::AccountReopened => "If nobody has told you a password, ask for a new one where you sign in.",
            Self::AccountClosed => "If you did not expect this, ask an administrator.",
        };
        let paragraphs = [format!("{what} ({}, {}).", links.home(), time(at)), if_not.to_owned()];
        Letter::new(kind, to, subject, &paragraphs)
    }
}

/// Nobody's clock in particular.
fn time(at: DateTime<Utc>) -> String {
    at.format("%F %R UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Notice; 10] = [
        Notice::PasswordChanged,
        Notice::PasswordReset,
        Notice::EmailChanged,
        Notice::SecondFactorAdded,
        Notice::SecondFactorRemoved,
        Notice::RecoveryCodesRenewed,
        Notice::OutsideIdentityLinked,
        Notice::ApiTokenMade,
        Notice::AccountClosed,
        Notice::AccountReopened,
    ];

    fn to() -> Email {
        "ada@example.com".parse().unwrap()
    }

    #[test]
    fn a_letter_has_its_link_on_a_line_of_its_own() {
        let links = Links::new("https://tasks.example.com");
        let at = "2026-03-09T08:00:00Z".parse().unwrap();
        let letters = [
            (Letter::password_reset(to(), &links, "secret"), "https://tasks.example.com/password-reset#token=secret"),
            (Letter::first_password(to(), &links, "secret"), "https://tasks.example.com/password-reset#token=secret"),
            (Letter::invitation(to(), &links, "secret", at), "https://tasks.example.com/sign-up#invitation=secret"),
        ];
        for (letter, link) in letters {
            assert!(letter.text.lines().any(|line| line == link), "{}", letter.text);
            assert!(letter.text.starts_with("Hello,\n\n") && letter.text.ends_with("\n\nMuster\n"), "{}", letter.text);
        }
    }

    #[test]
    fn a_notice_says_what_happened_where_and_when_and_what_to_do_and_leads_nowhere() {
        let (links, at) = (Links::new("https://tasks.example.com"), "2026-03-02T08:00:00Z".parse().unwrap());
        for notice in ALL {
            let letter = notice.letter(to(), &links, at);
            assert!(letter.text.contains("(https://tasks.example.com, 2026-03-02 08:00 UTC)."), "{}", letter.text);
            assert!(letter.text.contains("administrator"), "{}", letter.text);
            assert!(!letter.text.contains('#'), "{}", letter.text);
        }
    }

    #[test]
    fn every_line_is_short_enough_to_be_sent_as_it_is() {
        let (links, at) = (Links::new("https://tasks.example.com"), DateTime::UNIX_EPOCH);
        for letter in ALL.map(|notice| notice.letter(to(), &links, at)) {
            assert!(letter.text.is_ascii() && letter.text.lines().all(|line| line.len() < 998), "{}", letter.text);
        }
    }
}
