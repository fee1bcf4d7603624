//! The people and programs that send commands: they try again under the same key, sometimes in parallel, sometimes with
//! another command by mistake, and sometimes give up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use muster_commands::{CommandHandler, Committed, DynamoEventStore, DynamoLog, ExecuteError, ExpectedVersion};
use muster_domain::task::Task;
use muster_domain::team::Team;
use muster_domain::user::{Role, User};
use muster_domain::{Actor, AggregateType, Clock as _, CommandId, Decider, Fingerprint, Metadata, StreamId, UserId};
use muster_identity::{NewInvitation, Sessions};
use tokio::time::sleep;
use uuid::Uuid;

use crate::asks::{Ask, Asks};
use crate::instance::Instance;
use crate::lambda::invoke;
use crate::observed::{Call, Outcome};
use crate::world::{SkewedClock, World};

/// How long a sender waits for an answer.
const PATIENCE: Duration = Duration::from_secs(12);

/// The address to which somebody is invited. Nobody else registers with it.
pub const INVITED: &str = "zoe@example.com";

/// A process that carries out commands.
#[derive(Clone)]
pub struct Executor {
    /// The process.
    pub instance: Arc<Instance>,
    /// Its command handler.
    pub handler: CommandHandler<DynamoLog>,
    /// Its sessions.
    pub sessions: Sessions,
}

/// How the command handlers of a run are set up.
#[derive(Clone, Copy, Debug)]
pub struct HandlerSettings {
    carry_every: u32,
    remembers: bool,
}

impl HandlerSettings {
    /// Draws them: in half of the runs handlers remember no aggregates, and read one for each command.
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        Self { carry_every: rng.u32(2..6), remembers: rng.bool() }
    }

    /// A handler over this store.
    pub fn handler(self, store: DynamoEventStore) -> CommandHandler<DynamoLog> {
        let handler = CommandHandler::new(store.carrying_every(self.carry_every));
        if self.remembers { handler } else { handler.remembering(0) }
    }
}

/// Where senders find a process that runs.
pub trait Executors: Send + Sync {
    /// One of those that run; `None` while there is none.
    fn pick(&self, world: &Arc<World>) -> Option<Executor>;
}

/// What all senders of a run share.
pub struct Senders {
    /// The world.
    pub world: Arc<World>,
    /// The processes.
    pub executors: Arc<dyn Executors>,
    /// The aggregates that commands go to.
    pub streams: Vec<StreamId>,
    /// Everything that was sent, in order.
    pub calls: Mutex<Vec<Call>>,
}

impl Senders {
    /// Sends `count` commands, one after the other, each until it is answered or given up.
    pub async fn run(self: Arc<Self>, sender: u64, count: u32) {
        for number in 0..count {
            let pause = if self.world.inner().rng.u8(..6) == 0 { 4_000 } else { 150 };
            sleep(self.world.millis(pause)).await;
            self.send_one(sender, number).await;
        }
    }

    /// Two administrators are there, and both stop being one at the same moment.
    pub async fn step_down(self: Arc<Self>) {
        let accounts = [201, 202].map(|number| StreamId::new(AggregateType::User, Uuid::from_u128(number)));
        for (number, (stream, address)) in (0..).zip(accounts.into_iter().zip(["eve@example.com", "kim@example.com"])) {
            let ask = Asks { rng: &mut self.world.inner().rng.fork(), at: self.world.now() }.administrator(address);
            for _ in 0..4 {
                if self.send(stream, stepping(number), ask.clone(), None).await != Outcome::Unknown {
                    break;
                }
                sleep(self.world.millis(2_000)).await;
            }
        }
        sleep(self.world.millis(500)).await;
        let asks = accounts.map(|_| if self.world.inner().rng.bool() { Asks::demotion() } else { Asks::closing() });
        let sendings = (2..).zip(accounts.into_iter().zip(asks));
        join_all(sendings.map(|(number, (stream, ask))| self.send(stream, stepping(number), ask, None))).await;
    }

    /// Two people take one invitation at the same moment. Whoever has the account moves to another address; then somebody comes with
    /// the invitation again.
    pub async fn take_invitation(self: Arc<Self>) {
        let Ok(email) = INVITED.parse() else { return };
        let (id, invited_by) = (Uuid::from_u128(301), UserId(Uuid::from_u128(7)));
        let invitation = NewInvitation { id, email, name: None, role: Role::Member, teams: vec![], invited_by };
        let account = Asks { rng: &mut self.world.inner().rng.fork(), at: self.world.now() }.member(INVITED);
        let taken = join_all((0..2).map(|_| self.take(&invitation, &account))).await;
        let Some(stream) = taken.into_iter().flatten().next() else { return };
        self.until_known(
            stream,
            CommandId(Uuid::from_u64_pair(0x1a_17ed, 1)),
            &Asks::moving("moved@example.com"),
            None,
        )
        .await;
        self.take(&invitation, &account).await;
    }

    /// The account of whoever takes the invitation, if they are told that it is theirs.
    async fn take(&self, invitation: &NewInvitation, account: &Ask) -> Option<StreamId> {
        let command_id = invitation.command_id();
        let stream = StreamId::new(AggregateType::User, command_id.created_id());
        let outcome = self.until_known(stream, command_id, account, Some(0)).await;
        matches!(outcome, Outcome::Committed { .. }).then_some(stream)
    }

    /// Sends a command again and again until it is known what came of it, or it is given up.
    async fn until_known(&self, stream: StreamId, command_id: CommandId, ask: &Ask, expected: Option<u64>) -> Outcome {
        for _ in 0..8 {
            let outcome = self.send(stream, command_id, ask.clone(), expected).await;
            if !matches!(outcome, Outcome::Unknown | Outcome::Contended) {
                return outcome;
            }
            sleep(self.world.millis(2_000)).await;
        }
        Outcome::Unknown
    }

    async fn send_one(&self, sender: u64, number: u32) {
        let (stream, ask, expected, other) = self.draw();
        let command_id = CommandId(Uuid::from_u64_pair(0xc0_ffee + sender, u64::from(number)));
        let copies = if self.world.inner().rng.u8(..6) == 0 { 2 } else { 1 };
        let mut sent = ask.clone();
        for attempt in 0_u32.. {
            let sendings = (0..copies).map(|_| self.send(stream, command_id, sent.clone(), expected));
            let outcomes = join_all(sendings).await;
            let known = outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Unknown | Outcome::Contended));
            let (gives_up, repeats) = {
                let mut inner = self.world.inner();
                let gives_up = attempt > 8 || attempt > 0 && inner.rng.u8(..10) == 0;
                // Sometimes a lost answer is suspected where there was none.
                (gives_up, inner.rng.u8(..8) == 0)
            };
            if known && !repeats || gives_up {
                return;
            }
            if known && let Some(other) = &other {
                sent = other.clone();
            } else {
                sent = ask.clone();
            }
            sleep(self.world.millis(2_000)).await;
        }
    }

    /// An aggregate, a command to it, the version that it must have, and perhaps another command that is sent under the
    /// same id by mistake.
    fn draw(&self) -> (StreamId, Ask, Option<u64>, Option<Ask>) {
        let at = self.world.now();
        let mut inner = self.world.inner();
        let mut rng = inner.rng.fork();
        let stream = self.streams[rng.usize(..self.streams.len())];
        let text = stream.to_string();
        let head = inner.event_writes.iter().rev().find(|write| write.stream == text).map_or(0, |write| write.version);
        drop(inner);
        let create = head == 0 && rng.u8(..10) != 0;
        let ask = Asks { rng: &mut rng, at }.next(&stream, create);
        let expected = match rng.u8(..8) {
            0 => Some(head),
            1 if create => Some(0),
            2 => Some(rng.u64(..=head + 1)),
            _ => None,
        };
        let other = (rng.u8(..4) == 0).then(|| Asks { rng: &mut rng, at }.next(&stream, false));
        (stream, ask, expected, other)
    }

    async fn send(&self, stream: StreamId, command_id: CommandId, ask: Ask, expected: Option<u64>) -> Outcome {
        let content = format!("{ask:?} {expected:?}");
        let sent = self.world.elapsed();
        let number = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(Call {
                sent,
                answered: None,
                stream: stream.to_string(),
                command_id: command_id.to_string(),
                content: content.clone(),
                expected,
                outcome: Outcome::Unknown,
            });
            calls.len() - 1
        };
        let outcome = match self.executors.pick(&self.world) {
            Some(executor) => self.execute(executor, stream, command_id, ask, expected).await,
            None => None,
        };
        self.world.step(("answer", command_id.0.as_u128(), outcome.is_some()), || {
            format!("sending {number} ({stream}, {command_id}, {content}) is answered: {outcome:?}")
        });
        let Some(outcome) = outcome else { return Outcome::Unknown };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = calls.get_mut(number) {
            call.answered = Some(self.world.elapsed());
            call.outcome = outcome.clone();
        }
        outcome
    }

    async fn execute(
        &self,
        Executor { instance, handler, .. }: Executor,
        stream: StreamId,
        command_id: CommandId,
        ask: Ask,
        expected: Option<u64>,
    ) -> Option<Outcome> {
        let clock = SkewedClock { world: Arc::clone(&self.world), instance: Arc::clone(&instance) };
        let metadata = Metadata {
            command_id,
            // What is expected is a part of the request; as JSON, a value taken away and one left alone look the same.
            fingerprint: Fingerprint::of("simulated", &format!("{ask:?} {expected:?}")),
            actor: Actor::from(UserId(Uuid::from_u128(7))),
            at: clock.now(),
            correlation_id: "simulated".to_owned(),
            causation_id: None,
        };
        let expected = match expected {
            None => ExpectedVersion::Any,
            Some(0) => ExpectedVersion::New,
            Some(version) => ExpectedVersion::Exactly(version),
        };
        debug_assert!(matches!(stream.aggregate, AggregateType::Task | AggregateType::Team | AggregateType::User));
        let work = async move {
            match ask {
                Ask::Task(command) => outcome::<Task>(handler.execute(stream.id, command, expected, &metadata).await),
                Ask::Team(command) => outcome::<Team>(handler.execute(stream.id, command, expected, &metadata).await),
                Ask::User(command) => outcome::<User>(handler.execute(stream.id, command, expected, &metadata).await),
            }
        };
        invoke(&self.world, &instance, PATIENCE, work).await
    }
}

/// The id of a command of the administrators who step down.
fn stepping(number: u64) -> CommandId {
    CommandId(Uuid::from_u64_pair(0xad_0000, number))
}

/// What the caller of a command handler is told.
pub(crate) fn outcome<A: Decider>(result: Result<Committed<A>, ExecuteError<A::Error>>) -> Outcome {
    match result {
        Ok(Committed { version, events, replayed, .. }) => {
            let events = events.into_iter().map(|event| (event.version, event.event_type, event.data)).collect();
            Outcome::Committed { version, events, replayed }
        }
        Err(ExecuteError::Refused(_)) => Outcome::Refused,
        Err(ExecuteError::VersionMismatch { actual, .. }) => Outcome::VersionMismatch { actual },
        Err(ExecuteError::KeyReused) => Outcome::KeyReused,
        Err(ExecuteError::Reserved { .. } | ExecuteError::LastOnRoster { .. } | ExecuteError::NotFirst { .. }) => {
            Outcome::Reserved
        }
        Err(ExecuteError::Contended) => Outcome::Contended,
        Err(ExecuteError::Unavailable(_)) => Outcome::Unknown,
        Err(ExecuteError::TooLarge { bytes }) => Outcome::Damaged { reason: format!("{bytes} bytes are too many") },
        Err(error @ ExecuteError::Damaged { .. }) => Outcome::Damaged { reason: error.to_string() },
    }
}
