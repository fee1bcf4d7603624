//! Any sequence of commands: what is decided, what it leads to, and that what is stored is read back as it was.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::LazyLock;

use jsonschema::Validator;
use muster_domain::aggregate::Reservation;
use muster_domain::commit::MAX_EVENTS_IN_COMMIT;
use muster_domain::event::decode_as;
use muster_domain::personal::{MemoryKeys, Opener, open_event, seal_event};
use muster_domain::task::{Task, TaskCommand};
use muster_domain::team::{Team, TeamCommand};
use muster_domain::user::{ADMINISTRATORS, User, UserCommand};
use muster_domain::values::Name;
use muster_domain::{Decider, DomainEvent, EventData, StreamId, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::strategies::{task_command, team_command, user_command};

/// An event as the store keeps it.
pub(crate) fn stored<E: cqrs_es::DomainEvent>(event: &E) -> EventData {
    EventData {
        event_type: event.event_type(),
        schema: event.event_version().parse().unwrap(),
        data: serde_json::to_value(event).unwrap()["data"].take(),
    }
}

static SCHEMAS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    DomainEvent::kinds()
        .map(|(_, kind)| (kind.event_type, jsonschema::validator_for((kind.json_schema)().as_value()).unwrap()))
        .collect()
});

/// Stored and read back, an event is the same, and its payload has the published shape.
fn assert_reads_back<A: Decider>(event: &A::Event)
where
    A::Event: PartialEq,
{
    let EventData { event_type, schema, data } = stored(event);
    let (stream, key) = (StreamId::new(A::KIND, Uuid::from_u128(7)), MemoryKeys::of(UserId(Uuid::from_u128(7))));
    let mut sealed = data.clone();
    seal_event(&key, &stream, 1, &event_type, &mut sealed).unwrap();
    assert_eq!(open_event(&Opener::Key(key), &stream, 1, &event_type, sealed.clone()).unwrap(), data);
    let shape = SCHEMAS[event_type.as_str()].validate(&sealed).map_err(|error| error.to_string());
    assert_eq!(shape, Ok(()), "the published shape of {event_type}: {data:#}");
    let text = data.to_string();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(&decode_as::<A::Event>(A::KIND, &event_type, schema, read.clone()).unwrap(), event);
    let typed = DomainEvent::decode(A::KIND, &event_type, schema, read).unwrap();
    assert_eq!((typed.aggregate(), typed.data()), (A::KIND.as_str(), data));
}

/// What only these tests ask of an event that has been typed.
trait Untype {
    fn aggregate(&self) -> &'static str;
    fn data(&self) -> Value;
}

impl Untype for DomainEvent {
    fn aggregate(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::User(_) => "user",
            Self::Team(_) => "team",
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::Task(event) => stored(event).data,
            Self::User(event) => stored(event).data,
            Self::Team(event) => stored(event).data,
        }
    }
}

/// Obeys the commands one after the other. `reflects` says what must be so after a command that was accepted.
fn assert_sequence<A>(commands: Vec<A::Command>, reflects: impl Fn(&A, &A::Command, &A)) -> Vec<A::Event>
where
    A: Decider + Clone + PartialEq + Debug + Serialize + DeserializeOwned,
    A::Event: PartialEq,
    A::Command: Clone,
{
    let mut state = A::default();
    let mut history: Vec<A::Event> = Vec::new();
    for command in commands {
        let before = state.clone();
        match before.decide(command.clone()) {
            Ok(events) => {
                assert!(events.len() <= MAX_EVENTS_IN_COMMIT);
                for event in events {
                    let earlier = state.clone();
                    state.evolve(&event);
                    assert_reads_back::<A>(&event);
                    history.push(event);
                    // Carried by a commit and read back, a state is the same.
                    let carried = serde_json::to_string(&earlier).unwrap();
                    assert_eq!(serde_json::from_str::<A>(&carried).unwrap(), earlier);
                }
                reflects(&before, &command, &state);
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
    let mut folded = A::default();
    for event in &history {
        folded.evolve(event);
    }
    assert_eq!(folded, state);
    history
}

/// A request that was obeyed and is made again asks for nothing new.
fn assert_settled<A: Decider>(after: &A, command: A::Command)
where
    A::Event: PartialEq,
{
    assert_eq!(after.decide(command).unwrap(), []);
}

fn task_reflects(before: &Task, command: &TaskCommand, after: &Task) {
    let (was, is) = (before.state.as_ref(), after.state.as_ref().unwrap());
    match command {
        TaskCommand::Create(create) => {
            assert_eq!(was, None);
            assert_eq!(
                (&is.title, &is.description, &is.labels, &is.location),
                (&create.title, &create.description, &create.labels, &create.location),
            );
            assert_eq!(
                (is.team, is.assignee, is.reporter, is.priority, is.deadline),
                (create.team, create.assignee, create.reporter, create.priority, create.deadline),
            );
        }
        TaskCommand::Update(_)
        | TaskCommand::UpdateChecklistItem(_)
        | TaskCommand::Rank { .. }
        | TaskCommand::Relate { .. }
        | TaskCommand::Unrelate { .. }
        | TaskCommand::Watch { .. }
        | TaskCommand::Unwatch { .. } => assert_settled(after, command.clone()),
        TaskCommand::AddChecklistItem { item_id, text, .. } => {
            let added = is.checklist.iter().find(|item| item.id == *item_id).unwrap();
            assert_eq!((&added.text, added.done, is.checklist.len()), (text, false, was.unwrap().checklist.len() + 1));
        }
        TaskCommand::RemoveChecklistItem { item_id } => assert!(is.checklist.iter().all(|item| item.id != *item_id)),
        TaskCommand::Hold { at, .. } => assert_eq!(is.hold.as_ref().map(|hold| hold.since), Some(*at)),
        TaskCommand::Resume { .. } => assert_eq!(is.hold, None),
        TaskCommand::Comment { .. } => assert_eq!(is.comments, was.unwrap().comments + 1),
        TaskCommand::Delete { at } => assert_eq!(is.deleted_at, Some(*at)),
        TaskCommand::Restore => assert_eq!(is.deleted_at, None),
        TaskCommand::SetRecurrence { .. } | TaskCommand::ClearRecurrence | TaskCommand::SetReminders { .. } => {
            assert_settled(after, command.clone());
        }
        TaskCommand::FireReminders { at } => {
            assert_settled(after, command.clone());
            assert!(is.next_reminder().is_none_or(|next| next > *at));
        }
        TaskCommand::Recur(successor) => {
            assert_eq!(was, None);
            assert_eq!(is.recurrence.as_ref(), Some(&successor.occurrence));
            assert_eq!((&is.title, &is.reminders.leads), (&successor.task.title, &successor.leads));
        }
        TaskCommand::Import(import) => {
            assert_eq!(was, None);
            assert_eq!((is.status, is.imported.as_ref()), (import.status, Some(&import.facts)));
            assert_eq!((&is.title, is.comments as usize), (&import.task.title, import.comments.len()));
            assert_eq!((is.parent, &is.checklist), (import.parent, &import.checklist));
        }
    }
    assert_eq!(is.status == muster_domain::task::Status::Completed, is.completed_at.is_some());
    assert!(is.completed_at.is_none() || is.hold.is_none(), "a completed task waits for something");
}

fn user_reflects(_: &User, command: &UserCommand, after: &User) {
    let is = after.state.as_ref().unwrap();
    match command {
        UserCommand::Register(register) => {
            assert_eq!((&is.name, &is.email, is.role), (&register.name, &register.email, register.role));
            assert_eq!((&is.locale, &is.phone, is.time_zone), (&register.locale, &register.phone, register.time_zone));
        }
        UserCommand::Update(_) | UserCommand::LeaveTeam(_) | UserCommand::JoinTeam(_) => {
            assert_settled(after, command.clone());
        }
        UserCommand::ChangeNotificationPreferences(asked) => assert_eq!(is.notifications(), *asked),
        UserCommand::Deactivate => assert!(!is.active),
        UserCommand::Reactivate => assert!(is.active),
        UserCommand::Erase { .. } => {
            assert!(!is.active && is.erased_at.is_some());
            assert_eq!((&is.name, &is.locale, &is.phone), (&Name::erased(), &None, &None));
        }
    }
}

fn team_reflects(_: &Team, command: &TeamCommand, after: &Team) {
    let is = after.state.as_ref().unwrap();
    match command {
        TeamCommand::Create(create) => assert_eq!((&is.name, &is.description), (&create.name, &create.description)),
        TeamCommand::Update(_) => assert_settled(after, command.clone()),
    }
}

proptest! {
    #[test]
    fn tasks_follow_their_events(commands in vec(task_command(), 0..40)) {
        assert_sequence::<Task>(commands, task_reflects);
    }

    #[test]
    fn teams_follow_their_events(commands in vec(team_command(), 0..20)) {
        assert_sequence::<Team>(commands, team_reflects);
    }

    /// Claims and releases take turns, and an account holds its address exactly while it is active; it is on the roster of
    /// the administrators exactly while it is one of them and active.
    #[test]
    fn users_follow_their_events_and_hold_one_address_while_they_are_active(
        commands in vec(user_command(), 0..30),
    ) {
        let id = Uuid::from_u128(7);
        let mut state = User::default();
        let mut held = BTreeMap::new();
        let mut on_roster = false;
        for event in assert_sequence::<User>(commands, user_reflects) {
            state.evolve(&event);
            for change in state.reservations(id, std::slice::from_ref(&event)) {
                match change {
                    Reservation::Claim { key, owner } => prop_assert_eq!(held.insert(key, owner), None),
                    Reservation::Release { key, owner } => prop_assert_eq!(held.remove(&key), Some(owner)),
                    Reservation::Join { key, member } => {
                        prop_assert_eq!((key.as_str(), member, on_roster), (ADMINISTRATORS, id, false));
                        on_roster = true;
                    }
                    Reservation::JoinFirst { .. } => prop_assert!(false, "no decider asks for it"),
                    Reservation::Leave { key, member } => {
                        prop_assert_eq!((key.as_str(), member, on_roster), (ADMINISTRATORS, id, true));
                        on_roster = false;
                    }
                }
            }
            prop_assert_eq!(on_roster, state.is_on(ADMINISTRATORS));
            let user = state.state.as_ref().unwrap();
            let expected = user.active.then(|| (user.email.reservation_key(), id));
            prop_assert_eq!(&held, &expected.into_iter().collect());
        }
    }

    /// A payload with a field that nobody knows, or without one that must be there, is refused and not half read.
    #[test]
    fn a_payload_of_another_shape_is_refused(commands in vec(task_command(), 1..20)) {
        for event in assert_sequence::<Task>(commands, task_reflects) {
            let mut event = stored(&event);
            event.data["unheard_of"] = json!(1);
            prop_assert!(event_of_task(event.clone()).is_err(), "{:?}", event);
            event.data = json!("words");
            prop_assert!(event_of_task(event).is_err());
        }
    }
}

fn event_of_task(event: EventData) -> Result<DomainEvent, muster_domain::event::DecodeError> {
    DomainEvent::decode(Task::KIND, &event.event_type, event.schema, event.data)
}
