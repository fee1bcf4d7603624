//! Bringing tasks in from a file of another program.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use muster_domain::task::{ImportSource, Status};
use muster_domain::values::TimeZone;
use muster_domain::{ImportId, TeamId};
use muster_handlers::import::{Archived, DateOrder, Field, Options, may_separate};

use super::store::StoreArgs;

/// Of `muster import tasks`.
#[derive(Clone, Debug, Args)]
pub struct ImportTasksArgs {
    /// The file; `-` for the standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What it is: `csv`, `trello` or `todoist` [default: found out].
    #[arg(long, value_name = "PROGRAM", value_parser = parse_source)]
    pub from: Option<ImportSource>,
    /// Only show what it would do.
    #[arg(long)]
    pub preview: bool,
    /// The team that the tasks go to.
    #[arg(long, value_name = "ID", value_parser = parse_team)]
    pub team: Option<TeamId>,
    /// Which column is which field, such as `title=Betreff`; the others are guessed.
    #[arg(long = "column", value_name = "FIELD=HEADER", value_parser = parse_column)]
    pub columns: Vec<(Field, String)>,
    /// What separates the values of a table [default: found out].
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    pub delimiter: Option<char>,
    /// Which of two numbers of a date is the day, where the file does not tell: `day_first` or `month_first`.
    #[arg(long, value_name = "ORDER", value_parser = parse_date_order)]
    pub date_order: Option<DateOrder>,
    /// The time zone of times without an offset, such as `Europe/Berlin`.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: TimeZone,
    /// What a status or list of the file is here, such as `Waiting=todo`.
    #[arg(long = "status", value_name = "NAME=STATUS", value_parser = parse_status)]
    pub statuses: Vec<(String, Status)>,
    /// Who somebody of the file is here, such as `adal=ada@example.com`.
    #[arg(long = "person", value_name = "NAME=EMAIL", value_parser = parse_pair)]
    pub people: Vec<(String, String)>,
    /// Bring archived cards and items in as completed tasks, and do not leave them out.
    #[arg(long)]
    pub archived: bool,
    /// The import that this goes on with, for a file that was changed since; an id of your own makes the tasks of a file once more
    /// [default: it follows from the file].
    #[arg(long, value_name = "ID", value_parser = parse_import)]
    pub import_id: Option<ImportId>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl ImportTasksArgs {
    /// How the file is to be read.
    pub fn options(&self) -> Options {
        Options {
            source: self.from,
            columns: self.columns.iter().cloned().collect(),
            delimiter: self.delimiter,
            date_order: self.date_order,
            time_zone: self.time_zone.0,
            statuses: self.statuses.iter().cloned().collect(),
            archived: if self.archived { Archived::Complete } else { Archived::Skip },
            people: self.people.iter().cloned().collect(),
            team: self.team,
        }
    }
}

/// The one of these that is called so.
fn one_of<T: Copy + fmt::Display>(all: &[T], text: &str) -> Result<T, String> {
    all.iter().find(|one| one.to_string() == text).copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(ToString::to_string).collect();
        format!("there are {}", names.join(", "))
    })
}

fn parse_source(text: &str) -> Result<ImportSource, String> {
    one_of(ImportSource::ALL, text)
}

fn parse_date_order(text: &str) -> Result<DateOrder, String> {
    match text {
        "day_first" => Ok(DateOrder::DayFirst),
        "month_first" => Ok(DateOrder::MonthFirst),
        _ => Err("there are day_first, month_first".to_owned()),
    }
}

fn parse_delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if may_separate(character) => Ok(character),
        _ => Err("one character that is no letter, digit, quote or line break".to_owned()),
    }
}

fn parse_team(text: &str) -> Result<TeamId, String> {
    text.parse().map_err(|_| "a team's id is a UUID".to_owned())
}

fn parse_import(text: &str) -> Result<ImportId, String> {
    text.parse().map_err(|_| "an import's id is a UUID".to_owned())
}

/// Two texts with `=` between them; the second may hold one, too.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write NAME=VALUE".to_owned())
}

fn parse_column(text: &str) -> Result<(Field, String), String> {
    let (field, header) = parse_pair(text)?;
    Ok((one_of(&Field::ALL, &field)?, header))
}

fn parse_status(text: &str) -> Result<(String, Status), String> {
    // A list's name may hold a `=`, a status none.
    let (name, status) = text.rsplit_once('=').ok_or("write NAME=STATUS")?;
    Ok((name.to_owned(), one_of(Status::ALL, status)?))
}
