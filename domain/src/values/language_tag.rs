//! The form of language tags (RFC 5646, 2.1), whether or not anybody speaks what they say.

use std::iter::Peekable;
use std::ops::RangeInclusive;

use super::Invalid;

/// The same as a regular expression for the OpenAPI document.
pub(super) const PATTERN: &str = concat!(
    r"^\s*([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})",
    r"(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*",
    r"(-[0-9A-WY-Za-wy-z](-[A-Za-z0-9]{2,8})+)*(-[Xx](-[A-Za-z0-9]{1,8})+)?\s*$",
);

/// Takes what begins with a language. The few old tags of another form, such as `i-klingon`, and those that only their users
/// understand (`x-…`) say nothing to a program that formats for somebody.
pub(super) fn check(text: &str) -> Result<(), Invalid> {
    if is_tag(text) { Ok(()) } else { Err(Invalid::Form("must be a language tag (BCP 47), such as en-GB")) }
}

fn is_tag(text: &str) -> bool {
    let mut subtags = text.split('-').peekable();
    let language = subtags.next_if(|subtag| letters(subtag, 2..=8));
    if language.is_some_and(|language| language.len() <= 3) {
        for _ in 0..3 {
            subtags.next_if(|subtag| letters(subtag, 3..=3));
        }
    }
    subtags.next_if(|script| letters(script, 4..=4));
    subtags.next_if(|region| letters(region, 2..=2) || (region.len() == 3 && digits(region)));
    while subtags.next_if(|variant| is_variant(variant)).is_some() {}
    let is_private = |subtag: &str| subtag.eq_ignore_ascii_case("x");
    let is_extension = |subtag: &str| alphanumeric(subtag, 1..=1) && !is_private(subtag);
    while subtags.next_if(|subtag| is_extension(subtag)).is_some() {
        if !some(&mut subtags, 2..=8) {
            return false;
        }
    }
    if subtags.next_if(|subtag| is_private(subtag)).is_some() && !some(&mut subtags, 1..=8) {
        return false;
    }
    language.is_some() && subtags.next().is_none()
}

/// Whether there are subtags of these lengths; they are taken.
fn some<'a>(subtags: &mut Peekable<impl Iterator<Item = &'a str>>, length: RangeInclusive<usize>) -> bool {
    let mut found = false;
    while subtags.next_if(|subtag| alphanumeric(subtag, length.clone())).is_some() {
        found = true;
    }
    found
}

fn is_variant(subtag: &str) -> bool {
    alphanumeric(subtag, 5..=8) || (alphanumeric(subtag, 4..=4) && subtag.starts_with(|c: char| c.is_ascii_digit()))
}

fn letters(subtag: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn digits(subtag: &str) -> bool {
    subtag.bytes().all(|byte| byte.is_ascii_digit())
}

fn alphanumeric(subtag: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_a_language_and_what_may_follow_it_in_its_order() {
        for tag in [
            "en",
            "en-GB",
            "EN-gb",
            "es-419",
            "zh-Hant-TW",
            "zh-cmn-Hans-CN",
            "sl-rozaj-biske",
            "de-CH-1996",
            "hy-Latn-IT-arevela",
            "de-DE-u-co-phonebk",
            "en-a-bbb-x-a-ccc",
            "qaa-Qaaa-QM-x-southern",
        ] {
            assert_eq!(check(tag), Ok(()), "{tag}");
        }
    }

    #[test]
    fn what_has_another_form_is_no_tag() {
        for text in [
            "xx-INVALID-locale-zzzzzzzzzzz",
            "e",
            "english-language-of-many-words",
            "en_GB",
            "en-",
            "-en",
            "en--GB",
            "en-GB-US",
            "de-419-DE",
            "en-u",
            "en-x",
            "en-u-x-a",
            "x-secret",
            "i-klingon",
            "dë",
            "12",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
