//! The engine on a Unix domain socket, so that other programs of the same user can reach a store that is open here.
//!
//! The protocol is DynamoDB's own: HTTP/1.1, `POST /`, `x-amz-target`, JSON.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::connector::{CONTENT_TYPE, TARGET};
use crate::dispatch::Answer;
use crate::engine::Inner;
use crate::error::EngineError;

/// DynamoDB's own limit for a request, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// How long to leave accepting alone after it failed (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that is being served. Dropping it ends that, and removes the file.
#[derive(Debug)]
pub struct SocketHandle {
    path: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl SocketHandle {
    /// Ends serving, and returns when the connections are closed and the engine is let go of. Requests that the
    /// engine has begun run to their end; their clients see a lost connection.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for SocketHandle {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// See [`crate::Engine::serve_socket`].
pub(crate) fn serve(engine: Arc<Inner>, path: &Path) -> Result<SocketHandle, EngineError> {
    check_free(path)?;
    let listener = bind(path).map_err(EngineError::socket(path))?;
    let (stop, stopped) = oneshot::channel();
    Ok(SocketHandle {
        path: path.to_owned(),
        stop: Some(stop),
        accepting: tokio::spawn(accept(listener, engine, stopped)),
    })
}

/// Refuses a path where somebody answers or where something other than a socket is.
fn check_free(path: &Path) -> Result<(), EngineError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(EngineError::socket(path)(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(EngineError::socket(path)(io::Error::from(io::ErrorKind::AlreadyExists)))
        }
        Ok(_) if BlockingStream::connect(path).is_ok() => Err(EngineError::SocketInUse { path: path.to_owned() }),
        Ok(_) => Ok(()),
    }
}

/// Binds beside `path` and renames: nobody sees the socket before it is private, and a stale file is replaced in the
/// same step.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

async fn accept(listener: UnixListener, engine: Arc<Inner>, mut stopped: oneshot::Receiver<()>) {
    // Dropped with this function, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&engine)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the engine's socket cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

async fn connection(stream: UnixStream, engine: Arc<Inner>) {
    let service = service_fn(|request| answer(&engine, request));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the engine's socket broke");
    }
}

async fn answer(engine: &Inner, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.headers().get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()));
    };
    let Answer { status, body } = engine.execute(target, body.to_bytes(), false).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(response(status, body.into()))
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(CONTENT_TYPE));
    response
}
