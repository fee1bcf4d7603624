//! The AWS SDK's HTTP client over the Unix domain socket of a running engine.

use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::connector::{TARGET, client_over, response};
use crate::dispatch::Answer;
use crate::error::EngineError;

/// How many connections are kept for the next request.
const IDLE: usize = 8;

type Connection = SendRequest<Full<Bytes>>;

/// An SDK client of the engine that another process serves on the socket at `path`. Fails when nobody does.
pub fn socket_client(path: &Path) -> Result<Client, EngineError> {
    BlockingStream::connect(path).map_err(EngineError::socket(path))?;
    Ok(client_over(OverSocket(Arc::new(Pool { path: path.to_owned(), idle: Mutex::new(Vec::new()) }))))
}

#[derive(Debug)]
struct OverSocket(Arc<Pool>);

impl HttpConnector for OverSocket {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let pool = Arc::clone(&self.0);
        let target = request.headers().get(TARGET).unwrap_or_default().to_owned();
        let Some(body) = request.body().bytes().map(Bytes::copy_from_slice) else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user("a DynamoDB request has no stream".into())));
        };
        HttpConnectorFuture::new(async move { pool.send(&target, body).await })
    }
}

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    async fn send(&self, target: &str, body: Bytes) -> Result<HttpResponse, ConnectorError> {
        let request = Request::post("/")
            .header(hyper::header::HOST, "embedded.invalid")
            .header(TARGET, target)
            .body(Full::new(body))
            .map_err(|error| ConnectorError::user(error.into()))?;
        let mut connection = self.connection().await?;
        let lost = |error: hyper::Error| ConnectorError::io(error.into());
        let answer = connection.send_request(request).await.map_err(lost)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(lost)?.to_bytes();
        self.keep(connection);
        response(Answer { status, body: body.into() })
    }

    /// A kept connection that is still open, or a new one.
    async fn connection(&self) -> Result<Connection, ConnectorError> {
        while let Some(mut kept) = self.take() {
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = UnixStream::connect(&self.path).await.map_err(|error| ConnectorError::io(error.into()))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| ConnectorError::io(error.into()))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE && !connection.is_closed() {
            idle.push(connection);
        }
    }
}
