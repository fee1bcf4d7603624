//! The last digest, kept in a file beside the store that it was taken of: whoever removes digests from the tables, and what names them
//! there, has not removed this one. It is what `muster verify` and the next digest hold the store against.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use muster_domain::proof::SignedDigest;
use muster_handlers::digests::DigestArchive;
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// Its name in the data directory.
const FILE: &str = "last-digest.json";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The file in a data directory.
#[derive(Clone, Debug)]
pub(crate) struct LastDigest(PathBuf);

impl LastDigest {
    /// In this data directory, where it need not be yet.
    pub(crate) fn of(data: &Path) -> Self {
        Self(data.join(FILE))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The last digest that was kept.
    pub(crate) fn read(&self) -> io::Result<Option<SignedDigest>> {
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Complete or not at all, in the place of the one before.
    fn replace(&self, digest: &SignedDigest) -> io::Result<()> {
        let beside = self.0.with_extension(format!("{}.new", Uuid::new_v4()));
        let written = Self::write(&beside, digest).and_then(|()| fs::rename(&beside, &self.0));
        if written.is_err() {
            // What went wrong is what counts.
            let _ = fs::remove_file(&beside);
        }
        written?;
        // Makes the name durable; syncing the file does not.
        self.0.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }

    fn write(path: &Path, digest: &SignedDigest) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(format!("{}\n", serde_json::to_string(digest)?).as_bytes())?;
        file.sync_all()
    }
}

#[async_trait]
impl DigestArchive for LastDigest {
    async fn keep(&self, digest: &SignedDigest) -> Result<(), BoxError> {
        let (place, digest) = (self.clone(), digest.clone());
        let kept = spawn_blocking(move || match place.read()? {
            Some(last) if last.sequence >= digest.sequence => Ok(()),
            Some(_) | None => place.replace(&digest),
        });
        kept.await??;
        Ok(())
    }

    async fn last(&self) -> Result<Option<SignedDigest>, BoxError> {
        let place = self.clone();
        Ok(spawn_blocking(move || place.read()).await??)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use muster_domain::Hash;
    use muster_domain::proof::Digest;

    use super::*;

    fn digest(sequence: u64) -> SignedDigest {
        let taken_at = "2026-03-02T08:00:00Z".parse().expect("a time");
        let digest = Digest { sequence, taken_at, leaves: 0, root: Hash::GENESIS, previous: Hash::GENESIS };
        digest.signed("key", "signature".to_owned())
    }

    #[tokio::test]
    async fn the_last_one_stays_whatever_is_given_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = LastDigest::of(directory.path());
        assert_eq!(place.last().await.expect("an answer"), None);
        for (given, last) in [(1, 1), (3, 3), (2, 3), (4, 4)] {
            place.keep(&digest(given)).await.expect("it is kept");
            assert_eq!(place.last().await.expect("an answer"), Some(digest(last)), "{given}");
        }
        let files: Vec<_> =
            fs::read_dir(directory.path()).expect("a listing").map(|entry| entry.expect("an entry")).collect();
        assert_eq!(files.len(), 1, "nothing is left over");
        assert_eq!(files[0].metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn one_that_cannot_be_read_is_not_taken_for_none() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(FILE), "{").expect("a file");
        let error = LastDigest::of(directory.path()).read().expect_err("no digest");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
