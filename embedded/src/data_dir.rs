//! The directory that holds a store: whose it is, who has it open, and which format it has.
//!
//! ```text
//! lock         locked by the process that has the store open; holds its number
//! format       "embedded-store 1": what is in here and its version
//! muster.db    the SQLite file (and -wal, -shm beside it)
//! ```
//!
//! A new store is made in an order that a crash cannot confuse with a damaged one: `format.new` is written first and
//! renamed to `format` when the database is complete. `format.new` alone therefore means a first start that did not
//! finish, in which nothing can have been acknowledged, and it starts over. Other files beside an existing `format`
//! are the business of whoever put them there.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::EngineError;

/// The newest format that this version writes and reads.
const FORMAT: u32 = 1;
/// What stands before the version in the `format` file.
const FORMAT_NAME: &str = "embedded-store";

const LOCK_FILE: &str = "lock";
const FORMAT_FILE: &str = "format";
const UNFINISHED_FORMAT_FILE: &str = "format.new";
const DATABASE_FILES: [&str; 4] = ["muster.db", "muster.db-wal", "muster.db-shm", "muster.db-journal"];
/// What a file system may put into an empty directory by itself.
const NOT_A_FILE_OF_ANYBODY: &str = "lost+found";

/// A data directory that this process holds. Dropping it lets others have it.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Whether there is a complete store in it.
    initialised: bool,
    _lock: File,
}

impl DataDir {
    /// Takes the directory, which is made when it is not there. Refuses one that is in use, of a newer format, damaged
    /// or somebody else's, and changes nothing in it then.
    pub(crate) fn claim(dir: &Path) -> Result<Self, EngineError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(EngineError::directory(dir))?;
        let path = dir.canonicalize().map_err(EngineError::directory(dir))?;
        // Before the lock, so that no lock file appears in a directory that is not ours; and again under it,
        // because another process may have made the store in between.
        inspect(&path)?;
        let lock = take_lock(&path)?;
        let initialised = inspect(&path)?;
        let data_dir = Self { path, initialised, _lock: lock };
        if !initialised {
            data_dir.begin()?;
        }
        Ok(data_dir)
    }

    /// Whether the store in here is complete; if not, it is to be made, and then [`Self::finish`] called.
    pub(crate) fn is_initialised(&self) -> bool {
        self.initialised
    }

    /// The path of the SQLite file.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILES[0])
    }

    /// The path of its write-ahead log.
    pub(crate) fn wal(&self) -> PathBuf {
        self.path.join(DATABASE_FILES[1])
    }

    fn begin(&self) -> Result<(), EngineError> {
        let fail = EngineError::directory;
        fs::set_permissions(&self.path, Permissions::from_mode(0o700)).map_err(fail(&self.path))?;
        let format = self.path.join(UNFINISHED_FORMAT_FILE);
        let mut file = File::create(&format).map_err(fail(&format))?;
        writeln!(file, "{FORMAT_NAME} {FORMAT}").map_err(fail(&format))?;
        file.sync_all().map_err(fail(&format))?;
        self.sync()?;
        for name in DATABASE_FILES {
            let leftover = self.path.join(name);
            match fs::remove_file(&leftover) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(&leftover)(error)),
                _ => {}
            }
        }
        // Made here, so that it is its owner's alone; what SQLite puts beside it takes after it.
        let database = self.database();
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&database);
        made.map(drop).map_err(fail(&database))
    }

    /// Marks the new store as complete.
    pub(crate) fn finish(&mut self) -> Result<(), EngineError> {
        let format = self.path.join(FORMAT_FILE);
        fs::rename(self.path.join(UNFINISHED_FORMAT_FILE), &format).map_err(EngineError::directory(&format))?;
        self.initialised = true;
        self.sync()
    }

    /// Makes the names in the directory durable; syncing a file does not.
    pub(crate) fn sync(&self) -> Result<(), EngineError> {
        File::open(&self.path).and_then(|dir| dir.sync_all()).map_err(EngineError::directory(&self.path))
    }
}

/// Whether there is a complete store in `dir`; an error when there is something else.
fn inspect(dir: &Path) -> Result<bool, EngineError> {
    let format = dir.join(FORMAT_FILE);
    match read_short(&format) {
        Ok(text) => {
            check_format(dir, &format, &text)?;
            return Ok(true);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(EngineError::directory(&format)(error)),
    }
    let unfinished = dir.join(UNFINISHED_FORMAT_FILE).exists();
    for entry in fs::read_dir(dir).map_err(EngineError::directory(dir))? {
        let name = entry.map_err(EngineError::directory(dir))?.file_name();
        let is = |known: &str| name == OsStr::new(known);
        if DATABASE_FILES.into_iter().any(is) {
            if !unfinished {
                return Err(EngineError::damaged(&format, "the file is missing"));
            }
        } else if ![LOCK_FILE, UNFINISHED_FORMAT_FILE, NOT_A_FILE_OF_ANYBODY].into_iter().any(is) {
            return Err(EngineError::Foreign { dir: dir.to_owned(), found: name.to_string_lossy().into_owned() });
        }
    }
    Ok(false)
}

fn check_format(dir: &Path, file: &Path, text: &str) -> Result<(), EngineError> {
    let version = text
        .trim_end()
        .strip_prefix(FORMAT_NAME)
        .and_then(|rest| rest.strip_prefix(' '))
        .and_then(|version| version.parse::<u32>().ok())
        .filter(|version| *version > 0)
        .ok_or_else(|| EngineError::damaged(file, "it does not say which format the store has"))?;
    if version > FORMAT {
        return Err(EngineError::NewerFormat { dir: dir.to_owned(), found: version, supported: FORMAT });
    }
    Ok(())
}

/// The start of a small text file; what is not text comes out as replacement characters, and so as no format.
fn read_short(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The system lets go of the lock when the process ends, however it ends.
fn take_lock(dir: &Path) -> Result<File, EngineError> {
    let path = dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(EngineError::directory(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = read_short(&path).ok().and_then(|text| text.trim_end().parse().ok());
            return Err(EngineError::InUse { dir: dir.to_owned(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(EngineError::directory(&path)(error)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(EngineError::directory(&path))?;
    Ok(file)
}
