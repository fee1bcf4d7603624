//! A table of separated values as people's programs write it (RFC 4180, and what is around): which encoding, which delimiter, and on
//! which line each row begins.

use std::iter::Peekable;
use std::str::Chars;

/// The most values of a row.
const MAX_COLUMNS: usize = 200;

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line on which it begins; the first is 1. A quoted field may hold line breaks.
    pub(super) line: u32,
    /// Its fields.
    pub(super) fields: Vec<String>,
}

/// Why a text is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A quoted field does not end.
    #[error("the quoted field that begins on line {line} does not end")]
    Unclosed {
        /// Where it begins.
        line: u32,
    },
    /// Something follows the closing quote of a field.
    #[error(
        "line {line}: after a closing quote comes a delimiter or the end of the line; a quote in a quoted field is written twice"
    )]
    AfterQuote {
        /// Where.
        line: u32,
    },
    /// A row has more values than any that Muster reads.
    #[error("line {line}: a row has at most {MAX_COLUMNS} values")]
    TooManyValues {
        /// Where it begins.
        line: u32,
    },
}

/// The encodings that programs export in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, least significant byte first, with a byte order mark.
    Utf16le,
    /// UTF-16, most significant byte first, with a byte order mark.
    Utf16be,
    /// Windows-1252: what older programs of western Europe write.
    Windows1252,
}

/// What the bytes 0x80 to 0x9F are in Windows-1252; those it does not define are control characters.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text in these bytes: by its byte order mark, else UTF-8, else Windows-1252, in which every text is possible.
pub(super) fn decoded(bytes: &[u8]) -> (String, Encoding) {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| pair.try_into().map_or(0xFFFD, unit));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (String::from_utf8_lossy(rest).into_owned(), Encoding::Utf8),
        [0xFF, 0xFE, rest @ ..] => (utf16(rest, u16::from_le_bytes), Encoding::Utf16le),
        [0xFE, 0xFF, rest @ ..] => (utf16(rest, u16::from_be_bytes), Encoding::Utf16be),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), Encoding::Utf8),
            Err(_) => (bytes.iter().map(|byte| windows_1252(*byte)).collect(), Encoding::Windows1252),
        },
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9F => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// The delimiters that are looked for, the likeliest first.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A table, before it is cut into rows.
pub(super) struct Sheet<'a> {
    text: &'a str,
    /// The line on which its first row begins.
    line: u32,
    /// What separates its values.
    pub(super) delimiter: char,
}

impl<'a> Sheet<'a> {
    /// The table in this text. Its values are separated as the caller says, else as its first line says, else as it looks.
    pub(super) fn of(text: &'a str, said: Option<char>) -> Self {
        let (by_itself, text, line) = match separator(text) {
            Some((separator, rest)) => (Some(separator), rest, 2),
            None => (None, text, 1),
        };
        Self { text, line, delimiter: said.or(by_itself).unwrap_or_else(|| delimiter(text)) }
    }

    /// Its rows.
    pub(super) fn rows(&self) -> Rows<'a> {
        Rows { characters: self.text.chars().peekable(), line: self.line, delimiter: self.delimiter }
    }
}

/// The text of a table without the line in which it says what separates its values.
pub(super) fn body(text: &str) -> &str {
    separator(text).map_or(text, |(_, rest)| rest)
}

/// What the first line says that Excel reads and writes, `sep=;`, and what follows that line.
fn separator(text: &str) -> Option<(char, &str)> {
    let (word, rest) = text.split_at_checked("sep=".len()).filter(|(word, _)| word.eq_ignore_ascii_case("sep="))?;
    let separator = rest.chars().next().filter(|separator| !matches!(separator, '"' | '\r' | '\n'))?;
    let rest = text.get(word.len() + separator.len_utf8()..)?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n']))?;
    Some((separator, rest))
}

/// So many rows tell the delimiter.
const SAMPLE: usize = 50;
/// And so many bytes, however long the rows are.
const SAMPLE_BYTES: usize = 64 * 1024;

/// The delimiter of a table: the one that cuts its first rows into the same number of fields, and the more of them the better.
fn delimiter(text: &str) -> char {
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    let fit = |delimiter: char| {
        let mut fields = Vec::with_capacity(SAMPLE);
        for row in (Rows { characters: sample.chars().peekable(), line: 1, delimiter }).take(SAMPLE) {
            match row {
                Ok(row) => fields.push(row.fields.len()),
                // The sample ends within a field; the text need not.
                Err(TableError::Unclosed { .. }) if sample.len() < text.len() => break,
                // What is broken with this delimiter may be whole with another.
                Err(_) => return None,
            }
        }
        let first = *fields.first()?;
        let alike = fields.iter().filter(|fields| **fields == first).count();
        (first > 1).then_some((alike * 1000 / fields.len(), first))
    };
    let fits = DELIMITERS.iter().filter_map(|delimiter| Some((fit(*delimiter)?, *delimiter)));
    // `max_by_key` gives the last of those that are alike.
    fits.rev().max_by_key(|(fit, _)| *fit).map_or(DELIMITERS[0], |(_, delimiter)| delimiter)
}

/// The rows of a table, one by one, to the first that is none; lines without anything are passed over.
pub(super) struct Rows<'a> {
    characters: Peekable<Chars<'a>>,
    line: u32,
    delimiter: char,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.characters.peek()?;
            let line = self.line;
            match self.row() {
                Ok(fields) if fields.iter().all(|field| field.trim().is_empty()) => {}
                read => return Some(read.map(|fields| Row { line, fields })),
            }
        }
    }
}

/// What ended a field.
#[derive(PartialEq, Eq)]
enum End {
    Field,
    Row,
}

impl Rows<'_> {
    fn row(&mut self) -> Result<Vec<String>, TableError> {
        let line = self.line;
        let mut fields = Vec::new();
        loop {
            if fields.len() >= MAX_COLUMNS {
                return Err(TableError::TooManyValues { line });
            }
            let (field, end) = self.field()?;
            fields.push(field);
            if end == End::Row {
                return Ok(fields);
            }
        }
    }

    fn field(&mut self) -> Result<(String, End), TableError> {
        if self.characters.next_if_eq(&'"').is_some() {
            return self.quoted();
        }
        let mut field = String::new();
        loop {
            match self.end() {
                Some(end) => return Ok((field, end)),
                None => field.extend(self.characters.next()),
            }
        }
    }

    /// Takes what ends a field, if that comes next.
    fn end(&mut self) -> Option<End> {
        match self.characters.peek().copied() {
            None => Some(End::Row),
            Some(next) if next == self.delimiter => {
                self.characters.next();
                Some(End::Field)
            }
            Some('\r' | '\n') => {
                self.line_break();
                Some(End::Row)
            }
            Some(_) => None,
        }
    }

    /// Takes one line break: `\n`, `\r\n`, or the `\r` of old programs.
    fn line_break(&mut self) {
        if self.characters.next() == Some('\r') {
            self.characters.next_if_eq(&'\n');
        }
        self.line += 1;
    }

    fn quoted(&mut self) -> Result<(String, End), TableError> {
        let begun = self.line;
        let mut field = String::new();
        loop {
            match self.characters.peek().copied() {
                None => return Err(TableError::Unclosed { line: begun }),
                Some('"') => {
                    self.characters.next();
                    if self.characters.next_if_eq(&'"').is_none() {
                        break;
                    }
                    field.push('"');
                }
                Some('\r' | '\n') => {
                    self.line_break();
                    field.push('\n');
                }
                Some(character) => {
                    field.push(character);
                    self.characters.next();
                }
            }
        }
        // Some programs leave blanks after the closing quote.
        while self.delimiter != ' ' && self.characters.next_if_eq(&' ').is_some() {}
        let line = self.line;
        self.end().map(|end| (field, end)).ok_or(TableError::AfterQuote { line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, delimiter: char) -> Result<Vec<Row>, TableError> {
        Sheet::of(text, Some(delimiter)).rows().collect()
    }

    fn read(text: &str, delimiter: char) -> Vec<(u32, Vec<String>)> {
        rows(text, delimiter).unwrap().into_iter().map(|row| (row.line, row.fields)).collect()
    }

    fn row(line: u32, fields: &[&str]) -> (u32, Vec<String>) {
        (line, fields.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rows_know_on_which_line_they_begin_whatever_ends_the_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "\"1", "2\",3", "", "4,5", ""].join(end);
            let expected = [row(1, &["a", "b"]), row(2, &["1\n2", "3"]), row(5, &["4", "5"])];
            assert_eq!(read(&text, ','), expected, "{end:?}");
        }
    }

    #[test]
    fn quotes_hold_delimiters_line_breaks_and_quotes() {
        assert_eq!(read("\"a;\"\"b\"\"\"; c ;\"\"", ';'), [row(1, &["a;\"b\"", " c ", ""])]);
        assert_eq!(read("\"a\" ,b", ','), [row(1, &["a", "b"])]);
        assert_eq!(read("5\" pipe,b", ','), [row(1, &["5\" pipe", "b"])], "a quote within a field is one");
    }

    #[test]
    fn a_broken_quote_is_named_with_its_line() {
        assert_eq!(rows("a\nb,\"c\nd", ','), Err(TableError::Unclosed { line: 2 }));
        assert_eq!(rows("a\nb,\"c\nd\"e", ','), Err(TableError::AfterQuote { line: 3 }));
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_rows_alike() {
        for (text, expected) in [
            ("title,due\nFix; now; or never,2026-01-01\n", ','),
            ("Titel;Fällig\nTür, links;01.02.2026\nDach;\n", ';'),
            ("title\tdue\nFix, the; door\t1\n", '\t'),
            ("title|due\nFix|1\n", '|'),
            ("title\nFix the door\n", ','),
            ("title;notes\n\"a;b\n,,,,\";c\n", ';'),
        ] {
            assert_eq!(delimiter(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_stray_quote_in_a_large_table_costs_no_more_than_the_rest_of_it() {
        let rows = "pipe;1;5\n".repeat(400_000);
        let begun = std::time::Instant::now();
        for (text, expected) in [
            (format!("title;size;count\n5\" pipe;1;2\n{rows}"), ';'),
            (format!("title;size;count\n1;2;3\n\"5 pipe;1;2\n{rows}"), ';'),
            (format!("title;size;count\n1;2;3\n{}", "\"".repeat(3_000_001)), ';'),
        ] {
            assert_eq!(delimiter(&text), expected);
        }
        // It was a matter of minutes once, when each line looked at all before it.
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_first_line_says_what_separates_the_values() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("Sep=|{end}a|b,c{end}1|2{end}");
            let sheet = Sheet::of(&text, None);
            assert_eq!(sheet.delimiter, '|');
            let rows: Result<Vec<_>, _> = sheet.rows().collect();
            let fields = |fields: &[&str]| fields.iter().map(ToString::to_string).collect();
            let expected =
                [Row { line: 2, fields: fields(&["a", "b,c"]) }, Row { line: 3, fields: fields(&["1", "2"]) }];
            assert_eq!(rows.as_deref(), Ok(&expected[..]), "{end:?}");
        }
        assert_eq!(Sheet::of("sep=;\na,b\n", Some(',')).delimiter, ',', "the caller says it before");
        for text in ["sep=;", "sep=;x\na\n", "sep=\na\n", "sépale\na\n", "se"] {
            assert_eq!(body(text), text);
        }
    }

    #[test]
    fn a_row_has_so_many_values_and_no_more() {
        let row = |values: usize| vec!["x"; values].join(",");
        assert_eq!(rows(&row(200), ',').unwrap()[0].fields.len(), 200);
        assert_eq!(rows(&format!("a\n{}", row(201)), ','), Err(TableError::TooManyValues { line: 2 }));
    }

    #[test]
    fn rows_are_read_no_further_than_they_are_asked_for() {
        let text = "a,b\n1,2\n\"broken\n";
        let first: Vec<_> = Sheet::of(text, Some(',')).rows().take(2).collect();
        assert!(first.iter().all(Result::is_ok), "{first:?}");
    }

    #[test]
    fn the_encoding_is_found_out() {
        assert_eq!(decoded("\u{feff}Tür".as_bytes()), ("Tür".to_owned(), Encoding::Utf8));
        assert_eq!(decoded("Tür".as_bytes()), ("Tür".to_owned(), Encoding::Utf8));
        assert_eq!(decoded(b"T\xfcr \x80 \x93x\x94"), ("Tür € “x”".to_owned(), Encoding::Windows1252));
        let little = [0xFF, 0xFE].into_iter().chain("Tür 🚪".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decoded(&little.collect::<Vec<_>>()), ("Tür 🚪".to_owned(), Encoding::Utf16le));
        let big = [0xFE, 0xFF].into_iter().chain("Tür".encode_utf16().flat_map(u16::to_be_bytes));
        assert_eq!(decoded(&big.collect::<Vec<_>>()), ("Tür".to_owned(), Encoding::Utf16be));
    }
}
