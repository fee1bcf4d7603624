//! Exports and proofs, verified with nothing but the public key.

use std::ffi::OsString;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{fs, io, thread};

use muster_tests::server::{Server, command, output, run};
use serde_json::Value;

use crate::support::{kept_key, log_in, new_task, refused};

#[tokio::test]
async fn an_empty_export_does_not_verify() {
    let server = Server::start().await;
    output(&server.data(), &["export"]);
    let (key, empty) = (kept_key(&server), tempfile::NamedTempFile::new().unwrap());
    let verify = command(&["verify", "--export"]).arg(empty.path()).arg("--key").arg(&key).output().unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains("the last line is missing: the export was cut off"), "{said}");
    assert!(said.contains("there is no digest: that nothing is missing cannot be shown"), "{said}");
    let without_key = command(&["verify", "--export"]).arg(empty.path()).output().unwrap();
    assert_eq!(without_key.status.code(), Some(2), "an export is verified with a key");
}

#[tokio::test]
async fn an_export_with_a_changed_line_does_not_verify() {
    let server = Server::start().await;
    let id = new_task(&log_in(&server).await, "Fix the door").await;
    let export = server.data().with_file_name("export.jsonl");
    let forged = output(&server.data(), &["export"]).replace("Fix the door", "Fix the roof");
    fs::write(&export, forged).unwrap();

    let key = kept_key(&server);
    let verify = command(&["verify", "--export"]).arg(&export).arg("--key").arg(&key).output().unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains(&format!("TAMPERED  task#{id}  version 1: ")), "{said}");
}

#[tokio::test]
async fn an_event_is_proven_to_whoever_has_the_key_and_a_digest_that_was_kept_must_be_there() {
    let server = Server::start().await;
    let id = new_task(&log_in(&server).await, "Fix the door").await;
    let (data, beside) = (server.data(), |name: &str| server.data().with_file_name(name));
    let proof = beside("proof.json");
    output(&data, &["prove", &format!("task#{id}#1"), "--out", proof.to_str().unwrap()]);
    let key = kept_key(&server);
    let verify = |what: &str, file: &Path| {
        command(&["verify", "--json", what]).arg(file).arg("--key").arg(&key).output().unwrap()
    };

    let proven: Value = serde_json::from_slice(&verify("--proof", &proof).stdout).unwrap();
    assert_eq!(proven["event"]["type"], "TaskCreated");
    let pem = fs::read(&key).unwrap();
    fs::write(&key, [b"# Schl\xfcssel\n", pem.as_slice()].concat()).unwrap();
    assert_eq!(verify("--proof", &proof).status.code(), Some(0), "what stands beside a key does not matter");
    let by_id = output(&data, &["prove", proven["event"]["event_id"].as_str().unwrap()]);
    assert_eq!(by_id.trim_end(), fs::read_to_string(&proof).unwrap(), "by its id, too");
    fs::write(&proof, fs::read_to_string(&proof).unwrap().replace("Fix the door", "Fix the roof")).unwrap();
    let not_proven = |code: &str, reason: &str| {
        let verify = verify("--proof", &proof);
        let said = String::from_utf8(verify.stderr).unwrap();
        assert_eq!((verify.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.starts_with(&format!("muster: NOT PROVEN: {reason}")), "{said}");
        let found: Value = serde_json::from_slice(&verify.stdout).unwrap();
        assert_eq!(found["findings"][0]["code"], code, "{found}");
        assert!(found["findings"][0]["reason"].as_str().unwrap().starts_with(reason), "{found}");
    };
    not_proven("commit", "the commit at version 1 was changed");
    fs::write(&proof, "{}").unwrap();
    not_proven("malformed", "it is not a proof: ");

    let export = beside("export.jsonl");
    output(&data, &["export", "--out", export.to_str().unwrap()]);
    let kept = beside("kept.json");
    fs::write(&kept, output(&data, &["digest", "take"])).unwrap();
    let verify = command(&["verify", "--export"]).arg(&export).arg("--key").arg(&key).arg("--kept").arg(&kept).output();
    let verify = verify.unwrap();
    assert_eq!(verify.status.code(), Some(1), "it was taken after the export");
    let said = String::from_utf8(verify.stdout).unwrap();
    assert!(said.contains("is missing: the export ends at"), "{said}");
}

#[tokio::test]
async fn an_export_is_its_owners_alone_and_stands_where_a_link_leads() {
    let server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;
    let beside = |name: &str| server.data().with_file_name(name);
    let (link, target) = (beside("link.jsonl"), beside("target.jsonl"));
    symlink("target.jsonl", &link).unwrap();
    // There is nothing yet where it leads, and then there is.
    for _ in 0..2 {
        output(&server.data(), &["export", "--out", link.to_str().unwrap()]);
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("target.jsonl"));
        let written = fs::symlink_metadata(&target).unwrap();
        assert!(written.is_file(), "{written:?}");
        assert_eq!(written.permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), output(&server.data(), &["export"]));
    let left_over = fs::read_dir(link.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let left_over: Vec<_> = left_over.filter(|name| name.to_string_lossy().ends_with(".new")).collect();
    assert_eq!(left_over, Vec::<OsString>::new());
}

#[tokio::test]
async fn an_export_into_a_pipe_or_a_device_leaves_it_in_its_place() {
    let server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;
    let fifo = server.data().with_file_name("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = thread::spawn({
        let fifo = fifo.clone();
        move || fs::read_to_string(fifo).unwrap()
    });
    output(&server.data(), &["export", "--out", fifo.to_str().unwrap()]);
    assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo(), "it is still there");
    assert_eq!(reader.join().unwrap(), output(&server.data(), &["export"]));

    let said = refused(&run(&server.data(), &["export", "--out", "/dev/full"]));
    assert!(said.starts_with("muster: cannot use /dev/full: "), "{said}");
    assert!(fs::symlink_metadata("/dev/full").unwrap().file_type().is_char_device());
}

/// The standard output of this command is closed.
fn into_nothing(mut command: Command) -> Output {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn an_export_that_nobody_reads_to_its_end_fails_and_a_list_does_not() {
    let server = Server::start().await;
    let id = new_task(&log_in(&server).await, "Fix the door").await;
    let (keys, passphrase) = (server.data().with_file_name("all.keys"), server.data().with_file_name("passphrase"));
    fs::write(&passphrase, "correct horse battery\n").unwrap();
    let of_store = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.arg("--data").arg(server.data());
        command
    };

    let said = refused(&into_nothing(of_store(&["export"])));
    assert_eq!(said, "muster: the export is not complete: the standard output was closed before its end\n");
    let mut with_keys = of_store(&["export"]);
    with_keys.arg("--with-keys").arg(&keys).arg("--passphrase-file").arg(&passphrase);
    let said = refused(&into_nothing(with_keys));
    assert!(said.starts_with("muster: the export is not complete, and the keys are not written: "), "{said}");
    assert!(!keys.exists());

    let listed = into_nothing(of_store(&["history", &id]));
    assert_eq!((listed.status.code(), listed.stderr.as_slice()), (Some(0), b"".as_slice()));
}
