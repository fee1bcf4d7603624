//! The local program's signing keys: each in a file of its own, with the time from which it signs.
//!
//! `signing-key.pem` is the first, which has always signed; each further one is `signing-key-<kid>.pem`. A key is made by one
//! new file and retired by removing one, so that nothing else has to be kept in step with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::key_ring::{KeyState, Keys, RingKey};
use crate::keys::{SigningKey, TokenSigner as _};
use crate::private_file::{self, at};
use crate::secrets::SecretsError;
use crate::tokens::OVERLAP;

/// The first key's file.
const FIRST: &str = "signing-key.pem";
/// What the names of the others begin and end with.
const FURTHER: (&str, &str) = ("signing-key-", ".pem");
/// What stands in a file before the key itself.
const FROM: &str = "signs from ";

/// A key in its file.
#[derive(Clone, Debug)]
struct Stored {
    path: PathBuf,
    key: Arc<SigningKey>,
    from: DateTime<Utc>,
}

/// The files of a directory that look like keys: when each was written, and how long it is.
type Listing = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// The signing keys in a data directory.
#[derive(Debug)]
pub struct SigningKeys {
    directory: PathBuf,
    stored: Vec<Stored>,
    seen: Listing,
}

/// What one key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SigningKeyStatus {
    /// Its name, as tokens and the published key set have it.
    pub kid: String,
    /// What it is now.
    pub state: KeyState,
    /// From when on it signs; nothing for one that has always signed.
    pub signs_from: Option<DateTime<Utc>>,
    /// Until when tokens of it are good, if another takes its place.
    pub accepted_until: Option<DateTime<Utc>>,
}

/// Why the keys were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// A new key is on its way already.
    #[error("the key {kid} is published already, and signs from {}", from.to_rfc3339_opts(SecondsFormat::Secs, true))]
    Pending {
        /// Its name.
        kid: String,
        /// When it begins.
        from: DateTime<Utc>,
    },
    /// There is no key of this name.
    #[error("there is no signing key {0}")]
    Unknown(String),
    /// Without it, nothing would be signed.
    #[error("the key {0} signs: let another take its place first (muster keys rotate)")]
    Signing(String),
    /// A file cannot be read or written.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl SigningKeys {
    /// The keys in this directory. If there is none, the first is made.
    pub fn load_or_create(directory: &Path) -> Result<Self, SecretsError> {
        fs::create_dir_all(directory).map_err(at(directory))?;
        if listing(directory)?.is_empty() {
            private_file::create(&directory.join(FIRST), SigningKey::generate()?.to_pem()?.as_bytes())?;
        }
        Self::load(directory)
    }

    /// The keys in this directory, of which there may be none.
    pub fn load(directory: &Path) -> Result<Self, SecretsError> {
        let mut keys = Self { directory: directory.to_owned(), stored: Vec::new(), seen: Listing::new() };
        keys.refresh()?;
        Ok(keys)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// Reads the keys again if somebody has changed them since; whether somebody has. What cannot be read is not tried
    /// again before it changes, and leaves the keys as they were.
    pub fn refresh(&mut self) -> Result<bool, SecretsError> {
        let listing = listing(&self.directory)?;
        if listing == self.seen {
            return Ok(false);
        }
        self.seen = listing;
        let stored = self.seen.keys().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        if stored.is_empty() && !self.stored.is_empty() {
            // Whoever takes all keys away stops the program first.
            let path = self.directory.join(FIRST);
            return Err(SecretsError::Damaged { place: path.display().to_string(), expected: "signing key any more" });
        }
        self.stored = stored;
        Ok(true)
    }

    /// The keys, for a ring.
    pub fn ring_keys(&self) -> Vec<RingKey> {
        self.stored.iter().map(|stored| RingKey::Signs { signer: stored.key.clone(), from: stored.from }).collect()
    }

    /// The key that signs at this time.
    pub fn current(&self, now: DateTime<Utc>) -> Option<Arc<SigningKey>> {
        let keys = Keys::new(self.ring_keys());
        let signer = keys.signer(now)?;
        let is_it = |stored: &&Stored| stored.key.public_key() == signer.public_key();
        self.stored.iter().find(is_it).map(|stored| Arc::clone(&stored.key))
    }

    /// What each of them is at this time, in the order in which they sign.
    pub fn statuses(&self, now: DateTime<Utc>) -> Vec<SigningKeyStatus> {
        let keys = Keys::new(self.ring_keys());
        let status = |(place, key): (usize, &RingKey)| SigningKeyStatus {
            kid: key.public_key().kid().to_owned(),
            state: keys.state(place, now, OVERLAP),
            signs_from: key.begins().filter(|from| *from != DateTime::UNIX_EPOCH),
            accepted_until: keys.accepted_until(place, OVERLAP),
        };
        keys.iter().enumerate().map(status).collect()
    }

    /// Makes a key that signs from this time on. Refused while another is on its way, unless this one is to sign at once:
    /// nobody waits then.
    pub fn rotate(&mut self, from: DateTime<Utc>, now: DateTime<Utc>) -> Result<SigningKeyStatus, RotationError> {
        let pending = self.statuses(now).into_iter().find(|key| key.state == KeyState::Next);
        if let Some(SigningKeyStatus { kid, signs_from: Some(begins), .. }) = pending
            && from > now
        {
            return Err(RotationError::Pending { kid, from: begins });
        }
        let key = SigningKey::generate().map_err(SecretsError::from)?;
        let kid = key.public_key().kid().to_owned();
        let path = self.directory.join(format!("{}{kid}{}", FURTHER.0, FURTHER.1));
        private_file::create(&path, contents(&key, from)?.as_bytes())?;
        self.refresh()?;
        self.statuses(now).into_iter().find(|key| key.kid == kid).ok_or(RotationError::Unknown(kid))
    }

    /// Removes a key: tokens of it are refused from now on. Refused for the one that signs.
    pub fn retire(&mut self, kid: &str, now: DateTime<Utc>) -> Result<SigningKeyStatus, RotationError> {
        let known = self.statuses(now).into_iter().find(|key| key.kid == kid);
        let status = known.ok_or_else(|| RotationError::Unknown(kid.to_owned()))?;
        if status.state == KeyState::Signing {
            return Err(RotationError::Signing(kid.to_owned()));
        }
        if let Some(stored) = self.stored.iter().find(|stored| stored.key.public_key().kid() == kid) {
            private_file::remove(&stored.path)?;
        }
        self.refresh()?;
        Ok(status)
    }

    /// Removes the keys whose last token has expired; their names.
    pub fn remove_over(&mut self, now: DateTime<Utc>) -> Result<Vec<String>, RotationError> {
        let over = self.statuses(now).into_iter().filter(|key| key.state == KeyState::Over).map(|key| key.kid);
        let over: Vec<String> = over.collect();
        for kid in &over {
            self.retire(kid, now)?;
        }
        Ok(over)
    }
}

fn listing(directory: &Path) -> Result<Listing, SecretsError> {
    let mut found = Listing::new();
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let entry = entry.map_err(at(directory))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_further = name.strip_prefix(FURTHER.0).and_then(|rest| rest.strip_suffix(FURTHER.1)).is_some();
        if name != FIRST && !is_further {
            continue;
        }
        // Removed since it was listed: it is not there.
        if let Ok(metadata) = entry.metadata() {
            found.insert(entry.path(), (metadata.modified().ok(), metadata.len()));
        }
    }
    Ok(found)
}

fn contents(key: &SigningKey, from: DateTime<Utc>) -> Result<Zeroizing<String>, SecretsError> {
    let pem = key.to_pem()?;
    let from = from.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut contents = Zeroizing::new(String::with_capacity(FROM.len() + from.len() + 1 + pem.len()));
    for part in [FROM, &from, "\n", &pem] {
        contents.push_str(part);
    }
    Ok(contents)
}

/// The key in a file, and from when on it signs: since ever, if the file does not say.
fn read(path: &Path) -> Result<Stored, SecretsError> {
    let damaged =
        || SecretsError::Damaged { place: path.display().to_string(), expected: "P-256 private key in PKCS#8 PEM" };
    let bytes = private_file::read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let begin = text.find("-----BEGIN").ok_or_else(damaged)?;
    let (said, pem) = text.split_at(begin);
    let from = said.lines().find_map(|line| line.strip_prefix(FROM));
    let from = from.map_or(Ok(DateTime::UNIX_EPOCH), |from| from.trim().parse().map_err(|_| damaged()))?;
    let key = Arc::new(SigningKey::from_pem(pem).map_err(|_| damaged())?);
    Ok(Stored { path: path.to_owned(), key, from })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn states(keys: &SigningKeys, at: DateTime<Utc>) -> Vec<KeyState> {
        keys.statuses(at).into_iter().map(|key| key.state).collect()
    }

    #[test]
    fn a_new_key_is_published_signs_in_its_time_and_the_old_one_is_over_when_its_tokens_are() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        let begins = now() + TimeDelta::hours(2);
        let made = keys.rotate(begins, now()).expect("a new key");

        assert_eq!((made.state, made.signs_from), (KeyState::Next, Some(begins)));
        assert_eq!(states(&keys, now()), [KeyState::Signing, KeyState::Next]);
        assert_eq!(states(&keys, begins), [KeyState::Accepted, KeyState::Signing]);
        let over = begins + OVERLAP;
        assert_eq!(keys.statuses(now())[0].accepted_until, Some(over));
        assert_eq!(keys.remove_over(over - TimeDelta::milliseconds(1)).expect("a look").len(), 0);
        assert_eq!(keys.remove_over(over).expect("a removal").len(), 1);
        assert_eq!(states(&keys, over), [KeyState::Signing]);
        let left = SigningKeys::load_or_create(directory.path()).expect("the one that is left");
        assert_eq!(left.statuses(over), keys.statuses(over));
        assert_eq!(left.statuses(over)[0].kid, made.kid);
    }

    #[test]
    fn key_files_are_private_and_nothing_is_left_beside_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        keys.rotate(now(), now()).expect("a new key");
        let entries: Vec<_> =
            fs::read_dir(directory.path()).expect("a listing").map(|e| e.expect("an entry")).collect();
        assert_eq!(entries.len(), 2, "{entries:?}");
        for entry in entries {
            let mode = entry.metadata().expect("a file").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{entry:?}");
        }
    }

    #[test]
    fn another_process_sees_what_was_changed_and_only_that() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut server = SigningKeys::load_or_create(directory.path()).expect("keys");
        assert!(!server.refresh().expect("a look"));
        let mut command = SigningKeys::load(directory.path()).expect("the same keys");
        let made = command.rotate(now(), now()).expect("a new key");
        assert!(server.refresh().expect("a look"));
        assert_eq!(server.statuses(now()), command.statuses(now()));
        let old = server.statuses(now())[0].kid.clone();
        assert_ne!(old, made.kid);
        command.retire(&old, now()).expect("one key less");
        assert!(server.refresh().expect("a look"));
        assert_eq!(server.statuses(now()).len(), 1);
        assert!(!server.refresh().expect("a look"));
    }

    #[test]
    fn the_key_that_signs_and_one_that_is_not_there_are_not_retired() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        let first = keys.statuses(now())[0].kid.clone();
        assert!(matches!(keys.retire(&first, now()), Err(RotationError::Signing(kid)) if kid == first));
        for unknown in ["", "x", "../signing-key"] {
            assert!(matches!(keys.retire(unknown, now()), Err(RotationError::Unknown(_))), "{unknown}");
        }
        let next = keys.rotate(now() + TimeDelta::hours(1), now()).expect("a new key").kid;
        assert!(matches!(keys.retire(&first, now()), Err(RotationError::Signing(_))), "it still does");
        keys.retire(&next, now()).expect("a key that never signed");
        assert_eq!(states(&keys, now()), [KeyState::Signing]);
    }

    #[test]
    fn while_a_key_is_on_its_way_only_one_that_signs_at_once_is_made() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        let begins = now() + TimeDelta::hours(2);
        let pending = keys.rotate(begins, now()).expect("a new key").kid;
        let refused = keys.rotate(begins, now()).expect_err("a refusal");
        assert!(matches!(&refused, RotationError::Pending { kid, from } if *kid == pending && *from == begins));
        let urgent = keys.rotate(now(), now()).expect("a key at once");
        assert_eq!(urgent.state, KeyState::Signing);
        assert_eq!(states(&keys, now()), [KeyState::Accepted, KeyState::Signing, KeyState::Next]);
    }

    #[test]
    fn a_damaged_or_open_file_is_refused_and_the_keys_stay_as_they_were() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        let before = keys.statuses(now());
        let path = directory.path().join("signing-key-x.pem");
        private_file::create(&path, b"signs from tomorrow\n-----BEGIN PRIVATE KEY-----\n").expect("a file");
        assert!(matches!(keys.refresh(), Err(SecretsError::Damaged { .. })));
        assert!(!keys.refresh().expect("no news"), "it is not tried again and again");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a change of mode");
        fs::write(&path, "another text").expect("a change");
        assert!(matches!(keys.refresh(), Err(SecretsError::Exposed { .. })));
        assert_eq!(keys.statuses(now()), before);
        assert!(SigningKeys::load_or_create(directory.path()).is_err(), "a program that starts says so");
    }

    #[test]
    fn a_server_whose_keys_are_all_gone_keeps_those_that_it_had() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        fs::remove_file(directory.path().join(FIRST)).expect("a removal");
        assert!(matches!(keys.refresh(), Err(SecretsError::Damaged { .. })));
        assert_eq!(states(&keys, now()), [KeyState::Signing]);
    }

    #[test]
    fn a_file_that_does_not_say_has_always_signed() {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        let text = fs::read_to_string(directory.path().join(FIRST)).expect("the file");
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "as openssl writes it, too");
        assert_eq!(keys.statuses(DateTime::UNIX_EPOCH)[0].signs_from, None);
        let current = keys.current(now()).expect("a key");
        assert_eq!(current.public_key().kid(), keys.statuses(now())[0].kid);
    }

    #[test]
    fn debug_shows_no_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = SigningKeys::load_or_create(directory.path()).expect("keys");
        let text = fs::read_to_string(directory.path().join(FIRST)).expect("the file");
        let body = text.lines().nth(1).expect("a line of the key");
        assert!(!format!("{keys:?} {:?}", keys.ring_keys()).contains(body));
    }
}
