//! A table's stream, read from a checkpoint.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::Inner;
use crate::error::EngineError;

/// What turns a stored number into the 21 digits that DynamoDB shows; texts of one length sort as their numbers do.
const SEQUENCE_OFFSET: u128 = 100_000_000_000_000_000_000;

/// One change of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// The record's place in the stream: 21 digits, greater than those of every earlier record of the table, across
    /// restarts and trimming. As text they sort as numbers do.
    pub sequence_number: String,
    /// A unique id of the record.
    pub event_id: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub event_name: String,
    /// When it happened, in seconds since 1970.
    pub created_at: i64,
    /// The item's key in DynamoDB's JSON, `{"pk": {"S": "…"}}`.
    pub keys: Value,
    /// The item after the change in DynamoDB's JSON. `None` when it was removed, or the stream carries no new images.
    pub new_image: Option<Value>,
}

impl StreamRecord {
    /// The record as DynamoDB gives it to a Lambda function (an element of `Records`).
    pub fn to_lambda_record(&self) -> Value {
        let mut change = json!({
            "ApproximateCreationDateTime": self.created_at,
            "Keys": self.keys,
            "SequenceNumber": self.sequence_number,
            "SizeBytes": 0,
            "StreamViewType": "NEW_IMAGE",
        });
        if let Some(new_image) = &self.new_image {
            change["NewImage"] = new_image.clone();
        }
        json!({
            "awsRegion": "local",
            "eventID": self.event_id,
            "eventName": self.event_name,
            "eventSource": "aws:dynamodb",
            "eventVersion": "1.1",
            "dynamodb": change,
        })
    }

    /// The record and the length of its JSON, from the columns that the stream log selects.
    pub(crate) fn from_row(row: &rusqlite::Row<'_>) -> Result<(usize, Self), EngineError> {
        let number: String = row.get(0).map_err(EngineError::stream)?;
        let keys: String = row.get(3).map_err(EngineError::stream)?;
        let new_image: Option<String> = row.get(4).map_err(EngineError::stream)?;
        let size = keys.len() + new_image.as_ref().map_or(0, String::len);
        let record = Self {
            sequence_number: public(number.parse().map_err(EngineError::stream)?),
            event_id: row.get::<_, Option<String>>(1).map_err(EngineError::stream)?.unwrap_or(number),
            event_name: row.get(2).map_err(EngineError::stream)?,
            created_at: row.get(5).map_err(EngineError::stream)?,
            keys: serde_json::from_str(&keys).map_err(EngineError::stream)?,
            new_image: new_image.map(|image| serde_json::from_str(&image)).transpose().map_err(EngineError::stream)?,
        };
        Ok((size, record))
    }
}

/// Reads one table's stream. Clones read the same stream, each from the checkpoint it is given.
#[derive(Debug, Clone)]
pub struct StreamTail {
    inner: Arc<Inner>,
    table: String,
}

impl StreamTail {
    pub(crate) fn new(inner: Arc<Inner>, table: &str) -> Self {
        Self { inner, table: table.to_owned() }
    }

    /// Up to `limit` records after the checkpoint, oldest first, and no more than about 6 MB of them. Without a
    /// checkpoint, from the oldest record that is kept. Empty when there are none.
    pub async fn read(&self, after_sequence: Option<&str>, limit: usize) -> Result<Vec<StreamRecord>, EngineError> {
        let after = after_sequence.map(stored).transpose()?.unwrap_or(0);
        let table = self.table.clone();
        self.inner.read_stream(move |log| log.read(&table, after, limit)).await
    }

    /// The sequence number of the newest record, if there is any.
    pub async fn last_sequence(&self) -> Result<Option<String>, EngineError> {
        let table = self.table.clone();
        let last = self.inner.read_stream(move |log| log.last(&table)).await?;
        Ok(last.map(public))
    }

    /// Returns when there is a record after the checkpoint; at once if there is one already.
    ///
    /// No wake-up is lost: the count of writes is subscribed to before the stream is looked at, so a write that the
    /// look did not see raises the count afterwards and wakes this up. It does not poll; a synced write to any table
    /// makes it look again, which is one index lookup.
    pub async fn wait(&self, after_sequence: Option<&str>) -> Result<(), EngineError> {
        let after = after_sequence.map(stored).transpose()?.unwrap_or(0);
        let mut writes = self.inner.subscribe();
        loop {
            let table = self.table.clone();
            let last = self.inner.read_stream(move |log| log.last(&table)).await?;
            if last.is_some_and(|last| last > after) {
                return Ok(());
            }
            writes.changed().await.map_err(|_| EngineError::NoAnswer)?;
        }
    }

    /// Removes the records up to and including this number, and gives how many. Call it only with what every reader
    /// of the stream has acknowledged. The newest record always stays, so that numbering goes on from it: reading
    /// without a checkpoint may give it once more.
    pub async fn trim(&self, up_to_sequence: &str) -> Result<usize, EngineError> {
        let up_to = stored(up_to_sequence)?;
        let mut removed = 0;
        loop {
            let table = self.table.clone();
            match self.inner.write_stream(move |log| log.trim(&table, up_to)).await? {
                0 => return Ok(removed),
                some => removed += some,
            }
        }
    }
}

fn public(stored: i64) -> String {
    (SEQUENCE_OFFSET + u128::from(stored.unsigned_abs())).to_string()
}

fn stored(public: &str) -> Result<i64, EngineError> {
    public
        .parse::<u128>()
        .ok()
        .and_then(|number| number.checked_sub(SEQUENCE_OFFSET))
        .and_then(|number| i64::try_from(number).ok())
        .ok_or_else(|| EngineError::SequenceNumber(public.to_owned()))
}
