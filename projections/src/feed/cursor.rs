//! How far a reader of the feed has come: a position for each shard.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::order::SHARDS;
use crate::error::CursorError;

/// What a cursor begins with, so that another form can be told from this one.
const FORM: &str = "feed1";
/// The longest text of one: eight numbers of twenty digits, and what is between them, in base 64.
const MAX_TEXT: usize = 256;

/// How far a reader has come: the last position of each shard that it has read. Opaque to readers; not a secret and not a
/// right, as it gives a place in the feed and nothing that its holder may not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedCursor(pub(super) [u64; SHARDS]);

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positions = self.0.map(|position| position.to_string()).join(".");
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{FORM}.{positions}")))
    }
}

impl FromStr for FeedCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parse = || {
            let bytes = (text.len() <= MAX_TEXT).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
            let plain = String::from_utf8(bytes).ok()?;
            let positions = plain.strip_prefix(FORM)?.strip_prefix('.')?.split('.');
            let positions = positions.map(|digits| digits.parse().ok()).collect::<Option<Vec<u64>>>()?;
            Some(Self(positions.try_into().ok()?))
        };
        // Read back into the same text, or else one place had several names.
        parse().filter(|cursor| cursor.to_string() == text).ok_or(CursorError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        for cursor in
            [FeedCursor::default(), FeedCursor([1, 2, 3, 0, u64::MAX, 6, 7, 8]), FeedCursor([u64::MAX; SHARDS])]
        {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let texts =
            ["feed1.1.2.3.4.5.6.7", "feed2.1.2.3.4.5.6.7.8", "feed1.1.2.3.4.5.6.7.8.9", "feed1.01.2.3.4.5.6.7.8"];
        let encoded = texts.map(|text| URL_SAFE_NO_PAD.encode(text));
        let plain = ["", "feed1.0.0.0.0.0.0.0.0", "%%", &"A".repeat(10_000)];
        for text in encoded.iter().map(String::as_str).chain(plain) {
            assert_eq!(text.parse::<FeedCursor>(), Err(CursorError::Malformed), "{text}");
        }
    }
}
