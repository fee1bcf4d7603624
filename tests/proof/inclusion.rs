//! Proofs of single events: what they prove, and that a changed one proves nothing.

use std::fs;

use muster_domain::proof::inclusion::NotProven;
use muster_domain::proof::key::NotAKey;
use muster_domain::proof::{DigestKeys, InclusionProof};
use muster_handlers::digests::{ProofError, prove};
use serde_json::{Value, json};

use crate::python;
use crate::sample::{Store, name, task};

async fn proof(store: &Store, number: u128, version: u64) -> Result<InclusionProof, ProofError> {
    prove(&store.system.events, &store.system.digests, &task(number).into(), version).await
}

/// Five tasks; the first has 4 events, of which a digest holds the first and the third as heads.
async fn store() -> Store {
    let store = Store::new().await;
    for number in 1..=5 {
        store.create(number).await;
    }
    store.digest().await;
    store.rename(1, "Fix the door").await;
    store.rename(1, "Fix the back door").await;
    store.rename(3, "Fix the roof").await;
    store.digest().await;
    store.rename(1, "Fix the front door").await;
    store
}

#[tokio::test]
async fn every_event_under_a_digest_is_proven_by_the_first_one_after_it() {
    let store = store().await;
    for (number, version, digest, commits) in
        [(1, 1, 1, 1), (1, 2, 2, 2), (1, 3, 2, 1), (2, 1, 1, 1), (3, 2, 2, 1), (5, 1, 1, 1)]
    {
        let proof = proof(&store, number, version).await.unwrap();
        assert_eq!(proof.commits.len(), commits, "as few as lead to the head");
        let proven = proof.verify(&store.keys()).unwrap();
        assert_eq!((proven.digest, proven.event.version), (digest, version));
        assert_eq!(proven.event.stream.to_string(), name(number));
        let read: InclusionProof = serde_json::from_str(&serde_json::to_string(&proof).unwrap()).unwrap();
        assert_eq!(read, proof, "it survives its file");
    }
}

#[tokio::test]
async fn what_no_digest_holds_and_what_is_not_there_is_not_proven() {
    let store = store().await;
    assert!(matches!(proof(&store, 1, 4).await, Err(ProofError::NotYet)));
    for (number, version) in [(1, 5), (1, 0), (6, 1)] {
        assert!(matches!(proof(&store, number, version).await, Err(ProofError::NoSuchEvent { .. })));
    }
    store.digest().await;
    assert_eq!(proof(&store, 1, 4).await.unwrap().digest.sequence, 3);
}

/// A change of a proof, and what it is refused with.
type Change = (&'static str, fn(&mut Value), NotProven);

const CHANGES: &[Change] = &[
    ("the format", |proof| proof["format"] = json!("muster-proof-2"), NotProven::Format),
    ("the version", |proof| proof["version"] = json!(3), NotProven::Event),
    ("the id", |proof| proof["event_id"] = json!("00000000-0000-0000-0000-000000000000"), NotProven::Event),
    ("the history", |proof| proof["stream"] = json!(name(2)), NotProven::Event),
    ("no commit", |proof| proof["commits"] = json!([]), NotProven::Event),
    (
        "the event",
        |proof| proof["commits"][0]["events"][0]["data"]["title"] = json!("Fix nothing"),
        NotProven::Commit { version: 2 },
    ),
    (
        "a later event",
        |proof| proof["commits"][1]["events"][0]["data"]["title"] = json!("Fix nothing"),
        NotProven::Commit { version: 3 },
    ),
    ("no commit among them", |proof| proof["commits"].as_array_mut().unwrap().push(json!(null)), NotProven::Format),
    ("the head is left out", |proof| drop(proof["commits"].as_array_mut().unwrap().pop()), NotProven::Path),
    ("the place", |proof| proof["index"] = json!(1), NotProven::Path),
    ("the path", |proof| proof["path"][0] = json!("0".repeat(64)), NotProven::Path),
    ("no path", |proof| proof["path"] = json!([]), NotProven::Path),
    ("the root", |proof| proof["digest"]["root"] = json!("0".repeat(64)), NotProven::Path),
    ("the number of leaves", |proof| proof["digest"]["leaves"] = json!(1), NotProven::Path),
    ("the time", |proof| proof["digest"]["taken_at"] = json!("2026-03-02T08:00:00Z"), NotProven::Signature),
    ("the place of the digest", |proof| proof["digest"]["sequence"] = json!(9), NotProven::Signature),
    ("the key", |proof| proof["digest"]["key"] = json!("another"), NotProven::Signature),
    ("the signature", |proof| proof["digest"]["signature"] = json!("AAAA"), NotProven::Signature),
];

#[tokio::test]
async fn a_changed_proof_proves_nothing() {
    let store = store().await;
    let good = serde_json::to_value(proof(&store, 1, 2).await.unwrap()).unwrap();
    for (what, change, expected) in CHANGES {
        let mut changed = good.clone();
        change(&mut changed);
        match serde_json::from_value::<InclusionProof>(changed) {
            Ok(proof) => assert_eq!(proof.verify(&store.keys()), Err(*expected), "{what}"),
            Err(_) => assert_eq!(*what, "no commit among them", "what is no proof is not read"),
        }
    }
}

/// What makes something of a proof that is none.
type Misshape = (&'static str, fn(&mut Value));

const SHAPES: &[Misshape] = &[
    ("a member that a proof does not have", |proof| proof["note"] = json!("good")),
    ("a member that a commit does not have", |proof| proof["commits"][0]["note"] = json!("good")),
    ("a member that an event does not have", |proof| proof["commits"][0]["events"][0]["note"] = json!("good")),
    ("a member that a digest does not have", |proof| proof["digest"]["note"] = json!("good")),
    ("a member that is missing", |proof| drop(proof.as_object_mut().unwrap().remove("path"))),
    ("a negative place", |proof| proof["index"] = json!(-1)),
    ("a place that is no number", |proof| proof["index"] = json!(false)),
    ("a version that is none", |proof| proof["version"] = json!(2.0)),
    ("a negative number of leaves", |proof| proof["digest"]["leaves"] = json!(-5)),
    ("a path that is none", |proof| proof["path"] = json!({})),
    ("a hash in capitals", |proof| {
        let capitals = proof["commits"][0]["prev_hash"].as_str().unwrap().to_uppercase();
        proof["commits"][0]["prev_hash"] = json!(capitals);
    }),
    ("an id in capitals", |proof| {
        let capitals = proof["event_id"].as_str().unwrap().to_uppercase();
        proof["event_id"] = json!(capitals);
    }),
    ("a list", |proof| *proof = json!([])),
];

/// What is done to the text of a proof, where its value would not show it.
type Miswriting = (&'static str, fn(&str) -> String);

const TEXTS: &[Miswriting] = &[
    ("a place that is minus nothing", |proof| proof.replace("\"index\":0,", "\"index\":-0,")),
    ("a place with a fraction", |proof| proof.replace("\"index\":0,", "\"index\":0.0,")),
    ("an event that lies too deep", |proof| {
        let deep = format!("\"data\":{{\"deep\":{}{},", "[".repeat(123), "]".repeat(123));
        proof.replacen("\"data\":{", &deep, 1)
    }),
];

#[tokio::test]
async fn what_is_not_exactly_a_proof_is_not_read_as_one() {
    let store = store().await;
    let good = serde_json::to_value(proof(&store, 1, 2).await.unwrap()).unwrap();
    let read = InclusionProof::read(good.to_string().as_bytes()).unwrap();
    assert_eq!(read.verify(&store.keys()).unwrap().event.version, 2);
    for (what, change) in SHAPES {
        let mut changed = good.clone();
        change(&mut changed);
        assert_ne!(changed, good, "{what}");
        let read = InclusionProof::read(changed.to_string().as_bytes());
        assert!(read.is_err(), "{what}: {read:?}");
    }
    for (what, change) in TEXTS {
        let changed = change(&good.to_string());
        assert_ne!(changed, good.to_string(), "{what}");
        let read = InclusionProof::read(changed.as_bytes());
        assert!(read.is_err(), "{what}: {read:?}");
    }
}

#[tokio::test]
async fn a_proof_is_good_with_the_key_of_its_digest_alone() {
    let (store, other) = (store().await, Store::new().await);
    let proof = proof(&store, 2, 1).await.unwrap();
    assert_eq!(proof.verify(&other.keys()), Err(NotProven::Signature));
    let both = DigestKeys::from_pem(&[other.keys().to_pem(), store.keys().to_pem()].concat()).unwrap();
    assert_eq!(proof.verify(&both).unwrap().digest, 1);
}

#[tokio::test]
#[ignore = "needs Python: cargo xtask proof"]
async fn the_other_verifier_says_the_same_of_proofs_and_has_exit_codes() {
    let store = store().await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("key.pem"), store.keys().to_pem()).unwrap();
    let good = serde_json::to_value(proof(&store, 1, 2).await.unwrap()).unwrap();
    let ask = |proof: &str| {
        fs::write(at("proof.json"), proof).unwrap();
        let said = python::script(&["--proof", &at("proof.json"), "--key", &at("key.pem")]);
        (said.status.code(), String::from_utf8(said.stdout).unwrap())
    };
    assert_eq!(ask(&good.to_string()), (Some(0), "proven\n".to_owned()));
    let changes = CHANGES.iter().map(|(what, change, _)| (*what, *change));
    for (what, change) in changes.chain(SHAPES.iter().copied()) {
        let mut proof = good.clone();
        change(&mut proof);
        let (code, said) = ask(&proof.to_string());
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.starts_with("NOT PROVEN  "), "{what}: {said}");
    }
    for (what, change) in TEXTS {
        let (code, said) = ask(&change(&good.to_string()));
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.starts_with("NOT PROVEN  not a proof: "), "{what}: {said}");
    }

    let mut export = store.export().await;
    fs::write(at("export.jsonl"), &export).unwrap();
    let whole = python::script(&["--export", &at("export.jsonl"), "--key", &at("key.pem")]);
    let counted = "9 events in 9 commits of 5 streams, 2 digests\n";
    let listed = format!("UNDIGESTED  {}  from version 4\n", name(1));
    assert_eq!(String::from_utf8(whole.stdout).unwrap(), [&listed, counted].concat());
    assert_eq!(whole.status.code(), Some(0));
    let complete = python::script(&["--complete", "--export", &at("export.jsonl"), "--key", &at("key.pem")]);
    assert_eq!(complete.status.code(), Some(1));
    let said = String::from_utf8(complete.stdout).unwrap();
    assert!(said.starts_with("TAMPERED  line ") && said.contains("  undigested  "), "{said}");
    let middle = export.len() / 2;
    export.truncate(middle);
    fs::write(at("export.jsonl"), &export).unwrap();
    let cut = python::script(&["--export", &at("export.jsonl"), "--key", &at("key.pem")]);
    assert_eq!(cut.status.code(), Some(1));
}

/// A public key of another curve: P-384.
const OTHER_CURVE: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEOJUnHhx2nm0DhZbQQt8XkgaSE9RuWyre
UcDrxaredbkUM1aAPvW2kbjFHMssdVHeRod6rak2bYW+XhyJxCtHWWhM8RjQexLP
1NYX/E+Q1DtPNH0EbWN5v3qCPGdBbE67
-----END PUBLIC KEY-----
";

#[test]
fn a_key_of_another_curve_is_none() {
    assert_eq!(DigestKeys::from_pem(OTHER_CURVE), Err(NotAKey));
}

#[tokio::test]
#[ignore = "needs Python: cargo xtask proof"]
async fn the_other_verifier_says_in_one_line_what_it_cannot_use_and_reads_keys_with_any_text_between_them() {
    let store = store().await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("proof.json"), serde_json::to_string(&proof(&store, 1, 2).await.unwrap()).unwrap()).unwrap();
    let pem = store.keys().to_pem();
    let between: [&[u8]; 2] = ["# Schlüssel\n".as_bytes(), b"# Schl\xfcssel\n"];
    for text in between {
        fs::write(at("key.pem"), [text, pem.as_bytes(), text].concat()).unwrap();
        let said = python::script(&["--proof", &at("proof.json"), "--key", &at("key.pem")]);
        assert_eq!(String::from_utf8(said.stdout).unwrap(), "proven\n");
    }
    fs::write(at("other.pem"), OTHER_CURVE).unwrap();
    fs::write(at("none.pem"), "no key").unwrap();
    for arguments in [
        ["--proof", &at("proof.json"), "--key", &at("other.pem")],
        ["--proof", &at("proof.json"), "--key", &at("none.pem")],
        ["--proof", &at("proof.json"), "--key", &at("missing.pem")],
        ["--proof", &at("missing.json"), "--key", &at("key.pem")],
        ["--export", &at("missing.jsonl"), "--key", &at("key.pem")],
    ] {
        let said = python::script(&arguments);
        let told = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(2), "{told}");
        assert_eq!((told.lines().count(), said.stdout.len()), (1, 0), "{told}");
        assert!(told.starts_with("verify_export.py: "), "{told}");
    }
}
