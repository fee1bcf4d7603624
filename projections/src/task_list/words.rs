//! Words that a title is looked through for, whatever their case and the marks on their letters.

use std::collections::BTreeSet;
use std::str::FromStr;

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use muster_domain::values::Invalid;
use serde::Serialize;

/// Words of a title. A title has them if each of them is in it, as a word or as a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TitleWords(BTreeSet<String>);

impl TitleWords {
    /// The most words.
    pub const MAX: usize = 10;
    /// The most characters of all of them, with what is between them: no title has more.
    pub const MAX_CHARACTERS: usize = 200;

    /// Each of them, folded.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether the title has them.
    pub(super) fn are_in(&self, title: &str) -> bool {
        let title = folded(title);
        self.iter().all(|word| title.contains(word))
    }
}

impl FromStr for TitleWords {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let actual = text.chars().count();
        if actual > Self::MAX_CHARACTERS {
            return Err(Invalid::TooLong { max: Self::MAX_CHARACTERS, actual });
        }
        match text.split_whitespace().count() {
            0 => Err(Invalid::Empty),
            1..=Self::MAX => Ok(Self(words(text).collect())),
            _ => Err(Invalid::Form("must have at most 10 words")),
        }
    }
}

/// A title as it is looked through: its words in the simplest letters, with one space between them.
pub(crate) fn folded(title: &str) -> String {
    words(title).collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(folded_word)
}

/// Apart into letters and marks (NFKD), without the marks, and small. Some marks that stand alone come apart into a space and a mark, and go
/// both. What has nothing but marks stays as it is.
fn folded_word(word: &str) -> String {
    let apart = DecomposingNormalizerBorrowed::new_nfkd().normalize(word);
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let letters = apart.chars().filter(|letter| classes.get_u8(*letter) == 0 && !letter.is_whitespace());
    // Through the large letters, so that ß is ss and ς is σ; and ẞ is a ß before that.
    let folded: String =
        letters.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    if folded.is_empty() { word.to_owned() } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_folded_whatever_its_case_its_marks_and_the_width_of_its_letters() {
        for (title, expected) in [
            ("Fix the lift", "fix the lift"),
            ("  CAFÉ:\u{a0}Türen ölen ", "cafe: turen olen"),
            ("Cafe\u{301}", "cafe"),
            ("Straße, STRAẞE", "strasse, strasse"),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("İstanbul ılık", "istanbul ilik"),
            ("Ｌｉｆｔ ﬁx ½", "lift fix 1\u{2044}2"),
            ("a\u{b4}b \u{301} \u{b4} c", "ab \u{301} \u{b4} c"),
            ("Лифт ёлка", "лифт елка"),
            ("電梯 🛗", "電梯 🛗"),
        ] {
            assert_eq!(folded(title), expected, "{title:?}");
            assert_eq!(folded(expected), expected, "folded once is folded");
        }
    }

    #[test]
    fn a_title_has_words_if_each_is_in_it_in_any_order() {
        let title = "Replace the Café's double door";
        for (text, has) in [
            ("door", true),
            ("DOOR cafe", true),
            ("caf\u{e9}", true),
            ("dou oor", true),
            ("door lift", false),
            ("doubledoor", false),
            ("\u{301}", false),
        ] {
            assert_eq!(text.parse::<TitleWords>().unwrap().are_in(title), has, "{text:?}");
        }
    }

    #[test]
    fn the_order_of_words_and_a_word_twice_ask_for_the_same() {
        let words = |text: &str| text.parse::<TitleWords>().unwrap();
        assert_eq!(words("lift  Door"), words("door LIFT dóor"));
        assert_ne!(words("lift door"), words("lift"));
    }

    #[test]
    fn there_are_one_to_ten_words_of_two_hundred_characters_together() {
        let parsed = |text: &str| text.parse::<TitleWords>().map(|_| ());
        assert_eq!(parsed(""), Err(Invalid::Empty));
        assert_eq!(parsed(" \t"), Err(Invalid::Empty));
        assert_eq!(parsed(&"ä".repeat(200)), Ok(()));
        assert_eq!(parsed(&"ä".repeat(201)), Err(Invalid::TooLong { max: 200, actual: 201 }));
        assert_eq!(parsed(&"a ".repeat(10)), Ok(()));
        assert_eq!(parsed(&"a ".repeat(11)), Err(Invalid::Form("must have at most 10 words")));
    }
}
