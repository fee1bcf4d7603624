//! A time of day where somebody lives.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveTime, TimeDelta, Timelike as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::{Invalid, openapi};

/// A time of day on somebody's own clock, to the minute, such as `22:30`. Only with their time zone and a day is it a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime {
    hour: u8,
    minute: u8,
}

/// What is said of text that is no time of day.
const FORM: Invalid = Invalid::Form("must be a time of day between 00:00 and 23:59, such as 07:30");
/// The same as a regular expression.
const PATTERN: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
/// What it is, for the schemas.
const MEANING: &str = "A time of day on the person's own clock: hours and minutes.";

impl LocalTime {
    /// When a day's work begins.
    pub const MORNING: Self = Self { hour: 8, minute: 0 };

    /// The minute in which this is.
    pub(crate) fn of(time: NaiveTime) -> Self {
        let part = |number: u32| u8::try_from(number).unwrap_or(0);
        Self { hour: part(time.hour()), minute: part(time.minute()) }
    }

    /// Its beginning.
    pub(crate) fn time(self) -> NaiveTime {
        NaiveTime::MIN + TimeDelta::minutes(i64::from(self.hour) * 60 + i64::from(self.minute))
    }
}

impl FromStr for LocalTime {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let two_digits = |digits: &str, max: u8| {
            // `parse` alone would take a sign, too.
            let number =
                (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse());
            number.and_then(Result::ok).filter(|number| *number <= max).ok_or(FORM)
        };
        let (hour, minute) = text.split_once(':').ok_or(FORM)?;
        Ok(Self { hour: two_digits(hour, 23)?, minute: two_digits(minute, 59)? })
    }
}

impl TryFrom<String> for LocalTime {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<LocalTime> for String {
    fn from(time: LocalTime) -> Self {
        time.to_string()
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

openapi!(
    LocalTime,
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(MEANING))
        .pattern(Some(PATTERN))
        .examples(["22:00"])
);

impl JsonSchema for LocalTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LocalTime".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": PATTERN, "description": MEANING })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_hours_and_minutes_in_two_digits_each() {
        for text in ["00:00", "08:05", "19:59", "23:59"] {
            assert_eq!(text.parse::<LocalTime>().map(String::from), Ok(text.to_owned()));
        }
        assert_eq!(LocalTime::MORNING.to_string(), "08:00");
        for text in [
            "",
            "8:00",
            "08:0",
            "24:00",
            "12:60",
            "12",
            "12:00:00",
            "+1:00",
            "1200",
            " 12:00",
            "12:00 ",
            "１２:００",
            "ab:cd",
        ] {
            assert_eq!(text.parse::<LocalTime>(), Err(FORM), "{text:?}");
        }
    }
}
