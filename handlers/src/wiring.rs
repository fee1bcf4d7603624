//! The parts behind the entry points, wired over one client of a store: the Lambdas and the local program wire them here.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use muster_commands::{CommandHandler, DynamoEventStore, DynamoLog};
use muster_domain::personal::Opener;
use muster_domain::ports::KeyError;
use muster_domain::{EventReader, SubjectKeys, UserId};
use muster_identity::{Identity, IdentityError, IdentityTables, KeyRing, Origins, ServerSecret, TokenSettings};
use muster_projections::{
    AuditQueries, DirectoryQueries, FeedOrder, FeedQueries, ReadModels, TaskPastQueries, TaskQueries,
};
use muster_vault::{KeyTable, Master};

use crate::clock::SystemClock;
use crate::digests::DigestTable;
use crate::http::{App, Commands, Settings, Throttle};
use crate::mail::{Links, Post};
use crate::named_requests::NamedRequests;
use crate::placed_lately::PlacedLately;
use crate::recurrence::Recurring;
use crate::reminders::ReminderClock;
use crate::saved_filters::SavedFilters;

/// The keys of personal data, in the table with this prefix. A program has them once, so that what it erases is gone in all
/// of it at once.
pub fn subject_keys(client: &Client, prefix: &str, master: Arc<dyn Master>) -> Arc<dyn SubjectKeys> {
    Arc::new(KeyTable::new(client.clone(), subject_keys_table(prefix), master))
}

/// The table of the keys of personal data with this prefix.
pub fn subject_keys_table(prefix: &str) -> String {
    format!("{prefix}subject-keys")
}

/// The event store, in the tables with this prefix.
pub fn event_store(client: &Client, prefix: &str, keys: Arc<dyn SubjectKeys>) -> DynamoEventStore {
    let log = DynamoLog::new(client.clone(), format!("{prefix}events"), format!("{prefix}reservations"));
    DynamoEventStore::new(log, keys)
}

/// Reads histories, in the tables with this prefix, with everything that is personal sealed.
pub fn sealed_reader(client: &Client, prefix: &str) -> Arc<dyn EventReader> {
    Arc::new(event_store(client, prefix, Arc::new(NoKeys)))
}

/// The keys of somebody who has none.
#[derive(Debug)]
struct NoKeys;

#[async_trait]
impl SubjectKeys for NoKeys {
    async fn find(&self, _: UserId) -> Result<Opener, KeyError> {
        Ok(Opener::NoKey)
    }

    async fn make(&self, _: UserId) -> Result<Opener, KeyError> {
        Err(KeyError::Unavailable("keys are not made here".into()))
    }

    async fn erase(&self, _: UserId) -> Result<(), KeyError> {
        Err(KeyError::Unavailable("keys are not erased here".into()))
    }
}

/// The digests, in the table with this prefix.
pub fn digest_table(client: &Client, prefix: &str) -> DigestTable {
    DigestTable::new(client.clone(), prefix)
}

/// The tables of the identity room with this prefix.
pub fn identity_tables(prefix: &str) -> IdentityTables {
    IdentityTables {
        credentials: format!("{prefix}credentials"),
        sessions: format!("{prefix}sessions"),
        access_log: format!("{prefix}access-log"),
        reservations: format!("{prefix}reservations"),
        one_time_tokens: format!("{prefix}one-time-tokens"),
        api_tokens: format!("{prefix}api-tokens"),
        outside_identities: format!("{prefix}outside-identities"),
        invitations: format!("{prefix}invitations"),
    }
}

/// The parts behind the HTTP routes, on the tables with this prefix. `keys` seal what is personal, `signing` signs access
/// tokens, and refresh tokens are sealed with what follows from `secret`. Letters are sent by nobody yet: [`App::with_post`].
pub fn app(
    client: &Client,
    prefix: &str,
    keys: &Arc<dyn SubjectKeys>,
    signing: impl Into<KeyRing>,
    secret: &ServerSecret,
    tokens: TokenSettings,
    settings: Settings,
) -> Result<App, IdentityError> {
    let clock = Arc::new(SystemClock);
    let store = event_store(client, prefix, Arc::clone(keys));
    let models = ReadModels::new(client.clone(), prefix);
    let identity = Identity::new(client, &identity_tables(prefix), signing, secret, tokens, clock.clone())?;
    let identity = identity.with_session_idle(settings.session_idle.0);
    let origins = Origins::new(client.clone(), format!("{prefix}origins"), Arc::clone(keys));
    let reader: Arc<dyn EventReader> = Arc::new(store.clone());
    Ok(App {
        feed: FeedQueries::new(FeedOrder::new(client.clone(), prefix), Arc::clone(&reader)),
        reader,
        commands: Commands::new(CommandHandler::new(store), origins),
        tasks: TaskQueries::new(models.clone()),
        past: TaskPastQueries::new(models.clone()),
        audit: AuditQueries::new(models.clone(), Arc::clone(keys)),
        directory: DirectoryQueries::new(models),
        filters: SavedFilters::new(client.clone(), prefix),
        placed: PlacedLately::default(),
        requests: NamedRequests::new(client.clone(), prefix),
        identity: identity.with_outside_issuers(&settings.oidc)?,
        is_founded: AtomicBool::new(false),
        throttle: Throttle::new(&settings.rates),
        links: Links::new(&settings.public_url),
        settings,
        post: Post::none(),
        webhooks: None,
        clock,
        store: client.clone(),
        control_table: format!("{prefix}control"),
        digests: digest_table(client, prefix),
    })
}

/// What makes the next task of a series.
pub fn recurring(events: &DynamoEventStore) -> Recurring {
    Recurring::new(Arc::new(events.clone()), CommandHandler::new(events.clone()), Arc::new(SystemClock))
}

/// What lets reminders fire, over the tables with this prefix.
pub fn reminder_clock(client: &Client, prefix: &str, events: &DynamoEventStore) -> ReminderClock {
    let tasks = TaskQueries::new(ReadModels::new(client.clone(), prefix));
    ReminderClock::new(tasks, CommandHandler::new(events.clone()), Arc::new(SystemClock))
}
