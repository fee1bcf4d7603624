//! Receivers on this computer, of all manners.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// How long somebody else may need on a machine that is busy.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// What a receiver does with a request that it has read.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers with this status, and headers.
    Answers(u16, String),
    /// Says nothing and stays.
    Hangs,
    /// Sends a byte of the head now and then, without an end.
    Drips,
    /// Closes in the middle of the head.
    BreaksOff,
    /// Closes without a word.
    Closes,
    /// Answers well, with a body that has no end.
    Floods,
    /// Answers well, and promises a body that it does not send.
    Starves,
    /// Answers with what is no HTTP.
    Babbles,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self
            .head
            .lines()
            .find(|line| line.split_once(':').is_some_and(|(header, _)| header.eq_ignore_ascii_case(name)));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head)).split_once(':').unwrap().1.trim()
    }
}

/// A receiver on this computer.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
    manner: Arc<Mutex<Manner>>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::listening(manner, None).await
    }

    pub(crate) async fn listening(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let (requests, connections, manner) =
            (Arc::clone(&receiver.requests), Arc::clone(&receiver.connections), Arc::clone(&receiver.manner));
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                *connections.lock().unwrap() += 1;
                let (requests, tls, manner) = (Arc::clone(&requests), tls.clone(), manner.lock().unwrap().clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &requests, manner).await;
                            }
                        }
                        None => serve(stream, &requests, manner).await,
                    }
                });
            }
        });
        receiver
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/hooks?of=muster", self.address.port())
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, requests: &Mutex<Vec<Request>>, manner: Manner) {
    let mut bytes = Vec::new();
    let request = loop {
        let mut some = [0; 4096];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&some[..read]),
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let request = Request { head, body: bytes[end + 4..].to_vec() };
        let length: usize = request.header("content-length").parse().unwrap();
        if request.body.len() >= length {
            break request;
        }
    };
    requests.lock().unwrap().push(request);
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} Said\r\n{more}\r\n");
    match manner {
        Manner::Answers(status, headers) => {
            let _ = stream.write_all(head(status, &format!("content-length: 2\r\n{headers}")).as_bytes()).await;
            let _ = stream.write_all(b"ok").await;
        }
        Manner::Hangs => sleep(LONG).await,
        Manner::Drips => {
            let _ = stream.write_all(b"HTTP/1.1 200 Said\r\n").await;
            while stream.write_all(b"x: y\r\n").await.is_ok() && stream.flush().await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        }
        Manner::BreaksOff => {
            let _ = stream.write_all(b"HTTP/1.1 200 Said\r\ncontent-le").await;
        }
        Manner::Closes => {}
        Manner::Floods => {
            let _ = stream.write_all(head(200, "content-length: 1000000000000\r\n").as_bytes()).await;
            while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
        }
        Manner::Starves => {
            let _ = stream.write_all(head(200, "content-length: 1000\r\n").as_bytes()).await;
            sleep(LONG).await;
        }
        Manner::Babbles => {
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        }
    }
    let _ = stream.shutdown().await;
}
