//! One connection to the API that is kept open. As little as can be between a client and its answer: the clients share
//! the machine with the server that they measure.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, LOCATION};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use muster_cli::report::{Failure, failed};
use serde_json::{Value, json};
use tokio::net::TcpStream;

const DOING: &str = "calling the API";

/// A connection, on behalf of somebody who is signed in.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The version that it shows, if it shows one.
    pub(crate) version: Option<u64>,
    /// Where what was made is.
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

impl Connection {
    /// Opens one. `token` is the access token.
    pub(crate) async fn open(address: SocketAddr, token: Option<&str>) -> Result<Self, Failure> {
        Self::authorized(address, token.map(|token| format!("Bearer {token}"))).await
    }

    /// Opens one with this `Authorization`.
    pub(crate) async fn authorized(address: SocketAddr, authorization: Option<String>) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.map_err(failed(DOING))?;
        stream.set_nodelay(true).map_err(failed(DOING))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failed(DOING))?;
        // It ends with the sender; a request that it breaks under says so.
        tokio::spawn(async move { drop(connection.await) });
        let header = |text: String| HeaderValue::try_from(text).map_err(failed(DOING));
        let authorization = authorization.map(header).transpose()?;
        Ok(Self { sender, host: header(address.to_string())?, authorization })
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) async fn send(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.host.clone());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(bytes)).map_err(failed(DOING))?;
        self.sender.ready().await.map_err(failed(DOING))?;
        let response = self.sender.send_request(request).await.map_err(failed(DOING))?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let version = header(ETAG).and_then(|tag| tag.trim_matches('"').parse().ok());
        let (status, location) = (response.status(), header(LOCATION).map(str::to_owned));
        let body = response.into_body().collect().await.map_err(failed(DOING))?.to_bytes();
        Ok(Answer { status, version, location, body })
    }

    /// Sends a request that must succeed.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let what = format!("{method} {path}");
        let answer = self.send(method, path, body).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&answer.body);
        Err(Failure::Refused(format!("{what} answered {}: {text}", answer.status)))
    }
}

/// Signs in at this path, and gives the access token.
pub(crate) async fn sign_in(
    connection: &mut Connection,
    path: &str,
    email: &str,
    password: &str,
) -> Result<String, Failure> {
    let body = json!({ "email": email, "password": password });
    let answer = connection.call(Method::POST, path, Some(&body)).await?;
    let tokens: Value = serde_json::from_slice(&answer.body).map_err(failed(DOING))?;
    let token = tokens["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| Failure::Refused("the sign-in has no access token".to_owned()))
}
