//! How far a reader of the feed has come: a place in each shard.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::order::SHARDS;
use super::place::Place;
use crate::error::CursorError;

/// What a cursor begins with, so that another form can be told from this one.
const FORM: &str = "feed2.";
/// What one began with that had positions alone, by which no feed can be told from another.
const FORMER: &str = "feed1.";
/// The longest text of one: eight numbers of twenty digits, eight digests, and what is between them, in base 64.
const MAX_TEXT: usize = 412;

/// How far a reader has come: the last place of each shard that it has read. Opaque to readers; not a secret and not a
/// right, as it gives a place in the feed and nothing that its holder may not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedCursor(pub(super) [Place; SHARDS]);

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.0.map(|place| place.to_string()).join(".");
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{FORM}{places}")))
    }
}

impl FromStr for FeedCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let plain = || {
            let bytes = (text.len() <= MAX_TEXT).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
            String::from_utf8(bytes).ok()
        };
        let plain = plain().ok_or(CursorError::Malformed)?;
        if plain.starts_with(FORMER) {
            return Err(CursorError::OtherFeed);
        }
        let places = plain.strip_prefix(FORM).ok_or(CursorError::Malformed)?.split('.');
        let places = places.map(str::parse).collect::<Result<Vec<Place>, _>>()?;
        let cursor = Self(places.try_into().map_err(|_| CursorError::Malformed)?);
        // Read back into the same text, or else one place had several names.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Place = Place { position: u64::MAX, digest: u64::MAX };

    fn cursor() -> FeedCursor {
        let mut cursor = FeedCursor::default();
        for (number, place) in (0..).zip(&mut cursor.0) {
            *place = Place { position: number, digest: number * 0x1111 };
        }
        cursor
    }

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        for cursor in [FeedCursor::default(), cursor(), FeedCursor([LAST; SHARDS])] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        assert_eq!(FeedCursor([LAST; SHARDS]).to_string().len(), MAX_TEXT);
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let right = cursor().0.map(|place| place.to_string());
        let with = |last: &str| format!("{FORM}{}.{last}", right[..SHARDS - 1].join("."));
        let texts = [
            format!("{FORM}{}", right[..SHARDS - 1].join(".")),
            format!("{FORM}{}.1-0000000000000001", right.join(".")),
            format!("feed3.{}", right.join(".")),
            with("07-0000000000007777"),
            with("7-000000000007777"),
            with("7-000000000000777A"),
            with("0-0000000000007777"),
            with("7"),
            with(""),
        ];
        let encoded = texts.map(|text| URL_SAFE_NO_PAD.encode(text));
        let plain = ["", "feed2.0.0.0.0.0.0.0.0", "%%", &"A".repeat(10_000)];
        for text in encoded.iter().map(String::as_str).chain(plain) {
            assert_eq!(text.parse::<FeedCursor>(), Err(CursorError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_cursor_that_is_cut_off_anywhere_is_refused() {
        let text = cursor().to_string();
        for length in 0..text.len() {
            assert_eq!(text[..length].parse::<FeedCursor>(), Err(CursorError::Malformed), "{length}");
        }
    }

    #[test]
    fn a_cursor_of_positions_alone_is_of_no_feed_that_could_be_told() {
        let former = URL_SAFE_NO_PAD.encode("feed1.1.2.3.4.5.6.7.8");
        assert_eq!(former.parse::<FeedCursor>(), Err(CursorError::OtherFeed));
    }
}
