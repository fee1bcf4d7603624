//! Whole numbers as JSON Schema has them: `7` and `7.0` are the same number.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::etag::MAX_VERSION;

/// A version in a body: from 1 to the greatest number that every reader of JSON can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Version(pub(crate) u64);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = u64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a whole number from 1 to {MAX_VERSION}")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
                if (1..=MAX_VERSION).contains(&number) {
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
                if number.fract() == 0.0 && (1.0..=MAX_VERSION as f64).contains(&number) {
                    return Ok(number as u64);
                }
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }

        deserializer.deserialize_any(Whole).map(Self)
    }
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
}
