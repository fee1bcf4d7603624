//! The forms in which a log is taken out, line by line.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Deserialize;
use utoipa::ToSchema;

use super::Source;

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportFormat {
    /// One JSON document a line.
    #[default]
    Jsonl,
    /// RFC 4180, with a header line. Where a value begins like a formula, there is an apostrophe before it.
    Csv,
}

/// A value that there may not be, in its column.
pub(super) fn or_empty(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// What comes before all lines.
pub(super) fn header_line<S: Source>(format: ExportFormat) -> Vec<u8> {
    match format {
        ExportFormat::Jsonl => Vec::new(),
        ExportFormat::Csv => csv_line(S::COLUMNS.iter().copied()),
    }
}

/// These lines.
pub(super) fn written<S: Source>(format: ExportFormat, lines: &[S::Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        match format {
            ExportFormat::Jsonl => {
                // An entry is made of texts, numbers and lists: it always has a JSON form.
                bytes.extend(serde_json::to_vec(line).unwrap_or_default());
                bytes.push(b'\n');
            }
            ExportFormat::Csv => bytes.extend(csv_line(S::row(line).iter().map(String::as_str))),
        }
    }
    bytes
}

fn csv_line<'a>(values: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // A line into memory: nothing can fail.
    let _ = writer.write_record(values.map(|value| harmless(value).into_owned()));
    writer.into_inner().unwrap_or_default()
}

/// A value that no spreadsheet takes for a formula.
fn harmless(value: &str) -> Cow<'_, str> {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}").into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_csv_is_quoted_where_it_must_be_and_holds_no_formula() {
        let line = |values: &[&str]| String::from_utf8(csv_line(values.iter().copied())).unwrap();
        assert_eq!(line(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(line(&["a,b", "say \"no\"", "two\nlines"]), "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n");
        assert_eq!(line(&["=1+1", "+1", "-1", "@a", "\ta"]), "'=1+1,'+1,'-1,'@a,'\ta\r\n");
        assert_eq!(line(&["1-1", "a=b"]), "1-1,a=b\r\n");
    }
}
