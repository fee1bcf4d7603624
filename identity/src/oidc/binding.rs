//! What ties a sign-in to whoever began it: a secret of their browser or app. Without it, somebody could have others finish a
//! sign-in that is not theirs, and they would work in a stranger's account without noticing.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{constant_time, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::keys::KeyError;

const BYTES: usize = 32;

/// The secret: 32 random bytes.
#[derive(Clone)]
pub struct Binding(Zeroizing<[u8; BYTES]>);

impl Binding {
    /// A new one.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(&mut *bytes).map_err(|_| KeyError::NotMade)?;
        Ok(Self(bytes))
    }

    /// One that was given out before, as it was written; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
        (length == BYTES).then_some(Self(bytes))
    }

    /// As it is given out: 43 characters.
    pub fn expose(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(*self.0)
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &*self.0))
    }

    /// Whether this is kept of it.
    pub(super) fn is_kept_as(&self, hash: &str) -> bool {
        constant_time::verify_slices_are_equal(self.hash().as_bytes(), hash.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_comes_back_as_it_was_given_out_and_nothing_else_is_one() {
        let (one, other) = (Binding::generate().unwrap(), Binding::generate().unwrap());
        let back = Binding::parse(&one.expose()).unwrap();
        assert!(back.is_kept_as(&one.hash()) && !other.is_kept_as(&one.hash()));
        assert_eq!(one.expose().len(), 43);
        assert_eq!(format!("{one:?}"), "Binding(..)");
        for none in ["", "short", &one.expose()[1..], &format!("{}A", one.expose()), &"!".repeat(43)] {
            assert!(Binding::parse(none).is_none(), "{none}");
        }
    }
}
