//! People who are signed in: they refresh, in several tabs at once and again when no answer comes, somebody copies one of
//! their tokens, and some sign out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use muster_domain::{Clock, UserId};
use muster_identity::{Client, EndReason, Proved, ServerSecret, SessionError, SessionId, Sessions};
use tokio::time::sleep;
use uuid::Uuid;

use crate::instance::Instance;
use crate::lambda::invoke;
use crate::observed::{SessionAnswer, SessionAsk, SessionCall};
use crate::senders::Executors;
use crate::world::{PREFIX, World};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often it tries.
const TRIES: u32 = 8;
/// How many rounds more there are for somebody who stays.
const MORE_ROUNDS: usize = 10;
/// What goes into seconds of a clock for each second that other clocks are off: sessions ask for clocks that are about a second
/// apart, as those of AWS and of one machine are.
const STEADIER: i32 = 300;

/// The sessions of one process.
pub fn sessions(world: &Arc<World>, instance: &Arc<Instance>, store: aws_sdk_dynamodb::Client) -> Sessions {
    let clock = SteadyClock { world: Arc::clone(world), skew: instance.skew / STEADIER };
    Sessions::new(store, format!("{PREFIX}sessions"), &ServerSecret::from_bytes([7; 32]), Arc::new(clock))
}

struct SteadyClock {
    world: Arc<World>,
    skew: TimeDelta,
}

impl Clock for SteadyClock {
    fn now(&self) -> DateTime<Utc> {
        self.world.now() + self.skew
    }
}

/// What all clients of a run share.
pub struct SignIns {
    /// The world.
    pub world: Arc<World>,
    /// The processes.
    pub executors: Arc<dyn Executors>,
    /// Everything that was asked, in order.
    pub calls: Mutex<Vec<SessionCall>>,
    /// Whether people stay signed in for minutes: longer than a process stands still, so that they see what it does when it goes on.
    pub stay: bool,
}

impl SignIns {
    /// One person's session, from its beginning to its end.
    pub async fn run(self: Arc<Self>, person: u64) {
        let Some((session, first)) = self.begin(person).await else { return };
        let (rounds, theft, signs_out) = {
            let mut inner = self.world.inner();
            (inner.rng.usize(2..6), inner.rng.u8(..3) == 0, inner.rng.u8(..3) == 0)
        };
        let rounds = if self.stay { rounds + MORE_ROUNDS } else { rounds };
        let mut tokens = vec![first];
        for round in 0..rounds {
            let long = self.world.inner().rng.u8(..6) == 0 || self.stay;
            sleep(self.world.millis(if long { 40_000 } else { 3_000 })).await;
            if theft && round > 0 && self.world.inner().rng.bool() {
                let copied = self.world.inner().rng.usize(..tokens.len());
                self.use_copy(person, tokens[copied].clone()).await;
                // Some time after the answer: what is sent with it may have been under way beside it.
                sleep(self.world.millis(1_000)).await;
            }
            let Some(next) = self.go_on(person, tokens[tokens.len() - 1].clone()).await else { break };
            tokens.push(next);
        }
        if signs_out {
            for _ in 0..TRIES {
                if self.ask(person, SessionAsk::End { session: session.to_string() }).await == SessionAnswer::Ended {
                    break;
                }
                sleep(self.world.millis(1_000)).await;
            }
            sleep(self.world.millis(1_000)).await;
            self.ask(person, SessionAsk::Refresh { token: tokens[tokens.len() - 1].clone() }).await;
        }
    }

    /// The session and its first token. One whose beginning was not answered is nobody's: the next try begins another.
    async fn begin(&self, person: u64) -> Option<(SessionId, String)> {
        let user = UserId(Uuid::from_u128(u128::from(person)));
        for _ in 0..TRIES {
            let begun = match self.executors.pick(&self.world) {
                Some(executor) => {
                    let sessions = executor.sessions.clone();
                    let work = async move { sessions.start(user, &Client::default(), Proved::default()).await };
                    invoke(&self.world, &executor.instance, PATIENCE, work).await
                }
                None => None,
            };
            let begun = begun.and_then(Result::ok);
            self.world.step(("signed in", person, begun.is_some()), || {
                format!("person {person} signs in: {}", begun.is_some())
            });
            if let Some(begun) = begun {
                return Some((begun.session_id, begun.refresh_token));
            }
            sleep(self.world.millis(1_000)).await;
        }
        None
    }

    /// The successor of this token: asked for in some tabs at once, and again until there is an answer. `None` when the person
    /// is signed out, or gives up.
    async fn go_on(&self, person: u64, token: String) -> Option<String> {
        for _ in 0..TRIES {
            let tabs = self.world.inner().rng.usize(1..4);
            let answers =
                join_all((0..tabs).map(|_| self.ask(person, SessionAsk::Refresh { token: token.clone() }))).await;
            let mut refused = false;
            for answer in answers {
                match answer {
                    SessionAnswer::Token(next) => return Some(next),
                    SessionAnswer::Refused => refused = true,
                    SessionAnswer::Ended | SessionAnswer::Unknown => {}
                }
            }
            if refused {
                return None;
            }
            sleep(self.world.millis(1_500)).await;
        }
        None
    }

    /// Somebody uses a copy, and goes on with what they get for it.
    async fn use_copy(&self, person: u64, token: String) {
        if let SessionAnswer::Token(next) = self.ask(person, SessionAsk::Refresh { token }).await
            && self.world.inner().rng.bool()
        {
            sleep(self.world.millis(1_000)).await;
            self.ask(person, SessionAsk::Refresh { token: next }).await;
        }
    }

    async fn ask(&self, person: u64, ask: SessionAsk) -> SessionAnswer {
        let sent = self.world.elapsed();
        let number = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(SessionCall { person, sent, answered: None, ask: ask.clone(), answer: SessionAnswer::Unknown });
            calls.len() - 1
        };
        let answer = match self.executors.pick(&self.world) {
            Some(executor) => {
                let sessions = executor.sessions.clone();
                invoke(&self.world, &executor.instance, PATIENCE, async move { answered(&sessions, ask).await }).await
            }
            None => None,
        };
        let answer = answer.unwrap_or(SessionAnswer::Unknown);
        let kind = std::mem::discriminant(&answer);
        self.world.step(("session", number, kind), || format!("person {person}, sending {number}: {answer:?}"));
        if answer != SessionAnswer::Unknown {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(call) = calls.get_mut(number) {
                call.answered = Some(self.world.elapsed());
                call.answer = answer.clone();
            }
        }
        answer
    }
}

async fn answered(sessions: &Sessions, ask: SessionAsk) -> SessionAnswer {
    match ask {
        SessionAsk::Refresh { token } => match sessions.refresh(&token).await {
            Ok(rotated) => SessionAnswer::Token(rotated.refresh_token),
            Err(SessionError::Store(_)) => SessionAnswer::Unknown,
            Err(
                SessionError::Unknown
                | SessionError::Ended
                | SessionError::Expired
                | SessionError::Reused
                | SessionError::Overtaken,
            ) => SessionAnswer::Refused,
        },
        SessionAsk::End { session } => {
            let Ok(session) = session.parse::<SessionId>() else { return SessionAnswer::Unknown };
            let ended = sessions.end(session, EndReason::Logout).await;
            ended.map_or(SessionAnswer::Unknown, |()| SessionAnswer::Ended)
        }
    }
}
