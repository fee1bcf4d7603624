//! How a file is to be read, where it does not say so itself.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use muster_domain::TeamId;
use muster_domain::task::{ImportSource, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::columns::Field;
use super::dates::DateOrder;

/// What becomes of cards and items that were archived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Archived {
    /// They are left out.
    #[default]
    Skip,
    /// They come as completed tasks.
    Complete,
}

/// Whether this character can separate the values of a table.
pub fn may_separate(character: char) -> bool {
    !character.is_alphanumeric() && !"\"\r\n".contains(character)
}

/// How a file is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it is; found out if left out.
    pub source: Option<ImportSource>,
    /// Which column is which field, by its header; guessed for the others.
    pub columns: BTreeMap<Field, String>,
    /// What separates the values; found out if left out.
    pub delimiter: Option<char>,
    /// Which of two numbers of a date is the day; found out from the other dates if left out.
    pub date_order: Option<DateOrder>,
    /// Where the clocks are that times without an offset are read from.
    pub time_zone: Tz,
    /// What the statuses or lists of the file are here, by their names there.
    pub statuses: BTreeMap<String, Status>,
    /// What becomes of what was archived.
    pub archived: Archived,
    /// Who the people of the file are here: their e-mail address, by what they are called there.
    pub people: BTreeMap<String, String>,
    /// The team that the tasks go to.
    pub team: Option<TeamId>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: None,
            columns: BTreeMap::new(),
            delimiter: None,
            date_order: None,
            time_zone: Tz::UTC,
            statuses: BTreeMap::new(),
            archived: Archived::default(),
            people: BTreeMap::new(),
            team: None,
        }
    }
}

impl Options {
    /// What a status or list of this name is here, as the caller says or as programs use the word.
    pub(super) fn status(&self, name: &str) -> Option<Status> {
        let name = name.trim();
        let said = self.statuses.iter().find(|(said, _)| said.trim().eq_ignore_ascii_case(name));
        said.map(|(_, status)| *status).or_else(|| super::words::status(name))
    }
}
