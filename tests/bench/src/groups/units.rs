//! What a command costs on AWS.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `wcu.command.1event`, `wcu.command.3events` | write units of one command that causes so many events, carried out by the command handler | write units |
//! | `wcu.dynamo-es.1event`, `wcu.dynamo-es.3events` | the same command to the same aggregate through the crate `dynamo-es` (its event store without snapshots), on the same engine | write units |
//!
//! Every put and transaction is asked for its `ConsumedCapacity` by an interceptor of the SDK, and what the engine answers is
//! added up. The engine counts as DynamoDB does: a unit for each KB of the item that is begun, twice that in a transaction.
//! Units of the stream and of what the read models write are not among them.
//!
//! The goal is 1: a commit of up to 1 KB is one item, whatever the number of its events.

use std::sync::{Arc, Mutex, PoisonError};

use crate::keys::master;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use chrono::Utc;
use muster_cli::report::{Failure, failed};
use muster_cli::system::System;
use muster_commands::ExpectedVersion;
use muster_domain::task::{Priority, Status, Task, TaskCommand, UpdateTask};
use muster_embedded::Engine;
use uuid::Uuid;

use crate::bench::Bench;
use crate::fill::{metadata, new_task};
use crate::measure::{Goal, Measure};

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["wcu"];

const UNIT: &str = "write units";

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    bench.doing("write units");
    let engine = Engine::memory()?;
    let (client, meter) = metered(&engine);
    let system = System::over(client.clone(), master()).await?;
    for (name, command) in commands() {
        let id = Uuid::new_v4();
        let create = TaskCommand::Create(new_task(1)?);
        execute(&system, id, create).await?;
        meter.take();
        let events = execute(&system, id, command).await?;
        bench.tell(&Measure::exact(format!("wcu.command.{name}"), UNIT, meter.take()).goal(Goal::AtMost(1.0)))?;
        if !name.starts_with(&events.to_string()) {
            return Err(Failure::Refused(format!("the command of {name} caused {events}")));
        }
    }
    #[cfg(feature = "dynamo-es")]
    dynamo_es::run(bench, &client, &meter).await?;
    Ok(())
}

/// One that causes one event, and one that causes three.
fn commands() -> [(&'static str, TaskCommand); 2] {
    let one = UpdateTask { priority: Some(Priority::Low), ..UpdateTask::at(Utc::now()) };
    let three = UpdateTask { deadline: Some(None), status: Some(Status::InProgress), ..one.clone() };
    [("1event", TaskCommand::Update(one)), ("3events", TaskCommand::Update(three))]
}

/// Gives how many events it caused.
async fn execute(system: &System, id: Uuid, command: TaskCommand) -> Result<usize, Failure> {
    let done = system.commands.execute::<Task>(id, command, ExpectedVersion::Any, &metadata()).await;
    Ok(done.map_err(failed("carrying out a command"))?.events.len())
}

/// A client of the engine, and what its writes cost.
fn metered(engine: &Engine) -> (Client, Meter) {
    let meter = Meter::default();
    let config = engine.client().config().to_builder().interceptor(meter.clone()).build();
    (Client::from_conf(config), meter)
}

/// Asks every write what it costs, and adds it up.
#[derive(Clone, Debug, Default)]
struct Meter(Arc<Mutex<f64>>);

impl Meter {
    /// What the writes since the last time cost.
    fn take(&self) -> f64 {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, consumed: &ConsumedCapacity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += consumed.capacity_units().unwrap_or_default();
    }
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
        if let Some(put) = input.downcast_mut::<PutItemInput>() {
            put.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        } else if let Some(transaction) = input.downcast_mut::<TransactWriteItemsInput>() {
            transaction.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error() {
            if let Some(put) = output.downcast_ref::<PutItemOutput>() {
                put.consumed_capacity().into_iter().for_each(|consumed| self.add(consumed));
            } else if let Some(transaction) = output.downcast_ref::<TransactWriteItemsOutput>() {
                transaction.consumed_capacity().iter().for_each(|consumed| self.add(consumed));
            }
        }
        Ok(())
    }
}

/// The same through `dynamo-es`.
#[cfg(feature = "dynamo-es")]
mod dynamo_es {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    use cqrs_es::CqrsFramework;
    use cqrs_es::persist::PersistedEventStore;
    use dynamo_es::DynamoEventRepository;
    use muster_commands::metadata_to_map;

    use super::{
        Bench, Client, Failure, Measure, Meter, Task, TaskCommand, UNIT, Uuid, commands, failed, metadata, new_task,
    };

    const DOING: &str = "carrying out a command through dynamo-es";
    const EVENTS: &str = "dynamo-es-events";
    const KEY: [(&str, ScalarAttributeType, KeyType); 2] = [
        ("AggregateTypeAndId", ScalarAttributeType::S, KeyType::Hash),
        ("AggregateIdSequence", ScalarAttributeType::N, KeyType::Range),
    ];

    pub(super) async fn run(bench: &Bench, client: &Client, meter: &Meter) -> Result<(), Failure> {
        create_table(client).await?;
        let repository = DynamoEventRepository::new(client.clone()).with_tables(EVENTS, "dynamo-es-snapshots");
        let store = PersistedEventStore::<_, Task>::new_event_store(repository);
        let framework = CqrsFramework::new(store, Vec::new(), ());
        for (name, command) in commands() {
            let id = Uuid::new_v4().to_string();
            let create = TaskCommand::Create(new_task(1)?);
            let created = framework.execute_with_metadata(&id, create, metadata_to_map(&metadata())).await;
            created.map_err(failed(DOING))?;
            meter.take();
            let done = framework.execute_with_metadata(&id, command, metadata_to_map(&metadata())).await;
            done.map_err(failed(DOING))?;
            bench.tell(&Measure::exact(format!("wcu.dynamo-es.{name}"), UNIT, meter.take()))?;
        }
        Ok(())
    }

    async fn create_table(client: &Client) -> Result<(), Failure> {
        let mut create = client.create_table().table_name(EVENTS).billing_mode(BillingMode::PayPerRequest);
        for (name, kind, role) in KEY {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build();
            let element = KeySchemaElement::builder().attribute_name(name).key_type(role).build();
            create = create.attribute_definitions(attribute.map_err(failed(DOING))?);
            create = create.key_schema(element.map_err(failed(DOING))?);
        }
        create.send().await.map(|_| ()).map_err(failed(DOING))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

    use super::*;

    #[tokio::test]
    async fn the_meter_counts_a_unit_for_each_kilobyte_and_twice_that_in_a_transaction() {
        let (client, meter) = metered(&Engine::memory().unwrap());
        System::over(client.clone(), master()).await.unwrap();
        let pk = || AttributeValue::S(Uuid::new_v4().to_string());
        let filler = || AttributeValue::S("x".repeat(1_100));

        client.put_item().table_name("muster-reservations").item("pk", pk()).send().await.unwrap();
        assert!((meter.take() - 1.0).abs() < 1e-9);

        client.put_item().table_name("muster-reservations").item("pk", pk()).item("x", filler()).send().await.unwrap();
        assert!((meter.take() - 2.0).abs() < 1e-9);

        let put = Put::builder().table_name("muster-reservations").item("pk", pk()).build().unwrap();
        let write = TransactWriteItem::builder().put(put).build();
        client.transact_write_items().transact_items(write).send().await.unwrap();
        assert!((meter.take() - 2.0).abs() < 1e-9);
        assert!(meter.take().abs() < 1e-9, "what was taken is gone");
    }
}
