//! Recovery codes: ten, each good once, for whoever has lost the app.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use muster_domain::ids::UserId;
use zeroize::Zeroizing;

use crate::keys::KeyError;
use crate::secrets::ServerSecret;

/// How many are made.
const COUNT: usize = 10;
/// Characters of a code, of 5 bits each.
const CHARACTERS: usize = 16;
/// Without those that are taken for one another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A code as its owner notes it down. A secret: `Debug` does not show it.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// Four groups of four characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

/// Makes and hashes them. A keyed hash is enough: nobody guesses 80 random bits, and the table alone says nothing.
#[derive(Clone, Debug)]
pub(super) struct RecoveryCodes {
    key: hmac::Key,
}

impl RecoveryCodes {
    pub(super) fn new(secret: &ServerSecret) -> Self {
        Self { key: secret.hmac_key("muster recovery code v1") }
    }

    /// New codes, and their hashes to be kept.
    pub(super) fn make(&self, user: UserId) -> Result<(Vec<RecoveryCode>, Vec<String>), KeyError> {
        let mut made = (Vec::with_capacity(COUNT), Vec::with_capacity(COUNT));
        for _ in 0..COUNT {
            let mut bytes = Zeroizing::new([0; CHARACTERS]);
            rand::fill(&mut *bytes).map_err(|_| KeyError::NotMade)?;
            let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            made.1.push(self.keyed(user, &letters));
            let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
            made.0.push(RecoveryCode(Zeroizing::new(groups.join("-"))));
        }
        Ok(made)
    }

    /// The hash of what somebody typed, in any case and with or without dashes and blanks; `None` if it is no such code.
    pub(super) fn hash(&self, user: UserId, typed: &str) -> Option<String> {
        if typed.len() > 4 * CHARACTERS {
            return None;
        }
        // A word processor makes other dashes of those that are typed.
        let is_between = |letter: char| letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}');
        let letters = typed.chars().filter(|letter| !is_between(*letter)).map(|letter| letter.to_ascii_uppercase());
        let letters: Vec<char> = letters.collect();
        Some(self.keyed(user, letters.as_array::<CHARACTERS>()?))
    }

    fn keyed(&self, user: UserId, letters: &[char; CHARACTERS]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(user.0.as_bytes());
        let mut utf8 = [0; 4];
        for letter in letters {
            context.update(letter.encode_utf8(&mut utf8).as_bytes());
        }
        BASE64_URL_SAFE_NO_PAD.encode(context.sign())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(1));

    #[test]
    fn ten_codes_are_made_and_each_is_found_again_however_it_is_typed() {
        let codes = RecoveryCodes::new(&ServerSecret::from_bytes([7; 32]));
        let (made, hashes) = codes.make(USER).expect("codes");
        assert_eq!((made.len(), hashes.len()), (10, 10));
        for (code, hash) in made.iter().zip(&hashes) {
            assert_eq!(code.as_str().len(), 19, "four groups of four");
            for between in ["-", " ", "", "\u{2013}", "\u{a0}", " - "] {
                let typed = code.as_str().replace('-', between);
                assert_eq!(codes.hash(USER, &typed).as_ref(), Some(hash), "{typed}");
                assert_eq!(codes.hash(USER, &format!(" {}\n", typed.to_lowercase())).as_ref(), Some(hash), "{typed}");
            }
            assert_ne!(codes.hash(UserId(Uuid::from_u128(2)), code.as_str()).as_ref(), Some(hash), "another's");
        }
        assert_eq!(codes.hash(USER, "ABCD"), None);
        assert_eq!(codes.hash(USER, &"A".repeat(10_000)), None);
        assert_eq!(format!("{:?}", made[0]), "RecoveryCode(..)");
    }
}
