//! The dead-letter queue of a projection on AWS: the messages that its projector refused as often as they may come.

use std::collections::HashSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, SdkError};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message};
use muster_domain::StreamId;
use serde::Deserialize;

use crate::store::Stage;

/// For how long messages that were taken are kept from others: long enough to repair what they are about.
const KEPT_SECONDS: i32 = 300;
/// The most messages that SQS gives, deletes or releases at once.
const MAX_BATCH: usize = 10;
/// How long one request waits for messages; a shorter one may miss some that are there.
const WAIT_SECONDS: i32 = 2;

/// The queue could not be reached; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("the dead-letter queue {queue} does not answer: {reason}")]
pub struct DeadLetterError {
    queue: String,
    reason: String,
}

/// One message.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The aggregate and version of the event in it, or why it holds none.
    pub event: Result<(StreamId, u64), String>,
    receipt: String,
}

/// The event in a message, as far as it must be known to repair its aggregate: even one that the projector cannot read
/// says whose it is.
#[derive(Deserialize)]
struct Envelope {
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    stream: StreamId,
    version: u64,
}

/// A dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: Client,
    queue: String,
    url: String,
}

impl DeadLetters {
    /// That of a projection in a stage.
    pub async fn of(client: Client, stage: &Stage, projection: &str) -> Result<Self, DeadLetterError> {
        let queue = format!("{}{projection}-dead-letters", stage.prefix());
        let found = client.get_queue_url().queue_name(&queue).send().await.map_err(failed(&queue))?;
        let url = found.queue_url.unwrap_or_default();
        Ok(Self { client, queue, url })
    }

    /// Takes every message, each once. They are kept from others for five minutes, unless they are released or deleted;
    /// if there are more than can be taken in that time, some are left for the next call.
    pub async fn take(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let (mut letters, mut taken) = (Vec::new(), HashSet::new());
        loop {
            let receive = self.client.receive_message().queue_url(&self.url).visibility_timeout(KEPT_SECONDS);
            let receive = receive.max_number_of_messages(10).wait_time_seconds(WAIT_SECONDS);
            let messages = receive.send().await.map_err(failed(&self.queue))?.messages.unwrap_or_default();
            let new: Vec<_> = messages.into_iter().filter(|message| taken.insert(message.message_id.clone())).collect();
            // None at all, or the first ones again.
            if new.is_empty() {
                return Ok(letters);
            }
            letters.extend(new.into_iter().map(DeadLetter::of));
        }
    }

    /// Gives messages back, as if they had not been taken.
    pub async fn release(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        for batch in letters.chunks(MAX_BATCH) {
            let mut change = self.client.change_message_visibility_batch().queue_url(&self.url);
            for (index, letter) in batch.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                let entry = entry.receipt_handle(&letter.receipt).visibility_timeout(0).build();
                change = change.entries(entry.map_err(|error| self.error(&error))?);
            }
            // One that is not given back comes by itself when its time is up.
            change.send().await.map_err(failed(&self.queue))?;
        }
        Ok(())
    }

    /// Removes messages for good: what they are about is where it belongs.
    pub async fn delete(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        for batch in letters.chunks(MAX_BATCH) {
            let mut delete = self.client.delete_message_batch().queue_url(&self.url);
            for (index, letter) in batch.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
                let entry = entry.receipt_handle(&letter.receipt).build();
                delete = delete.entries(entry.map_err(|error| self.error(&error))?);
            }
            let answer = delete.send().await.map_err(failed(&self.queue))?;
            if let Some(refused) = answer.failed.first() {
                return Err(self.error(&refused.message.as_deref().unwrap_or(&refused.code)));
            }
        }
        Ok(())
    }

    fn error(&self, reason: &impl ToString) -> DeadLetterError {
        DeadLetterError { queue: self.queue.clone(), reason: reason.to_string() }
    }
}

impl DeadLetter {
    fn of(message: Message) -> Self {
        let body = message.body.unwrap_or_default();
        let event = serde_json::from_str(&body).map_err(|error| error.to_string());
        let event = event.map(|Envelope { detail: Detail { stream, version } }| (stream, version));
        Self { event, receipt: message.receipt_handle.unwrap_or_default() }
    }
}

fn failed<E: std::error::Error + 'static, R: std::fmt::Debug + 'static>(
    queue: &str,
) -> impl FnOnce(SdkError<E, R>) -> DeadLetterError {
    let queue = queue.to_owned();
    move |error| DeadLetterError { queue, reason: DisplayErrorContext(error).to_string() }
}
