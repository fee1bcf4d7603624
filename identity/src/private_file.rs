//! Files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use crate::secrets::SecretsError;

pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> SecretsError {
    move |source| SecretsError::File { path: path.to_owned(), source }
}

/// What is in the file, which is refused if others may read it.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    refuse_exposed(path)?;
    let mut bytes = fs::read(path).map_err(at(path))?;
    let kept = Zeroizing::new(bytes.clone());
    bytes.zeroize();
    Ok(kept)
}

/// Complete or not at all: written beside, made durable, then linked into place. A file that came meanwhile stays.
pub(crate) fn create(path: &Path, contents: &[u8]) -> Result<(), SecretsError> {
    let beside = path.with_extension(format!("{}.new", Uuid::new_v4()));
    let linked = write_private(&beside, contents).and_then(|()| fs::hard_link(&beside, path));
    let removed = fs::remove_file(&beside);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(at(path))?,
    }
    removed.and_then(|()| sync_directory(path)).map_err(at(path))
}

/// Complete or not at all, in the place of what is there.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> Result<(), SecretsError> {
    let beside = path.with_extension(format!("{}.new", Uuid::new_v4()));
    let renamed = write_private(&beside, contents).and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        // What went wrong is what counts; a file that is half written is nobody's secret.
        let _ = fs::remove_file(&beside);
    }
    renamed.and_then(|()| sync_directory(path)).map_err(at(path))
}

/// Removes the file for good.
pub(crate) fn remove(path: &Path) -> Result<(), SecretsError> {
    fs::remove_file(path).and_then(|()| sync_directory(path)).map_err(at(path))
}

/// Makes the names in the file's directory durable; syncing a file does not.
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(unix)]
pub(crate) fn refuse_exposed(path: &Path) -> Result<(), SecretsError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode() & 0o777;
    let for_owner_only = mode & 0o700 == mode;
    if for_owner_only { Ok(()) } else { Err(SecretsError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
pub(crate) fn refuse_exposed(_: &Path) -> Result<(), SecretsError> {
    Ok(())
}
