//! E-mail addresses.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::text::checked;
use super::{Invalid, openapi};
use crate::personal::ERASED_EMAIL;

/// An e-mail address. Compared and reserved in lower case, kept as its owner writes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// What is said of text that is not an address.
const FORM: Invalid = Invalid::Form("must be an e-mail address, such as ada@example.com");

impl Email {
    /// The most characters that an address may have (RFC 5321).
    pub const MAX: usize = 254;

    /// The address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands in the place of an erased address.
    pub fn erased() -> Self {
        Self(ERASED_EMAIL.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_when_mail_could_reach_it() {
        for good in ["ada@example.com", "a.b+c@sub.example.co.uk", "ü@exämple.de"] {
            assert_eq!(good.parse::<Email>().map(String::from), Ok(good.to_owned()));
        }
        assert_eq!("".parse::<Email>(), Err(Invalid::Empty));
        for bad in [
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "ada@-x.com",
            "a@b@c.com",
            "ada@example..com",
        ] {
            assert_eq!(bad.parse::<Email>(), Err(FORM), "{bad:?}");
        }
    }

    #[test]
    fn one_address_has_one_reservation_whatever_its_case() {
        let [a, b] = ["Ada@Example.com", "ada@example.COM"].map(|text| text.parse::<Email>().unwrap());
        assert_eq!(a.reservation_key(), "email#ada@example.com");
        assert_eq!(a.reservation_key(), b.reservation_key());
    }
}
