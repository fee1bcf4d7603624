//! An export as a sequence of whole histories. Its digests and their heads are passed over: they are for whoever verifies it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use muster_domain::Commit;
use serde::Deserialize;

use crate::report::{Failure, file};

/// The histories of an export, one after another: all commits of one stream at a time.
pub(crate) struct Histories<R> {
    lines: std::iter::Enumerate<std::io::Lines<R>>,
    path: PathBuf,
    /// The first commit of the next history.
    next: Option<Commit>,
}

/// One line, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    commit: Option<Commit>,
}

/// Opens the export in this file.
pub(crate) fn open(path: &Path) -> Result<Histories<BufReader<File>>, Failure> {
    let export = BufReader::new(File::open(path).map_err(file(path))?);
    Ok(Histories { lines: export.lines().enumerate(), path: path.to_owned(), next: None })
}

impl<R: BufRead> Histories<R> {
    fn commit(&mut self) -> Option<Result<Commit, Failure>> {
        loop {
            let (index, text) = self.lines.next()?;
            let parsed = text.map_err(file(&self.path)).and_then(|text| {
                serde_json::from_str(&text).map_err(|error| {
                    let path = self.path.display();
                    Failure::Refused(format!("{path}, line {}: not of an export: {error}", index + 1))
                })
            });
            match parsed {
                Ok(Line { commit: Some(commit) }) => return Some(Ok(commit)),
                Ok(Line { commit: None }) => {}
                Err(failure) => return Some(Err(failure)),
            }
        }
    }

    fn history(&mut self) -> Result<Option<Vec<Commit>>, Failure> {
        let Some(first) = self.next.take().map(Ok).or_else(|| self.commit()).transpose()? else { return Ok(None) };
        let stream = first.stream;
        let mut history = vec![first];
        while let Some(commit) = self.commit().transpose()? {
            if commit.stream != stream {
                self.next = Some(commit);
                break;
            }
            history.push(commit);
        }
        Ok(Some(history))
    }
}

impl<R: BufRead> Iterator for Histories<R> {
    type Item = Result<Vec<Commit>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.history().transpose()
    }
}
