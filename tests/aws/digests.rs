//! Digests: the function takes them, locks them in their bucket, and an export is verified with them and the public key alone.

use std::fs;

use muster_domain::user::Role;
use muster_tests::server::command;
use serde_json::{Value, json};

use crate::deployment::{ACCOUNT, Deployment, PREFIX, muster, report, told};

/// The public key of the stage's digests, and an export, in files of this directory.
fn taken_away(dir: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (key, export) = (dir.join("key.pem"), dir.join("export.jsonl"));
    let public = muster(&["digest", "public-key"]);
    assert!(public.status.success(), "{}", String::from_utf8_lossy(&public.stderr));
    fs::write(&key, public.stdout).unwrap();
    let exported = muster(&["export", "--out", export.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    (key, export)
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn the_function_takes_a_digest_locks_it_in_its_bucket_and_an_event_is_proven_by_it() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let task = report(&admin.client, &json!({ "title": "Fix the door" })).await;
    let invoked = format!("/2015-03-31/functions/{}/invocations", aws.output("DigesterName"));
    let answer = aws.call("lambda", "POST", &invoked, &[], "{}").await;
    assert!(!answer.contains("errorMessage"), "{answer}");

    let dir = tempfile::tempdir().unwrap();
    let (key, export) = taken_away(dir.path());
    let verify = command(&["verify", "--json", "--export"]).arg(&export).arg("--key").arg(&key).output().unwrap();
    let verified: Value = serde_json::from_slice(&verify.stdout).unwrap();
    // Other tests damage histories of their own.
    let about_task = |finding: &Value| finding["stream"] == json!(format!("task#{task}"));
    assert!(!verified["findings"].as_array().unwrap().iter().any(about_task), "{verified}");
    let last = verified["last_digest"]["sequence"].as_u64().expect("a digest");

    let bucket = format!("{PREFIX}digests-{ACCOUNT}-us-east-1");
    let locked = aws.call("s3", "GET", &format!("/{bucket}/digests/{last:012}.json"), &[], "").await;
    let locked: Value = serde_json::from_str(&locked).unwrap();
    assert_eq!(locked["sequence"], last);

    let proof = dir.path().join("proof.json");
    fs::write(&proof, told(&["prove", &format!("task#{task}#1")]).to_string()).unwrap();
    let proven = command(&["verify", "--json", "--proof"]).arg(&proof).arg("--key").arg(&key).output().unwrap();
    let proven: Value = serde_json::from_slice(&proven.stdout).unwrap();
    assert_eq!(proven["event"]["type"], "TaskCreated");
}
