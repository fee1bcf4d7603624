//! Value types: text that was checked once, where it came in, and is right ever after.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

/// Why a value was refused. The message is for the person who typed it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than it may be, counted in characters.
    #[error("must have at most {max} characters, and has {actual}")]
    TooLong {
        /// The bound.
        max: usize,
        /// What came.
        actual: usize,
    },
    /// A control character where text is expected.
    #[error("must not contain control characters")]
    Control,
    /// More elements than it may have.
    #[error("must have at most {max} entries, and has {actual}")]
    TooMany {
        /// The bound.
        max: usize,
        /// What came.
        actual: usize,
    },
    /// Not of the form that is expected.
    #[error("{0}")]
    Form(&'static str),
}

/// The schema of a value type in the OpenAPI document.
macro_rules! openapi {
    ($name:ident, $schema:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

/// Checked text: trimmed, bounded in characters, without control characters (but for line breaks and tabs where they
/// belong).
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, max = $max:literal, multiline = $multiline:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most characters that it may have.
            pub const MAX: usize = $max;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                checked(text, $max, $multiline).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": $max })
            }
        }

        openapi!($name, ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some($max)));
    };
}

fn checked(text: &str, max: usize, multiline: bool) -> Result<String, Invalid> {
    let text = text.trim();
    let allowed = |c: char| !c.is_control() || (multiline && matches!(c, '\n' | '\r' | '\t'));
    let actual = text.chars().count();
    if text.is_empty() {
        return Err(Invalid::Empty);
    }
    if actual > max {
        return Err(Invalid::TooLong { max, actual });
    }
    if !text.chars().all(allowed) {
        return Err(Invalid::Control);
    }
    Ok(text.to_owned())
}

text!(
    /// A task's title.
    Title, max = 200, multiline = false
);
text!(
    /// What a task is about, in Markdown.
    Description, max = 20_000, multiline = true
);
text!(
    /// Why something was done: a hold, a deletion.
    Reason, max = 500, multiline = true
);
text!(
    /// What somebody said on a task, in Markdown.
    CommentText, max = 10_000, multiline = true
);
text!(
    /// A word or two that group tasks.
    Label, max = 50, multiline = false
);
text!(
    /// A name in words: of a person, a team or a place.
    Name, max = 120, multiline = false
);
text!(
    /// A BCP 47 language tag, such as `en-GB`.
    Locale, max = 35, multiline = false
);
text!(
    /// A telephone number as its owner writes it.
    Phone, max = 32, multiline = false
);

/// A set of labels, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Label>", into = "Vec<Label>")]
pub struct Labels(BTreeSet<Label>);

impl Labels {
    /// The most labels that a task may have.
    pub const MAX: usize = 20;

    /// The labels, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Whether this label is among them.
    pub fn contains(&self, label: &Label) -> bool {
        self.0.contains(label)
    }
}

impl TryFrom<Vec<Label>> for Labels {
    type Error = Invalid;

    fn try_from(labels: Vec<Label>) -> Result<Self, Invalid> {
        let labels: BTreeSet<_> = labels.into_iter().collect();
        if labels.len() > Self::MAX {
            return Err(Invalid::TooMany { max: Self::MAX, actual: labels.len() });
        }
        Ok(Self(labels))
    }
}

impl From<Labels> for Vec<Label> {
    fn from(labels: Labels) -> Self {
        labels.0.into_iter().collect()
    }
}

openapi!(
    Labels,
    ArrayBuilder::new()
        .items(<Label as utoipa::PartialSchema>::schema())
        .max_items(Some(Labels::MAX))
        .unique_items(true)
);

impl JsonSchema for Labels {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Labels".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let label = generator.subschema_for::<Label>();
        schemars::json_schema!({ "type": "array", "items": label, "maxItems": Labels::MAX, "uniqueItems": true })
    }
}

/// Where a task is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The place in words: an address, a room.
    pub name: Name,
    /// Where it is on the globe, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// A point on the globe (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(try_from = "RawPosition")]
pub struct Position {
    /// Degrees north.
    #[schema(minimum = -90.0, maximum = 90.0)]
    latitude: f64,
    /// Degrees east.
    #[schema(minimum = -180.0, maximum = 180.0)]
    longitude: f64,
}

/// A position as it comes in, before its bounds are checked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Position")]
struct RawPosition {
    /// Degrees north.
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
}

impl Position {
    /// The point at these degrees north and east, kept to seven decimals (a centimetre).
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, Invalid> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(Invalid::Form("the latitude must be between -90 and 90 degrees"));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(Invalid::Form("the longitude must be between -180 and 180 degrees"));
        }
        // Adding zero turns -0.0, which has no canonical JSON of its own, into 0.
        let rounded = |degrees: f64| (degrees * 1e7).round() / 1e7 + 0.0;
        Ok(Self { latitude: rounded(latitude), longitude: rounded(longitude) })
    }

    /// Degrees north.
    pub const fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    pub const fn longitude(&self) -> f64 {
        self.longitude
    }
}

impl TryFrom<RawPosition> for Position {
    type Error = Invalid;
    fn try_from(raw: RawPosition) -> Result<Self, Invalid> {
        Self::new(raw.latitude, raw.longitude)
    }
}

/// An e-mail address. Compared and reserved in lower case, kept as its owner writes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// The most characters that an address may have (RFC 5321).
    pub const MAX: usize = 254;

    /// The address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key under which at most one account may hold this address.
    pub fn reservation_key(&self) -> String {
        format!("email#{}", self.0.to_lowercase())
    }
}

impl FromStr for Email {
    type Err = Invalid;

    /// Takes what mail servers take in practice: one @, something before it, a dotted name after it, no white space.
    /// Whether the address exists, only a mail to it can tell.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const FORM: Invalid = Invalid::Form("must be an e-mail address, such as ada@example.com");
        let text = checked(text, Self::MAX, false)?;
        let (local, domain) = text.rsplit_once('@').ok_or(FORM)?;
        let label = |part: &str| {
            !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let local_is_right = !local.is_empty()
            && local.chars().count() <= 64
            && !local.chars().any(|c| {
                c.is_whitespace() || matches!(c, '@' | '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | ']' | '\\')
            });
        if !local_is_right || !domain.contains('.') || !domain.split('.').all(label) {
            return Err(FORM);
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

openapi!(
    Email,
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(Email::MAX))
);

impl JsonSchema for Email {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Email".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "email", "maxLength": Email::MAX })
    }
}

/// A time zone of the IANA database, such as `Europe/Berlin`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(pub chrono_tz::Tz);

impl Default for TimeZone {
    fn default() -> Self {
        Self(chrono_tz::UTC)
    }
}

impl FromStr for TimeZone {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse()
            .map(Self)
            .map_err(|_| Invalid::Form("must be a time zone of the IANA database, such as Europe/Berlin"))
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

openapi!(
    TimeZone,
    ObjectBuilder::new().schema_type(Type::String).description(Some("A name of the IANA time zone database."))
);

impl JsonSchema for TimeZone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeZone".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "A name of the IANA time zone database." })
    }
}

/// A value before and after: events carry both, so that a log needs nothing but the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChangeOf{T}")]
pub struct Change<T> {
    /// Before.
    pub from: T,
    /// After.
    pub to: T,
}

impl<T: PartialEq + Clone> Change<T> {
    /// The change from one value to another; `None` when they are the same.
    pub fn between(from: &T, to: &T) -> Option<Self> {
        (from != to).then(|| Self { from: from.clone(), to: to.clone() })
    }

    /// The change that a request for a new value makes; `None` when it asks for nothing new.
    pub fn requested(from: &T, to: Option<&T>) -> Option<Self> {
        to.and_then(|to| Self::between(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_bounded_in_characters() {
        assert_eq!("  Fix the lift \n".parse::<Title>().map(String::from), Ok("Fix the lift".to_owned()));
        assert_eq!("é".repeat(200).parse::<Title>().map(|title| title.as_str().len()), Ok(400));
        assert_eq!("é".repeat(201).parse::<Title>(), Err(Invalid::TooLong { max: 200, actual: 201 }));
        assert_eq!(" \t ".parse::<Title>(), Err(Invalid::Empty));
        assert_eq!("a\u{7}b".parse::<Title>(), Err(Invalid::Control));
        assert_eq!("two\nlines".parse::<Title>(), Err(Invalid::Control));
        assert_eq!("two\nlines".parse::<Description>().map(String::from), Ok("two\nlines".to_owned()));
    }

    #[test]
    fn an_address_is_taken_when_mail_could_reach_it() {
        for good in ["ada@example.com", "a.b+c@sub.example.co.uk", "ü@exämple.de"] {
            assert_eq!(good.parse::<Email>().map(String::from), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "ada@-x.com",
            "a@b@c.com",
            "ada@example..com",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn one_address_has_one_reservation_whatever_its_case() {
        let [a, b] = ["Ada@Example.com", "ada@example.COM"].map(|text| text.parse::<Email>().unwrap());
        assert_eq!(a.reservation_key(), "email#ada@example.com");
        assert_eq!(a.reservation_key(), b.reservation_key());
    }

    #[test]
    fn a_position_lies_on_the_globe() {
        let position = Position::new(-0.000_000_001, 179.123_456_78).unwrap();
        assert_eq!(serde_json::to_string(&position).unwrap(), r#"{"latitude":0.0,"longitude":179.1234568}"#);
        assert!(serde_json::from_str::<Position>(r#"{"latitude":91,"longitude":0}"#).is_err());
        assert!(serde_json::from_str::<Position>(r#"{"latitude":0,"longitude":-180.5}"#).is_err());
    }

    #[test]
    fn labels_are_a_bounded_set() {
        let label = |n: usize| format!("label {n}").parse::<Label>().unwrap();
        let twice = Labels::try_from(vec![label(2), label(1), label(2)]).unwrap();
        assert_eq!(Vec::from(twice), vec![label(1), label(2)]);
        assert_eq!(
            Labels::try_from((0..21).map(label).collect::<Vec<_>>()),
            Err(Invalid::TooMany { max: 20, actual: 21 })
        );
    }
}
