//! What DynamoDB says that each request consumed.
//!
//! An interceptor of the SDK asks every request for its `ConsumedCapacity` by table and index, and adds up what is answered.
//! The embedded engine counts as DynamoDB does (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>),
//! and the tests here hold it to that: a write unit for each KB of the larger of the item before and after, at least one; for an
//! index the same of what it holds, nothing if that stays as it is, and a removal and an insertion if its key moves; twice
//! that for the table in a transaction; a read unit for each 4 KB, half of that for a read that need not be consistent. So nothing is corrected.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::{ScanInput, ScanOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use muster_embedded::Engine;

/// Whether a unit is one of reading or of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// A read request unit.
    Read,
    /// A write request unit.
    Write,
}

/// Units by table, index (`None`: the table itself) and access.
pub(crate) type Units = BTreeMap<(String, Option<String>, Access), f64>;

/// What was consumed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Consumed>>);

#[derive(Debug, Default)]
struct Consumed {
    units: Units,
    unknown: Vec<String>,
}

impl Meter {
    /// A client of the engine whose requests are counted.
    pub(crate) fn on(engine: &Engine) -> (Client, Self) {
        let meter = Self::default();
        let config = engine.client().config().to_builder().interceptor(meter.clone()).build();
        (Client::from_conf(config), meter)
    }

    /// What was consumed since the last time. An error when a request did not say what it consumed, as one that failed.
    pub(crate) fn take(&self) -> Result<Units, String> {
        let Consumed { units, unknown } = self.with(std::mem::take);
        if unknown.is_empty() { Ok(units) } else { Err(format!("it is not known what these consumed: {unknown:?}")) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Consumed) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, access: Access, consumed: &ConsumedCapacity) {
        let table = consumed.table_name().unwrap_or_default().to_owned();
        let indexes = consumed.global_secondary_indexes().into_iter().flatten();
        let of_indexes = indexes.map(|(name, capacity)| (Some(name.clone()), capacity.capacity_units()));
        let of_table = (None, consumed.table().and_then(aws_sdk_dynamodb::types::Capacity::capacity_units));
        self.with(|all| {
            for (index, units) in of_indexes.chain([of_table]) {
                *all.units.entry((table.clone(), index, access)).or_default() += units.unwrap_or_default();
            }
        });
    }
}

/// Asks the request for what it consumes, if it is one of these.
macro_rules! ask {
    ($input:expr, $($request:ty),+) => {
        $(if let Some(request) = $input.downcast_mut::<$request>() {
            request.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes);
        })+
    };
}

/// What the answer says, if it is one of these.
macro_rules! told {
    ($output:expr, $($access:ident $answer:ty),+) => {
        [$($output.downcast_ref::<$answer>().map(|answer| (Access::$access, answer.consumed_capacity().into_iter().collect::<Vec<_>>()))),+]
    };
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        ask!(input, GetItemInput, BatchGetItemInput, QueryInput, ScanInput);
        ask!(input, PutItemInput, UpdateItemInput, DeleteItemInput, BatchWriteItemInput, TransactWriteItemsInput);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let output = match context.output_or_error() {
            Ok(output) => output,
            Err(error) => {
                self.with(|all| all.unknown.push(format!("{error:?}")));
                return Ok(());
            }
        };
        let told = told!(
            output,
            Read GetItemOutput,
            Read BatchGetItemOutput,
            Read QueryOutput,
            Read ScanOutput,
            Write PutItemOutput,
            Write UpdateItemOutput,
            Write DeleteItemOutput,
            Write BatchWriteItemOutput,
            Write TransactWriteItemsOutput
        );
        let told: Vec<_> = told
            .into_iter()
            .flatten()
            .flat_map(|(access, all)| all.into_iter().map(move |one| (access, one)))
            .collect();
        if told.is_empty() {
            self.with(|all| all.unknown.push(format!("{output:?}")));
        }
        for (access, consumed) in told {
            self.add(access, consumed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
    use muster_handlers::topology::Topology;

    use super::*;

    const RESERVATIONS: &str = "muster-reservations";
    const TASKS: &str = "muster-task-list-1";

    async fn store() -> (Client, Meter) {
        let engine = Engine::memory().unwrap();
        Topology::load().unwrap().create_tables(&engine.client(), "muster-").await.unwrap();
        Meter::on(&engine)
    }

    fn text(value: &str) -> AttributeValue {
        AttributeValue::S(value.to_owned())
    }

    fn of_kilobytes(kilobytes: usize) -> AttributeValue {
        text(&"x".repeat((kilobytes * 1024).saturating_sub(100)))
    }

    /// A task with so many kilobytes that the index holds, and so many that it does not.
    async fn put_task(client: &Client, status: &str, held: usize, other: usize) {
        let put = client.put_item().table_name(TASKS).item("pk", text("task#1")).item("sk", text("row"));
        let put = put.item("due", text("~")).item("list", text(status));
        put.item("facts", of_kilobytes(held)).item("text", of_kilobytes(other)).send().await.unwrap();
    }

    fn units(meter: &Meter) -> Vec<(String, Access, f64)> {
        let name = |(table, index, access): (String, Option<String>, Access), units| {
            (index.map_or(table.clone(), |index| format!("{table}/{index}")), access, units)
        };
        meter.take().unwrap().into_iter().map(|(key, units)| name(key, units)).collect()
    }

    fn table(name: &str, access: Access, units: f64) -> (String, Access, f64) {
        (name.to_owned(), access, units)
    }

    #[tokio::test]
    async fn a_write_is_a_unit_for_each_kilobyte_and_twice_that_in_a_transaction() {
        let (client, meter) = store().await;

        client.put_item().table_name(RESERVATIONS).item("pk", text("a")).send().await.unwrap();
        assert_eq!(units(&meter), [table(RESERVATIONS, Access::Write, 1.0)]);

        let put = client.put_item().table_name(RESERVATIONS).item("pk", text("b")).item("x", of_kilobytes(3));
        put.send().await.unwrap();
        assert_eq!(units(&meter), [table(RESERVATIONS, Access::Write, 3.0)]);

        let put = Put::builder().table_name(RESERVATIONS).item("pk", text("c")).build().unwrap();
        let write = TransactWriteItem::builder().put(put).build();
        client.transact_write_items().transact_items(write).send().await.unwrap();
        assert_eq!(units(&meter), [table(RESERVATIONS, Access::Write, 2.0)]);
        assert_eq!(units(&meter), [], "what was taken is gone");
    }

    #[tokio::test]
    async fn an_index_is_written_when_what_it_holds_changes_and_twice_when_its_key_moves() {
        let (client, meter) = store().await;
        let written = |of_table, of_index: Option<f64>| {
            let index = of_index.map(|units| table(&format!("{TASKS}/by-due"), Access::Write, units));
            [table(TASKS, Access::Write, of_table)].into_iter().chain(index).collect::<Vec<_>>()
        };

        put_task(&client, "todo", 1, 0).await;
        assert_eq!(units(&meter), written(1.0, Some(1.0)));
        put_task(&client, "todo", 1, 0).await;
        assert_eq!(units(&meter), written(1.0, None), "nothing changed");
        put_task(&client, "todo", 1, 2).await;
        assert_eq!(units(&meter), written(3.0, None), "what changed is not in the index");
        put_task(&client, "todo", 3, 2).await;
        assert_eq!(units(&meter), written(5.0, Some(3.0)));
        put_task(&client, "in_progress", 1, 2).await;
        assert_eq!(units(&meter), written(5.0, Some(3.0 + 1.0)), "the larger of before and after, and a move");
    }

    #[tokio::test]
    async fn a_read_is_a_unit_for_each_four_kilobytes_and_half_of_that_if_it_need_not_be_consistent() {
        let (client, meter) = store().await;
        let put = client.put_item().table_name(RESERVATIONS).item("pk", text("a")).item("x", of_kilobytes(5));
        put.send().await.unwrap();
        meter.take().unwrap();

        let get = client.get_item().table_name(RESERVATIONS).key("pk", text("a"));
        get.clone().consistent_read(true).send().await.unwrap();
        assert_eq!(units(&meter), [table(RESERVATIONS, Access::Read, 2.0)]);
        get.send().await.unwrap();
        assert_eq!(units(&meter), [table(RESERVATIONS, Access::Read, 1.0)]);

        let key = |name| std::collections::HashMap::from([("pk".to_owned(), text(name))]);
        let keys =
            KeysAndAttributes::builder().keys(key("a")).keys(key("nobody")).consistent_read(true).build().unwrap();
        client.batch_get_item().request_items(RESERVATIONS, keys).send().await.unwrap();
        assert_eq!(units(&meter), [table(RESERVATIONS, Access::Read, 3.0)], "what is not there is a unit too");
    }

    #[tokio::test]
    async fn a_request_that_fails_is_told_since_nobody_knows_what_it_consumed() {
        let (client, meter) = store().await;

        client.put_item().table_name("muster-nowhere").item("pk", text("a")).send().await.unwrap_err();

        assert!(meter.take().unwrap_err().contains("it is not known what these consumed"));
    }
}
