//! A mail server that keeps what it is sent: the protocol is a library's, the connections are real.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use quoted_printable::ParseMode;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How long a letter that is sure to come may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// The account of a server that asks for one. There are characters in it that mean something in a URL.
pub const USER: &str = "muster@example.com";
/// Its password, likewise.
pub const PASSWORD: &str = "p@ss:w/rd?";
/// Whom letters come from.
pub const FROM: &str = "Muster <muster@example.com>";
/// Where the links in letters lead.
pub const PUBLIC_URL: &str = "https://tasks.example.com";

/// A letter as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Whom the sender says it is from.
    pub from: String,
    /// Whom it is to.
    pub to: Vec<String>,
    /// Who has signed in to send it.
    pub user: Option<String>,
    /// Headers and text, as they came.
    pub raw: String,
    /// The text as its reader sees it.
    pub text: String,
}

impl Received {
    /// The value of a header that is there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let (head, _) = self.raw.split_once("\r\n\r\n").expect("a head and a body");
        let mut values = head.lines().filter_map(|line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        });
        let value = values.next().unwrap_or_else(|| panic!("no {name}: {head}"));
        assert_eq!(values.next(), None, "{name} is there once");
        value
    }

    /// The text as its reader sees it: a line that is long is sent in parts.
    fn read(&self) -> String {
        let (_, text) = self.raw.split_once("\r\n\r\n").expect("a head and a body");
        match self.header("Content-Transfer-Encoding") {
            "7bit" => text.to_owned(),
            "quoted-printable" => {
                let text = quoted_printable::decode(text, ParseMode::Strict).expect("quoted-printable");
                String::from_utf8(text).expect("UTF-8")
            }
            other => panic!("{other} is not known here"),
        }
    }

    /// What follows this on the line of a link.
    #[track_caller]
    pub fn after(&self, prefix: &str) -> &str {
        let found = self.text.lines().find_map(|line| line.strip_prefix(prefix));
        found.unwrap_or_else(|| panic!("no {prefix}: {}", self.text))
    }

    /// The token of a link to set a password with.
    #[track_caller]
    pub fn reset_token(&self) -> &str {
        self.after(&format!("{PUBLIC_URL}/password-reset#token="))
    }

    /// The token of an invitation.
    #[track_caller]
    pub fn invitation(&self) -> &str {
        self.after(&format!("{PUBLIC_URL}/sign-up#invitation="))
    }
}

#[derive(Debug, Default)]
struct Kept {
    letters: Vec<Received>,
    /// With what the next letters are answered instead.
    refusals: Vec<u16>,
    /// How many letters were refused.
    refused: usize,
}

/// A mail server on this computer. It ends when this is dropped.
#[derive(Debug)]
pub struct Smtp {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    tls: Option<TempDir>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Smtp {
    /// At a free port, for whoever comes.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    /// At this port.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::run(address, None, None)
    }

    /// At a free port, for [`USER`] under TLS, with a certificate of its own.
    pub fn start_with_tls() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        Self::run("127.0.0.1:0".parse().unwrap(), Some(acceptor), Some(dir))
    }

    fn run(address: SocketAddr, acceptor: Option<TlsAcceptor>, tls: Option<TempDir>) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Kept::default())));
        let (stop, stopped) = oneshot::channel();
        let server = Server { kept: Arc::clone(&kept), acceptor };
        // A runtime of its own: that of a test ends before others that use the server.
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    () = Rc::new(server).accept(TcpListener::from_std(listener).unwrap()) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, kept, tls, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is, as `muster serve` is told.
    pub fn url(&self) -> String {
        let port = self.address.port();
        if self.tls.is_some() {
            format!("smtp://muster%40example.com:p%40ss%3Aw%2Frd%3F@localhost:{port}?tls=required")
        } else {
            format!("smtp://{}", self.address)
        }
    }

    /// Its address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The environment of a `muster serve` that sends its letters here.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("MUSTER_SMTP_URL", self.url()),
            ("MUSTER_MAIL_FROM", FROM.to_owned()),
            ("MUSTER_PUBLIC_URL", PUBLIC_URL.to_owned()),
        ]
    }

    /// The file with the certificate that it shows.
    pub fn certificate(&self) -> PathBuf {
        self.tls.as_ref().expect("TLS").path().join("ca.pem")
    }

    /// Answers the next letters with these codes, in this order.
    pub fn refuse(&self, codes: &[u16]) {
        self.kept.lock().unwrap().refusals.extend(codes);
    }

    /// How many letters it has refused.
    pub fn refused(&self) -> usize {
        self.kept.lock().unwrap().refused
    }

    /// What has come to this address so far, oldest first.
    pub fn to(&self, address: &str) -> Vec<Received> {
        let kept = self.kept.lock().unwrap();
        kept.letters.iter().filter(|letter| letter.to.iter().any(|to| to == address)).cloned().collect()
    }

    /// The last letter to this address with this subject, when it is there.
    pub async fn letter(&self, address: &str, subject: &str) -> Received {
        let begun = Instant::now();
        loop {
            let letters = self.to(address);
            if let Some(letter) = letters.iter().rfind(|letter| letter.header("Subject") == subject) {
                return letter.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "no letter {subject:?} among {letters:?}");
            sleep(PAUSE).await;
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Server {
    kept: Arc<Mutex<Kept>>,
    acceptor: Option<TlsAcceptor>,
}

impl Server {
    async fn accept(self: Rc<Self>, listener: TcpListener) {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let server = Rc::clone(&self);
            // Whoever hangs up in between has sent no letter.
            spawn_local(async move { server.serve(stream, peer.ip()).await.ok() });
        }
    }

    async fn serve(&self, stream: TcpStream, peer: IpAddr) -> std::io::Result<()> {
        let mut builder = SessionBuilder::new("mail.example.com");
        if self.acceptor.is_some() {
            builder.enable_start_tls().enable_auth(AuthMechanism::Plain);
        }
        let clerk = Clerk { kept: Arc::clone(&self.kept), letter: Received::default() };
        let mut session = builder.build(peer, clerk);
        let mut stream = BufReader::new(stream);
        stream.write_all(&session.greeting().buffer()?).await?;
        let upgrade = converse(&mut session, &mut stream).await?;
        if let (true, Some(acceptor)) = (upgrade, &self.acceptor) {
            let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await?);
            session.tls_active();
            converse(&mut session, &mut stream).await?;
        }
        Ok(())
    }
}

/// Answers line by line. Whether the connection goes on under TLS.
async fn converse(
    session: &mut Session<Clerk>,
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
) -> std::io::Result<bool> {
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        let answer = session.process(&line);
        line.clear();
        stream.write_all(&answer.buffer()?).await?;
        stream.flush().await?;
        match answer.action {
            // The library would take what follows a refused letter for more of it.
            Action::Reply if answer.code >= 400 => return Ok(false),
            Action::Reply | Action::NoReply => {}
            Action::Close => return Ok(false),
            Action::UpgradeTls => return Ok(true),
        }
    }
    Ok(false)
}

/// Takes one letter after the other on one connection.
struct Clerk {
    kept: Arc<Mutex<Kept>>,
    letter: Received,
}

impl Handler for Clerk {
    fn data_start(&mut self, _: &str, from: &str, _: bool, to: &[String]) -> Response {
        self.letter =
            Received { from: from.to_owned(), to: to.to_vec(), user: self.letter.user.clone(), ..Received::default() };
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.letter.raw.push_str(&String::from_utf8_lossy(line));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let mut kept = self.kept.lock().unwrap();
        if kept.refusals.is_empty() {
            self.letter.text = self.letter.read();
            kept.letters.push(self.letter.clone());
            return response::OK;
        }
        kept.refused += 1;
        let code = kept.refusals.remove(0);
        Response::custom(code, format!("not for {}", self.letter.to.join(", ")))
    }

    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        if (user, password) != (USER, PASSWORD) {
            return response::INVALID_CREDENTIALS;
        }
        self.letter.user = Some(user.to_owned());
        response::AUTH_OK
    }
}
