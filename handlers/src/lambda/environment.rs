//! The parts behind the entry points, as a Lambda's environment names them.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use chrono::DateTime;
use muster_domain::user::Role;
use muster_domain::{EventReader, SubjectKeys};
use muster_identity::{KeyRing, PublicKey, RingKey, ServerSecret, TokenSettings};
use muster_projections::{Hosted, hosted};
use muster_vault::{KmsMaster, Master};

use super::address::OriginSecret;
use super::kms::{KmsError, KmsSigner, public_half, server_secret};
use super::locked_bucket::{BucketError, LockedBucket};
use super::mail::{Ses, Sns};
use crate::clock::SystemClock;
use crate::digests::Digester;
use crate::http::{App, Rates, Settings};
use crate::mail::Post;
use crate::notifier::{ByMail, Claims, HeldLetters, Notifier};
use crate::recurrence::Recurring;
use crate::reminders::ReminderClock;
use crate::webhooks::{Http, NoClient, PATIENCE, Reach, Sender, SystemResolver, WebhookHub};
use crate::wiring;
use crate::wiring::{app, digest_table, event_store, sealed_reader, subject_keys};

/// Why a Lambda cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An environment variable is missing.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// An environment variable has a value that it cannot have.
    #[error("the environment variable {0} has a value that it cannot have")]
    Invalid(&'static str),
    /// There is no projection of the name in `MUSTER_PROJECTION`.
    #[error("there is no projection called {0:?}")]
    NoSuchProjection(String),
    /// A key cannot be used.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// The bucket of digests cannot be used.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The server secret could not be made.
    #[error(transparent)]
    Key(#[from] muster_identity::KeyError),
    /// The outside issuers in `MUSTER_OIDC` are not as they should be.
    #[error(transparent)]
    Issuers(#[from] muster_identity::OidcSettingsError),
    /// The client of webhooks cannot start.
    #[error(transparent)]
    Webhooks(#[from] NoClient),
    /// The identity room cannot start.
    #[error(transparent)]
    Identity(#[from] muster_identity::IdentityError),
}

/// The environment variable of this name.
pub fn variable(name: &'static str) -> Result<String, StartError> {
    std::env::var(name).map_err(|_| StartError::Missing(name))
}

/// How long the answer to a request waits for its letters: a Lambda stands still when it has answered. Well within the time
/// that a request may take.
const LETTERS_WITHIN: Duration = Duration::from_secs(3);

/// The parts behind the routes that change something: `MUSTER_TABLE_PREFIX`, `MUSTER_ISSUER`, the keys
/// `MUSTER_SIGNING_KEY_ID` (it signs access tokens), `MUSTER_SERVER_KEY_ID` (the server secret is derived from it) and
/// `MUSTER_PERSONAL_KEY_ID` (it wraps the keys of personal data, wherever an event is read or written), and
/// `MUSTER_MAIL_FROM` and `MUSTER_PUBLIC_URL` (the address that letters come from, and the one that they lead to). Tokens of the
/// keys in `MUSTER_ACCEPTED_KEY_IDS` (with commas between them) are accepted, too.
pub async fn command_app(config: &SdkConfig) -> Result<Arc<App>, StartError> {
    let (prefix, tokens) = (variable("MUSTER_TABLE_PREFIX")?, token_settings()?);
    let (signing_key, server_key) = (variable("MUSTER_SIGNING_KEY_ID")?, variable("MUSTER_SERVER_KEY_ID")?);
    let (post, public_url) = (Post::within(Arc::new(ses(config)?), LETTERS_WITHIN), variable("MUSTER_PUBLIC_URL")?);
    let settings = Settings { public_url, ..settings()? };
    let client = Client::new(config);
    let keys = keys(config, &client, &prefix)?;
    let kms = aws_sdk_kms::Client::new(config);
    let signer = KmsSigner::of(kms.clone(), signing_key);
    let (signer, accepted, secret) = tokio::try_join!(signer, accepted_keys(&kms), server_secret(&kms, &server_key))?;
    let mut ring = vec![RingKey::Signs { signer: Arc::new(signer), from: DateTime::UNIX_EPOCH }];
    ring.extend(accepted.into_iter().map(RingKey::accepted));
    let app = app(&client, &prefix, &keys, KeyRing::new(ring), &secret, tokens, settings)?;
    let hub = WebhookHub::new(&client, &prefix, master(config)?);
    Ok(Arc::new(app.with_post(post).with_webhooks(hub)))
}

/// Sends letters from the address `MUSTER_MAIL_FROM`, each once: whoever repeats one decides so, and not the SDK.
fn ses(config: &SdkConfig) -> Result<Ses, StartError> {
    let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
    Ok(Ses::new(aws_sdk_sesv2::Client::new(&once), variable("MUSTER_MAIL_FROM")?))
}

/// The parts behind the routes that answer questions: `MUSTER_TABLE_PREFIX`, `MUSTER_ISSUER` and
/// `MUSTER_SIGNING_KEY_ID`, whose public half is all that they use, as of those in `MUSTER_ACCEPTED_KEY_IDS`.
pub async fn query_app(config: &SdkConfig) -> Result<Arc<App>, StartError> {
    let (prefix, tokens) = (variable("MUSTER_TABLE_PREFIX")?, token_settings()?);
    let (kms, signing_key) = (aws_sdk_kms::Client::new(config), variable("MUSTER_SIGNING_KEY_ID")?);
    let client = Client::new(config);
    let keys = keys(config, &client, &prefix)?;
    let (signing, accepted) = tokio::try_join!(public_half(&kms, &signing_key), accepted_keys(&kms))?;
    let ring = KeyRing::new(accepted.into_iter().chain([signing]).map(RingKey::accepted).collect());
    // No route here begins or refreshes a session, so the true secret has no business here, nor have those at outside issuers.
    let (secret, settings) = (ServerSecret::generate()?, settings()?);
    let settings = Settings { oidc: settings.oidc.to_show(), ..settings };
    Ok(Arc::new(app(&client, &prefix, &keys, ring, &secret, tokens, settings)?))
}

/// The public halves of the keys that `MUSTER_ACCEPTED_KEY_IDS` names beside the one that signs: the one before a rotation, or
/// the one after.
async fn accepted_keys(kms: &aws_sdk_kms::Client) -> Result<Vec<PublicKey>, KmsError> {
    let ids = std::env::var("MUSTER_ACCEPTED_KEY_IDS").unwrap_or_default();
    let mut keys = Vec::new();
    for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        keys.push(public_half(kms, id).await?);
    }
    Ok(keys)
}

/// The keys of personal data, wrapped by `MUSTER_PERSONAL_KEY_ID`.
fn keys(config: &SdkConfig, client: &Client, prefix: &str) -> Result<Arc<dyn SubjectKeys>, StartError> {
    Ok(subject_keys(client, prefix, master(config)?))
}

/// What wraps keys: `MUSTER_PERSONAL_KEY_ID`.
fn master(config: &SdkConfig) -> Result<Arc<dyn Master>, StartError> {
    Ok(Arc::new(KmsMaster::new(aws_sdk_kms::Client::new(config), variable("MUSTER_PERSONAL_KEY_ID")?)))
}

/// Sends to webhooks, to public addresses alone: `MUSTER_TABLE_PREFIX` and `MUSTER_PERSONAL_KEY_ID`, under which their secrets are
/// sealed.
pub fn webhooks(config: &SdkConfig) -> Result<Sender, StartError> {
    let (prefix, client) = (variable("MUSTER_TABLE_PREFIX")?, Client::new(config));
    let WebhookHub { webhooks, deliveries, wakes: _ } = WebhookHub::new(&client, &prefix, master(config)?);
    let http = Http::new(Reach::default(), Arc::new(SystemResolver), Vec::new(), PATIENCE)?;
    let reader = Arc::new(event_store(&client, &prefix, keys(config, &client, &prefix)?));
    Ok(Sender::new(webhooks, deliveries, http, reader, Arc::new(SystemClock)))
}

/// How the API behaves: `MUSTER_TRUSTED_PROXIES`, `MUSTER_SIGNUP`, `MUSTER_ALLOWED_ORIGINS` (with commas between them), the outside
/// issuers as JSON in `MUSTER_OIDC`, the roles in `MUSTER_REQUIRE_SECOND_FACTOR`, `MUSTER_SESSION_IDLE_HOURS`, and the limits `MUSTER_RATE_LIMIT_…`, named as the local program names them. What is not set stays as it is by default.
fn settings() -> Result<Settings, StartError> {
    let Settings {
        trusted_proxies,
        public_url,
        sign_up,
        rates,
        allowed_origins,
        oidc,
        second_factor_for,
        session_idle,
        webhooks,
    } = Settings::default();
    let rate = |name, default| Ok::<_, StartError>(parsed(name)?.unwrap_or(default));
    let origins = parsed::<String>("MUSTER_ALLOWED_ORIGINS")?;
    let listed = |text: String| text.split(',').filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
    Ok(Settings {
        webhooks,
        trusted_proxies: parsed("MUSTER_TRUSTED_PROXIES")?.unwrap_or(trusted_proxies),
        public_url,
        sign_up: parsed("MUSTER_SIGNUP")?.unwrap_or(sign_up),
        allowed_origins: origins.map_or(allowed_origins, listed),
        second_factor_for: roles("MUSTER_REQUIRE_SECOND_FACTOR")?.unwrap_or(second_factor_for),
        session_idle: parsed("MUSTER_SESSION_IDLE_HOURS")?.unwrap_or(session_idle),
        oidc: std::env::var("MUSTER_OIDC").ok().map(|text| text.parse()).transpose()?.unwrap_or(oidc),
        rates: Rates {
            caller: rate("MUSTER_RATE_LIMIT_CALLER", rates.caller)?,
            address: rate("MUSTER_RATE_LIMIT_ADDRESS", rates.address)?,
            attempts: rate("MUSTER_RATE_LIMIT_ATTEMPTS", rates.attempts)?,
            attempts_from_address: rate("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", rates.attempts_from_address)?,
            attempts_at_account: rate("MUSTER_RATE_LIMIT_ATTEMPTS_AT_ACCOUNT", rates.attempts_at_account)?,
        },
    })
}

/// What CloudFront shows with each request: `MUSTER_ORIGIN_SECRET`. Without it, no request counts as having come through a proxy.
pub fn origin_secret() -> Option<OriginSecret> {
    OriginSecret::new(&std::env::var("MUSTER_ORIGIN_SECRET").unwrap_or_default())
}

fn parsed<T: FromStr>(name: &'static str) -> Result<Option<T>, StartError> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| StartError::Invalid(name))
}

/// Roles with commas between them.
fn roles(name: &'static str) -> Result<Option<Vec<Role>>, StartError> {
    let Some(text) = parsed::<String>(name)? else { return Ok(None) };
    let role = |word: &str| Role::ALL.iter().find(|role| role.to_string() == word).copied();
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| role(word).ok_or(StartError::Invalid(name))).collect::<Result<_, _>>().map(Some)
}

fn token_settings() -> Result<TokenSettings, StartError> {
    let issuer = variable("MUSTER_ISSUER")?;
    Ok(TokenSettings::new(issuer.clone(), issuer))
}

/// Every projection, over the tables with `MUSTER_TABLE_PREFIX`.
pub fn hosted_projections(config: &SdkConfig) -> Result<Vec<Arc<dyn Hosted>>, StartError> {
    let (prefix, client) = (variable("MUSTER_TABLE_PREFIX")?, Client::new(config));
    let keys = keys(config, &client, &prefix)?;
    let reader: Arc<dyn EventReader> = Arc::new(event_store(&client, &prefix, keys));
    Ok(hosted(&client, &prefix, &reader))
}

/// The notifier: `MUSTER_TABLE_PREFIX`, `MUSTER_MAIL_FROM` (the sender's address) and `MUSTER_TOPIC_ARN`.
pub fn notifier(config: &SdkConfig) -> Result<Notifier, StartError> {
    let (prefix, client) = (variable("MUSTER_TABLE_PREFIX")?, Client::new(config));
    // A letter whose answer is lost would be sent twice; one that is certainly refused comes again with its message.
    let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
    let mail = ByMail(ses(config)?);
    let topic = Sns::new(aws_sdk_sns::Client::new(&once), variable("MUSTER_TOPIC_ARN")?);
    let keys = keys(config, &client, &prefix)?;
    let reader = Arc::new(event_store(&client, &prefix, keys));
    let (claims, held) = (Claims::new(client.clone(), &prefix), HeldLetters::new(client, &prefix));
    Ok(Notifier::new(reader, claims, held, vec![Arc::new(mail), Arc::new(topic)], Arc::new(SystemClock)))
}

/// What makes the next task of a series: `MUSTER_TABLE_PREFIX`.
pub fn recurring(config: &SdkConfig) -> Result<Recurring, StartError> {
    let (prefix, client) = (variable("MUSTER_TABLE_PREFIX")?, Client::new(config));
    let keys = keys(config, &client, &prefix)?;
    Ok(wiring::recurring(&event_store(&client, &prefix, keys)))
}

/// What lets reminders fire: `MUSTER_TABLE_PREFIX`.
pub fn reminder_clock(config: &SdkConfig) -> Result<ReminderClock, StartError> {
    let (prefix, client) = (variable("MUSTER_TABLE_PREFIX")?, Client::new(config));
    let keys = keys(config, &client, &prefix)?;
    Ok(wiring::reminder_clock(&client, &prefix, &event_store(&client, &prefix, keys)))
}

/// The projection that `MUSTER_PROJECTION` names.
pub fn projector(config: &SdkConfig) -> Result<Arc<dyn Hosted>, StartError> {
    let name = variable("MUSTER_PROJECTION")?;
    let projections = hosted_projections(config)?;
    projections.into_iter().find(|projection| projection.name() == name).ok_or(StartError::NoSuchProjection(name))
}

/// In how many parts the event table is read side by side for a digest.
const SEGMENTS: u32 = 4;

/// Takes digests: `MUSTER_TABLE_PREFIX`, `MUSTER_DIGEST_KEY_ID` (it signs them), and `MUSTER_DIGEST_BUCKET`, in which they are locked.
/// It reads histories with everything that is personal sealed, and has no key to open it.
pub async fn digester(config: &SdkConfig) -> Result<Digester, StartError> {
    let (prefix, key) = (variable("MUSTER_TABLE_PREFIX")?, variable("MUSTER_DIGEST_KEY_ID")?);
    let archive = LockedBucket::new(config, &variable("MUSTER_DIGEST_BUCKET")?)?;
    let client = Client::new(config);
    let signer = KmsSigner::of(aws_sdk_kms::Client::new(config), key).await?;
    Ok(Digester {
        reader: sealed_reader(&client, &prefix),
        table: digest_table(&client, &prefix),
        signer: Arc::new(signer),
        clock: Arc::new(SystemClock),
        archive: Some(Arc::new(archive)),
        segments: SEGMENTS,
    })
}
