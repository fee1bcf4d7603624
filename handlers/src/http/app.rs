//! What every route needs.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use muster_domain::ports::Clock;
use muster_domain::{EventReader, TeamId, UserId};
use muster_identity::Identity;
use muster_identity::policy::{Person, Resource};
use muster_projections::directory::{Account, TeamDocument, UserDocument, fold_account, fold_team};
use muster_projections::{AuditQueries, DirectoryQueries, FeedQueries, TaskPastQueries, TaskQueries};

use super::commands::Commands;
use super::page::query_problem;
use super::problem::{Code, Problem};
use super::settings::Settings;
use super::throttle::Throttle;
use crate::digests::DigestTable;
use crate::mail::{Links, Post};
use crate::named_requests::NamedRequests;
use crate::placed_lately::PlacedLately;
use crate::saved_filters::SavedFilters;
use crate::webhooks::WebhookHub;

/// The parts that the routes work with. One for each program.
pub struct App {
    /// Takes commands.
    pub commands: Commands,
    /// Reads histories: always complete, always consistent.
    pub reader: Arc<dyn EventReader>,
    /// Answers questions about tasks.
    pub tasks: TaskQueries,
    /// Answers questions about tasks as they were.
    pub past: TaskPastQueries,
    /// Answers questions about who did what.
    pub audit: AuditQueries,
    /// Answers questions about people and teams.
    pub directory: DirectoryQueries,
    /// What people list again and again.
    pub filters: SavedFilters,
    /// Where tasks were put by hand lately.
    pub placed: PlacedLately,
    /// What was asked for by requests of many commands.
    pub requests: NamedRequests,
    /// Gives out events in an order that readers can go on from.
    pub feed: FeedQueries,
    /// Signs people in and out.
    pub identity: Identity,
    /// Whether it has been seen that somebody administrates, as somebody does for ever then. Until it has, whoever signs up may be the first.
    pub is_founded: AtomicBool,
    /// What the operator has decided.
    pub settings: Settings,
    /// Sends letters.
    pub post: Post,
    /// What is told to other programs; `None` in a program that has no business with it.
    pub webhooks: Option<WebhookHub>,
    /// Where letters lead to.
    pub links: Links,
    /// Counts how often somebody asks.
    pub throttle: Throttle,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The store, to see whether it answers, and one of its tables.
    pub store: Client,
    /// The table that readiness is asked of.
    pub control_table: String,
    /// The digests over the heads of all histories.
    pub digests: DigestTable,
}

impl App {
    /// The same, with somebody to carry its letters.
    #[must_use]
    pub fn with_post(self, post: Post) -> Self {
        Self { post, ..self }
    }

    /// The same, but no answer waits until it is written down where its command came from: over this client, behind it.
    #[must_use]
    pub fn with_origins_behind(self, client: Client) -> Self {
        let origins = self.commands.origins().clone().behind(client);
        Self { commands: self.commands.with_origins(origins), ..self }
    }

    /// The same, with webhooks.
    #[must_use]
    pub fn with_webhooks(self, webhooks: WebhookHub) -> Self {
        Self { webhooks: Some(webhooks), ..self }
    }

    /// Now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A person, from the directory; one who is so new that the directory does not know them, from their history.
    pub(crate) async fn account(&self, id: UserId, min_version: u64) -> Result<Option<Account>, Problem> {
        let row = self.directory.account(id).await.map_err(|error| query_problem(&error))?;
        if row.as_ref().is_some_and(|account| account.version >= min_version) {
            return Ok(row);
        }
        Ok(self.folded(id).await?.or(row))
    }

    /// A person as they are at this moment, whatever the directory knows yet: what they may do follows from this. One small read of their
    /// history beside that of the directory says whether the directory is behind; then all of the history is read.
    pub(crate) async fn present(&self, id: UserId) -> Result<Option<Account>, Problem> {
        let stream = id.into();
        let (head, row) = tokio::join!(self.reader.head(&stream), self.directory.account(id));
        let (head, row) = (head.map_err(|error| unreadable(&error))?, row.map_err(|error| query_problem(&error))?);
        match row {
            Some(account) if account.version >= head => Ok(Some(account)),
            // Nobody has this id.
            None if head == 0 => Ok(None),
            Some(_) | None => self.folded(id).await,
        }
    }

    /// A person, from their history.
    async fn folded(&self, id: UserId) -> Result<Option<Account>, Problem> {
        let events = self.reader.events(&id.into(), 0, None).await.map_err(|error| unreadable(&error))?;
        let opener = self.reader.keys().opener(&id.into()).await.map_err(|error| Problem::unavailable(&error))?;
        fold_account(&events, &opener).map_err(|error| Problem::internal(&error))
    }

    /// The same, as the API shows a person.
    pub(crate) async fn user(&self, id: UserId, min_version: u64) -> Result<Option<UserDocument>, Problem> {
        Ok(self.account(id, min_version).await?.map(|account| account.document()))
    }

    /// A person as the one to whom something is done, if they are there.
    pub(crate) async fn person(&self, id: UserId) -> Result<Resource, Problem> {
        let user = self.user(id, 0).await?.ok_or_else(|| not_found("user"))?;
        Ok(Resource::User(Person { id, teams: user.teams }))
    }

    /// A team, likewise.
    pub(crate) async fn team(&self, id: TeamId, min_version: u64) -> Result<Option<TeamDocument>, Problem> {
        let row = self.directory.team(id).await.map_err(|error| query_problem(&error))?;
        if row.as_ref().is_some_and(|team| team.version >= min_version) {
            return Ok(row);
        }
        let events = self.reader.events(&id.into(), 0, None).await.map_err(|error| unreadable(&error))?;
        Ok(fold_team(&events).map_err(|error| Problem::internal(&error))?.or(row))
    }
}

/// A history that could not be read.
pub(crate) fn unreadable(error: &muster_domain::ports::ReadError) -> Problem {
    match error {
        muster_domain::ports::ReadError::Store(_) => Problem::unavailable(error),
        muster_domain::ports::ReadError::Damaged { .. } => Problem::internal(error),
    }
}

/// There is no such thing, or the caller may not know of it.
pub(crate) fn not_found(what: &str) -> Problem {
    Problem::new(Code::NotFound).detail(format_args!("There is no such {what}."))
}
