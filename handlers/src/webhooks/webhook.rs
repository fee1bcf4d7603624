//! Webhooks as they are configured. The table `webhooks` has one item for each: `pk` = `webhook`, so that all of them are read
//! consistently in one request, `sk` = the id. Their secrets are sealed, each under a key of its own that the installation's
//! master key wraps; in no event and in no answer but the one that makes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::personal::{SubjectKey, open_value, seal};
use muster_domain::{Fingerprint, TeamId, UserId};
use muster_vault::Master;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{ChangeError, WebhookError, is_condition};
use super::signature::Secret;

/// The most webhooks of an installation.
pub const MOST_WEBHOOKS: usize = 50;
/// The most types of events that one may name.
pub const MOST_EVENT_TYPES: usize = 64;
/// How long the secret before signs, too, once there is a new one.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// How long a receiver may fail, without taking anything, before nothing is sent to it any more.
const FAILS_FOR: TimeDelta = TimeDelta::days(3);

/// The partition of all webhooks.
const PARTITION: &str = "webhook";

/// What an administrator says of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where it leads.
    pub url: String,
    /// The types of the events that it is for; of all events if there are none.
    pub event_types: Vec<String>,
    /// The team whose tasks it is for; of everything if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<TeamId>,
    /// Whether anything is sent.
    pub enabled: bool,
}

/// A webhook to be.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Its id. A repeat of the same request has the same one.
    pub id: Uuid,
    /// What was asked for.
    pub asked: Fingerprint,
    /// What an administrator says of it.
    pub settings: Settings,
    /// Who makes it.
    pub by: UserId,
}

/// A webhook that was made.
pub struct MadeWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// What its receiver is to know.
    pub secret: Secret,
    /// Whether it was made just now, and not by the same request before.
    pub is_new: bool,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// What an administrator says of it.
    #[serde(flatten)]
    pub settings: Settings,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: UserId,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when its receiver has taken nothing of what was sent; `None` while it takes what comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it is not enabled, where Muster itself has disabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<String>,
    /// What was asked for when it was made: a repeat of the request is known by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Fingerprint>,
    /// The newest first.
    secrets: Vec<SealedSecret>,
}

/// A secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SealedSecret {
    /// The key that it is sealed with, wrapped; in base 64.
    key: String,
    /// The secret.
    sealed: String,
    /// Until when it signs; for ever if there is no newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

/// The webhooks, and what makes their secrets.
#[derive(Clone)]
pub struct Webhooks {
    client: Client,
    table: String,
    master: Arc<dyn Master>,
    /// The keys that were unwrapped before, by their wrapped form.
    unwrapped: Arc<Mutex<HashMap<String, SubjectKey>>>,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks").field("table", &self.table).finish_non_exhaustive()
    }
}

fn place(id: Uuid) -> String {
    format!("webhook#{id} secret")
}

impl Webhooks {
    /// In the tables with this prefix. `master` wraps the keys of their secrets.
    pub fn new(client: Client, prefix: &str, master: Arc<dyn Master>) -> Self {
        Self { client, table: format!("{prefix}webhooks"), master, unwrapped: Arc::default() }
    }

    /// All of them, oldest first (consistent).
    pub async fn list(&self) -> Result<Vec<Webhook>, WebhookError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :all").expression_attribute_values(":all", text(PARTITION));
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let items = items.map_err(WebhookError::of("reading the webhooks"))?;
        let mut all = items.into_iter().map(|item| self.read(item)).collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|webhook| (webhook.created_at, webhook.id));
        Ok(all)
    }

    /// One of them (consistent).
    pub async fn get(&self, id: Uuid) -> Result<Option<Webhook>, WebhookError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(id))).consistent_read(true);
        let found = get.send().await.map_err(WebhookError::of("reading a webhook"))?.item;
        found.map(|item| self.read(item)).transpose()
    }

    /// Makes one, and the secret that its receiver is to know; or gives the one that the same request has made.
    pub async fn make(&self, new: NewWebhook, at: DateTime<Utc>) -> Result<MadeWebhook, ChangeError> {
        if let Some(made) = self.get(new.id).await? {
            return self.made_before(made, &new.asked, at).await;
        }
        if self.list().await?.len() >= MOST_WEBHOOKS {
            return Err(ChangeError::TooMany);
        }
        let NewWebhook { id, asked, settings, by } = new;
        let (secret, sealed) = self.new_secret(id).await?;
        let webhook = Webhook {
            id,
            settings,
            version: 1,
            created_at: at,
            created_by: by,
            updated_at: at,
            failing_since: None,
            disabled_because: None,
            asked: Some(asked.clone()),
            secrets: vec![sealed],
        };
        match self.put(&webhook, 0).await {
            Ok(()) => Ok(MadeWebhook { webhook, secret, is_new: true }),
            // The same request came at the same time.
            Err(ChangeError::Stale { .. }) => {
                let made = self.get(id).await?.ok_or(ChangeError::NotThere)?;
                self.made_before(made, &asked, at).await
            }
            Err(error) => Err(error),
        }
    }

    /// The first answer again, as long as it is still true.
    async fn made_before(
        &self,
        webhook: Webhook,
        asked: &Fingerprint,
        now: DateTime<Utc>,
    ) -> Result<MadeWebhook, ChangeError> {
        if webhook.asked.as_ref() != Some(asked) {
            return Err(ChangeError::KeyReused);
        }
        if webhook.version != 1 {
            return Err(ChangeError::ChangedSince);
        }
        let secret = self.secrets(&webhook, now).await?.into_iter().next().ok_or(ChangeError::ChangedSince)?;
        Ok(MadeWebhook { webhook, secret, is_new: false })
    }

    /// Changes one, as it was read. What Muster has found out about its receiver is forgotten: it begins anew.
    pub async fn change(
        &self,
        before: &Webhook,
        settings: Settings,
        at: DateTime<Utc>,
    ) -> Result<Webhook, ChangeError> {
        let mut after = Webhook { settings, version: before.version + 1, updated_at: at, ..before.clone() };
        (after.failing_since, after.disabled_because) = (None, None);
        self.put(&after, before.version).await?;
        Ok(after)
    }

    /// Gives one a new secret. The one before signs, too, for a day.
    pub async fn rotate(&self, before: &Webhook, at: DateTime<Utc>) -> Result<(Webhook, Secret), ChangeError> {
        let (secret, sealed) = self.new_secret(before.id).await?;
        let old = before.secrets.first().map(|old| SealedSecret { until: Some(at + OVERLAP), ..old.clone() });
        let secrets = std::iter::once(sealed).chain(old).collect();
        let after = Webhook { secrets, version: before.version + 1, updated_at: at, ..before.clone() };
        self.put(&after, before.version).await?;
        Ok((after, secret))
    }

    /// Removes one, as it was read.
    pub async fn remove(&self, webhook: &Webhook) -> Result<(), ChangeError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(webhook.id)));
        let delete = delete.condition_expression("version = :seen");
        match delete.expression_attribute_values(":seen", number(webhook.version)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Err(self.stale(webhook.id).await?),
            Err(error) => Err(WebhookError::of("removing a webhook")(error).into()),
        }
    }

    /// The secrets that sign now, the newest first.
    pub async fn secrets(&self, webhook: &Webhook, now: DateTime<Utc>) -> Result<Vec<Secret>, WebhookError> {
        let mut open = Vec::new();
        for sealed in webhook.secrets.iter().filter(|secret| secret.until.is_none_or(|until| now < until)) {
            let key = self.unwrapped(webhook.id, &sealed.key).await?;
            let opened = open_value(&key, &place(webhook.id), &json!({ "sealed": sealed.sealed }));
            let text = opened.as_ref().and_then(Value::as_str);
            open.push(Secret::of(text.ok_or_else(|| WebhookError::Secret("it does not open".into()))?));
        }
        Ok(open)
    }

    /// Notes that the receiver has taken something, or has not. Whether that was too long ago, so that nothing is sent to it any
    /// more.
    pub(super) async fn note(&self, webhook: &Webhook, taken: bool, now: DateTime<Utc>) -> Result<bool, WebhookError> {
        const NOTING: &str = "noting how a receiver does";
        let update = self.client.update_item().table_name(&self.table).set_key(Some(key(webhook.id)));
        let update = match (taken, webhook.failing_since) {
            (true, None) => return Ok(false),
            (true, Some(_)) => {
                update.update_expression("REMOVE failing_since").condition_expression("attribute_exists(pk)")
            }
            (false, None) => update
                .update_expression("SET failing_since = :now")
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(failing_since)")
                .expression_attribute_values(":now", text(&stored_time(now)?)),
            (false, Some(since)) if now - since < FAILS_FOR => return Ok(false),
            (false, Some(since)) => {
                let why = format!("its receiver has taken nothing since {}", since.format("%F %R UTC"));
                update
                    .update_expression(
                        "SET enabled = :no, disabled_because = :why, version = version + :one, updated_at = :now",
                    )
                    .condition_expression("enabled = :yes AND failing_since = :since")
                    .expression_attribute_values(":no", AttributeValue::Bool(false))
                    .expression_attribute_values(":yes", AttributeValue::Bool(true))
                    .expression_attribute_values(":one", number(1))
                    .expression_attribute_values(":why", text(&why))
                    .expression_attribute_values(":since", text(&stored_time(since)?))
                    .expression_attribute_values(":now", text(&stored_time(now)?))
            }
        };
        let disables = !taken && webhook.failing_since.is_some();
        match update.send().await {
            Ok(_) => Ok(disables),
            // Somebody else has noted it, or the webhook was changed or removed meanwhile.
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(WebhookError::of(NOTING)(error)),
        }
    }

    async fn new_secret(&self, id: Uuid) -> Result<(Secret, SealedSecret), WebhookError> {
        let secret = Secret::generate().map_err(|error| WebhookError::Secret(Box::new(error)))?;
        let made = self.master.make(UserId(id)).await?;
        let sealed = seal(&made.key, &place(id), &json!(secret.expose()));
        let sealed = sealed.map_err(|error| WebhookError::Secret(Box::new(error)))?;
        let sealed = sealed["sealed"].as_str().unwrap_or_default().to_owned();
        Ok((secret, SealedSecret { key: BASE64_STANDARD_NO_PAD.encode(made.wrapped), sealed, until: None }))
    }

    async fn unwrapped(&self, id: Uuid, wrapped: &str) -> Result<SubjectKey, WebhookError> {
        let known = self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner).get(wrapped).cloned();
        if let Some(key) = known {
            return Ok(key);
        }
        let bytes = BASE64_STANDARD_NO_PAD.decode(wrapped).map_err(|error| WebhookError::Secret(Box::new(error)))?;
        let key = self.master.unwrap(UserId(id), &bytes).await?;
        let mut known = self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of removed webhooks and of old secrets: all of them are found again.
        if known.len() >= 2 * MOST_WEBHOOKS {
            known.clear();
        }
        known.insert(wrapped.to_owned(), key.clone());
        Ok(key)
    }

    /// Puts it where one of this version stands, or none (0).
    async fn put(&self, webhook: &Webhook, seen: u64) -> Result<(), ChangeError> {
        let item = serde_dynamo::to_item(webhook).map_err(WebhookError::of("writing a webhook"))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).item("pk", text(PARTITION));
        let put = put.item("sk", text(&webhook.id.to_string()));
        let put = if seen == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :seen").expression_attribute_values(":seen", number(seen))
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Err(self.stale(webhook.id).await?),
            Err(error) => Err(WebhookError::of("writing a webhook")(error).into()),
        }
    }

    async fn stale(&self, id: Uuid) -> Result<ChangeError, WebhookError> {
        let now = self.get(id).await?;
        Ok(now.map_or(ChangeError::NotThere, |webhook| ChangeError::Stale { actual: webhook.version }))
    }

    fn read(&self, item: HashMap<String, AttributeValue>) -> Result<Webhook, WebhookError> {
        let damaged =
            |error: serde_dynamo::Error| WebhookError::Damaged { table: self.table.clone(), reason: error.to_string() };
        serde_dynamo::from_item(item).map_err(damaged)
    }
}

/// A time as serde writes it into an item.
fn stored_time(at: DateTime<Utc>) -> Result<String, WebhookError> {
    let value = serde_json::to_value(at).map_err(WebhookError::of("writing a time"))?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

fn key(id: Uuid) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(PARTITION)), ("sk".to_owned(), text(&id.to_string()))])
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
