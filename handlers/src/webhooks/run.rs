//! Who sends in a program that stays: one task for each webhook that something is due at, so that a slow receiver holds up no
//! other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::WebhookError;
use super::sender::Sender;

/// How often it is looked whether something has become due.
const LOOK: Duration = Duration::from_secs(1);

/// Sends what is due until it is told to stop. What is in hand then is tried again after its lease.
pub async fn run(sender: Arc<Sender>, wakes: Arc<Notify>, stop: CancellationToken) {
    let mut working: HashMap<Uuid, JoinHandle<()>> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = wakes.notified() => {}
            () = sleep(LOOK) => {}
        }
        working.retain(|_, work| !work.is_finished());
        let webhooks = match sender.webhooks().await {
            Ok(webhooks) => webhooks,
            Err(error) => {
                tracing::warn!(error = %crate::http::Causes(&error), "the webhooks cannot be read");
                continue;
            }
        };
        for webhook in webhooks {
            let sender = Arc::clone(&sender);
            working.entry(webhook.id).or_insert_with(|| {
                tokio::spawn(async move {
                    if let Err(error) = sender.work_off(webhook.id, None).await {
                        let error = crate::http::Causes(&error);
                        tracing::warn!(webhook_id = %webhook.id, %error, "not sent yet");
                    }
                })
            });
        }
    }
    for work in working.into_values() {
        work.abort();
    }
}

/// Sends what is due at all webhooks, once, until this is over: for a program that is called now and then.
pub async fn work_off_all(sender: &Sender, until: Instant) -> Result<usize, WebhookError> {
    let webhooks = sender.webhooks().await?;
    let each = webhooks.iter().map(|webhook| sender.work_off(webhook.id, Some(until)));
    let tried = join_all(each).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(tried.into_iter().sum())
}
