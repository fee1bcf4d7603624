//! Passwords as people type them: a new one is parsed and judged, an attempt is taken as it comes.
//!
//! A new one is refused if it is on the list of those that are tried first, or if `zxcvbn` says that it is guessed too soon. That knows
//! the 30,000 passwords most common in known breaches, words, names, dates and keyboards, and what people make of them; and it is told
//! this product's own words (`PRODUCT_WORDS`) and what is known of the person (`Password::about`).

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use icu_normalizer::ComposingNormalizerBorrowed;
use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

/// The fewest characters (Unicode scalar values) of a new password.
const MIN_CHARACTERS: usize = 8;
/// The most.
const MAX_CHARACTERS: usize = 128;
/// No password that was ever accepted is longer: a character is at most four bytes.
const MAX_ATTEMPT_BYTES: usize = MAX_CHARACTERS * 4;
/// Nor has anybody typed more for one: a character is typed as four at most.
const MAX_TYPED_BYTES: usize = MAX_ATTEMPT_BYTES * 4;

/// Words of this product's own: the first that somebody tries who guesses a password for it.
const PRODUCT_WORDS: [&str; 6] = ["muster", "roster", "task", "tasks", "admin", "administrator"];
/// In how many guesses a new password must not be found, so that neither somebody at the sign-in nor somebody with the hashes gets it
/// soon. Eight characters that follow from nothing are worth as many.
const LEAST_GUESSES: u64 = 100_000_000;
/// The fewest characters of a part of a name or address that counts as a word.
const MIN_WORD: usize = 3;

/// One lower-case password a line; only those that are long enough to be accepted otherwise.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// A password that somebody chooses: 8 to 128 characters of any kind, not one of the most common, not guessed soon.
///
/// No composition rules, no trimming, no change of case: it is hashed as typed, but for which characters a letter was typed as
/// (`normal`). Wiped from memory on drop.
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
    /// Guessed too soon: made of few words, names, dates or keys side by side, or of what is known of its owner.
    #[error("this password is too easy to guess: take some words more, and none of your name or address")]
    TooEasy,
}

impl Password {
    /// Accepts what may become somebody's password.
    pub fn parse(text: String) -> Result<Self, PasswordError> {
        let typed = Zeroizing::new(text);
        if typed.len() > MAX_TYPED_BYTES {
            return Err(PasswordError::TooLong);
        }
        let text = normal(&typed);
        match text.chars().take(MAX_CHARACTERS + 1).count() {
            0..MIN_CHARACTERS => Err(PasswordError::TooShort),
            MIN_CHARACTERS..=MAX_CHARACTERS => {
                let folded = Zeroizing::new(text.to_lowercase());
                if COMMON.contains(folded.as_str()) {
                    return Err(PasswordError::TooCommon);
                }
                Self(text).judged(&PRODUCT_WORDS)
            }
            _ => Err(PasswordError::TooLong),
        }
    }

    /// The same for somebody of whom this is known, such as name and address: it is not to be made of that.
    pub fn about(self, known: &[&str]) -> Result<Self, PasswordError> {
        let known: Vec<String> = known.iter().map(|text| text.to_lowercase()).collect();
        let parts = known.iter().flat_map(|text| text.split(|character: char| !character.is_alphanumeric()));
        let joined =
            known.iter().map(|text| text.chars().filter(|character| character.is_alphanumeric()).collect::<String>());
        let joined: Vec<String> = joined.collect();
        let words = PRODUCT_WORDS.into_iter().chain(parts).chain(joined.iter().chain(&known).map(String::as_str));
        let words: Vec<&str> = words.filter(|word| word.chars().count() >= MIN_WORD).collect();
        self.judged(&words)
    }

    /// Whether it is this text.
    pub fn is(&self, text: &str) -> bool {
        *self.0 == *normal(text)
    }

    /// What its owner types to log in.
    pub(crate) fn as_attempt(&self) -> PasswordAttempt {
        PasswordAttempt { normal: self.0.clone(), typed: None }
    }

    /// Whether it is good without these words, of which it may be made in part.
    fn judged(self, words: &[&str]) -> Result<Self, PasswordError> {
        let mut words = words.to_vec();
        words.sort_by_key(|word| Reverse(word.len()));
        let folded = Zeroizing::new(self.0.to_lowercase());
        let rest = words.iter().fold(folded.clone(), |rest, word| Zeroizing::new(rest.replace(word, "")));
        let counts = if *rest == *folded { &self.0 } else { &rest };
        if zxcvbn(counts, &words).guesses() < LEAST_GUESSES { Err(PasswordError::TooEasy) } else { Ok(self) }
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
pub struct PasswordAttempt {
    /// As a password is hashed.
    normal: Zeroizing<String>,
    /// As it came, if that is another text: so passwords were hashed before they were brought into one form.
    typed: Option<Zeroizing<String>>,
}

impl PasswordAttempt {
    /// Takes any text.
    pub fn new(text: String) -> Self {
        let typed = Zeroizing::new(text);
        if typed.len() > MAX_TYPED_BYTES {
            // Too long to be one, in whatever form.
            return Self { normal: typed, typed: None };
        }
        let normal = normal(&typed);
        let typed = (*typed != *normal).then_some(typed);
        Self { normal, typed }
    }

    /// What to hash: nothing when it is longer than any password can be, so that a huge body costs no more than another.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        bounded(&self.normal)
    }

    /// The same as it came, if that is another text.
    pub(crate) fn as_typed(&self) -> Option<&[u8]> {
        self.typed.as_ref().and_then(|typed| bounded(typed))
    }
}

fn bounded(text: &str) -> Option<&[u8]> {
    (text.len() <= MAX_ATTEMPT_BYTES).then_some(text.as_bytes())
}

/// The text in the form in which it is compared (NFKC, as NIST SP 800-63B has it). The same letter comes as one character from one keyboard
/// and as two from another.
fn normal(text: &str) -> Zeroizing<String> {
    Zeroizing::new(ComposingNormalizerBorrowed::new_nfkc().normalize(text).into_owned())
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
        assert!(Password::parse("żółć gęś".to_owned()).is_ok(), "8 characters, 14 bytes");
        let words = format!("pomegranate 🦀 lighthouse 🐙 saxophone{}", "q7".repeat(64));
        let longest: String = words.chars().take(128).collect();
        assert!(Password::parse(longest).is_ok(), "128 characters, more bytes");
    }

    #[test]
    fn no_composition_is_asked_for_and_nothing_is_trimmed() {
        let password = Password::parse("  only spaces and words  ".to_owned()).expect("a password");
        assert_eq!(password.as_bytes(), b"  only spaces and words  ");
    }

    #[test]
    fn a_letter_is_the_same_however_it_is_typed() {
        let composed = Password::parse("caf\u{e9} am Stra\u{df}enrand".to_owned()).expect("a password");
        let decomposed = "cafe\u{301} am Stra\u{df}enrand";
        assert!(composed.is(decomposed) && !composed.is("cafe am Stra\u{df}enrand"));
        let attempt = PasswordAttempt::new(decomposed.to_owned());
        assert_eq!(attempt.as_bytes(), Some(composed.as_bytes()));
        assert_eq!(attempt.as_typed(), Some(decomposed.as_bytes()));
        assert_eq!(composed.as_attempt().as_typed(), None);
        // Of 128 letters, each typed as three characters of three bytes.
        let syllables: String = std::iter::repeat_n("\u{1112}\u{1161}\u{11ab}", 128).collect();
        let attempt = PasswordAttempt::new(syllables);
        assert_eq!((attempt.as_bytes().map(<[u8]>::len), attempt.as_typed()), (Some(3 * 128), None));
        assert_eq!(refused("e\u{301}e\u{301}e\u{301}e\u{301}"), PasswordError::TooShort, "4 letters");
        assert_eq!(refused(&"\u{fdfa}".repeat(8)), PasswordError::TooLong, "8 that stand for 18 letters each");
    }

    #[test]
    fn the_most_common_passwords_are_refused_in_any_case() {
        for common in ["password", "PassWord1", "12345678", "qwertyuiop", "ILOVEYOU"] {
            assert_eq!(refused(common), PasswordError::TooCommon, "{common}");
        }
    }

    #[test]
    fn what_is_guessed_soon_is_refused_however_it_is_dressed_up() {
        for easy in [
            "Passw0rd!",
            "Sommer2026",
            "trustno1!",
            "zxcvbn123",
            "aaaaaaaaaaaa",
            "x1b3x1b3x1b3x1b3",
            "Muster2026!",
            "muster-admin",
        ] {
            assert_eq!(refused(easy), PasswordError::TooEasy, "{easy}");
        }
        for good in ["correct horse battery", "three pints of oil", "somebody's words", "kR7#pq_2vX"] {
            assert!(Password::parse(good.to_owned()).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_common_in_breaches_is_refused_beyond_the_list() {
        // Of ranks from a hundred to some thousands in the lists of breaches; none is on the list here.
        for breached in [
            "midnight",
            "swordfish",
            "blackjack",
            "chevelle",
            "fireball",
            "stargate",
            "creative",
            "snowboard",
            "december",
            "porsche911",
            "mountain",
            "scorpion",
            "hardcore",
            "butthead",
            "darkside",
            "gandalf1",
            "q1w2e3r4",
            "rootbeer",
        ] {
            assert!(Password::parse(breached.to_owned()).is_err(), "{breached}");
        }
    }

    #[test]
    fn what_is_known_of_somebody_is_no_password_of_theirs() {
        let known = ["Zaphod Beeblebrox", "zaphod.beeblebrox@heartofgold.example"];
        for easy in [
            "zaphodbeeblebrox",
            "Zaphod-Beeblebrox",
            "Beeblebrox1!",
            "beeblebrox-2026",
            "heartofgold!",
            "zaphod@heartofgold-muster",
        ] {
            let judged = Password::parse(easy.to_owned()).and_then(|password| password.about(&known));
            assert_eq!(judged.err(), Some(PasswordError::TooEasy), "{easy}");
        }
        for good in ["three pints of oil", "zaphod has three pints of oil"] {
            assert!(Password::parse(good.to_owned()).and_then(|password| password.about(&known)).is_ok(), "{good}");
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
