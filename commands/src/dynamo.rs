//! The commit log on DynamoDB.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use muster_domain::Commit;
use muster_domain::aggregate::Reservation;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::ports::{CommitPage, ReadError, ScanCursor};
use uuid::Uuid;

use crate::item::{self, Item};
use crate::log::{AppendError, BoxError, CarriedState, CommitLog, Direction, Page, PageQuery};
use crate::roster::{self, MEMBERS};
use crate::trace::Trace;

const PLACE_IS_FREE: &str = "attribute_not_exists(pk)";
/// Of a reservation, whether it is claimed or released: nobody else holds it.
const FREE_OR_OWN: &str = "attribute_not_exists(pk) OR #owner = :owner";

/// Of a roster: nobody has changed it since it was read.
const ROSTER_AS_READ: &str = "#members = :before";

/// How many commits a page of a scan has at most. Most pages end before that, at the megabyte of DynamoDB; the embedded
/// store reads all that is left of a table for a page without a limit.
const SCAN_LIMIT: i32 = 1_000;

/// The event table and the table of reservations.
#[derive(Clone, Debug)]
pub struct DynamoLog {
    client: Client,
    table: String,
    reservations_table: String,
}

impl DynamoLog {
    /// The log in these tables.
    pub fn new(client: Client, table: impl Into<String>, reservations_table: impl Into<String>) -> Self {
        Self { client, table: table.into(), reservations_table: reservations_table.into() }
    }

    /// One item, on the condition that its place is free: atomic without a transaction, at half its price.
    async fn put(&self, item: Item) -> Result<(), AppendError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression((!planted(Mutant::NoPutCondition)).then(|| PLACE_IS_FREE.to_owned()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        request.customize().config_override(one_attempt()).send().await.map(|_| ()).map_err(|error| {
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => item::taken(failed.item()),
                _ => classify(error),
            }
        })
    }

    /// The commit and its reservations, all or nothing.
    async fn transact(&self, item: Item, reservations: &[Reservation]) -> Result<(), AppendError> {
        let event = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(PLACE_IS_FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(refused)?;
        let mut request =
            self.client.transact_write_items().transact_items(TransactWriteItem::builder().put(event).build());
        for reservation in reservations {
            request = request.transact_items(self.reservation(reservation).await?);
        }
        request.customize().config_override(one_attempt()).send().await.map(|_| ()).map_err(|error| {
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    from_reasons(canceled.cancellation_reasons(), reservations).unwrap_or_else(|| classify(error))
                }
                _ => classify(error),
            }
        })
    }

    /// The change of one item of the table of reservations.
    async fn reservation(&self, reservation: &Reservation) -> Result<TransactWriteItem, AppendError> {
        let write = TransactWriteItem::builder();
        Ok(match reservation {
            Reservation::Claim { key, owner } => write.put(self.claim(key, *owner).map_err(refused)?),
            Reservation::Release { key, owner } => write.delete(self.release(key, *owner).map_err(refused)?),
            Reservation::Join { key, member } => {
                let before = self.roster(key).await?;
                write.put(self.change_roster(key, &before, &roster::with(&before, *member)).map_err(refused)?)
            }
            Reservation::JoinFirst { key, member } => {
                let before = self.roster(key).await?;
                let after = roster::alone(key, &before, *member)?;
                write.put(self.change_roster(key, &before, &after).map_err(refused)?)
            }
            Reservation::Leave { key, member } => {
                let before = self.roster(key).await?;
                let after = roster::without(key, &before, *member)?;
                write.put(self.change_roster(key, &before, &after).map_err(refused)?)
            }
        }
        .build())
    }

    fn claim(&self, key: &str, owner: Uuid) -> Result<Put, BuildError> {
        Put::builder()
            .table_name(&self.reservations_table)
            .item("pk", text(key))
            .item("owner", text(&owner))
            .condition_expression(FREE_OR_OWN)
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&owner))
            .build()
    }

    fn release(&self, key: &str, owner: Uuid) -> Result<Delete, BuildError> {
        Delete::builder()
            .table_name(&self.reservations_table)
            .key("pk", text(key))
            .condition_expression(FREE_OR_OWN)
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&owner))
            .build()
    }

    /// Who is on a roster.
    async fn roster(&self, key: &str) -> Result<BTreeSet<Uuid>, AppendError> {
        let request = self.client.get_item().table_name(&self.reservations_table).consistent_read(true);
        let output = request.key("pk", text(key)).send().await.map_err(classify)?;
        roster::decode(output.item()).ok_or_else(|| AppendError::NoRoster { key: key.to_owned() })
    }

    fn change_roster(&self, key: &str, before: &BTreeSet<Uuid>, after: &BTreeSet<Uuid>) -> Result<Put, BuildError> {
        let put = Put::builder()
            .table_name(&self.reservations_table)
            .item("pk", text(key))
            .item(MEMBERS, roster::encode(after));
        if planted(Mutant::NoRosterCondition) {
            return put.build();
        }
        put.condition_expression(ROSTER_AS_READ)
            .expression_attribute_names("#members", MEMBERS)
            .expression_attribute_values(":before", roster::encode(before))
            .build()
    }
}

fn text(text: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

#[async_trait]
impl CommitLog for DynamoLog {
    async fn append(
        &self,
        commit: &Commit,
        carried: Option<&CarriedState>,
        reservations: &[Reservation],
    ) -> Result<(), AppendError> {
        let item = item::encode(commit, carried, Trace::current().as_ref())?;
        if reservations.is_empty() { self.put(item).await } else { self.transact(item, reservations).await }
    }

    async fn begin_roster(&self, key: &str, members: &BTreeSet<Uuid>) -> Result<(), AppendError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.reservations_table)
            .item("pk", text(key))
            .item(MEMBERS, roster::encode(members))
            .condition_expression(PLACE_IS_FREE);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(classify(error)),
            },
        }
    }

    async fn holders(&self) -> Result<BTreeSet<Uuid>, ReadError> {
        let mut holders = BTreeSet::new();
        let mut from = None;
        loop {
            let scan = self.client.scan().table_name(&self.reservations_table).consistent_read(true);
            let output = scan.set_exclusive_start_key(from).send().await;
            let output = output.map_err(|error| ReadError::Store(Box::new(error)))?;
            let owners = output.items().iter().filter_map(|item| item.get("owner")?.as_s().ok()?.parse::<Uuid>().ok());
            holders.extend(owners);
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(holders);
            }
        }
    }

    async fn page(&self, query: &PageQuery) -> Result<Page, ReadError> {
        if query.is_empty() {
            // DynamoDB takes no BETWEEN whose ends are the wrong way round.
            return Ok(Page::default());
        }
        let number = |number: u64| AttributeValue::N(number.to_string());
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(!planted(Mutant::StaleRead))
            .key_condition_expression("pk = :stream AND sk BETWEEN :lowest AND :highest")
            .expression_attribute_values(":stream", AttributeValue::S(query.stream.to_string()))
            .expression_attribute_values(":lowest", number(query.lowest))
            .expression_attribute_values(":highest", number(query.highest))
            .scan_index_forward(query.direction == Direction::Forward)
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .send()
            .await
            .map_err(|error| ReadError::Store(Box::new(error)))?;
        let next = output.last_evaluated_key.map(|key| item::key_of(&key).1).and_then(|last| query.after(last));
        let next = next.filter(|_| !planted(Mutant::FirstPageOnly));
        let commits = output.items.unwrap_or_default().into_iter().map(item::read).collect::<Result<_, _>>()?;
        Ok(Page { commits, next })
    }

    async fn scan_page(
        &self,
        segment: u32,
        segments: u32,
        cursor: Option<&ScanCursor>,
    ) -> Result<CommitPage, ReadError> {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let output = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .set_segment((segments > 1).then(|| count(segment)))
            .set_total_segments((segments > 1).then(|| count(segments)))
            .limit(SCAN_LIMIT)
            .set_exclusive_start_key(cursor.map(|cursor| item::key(&cursor.stream, cursor.version)))
            .send()
            .await
            .map_err(|error| ReadError::Store(Box::new(error)))?;
        let next = output.last_evaluated_key.map(|key| cursor_at(&key)).transpose()?;
        let mut page = CommitPage { next, ..CommitPage::default() };
        for item in output.items.unwrap_or_default() {
            let (stream, version) = item::key_of(&item);
            match item::decode(item) {
                Ok(stored) => page.commits.push(stored.commit),
                Err(error) => {
                    tracing::error!(stream, version, %error, "unreadable commit");
                    // One whose key names no aggregate is in nobody's history.
                    page.damaged.extend(stream.parse().ok().map(|stream| (stream, version)));
                }
            }
        }
        Ok(page)
    }
}

/// One attempt for one append: the SDK tells of its last attempt alone, and one before it may have been written. Trying
/// again is the event store's, which looks whose commit stands there.
fn one_attempt() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

fn cursor_at(key: &Item) -> Result<ScanCursor, ReadError> {
    let (stream, version) = item::key_of(key);
    match stream.parse() {
        Ok(stream) => Ok(ScanCursor { stream, version }),
        Err(error) => Err(ReadError::Damaged { version, reason: error.to_string(), stream }),
    }
}

fn refused(error: impl Into<BoxError>) -> AppendError {
    AppendError::Refused(error.into())
}

/// What the reasons of a canceled transaction come to: the first is of the commit, the others of the reservations in
/// their order. A taken place weighs most, since it may be this very commit, written by an earlier try.
fn from_reasons(reasons: &[CancellationReason], reservations: &[Reservation]) -> Option<AppendError> {
    const CONDITION: &str = "ConditionalCheckFailed";
    let any = |codes: &[&str]| reasons.iter().any(|reason| codes.iter().any(|code| reason.code() == Some(code)));
    let (commit, others) = reasons.split_first()?;
    if commit.code() == Some(CONDITION) {
        return Some(item::taken(commit.item()));
    }
    if let Some((_, reservation)) = others.iter().zip(reservations).find(|(reason, _)| reason.code() == Some(CONDITION))
    {
        return Some(match reservation {
            Reservation::Claim { key, .. } | Reservation::Release { key, .. } => {
                AppendError::Reserved { key: key.clone() }
            }
            // Somebody else came onto the roster, or left it, since it was read.
            Reservation::Join { .. } | Reservation::JoinFirst { .. } | Reservation::Leave { .. } => {
                AppendError::Contention
            }
        });
    }
    if any(&["TransactionConflict"]) {
        return Some(AppendError::Contention);
    }
    any(&["ThrottlingError", "ProvisionedThroughputExceeded"]).then_some(AppendError::Throttled)
}

/// Whether anything may have been written, which decides whether the commit can be given up.
fn classify<E>(error: SdkError<E, HttpResponse>) -> AppendError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match &error {
        SdkError::ConstructionFailure(_) => AppendError::Refused(Box::new(error)),
        SdkError::ServiceError(failure) => match failure.err().code() {
            Some("TransactionConflictException" | "TransactionInProgressException") => AppendError::Contention,
            Some(
                "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingException"
                | "ThrottlingError"
                | "ReplicatedWriteConflictException",
            ) => AppendError::Throttled,
            Some(_) if (400..500).contains(&failure.raw().status().as_u16()) => AppendError::Refused(Box::new(error)),
            // A fault of the server, or an answer that is not DynamoDB's.
            _ => AppendError::Unknown(Box::new(error)),
        },
        // A timeout, a connection that broke, an answer that cannot be read.
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => {
            AppendError::Unknown(Box::new(error))
        }
    }
}
