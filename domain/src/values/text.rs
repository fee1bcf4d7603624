//! Text of several kinds.

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::{Invalid, language_tag, openapi};
use crate::personal::ERASED_NAME;

/// Checked text: trimmed, bounded in characters, without control characters (but for line breaks and tabs where they
/// belong), and of a form of its own where it has one. What comes in is asked for more than what is read again: events that are
/// there stay readable, whatever is refused later.
macro_rules! text {
    (
        $(#[doc = $description:literal])+
        $name:ident, max = $max:literal, multiline = $multiline:literal $(, form = $form:ident)?
    ) => {
        $(#[doc = $description])+
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
                let text = typed(text, $max, $multiline)?;
                $($form::check(&text)?;)?
                Ok(Self(text))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                kept(&text, $max, $multiline).map(Self)
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

        openapi!(
            $name,
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some(concat!($($description),+).trim()))
                .min_length(Some(1))
                .max_length(Some($max))
                .pattern(Some([$($form::PATTERN,)? if $multiline { LINES } else { LINE }][0]))
        );
    };
}

/// What `typed` takes of one line, as a regular expression for the OpenAPI document: something to see, no control characters, and
/// none of [`is_invisible`].
const LINE: &str = concat!(
    r"^\s*[^\s\x00-\x1f\x7f-\x9f\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]",
    r"[^\x00-\x1f\x7f-\x9f\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*\s*$",
);
/// Likewise of several lines.
const LINES: &str = r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

/// Text that somebody types.
pub(super) fn typed(text: &str, max: usize, multiline: bool) -> Result<String, Invalid> {
    let text = kept(text, max, multiline)?;
    if !multiline && text.chars().any(is_invisible) {
        return Err(Invalid::Invisible);
    }
    Ok(text)
}

/// What shows nothing, and makes one name look like another, or a line like what it is not: breaks of lines, embedded and overridden
/// directions, isolates, spaces without width. Joiners and marks of direction stay: scripts and emoji are written with them.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{180e}'
            | '\u{200b}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// Text that was taken once, perhaps when less was refused.
pub(super) fn kept(text: &str, max: usize, multiline: bool) -> Result<String, Invalid> {
    // Counted as it came: `maxLength` in the API's document knows of no trimming.
    let actual = text.chars().count();
    let text = text.trim();
    let allowed = |c: char| !c.is_control() || (multiline && matches!(c, '\n' | '\r' | '\t'));
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
    /// What something is called in another program.
    ExternalId, max = 200, multiline = false
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
    /// One thing to tick off on the way to a task's end.
    ChecklistText, max = 500, multiline = false
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
    Locale, max = 35, multiline = false, form = language_tag
);
text!(
    /// A telephone number as its owner writes it.
    Phone, max = 32, multiline = false
);

impl Label {
    /// The same with each letter in one with its marks (NFC), so that what looks alike is one label, whichever keyboard it was typed on.
    /// Labels in histories stay as they are.
    #[must_use]
    pub fn composed(self) -> Self {
        let composed: Result<Self, Invalid> = ComposingNormalizerBorrowed::new_nfc().normalize(&self.0).parse();
        // Some few letters come apart in it, and might be too many then.
        composed.unwrap_or(self)
    }
}

impl Name {
    /// What stands in the place of an erased person's name.
    pub fn erased() -> Self {
        Self(ERASED_NAME.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_same_whether_its_marks_come_apart_or_not() {
        let label = |text: &str| text.parse::<Label>().unwrap();
        assert_eq!(label("Cafe\u{301}").composed(), label("Caf\u{e9}"));
        assert_eq!(label("Caf\u{e9}").composed(), label("Caf\u{e9}"));
        assert_ne!(label("Cafe").composed(), label("Caf\u{e9}"));
        // A letter that is written as two in this form.
        let long = "\u{958}".repeat(50);
        assert_eq!(label(&long).composed(), label(&long));
    }

    #[test]
    fn text_is_trimmed_and_bounded_in_characters() {
        assert_eq!("  Fix the lift \n".parse::<Title>().map(String::from), Ok("Fix the lift".to_owned()));
        assert_eq!("é".repeat(200).parse::<Title>().map(|title| title.as_str().len()), Ok(400));
        assert_eq!("é".repeat(201).parse::<Title>(), Err(Invalid::TooLong { max: 200, actual: 201 }));
        assert_eq!(format!("a{}", " ".repeat(200)).parse::<Title>(), Err(Invalid::TooLong { max: 200, actual: 201 }));
        assert_eq!(" \t ".parse::<Title>(), Err(Invalid::Empty));
        assert_eq!("a\u{7}b".parse::<Title>(), Err(Invalid::Control));
        assert_eq!("two\nlines".parse::<Title>(), Err(Invalid::Control));
        assert_eq!("two\nlines".parse::<Description>().map(String::from), Ok("two\nlines".to_owned()));
    }

    #[test]
    fn a_line_that_looks_like_another_is_refused_and_scripts_are_not() {
        for spoof in ["ada\u{202e}nimda", "\u{2066}ada", "a\u{200b}da", "ada\u{2060}", "ada\u{feff}b", "a\u{2028}da"] {
            assert_eq!(spoof.parse::<Name>(), Err(Invalid::Invisible), "{spoof:?}");
            assert_eq!(spoof.parse::<Label>(), Err(Invalid::Invisible), "{spoof:?}");
        }
        for name in ["نیم\u{200c}فاصله", "👩\u{200d}🔧 Ada", "עדה\u{200f}"] {
            assert_eq!(name.parse::<Name>().map(String::from), Ok(name.to_owned()));
        }
        assert_eq!("a\u{202e}b".parse::<Description>().map(String::from), Ok("a\u{202e}b".to_owned()));
    }

    #[test]
    fn a_locale_has_the_form_of_a_language_tag() {
        assert_eq!(" en-GB ".parse::<Locale>().map(String::from), Ok("en-GB".to_owned()));
        let form = Invalid::Form("must be a language tag (BCP 47), such as en-GB");
        assert_eq!("xx-INVALID-locale-zzzzzzzzzzz".parse::<Locale>(), Err(form));
    }

    #[test]
    fn what_was_taken_before_more_was_refused_is_read_again() {
        let name: Name = serde_json::from_value("ada\u{202e}nimda".into()).unwrap();
        assert_eq!(name.as_str(), "ada\u{202e}nimda");
        let locale: Locale = serde_json::from_value("English (British)".into()).unwrap();
        assert_eq!(locale.as_str(), "English (British)");
        let refused = serde_json::from_value::<Name>("a\u{7}b".into()).unwrap_err();
        assert_eq!(refused.to_string(), Invalid::Control.to_string());
    }
}
