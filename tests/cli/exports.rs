//! Exports and proofs, verified with nothing but the public key.

use std::fs;
use std::path::Path;

use muster_tests::server::{Server, command, output};
use serde_json::Value;

use crate::support::{kept_key, log_in, new_task};

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
