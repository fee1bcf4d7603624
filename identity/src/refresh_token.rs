//! Refresh tokens: a session family, a generation, and a seal that only this server can make.
//!
//! Nothing of a token is stored. A generation's token is a function of the family, the number and the server's secret,
//! so that whoever repeats a refresh after a lost response is answered with the very same successor.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::secrets::ServerSecret;
use crate::sessions::SessionId;

/// The first byte, so that another shape can follow.
const SHAPE: u8 = 1;
const FAMILY: usize = 16;
const GENERATION: usize = 8;
const SEAL: usize = 32;
const BODY: usize = 1 + FAMILY + GENERATION;

/// Makes and opens refresh tokens.
#[derive(Clone, Debug)]
pub(crate) struct RefreshTokens {
    key: hmac::Key,
}

impl RefreshTokens {
    pub(crate) fn new(secret: &ServerSecret) -> Self {
        Self { key: secret.hmac_key("muster refresh token v1") }
    }

    /// The token of a generation: always the same text, 76 characters.
    pub(crate) fn token(&self, family: SessionId, generation: u64) -> String {
        let mut bytes = Vec::with_capacity(BODY + SEAL);
        bytes.push(SHAPE);
        bytes.extend_from_slice(family.0.as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        let seal = hmac::sign(&self.key, &bytes);
        bytes.extend_from_slice(seal.as_ref());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token names; `None` unless this server sealed it. The comparison takes the same time wherever it differs.
    pub(crate) fn open(&self, token: &str) -> Option<(SessionId, u64)> {
        if token.len() > 2 * (BODY + SEAL) {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, seal) = bytes.split_at_checked(BODY)?;
        hmac::verify(&self.key, body, seal).ok()?;
        let (&[shape], rest) = body.split_first_chunk::<1>()?;
        let (family, rest) = rest.split_first_chunk::<FAMILY>()?;
        let generation = rest.first_chunk::<GENERATION>()?;
        (shape == SHAPE).then(|| (SessionId(Uuid::from_bytes(*family)), u64::from_be_bytes(*generation)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_has_one_token_and_it_opens() {
        let tokens = RefreshTokens::new(&ServerSecret::from_bytes([7; 32]));
        let family = SessionId(Uuid::from_u128(42));
        let token = tokens.token(family, 3);
        assert_eq!(token, tokens.token(family, 3));
        assert_eq!(tokens.open(&token), Some((family, 3)));
        assert_ne!(token, tokens.token(family, 4));
        assert_ne!(token, tokens.token(SessionId(Uuid::from_u128(43)), 3));
    }

    #[test]
    fn each_changed_character_breaks_the_seal() {
        let tokens = RefreshTokens::new(&ServerSecret::from_bytes([7; 32]));
        let token = tokens.token(SessionId(Uuid::from_u128(42)), 3);
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("text");
            assert_eq!(tokens.open(&forged), None, "changed at {at}");
        }
    }

    #[test]
    fn another_server_text_and_nothing_do_not_open() {
        let tokens = RefreshTokens::new(&ServerSecret::from_bytes([7; 32]));
        let other = RefreshTokens::new(&ServerSecret::from_bytes([8; 32]));
        assert_eq!(tokens.open(&other.token(SessionId(Uuid::from_u128(42)), 3)), None);
        let long = "A".repeat(100_000);
        for text in ["", "x", "not base64!", "AQ", long.as_str()] {
            assert_eq!(tokens.open(text), None);
        }
        let token = tokens.token(SessionId(Uuid::from_u128(42)), 3);
        assert_eq!(tokens.open(&token[..token.len() - 4]), None, "a shortened seal");
        assert_eq!(tokens.open(&format!("{token}AAAA")), None, "a lengthened one");
    }
}
