//! `muster verify --export` and `--proof`: offline, with nothing but the file and the public key.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use muster_domain::proof::verifier::LastDigest;
use muster_domain::proof::{
    DigestKeys, ExportVerifier, Finding, InclusionProof, NotProven, SignedDigest, Undigested, Verified,
};

use super::json;
use crate::progress;
use crate::report::{Failure, failed, file, line};

/// How long a line may be: over ten times as long as the largest commit.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// How an export is to be verified.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Every event must be under a digest.
    pub complete: bool,
    /// What was found is shown as JSON.
    pub json: bool,
}

/// Verifies an export (`-` for the standard input), and says what it found.
pub async fn export(path: PathBuf, keys: &[PathBuf], kept: &[PathBuf], asked: Asked) -> Result<(), Failure> {
    let (keys, kept) = (read_keys(keys)?, read_kept(kept)?);
    let verified = tokio::task::spawn_blocking(move || {
        let verifier = ExportVerifier::new(Some(&keys), &kept);
        open(&path, if asked.complete { verifier.complete() } else { verifier })
    });
    let verified = verified.await.map_err(failed("verifying the export"))??;
    if asked.json {
        json(&verified)?;
    } else {
        tell(&verified)?;
    }
    match verified.findings.len() as u64 + verified.more_findings {
        0 => Ok(()),
        1 => Err(Failure::Found("the export is not as it was written".to_owned())),
        count => Err(Failure::Found(format!("the export is not as it was written, in {count} places"))),
    }
}

/// Verifies a proof, and shows what it proves.
pub fn proof(path: &Path, keys: &[PathBuf], as_json: bool) -> Result<(), Failure> {
    let keys = read_keys(keys)?;
    let bytes = fs::read(path).map_err(file(path))?;
    let proven = match InclusionProof::read(&bytes) {
        Ok(proof) => proof.verify(&keys).map_err(|error| (code(error), error.to_string())),
        Err(error) => Err(("malformed", format!("it is not a proof: {error}"))),
    };
    let proven = match proven {
        Ok(proven) => proven,
        Err((code, reason)) => {
            if as_json {
                json(&serde_json::json!({ "findings": [{ "code": code, "reason": reason }] }))?;
            }
            return Err(Failure::Found(format!("NOT PROVEN: {reason}")));
        }
    };
    if as_json {
        return json(&proven);
    }
    let event = &proven.event;
    line(format_args!("proven: {} is version {} of {}", event.event_type, event.version, event.stream))?;
    line(format_args!("  recorded {} by {}: {}", event.recorded_at.to_rfc3339(), event.actor, event.data))?;
    line(format_args!("  in digest {} of {}, signed by {}", proven.digest, proven.taken_at.to_rfc3339(), proven.key))
}

/// The name of what is wrong with a proof, for programs.
const fn code(error: NotProven) -> &'static str {
    match error {
        NotProven::Format => "format",
        NotProven::Event => "event",
        NotProven::Commit { .. } => "commit",
        NotProven::Path => "path",
        NotProven::Signature => "signature",
    }
}

fn tell(verified: &Verified) -> Result<(), Failure> {
    for Finding { line: at, stream, version, digest, reason, code: _ } in &verified.findings {
        match (stream, version, digest) {
            (Some(stream), Some(version), _) => line(format_args!("TAMPERED  {stream}  version {version}: {reason}"))?,
            (Some(stream), None, _) => line(format_args!("TAMPERED  {stream}: {reason}"))?,
            (None, _, Some(digest)) => line(format_args!("TAMPERED  digest {digest}: {reason}"))?,
            (None, _, None) => line(format_args!("TAMPERED  line {at}: {reason}"))?,
        }
    }
    if verified.more_findings > 0 {
        line(format_args!("and {} findings more", verified.more_findings))?;
    }
    let Verified { streams, commits, events, undigested, digests, last_digest, more_undigested, complete, .. } =
        verified;
    if !complete {
        for Undigested { stream, from } in &verified.undigested_histories {
            line(format_args!("UNDIGESTED  {stream}  from version {from}: nothing but its hash chain speaks for it"))?;
        }
        if *more_undigested > 0 {
            line(format_args!("and {more_undigested} histories more under no digest"))?;
        }
    }
    line(format_args!("followed {events} events in {commits} commits of {streams} streams, and {digests} digests"))?;
    if let Some(LastDigest { sequence, taken_at, .. }) = last_digest {
        line(format_args!("the last digest is {sequence}, of {taken_at}; {undigested} events came after it"))?;
    }
    Ok(())
}

/// The keys in these files.
pub(crate) fn read_keys(paths: &[PathBuf]) -> Result<DigestKeys, Failure> {
    let mut text = String::new();
    for path in paths {
        // What stands between the keys does not matter, nor how it is encoded.
        text.push_str(&String::from_utf8_lossy(&fs::read(path).map_err(file(path))?));
    }
    DigestKeys::from_pem(&text).map_err(|error| Failure::Refused(error.to_string()))
}

/// The digests that were kept in these files.
pub(crate) fn read_kept(paths: &[PathBuf]) -> Result<Vec<SignedDigest>, Failure> {
    paths.iter().map(|path| read(path)).collect()
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let bytes = fs::read(path).map_err(file(path))?;
    serde_json::from_slice(&bytes).map_err(unreadable(path))
}

fn unreadable(path: &Path) -> impl FnOnce(serde_json::Error) -> Failure {
    move |error| Failure::Refused(format!("{}: {error}", path.display()))
}

fn open(path: &Path, verifier: ExportVerifier<'_>) -> Result<Verified, Failure> {
    if path == Path::new("-") {
        return of_lines(io::stdin().lock(), None, path, verifier);
    }
    let export = File::open(path).map_err(file(path))?;
    let length = export.metadata().ok().map(|data| data.len());
    of_lines(BufReader::with_capacity(1 << 16, export), length, path, verifier)
}

/// Verifies the export in this file for somebody who takes it in and has no key: all but who signed its digests.
pub(crate) fn without_key(path: &Path) -> Result<Verified, Failure> {
    open(path, ExportVerifier::new(None, &[]))
}

/// Verifies the lines of an export, one at a time. `length` is that of the whole, if it is known.
pub fn of_lines(
    mut export: impl BufRead,
    length: Option<u64>,
    path: &Path,
    mut verifier: ExportVerifier<'_>,
) -> Result<Verified, Failure> {
    let bar = progress::bar(length, "bytes");
    bar.set_message("verify");
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = export.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(file(path))?;
        if read == 0 {
            break;
        }
        if !text.ends_with(b"\n") && read as u64 == LONGEST_LINE {
            verifier.overlong();
            bar.inc(skip_line(&mut export).map_err(file(path))?);
        } else {
            verifier.line(&text);
        }
        bar.inc(read as u64);
    }
    bar.finish_and_clear();
    Ok(verifier.finish())
}

/// Passes over the rest of a line, without holding it. How long that was.
fn skip_line(export: &mut impl BufRead) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let some = export.fill_buf()?;
        if some.is_empty() {
            return Ok(passed);
        }
        let end = some.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(some.len(), |end| end + 1);
        export.consume(taken);
        passed += taken as u64;
        if end.is_some() {
            return Ok(passed);
        }
    }
}
