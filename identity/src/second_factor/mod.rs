//! The second factor: codes of an app on its owner's phone (TOTP, RFC 6238), and recovery codes for when the phone is lost.
//!
//! All of it stands in the account's item of credentials, so that what closes an account takes it away too. The app's secret
//! is sealed, recovery codes are hashed, a code is good once, and wrong ones are counted before they are looked at.

mod challenge;
mod recovery;
mod secret;
mod tries;

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;

pub use challenge::Challenge;
pub(crate) use challenge::Challenges;
pub use recovery::RecoveryCode;
use recovery::RecoveryCodes;
pub use secret::Enrolment;
use secret::{FactorSecret, SecretSeal};
pub(crate) use tries::Tries;

use crate::keys::KeyError;
use crate::secrets::ServerSecret;
use crate::store::{Item, StoreError, n, number, s, text};

/// What somebody shows to prove that they have the second factor. A secret: `Debug` does not show it.
pub enum Proof {
    /// The six digits that the app shows.
    Code(String),
    /// One of the codes that were shown when the factor was set up.
    RecoveryCode(String),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code(..)",
            Self::RecoveryCode(_) => "RecoveryCode(..)",
        })
    }
}

/// Whether an account has a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorState {
    /// Since when, if it has one.
    pub since: Option<DateTime<Utc>>,
    /// How many recovery codes are not used yet.
    pub recovery_codes_left: usize,
}

/// Why something about a second factor was refused.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// The account has none.
    #[error("there is no second factor")]
    Off,
    /// The account has one already.
    #[error("there is a second factor already")]
    On,
    /// None was begun, or it was confirmed at the same moment.
    #[error("no second factor was begun")]
    NotBegun,
    /// The password is another.
    #[error("this is not the password")]
    WrongPassword,
    /// The code is wrong, or was used before.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// Too many were wrong.
    #[error("too many were wrong")]
    TooManyTries {
        /// When it may be tried again.
        again_in: TimeDelta,
    },
    /// The secret could not be made.
    #[error("a second factor could not be made")]
    NotMade(#[source] KeyError),
    /// The password could not be looked at.
    #[error(transparent)]
    Hash(#[from] crate::hasher::HashError),
    /// The store failed; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The second factors of all accounts.
#[derive(Clone)]
pub struct SecondFactors {
    client: Client,
    table: String,
    seal: Arc<SecretSeal>,
    codes: RecoveryCodes,
    clock: Arc<dyn Clock>,
}

impl SecondFactors {
    /// Over the table of credentials.
    pub(crate) fn new(
        client: Client,
        table: impl Into<String>,
        secret: &ServerSecret,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        let seal = Arc::new(SecretSeal::new(secret)?);
        Ok(Self { client, table: table.into(), seal, codes: RecoveryCodes::new(secret), clock })
    }

    /// Whether the account has one.
    pub async fn state(&self, user: UserId) -> Result<FactorState, StoreError> {
        let item = self.item(user).await?.unwrap_or_default();
        let since = if item.contains_key("factor") { number(&item, "factor_since") } else { None };
        let left = item.get("factor_recovery_codes").and_then(|codes| codes.as_ss().ok());
        Ok(FactorState {
            since: since.and_then(DateTime::from_timestamp_millis),
            recovery_codes_left: left.map_or(0, Vec::len),
        })
    }

    /// A new secret for the owner's app, under this name. Nothing is asked of them before they have confirmed it; one that
    /// was begun before is forgotten.
    pub(crate) async fn begin(&self, user: UserId, name: &str) -> Result<Enrolment, SecondFactorError> {
        let secret = FactorSecret::generate().map_err(SecondFactorError::NotMade)?;
        let enrolment = secret.enrolment(name).map_err(SecondFactorError::NotMade)?;
        let sealed = self.seal.seal(user, &secret).map_err(SecondFactorError::NotMade)?;
        let update = self.update(user).update_expression("SET factor_begun = :sealed");
        let update = update.condition_expression("attribute_exists(pk) AND attribute_not_exists(factor)");
        let update = update.expression_attribute_values(":sealed", s(&sealed));
        if done(update, "beginning a second factor").await? { Ok(enrolment) } else { Err(SecondFactorError::On) }
    }

    /// From now on the factor is asked for: its owner has shown that their app makes the right codes.
    pub async fn confirm(&self, user: UserId, code: &str) -> Result<Vec<RecoveryCode>, SecondFactorError> {
        let item = self.item(user).await?.unwrap_or_default();
        if item.contains_key("factor") {
            return Err(SecondFactorError::On);
        }
        let sealed = text(&item, "factor_begun").ok_or(SecondFactorError::NotBegun)?;
        self.take_try(user, Tries::InSession).await?;
        let now = self.clock.now();
        let step = self.seal.open(user, &sealed)?.step_of(code, now).ok_or(SecondFactorError::WrongCode)?;
        let (codes, hashes) = self.codes.make(user).map_err(SecondFactorError::NotMade)?;
        let update = self.update(user).update_expression(
            "SET factor = :sealed, factor_since = :now, factor_step = :step, factor_recovery_codes = :codes \
             REMOVE factor_begun, session_tries, session_window",
        );
        let update = update.condition_expression("factor_begun = :sealed AND attribute_not_exists(factor)");
        let update = update.expression_attribute_values(":sealed", s(&sealed));
        let update = update.expression_attribute_values(":now", n(&now.timestamp_millis()));
        let update = update.expression_attribute_values(":step", n(&step));
        let update = update.expression_attribute_values(":codes", AttributeValue::Ss(hashes));
        if done(update, "confirming a second factor").await? { Ok(codes) } else { Err(SecondFactorError::NotBegun) }
    }

    /// Other recovery codes in the place of those that are left. Whoever asks has proved who they are.
    pub(crate) async fn renew_recovery_codes(&self, user: UserId) -> Result<Vec<RecoveryCode>, SecondFactorError> {
        let (codes, hashes) = self.codes.make(user).map_err(SecondFactorError::NotMade)?;
        let update = self.update(user).update_expression("SET factor_recovery_codes = :codes");
        let update = update.condition_expression("attribute_exists(factor)");
        let update = update.expression_attribute_values(":codes", AttributeValue::Ss(hashes));
        if done(update, "renewing recovery codes").await? { Ok(codes) } else { Err(SecondFactorError::Off) }
    }

    /// Takes the factor away; fine when there is none.
    pub async fn remove(&self, user: UserId) -> Result<(), StoreError> {
        let update = self.update(user).condition_expression("attribute_exists(pk)").update_expression(
            "REMOVE factor, factor_begun, factor_since, factor_step, factor_recovery_codes, factor_tries, factor_window, \
             session_tries, session_window",
        );
        done(update, "removing a second factor").await.map(|_| ())
    }

    /// Whether this proves that the owner has the factor. It does so once. The try is counted beforehand; a right one begins its count
    /// anew.
    pub(crate) async fn check(&self, user: UserId, proof: &Proof, tries: Tries) -> Result<(), SecondFactorError> {
        const CHECKING: &str = "checking a second factor";
        let (count, window) = tries.attributes();
        let item = self.item(user).await?.unwrap_or_default();
        let sealed = text(&item, "factor").ok_or(SecondFactorError::Off)?;
        let update = match proof {
            Proof::Code(code) => {
                let step = self.seal.open(user, &sealed)?.step_of(code, self.clock.now());
                let step = step.ok_or(SecondFactorError::WrongCode)?;
                let update = format!("SET factor_step = :step REMOVE {count}, {window}");
                let update = self.update(user).update_expression(update);
                let update = update.condition_expression("factor = :sealed AND factor_step < :step");
                update.expression_attribute_values(":step", n(&step))
            }
            Proof::RecoveryCode(code) => {
                let hash = self.codes.hash(user, code).ok_or(SecondFactorError::WrongCode)?;
                let update = format!("REMOVE {count}, {window} DELETE factor_recovery_codes :used");
                let update = self.update(user).update_expression(update);
                let update = update.condition_expression("factor = :sealed AND contains(factor_recovery_codes, :hash)");
                let update = update.expression_attribute_values(":hash", s(&hash));
                update.expression_attribute_values(":used", AttributeValue::Ss(vec![hash]))
            }
        };
        let update = update.expression_attribute_values(":sealed", s(&sealed));
        if done(update, CHECKING).await? { Ok(()) } else { Err(SecondFactorError::WrongCode) }
    }

    fn update(&self, user: UserId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", s(&user))
    }

    async fn item(&self, user: UserId) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&user)).consistent_read(true);
        Ok(get.send().await.map_err(StoreError::of("reading a second factor"))?.item)
    }
}

impl fmt::Debug for SecondFactors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactors").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Whether the write took place: its condition held.
async fn done(update: UpdateItemFluentBuilder, operation: &'static str) -> Result<bool, StoreError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(StoreError::of(operation)(error)),
    }
}
