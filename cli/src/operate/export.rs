//! `muster export`: every history with its hashes, and the signed digests over their heads, in one file that is verified with
//! nothing but the public key (`docs/audit-format.md`).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::commit::NotCanonical;
use muster_domain::proof::export::{End, ExportLines};
use muster_domain::{Commit, EventReader as _, StreamId};
use muster_handlers::digests::Outcome;
use muster_vault::seal_copies;
use uuid::Uuid;

use super::heads::{Digested, Held, digested};
use super::passphrase::{Purpose, passphrase};
use super::streams;
use crate::args::ExportArgs;
use crate::digests::digester_of_whole;
use crate::progress;
use crate::report::{Failure, failed, file, note};
use crate::store::Store;
use crate::system::System;

/// How many histories are read ahead.
const AHEAD: usize = 8;

/// Writes the export.
pub async fn run(args: ExportArgs) -> Result<(), Failure> {
    // Asked for before hours of reading.
    let secret = match &args.with_keys {
        Some(path) if path.try_exists().map_err(file(path))? => {
            return Err(Failure::Refused(format!(
                "{} is there already: it may be the only way to open an export",
                path.display()
            )));
        }
        Some(path) => Some((path, passphrase(&args.passphrase, Purpose::New)?)),
        None => None,
    };
    let store = Store::named(&args.store).await?;
    let system = store.system().await?;
    let complete = match (&store, args.no_digest) {
        (Store::Local(_), false) => cover(&system, &args.store.data.data).await?,
        _ => false,
    };
    match &args.out {
        Some(path) => to_path(&system, path, complete).await?,
        None => to_output(&system, complete, secret.is_some()).await?,
    }
    // After the commits: whoever is in them has a key by now.
    match secret {
        Some((path, passphrase)) => keys_to_file(&system, path, passphrase).await,
        None => Ok(()),
    }
}

/// Writes the keys, sealed, to a file that only its owner can read.
async fn keys_to_file(system: &System, path: &Path, passphrase: String) -> Result<(), Failure> {
    const DOING: &str = "sealing the keys";
    let copies = system.key_copies().await?;
    let count = copies.0.len();
    let sealed = tokio::task::spawn_blocking(move || seal_copies(&copies, &passphrase)).await;
    let sealed = sealed.map_err(failed(DOING))?.map_err(failed(DOING))?;
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    let mut target = options.open(path).map_err(file(path))?;
    target.write_all(sealed.as_bytes()).and_then(|()| target.sync_all()).map_err(file(path))?;
    note(format_args!("wrote the keys of {count} people to {}", path.display()));
    Ok(())
}

/// Takes a digest over what is under none yet. Whether everything that was there is under one now.
async fn cover(system: &System, data: &Path) -> Result<bool, Failure> {
    match digester_of_whole(system, data).await?.cover().await.map_err(failed("taking a digest"))? {
        Outcome::Taken(_) | Outcome::Unchanged => Ok(true),
        Outcome::Overtaken => Ok(false),
    }
}

async fn to_output(system: &System, complete: bool, with_keys: bool) -> Result<(), Failure> {
    match write(system, complete, BufWriter::new(io::stdout())).await {
        Ok(_) => Ok(()),
        // Half a list may be enough for whoever reads it; half an export is none.
        Err(WriteError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            let keys = if with_keys { ", and the keys are not written" } else { "" };
            Err(Failure::CutOff(format!("the export is not complete{keys}")))
        }
        Err(WriteError::Output(error)) => Err(Failure::Output(error)),
        Err(WriteError::Failed(failure)) => Err(failure),
    }
}

/// Where an export is written to.
enum Place {
    /// A file that is there, or is to be.
    File(PathBuf),
    /// A pipe or a device: what is written is gone, and nothing can be put in its place.
    Stream,
}

impl Place {
    /// Where this path leads, links followed.
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if there.is_file() => Ok(Self::File(fs::canonicalize(path)?)),
            Ok(_) => Ok(Self::Stream),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
                // A link to what is not there yet.
                Ok(target) => Self::of(&path.parent().unwrap_or(Path::new("")).join(target)),
                Err(_) => Ok(Self::File(path.to_owned())),
            },
            Err(error) => Err(error),
        }
    }
}

async fn to_path(system: &System, path: &Path, complete: bool) -> Result<(), Failure> {
    let written = match Place::of(path).map_err(file(path))? {
        Place::File(target) => to_file(system, &target, complete).await,
        Place::Stream => to_stream(system, path, complete).await,
    };
    let End { commits, streams, digests, .. } = written?;
    let path = path.display();
    note(format_args!("wrote {commits} commits of {streams} streams and {digests} digests to {path}"));
    Ok(())
}

/// Written beside and renamed: the file is complete or not there. As the keys, it is for its owner alone.
async fn to_file(system: &System, path: &Path, complete: bool) -> Result<End, Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", Uuid::new_v4()));
    let beside = Path::new(&beside);
    let target = File::options().write(true).create_new(true).mode(0o600).open(beside).map_err(file(beside))?;
    let written = match write(system, complete, BufWriter::new(&target)).await {
        Ok(written) => target.sync_all().and_then(|()| fs::rename(beside, path)).map(|()| written).map_err(file(path)),
        Err(WriteError::Output(error)) => Err(file(beside)(error)),
        Err(WriteError::Failed(failure)) => Err(failure),
    };
    if written.is_err() {
        // What is not complete is of no use; the failure is what counts.
        let _ = fs::remove_file(beside);
    }
    written
}

/// Written as it comes: who reads sees by the last line whether it is complete.
async fn to_stream(system: &System, path: &Path, complete: bool) -> Result<End, Failure> {
    let target = File::options().write(true).open(path).map_err(file(path))?;
    match write(system, complete, BufWriter::new(target)).await {
        Ok(written) => Ok(written),
        Err(WriteError::Output(error)) => Err(file(path)(error)),
        Err(WriteError::Failed(failure)) => Err(failure),
    }
}

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The target did not take it.
    #[error("cannot write")]
    Output(#[from] io::Error),
    /// The store could not be read.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<NotCanonical> for WriteError {
    fn from(error: NotCanonical) -> Self {
        Self::Failed(failed("writing the export")(error))
    }
}

/// Writes an export of the system's store, and says how much it holds. A `complete` one ends each history with the last head that a
/// digest holds of it: what a server writes meanwhile is under none yet, and is in the next export.
pub async fn write(system: &System, complete: bool, mut target: impl Write) -> Result<End, WriteError> {
    // The digests first: every head that they hold is then in the histories.
    let Digested { digests, mut heads } = digested(system).await?;
    let commits = streams::all(system).await?.commits;
    let bar = progress::bar(Some(commits.values().sum()), "commits");
    bar.set_message("export");
    let mut sections: BTreeMap<String, (Option<StreamId>, Vec<Held>)> = BTreeMap::new();
    for stream in commits.into_keys() {
        let name = stream.to_string();
        let held = heads.remove(&name).unwrap_or_default();
        sections.insert(name, (Some(stream), held));
    }
    // Of a history that is gone, its heads are left.
    sections.extend(heads.into_iter().map(|(name, held)| (name, (None, held))));

    let (mut lines, header) = ExportLines::begin(complete)?;
    target.write_all(&header)?;
    let mut histories = stream::iter(sections.into_values())
        .map(|(stream, held)| async move {
            match stream {
                Some(stream) => system.events.commits(&stream, 0, None).await.map(|commits| (commits, held)),
                None => Ok((Vec::new(), held)),
            }
        })
        .buffered(AHEAD);
    while let Some((commits, held)) = histories.try_next().await.map_err(failed("reading the event store"))? {
        let written = if complete { covered(&commits, &held) } else { &commits[..] };
        history(&mut lines, &mut target, written, held)?;
        bar.inc(commits.len() as u64);
    }
    for digest in &digests {
        target.write_all(&lines.digest(digest)?)?;
    }
    let (end, line) = lines.end()?;
    target.write_all(&line)?;
    target.flush()?;
    bar.finish_and_clear();
    Ok(end)
}

/// The commits up to the last head that a digest holds. Where the history does not have that head, all of them: it is for whoever
/// verifies the export to see.
fn covered<'c>(commits: &'c [Commit], held: &[Held]) -> &'c [Commit] {
    let Some(Held { leaf, .. }) = held.last() else { return &[] };
    let is_last = |commit: &Commit| (commit.last_version(), commit.hash) == (leaf.version, leaf.hash);
    commits.iter().position(is_last).map_or(commits, |last| &commits[..=last])
}

/// The commits of one history, and after each the heads that are it.
fn history(
    lines: &mut ExportLines,
    target: &mut impl Write,
    commits: &[Commit],
    held: Vec<Held>,
) -> Result<(), WriteError> {
    let mut held = held.into_iter().peekable();
    for commit in commits {
        while let Some(Held { digest, index, leaf }) = held.next_if(|held| held.leaf.version < commit.last_version()) {
            target.write_all(&lines.leaf(digest, index, &leaf)?)?;
        }
        target.write_all(&lines.commit(commit)?)?;
    }
    for Held { digest, index, leaf } in held {
        target.write_all(&lines.leaf(digest, index, &leaf)?)?;
    }
    Ok(())
}
