//! `muster keys`: the keys that sign access tokens, files in the data directory, which a running server looks at; and the server
//! secret, which it has read when it started.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::Clock as _;
use muster_embedded::Engine;
use muster_handlers::clock::SystemClock;
use muster_handlers::wiring;
use muster_identity::{
    EndReason, KeyState, RotationError, Secrets, ServerSecret, Sessions, SigningKeyStatus, SigningKeys,
};

use super::json;
use crate::args::{DataArgs, KeysListArgs, KeysRetireArgs, KeysRotateArgs};
use crate::report::{Failure, failed, line};
use crate::system::PREFIX;

/// Shows each key.
pub fn list(args: &KeysListArgs) -> Result<(), Failure> {
    let keys = open(&args.data)?.statuses(SystemClock.now());
    if args.json {
        return json(&keys);
    }
    keys.iter().try_for_each(|key| line(format_args!("{}  {}", key.kid, told(key))))
}

/// Makes a new one.
pub fn rotate(args: &KeysRotateArgs) -> Result<(), Failure> {
    let (mut keys, now) = (open(&args.data)?, SystemClock.now());
    let from = if args.now { now } else { now + TimeDelta::minutes(args.publish_for.into()) };
    let made = keys.rotate(from, now).map_err(refused)?;
    if args.json { json(&made) } else { line(format_args!("{}  {}", made.kid, told(&made))) }
}

/// Removes one.
pub fn retire(args: &KeysRetireArgs) -> Result<(), Failure> {
    let mut keys = open(&args.data)?;
    let retired = keys.retire(&args.kid, SystemClock.now()).map_err(refused)?;
    if args.json { json(&retired) } else { line(format_args!("{}  is no key any more", retired.kid)) }
}

/// Makes another server secret, of a directory that nobody has open: a running server would go on with the old one. Sessions would
/// go on with their access tokens until these run out, and be listed for longer, so they end here.
pub async fn renew_server_secret(DataArgs { data }: &DataArgs) -> Result<(), Failure> {
    if !data.join("muster.db").exists() {
        let data = data.display();
        return Err(Failure::Refused(format!("there is no store in {data}; `muster serve` makes one")));
    }
    let engine = Engine::open(data)?;
    let path = Secrets::renew_server_secret(data)?;
    let ended = end_sessions(engine.client()).await?;
    drop(engine);
    line(format_args!("{} is another now: everybody has to sign in again (sessions ended: {ended})", path.display()))
}

async fn end_sessions(client: Client) -> Result<usize, Failure> {
    const DOING: &str = "ending the sessions";
    // Their tokens are not looked at: any secret will do.
    let secret = ServerSecret::generate().map_err(failed(DOING))?;
    let table = wiring::identity_tables(PREFIX).sessions;
    let sessions = Sessions::new(client, table, &secret, Arc::new(SystemClock));
    sessions.end_all(EndReason::Revoked).await.map_err(failed(DOING))
}

/// The keys of a data directory, which must be there already.
fn open(DataArgs { data }: &DataArgs) -> Result<SigningKeys, Failure> {
    let missing =
        || Failure::Refused(format!("there are no signing keys in {}; `muster serve` makes one", data.display()));
    if !data.exists() {
        return Err(missing());
    }
    let keys = SigningKeys::load(data)?;
    if keys.is_empty() { Err(missing()) } else { Ok(keys) }
}

fn refused(error: RotationError) -> Failure {
    match error {
        RotationError::Secrets(error) => error.into(),
        RotationError::Pending { .. } | RotationError::Unknown(_) | RotationError::Signing(_) => {
            Failure::Refused(error.to_string())
        }
    }
}

fn told(key: &SigningKeyStatus) -> String {
    let time = |time: Option<DateTime<Utc>>| match time {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        None => "the beginning".to_owned(),
    };
    match key.state {
        KeyState::Next => format!("is published, and signs from {}", time(key.signs_from)),
        KeyState::Signing => format!("signs since {}", time(key.signs_from)),
        KeyState::Accepted => format!("signs no longer; its tokens are good until {}", time(key.accepted_until)),
        KeyState::Over => "signs no longer, and has no tokens left".to_owned(),
    }
}
