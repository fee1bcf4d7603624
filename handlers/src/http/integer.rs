//! Whole numbers as JSON Schema has them: `7` and `7.0` are the same number.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::etag::MAX_VERSION;

/// A whole number in a body, up to the greatest that every reader of JSON can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whole(u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from 0 to {MAX_VERSION}")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
                if number <= MAX_VERSION {
                    return Ok(number);
                }
                Err(E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
                let whole = u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
                self.visit_u64(whole)
            }

            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "up to 2⁵³ a number without a fraction is the same as a whole number"
            )]
            fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
                if number.fract() == 0.0 && (0.0..=MAX_VERSION as f64).contains(&number) {
                    return Ok(number as u64);
                }
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }

        deserializer.deserialize_any(Reader).map(Self)
    }
}

/// A version in a body: from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Version(pub(crate) u64);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Whole::deserialize(deserializer)? {
            Whole(0) => Err(D::Error::invalid_value(Unexpected::Unsigned(0), &"a version, which is at least 1")),
            Whole(version) => Ok(Self(version)),
        }
    }
}

/// A number of things in a body, or null.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(Whole(number)) = Option::deserialize(deserializer)? else { return Ok(None) };
    let small = u32::try_from(number);
    small.map(Some).map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(number), &"a number below 4294967296"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<u64> {
        serde_json::from_str(text).ok().map(|Version(version)| version)
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, number) in [("1", 1), ("7.0", 7), ("7e0", 7), ("70e-1", 7), ("9007199254740991", MAX_VERSION)] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        assert_eq!(read("9007199254740991.0"), Some(MAX_VERSION));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["0", "-1", "0.0", "7.5", "9007199254740992", "9007199254740992.0", "1e300", "\"7\"", "true", "[7]"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_of_things_is_small_or_nothing() {
        let read = |text: &str| optional(&mut serde_json::Deserializer::from_str(text)).ok();
        for (text, number) in [("null", None), ("0", Some(0)), ("31.0", Some(31)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        for text in ["-1", "1.5", "4294967296", "\"7\"", "[]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
