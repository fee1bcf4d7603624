//! What this installation must keep to itself: the keys that sign access tokens, one secret for what is
//! personal, and one for everything else.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use crate::keys::{KeyError, SigningKey};
use crate::private_file::{self, at};
use crate::signing_keys::SigningKeys;

const SECRET_FILE: &str = "server-secret";
const PERSONAL_FILE: &str = "personal-secret";
const DIGEST_KEY_FILE: &str = "digest-key.pem";
const SECRET_BYTES: usize = 32;

/// 32 random bytes from which keys are derived, one for each purpose. Wiped from memory on drop.
pub struct ServerSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl ServerSecret {
    /// Takes 32 bytes that nobody can guess.
    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new random secret.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        rand::fill(&mut *bytes).map_err(|_| KeyError::NotMade)?;
        Ok(Self(bytes))
    }

    fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_bytes(bytes.try_into().ok()?))
    }

    /// The 32 bytes under which the keys of personal data are wrapped. Another text is another key: nothing that was wrapped
    /// before could be read.
    pub fn personal_key(&self) -> Zeroizing<[u8; SECRET_BYTES]> {
        self.derived("muster personal data 1")
    }

    /// A key for one purpose, so that no two uses share one: HMAC-SHA-256 of the purpose, which is HKDF's expansion of
    /// a secret that is uniformly random already.
    pub(crate) fn hmac_key(&self, purpose: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.derived(purpose))
    }

    /// The bytes of such a key, for another algorithm than HMAC.
    pub(crate) fn derived(&self, purpose: &str) -> Zeroizing<[u8; SECRET_BYTES]> {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0), purpose.as_bytes());
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        bytes.copy_from_slice(derived.as_ref());
        bytes
    }
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecret(..)")
    }
}

/// All of an installation's secrets.
#[derive(Debug)]
pub struct Secrets {
    /// Sign access tokens.
    pub signing_keys: SigningKeys,
    /// Seals refresh tokens.
    pub server_secret: ServerSecret,
    /// Wraps the keys of personal data. It is apart from the other one, as a new server secret ends sessions, and a new one
    /// here would leave nothing personal to be read.
    pub personal_secret: ServerSecret,
}

/// What is to be done when a secret is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingSecrets {
    /// Make it: nothing depends on it yet.
    MayBeMade,
    /// Refuse: the store has what the old one alone opens.
    MustBeThere,
}

/// Why the secrets are not there.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file could not be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that others than its owner may read or write.
    #[error("{} has mode {mode:o}; a secret has mode 600 (chmod 600 {})", path.display(), path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The secret of personal data is gone, and the store has keys that it wraps. A new one would open none of them.
    #[error(
        "{} is missing, and without it nothing personal in this store can be read: put the old file back from the backup",
        path.display()
    )]
    PersonalLost {
        /// Where it should be.
        path: PathBuf,
    },
    /// The server secret is gone, and the store is in use. A new one would end every session and take every second factor away,
    /// which is nothing to happen by itself.
    #[error(
        "{} is missing: put the old file back from the backup, or make another with `muster keys renew-server-secret`, which ends every session and takes away every second factor",
        path.display()
    )]
    ServerLost {
        /// Where it should be.
        path: PathBuf,
    },
    /// What is there is no key or no secret.
    #[error("{place} holds no {expected}")]
    Damaged {
        /// The file.
        place: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The system gave no random numbers.
    #[error("a secret could not be made")]
    NotMade(#[from] KeyError),
}

impl Secrets {
    /// Reads the signing keys, `server-secret` and `personal-secret` from a directory, and makes what is missing, but for the two
    /// secrets where they must be there. Made files have mode 0600; one that is there and open to others is refused. A damaged file is
    /// an error and is never replaced.
    pub fn load_or_create(directory: &Path, missing: MissingSecrets) -> Result<Self, SecretsError> {
        let (server_file, personal_file) = (directory.join(SECRET_FILE), Self::personal_file(directory));
        // Before anything is made.
        if missing == MissingSecrets::MustBeThere {
            if !is_there(&personal_file)? {
                return Err(SecretsError::PersonalLost { path: personal_file });
            }
            if !is_there(&server_file)? {
                return Err(SecretsError::ServerLost { path: server_file });
            }
        }
        let signing_keys = SigningKeys::load_or_create(directory)?;
        let server_secret = secret_in(&server_file)?;
        let personal_secret = secret_in(&personal_file)?;
        Ok(Self { signing_keys, server_secret, personal_secret })
    }

    /// Puts another server secret in the place of the one in this directory, which may be missing or damaged, and says where it is.
    /// Whatever was sealed by the old one is good for nothing from then on. No program may have the directory open meanwhile.
    pub fn renew_server_secret(directory: &Path) -> Result<PathBuf, SecretsError> {
        let path = directory.join(SECRET_FILE);
        private_file::replace(&path, &*ServerSecret::generate()?.0)?;
        Ok(path)
    }

    /// Where in a directory the secret of personal data is.
    pub fn personal_file(directory: &Path) -> PathBuf {
        directory.join(PERSONAL_FILE)
    }
}

fn is_there(path: &Path) -> Result<bool, SecretsError> {
    path.try_exists().map_err(at(path))
}

/// The key that signs digests, in a file of its own: whoever verifies them keeps its public half for years, while those that sign
/// access tokens come and go. It is made where there is none.
pub fn digest_key(directory: &Path) -> Result<SigningKey, SecretsError> {
    let path = directory.join(DIGEST_KEY_FILE);
    if !is_there(&path)? {
        private_file::create(&path, SigningKey::generate()?.to_pem()?.as_bytes())?;
    }
    let pem = private_file::read(&path)?;
    let key = std::str::from_utf8(&pem).ok().and_then(|pem| SigningKey::from_pem(pem).ok());
    key.ok_or_else(|| SecretsError::Damaged {
        place: path.display().to_string(),
        expected: "P-256 private key in PKCS#8 PEM",
    })
}

fn secret_in(path: &Path) -> Result<ServerSecret, SecretsError> {
    if !is_there(path)? {
        private_file::create(path, &*ServerSecret::generate()?.0)?;
    }
    let secret = ServerSecret::from_slice(&private_file::read(path)?);
    secret.ok_or_else(|| SecretsError::Damaged { place: path.display().to_string(), expected: "secret of 32 bytes" })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use chrono::DateTime;

    use super::*;
    use crate::keys::TokenSigner as _;

    const KEY_FILE: &str = "signing-key.pem";

    fn kid(secrets: &Secrets) -> String {
        secrets.signing_keys.statuses(DateTime::UNIX_EPOCH)[0].kid.clone()
    }

    fn load(directory: &Path) -> Result<Secrets, SecretsError> {
        Secrets::load_or_create(directory, MissingSecrets::MayBeMade)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_private_files_and_the_next_reads_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("secrets");
        let first = load(&place).expect("new secrets");
        let names: Vec<_> =
            fs::read_dir(&place).expect("a listing").map(|e| e.expect("an entry").file_name()).collect();
        assert_eq!(names.len(), 3, "nothing is left over: {names:?}");
        for name in [KEY_FILE, SECRET_FILE, PERSONAL_FILE] {
            assert_eq!(mode(&place.join(name)), 0o600, "{name}");
        }
        for name in [SECRET_FILE, PERSONAL_FILE] {
            assert_eq!(fs::read(place.join(name)).expect("a secret").len(), 32, "{name}");
        }
        let second = load(&place).expect("the same secrets");
        assert_eq!(kid(&second), kid(&first));
        assert_eq!(*second.server_secret.0, *first.server_secret.0);
        assert_eq!(*second.personal_secret.0, *first.personal_secret.0);
        assert_ne!(*first.personal_secret.0, *first.server_secret.0);
    }

    #[test]
    fn a_lost_secret_of_personal_data_is_not_made_anew_and_neither_is_anything_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let refused = Secrets::load_or_create(directory.path(), MissingSecrets::MustBeThere).expect_err("a refusal");
        let file = Secrets::personal_file(directory.path());
        assert!(matches!(&refused, SecretsError::PersonalLost { path } if *path == file), "{refused}");
        assert_eq!(fs::read_dir(directory.path()).expect("a listing").count(), 0);
        let first = load(directory.path()).expect("new secrets");
        let again = Secrets::load_or_create(directory.path(), MissingSecrets::MustBeThere).expect("the same secrets");
        assert_eq!(*again.personal_secret.0, *first.personal_secret.0);
    }

    #[test]
    fn a_lost_server_secret_is_made_anew_when_somebody_says_so_and_not_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = load(directory.path()).expect("new secrets");
        let file = directory.path().join(SECRET_FILE);
        fs::remove_file(&file).expect("a loss");
        let refused = Secrets::load_or_create(directory.path(), MissingSecrets::MustBeThere).expect_err("a refusal");
        assert!(matches!(&refused, SecretsError::ServerLost { path } if *path == file), "{refused}");
        assert!(!file.exists(), "nothing was made");

        for damage in [None, Some("short"), Some("32 bytes that were a secret once")] {
            if let Some(damage) = damage {
                fs::write(&file, damage).expect("some damage");
            }
            assert_eq!(Secrets::renew_server_secret(directory.path()).expect("another"), file);
            assert_eq!(mode(&file), 0o600);
            let again = Secrets::load_or_create(directory.path(), MissingSecrets::MustBeThere).expect("secrets");
            assert_ne!(*again.server_secret.0, *first.server_secret.0);
            assert_eq!(
                (kid(&again), &*again.personal_secret.0),
                (kid(&first), &*first.personal_secret.0),
                "the rest stays"
            );
        }
        assert_eq!(fs::read_dir(directory.path()).expect("a listing").count(), 3, "nothing is left over");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        load(directory.path()).expect("new secrets");
        let file = directory.path().join(SECRET_FILE);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a change of mode");
        let refused = load(directory.path()).expect_err("a refusal");
        assert!(matches!(&refused, SecretsError::Exposed { path, mode: 0o640 } if *path == file), "{refused}");
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        for (name, contents) in [
            (KEY_FILE, "half a k"),
            (SECRET_FILE, "short"),
            (PERSONAL_FILE, "short"),
            (KEY_FILE, ""),
            (SECRET_FILE, ""),
        ] {
            let directory = tempfile::tempdir().expect("a directory");
            load(directory.path()).expect("new secrets");
            let file = directory.path().join(name);
            fs::write(&file, contents).expect("some damage");
            let refused = load(directory.path()).expect_err("a refusal");
            assert!(matches!(refused, SecretsError::Damaged { .. }), "{refused}");
            assert_eq!(fs::read_to_string(&file).expect("the file"), contents);
        }
    }

    #[test]
    fn the_key_of_digests_is_made_once_private_and_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = digest_key(directory.path()).expect("a key");
        assert_eq!(digest_key(directory.path()).expect("the same key").public_key(), made.public_key());
        let file = directory.path().join(DIGEST_KEY_FILE);
        assert_eq!(mode(&file), 0o600);
        assert_ne!(kid(&load(directory.path()).expect("secrets")), made.public_key().kid(), "it signs no tokens");
        fs::write(&file, "half a k").expect("some damage");
        let refused = digest_key(directory.path()).expect_err("a refusal");
        assert!(matches!(refused, SecretsError::Damaged { .. }), "{refused}");
    }

    #[test]
    fn keys_for_two_purposes_differ() {
        let secret = ServerSecret::from_bytes([7; 32]);
        let seal = |purpose| hmac::sign(&secret.hmac_key(purpose), b"text").as_ref().to_vec();
        assert_eq!(seal("one"), seal("one"));
        assert_ne!(seal("one"), seal("another"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let directory = tempfile::tempdir().expect("a directory");
        let secrets = load(directory.path()).expect("new secrets");
        let secrets_of =
            [SECRET_FILE, PERSONAL_FILE].map(|name| fs::read(directory.path().join(name)).expect("a secret"));
        let shown = format!("{secrets:?}");
        assert!(shown.ends_with("server_secret: ServerSecret(..), personal_secret: ServerSecret(..) }"), "{shown}");
        assert!(shown.contains(&kid(&secrets)), "{shown}");
        assert!(secrets_of.iter().all(|secret| !shown.contains(&format!("{secret:?}"))), "{shown}");
    }
}
