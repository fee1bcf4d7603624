//! The text of an API token: whose it is, which one, 256 random bits, and a checksum.
//!
//! `muster_pat_` and 93 letters and digits. The prefix lets whoever scans texts for secrets find it, and the checksum tells
//! it from what only looks like one: a typing error is refused without asking the store.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use muster_domain::ids::UserId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::ApiTokenId;
use crate::verified::TokenHash;

/// What every API token begins with, and nothing else that is a bearer token here.
pub(crate) const PREFIX: &str = "muster_pat_";
/// Letters and digits: a double click takes all of it, and no editor breaks it.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62 ^ 22 is more than 2 ^ 128.
const ID: usize = 22;
/// 62 ^ 43 is more than 2 ^ 256.
const SECRET: usize = 43;
/// 62 ^ 6 is more than 2 ^ 32.
const CHECKSUM: usize = 6;

/// A new API token. It is a secret: `Debug` does not show it, and memory is wiped of it.
pub struct ApiTokenText(Zeroizing<String>);

impl ApiTokenText {
    pub(super) fn generate(user: UserId, id: ApiTokenId) -> Result<Self, Unspecified> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * ID + SECRET + CHECKSUM));
        text.push_str(PREFIX);
        text.push_str(&digits::<ID>(user.0.as_u128()));
        text.push_str(&digits::<ID>(id.0.as_u128()));
        push_random(&mut text)?;
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(text))
    }

    /// The text, to be shown once.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiTokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiTokenText(..)")
    }
}

/// An API token that somebody sent and that looks like one. Whether there is such a token only the store knows.
#[derive(Clone, Copy)]
pub struct PresentedApiToken {
    /// Whose it says it is.
    pub user_id: UserId,
    /// Which it says it is.
    pub id: ApiTokenId,
    pub(crate) hash: TokenHash,
}

impl PresentedApiToken {
    /// The token in this text, if it has the shape of one and its checksum is right.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        if body.len() != 2 * ID + SECRET + CHECKSUM || !body.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return None;
        }
        let (rest, sum) = text.split_at(text.len() - CHECKSUM);
        if checksum(rest) != sum {
            return None;
        }
        let (user, body) = body.split_at(ID);
        Some(Self {
            user_id: UserId(Uuid::from_u128(number(user)?)),
            id: ApiTokenId(Uuid::from_u128(number(&body[..ID])?)),
            hash: TokenHash::of(text),
        })
    }
}

impl fmt::Debug for PresentedApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedApiToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Random characters, each as likely as any other: of the 64 values of six bits, two are thrown away.
fn push_random(text: &mut String) -> Result<(), Unspecified> {
    let (mut bytes, mut left) = (Zeroizing::new([0; 64]), SECRET);
    while left > 0 {
        rand::fill(&mut *bytes)?;
        let characters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 0x3f)));
        for character in characters.take(left) {
            text.push(char::from(*character));
            left -= 1;
        }
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    digits::<CHECKSUM>(crc32fast::hash(text.as_bytes()).into())
}

/// The number in base 62, as so many digits: there are enough for each number that comes here.
fn digits<const N: usize>(mut number: u128) -> String {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        let place = usize::try_from(number % 62).unwrap_or_default();
        *digit = ALPHABET[place];
        number /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// The number that these digits are, if it has 128 bits.
fn number(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |number, digit| {
        let place = ALPHABET.iter().position(|known| *known == digit)?;
        number.checked_mul(62)?.checked_add(u128::try_from(place).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(u128::MAX));
    const ID_ONE: ApiTokenId = ApiTokenId(Uuid::from_u128(1));

    fn token() -> String {
        ApiTokenText::generate(USER, ID_ONE).expect("a token").as_str().to_owned()
    }

    /// The same text with the checksum that belongs to it.
    fn sealed(rest: &str) -> String {
        format!("{rest}{}", checksum(rest))
    }

    #[test]
    fn a_token_says_whose_it_is_and_which() {
        let token = token();
        assert_eq!(token.len(), 104);
        let read = PresentedApiToken::parse(&token).expect("a token");
        assert_eq!((read.user_id, read.id), (USER, ID_ONE));
        assert_eq!(read.hash, TokenHash::of(&token));
    }

    #[test]
    fn no_two_tokens_are_alike_and_each_character_of_the_alphabet_comes_up() {
        let secret = |token: &str| token[PREFIX.len() + 2 * ID..][..SECRET].to_owned();
        let secrets: Vec<String> = (0..200).map(|_| secret(&token())).collect();
        let different: std::collections::BTreeSet<_> = secrets.iter().collect();
        assert_eq!(different.len(), secrets.len());
        let seen: std::collections::BTreeSet<u8> = secrets.iter().flat_map(|secret| secret.bytes()).collect();
        assert_eq!(seen.len(), ALPHABET.len());
    }

    #[test]
    fn each_changed_missing_or_added_character_breaks_the_checksum() {
        let token = token();
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'x' { "y" } else { "x" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(PresentedApiToken::parse(&changed).is_none(), "{at}");
            let missing = format!("{}{}", &token[..at], &token[at + 1..]);
            assert!(PresentedApiToken::parse(&missing).is_none(), "{at}");
            assert!(PresentedApiToken::parse(&token[..at]).is_none(), "{at}");
        }
        assert!(PresentedApiToken::parse(&format!("{token}0")).is_none());
    }

    #[test]
    fn what_has_a_right_checksum_and_another_shape_is_no_token() {
        let token = token();
        let rest = &token[..token.len() - CHECKSUM];
        assert!(PresentedApiToken::parse(&sealed(rest)).is_some());
        for wrong in [
            format!("{rest}0"),
            rest[..rest.len() - 1].to_owned(),
            rest.replace(PREFIX, "muster_PAT_"),
            rest.replace(PREFIX, ""),
            format!("{PREFIX}{}", "-".repeat(2 * ID + SECRET)),
            // An id of more than 128 bits.
            format!("{PREFIX}{}", "z".repeat(2 * ID + SECRET)),
        ] {
            assert!(PresentedApiToken::parse(&sealed(&wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let token = ApiTokenText::generate(USER, ID_ONE).expect("a token");
        assert_eq!(format!("{token:?}"), "ApiTokenText(..)");
        let read = PresentedApiToken::parse(token.as_str()).expect("a token");
        assert_eq!(format!("{read:?}"), format!("PresentedApiToken {{ id: {ID_ONE:?}, .. }}"));
    }
}
