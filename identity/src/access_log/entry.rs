//! One entry, and what it is made of.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::ids::{TaskId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::kind::{AccessKind, Outcome};
use crate::api_tokens::ApiTokenId;
use crate::facade::Presented;
use crate::outside_identities::OutsideIdentityId;
use crate::policy::{Credential, Principal};
use crate::sessions::SessionId;
use crate::store::{Item, n, number, s, text};

/// How long an entry is kept.
const KEPT: TimeDelta = TimeDelta::days(400);
/// The most characters that are kept of a user agent.
const MAX_USER_AGENT: usize = 256;

/// Where a request came from, and what it asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The program that sent it, as it names itself.
    pub user_agent: Option<String>,
    /// The request's name, as in the answer and in the events that follow from it.
    pub request_id: String,
    /// Method and template of the path: no id, no query.
    pub route: String,
}

/// Whom or what an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessSubject {
    /// An account.
    User(UserId),
    /// A task.
    Task(TaskId),
    /// A session.
    Session(SessionId),
    /// An API token.
    ApiToken(ApiTokenId),
    /// An invitation.
    Invitation(Uuid),
    /// A webhook.
    Webhook(Uuid),
    /// Somebody of an outside issuer.
    OutsideIdentity(OutsideIdentityId),
    /// A keyed hash of an e-mail address that belongs to nobody.
    Address(String),
}

impl fmt::Display for AccessSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user#{id}"),
            Self::Task(id) => write!(f, "task#{id}"),
            Self::Session(id) => write!(f, "session#{id}"),
            Self::ApiToken(id) => write!(f, "api-token#{id}"),
            Self::Invitation(id) => write!(f, "invitation#{id}"),
            Self::Webhook(id) => write!(f, "webhook#{id}"),
            Self::OutsideIdentity(id) => write!(f, "outside-identity#{id}"),
            Self::Address(hash) => write!(f, "address#{hash}"),
        }
    }
}

/// What somebody did, or tried. It holds no secret and no address of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub(super) kind: AccessKind,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) actor: Option<UserId>,
    pub(super) session: Option<SessionId>,
    pub(super) api_token: Option<ApiTokenId>,
    pub(super) subject: Option<AccessSubject>,
}

impl Access {
    /// Something that was done.
    pub const fn allowed(kind: AccessKind) -> Self {
        Self::of(kind, Outcome::Allowed)
    }

    /// Something that was refused.
    pub const fn refused(kind: AccessKind) -> Self {
        Self::of(kind, Outcome::Refused)
    }

    const fn of(kind: AccessKind, outcome: Outcome) -> Self {
        Self { kind, outcome, reason: None, actor: None, session: None, api_token: None, subject: None }
    }

    /// By this person, with what they came with.
    #[must_use]
    pub const fn by(self, who: &Principal) -> Self {
        self.by_user(who.user_id).with(who.credential)
    }

    /// By whoever this token is of, with it.
    #[must_use]
    pub const fn by_token(mut self, token: &Presented) -> Self {
        self.actor = Some(token.user_id());
        match token {
            Presented::AccessToken(token) => self.session = Some(token.session_id),
            Presented::ApiToken(token) => self.api_token = Some(token.id),
        }
        self
    }

    /// With this.
    #[must_use]
    pub const fn with(mut self, credential: Credential) -> Self {
        match credential {
            Credential::Session(id) => self.session = Some(id),
            Credential::ApiToken { id, .. } => self.api_token = Some(id),
        }
        self
    }

    /// By this account.
    #[must_use]
    pub const fn by_user(mut self, user: UserId) -> Self {
        self.actor = Some(user);
        self
    }

    /// In this session.
    #[must_use]
    pub const fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// About this.
    #[must_use]
    pub fn about(mut self, subject: AccessSubject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// For this reason: a text of ours, nothing that was sent.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Whether it says who did it.
    pub const fn names_somebody(&self) -> bool {
        self.actor.is_some()
    }

    /// Whether it says why.
    pub const fn has_reason(&self) -> bool {
        self.reason.is_some()
    }
}

/// An entry of the access log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccessEntry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What was done or tried.
    pub kind: AccessKind,
    /// Whether it was let be.
    pub outcome: Outcome,
    /// Why it was refused; of a sign-in, with what: the password, a second factor as well, or which outside issuer.
    #[schema(required)]
    pub reason: Option<String>,
    /// Who did it, if that is known; of a refused token, whom it named.
    #[schema(required, value_type = Option<Uuid>)]
    pub actor: Option<UserId>,
    /// The session that they came with.
    #[schema(required, value_type = Option<Uuid>)]
    pub session_id: Option<SessionId>,
    /// The API token that they came with.
    #[schema(required, value_type = Option<Uuid>)]
    pub api_token_id: Option<ApiTokenId>,
    /// Whom or what it was about: a kind and an id, such as `user#…`. `address#…` stands for an e-mail address that
    /// belongs to nobody.
    #[schema(required)]
    pub subject: Option<String>,
    /// The client's address.
    #[schema(required, value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// The client's program, as it named itself.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// The request: `X-Request-Id` of its answer.
    pub request_id: String,
    /// Method and path of the route.
    pub route: String,
    /// How many more of the kind came from there shortly before or after, which have no entry of their own.
    pub left_out: u64,
}

impl AccessEntry {
    pub(super) fn new(at: DateTime<Utc>, origin: &Origin, access: Access) -> Self {
        let cut = |agent: &String| agent.chars().take(MAX_USER_AGENT).collect::<String>();
        Self {
            id: Uuid::new_v4(),
            at,
            kind: access.kind,
            outcome: access.outcome,
            reason: access.reason,
            actor: access.actor,
            session_id: access.session,
            api_token_id: access.api_token,
            subject: access.subject.map(|subject| subject.to_string()),
            address: origin.address,
            user_agent: origin.user_agent.as_ref().map(cut).filter(|agent| !agent.is_empty()),
            request_id: origin.request_id.clone(),
            route: origin.route.clone(),
            left_out: 0,
        }
    }

    pub(super) fn to_item(&self) -> Item {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut item = Item::from([
            ("pk".to_owned(), s(&self.at.date_naive())),
            ("sk".to_owned(), s(&format!("{at}#{}", self.id))),
            ("kind".to_owned(), s(&self.kind.as_str())),
            ("outcome".to_owned(), s(&self.outcome.as_str())),
            ("request_id".to_owned(), s(&self.request_id)),
            ("route".to_owned(), s(&self.route)),
            ("ttl".to_owned(), n(&(self.at + KEPT).timestamp())),
        ]);
        let optional = [
            ("reason", self.reason.clone()),
            ("actor", self.actor.map(|id| id.to_string())),
            ("session_id", self.session_id.map(|id| id.to_string())),
            ("api_token_id", self.api_token_id.map(|id| id.to_string())),
            ("subject", self.subject.clone()),
            ("address", self.address.map(|address| address.to_string())),
            ("user_agent", self.user_agent.clone()),
        ];
        item.extend(optional.into_iter().filter_map(|(name, text)| Some((name.to_owned(), s(&text?)))));
        if self.left_out > 0 {
            item.insert("left_out".to_owned(), n(&self.left_out));
        }
        item
    }

    pub(super) fn from_item(item: &Item) -> Option<Self> {
        let sort_key = text(item, "sk")?;
        let (at, id) = sort_key.split_once('#')?;
        Some(Self {
            id: id.parse().ok()?,
            at: at.parse().ok()?,
            kind: AccessKind::of(&text(item, "kind")?)?,
            outcome: Outcome::of(&text(item, "outcome")?)?,
            reason: text(item, "reason"),
            actor: parsed(item, "actor").ok()?,
            session_id: parsed(item, "session_id").ok()?,
            api_token_id: parsed(item, "api_token_id").ok()?,
            subject: text(item, "subject"),
            address: parsed(item, "address").ok()?,
            user_agent: text(item, "user_agent"),
            request_id: text(item, "request_id")?,
            route: text(item, "route")?,
            left_out: number(item, "left_out").unwrap_or(0),
        })
    }
}

/// An attribute that may be missing, and is right if it is there.
fn parsed<T: FromStr>(item: &Item, attribute: &str) -> Result<Option<T>, T::Err> {
    text(item, attribute).map(|text| text.parse()).transpose()
}
