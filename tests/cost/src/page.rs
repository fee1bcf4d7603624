//! The table in `docs/cost.md`: what is compared with, and what is written.

use std::fmt::Write as _;

use muster_cli::report::Failure;

use crate::bill::{Bill, Cost, Line};

/// What stands around the table on the page.
const BEGIN: &str = "<!-- `cargo xtask cost --write` writes this -->\n";
const END: &str = "<!-- to here -->";

const TOTAL: &str = "total";

/// How much higher than on the page the total may be.
const MAY_RISE: f64 = 0.05;

/// The table, and what stands beneath it. The same on the page and on the terminal.
pub(crate) fn table(bill: &Bill) -> String {
    let mut rows = vec![["part", "unit", "a command", "$ quiet", "a command, busy", "$ busy"].map(str::to_owned)];
    rows.extend(bill.lines.iter().map(row));
    let total = |part: &str, quiet: f64, busy: f64| {
        [part.to_owned(), String::new(), String::new(), dollars(quiet), String::new(), dollars(busy)]
    };
    rows.push(total(TOTAL, bill.quiet, bill.busy));
    let mut text = aligned(&rows);
    let met = if bill.met { "met" } else { "**not met**" };
    let _ = writeln!(text, "\nThe goal is at most ${:.2} (quiet): {met}. Prices: {}.\n", bill.goal, bill.prices);
    let mut rows =
        vec![["apart: letters", "unit", "a command", "$ quiet", "a command, busy", "$ busy"].map(str::to_owned)];
    rows.extend(bill.letters.iter().map(row));
    text.push_str(&aligned(&rows));
    let _ = writeln!(
        text,
        "\nAt rest, when nothing happens, Lambda's pollers of the queues cost ${:.2} a month.",
        bill.at_rest
    );
    text
}

fn row(line: &Line) -> [String; 6] {
    let Line { part, unit, quiet, busy } = line;
    // A difference of two measures that are the same may be a hair below nothing.
    let [quiet, busy] =
        [quiet, busy].map(|Cost { units, usd }| (amount(units.max(0.0) + 0.0), dollars(usd.max(0.0) + 0.0)));
    [part.clone(), unit.clone(), quiet.0, quiet.1, busy.0, busy.1]
}

fn dollars(value: f64) -> String {
    format!("{value:.2}")
}

/// Up to five places after the point, without zeros at the end.
fn amount(value: f64) -> String {
    let text = if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.5}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A table in Markdown whose columns stand beneath each other.
fn aligned(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = if column < 2 { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.into_iter().enumerate() {
                let (line, side) = ("-".repeat(width), if column < 2 { "-" } else { ":" });
                let _ = write!(text, "|-{line}{side}");
            }
            text.push_str("|\n");
        }
    }
    text
}

/// The page with this table in place of its own.
pub(crate) fn renewed(page: &str, table: &str) -> Result<String, Failure> {
    let (before, _, after) = parts(page)?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn parts(page: &str) -> Result<(&str, &str, &str), Failure> {
    let found = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (table, after) = rest.split_once(END)?;
        Some((before, table, after))
    });
    found.ok_or_else(|| Failure::Refused(format!("docs/cost.md has no place for the table: {BEGIN}{END}")))
}

/// What the page says: dollars (quiet) by part and unit, and the total.
#[derive(Debug, PartialEq)]
pub(crate) struct Known {
    parts: Vec<(String, f64)>,
    total: f64,
}

impl Known {
    pub(crate) fn on(page: &str) -> Result<Self, Failure> {
        let (_, table, _) = parts(page)?;
        let rows: Vec<(String, f64)> =
            table.lines().take_while(|line| !line.contains("letters")).filter_map(known).collect();
        let total = rows.iter().find(|(name, _)| name == TOTAL).map(|(_, usd)| *usd);
        let total =
            total.ok_or_else(|| Failure::Refused("docs/cost.md has no total: write it with --write".to_owned()))?;
        Ok(Self { parts: rows.into_iter().filter(|(name, _)| name != TOTAL).collect(), total })
    }

    /// What became dearer or cheaper, as sentences, and whether the total rose too much.
    pub(crate) fn compared(&self, bill: &Bill) -> (Vec<String>, bool) {
        let now: Vec<(String, f64)> =
            bill.lines.iter().map(|line| (name(&line.part, &line.unit), line.quiet.usd)).collect();
        let in_table = |table: &[(String, f64)], name: &str| {
            table.iter().find(|(known, _)| known == name).map_or(0.0, |(_, usd)| *usd)
        };
        let gone = self.parts.iter().filter(|(name, _)| !now.iter().any(|(known, _)| known == name));
        let names = now.iter().chain(gone).map(|(name, _)| name);
        let mut told: Vec<String> =
            names.filter_map(|name| change(name, in_table(&self.parts, name), in_table(&now, name))).collect();
        told.extend(change(TOTAL, self.total, bill.quiet));
        (told, has_risen(self.total, bill.quiet))
    }
}

/// Part, unit and dollars of a row of the table.
fn known(line: &str) -> Option<(String, f64)> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
    let [part, unit, _, usd, _, _] = cells.as_slice() else { return None };
    Some((name(part, unit), usd.parse().ok()?))
}

fn name(part: &str, unit: &str) -> String {
    if unit.is_empty() { part.to_owned() } else { format!("{part} ({unit})") }
}

/// Whether the total is more than a twentieth above what it was.
fn has_risen(before: f64, now: f64) -> bool {
    // What is exactly a twentieth more is a little more or less in binary.
    const SLACK: f64 = 1e-9;
    now > before * (1.0 + MAY_RISE) + SLACK
}

/// A sentence, if the change shows in cents.
fn change(name: &str, before: f64, now: f64) -> Option<String> {
    let (was, is) = (dollars(before), dollars(now));
    let went = if now > before { "rose" } else { "fell" };
    (was != is).then(|| format!("{name} {went} from ${was} to ${is}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(usd: f64) -> Cost {
        Cost { units: usd / 0.625, usd }
    }

    fn bill(parts: &[(&str, f64)]) -> Bill {
        let line = |(part, usd): &(&str, f64)| Line {
            part: (*part).to_owned(),
            unit: "write units".to_owned(),
            quiet: cost(*usd),
            busy: cost(usd / 2.0),
        };
        let total = parts.iter().map(|(_, usd)| usd).sum();
        Bill {
            lines: parts.iter().map(line).collect(),
            indexes: Vec::new(),
            quiet: total,
            busy: total / 2.0,
            goal: 14.0,
            met: total <= 14.0,
            letters: vec![line(&("SES", 20.0))],
            at_rest: 1.04,
            prices: "us-east-1, 2025-06".to_owned(),
        }
    }

    /// What a page with the first bill says of the second.
    fn compared(before: &[(&str, f64)], now: &[(&str, f64)]) -> (Vec<String>, bool) {
        let page = renewed(&format!("# Cost\n\n{BEGIN}{END}\nMore.\n"), &table(&bill(before))).unwrap();
        Known::on(&page).unwrap().compared(&bill(now))
    }

    #[test]
    fn what_was_written_on_the_page_is_read_from_it_and_the_rest_of_the_page_stays() {
        let page = format!("# Cost\n\n{BEGIN}old{END}\nMore.\n");

        let page = renewed(&page, &table(&bill(&[("event table", 0.75), ("queues", 2.5)]))).unwrap();

        let parts = [("event table (write units)", 0.75), ("queues (write units)", 2.5)];
        let parts = parts.map(|(name, usd)| (name.to_owned(), usd)).into();
        assert_eq!(Known::on(&page).unwrap(), Known { parts, total: 3.25 });
        assert!(
            page.starts_with("# Cost\n\n<!--") && page.ends_with("-->\nMore.\n") && !page.contains("old"),
            "{page}"
        );
    }

    #[test]
    fn the_same_cost_is_no_change() {
        assert_eq!(compared(&[("queues", 2.5)], &[("queues", 2.5)]), (vec![], false));
    }

    #[test]
    fn a_rise_of_exactly_five_percent_is_told_and_passes() {
        let told = ["queues (write units) rose from $20.00 to $21.00", "total rose from $20.00 to $21.00"];
        assert_eq!(compared(&[("queues", 20.0)], &[("queues", 21.0)]), (told.map(str::to_owned).into(), false));
    }

    #[test]
    fn a_rise_of_more_than_five_percent_fails_and_says_which_part_rose() {
        let before = [("queues", 10.0), ("event table", 10.0)];

        let (told, risen) = compared(&before, &[("queues", 10.0), ("event table", 11.01)]);

        let expected = ["event table (write units) rose from $10.00 to $11.01", "total rose from $20.00 to $21.01"];
        assert_eq!((told, risen), (expected.map(str::to_owned).into(), true));
    }

    #[test]
    fn a_new_part_rises_from_nothing_and_one_that_is_gone_falls_to_nothing() {
        let (told, risen) = compared(&[("queues", 5.0)], &[("topics", 4.0)]);

        let expected = [
            "topics (write units) rose from $0.00 to $4.00",
            "queues (write units) fell from $5.00 to $0.00",
            "total fell from $5.00 to $4.00",
        ];
        assert_eq!((told, risen), (expected.map(str::to_owned).into(), false));
    }

    #[test]
    fn a_page_without_a_place_for_the_table_is_refused() {
        assert!(
            renewed("# Cost\n", "").unwrap_err().to_string().starts_with("docs/cost.md has no place for the table")
        );
    }

    #[test]
    fn amounts_have_the_digits_that_count() {
        assert_eq!([0.0, 1.0, 1.075, 0.015, 5_432.6].map(amount), ["0", "1", "1.075", "0.015", "5433"]);
    }
}
