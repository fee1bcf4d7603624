//! An API token as it is stored: everything of it but the token.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::values::Name;

use super::text::{ApiTokenText, PresentedApiToken};
use super::{ApiTokenId, NewApiToken};
use crate::policy::{Credential, TokenScopes};
use crate::store::{Item, n, number, s, text};
use crate::verified::TokenHash;

/// An API token without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: ApiTokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: Name,
    /// What it may be used for.
    pub scopes: TokenScopes,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the hour; of its first use at once.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiToken {
    pub(super) fn new(user_id: UserId, id: ApiTokenId, new: &NewApiToken) -> Self {
        let NewApiToken { name, scopes, made_at, expires_at } = new.clone();
        // As it will be read.
        let (created_at, expires_at) = (made_at.trunc_subsecs(3), expires_at.trunc_subsecs(3));
        Self { id, user_id, name, scopes, created_at, expires_at, last_used_at: None, revoked_at: None }
    }

    /// What somebody comes with who has it.
    pub const fn credential(&self) -> Credential {
        Credential::ApiToken { id: self.id, scopes: self.scopes }
    }

    pub(super) fn to_item(&self, token: &ApiTokenText, remembered: TimeDelta) -> Item {
        let ttl = self.expires_at + remembered;
        let attributes = [
            ("pk", s(&self.user_id)),
            ("sk", s(&self.id)),
            ("hash", s(&encoded(TokenHash::of(token.as_str())))),
            ("name", s(&self.name)),
            ("scopes", s(&self.scopes)),
            ("created_at", millis(self.created_at)),
            ("expires_at", millis(self.expires_at)),
            ("ttl", n(&ttl.timestamp())),
        ];
        attributes.map(|(name, value)| (name.to_owned(), value)).into()
    }

    pub(super) fn from_item(item: &Item) -> Option<Self> {
        let time = |attribute| DateTime::from_timestamp_millis(number(item, attribute)?);
        let maybe = |attribute| if item.contains_key(attribute) { time(attribute).map(Some) } else { Some(None) };
        Some(Self {
            id: text(item, "sk")?.parse().ok()?,
            user_id: text(item, "pk")?.parse().ok()?,
            name: text(item, "name")?.parse().ok()?,
            scopes: TokenScopes::known_of(&text(item, "scopes")?),
            created_at: time("created_at")?,
            expires_at: time("expires_at")?,
            last_used_at: maybe("last_used_at")?,
            revoked_at: maybe("revoked_at")?,
        })
    }
}

/// Whether the item is of the very token that was presented. The comparison takes as long wherever they differ.
pub(super) fn is_of(item: &Item, presented: &PresentedApiToken) -> bool {
    let expected = text(item, "hash").unwrap_or_default();
    verify_slices_are_equal(expected.as_bytes(), encoded(presented.hash).as_bytes()).is_ok()
}

fn encoded(hash: TokenHash) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash.bytes())
}

pub(super) fn millis(time: DateTime<Utc>) -> AttributeValue {
    n(&time.timestamp_millis())
}
