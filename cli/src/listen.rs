//! Takes connections, and bounds what they may hold: how many there are, and how long a request's head may take.

use std::io::{Error, ErrorKind};
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use muster_handlers::http::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::tls::Tls;

/// The pause after a connection could not be taken because the system has no room for it.
const PAUSE: Duration = Duration::from_millis(500);

/// What connections may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many there may be at a time; further ones wait to be taken.
    pub connections: usize,
    /// How long a connection may take to send the head of its next request, before it is closed. A connection that is
    /// kept open between two requests is closed after this time too.
    pub head: Duration,
}

impl Default for Limits {
    /// Well below 1,024, the usual limit of open files: the store and its socket need some as well.
    fn default() -> Self {
        Self { connections: 512, head: Duration::from_secs(10) }
    }
}

/// Answers requests, over TLS alone if that is given, until it is told to stop; requests that are under way are finished. When this is dropped, they are
/// cut off.
pub async fn listen(listener: TcpListener, tls: Option<Tls>, router: Router, limits: Limits, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < limits.connections => match accepted {
                Ok((stream, peer)) => {
                    let acceptor = tls.as_ref().map(Tls::acceptor);
                    connections.spawn(take(stream, acceptor, peer.ip(), router.clone(), limits, graceful.watcher()));
                }
                Err(error) if is_its_own(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be taken");
                    // Files may be closed meanwhile.
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = sleep(PAUSE) => {}
                    }
                }
            },
        }
    }
    drop(listener);
    graceful.shutdown().await;
    while connections.join_next().await.is_some() {}
}

/// Whether only this connection is gone.
fn is_its_own(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

/// Answers what comes, over TLS where that is spoken. Whoever does not finish the handshake in time is not waited for.
async fn take(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    peer: IpAddr,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    let Some(tls) = tls else { return answer(stream, peer, router, limits, watcher).await };
    match timeout(limits.head, tls.accept(stream)).await {
        Ok(Ok(stream)) => answer(stream, peer, router, limits, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection did not come to speak TLS"),
        Err(late) => tracing::debug!(error = %late, "a connection did not come to speak TLS"),
    }
}

async fn answer<S>(stream: S, peer: IpAddr, router: Router, limits: Limits, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}
