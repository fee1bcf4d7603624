//! `muster export`: every commit as one line of JSON, ordered by stream and version.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::{Commit, EventReader as _};
use muster_vault::seal_copies;

use super::passphrase::{Purpose, passphrase};
use super::streams;
use crate::args::ExportArgs;
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
    let system = Store::named(&args.store).await?.system().await?;
    match &args.out {
        Some(path) => to_file(&system, path).await?,
        None => write(&system, BufWriter::new(io::stdout())).await.map(|_| ()).map_err(|error| match error {
            WriteError::Output(error) => Failure::Output(error),
            WriteError::Failed(failure) => failure,
        })?,
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

/// Written beside and renamed: the file is complete or not there.
async fn to_file(system: &System, path: &Path) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let target = File::create(beside).map_err(file(beside))?;
    let written = match write(system, BufWriter::new(&target)).await {
        Ok(written) => target.sync_all().and_then(|()| fs::rename(beside, path)).map(|()| written).map_err(file(path)),
        Err(WriteError::Output(error)) => Err(file(beside)(error)),
        Err(WriteError::Failed(failure)) => Err(failure),
    };
    match written {
        Ok(Written { commits, streams }) => {
            note(format_args!("wrote {commits} commits of {streams} streams to {}", path.display()));
            Ok(())
        }
        Err(failure) => {
            // What is not complete is of no use; the failure is what counts.
            let _ = fs::remove_file(beside);
            Err(failure)
        }
    }
}

struct Written {
    commits: u64,
    streams: usize,
}

enum WriteError {
    Output(io::Error),
    Failed(Failure),
}

impl From<Failure> for WriteError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

async fn write(system: &System, mut target: impl Write) -> Result<Written, WriteError> {
    let streams = streams::all(system).await?.commits;
    let bar = progress::bar(Some(streams.values().sum()), "commits");
    bar.set_message("export");
    let mut written = Written { commits: 0, streams: streams.len() };
    let mut histories = stream::iter(streams.into_keys())
        .map(|stream| async move { system.events.commits(&stream, 0, None).await })
        .buffered(AHEAD);
    while let Some(commits) = histories.try_next().await.map_err(failed("reading the event store"))? {
        for commit in &commits {
            line(&mut target, commit).map_err(WriteError::Output)?;
        }
        written.commits += commits.len() as u64;
        bar.set_position(written.commits);
    }
    target.flush().map_err(WriteError::Output)?;
    bar.finish_and_clear();
    Ok(written)
}

fn line(target: &mut impl Write, commit: &Commit) -> io::Result<()> {
    serde_json::to_writer(&mut *target, commit)?;
    target.write_all(b"\n")
}
