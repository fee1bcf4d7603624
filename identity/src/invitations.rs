//! Who is invited: one item for each invitation, for a week.
//!
//! An invitation's token is a seal over what the item says of it, so it is stored nowhere, and it can be shown again to whoever
//! made it. It ends when the invitation is withdrawn, or is a week old.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::ids::{TeamId, UserId};
use muster_domain::mutant::{Mutant, planted};
use muster_domain::ports::Clock;
use muster_domain::user::Role;
use muster_domain::values::{Email, Name};
use muster_domain::{Actor, CommandId};
use uuid::Uuid;

use crate::secrets::ServerSecret;
use crate::store::{Item, StoreError, s, text};

/// How long an invitation is good.
const LIFETIME: TimeDelta = TimeDelta::days(7);
/// The index of those that nobody has taken yet, by the time when they were made.
const OPEN: &str = "open";
/// The first byte of a token, so that another shape can follow.
const SHAPE: u8 = 1;
const ID: usize = 16;
const SEAL: usize = 32;
const READING: &str = "reading an invitation";

/// An invitation to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvitation {
    /// Its id. A repeat of the same request has the same one.
    pub id: Uuid,
    /// Who is invited.
    pub email: Email,
    /// What they are called, if whoever invites them says it.
    pub name: Option<Name>,
    /// What they will be.
    pub role: Role,
    /// The teams they will be in, sorted.
    pub teams: Vec<TeamId>,
    /// Who invites them.
    pub invited_by: UserId,
}

impl NewInvitation {
    /// The command that makes the account of whoever takes it. It follows from the invitation, so that it meets itself: a repeat,
    /// and whoever takes it at the same time.
    pub fn command_id(&self) -> CommandId {
        if planted(Mutant::InvitationMakesMore) {
            return CommandId(Uuid::new_v4());
        }
        CommandId::from_key(&Actor::system("invitation"), &self.id.to_string())
    }

    /// The account that it makes.
    pub fn account(&self) -> UserId {
        UserId(self.command_id().created_id())
    }
}

/// An invitation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What was asked for.
    pub new: NewInvitation,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When its letter was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was taken.
    pub taken_at: Option<DateTime<Utc>>,
    /// When it was taken back. It is kept for the rest of its week, so that a repeat of the request that made it makes no other.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// A part of the list of open invitations, in the order that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationPage {
    /// The invitations.
    pub items: Vec<Invitation>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Why invitations were not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListInvitationsError {
    /// The cursor is none of this list.
    #[error("is not a cursor of this list")]
    Cursor,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table of invitations.
pub struct Invitations {
    client: Client,
    table: String,
    key: hmac::Key,
    clock: Arc<dyn Clock>,
}

impl Invitations {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>, secret: &ServerSecret, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), key: secret.hmac_key("muster invitation v1"), clock }
    }

    /// Keeps it, or gives the one of this id that is there.
    pub async fn make(&self, new: NewInvitation) -> Result<Invitation, StoreError> {
        const MAKING: &str = "making an invitation";
        let created_at = self.clock.now();
        let expires_at = created_at + LIFETIME;
        let invitation = Invitation { new, created_at, expires_at, sent_at: None, taken_at: None, withdrawn_at: None };
        // One that has ended, and that the store has not removed yet, is none.
        let put = self.client.put_item().table_name(&self.table).set_item(Some(to_item(&invitation)));
        let put = put.condition_expression("attribute_not_exists(pk) OR expires_at <= :now");
        let put = put.expression_attribute_values(":now", time(created_at));
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            // As it will be read.
            Ok(_) => from_item(&to_item(&invitation)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    from_item(failed.item.as_ref().ok_or(StoreError::damaged(MAKING, "the item"))?)
                }
                _ => Err(StoreError::of(MAKING)(error)),
            },
        }
    }

    /// The token of an invitation. It is a secret.
    pub fn token(&self, invitation: &Invitation) -> String {
        let id = invitation.new.id.as_bytes();
        let seal = hmac::sign(&self.key, &sealed(invitation));
        BASE64_URL_SAFE_NO_PAD.encode([&[SHAPE][..], id, seal.as_ref()].concat())
    }

    /// The invitation of this token, whether somebody has taken it or not; `None` if it was never made, was withdrawn, or has
    /// ended.
    pub async fn of_token(&self, token: &str) -> Result<Option<Invitation>, StoreError> {
        let Some((id, seal)) = parts(token) else { return Ok(None) };
        let found = self.find(id).await?.filter(|invitation| invitation.withdrawn_at.is_none());
        Ok(found.filter(|invitation| hmac::verify(&self.key, &sealed(invitation), &seal).is_ok()))
    }

    /// The invitation of this id, also one that was withdrawn, unless it has ended; read consistently.
    pub async fn find(&self, id: Uuid) -> Result<Option<Invitation>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&id)).consistent_read(true);
        let Some(item) = get.send().await.map_err(StoreError::of(READING))?.item else { return Ok(None) };
        Ok(Some(from_item(&item)?).filter(|invitation| self.clock.now() < invitation.expires_at))
    }

    /// Those that nobody has taken yet, newest first if `descending`, else oldest first. A page may be short before the end.
    pub async fn open(
        &self,
        limit: usize,
        cursor: Option<&str>,
        descending: bool,
    ) -> Result<InvitationPage, ListInvitationsError> {
        let from = cursor.map(|cursor| opened(cursor, descending).ok_or(ListInvitationsError::Cursor)).transpose()?;
        let query = self.client.query().table_name(&self.table).index_name(OPEN).scan_index_forward(!descending);
        let query = query.key_condition_expression("#open = :open").filter_expression("expires_at > :now");
        let query = query.expression_attribute_names("#open", OPEN).expression_attribute_values(":open", s(&OPEN));
        let query = query.expression_attribute_values(":now", time(self.clock.now()));
        let query = query.set_exclusive_start_key(from).limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(StoreError::of("listing invitations"))?;
        let items = page.items.unwrap_or_default().iter().map(from_item).collect::<Result<_, _>>()?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok(InvitationPage { items, next: next.as_ref().and_then(|key| closed(key, descending)) })
    }

    /// All that are kept of a person: those to their present address, and the one that made their account. It reads the whole
    /// table, which is small: an invitation is there for a week, and people are seldom asked for.
    pub async fn of_person(&self, user: UserId, email: Option<&Email>) -> Result<Vec<Invitation>, StoreError> {
        let address = email.map(Email::reservation_key);
        let scan = self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().items().send();
        let items = scan.collect::<Result<Vec<Item>, _>>().await.map_err(StoreError::of(READING))?;
        let mut all = items.iter().map(from_item).collect::<Result<Vec<_>, _>>()?;
        all.retain(|Invitation { new, .. }| {
            new.account() == user || address.as_ref().is_some_and(|address| *address == new.email.reservation_key())
        });
        all.sort_unstable_by_key(|invitation| (invitation.created_at, invitation.new.id));
        Ok(all)
    }

    /// Removes them.
    pub async fn forget(&self, user: UserId, email: Option<&Email>) -> Result<(), StoreError> {
        for invitation in self.of_person(user, email).await? {
            let delete = self.client.delete_item().table_name(&self.table).key("pk", s(&invitation.new.id));
            delete.send().await.map_err(StoreError::of("removing an invitation"))?;
        }
        Ok(())
    }

    /// Keeps that its letter was sent.
    pub async fn sent(&self, id: Uuid) -> Result<(), StoreError> {
        self.note(id, "SET sent_at = :now").await
    }

    /// Keeps that it was taken: it is open no longer.
    pub async fn taken(&self, id: Uuid) -> Result<(), StoreError> {
        self.note(id, "SET taken_at = :now REMOVE #open").await
    }

    /// Of an invitation that is gone meanwhile there is nothing to keep.
    async fn note(&self, id: Uuid, what: &str) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&id));
        let update = update.update_expression(what).condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_values(":now", time(self.clock.now()));
        let names = what.contains("#open").then(|| [("#open".to_owned(), OPEN.to_owned())].into());
        match update.set_expression_attribute_names(names).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::of("keeping what became of an invitation")(error)),
        }
    }

    /// Takes it back, if it is there and nobody has taken it. Whether it was there.
    pub async fn withdraw(&self, id: Uuid) -> Result<bool, StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&id));
        let update = update.update_expression("SET withdrawn_at = :now REMOVE #open");
        let update = update.condition_expression(
            "attribute_exists(pk) AND attribute_not_exists(taken_at) AND attribute_not_exists(withdrawn_at) AND expires_at > :now",
        );
        let update = update.expression_attribute_names("#open", OPEN);
        let update = update.expression_attribute_values(":now", time(self.clock.now()));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::of("withdrawing an invitation")(error)),
        }
    }
}

impl fmt::Debug for Invitations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitations").field("table", &self.table).finish_non_exhaustive()
    }
}

/// What a token is sealed over: another invitation under the same id has another token.
fn sealed(invitation: &Invitation) -> Vec<u8> {
    let made = invitation.created_at.timestamp_millis().to_be_bytes();
    [&[SHAPE][..], invitation.new.id.as_bytes(), &made].concat()
}

/// Id and seal of a token, if it has the shape of one.
fn parts(token: &str) -> Option<(Uuid, [u8; SEAL])> {
    if token.len() > 2 * (1 + ID + SEAL) {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let (&[shape], rest) = bytes.split_first_chunk::<1>()?;
    let (id, seal) = rest.split_first_chunk::<ID>()?;
    let seal = seal.try_into().ok()?;
    (shape == SHAPE).then_some((Uuid::from_bytes(*id), seal))
}

/// Texts of one length, which are in the order of the times.
fn time(at: DateTime<Utc>) -> AttributeValue {
    s(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn to_item(invitation: &Invitation) -> Item {
    let Invitation { new, created_at, expires_at, sent_at, taken_at, withdrawn_at } = invitation;
    let teams = new.teams.iter().map(s).collect();
    let mut item = Item::from([
        ("pk".to_owned(), s(&new.id)),
        ("email".to_owned(), s(&new.email.as_str())),
        ("role".to_owned(), s(&new.role)),
        ("teams".to_owned(), AttributeValue::L(teams)),
        ("invited_by".to_owned(), s(&new.invited_by)),
        ("created_at".to_owned(), time(*created_at)),
        ("expires_at".to_owned(), time(*expires_at)),
        ("ttl".to_owned(), AttributeValue::N(expires_at.timestamp().to_string())),
        (OPEN.to_owned(), s(&OPEN)),
    ]);
    let optional = [("sent_at", sent_at), ("taken_at", taken_at), ("withdrawn_at", withdrawn_at)];
    let optional = optional.map(|(name, at)| (name, at.map(time)));
    item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    item.extend(new.name.as_ref().map(|name| ("name".to_owned(), s(&name.as_str()))));
    item
}

fn from_item(item: &Item) -> Result<Invitation, StoreError> {
    read(item).ok_or(StoreError::damaged(READING, "an attribute of the invitation"))
}

fn read(item: &Item) -> Option<Invitation> {
    let at = |name: &str| text(item, name)?.parse::<DateTime<Utc>>().ok();
    let role = text(item, "role")?;
    let teams = item.get("teams")?.as_l().ok()?.iter().map(|team| team.as_s().ok()?.parse().ok());
    let new = NewInvitation {
        id: text(item, "pk")?.parse().ok()?,
        email: text(item, "email")?.parse().ok()?,
        name: if item.contains_key("name") { Some(text(item, "name")?.parse().ok()?) } else { None },
        role: Role::ALL.iter().copied().find(|known| known.to_string() == role)?,
        teams: teams.collect::<Option<_>>()?,
        invited_by: text(item, "invited_by")?.parse().ok()?,
    };
    Some(Invitation {
        new,
        created_at: at("created_at")?,
        expires_at: at("expires_at")?,
        sent_at: at("sent_at"),
        taken_at: at("taken_at"),
        withdrawn_at: at("withdrawn_at"),
    })
}

/// What the cursor of a page begins with: it is good for no other list, and for no other order.
const fn beginning(descending: bool) -> &'static str {
    if descending { "invitations#-created#" } else { "invitations#created#" }
}

/// Where a page ended, as a text.
fn closed(key: &Item, descending: bool) -> Option<String> {
    let (created_at, id) = (text(key, "created_at")?, text(key, "pk")?);
    Some(BASE64_URL_SAFE_NO_PAD.encode(format!("{}{created_at}#{id}", beginning(descending))))
}

/// The same back, if it is such a text of this list and this order.
fn opened(cursor: &str, descending: bool) -> Option<Item> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let place = text.strip_prefix(beginning(descending))?;
    let (created_at, id) = place.split_once('#')?;
    let (created_at, id): (DateTime<Utc>, Uuid) = (created_at.parse().ok()?, id.parse().ok()?);
    Some(Item::from([
        (OPEN.to_owned(), s(&OPEN)),
        ("created_at".to_owned(), time(created_at)),
        ("pk".to_owned(), s(&id)),
    ]))
}
