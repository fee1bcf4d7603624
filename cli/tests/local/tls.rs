//! HTTPS, spoken by the program itself.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use muster_cli::listen::{Limits, listen};
use muster_cli::tls::{Tls, TlsError};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio_util::sync::CancellationToken;

/// How long something that is sure to happen may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

type Made = CertifiedKey<KeyPair>;

/// A certificate and its key, in files.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    dir: TempDir,
}

impl Files {
    fn new() -> (Self, Made) {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
        let files = Self { certificate, key, dir };
        let made = files.renew();
        (files, made)
    }

    fn renew(&self) -> Made {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        private(&self.key, &made.signing_key.serialize_pem());
        fs::write(&self.certificate, made.cert.pem()).unwrap();
        made
    }

    fn tls(&self) -> Result<Tls, TlsError> {
        Tls::of(self.certificate.clone(), self.key.clone())
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn server(tls: Tls) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let router = Router::new().route("/", get(|| async { "here" }));
    let limits = Limits { head: Duration::from_secs(1), ..Limits::default() };
    tokio::spawn(listen(listener, Some(tls), router, limits, stop.clone()));
    (address, stop)
}

/// What somebody is answered who trusts this certificate alone and speaks these versions, and which of them it was.
async fn asked(
    address: SocketAddr,
    trusted: &Made,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<(Option<ProtocolVersion>, String)> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an end")?;
    Ok((stream.get_ref().1.protocol_version(), answer))
}

/// What comes back for these bytes until the connection is closed.
async fn sent(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").unwrap();
    answer
}

/// The first words of somebody who speaks TLS 1.1 at the most.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![0x03, 0x02];
    hello.extend([7; 32]);
    // No session, one suite, no compression.
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    [&[0x16, 0x03, 0x01, 0, length + 4, 0x01, 0, 0, length][..], &hello].concat()
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older_or_plain() {
    let (files, made) = Files::new();
    let (address, stop) = server(files.tls().unwrap()).await;
    for (version, spoken) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let (by, answer) = asked(address, &made, &[version]).await.unwrap();
        assert_eq!(by, Some(spoken));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    }
    let refused = sent(address, &hello_of_tls_1_1()).await;
    assert_eq!((refused[0], refused[5]), (0x15, 2), "a fatal alert: {refused:?}");
    let plain = String::from_utf8_lossy(&sent(address, REQUEST).await).into_owned();
    assert!(!plain.contains("HTTP") && !plain.contains("here"), "{plain}");
    // Nobody who says nothing is waited for.
    assert!(sent(address, b"").await.is_empty());
    stop.cancel();
}

#[tokio::test]
async fn a_certificate_that_is_renewed_is_taken_up_and_one_that_is_broken_is_not() {
    let (files, first) = Files::new();
    let tls = files.tls().unwrap();
    let (address, stop) = server(tls.clone()).await;
    asked(address, &first, &[&TLS13]).await.unwrap();
    assert!(!tls.refresh().unwrap(), "nothing has changed");

    let second = files.renew();
    assert!(tls.refresh().unwrap());
    asked(address, &second, &[&TLS13]).await.unwrap();
    assert!(asked(address, &first, &[&TLS13]).await.is_err(), "it is another");

    fs::write(&files.certificate, "half a certificate").unwrap();
    assert!(matches!(tls.refresh(), Err(TlsError::Nothing { what: "certificate", .. })));
    asked(address, &second, &[&TLS13]).await.expect("the one before stays");
    stop.cancel();
}

#[test]
fn what_does_not_go_together_or_is_open_to_others_is_refused_at_the_start() {
    let (files, made) = Files::new();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(files.tls(), Err(TlsError::Exposed { mode: 0o644, .. })));

    let (other, _) = Files::new();
    fs::copy(&other.key, &files.key).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(files.tls(), Err(TlsError::Pair(_))));

    private(&files.key, "no key");
    assert!(matches!(files.tls(), Err(TlsError::Nothing { what: "private key", .. })));
    private(&files.key, &made.signing_key.serialize_pem());
    assert!(files.tls().is_ok());
    fs::remove_file(&files.certificate).unwrap();
    assert!(matches!(files.tls(), Err(TlsError::File { .. })));
    assert!(files.dir.path().exists());
}
