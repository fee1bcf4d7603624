//! E-mail addresses.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::text::{kept, typed};
use super::{Invalid, openapi};
use crate::personal::ERASED_EMAIL;

/// An e-mail address. Compared and reserved in lower case and with its domain in one form, kept as its owner writes it.
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

    /// The key under which at most one account may hold this address: in lower case, and with the domain as people read it, since
    /// `xn--bcher-kva.example` and `bücher.example` are one.
    pub fn reservation_key(&self) -> String {
        let address = self.0.to_lowercase();
        let readable = address.rsplit_once('@').and_then(|(local, domain)| {
            let (domain, sound) = idna::domain_to_unicode(domain);
            sound.is_ok().then(|| format!("{local}@{domain}"))
        });
        // What is no domain stays as it is: no mail gets there.
        format!("email#{}", readable.unwrap_or(address))
    }

    fn checked(text: String) -> Result<Self, Invalid> {
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

impl FromStr for Email {
    type Err = Invalid;

    /// Takes what mail servers take in practice: one @, something before it, a dotted name after it, no white space.
    /// Whether the address exists, only a mail to it can tell.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::checked(typed(text, Self::MAX, false)?)
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::checked(kept(&text, Self::MAX, false)?)
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
        assert_eq!("a\u{202e}da@example.com".parse::<Email>(), Err(Invalid::Invisible));
    }

    #[test]
    fn one_address_has_one_reservation_whatever_its_case() {
        let [a, b] = ["Ada@Example.com", "ada@example.COM"].map(|text| text.parse::<Email>().unwrap());
        assert_eq!(a.reservation_key(), "email#ada@example.com");
        assert_eq!(a.reservation_key(), b.reservation_key());
    }

    #[test]
    fn one_mailbox_has_one_reservation_however_its_domain_is_written() {
        for text in ["a@bücher.example", "A@BÜCHER.example", "a@xn--bcher-kva.example", "a@XN--BCHER-KVA.Example"] {
            let email = text.parse::<Email>().unwrap();
            assert_eq!(email.reservation_key(), "email#a@bücher.example", "{text}");
            assert_eq!(email.as_str(), text, "kept as it was written");
        }
        let none = "a@xn--a.example".parse::<Email>().unwrap();
        assert_eq!(none.reservation_key(), "email#a@xn--a.example", "what is no domain stays as it is");
    }
}
