//! What comes with every command: its id, its request, its program.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use muster_commands::ExpectedVersion;
use muster_domain::{Actor, CommandId, Fingerprint, Metadata};
use muster_identity::{Client, CommandOrigin};
use serde::Serialize;
use uuid::Uuid;

use super::address::ClientAddress;
use super::app::App;
use super::caller::Caller;
use super::commands::Sent;
use super::etag::IfMatch;
use super::problem::{Code, Problem};

/// The caller's name for one command: a repeat of it takes no second effect.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The name of one request, in the answer, the logs and the events that follow from it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers of a request that make it a command.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    key: Option<String>,
    request_id: String,
    user_agent: Option<String>,
    address: Option<IpAddr>,
}

impl Intake {
    /// The command's id: the caller's key, or a new one.
    pub(crate) fn command_id(&self, actor: &Actor) -> CommandId {
        self.key.as_ref().map_or_else(|| CommandId(Uuid::new_v4()), |key| CommandId::from_key(actor, key))
    }

    /// What comes with a command of this actor. `route` and `meaning` say what was asked, and hold no secret.
    pub(crate) fn metadata(
        &self,
        command_id: CommandId,
        actor: Actor,
        route: &str,
        meaning: &impl Serialize,
        at: DateTime<Utc>,
    ) -> Sent {
        let metadata = Metadata {
            command_id,
            fingerprint: Fingerprint::of(route, meaning),
            actor,
            at,
            correlation_id: self.request_id.clone(),
            causation_id: None,
        };
        Sent { metadata, origin: CommandOrigin { address: self.address, user_agent: self.user_agent.clone() } }
    }

    /// Where it comes from; unknown only where nobody tells.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The program that sent it, and from where.
    pub(crate) fn client(&self) -> Client {
        Client { user_agent: self.user_agent.clone(), address: self.address }
    }
}

/// The header of this name, if it is there: once. Of two, nobody can say which is meant.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Problem::new(Code::InvalidHeader).detail(format_args!("Send {name} once: it is there twice."))),
    }
}

/// The program that sent a request, as it says. What of it is not UTF-8 is replaced: nobody hides all of it by one byte.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What the document says that a key is made of. A header could also have tabs.
fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

impl<S: Send + Sync> FromRequestParts<S> for Intake {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let key = match only(&parts.headers, &IDEMPOTENCY_KEY)?.map(text) {
            None => None,
            Some(Some(key)) if (1..=255).contains(&key.len()) && key.bytes().all(is_printable) => Some(key),
            Some(_) => {
                return Err(Problem::new(Code::InvalidHeader)
                    .detail("Idempotency-Key must have 1 to 255 printable characters of ASCII."));
            }
        };
        // The outermost layer has set it.
        let request_id = parts.headers.get(&REQUEST_ID).and_then(text).unwrap_or_default();
        let address = parts.extensions.get().map(|ClientAddress(address)| *address);
        Ok(Self { key, request_id, user_agent: user_agent(&parts.headers), address })
    }
}

/// Everything about a change but what is changed: who asks, under which name, of which version.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The version that they expect to change.
    pub(crate) expected: ExpectedVersion,
    /// The command's id.
    pub(crate) command_id: CommandId,
    /// When it was taken in: the one time of everything that the command does.
    pub(crate) at: DateTime<Utc>,
    intake: Intake,
}

impl Change {
    /// What comes with the command. `route` and `meaning` say what was asked, and hold no secret.
    pub(crate) fn metadata(&self, route: &str, meaning: &impl Serialize) -> Sent {
        self.intake.metadata(self.command_id, self.caller.actor(), route, meaning, self.at)
    }

    /// What comes with one of several commands that the change consists of.
    pub(crate) fn metadata_of(&self, command_id: CommandId, route: &str, meaning: &impl Serialize) -> Sent {
        self.intake.metadata(command_id, self.caller.actor(), route, meaning, self.at)
    }

    /// Whether the caller has a name for it, under which it may come again.
    pub(crate) const fn is_named(&self) -> bool {
        self.intake.key.is_some()
    }

    /// The headers alone.
    pub(crate) const fn intake(&self) -> &Intake {
        &self.intake
    }
}

impl FromRequestParts<Arc<App>> for Change {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let IfMatch(expected) = IfMatch::from_request_parts(parts, app).await?;
        let intake = Intake::from_request_parts(parts, app).await?;
        let command_id = intake.command_id(&caller.actor());
        Ok(Self { caller, expected, command_id, at: app.now(), intake })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn intake(headers: &[(HeaderName, &str)]) -> Result<Intake, Code> {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        Intake::from_request_parts(&mut request.into_parts().0, &()).await.map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn the_same_key_of_the_same_actor_is_the_same_command() {
        let (ada, ben) = (Actor::system("ada"), Actor::system("ben"));
        let named = intake(&[(IDEMPOTENCY_KEY, "one")]).await.unwrap();

        assert_eq!(named.command_id(&ada), intake(&[(IDEMPOTENCY_KEY, "one")]).await.unwrap().command_id(&ada));
        assert_ne!(named.command_id(&ada), named.command_id(&ben));
        assert_ne!(named.command_id(&ada), intake(&[(IDEMPOTENCY_KEY, "two")]).await.unwrap().command_id(&ada));
    }

    #[tokio::test]
    async fn without_a_key_each_request_is_a_command_of_its_own() {
        let (first, second) = (intake(&[]).await.unwrap(), intake(&[]).await.unwrap());

        assert_ne!(first.command_id(&Actor::system("ada")), second.command_id(&Actor::system("ada")));
    }

    #[tokio::test]
    async fn a_key_that_is_empty_long_or_not_ascii_is_refused() {
        assert!(intake(&[(IDEMPOTENCY_KEY, &"k".repeat(255))]).await.is_ok());
        for key in ["", &"k".repeat(256), "kéy", "k\ty"] {
            assert_eq!(intake(&[(IDEMPOTENCY_KEY, key)]).await.err(), Some(Code::InvalidHeader), "{key}");
        }
    }

    #[tokio::test]
    async fn of_two_keys_none_is_taken() {
        for second in ["one", "two"] {
            let refused = intake(&[(IDEMPOTENCY_KEY, "one"), (IDEMPOTENCY_KEY, second)]).await.err();
            assert_eq!(refused, Some(Code::InvalidHeader), "{second}");
        }
    }

    #[tokio::test]
    async fn a_command_carries_its_request_and_what_was_asked() {
        let intake = intake(&[(REQUEST_ID, "request-1"), (USER_AGENT, "curl/8.5.0")]).await.unwrap();
        let at = "2026-03-02T08:00:00Z".parse().unwrap();
        let metadata =
            |meaning: &str| intake.metadata(CommandId(Uuid::nil()), Actor::system("ada"), "PUT /tasks/1", &meaning, at);

        assert_eq!(metadata("a").metadata.correlation_id, "request-1");
        assert_eq!(metadata("a").metadata.at, at);
        assert_eq!(metadata("a").metadata.fingerprint, metadata("a").metadata.fingerprint);
        assert_ne!(metadata("a").metadata.fingerprint, metadata("b").metadata.fingerprint);
        assert_eq!(metadata("a").origin.user_agent.as_deref(), Some("curl/8.5.0"));
        assert_eq!(intake.client().user_agent.as_deref(), Some("curl/8.5.0"));
    }

    #[test]
    fn a_user_agent_is_kept_whatever_bytes_it_has() {
        let kept = |bytes: &[u8]| {
            let value = axum::http::HeaderValue::from_bytes(bytes).unwrap();
            user_agent(&HeaderMap::from_iter([(USER_AGENT, value)]))
        };
        assert_eq!(kept("Käfer/1.0".as_bytes()).as_deref(), Some("Käfer/1.0"));
        assert_eq!(kept(b"curl/8.5.0 \xff").as_deref(), Some("curl/8.5.0 \u{fffd}"));
        assert_eq!(kept(b"").as_deref(), Some(""));
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
