//! Any sequence of commands: versions without gaps, and a state that is the fold of the events.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Duration, Utc};
use muster_commands::{CommandHandler, CommitLog, EventStore, ExecuteError, ExpectedVersion};
use muster_domain::aggregate::Decider as _;
use muster_domain::commit::ChainVerifier;
use muster_domain::personal::MemoryKeys;
use muster_domain::task::{CreateTask, Priority, Status, Task, TaskCommand, TaskEvent, UpdateTask};
use muster_domain::values::{Location, Position};
use muster_domain::{AggregateType, CommentId, DomainEvent, EventReader as _, Metadata, StreamId, UserId};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use uuid::Uuid;

use super::commits::{metadata, now};

pub(crate) fn create(title: &str) -> TaskCommand {
    let position = Position::new(52.520_006_6, -0.1278).unwrap();
    let location = Location { name: "Ostkreuz".parse().unwrap(), position: Some(position) };
    TaskCommand::Create(CreateTask { location: Some(location), ..CreateTask::new(title.parse().unwrap(), now()) })
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0..10_000_i64).prop_map(|minutes| now() + Duration::minutes(minutes))
}

fn update() -> impl Strategy<Value = TaskCommand> {
    let user = || proptest::option::of((1..4_u128).prop_map(|n| UserId(Uuid::from_u128(n))));
    let maybe = proptest::option::of::<BoxedStrategy<_>>;
    (
        proptest::option::of(select(vec!["Fix the lift", "Fix both lifts", "Réparer l’ascenseur 🛗"])),
        maybe(user().boxed()),
        proptest::option::of(select(Priority::ALL)),
        proptest::option::of(proptest::option::of(time())),
        proptest::option::of(select(Status::ALL)),
        proptest::option::of((-90.0..90.0_f64, -180.0..180.0_f64)),
        time(),
    )
        .prop_map(|(title, assignee, priority, deadline, status, position, at)| {
            let location = position.map(|(latitude, longitude)| {
                let position = Some(Position::new(latitude, longitude).unwrap());
                Some(Location { name: "somewhere".parse().unwrap(), position })
            });
            let title = title.map(|title| title.parse().unwrap());
            TaskCommand::Update(UpdateTask {
                title,
                assignee,
                priority,
                deadline,
                status,
                location,
                ..UpdateTask::at(at)
            })
        })
}

fn command() -> impl Strategy<Value = TaskCommand> {
    prop_oneof![
        1 => Just(create("Fix the lift")),
        12 => update(),
        3 => time().prop_map(|at| TaskCommand::Hold { reason: "waiting for parts".parse().unwrap(), at }),
        3 => time().prop_map(|at| TaskCommand::Resume { reason: "they came".parse().unwrap(), at }),
        6 => any::<u128>().prop_map(|n| {
            TaskCommand::Comment { comment_id: CommentId(Uuid::from_u128(n)), text: "on my way".parse().unwrap() }
        }),
        1 => time().prop_map(|at| TaskCommand::Delete { at }),
        3 => Just(TaskCommand::Restore),
    ]
}

pub(crate) async fn after_any_commands_versions_are_gap_free_and_the_state_is_the_fold<L: CommitLog>(log: L) {
    let handler = CommandHandler::new(EventStore::new(log, MemoryKeys::shared()));
    let tasks = AtomicU64::new(0);
    // Long enough for two carried states, with the commands that are refused or change nothing.
    let commands = proptest::collection::vec(command(), 0..160);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&commands, |commands| {
        let id = Uuid::from_u128(tasks.fetch_add(1, Ordering::Relaxed).into());
        block_in_place(|| Handle::current().block_on(one_sequence(&handler, id, commands)))
    });
    outcome.unwrap();
}

async fn one_sequence<L: CommitLog>(
    handler: &CommandHandler<L>,
    id: Uuid,
    commands: Vec<TaskCommand>,
) -> Result<(), TestCaseError> {
    let mut model = Task::default();
    let mut events: Vec<TaskEvent> = Vec::new();
    let first = create("Fix the lift");
    for (n, command) in (0..).zip([first].into_iter().chain(commands)) {
        let metadata = Metadata { at: now() + Duration::seconds(n), ..metadata(n.unsigned_abs().into()) };
        let expected = ExpectedVersion::Exactly(events.len() as u64);
        let decided = model.decide(command.clone());
        match (handler.execute::<Task>(id, command, expected, &metadata).await, decided) {
            (Ok(committed), Ok(decided)) => {
                prop_assert_eq!(committed.events.len(), decided.len());
                for event in &decided {
                    model.evolve(event);
                }
                events.extend(decided);
                prop_assert_eq!(committed.version, events.len() as u64);
                prop_assert_eq!(&committed.aggregate, &model);
            }
            (Err(ExecuteError::Refused(found)), Err(expected)) => prop_assert_eq!(found, expected),
            (found, expected) => prop_assert!(false, "{:?}, where the rules say {:?}", found, expected),
        }
    }

    let loaded = handler.store().load::<Task>(id).await.unwrap();
    prop_assert_eq!(loaded.state(), &model);

    let stream = StreamId::new(AggregateType::Task, id);
    let recorded = handler.store().events(&stream, 0, None).await.unwrap();
    prop_assert!(recorded.iter().map(|event| event.version).eq(1..=events.len() as u64));
    let decoded = recorded.iter().map(|event| event.decode().unwrap()).collect::<Vec<_>>();
    prop_assert_eq!(decoded, events.into_iter().map(DomainEvent::Task).collect::<Vec<_>>());

    let mut chain = ChainVerifier::default();
    for commit in handler.store().commits(&stream, 0, None).await.unwrap() {
        chain.follow(&commit).unwrap();
    }
    prop_assert_eq!((chain.version(), chain.head()), (loaded.version(), loaded.head()));
    Ok(())
}
