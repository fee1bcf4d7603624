//! Taking the logs out as files: JSON Lines or CSV, page by page, so that a year costs no more memory than a day.

pub(crate) mod access;
mod file;
mod format;
pub(crate) mod log;

use async_trait::async_trait;
use serde::Serialize;

use crate::http::problem::Problem;
pub(crate) use file::MostBytes;

/// What is taken out, page by page.
#[async_trait]
trait Source: Send + Sync + 'static {
    type Line: Serialize + Send;
    const COLUMNS: &'static [&'static str];

    /// At most so many lines from this place on, and where to go on after them. The place does not depend on how many there are to be.
    async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<Self::Line>, Option<String>), Problem>;

    fn row(line: &Self::Line) -> Vec<String>;
}
