//! TLS in the program itself: where no proxy ends it. The certificate is read anew when its file changes, so that whoever renews it
//! does no more than that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use clap::Args;
use muster_handlers::http::Causes;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, ServerConfig};

use crate::report::Failure;

/// How often the files are looked at.
const LOOK_AT_FILES: Duration = Duration::from_secs(2);

/// With which certificate TLS is spoken.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsArgs {
    /// Speak HTTPS, with the certificate in this file (PEM, the chain after it), TLS 1.2 or newer. It is read anew when it changes.
    #[arg(long, env = "MUSTER_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM), in a file that nobody may read but its owner and group.
    #[arg(long, env = "MUSTER_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// TLS, if it is asked for.
    pub fn tls(&self) -> Result<Option<Tls>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let tls = Tls::of(certificate.clone(), key.clone());
        tls.map(Some).map_err(|error| Failure::Refused(format!("TLS cannot be spoken: {}", Causes(&error))))
    }
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing of the kind in it.
    #[error("{} has no {what}", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// Anybody on this computer may read the key.
    #[error("{} has mode {mode:o}; nobody but its owner and group may read it (chmod 600 {})", path.display(), path.display())]
    Exposed {
        /// Its file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// They do not go together.
    #[error("the certificate and the key cannot be used together")]
    Pair(#[source] Error),
}

/// A certificate and its key, as they are in their files at this moment.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Arc<Files>,
    current: Arc<RwLock<Current>>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Clone, Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// The certificate as it was read: another one means another key, too.
    read: Vec<u8>,
}

impl Tls {
    /// With the certificate and the key in these files.
    pub fn of(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let files = Files { certificate, key };
        let current = files.read()?;
        Ok(Self { files: Arc::new(files), current: Arc::new(RwLock::new(current)) })
    }

    /// What takes the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config))
    }

    /// Takes up what has changed in the files. Whether something has. On an error, what was there stays good.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let read = self.files.certificate()?;
        if self.current.read().unwrap_or_else(PoisonError::into_inner).read == read {
            return Ok(false);
        }
        let current = self.files.read()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(true)
    }

    /// Looks at the files now and then, for ever.
    pub(crate) async fn follow(self) {
        let mut ticks = interval(LOOK_AT_FILES);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            match self.refresh() {
                Ok(changed) => {
                    failing = false;
                    if changed {
                        tracing::info!("the certificate has changed");
                    }
                }
                // Said once: whoever renews it writes one file after the other.
                Err(error) => {
                    if !failing {
                        tracing::warn!(error = %Causes(&error), "the certificate cannot be read; the one before stays");
                    }
                    failing = true;
                }
            }
        }
    }
}

impl Files {
    fn certificate(&self) -> Result<Vec<u8>, TlsError> {
        fs::read(&self.certificate).map_err(|source| TlsError::File { path: self.certificate.clone(), source })
    }

    fn read(&self) -> Result<Current, TlsError> {
        refuse_exposed(&self.key)?;
        let read = self.certificate()?;
        let none = |what, path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Nothing { path, what, source }
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read)
            .collect::<Result<_, _>>()
            .and_then(|chain: Vec<_>| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
            .map_err(none("certificate", &self.certificate))?;
        let text = fs::read(&self.key).map_err(|source| TlsError::File { path: self.key.clone(), source })?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(none("private key", &self.key))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Pair)?;
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Current { config: Arc::new(config), read })
    }
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(|source| TlsError::File { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    let others = mode & 0o007;
    if others == 0 { Ok(()) } else { Err(TlsError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path) -> Result<(), TlsError> {
    Ok(())
}
