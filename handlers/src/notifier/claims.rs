//! Who was told of which event on which channel: claimed before it is sent, so that nobody is told twice.
//!
//! An item of the table `deliveries` has `pk` = `<event id>#<channel>#<recipient>`, `state` (`claimed` or `sent`), `at`,
//! and `ttl`, after which no event comes again.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{SecondsFormat, TimeDelta};
use muster_domain::{Clock as _, UserId};
use uuid::Uuid;

use crate::clock::SystemClock;
use crate::reactor::ReactError;

/// How long it is known: longer than any queue or archive sends an event again.
const KNOWN_FOR: TimeDelta = TimeDelta::days(400);

/// What was sent to whom.
#[derive(Clone, Debug)]
pub struct Claims {
    client: Client,
    table: String,
}

/// The right to send one letter.
#[derive(Debug)]
pub struct Claim<'a> {
    claims: &'a Claims,
    key: String,
}

impl Claims {
    /// In the tables with this prefix.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}deliveries") }
    }

    /// The right to tell this person of this event on this channel; `None` when somebody had it before.
    pub async fn claim(&self, event: Uuid, channel: &str, recipient: UserId) -> Result<Option<Claim<'_>>, ReactError> {
        let key = format!("{event}#{channel}#{recipient}");
        match self.put(&key, "claimed").condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(Some(Claim { claims: self, key })),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(ReactError::of("claiming a delivery")(error)),
        }
    }

    /// The claim on a letter that was made when it was held back.
    pub(super) fn of(&self, event: Uuid, channel: &str, recipient: UserId) -> Claim<'_> {
        Claim { claims: self, key: format!("{event}#{channel}#{recipient}") }
    }

    fn put(&self, key: &str, state: &str) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder {
        let now = SystemClock.now();
        let put = self.client.put_item().table_name(&self.table).item("pk", AttributeValue::S(key.to_owned()));
        put.item("state", AttributeValue::S(state.to_owned()))
            .item("at", AttributeValue::S(now.to_rfc3339_opts(SecondsFormat::Millis, true)))
            .item("ttl", AttributeValue::N((now + KNOWN_FOR).timestamp().to_string()))
    }
}

impl Claim<'_> {
    /// It was sent. That this cannot be kept changes nothing: the claim stays.
    pub async fn sent(self) {
        if let Err(error) = self.claims.put(&self.key, "sent").send().await {
            tracing::warn!(error = %aws_sdk_dynamodb::error::DisplayErrorContext(error), "not kept that it was sent");
        }
    }

    /// It was certainly not sent: it may be tried again.
    pub async fn give_up(self) -> Result<(), ReactError> {
        let delete = self.claims.client.delete_item().table_name(&self.claims.table);
        let delete = delete.key("pk", AttributeValue::S(self.key)).send().await;
        delete.map(|_| ()).map_err(ReactError::of("giving up a claim"))
    }
}
