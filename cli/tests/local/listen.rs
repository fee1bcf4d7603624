//! Connections that take without giving.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use muster_cli::listen::{Limits, listen};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

async fn server(limits: Limits) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let router = Router::new().route("/", get(|| async { "here" }).post(async |body: String| body));
    let server = tokio::spawn(listen(listener, None, router, limits, stop.clone()));
    (address, stop, server)
}

/// Sends this, and gives what comes until the server closes the connection.
async fn said(address: SocketAddr, request: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    until_closed(&mut connection).await
}

/// What comes until the server closes the connection.
async fn until_closed(connection: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut answer)).await.expect("an end").unwrap();
    answer
}

/// How long something that is sure to happen may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

const HALF: &str = "GET / HTTP/1.1\r\nhost: mus";
const WHOLE: &str = "GET / HTTP/1.1\r\nhost: muster\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn half_a_head_is_not_waited_for_and_others_are_answered_meanwhile() {
    let (address, stop, server) = server(Limits { head: Duration::from_secs(1), ..Limits::default() }).await;
    let (half, whole) = tokio::join!(said(address, HALF), said(address, WHOLE));
    assert!(!half.starts_with("HTTP/1.1 200"), "{half}");
    assert!(whole.starts_with("HTTP/1.1 200") && whole.ends_with("here"), "{whole}");
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn a_connection_beyond_the_bound_is_taken_when_another_has_ended() {
    let limits = Limits { connections: 1, head: Duration::from_millis(200) };
    let (address, stop, server) = server(limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(HALF.as_bytes()).await.unwrap();
    let order = Mutex::new(Vec::new());
    let ((), whole) = futures::join!(
        async {
            until_closed(&mut first).await;
            order.lock().unwrap().push("the first is closed");
        },
        async {
            let whole = said(address, WHOLE).await;
            order.lock().unwrap().push("the second is answered");
            whole
        }
    );
    assert!(whole.ends_with("here"), "{whole}");
    assert_eq!(*order.lock().unwrap(), ["the first is closed", "the second is answered"]);
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn where_a_message_ends_is_never_in_doubt() {
    let (address, stop, server) = server(Limits::default()).await;
    let posted = async |headers: &str, body: &str| {
        let head = "POST / HTTP/1.1\r\nhost: muster\r\nconnection: close\r\n";
        said(address, &format!("{head}{headers}\r\n\r\n{body}")).await
    };
    for doubtful in [
        "content-length: 4\r\ncontent-length: 9",
        "content-length: 4, 9",
        "content-length: +4",
        "transfer-encoding: chunked, identity",
    ] {
        let answer = posted(doubtful, "body").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{doubtful:?}: {answer}");
    }
    // Of both, the length counts for nothing (RFC 9112, 6.3), and what comes after the message is no other one.
    let both = "content-length: 4\r\ntransfer-encoding: chunked";
    let answer = posted(both, "5\r\nwhole\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: muster\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("whole"), "{answer}");
    stop.cancel();
    server.await.unwrap();
}
