//! Calls receivers: to addresses that were looked at, without redirects, bounded in time and size.
//!
//! The name of a receiver is looked up once, by the connection itself, and every address that it has is checked before one of
//! them is connected to. There is no second look-up that could say something else, and the certificate must be that of the name.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use tokio::time::{Instant, timeout};
use url::Url;

use super::reach::{NoReceiver, Reach};

/// How long a receiver may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read; all of them are thrown away.
const MAX_ANSWER: usize = 64 * 1024;
/// How long an answer's body may take: what counts has come before it.
const DRAIN: Duration = Duration::from_secs(1);
/// What receivers see who calls.
const PROGRAM: &str = concat!("Muster-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of this name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As this computer finds them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// The receiver answered with this status.
    Answered(u16),
    /// It did not, for this reason; in words of ours, as those of a network may tell too much of it.
    Failed(&'static str),
}

impl Called {
    /// Whether the receiver has taken it.
    pub const fn is_taken(&self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

/// A client that could not be made: no roots of trust, for one.
#[derive(Debug, thiserror::Error)]
#[error("the client of webhooks cannot be made")]
pub struct NoClient(#[from] reqwest::Error);

/// Calls receivers.
#[derive(Clone)]
pub struct Http {
    client: Client,
    reach: Reach,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Http {
    /// Which reaches these addresses, looks names up with `resolver`, and trusts `roots` beside those that this computer trusts. A
    /// receiver may take so long to answer.
    pub fn new(
        reach: Reach,
        resolver: Arc<dyn Resolver>,
        roots: Vec<Certificate>,
        patience: Duration,
    ) -> Result<Self, NoClient> {
        let guard = Guard { reach: reach.clone(), resolver };
        let client = Client::builder()
            .dns_resolver(guard)
            .redirect(Policy::none())
            // A proxy would look names up itself.
            .no_proxy()
            // Each call looks where it goes.
            .pool_max_idle_per_host(0)
            .https_only(!reach.http)
            .timeout(patience)
            .referer(false)
            .tls_certs_merge(roots);
        Ok(Self { client: client.build()?, reach })
    }

    /// The address of a receiver, if it may be one.
    pub fn receiver(&self, text: &str) -> Result<Url, NoReceiver> {
        self.reach.receiver(text)
    }

    /// Sends a body with these headers. What came of it, and how long it took.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> (Called, Duration) {
        let begun = Instant::now();
        let called = self.call(url, headers, body).await;
        (called, begun.elapsed())
    }

    async fn call(&self, url: &Url, mut headers: HeaderMap, body: Vec<u8>) -> Called {
        // Also what was taken once, under other settings. An address in the place of a name is not looked up by anybody.
        if self.reach.receiver(url.as_str()).is_err() {
            return Called::Failed(NOT_PUBLIC);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(PROGRAM));
        match self.client.post(url.clone()).headers(headers).body(body).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                // A receiver that is cut off while it still writes would take that for an error. It has its say already.
                let _ = timeout(DRAIN, drain(response)).await;
                Called::Answered(status)
            }
            Err(error) => Called::Failed(reason(&error)),
        }
    }
}

async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER {
            return;
        }
    }
}

const NOT_PUBLIC: &str = "its address is private, local or reserved";
const NO_NAME: &str = "its name has no address";

fn reason(error: &reqwest::Error) -> &'static str {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        match inner.downcast_ref::<NotResolved>() {
            Some(NotResolved::NotPublic) => return NOT_PUBLIC,
            Some(NotResolved::NoAddress | NotResolved::Failed) => return NO_NAME,
            None => cause = inner.source(),
        }
    }
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection, or its certificate is not good"
    } else {
        "the connection broke, or the answer was no answer"
    }
}

/// Looks a name up and lets no address pass that may not be reached.
#[derive(Clone)]
struct Guard {
    reach: Reach,
    resolver: Arc<dyn Resolver>,
}

/// Why a name led nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NotResolved {
    #[error("an address of it may not be reached")]
    NotPublic,
    #[error("it has no address")]
    NoAddress,
    #[error("it could not be looked up")]
    Failed,
}

impl Guard {
    async fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, NotResolved> {
        let addresses = self.resolver.resolve(name).await.map_err(|_| NotResolved::Failed)?;
        if addresses.is_empty() {
            return Err(NotResolved::NoAddress);
        }
        // One that may not be reached among those that may is an attempt, and no mistake.
        if !addresses.iter().all(|address| self.reach.may(*address)) {
            return Err(NotResolved::NotPublic);
        }
        // With the port 0, the URL's own is taken.
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.look_up(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
