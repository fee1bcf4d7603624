//! Carrying a session on.
//!
//! A refresh is one conditional write: it moves the generation from the token's to the next. When the condition fails,
//! the item that comes back tells why, and the answer for the previous generation within [`GRACE`] is the same
//! successor again: it may have been lost on the way. Any older generation is a copied token, and ends the family, unless
//! the request came in before the last refresh did: then it was overtaken on its way, and is refused and no more.

use std::fmt;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::mutant::{Mutant, planted};

use super::{EndReason, Session, SessionId, Sessions, millis};
use crate::store::{StoreError, n, s};

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

impl Sessions {
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
            Ok(done) => self.read(&done.attributes.unwrap_or_default(), REFRESHING)?,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let item = failed.item.as_ref().ok_or(SessionError::Unknown)?;
                    self.judge(self.read(item, REFRESHING)?, generation, now).await?
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
}
