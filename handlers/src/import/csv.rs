//! Tasks from a table whose first row names the columns.

use muster_domain::task::{Priority, Status};

use super::columns::{ColumnGuess, Field, NoSuchColumn, assign};
use super::dates::{Edge, Reading, order_of};
use super::draft::{Draft, Outsider, RowProblem, short};
use super::options::Options;
use super::table::{Row, Sheet};
use super::words;
use super::{FileProblem, Read, within};

/// The tasks of a table, of which there are at most `max`.
pub(super) fn read(text: &str, options: &Options, max: usize) -> Result<Read, FileProblem> {
    let sheet = Sheet::of(text, options.delimiter);
    let mut rows = sheet.rows();
    let headers = rows.next().transpose()?.ok_or(FileProblem::Empty)?;
    let (columns, missing) = assign(&headers.fields, &options.columns);
    if let Some(NoSuchColumn { field, header }) = missing.into_iter().next() {
        return Err(FileProblem::NoSuchColumn { field, header });
    }
    if !columns.iter().any(|column| column.field == Some(Field::Title)) {
        return Err(FileProblem::NoTitle { headers: headers.fields });
    }
    let rows = rows.take(max + 1).collect::<Result<Vec<Row>, _>>()?;
    within(max, rows.len())?;
    let table = Table { columns: &columns, options, reading: reading(&columns, &rows, options) };
    let (mut drafts, mut problems) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        drafts.push(table.draft(row, &mut problems));
    }
    Ok(Read { delimiter: Some(sheet.delimiter), columns, drafts, problems, ..Read::default() })
}

/// How its dates are read: all of one column are written alike.
fn reading(columns: &[ColumnGuess], rows: &[Row], options: &Options) -> Reading {
    let is_time =
        |column: &ColumnGuess| matches!(column.field, Some(Field::Deadline | Field::CreatedAt | Field::CompletedAt));
    let times = rows.iter().flat_map(|row| row.fields.iter().zip(columns).filter(|(_, column)| is_time(column)));
    let order = options.date_order.or_else(|| order_of(times.map(|(text, _)| text.as_str())));
    Reading { order, zone: options.time_zone }
}

struct Table<'a> {
    columns: &'a [ColumnGuess],
    options: &'a Options,
    reading: Reading,
}

impl Table<'_> {
    fn draft(&self, row: &Row, problems: &mut Vec<RowProblem>) -> Draft {
        let mut draft = Draft { line: Some(row.line), ..Draft::default() };
        let text = |field: Field| {
            let column = self.columns.iter().position(|column| column.field == Some(field))?;
            row.fields.get(column).map(|text| text.trim()).filter(|text| !text.is_empty())
        };
        draft.external_id = text(Field::ExternalId).map(str::to_owned);
        if row.fields.len() > self.columns.len() {
            let detail = format_args!("has {} values, and there are {} columns", row.fields.len(), self.columns.len());
            problems.push(RowProblem::warning(&draft, "row", &detail));
        }
        text(Field::Title).unwrap_or_default().clone_into(&mut draft.title);
        text(Field::Description).unwrap_or_default().clone_into(&mut draft.description);
        draft.location = text(Field::Location).map(str::to_owned);
        draft.labels = text(Field::Labels).map(labels).unwrap_or_default();
        draft.assignee = text(Field::Assignee).and_then(Outsider::of);
        draft.author = text(Field::Author).and_then(Outsider::of);
        draft.status = text(Field::Status).and_then(|name| self.status(name, &mut draft, problems));
        draft.priority = text(Field::Priority).and_then(|name| priority(name, &draft, problems));
        let mut time = |field: Field, name: &str, edge: Edge| {
            let text = text(field)?;
            let time = self.reading.time(text, edge);
            let problem = |error| RowProblem::warning(&draft, name, &format!("{:?} {error}", short(text)));
            time.map_err(|error| problems.push(problem(error))).ok()
        };
        let deadline = time(Field::Deadline, "deadline", Edge::End);
        let created_at = time(Field::CreatedAt, "created_at", Edge::Start);
        let completed_at = time(Field::CompletedAt, "completed_at", Edge::Start);
        Draft { deadline, created_at, completed_at, ..draft }
    }

    /// A name that nobody knows becomes a label, so that it is not lost.
    fn status(&self, name: &str, draft: &mut Draft, problems: &mut Vec<RowProblem>) -> Option<Status> {
        let status = self.options.status(name);
        if status.is_none() {
            let detail =
                format!("{:?} is no status that is known here; the task is to do, and has it as a label", short(name));
            problems.push(RowProblem::warning(draft, "status", &detail));
            draft.labels.push(name.to_owned());
        }
        status
    }
}

fn priority(name: &str, draft: &Draft, problems: &mut Vec<RowProblem>) -> Option<Priority> {
    let priority = words::priority(name);
    if priority.is_none() {
        let detail = format!("{:?} is no priority that is known here; the task is of medium priority", short(name));
        problems.push(RowProblem::warning(draft, "priority", &detail));
    }
    priority
}

/// Labels in one field.
fn labels(text: &str) -> Vec<String> {
    let separators: &[char] = if text.contains([';', '|', '\n']) { &[';', '|', '\n'] } else { &[','] };
    text.split(separators).map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect()
}
