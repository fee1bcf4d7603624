//! DynamoDB's numbers: decimal, up to 38 significant digits.

use std::cmp::Ordering;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::refusal::VALIDATION;

/// The most significant digits of a number.
const DIGITS: u32 = 38;
/// One more than the power of ten of the greatest number.
const GREATEST: i32 = 126;
/// One more than the power of ten of the smallest number over zero.
const SMALLEST: i32 = -129;

/// A number: `sign` × 0.`digits` × 10^`exponent`. `digits` has 38 places and does not begin with 0, except for zero,
/// which is 0 in all three. So equal numbers have equal fields, whatever their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Number {
    sign: i8,
    exponent: i32,
    digits: u128,
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign.cmp(&other.sign).then_with(|| {
            let size = (self.exponent, self.digits).cmp(&(other.exponent, other.digits));
            if self.sign < 0 { size.reverse() } else { size }
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Number {
    /// Reads a number as it stands in a request.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let not_a_number =
            || format!("The parameter cannot be converted to a numeric value: {}", text.escape_default());
        let (sign, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (-1, rest),
            [b'+', rest @ ..] | rest => (1, rest),
        };
        let (mut digits, mut count, mut zeros, mut exponent) = (0_u128, 0_u32, 0_u32, 0_i32);
        let (mut after_point, mut any) = (false, false);
        let mut at = 0;
        while let Some(byte) = rest.get(at) {
            match byte {
                b'0' if count == 0 => {
                    any = true;
                    exponent -= i32::from(after_point);
                }
                b'0'..=b'9' => {
                    any = true;
                    exponent += i32::from(!after_point);
                    if *byte == b'0' {
                        zeros += 1;
                    } else {
                        count += zeros + 1;
                        if count > DIGITS {
                            return Err("Attempting to store more than 38 significant digits in a Number".to_owned());
                        }
                        digits = digits * 10_u128.pow(zeros + 1) + u128::from(byte - b'0');
                        zeros = 0;
                    }
                }
                b'.' if !after_point => after_point = true,
                b'e' | b'E' => break,
                _ => return Err(not_a_number()),
            }
            at += 1;
        }
        if !any {
            return Err(not_a_number());
        }
        if at < rest.len() {
            let power = std::str::from_utf8(&rest[at + 1..]).ok().and_then(|power| power.parse::<i32>().ok());
            exponent = exponent.saturating_add(power.ok_or_else(not_a_number)?);
        }
        if digits == 0 {
            return Ok(Self { sign: 0, exponent: 0, digits: 0 });
        }
        if exponent > GREATEST {
            let message = "Number overflow. Attempting to store a number with magnitude larger than supported range";
            return Err(message.to_owned());
        }
        if exponent < SMALLEST {
            let message = "Number underflow. Attempting to store a number with magnitude smaller than supported range";
            return Err(message.to_owned());
        }
        Ok(Self { sign, exponent, digits: digits * 10_u128.pow(DIGITS - count) })
    }

    /// Appends the number as DynamoDB writes it: without an exponent, without needless zeros.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if self.sign == 0 {
            out.push(b'0');
            return;
        }
        if self.sign < 0 {
            out.push(b'-');
        }
        let digits = self.digits.to_string();
        let digits = digits.trim_end_matches('0').as_bytes();
        match usize::try_from(self.exponent) {
            Ok(before) if before >= digits.len() => {
                out.extend_from_slice(digits);
                out.resize(out.len() + before - digits.len(), b'0');
            }
            Ok(before) if before > 0 => {
                out.extend_from_slice(&digits[..before]);
                out.push(b'.');
                out.extend_from_slice(&digits[before..]);
            }
            Ok(_) | Err(_) => {
                out.extend_from_slice(b"0.");
                out.resize(out.len() + usize::try_from(-self.exponent).unwrap_or_default(), b'0');
                out.extend_from_slice(digits);
            }
        }
    }

    /// What it counts for in an item's size, in bytes.
    pub(super) fn size(self) -> usize {
        let mut digits = self.digits;
        let mut count: usize = if digits == 0 { 0 } else { 38 };
        while count > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            count -= 1;
        }
        let before = usize::try_from(self.exponent).unwrap_or(0).min(count);
        before.div_ceil(2) + (count - before).div_ceil(2) + 1 + usize::from(self.sign < 0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number as a string")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                Number::parse(text).map_err(|message| E::custom(format_args!("{VALIDATION}{message}")))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        Number::parse(text).unwrap().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_number_is_written_in_one_way_whatever_it_was_written_as() {
        for (given, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            ("-1e3", "-1000"),
            ("1.25E-3", "0.00125"),
            ("100", "100"),
            ("0.1", "0.1"),
            ("20260102", "20260102"),
            ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ] {
            assert_eq!(written(given), expected, "{given}");
        }
    }

    #[test]
    fn numbers_sort_by_value() {
        let texts = ["-1e125", "-10", "-2", "-0.5", "0", "0.05", "0.5", "1", "1.5", "2", "10", "99", "100", "1e125"];
        let numbers: Vec<_> = texts.iter().map(|text| Number::parse(text).unwrap()).collect();

        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "one", "1e", "1e126", "1e-131", "123456789012345678901234567890123456789"] {
            assert!(Number::parse(text).is_err(), "{text}");
        }
    }
}
