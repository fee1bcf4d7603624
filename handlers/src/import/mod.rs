//! Tasks from files of other programs: what a file is, where its tasks go, what they would be, and what stands in their way. Nothing in
//! here writes anything; who has read a [`Plan`] and wants it carries out its commands.

mod begun;
mod columns;
mod csv;
mod dates;
mod draft;
mod options;
mod place;
mod plan;
mod preview;
mod table;
mod todoist;
mod trello;
mod words;

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use muster_domain::ImportId;
use muster_domain::task::ImportSource;
use uuid::Uuid;

pub use begun::first_title;
pub use columns::{ColumnGuess, Field};
pub use dates::DateOrder;
pub use draft::{RowProblem, Severity};
pub use options::{Archived, Options, may_separate};
pub use place::{Addressed, Known, Place, Unfit, address};
pub use plan::{Account, People, Plan, PlannedTask};
pub use preview::{Counts, Preview, PreviewTask, UnknownPerson};
pub use table::{Encoding, TableError};

use draft::{Draft, Outsider};

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// There is nothing in it.
    #[error("there is nothing in it")]
    Empty,
    /// It is no table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It has more tasks than may come at once. It is read no further than to see that.
    #[error("it has more tasks than the {max} that may come at once: cut it into parts")]
    TooManyTasks {
        /// How many may come.
        max: usize,
    },
    /// A column was named that is not there.
    #[error("there is no column {header:?} for {field}")]
    NoSuchColumn {
        /// What it was to be.
        field: Field,
        /// The name.
        header: String,
    },
    /// No column is the title.
    #[error("no column is known as the title of the tasks: say which of {headers:?} it is")]
    NoTitle {
        /// The columns.
        headers: Vec<String>,
    },
    /// It is JSON, but not what a known program exports.
    #[error("it is no export of {program} that is known here: {reason}")]
    Shape {
        /// The program.
        program: &'static str,
        /// What is missing or wrong.
        reason: String,
    },
}

/// A file that was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    source: Option<ImportSource>,
    encoding: Option<Encoding>,
    delimiter: Option<char>,
    columns: Vec<ColumnGuess>,
    drafts: Vec<Draft>,
    problems: Vec<RowProblem>,
    /// How many archived cards or items were left out.
    skipped: usize,
}

/// Whether there are no more tasks than may come.
fn within(max: usize, tasks: usize) -> Result<(), FileProblem> {
    if tasks > max { Err(FileProblem::TooManyTasks { max }) } else { Ok(()) }
}

/// A file, read.
#[derive(Debug)]
pub struct TaskFile {
    /// The import that it makes, unless another id is given: it follows from the bytes, so that the same file makes the same tasks.
    pub id: ImportId,
    read: Read,
    options: Options,
}

/// What a file is: by its beginning, as names of files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Table,
}

impl TaskFile {
    /// Reads a file with at most `max` tasks.
    pub fn read(bytes: &[u8], options: Options, max: usize) -> Result<Self, FileProblem> {
        let (text, encoding) = table::decoded(bytes);
        if text.trim().is_empty() {
            return Err(FileProblem::Empty);
        }
        let form = if text.trim_start().starts_with(['{', '[']) { Form::Json } else { Form::Table };
        let source = options.source.unwrap_or_else(|| source(form, &text));
        let read = match (source, form) {
            (ImportSource::Csv, _) => csv::read(&text, &options, max)?,
            (ImportSource::Trello, _) => trello::read(&text, &options, max)?,
            (ImportSource::Todoist, Form::Json) => todoist::read_json(&text, &options, max)?,
            (ImportSource::Todoist, Form::Table) => todoist::read_table(&text, &options, max)?,
        };
        Ok(Self {
            id: import_id(bytes),
            read: Read { source: Some(source), encoding: Some(encoding), ..read },
            options,
        })
    }

    /// The e-mail addresses, in small letters, of whom the file names by one: whose accounts are to be looked up.
    pub fn addresses(&self) -> BTreeSet<String> {
        self.people().filter_map(|person| self.address(person)).collect()
    }

    fn people(&self) -> impl Iterator<Item = &Outsider> {
        self.read.drafts.iter().flat_map(|draft| {
            let wrote = draft.comments.iter().filter_map(|comment| comment.author.as_ref());
            draft.assignee.iter().chain(&draft.author).chain(wrote)
        })
    }

    /// The e-mail address of somebody: as the caller says, or as it stands in what they are called.
    fn address(&self, Outsider(name): &Outsider) -> Option<String> {
        let said = self.options.people.iter().find(|(said, _)| said.trim().eq_ignore_ascii_case(name));
        let text = said.map_or(name.as_str(), |(_, address)| address.as_str());
        // "Ada Lovelace <ada@example.com>" and "ada@example.com (Ada)".
        let within = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address);
        let candidates = within.into_iter().chain(text.split([' ', ',', ';', '(', ')']));
        candidates.map(str::trim).find(|word| word.contains('@')).map(str::to_lowercase)
    }
}

/// What a file without a word about it is.
fn source(form: Form, text: &str) -> ImportSource {
    match form {
        Form::Json if todoist::is_json(text) => ImportSource::Todoist,
        Form::Json => ImportSource::Trello,
        Form::Table if todoist::is_table(text) => ImportSource::Todoist,
        Form::Table => ImportSource::Csv,
    }
}

/// Namespace of the ids of imports. It never changes.
const IMPORTS: Uuid = uuid::uuid!("6d757374-6572-5000-8000-696d706f7274");

fn import_id(bytes: &[u8]) -> ImportId {
    ImportId(Uuid::new_v5(&IMPORTS, digest(&SHA256, bytes).as_ref()))
}

#[cfg(test)]
mod tests;
