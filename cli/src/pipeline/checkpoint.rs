//! How far the stream of the event table has been carried: saved only after every queue has acknowledged.
//!
//! The item `pk` = `checkpoint`, `sk` = `stream` of the table `control` has `sequence_number`.

use super::control::{Control, ControlError, read, text};

/// The checkpoint of the event table's stream.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    control: Control,
}

impl Checkpoint {
    pub(crate) const fn new(control: Control) -> Self {
        Self { control }
    }

    /// The sequence number of the last record that every projection has taken in, if there is one.
    pub async fn load(&self) -> Result<Option<String>, ControlError> {
        let item = self.control.get("checkpoint", "stream").await?;
        Ok(item.and_then(|item| read(&item, "sequence_number").map(str::to_owned)))
    }

    /// Saves it.
    pub async fn save(&self, sequence_number: &str) -> Result<(), ControlError> {
        self.control.put("checkpoint", "stream", [("sequence_number", text(&sequence_number))]).await
    }
}
