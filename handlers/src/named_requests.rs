//! What was asked for under an `Idempotency-Key` by a request of many commands.
//!
//! A command alone is known again by what it did: its commit names it. A request of many may have done nothing, or some of it, so
//! what it asked for is kept of its own: an item of the table `origins` with `pk` = the request, `sk` = `request`, its
//! fingerprint, and when it may be forgotten. It is one write before the first command, on the condition that no other request
//! had the name: of two at once with different bodies one is carried out.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::{CommandId, Fingerprint};

/// How long it is kept, as the origins beside it are. Nobody sends a request again after that.
const KEPT: TimeDelta = TimeDelta::days(400);

/// The store could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("what was asked for could not be kept")]
pub struct NamedRequestError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// The named requests of everybody.
#[derive(Clone, Debug)]
pub struct NamedRequests {
    client: Client,
    table: String,
}

impl NamedRequests {
    /// In the tables with this prefix.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}origins") }
    }

    /// Keeps what is asked for under this name. Whether it is the first request of the name, or the first one again; `false` if it
    /// asks for something else.
    pub async fn is_of_its_name(
        &self,
        name: CommandId,
        asked: &Fingerprint,
        at: DateTime<Utc>,
    ) -> Result<bool, NamedRequestError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let seconds = |time: DateTime<Utc>| AttributeValue::N(time.timestamp().to_string());
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", text(&name.to_string())).item("sk", text("request"));
        let put = put.item("fingerprint", text(asked.as_str())).item("ttl", seconds(at + KEPT));
        // The store removes it some time after it may be forgotten.
        let put = put.condition_expression("attribute_not_exists(pk) OR fingerprint = :asked OR #ttl <= :now");
        let put = put.expression_attribute_names("#ttl", "ttl");
        let put = put.expression_attribute_values(":asked", text(asked.as_str()));
        match put.expression_attribute_values(":now", seconds(at)).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(NamedRequestError { source: Box::new(error) }),
        }
    }
}
