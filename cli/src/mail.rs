//! Letters by SMTP: where the mail server is, and what carries letters to it.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use muster_handlers::mail::{Letter, Mailer, NotSent, Post};
use url::{Host, Url};

use crate::report::Failure;

/// How long the mail server may take to answer each command.
const PATIENCE: Duration = Duration::from_secs(15);

/// Of `muster serve`: the mail server.
#[derive(Clone, Debug, Args)]
pub struct MailArgs {
    /// The mail server that takes letters: `smtps://user:password@mail.example.com` (TLS from the start), or `smtp://…`,
    /// which must offer STARTTLS unless it is on this computer. Better in the environment than here, where others on this
    /// computer see it. Without it, no letters are sent.
    #[arg(long, env = "MUSTER_SMTP_URL", value_name = "URL", hide_env_values = true, requires = "mail_from")]
    pub smtp_url: Option<SmtpUrl>,
    /// Whom letters come from: `muster@example.com`, or `Muster <muster@example.com>`.
    #[arg(long, env = "MUSTER_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<Mailbox>,
}

impl MailArgs {
    /// What sends letters; nothing, if no mail server is named.
    pub fn post(&self) -> Result<Post, Failure> {
        let (Some(url), Some(from)) = (&self.smtp_url, &self.mail_from) else {
            return Ok(Post::none());
        };
        let smtp = Smtp::new(url, from.clone())
            .map_err(|reason| Failure::Refused(format!("MUSTER_SMTP_URL (--smtp-url) cannot be used: {reason}")))?;
        Ok(Post::beside(Arc::new(smtp)))
    }
}

/// Where a mail server is, perhaps with a password. It is looked at when it is used, so that no message about it repeats it;
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SmtpUrl(String);

impl FromStr for SmtpUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(..)")
    }
}

/// Why a URL names no mail server. It repeats nothing of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMailServer {
    /// It is no URL.
    #[error("it is no URL; write `%` and two digits for what has a meaning in one, such as %40 for @")]
    Form,
    /// It is for something else.
    #[error("it must begin with smtp:// or smtps:// and name a host")]
    Scheme,
    /// There is an option that is none.
    #[error("after a `?` there can be tls=required, and for a server on this computer tls=none")]
    Option,
}

/// The same URL with its way of encryption in it, as `lettre` reads it: encrypted, unless the server is on this computer.
fn with_tls(url: &SmtpUrl) -> Result<Url, NoMailServer> {
    let mut url = Url::parse(&url.0).map_err(|_| NoMailServer::Form)?;
    // For a scheme that it does not know, a host is text to the parser.
    let host = url.host_str().map(|host| Host::parse(host).map_err(|_| NoMailServer::Form)).transpose()?;
    let is_here = match host.ok_or(NoMailServer::Scheme)? {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let tls = match (url.scheme(), url.query()) {
        ("smtps", None) => None,
        ("smtp", None | Some("tls=none")) if is_here => None,
        ("smtp", None | Some("tls=required")) => Some("tls=required"),
        ("smtp" | "smtps", _) => return Err(NoMailServer::Option),
        _ => return Err(NoMailServer::Scheme),
    };
    url.set_query(tls);
    Ok(url)
}

/// A mail server.
struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    fn new(url: &SmtpUrl, from: Mailbox) -> Result<Self, NoMailServer> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(with_tls(url)?.as_str());
        let builder = builder.map_err(|_| NoMailServer::Form)?;
        // What it calls itself is the name for which it sends: the computer's own may be of no meaning outside.
        let name = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { transport: builder.hello_name(name).timeout(Some(PATIENCE)).build(), from })
    }

    fn message(&self, letter: &Letter) -> Result<Message, lettre::error::Error> {
        let to = letter.to.as_str().parse().map_err(|_| lettre::error::Error::MissingTo)?;
        // From the same letter the same name, so that a mail program shows it once if it comes twice.
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let message = Message::builder().from(self.from.clone()).to(Mailbox::new(None, to));
        let message = message.subject(letter.subject.clone()).date_now().message_id(Some(id)).header(AutoSubmitted);
        message.header(ContentType::TEXT_PLAIN).body(letter.text.clone())
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let message = self.message(letter).map_err(|_| NotSent::ever("the letter could not be put together"))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            // The server's own words may repeat the address.
            Err(error) => Err(match error.status() {
                Some(code) if error.is_permanent() => NotSent::ever(format!("the mail server refused it ({code})")),
                Some(code) => NotSent::yet(format!("the mail server did not take it ({code})")),
                None if error.is_tls() => NotSent::yet("no connection under TLS to the mail server"),
                None if error.is_response() || error.is_client() => NotSent::yet("the mail server was not understood"),
                // It may have been taken all the same: then it comes twice, under one name.
                None => NotSent::yet(format!("the mail server was not reached ({})", kind(&error))),
            }),
        }
    }
}

/// What the operating system says of a connection.
fn kind(error: &lettre::transport::smtp::Error) -> String {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind().to_string();
        }
        cause = error.source();
    }
    "no reason is known".to_owned()
}

/// That a program wrote it (RFC 3834), so that no other program answers.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SmtpUrl {
        text.parse().unwrap()
    }

    fn read(text: &str) -> Result<String, NoMailServer> {
        with_tls(&url(text)).map(String::from)
    }

    #[test]
    fn a_mail_server_is_spoken_to_under_tls_unless_it_is_on_this_computer() {
        let (user, far) = ("ada%40example.com:p%3Fw", "mail.example.com");
        assert_eq!(read(&format!("smtps://{user}@{far}")), Ok(format!("smtps://{user}@{far}")));
        for asked in ["", "?tls=required"] {
            assert_eq!(
                read(&format!("smtp://{user}@{far}:2525{asked}")),
                Ok(format!("smtp://{user}@{far}:2525?tls=required"))
            );
        }
        for here in ["127.0.0.1", "localhost", "[::1]"] {
            assert_eq!(read(&format!("smtp://{here}:2525")), Ok(format!("smtp://{here}:2525")));
            assert_eq!(read(&format!("smtp://{here}:2525?tls=none")), Ok(format!("smtp://{here}:2525")));
            assert_eq!(read(&format!("smtp://{here}?tls=required")), Ok(format!("smtp://{here}?tls=required")));
        }
    }

    #[test]
    fn what_names_no_mail_server_is_refused_and_not_repeated() {
        let cases = [
            ("mail.example.com", NoMailServer::Form),
            ("http://secret@mail.example.com", NoMailServer::Scheme),
            ("smtp:secret", NoMailServer::Scheme),
            ("smtp://secret@mail.example.com?tls=none", NoMailServer::Option),
            ("smtp://secret@mail.example.com?tls=opportunistic", NoMailServer::Option),
            ("smtps://secret@mail.example.com?tls=none", NoMailServer::Option),
        ];
        for (text, reason) in cases {
            assert_eq!(read(text), Err(reason), "{text}");
            let args = MailArgs { smtp_url: Some(url(text)), mail_from: Some("muster@example.com".parse().unwrap()) };
            let refused = args.post().unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert_eq!(format!("{:?}", url("smtps://ada:secret@mail.example.com")), "SmtpUrl(..)");
    }
}
