//! Session families: one item each, from log-in to log-out, whose generation counts its refreshes.
//!
//! A refresh is one conditional write: it moves the generation from the token's to the next. When the condition fails,
//! the item that comes back tells why, and the answer for the previous generation within [`GRACE`] is the same
//! successor again: it may have been lost on the way. Any older generation is a copied token, and ends the family, unless
//! the request came in before the last refresh did: then it was overtaken on its way, and is refused and no more.
//!
//! All of a user's families are found by an index, which is a moment behind. So those that were begun lately also stand in an item of
//! the table itself, which is read consistently (ADR 35).

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::ports::Clock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::client::Client;
use crate::refresh_token::RefreshTokens;
use crate::secrets::ServerSecret;
use crate::store::{Item, StoreError, flag, n, number, s, text};

/// How long after a refresh the token before it still gets the same successor.
const GRACE: TimeDelta = TimeDelta::seconds(20);
/// How long a request must have been under way here to have been overtaken. Clocks are about a second apart: of a copy that is
/// used right after a refresh, a clock that is behind says that it came before.
const OVERTAKEN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// That a token may move its family on: it is of the present generation, and the family lives.
const MAY_MOVE: &str = "attribute_exists(pk) AND generation = :generation AND attribute_not_exists(ended_at) AND expires_at > :now \
     AND rotated_at > :idle_since";
/// The same with a planted defect: a token of any generation may.
const ANY_MAY_MOVE: &str = "attribute_exists(pk) AND generation >= :generation AND attribute_not_exists(ended_at) \
     AND expires_at > :now AND rotated_at > :idle_since";
/// The same with another one: whether the family was ended is not asked.
const ENDED_MAY_MOVE: &str =
    "attribute_exists(pk) AND generation = :generation AND expires_at > :now AND rotated_at > :idle_since";
/// From log-in to the end, whatever is refreshed meanwhile.
const LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long a family lives that nobody refreshes, unless the operator says otherwise. Whoever uses it refreshes it every quarter of an
/// hour, so a phone may lie in a drawer for a week.
pub const IDLE: TimeDelta = TimeDelta::days(7);
/// How long after somebody has proved who they are it counts as just now.
const FRESH: TimeDelta = TimeDelta::minutes(15);
/// The most characters that are kept of a user agent.
const MAX_USER_AGENT: usize = 256;
/// The index by `user_id`. It is a moment behind the table.
const BY_USER: &str = "by-user";
/// Which families were begun in so long a time stands in one item, which is read consistently: the index is never behind by as much.
const BEGUN_TOGETHER: TimeDelta = TimeDelta::minutes(15);
/// How far the clock of a process that begins a family may be ahead of that of one that ends it.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// Names a session family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner logged out.
    Logout,
    /// An old refresh token was used again: somebody has a copy.
    Reuse,
    /// The password was changed.
    PasswordChanged,
    /// The account was deactivated.
    Deactivated,
    /// Its owner or an admin ended it from elsewhere.
    Revoked,
}

impl EndReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::PasswordChanged => "password_changed",
            Self::Deactivated => "deactivated",
            Self::Revoked => "revoked",
        }
    }
}

/// A session family as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How often it was refreshed.
    pub generation: u64,
    /// When it was last refreshed, or begun.
    pub rotated_at: DateTime<Utc>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// When it ends if nobody refreshes it before.
    pub idle_until: DateTime<Utc>,
    /// When its owner last proved who they are: when it began, or since.
    pub proved_at: DateTime<Utc>,
    /// Whether they did so with a second factor, too.
    pub has_factor: bool,
    /// Whether it began with a password that somebody else has made up, and which they have not changed yet.
    pub new_password_due: bool,
    /// When it was ended before that.
    pub ended_at: Option<DateTime<Utc>>,
    /// What logged in, as it named itself; cut to 256 characters.
    pub user_agent: Option<String>,
    /// From where it logged in.
    pub address: Option<IpAddr>,
}

impl Session {
    /// Whether it still lives at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now < self.idle_until
    }

    /// What its owner has shown of themselves by this time.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        let is_fresh = now - self.proved_at <= FRESH;
        Standing { is_fresh, has_factor: self.has_factor, new_password_due: self.new_password_due }
    }
}

/// What somebody in a session has shown of themselves, and what they still have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether they have proved within the last quarter of an hour who they are.
    pub is_fresh: bool,
    /// Whether they did so with a second factor, too.
    pub has_factor: bool,
    /// Whether they have to choose a password, as theirs was made up by somebody else.
    pub new_password_due: bool,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proved {
    /// Whether a second factor was shown, here or to an outside issuer that is asked for one.
    pub with_factor: bool,
    /// Whether the password was one that somebody else has made up.
    pub with_handed_over_password: bool,
}

/// A session and the refresh token that carries it on. The token is a secret: `Debug` does not show it.
#[derive(Clone)]
pub struct Rotated {
    /// The family.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The token to refresh with next.
    pub refresh_token: String,
    /// When the family ends.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotated").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// Why a refresh was refused.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Not a token of this server, or of a family that is gone.
    #[error("the refresh token is unknown")]
    Unknown,
    /// The family was ended.
    #[error("the session has ended")]
    Ended,
    /// The family reached its 30 days, or was not refreshed for too long.
    #[error("the session has expired")]
    Expired,
    /// An older token than the previous one: the family is ended now.
    #[error("the refresh token was used before; the session is ended")]
    Reused,
    /// The family was refreshed more than once since this request came in. It lives on.
    #[error("the refresh was overtaken by later ones")]
    Overtaken,
    /// The store failed; the token is as good as before.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table of session families.
#[derive(Clone)]
pub struct Sessions {
    client: DynamoDb,
    table: String,
    tokens: RefreshTokens,
    clock: Arc<dyn Clock>,
    idle: TimeDelta,
}

impl Sessions {
    /// Over an existing table.
    pub fn new(client: DynamoDb, table: impl Into<String>, secret: &ServerSecret, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), tokens: RefreshTokens::new(secret), clock, idle: IDLE }
    }

    /// The same, where a family that nobody refreshes lives for so long.
    #[must_use]
    pub fn with_idle(self, idle: TimeDelta) -> Self {
        Self { idle, ..self }
    }

    /// Begins a family for a user who has just proved who they are. Whoever ends all of the user's families after this has returned
    /// ends this one, too.
    pub async fn start(&self, user: UserId, client: &Client, proved: Proved) -> Result<Rotated, StoreError> {
        let now = self.clock.now();
        let (family, expires_at) = (SessionId(Uuid::new_v4()), now + LIFETIME);
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", s(&family)).item("user_id", s(&user)).item("generation", n(&0));
        let put = put.item("rotated_at", millis(now)).item("created_at", millis(now));
        let put = put.item("expires_at", millis(expires_at)).item("ttl", n(&expires_at.timestamp()));
        let agent = client.user_agent.as_ref().map(|agent| agent.chars().take(MAX_USER_AGENT).collect::<String>());
        let put = agent.filter(|agent| !agent.is_empty()).into_iter().fold(put, |put, a| put.item("user_agent", s(&a)));
        let put = client.address.iter().fold(put, |put, address| put.item("address", s(address)));
        let put = if proved.with_factor { put.item("has_factor", AttributeValue::Bool(true)) } else { put };
        let due = proved.with_handed_over_password;
        let put = if due { put.item("new_password_due", AttributeValue::Bool(true)) } else { put };
        let put = put.condition_expression("attribute_not_exists(pk)");
        let put = async { put.send().await.map(drop).map_err(StoreError::of("starting a session")) };
        tokio::try_join!(Box::pin(put), Box::pin(self.note_begun(user, family, now)))?;
        Ok(Rotated { session_id: family, user_id: user, refresh_token: self.tokens.token(family, 0), expires_at })
    }

    /// Exchanges a refresh token for the next one.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Rotated, SessionError> {
        const REFRESHING: &str = "refreshing a session";
        let (family, generation) = self.tokens.open(refresh_token).ok_or(SessionError::Unknown)?;
        let next = generation.checked_add(1).ok_or(SessionError::Unknown)?;
        let now = self.clock.now();
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&family));
        let may_move = match () {
            () if planted(Mutant::GenerationNotCompared) => ANY_MAY_MOVE,
            () if planted(Mutant::EndNotAsked) => ENDED_MAY_MOVE,
            () => MAY_MOVE,
        };
        let update = update.update_expression("SET generation = :next, rotated_at = :now");
        let update = update.condition_expression(may_move);
        let update = update.expression_attribute_values(":next", n(&next));
        let update = update.expression_attribute_values(":now", millis(now));
        let update = update.expression_attribute_values(":idle_since", millis(now - self.idle));
        let update = update.expression_attribute_values(":generation", n(&generation));
        let update = update.return_values(ReturnValue::AllNew);
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let session = match update.send().await {
            Ok(done) => session(&done.attributes.unwrap_or_default(), self.idle)
                .ok_or(StoreError::damaged(REFRESHING, "an attribute of the session"))?,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let item = failed.item.as_ref().ok_or(SessionError::Unknown)?;
                    let there = session(item, self.idle)
                        .ok_or(StoreError::damaged(REFRESHING, "an attribute of the session"))?;
                    self.judge(there, generation, now).await?
                }
                _ => return Err(StoreError::of(REFRESHING)(error).into()),
            },
        };
        Ok(Rotated {
            session_id: family,
            user_id: session.user_id,
            refresh_token: self.tokens.token(family, next),
            expires_at: session.expires_at,
        })
    }

    /// Why the generation did not move: the session itself when it had just been moved by the same token.
    async fn judge(&self, there: Session, generation: u64, now: DateTime<Utc>) -> Result<Session, SessionError> {
        if there.ended_at.is_some() {
            return Err(SessionError::Ended);
        }
        if now >= there.expires_at || now >= there.idle_until {
            return Err(SessionError::Expired);
        }
        if generation >= there.generation {
            return Err(SessionError::Unknown); // sealed by us, ahead of the store: the store lost writes
        }
        let in_time = now - there.rotated_at <= GRACE || planted(Mutant::GraceWithoutEnd);
        if generation + 1 == there.generation && in_time && !planted(Mutant::NoGrace) {
            return Ok(there);
        }
        // A copy that is used is asked about after the refresh that made it old. This one stood still here, and came in before the
        // last refresh: its sender has long been answered by another sending of it.
        let stood_still = self.clock.now() - now >= OVERTAKEN_AFTER;
        if stood_still && now < there.rotated_at && !planted(Mutant::LatecomerIsThief) {
            return Err(SessionError::Overtaken);
        }
        if !planted(Mutant::ReuseTolerated) {
            self.end(there.id, EndReason::Reuse).await?;
        }
        tracing::warn!(session = %there.id, user = %there.user_id, "an old refresh token was used; the session is ended");
        Err(SessionError::Reused)
    }

    /// The family that a refresh token belongs to, if this server sealed it.
    pub fn family(&self, refresh_token: &str) -> Option<SessionId> {
        self.tokens.open(refresh_token).map(|(family, _)| family)
    }

    /// Ends a family; fine when it has ended or is gone.
    pub async fn end(&self, family: SessionId, reason: EndReason) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&family));
        let update = update.update_expression("SET ended_at = :now, ended_reason = :reason");
        let update = update.condition_expression("attribute_exists(pk) AND attribute_not_exists(ended_at)");
        let update = update.expression_attribute_values(":now", millis(self.clock.now()));
        let update = update.expression_attribute_values(":reason", s(&reason.as_str()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::of("ending a session")(error)),
        }
    }

    /// Notes that its owner has proved again who they are, and whether with a second factor, too.
    pub async fn prove(&self, family: SessionId, with_factor: bool) -> Result<(), StoreError> {
        let set = if with_factor { "SET proved_at = :now, has_factor = :yes" } else { "SET proved_at = :now" };
        let update = self.change(family, set).expression_attribute_values(":now", millis(self.clock.now()));
        let yes = with_factor.then_some(AttributeValue::Bool(true));
        there_or_gone(
            yes.into_iter().fold(update, |update, yes| update.expression_attribute_values(":yes", yes)).send().await,
        )
    }

    /// Notes that its owner has a second factor from now on, and has just shown it.
    pub async fn note_factor(&self, family: SessionId) -> Result<(), StoreError> {
        let update = self.change(family, "SET has_factor = :yes");
        there_or_gone(update.expression_attribute_values(":yes", AttributeValue::Bool(true)).send().await)
    }

    /// Notes in all families of a user that there is no second factor any more.
    pub async fn forget_factor(&self, user: UserId) -> Result<(), StoreError> {
        for session in self.of_user(user).await?.iter().filter(|session| session.has_factor) {
            there_or_gone(self.change(session.id, "REMOVE has_factor").send().await)?;
        }
        Ok(())
    }

    /// Notes that its owner has chosen a password.
    pub(crate) async fn note_chosen_password(&self, family: SessionId) -> Result<(), StoreError> {
        there_or_gone(self.change(family, "REMOVE new_password_due").send().await)
    }

    fn change(&self, family: SessionId, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&family));
        update.update_expression(expression).condition_expression("attribute_exists(pk)")
    }

    /// Ends all families of a user that have begun by now. For one that is just beginning, whoever begins it looks again afterwards
    /// whether they still may.
    pub async fn end_all_for_user(&self, user: UserId, reason: EndReason) -> Result<(), StoreError> {
        self.end_all_but(None, user, reason).await
    }

    /// Likewise, but lets one of them live on.
    pub async fn end_all_but(
        &self,
        kept: Option<SessionId>,
        user: UserId,
        reason: EndReason,
    ) -> Result<(), StoreError> {
        for session in self.of_user(user).await? {
            if session.ended_at.is_none() && kept != Some(session.id) {
                self.end(session.id, reason).await?;
            }
        }
        Ok(())
    }

    /// Removes all families of a user, and with them from where they signed in: their tokens are unknown from then on.
    pub async fn forget_all_of(&self, user: UserId) -> Result<(), StoreError> {
        let families = self.of_user(user).await?.into_iter().map(|session| session.id.to_string());
        for key in families.chain(begun_lately(user, self.clock.now())) {
            let delete = self.client.delete_item().table_name(&self.table).key("pk", s(&key));
            delete.send().await.map_err(StoreError::of("removing a session"))?;
        }
        Ok(())
    }

    /// A user's families that still live, those used last first.
    pub async fn live_of_user(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let (now, mut live) = (self.clock.now(), self.of_user(user).await?);
        live.retain(|session| session.is_live(now));
        live.sort_by_key(|session| (std::cmp::Reverse(session.rotated_at), session.id.0));
        Ok(live)
    }

    /// A user's families that have not been removed yet, ended ones too, in no order: also those that were begun a moment ago.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let (mut found, begun) = tokio::try_join!(Box::pin(self.by_index(user)), Box::pin(self.begun_lately(user)))?;
        for family in begun {
            if found.iter().all(|session| session.id != family) {
                found.extend(self.find(family).await?);
            }
        }
        Ok(found)
    }

    /// Keeps beside the index that a family begins.
    async fn note_begun(&self, user: UserId, family: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
        // By then no process asks for it any more.
        let until = now + BEGUN_TOGETHER * 2 + AHEAD;
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&begun_together(user, now)));
        let update = update.update_expression("SET #family = :begun, #ttl = :until");
        let update = update.expression_attribute_names("#family", family.to_string());
        let update = update.expression_attribute_names("#ttl", "ttl");
        let update = update.expression_attribute_values(":begun", millis(now));
        let update = update.expression_attribute_values(":until", n(&until.timestamp()));
        update.send().await.map(drop).map_err(StoreError::of("noting that a session begins"))
    }

    /// The families that a user has begun within the last quarter of an hour, and perhaps a few more; read consistently.
    async fn begun_lately(&self, user: UserId) -> Result<Vec<SessionId>, StoreError> {
        const READING: &str = "reading which sessions were begun";
        let mut begun = Vec::new();
        for key in begun_lately(user, self.clock.now()) {
            let get = self.client.get_item().table_name(&self.table).key("pk", s(&key)).consistent_read(true);
            let Some(item) = get.send().await.map_err(StoreError::of(READING))?.item else { continue };
            // Each family is an attribute of its name, beside the key and the expiry.
            begun.extend(item.keys().filter_map(|name| name.parse::<SessionId>().ok()));
        }
        Ok(begun)
    }

    async fn by_index(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        const LISTING: &str = "listing sessions";
        let (mut found, mut from) = (Vec::new(), None::<HashMap<_, _>>);
        loop {
            let query = self.client.query().table_name(&self.table).index_name(BY_USER);
            let query =
                query.key_condition_expression("user_id = :user").expression_attribute_values(":user", s(&user));
            let page = query.set_exclusive_start_key(from).send().await.map_err(StoreError::of(LISTING))?;
            for item in page.items.unwrap_or_default() {
                found.push(
                    session(&item, self.idle).ok_or(StoreError::damaged(LISTING, "an attribute of the session"))?,
                );
            }
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// The family, if it still lives; read consistently, so that a log-out counts at once.
    pub async fn live(&self, family: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.find(family).await?.filter(|session| session.is_live(self.clock.now())))
    }

    /// The family, also one that has ended, until it is removed; read consistently.
    pub async fn find(&self, family: SessionId) -> Result<Option<Session>, StoreError> {
        const READING: &str = "reading a session";
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&family)).consistent_read(true);
        let Some(item) = get.send().await.map_err(StoreError::of(READING))?.item else { return Ok(None) };
        session(&item, self.idle).map(Some).ok_or(StoreError::damaged(READING, "an attribute of the session"))
    }

    /// Whether the family still lives.
    pub async fn is_live(&self, family: SessionId) -> Result<bool, StoreError> {
        Ok(self.live(family).await?.is_some())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("table", &self.table).finish_non_exhaustive()
    }
}

/// What is noted of a family that is gone does not matter any more.
fn there_or_gone(sent: Result<UpdateItemOutput, SdkError<UpdateItemError>>) -> Result<(), StoreError> {
    match sent {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(())
        }
        Err(error) => Err(StoreError::of("noting something of a session")(error)),
    }
}

/// The key of the item with the families that a user begins about this time.
fn begun_together(user: UserId, at: DateTime<Utc>) -> String {
    format!("begun#{user}#{}", at.timestamp().div_euclid(BEGUN_TOGETHER.num_seconds()))
}

/// The keys of those with the families that they have begun lately.
fn begun_lately(user: UserId, now: DateTime<Utc>) -> Vec<String> {
    let mut keys = [now - BEGUN_TOGETHER, now, now + AHEAD].map(|at| begun_together(user, at)).to_vec();
    keys.dedup();
    keys
}

fn millis(time: DateTime<Utc>) -> AttributeValue {
    n(&time.timestamp_millis())
}

fn session(item: &Item, idle: TimeDelta) -> Option<Session> {
    let time = |attribute| DateTime::from_timestamp_millis(number(item, attribute)?);
    let (rotated_at, created_at) = (time("rotated_at")?, time("created_at")?);
    Some(Session {
        id: text(item, "pk")?.parse().ok()?,
        user_id: text(item, "user_id")?.parse().ok()?,
        generation: number(item, "generation")?,
        rotated_at,
        created_at,
        expires_at: time("expires_at")?,
        idle_until: rotated_at + idle,
        proved_at: if item.contains_key("proved_at") { time("proved_at")? } else { created_at },
        has_factor: flag(item, "has_factor")?,
        new_password_due: flag(item, "new_password_due")?,
        ended_at: if item.contains_key("ended_at") { Some(time("ended_at")?) } else { None },
        user_agent: text(item, "user_agent"),
        address: text(item, "address").and_then(|address| address.parse().ok()),
    })
}
