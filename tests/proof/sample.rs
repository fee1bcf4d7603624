//! An export of a small store of which digests were taken, and what an attacker does to its lines.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use muster_cli::operate::export;
use muster_cli::operate::verify_export::of_lines;
use muster_cli::system::System;
use muster_commands::ExpectedVersion;
use muster_domain::personal::KEY_BYTES;
use muster_domain::proof::canonical::{canonical, sha256};
use muster_domain::proof::merkle::{MerkleTree, leaf_hash};
use muster_domain::proof::{DigestKey, DigestKeys, ExportVerifier, SignedDigest, Verified};
use muster_domain::task::{CreateTask, Task, TaskCommand, UpdateTask};
use muster_domain::{Actor, CommandId, Fingerprint, Metadata, StreamId, TaskId};
use muster_embedded::Engine;
use muster_handlers::clock::SystemClock;
use muster_handlers::digests::{Digester, Outcome, Taken};
use muster_identity::{SigningKey, TokenSigner as _};
use muster_vault::LocalMaster;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A store in memory, and who takes its digests.
pub(crate) struct Store {
    pub(crate) system: System,
    pub(crate) digester: Digester,
    key: DigestKey,
    _engine: Engine,
}

/// The task of this number.
pub(crate) fn task(number: u128) -> TaskId {
    TaskId(Uuid::from_u128(number))
}

/// Its history's name.
pub(crate) fn name(number: u128) -> String {
    StreamId::from(task(number)).to_string()
}

impl Store {
    pub(crate) async fn new() -> Self {
        let engine = Engine::memory().unwrap();
        let master = Arc::new(LocalMaster::new([1; KEY_BYTES].into()));
        let system = System::over(engine.client(), master).await.unwrap();
        let signer = SigningKey::generate().unwrap();
        let key = DigestKey::from_point(signer.public_key().point()).unwrap();
        let digester = Digester {
            reader: Arc::new(system.events.clone()),
            table: system.digests.clone(),
            signer: Arc::new(signer),
            clock: Arc::new(SystemClock),
            archive: None,
            segments: 1,
        };
        Self { system, digester, key, _engine: engine }
    }

    pub(crate) fn keys(&self) -> DigestKeys {
        [self.key].into_iter().collect()
    }

    pub(crate) async fn create(&self, number: u128) {
        let create = CreateTask::new(format!("Fix door {number}").parse().unwrap(), at());
        self.execute(number, TaskCommand::Create(create)).await;
    }

    /// Calls a task otherwise.
    pub(crate) async fn rename(&self, number: u128, title: &str) {
        let update = UpdateTask { title: Some(title.parse().unwrap()), ..UpdateTask::at(at()) };
        self.execute(number, TaskCommand::Update(update)).await;
    }

    async fn execute(&self, number: u128, command: TaskCommand) {
        let metadata = Metadata {
            command_id: CommandId(Uuid::new_v4()),
            fingerprint: Fingerprint::of("test", &()),
            actor: Actor::system("test"),
            at: at(),
            correlation_id: "Prüfung \"1\"".to_owned(),
            causation_id: None,
        };
        let commands = &self.system.commands;
        commands.execute::<Task>(task(number).0, command, ExpectedVersion::Any, &metadata).await.unwrap();
    }

    pub(crate) async fn digest(&self) -> SignedDigest {
        let Outcome::Taken(Taken { digest, contradictions }) = self.digester.take().await.unwrap() else {
            panic!("nobody else takes one")
        };
        assert_eq!(contradictions, []);
        digest
    }

    pub(crate) async fn export(&self) -> Vec<u8> {
        self.write(false).await
    }

    /// As one that took its digest writes it.
    pub(crate) async fn complete_export(&self) -> Vec<u8> {
        self.write(true).await
    }

    async fn write(&self, complete: bool) -> Vec<u8> {
        let mut text = Vec::new();
        export::write(&self.system, complete, &mut text).await.unwrap();
        text
    }
}

fn at() -> chrono::DateTime<chrono::Utc> {
    "2026-03-02T08:00:00.25Z".parse().unwrap()
}

/// An export with the public key that it is verified with.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) lines: Vec<Value>,
    pub(crate) keys: DigestKeys,
    pub(crate) pem: String,
}

/// Three digests over four histories. Task 1 has 5 events: its heads at 1, 2 and 4 are under digests 1, 2 and 3, and its last event is
/// under none. Task 2 has the heads 1 and 3 under digests 1 and 2, task 3 the heads 1 and 2 under 1 and 3, task 4 the head 1 under 3.
pub(crate) async fn sample() -> Sample {
    static SAMPLE: OnceCell<Sample> = OnceCell::const_new();
    SAMPLE.get_or_init(make).await.clone()
}

async fn make() -> Sample {
    let store = Store::new().await;
    for number in [1, 2, 3] {
        store.create(number).await;
    }
    store.digest().await;
    store.rename(1, "Fix the door").await;
    store.rename(2, "Fix the roof").await;
    store.rename(2, "Fix the old roof").await;
    store.digest().await;
    store.rename(1, "Fix the back door").await;
    store.rename(1, "Fix the front door").await;
    store.rename(3, "Fix the lift").await;
    store.create(4).await;
    store.digest().await;
    store.rename(1, "Fix every door").await;
    Sample::of(&store.export().await, store.keys(), store.key.to_pem())
}

impl Sample {
    fn of(export: &[u8], keys: DigestKeys, pem: String) -> Self {
        let lines = export.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Self { lines: lines.map(|line| serde_json::from_slice(line).unwrap()).collect(), keys, pem }
    }

    /// A smaller one: two histories, two digests.
    pub(crate) async fn small() -> Self {
        let store = Store::new().await;
        store.create(1).await;
        store.digest().await;
        store.create(2).await;
        store.rename(1, "Fix the door").await;
        store.digest().await;
        Self::of(&store.export().await, store.keys(), store.key.to_pem())
    }

    /// The export, with a last line that fits it: whoever can change the lines can do that.
    pub(crate) fn export(&self) -> Vec<u8> {
        let mut sample = self.clone();
        if sample.lines.last().is_some_and(|line| line.get("end").is_some()) {
            sample.fit_end();
        }
        sample.text()
    }

    /// The export as it is.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| [canonical(line).unwrap(), vec![b'\n']].concat()).collect()
    }

    fn fit_end(&mut self) {
        self.lines.pop();
        let of = |kind: &str| self.lines.iter().filter_map(|line| line.get(kind)).collect::<Vec<_>>();
        let commits = of("commit");
        let mut streams: Vec<_> = commits.iter().map(|commit| commit["stream"]["id"].as_str()).collect();
        streams.dedup();
        let end = json!({ "end": {
            "commits": commits.len(),
            "digests": of("digest").len(),
            "events": commits.iter().map(|commit| commit["events"].as_array().map_or(0, Vec::len)).sum::<usize>(),
            "leaves": of("leaf").len(),
            "sha256": sha256(&self.text()),
            "streams": streams.len(),
        } });
        self.lines.push(end);
    }

    /// Where the commit of a task is that begins at this version.
    pub(crate) fn commit(&self, number: u128, version: u64) -> usize {
        let id = task(number).0.to_string();
        let is = |line: &Value| line["commit"]["stream"]["id"] == id.as_str() && line["commit"]["version"] == version;
        self.lines.iter().position(is).expect("a commit")
    }

    /// Where the head of a task is that a digest holds.
    pub(crate) fn leaf(&self, number: u128, digest: u64) -> usize {
        let is = |line: &Value| line["leaf"]["stream"] == name(number).as_str() && line["leaf"]["digest"] == digest;
        self.lines.iter().position(is).expect("a leaf")
    }

    pub(crate) fn digest(&self, sequence: u64) -> usize {
        self.lines.iter().position(|line| line["digest"]["sequence"] == sequence).expect("a digest")
    }

    pub(crate) fn kept(&self, sequence: u64) -> SignedDigest {
        serde_json::from_value(self.lines[self.digest(sequence)]["digest"].clone()).unwrap()
    }

    /// Takes out every line of this kind that this holds for.
    pub(crate) fn take_out(&mut self, kind: &str, which: impl Fn(&Value) -> bool) {
        self.lines.retain(|line| line.get(kind).is_none_or(|content| !which(content)));
    }

    /// Says of itself that everything in it is under a digest.
    pub(crate) fn say_complete(&mut self) {
        self.lines[0]["header"]["complete"] = json!(true);
    }

    /// Adds an event to the end of a task's history, with hashes that fit.
    pub(crate) fn add_event(&mut self, number: u128) {
        let id = task(number).0.to_string();
        let of_task = |line: &Value| line["commit"]["stream"]["id"] == id.as_str();
        let last = self.lines.iter().rposition(of_task).expect("a commit");
        let leaves = self.lines[last + 1..].iter().take_while(|line| line.get("leaf").is_some()).count();
        self.lines.insert(last + 1 + leaves, self.lines[last].clone());
        self.chain_anew(number);
    }

    /// Adds so many digests over nothing, which follow one another and which nobody has signed.
    pub(crate) fn add_digests(&mut self, count: u64) {
        let end = self.lines.pop().expect("an end");
        for _ in 0..count {
            let mut last = self.lines.last().expect("a digest")["digest"].clone();
            last.as_object_mut().unwrap().remove("signature");
            let previous = sha256(&canonical(&last).unwrap());
            let sequence = last["sequence"].as_u64().unwrap() + 1;
            self.lines.push(json!({ "digest": {
                "format": "muster-digest-1",
                "key": last["key"],
                "leaves": 0,
                "previous": previous,
                "root": sha256(b""),
                "sequence": sequence,
                "signature": "AAAA",
                "taken_at": last["taken_at"],
            } }));
        }
        self.lines.push(end);
    }

    /// Gives the commits of a task versions without gaps, and hashes that fit.
    pub(crate) fn chain_anew(&mut self, number: u128) {
        let id = task(number).0.to_string();
        let (mut version, mut head) = (1, json!("0".repeat(64)));
        for line in &mut self.lines {
            if line["commit"]["stream"]["id"] != id.as_str() {
                continue;
            }
            let commit = &mut line["commit"];
            commit["version"] = json!(version);
            commit["prev_hash"] = head.clone();
            seal(commit);
            head = commit["hash"].clone();
            version += commit["events"].as_array().unwrap().len();
        }
    }

    /// Gives the heads of a digest places without gaps, and the digest the root of their tree: all that can be done without the key.
    pub(crate) fn grow_anew(&mut self, sequence: u64) {
        let mut tree = MerkleTree::default();
        for line in &mut self.lines {
            if line["leaf"]["digest"] == sequence {
                let leaf = &mut line["leaf"];
                leaf["index"] = json!(tree.leaves());
                let hashed = json!({ "hash": leaf["hash"], "stream": leaf["stream"], "version": leaf["version"] });
                tree.push(leaf_hash(&canonical(&hashed).unwrap()));
            }
        }
        let at = self.digest(sequence);
        self.lines[at]["digest"]["leaves"] = json!(tree.leaves());
        self.lines[at]["digest"]["root"] = json!(tree.root());
    }

    /// Chains all digests anew and signs them with another key.
    pub(crate) async fn sign_anew(&mut self) {
        let signer = SigningKey::generate().unwrap();
        let mut previous = json!("0".repeat(64));
        for line in self.lines.iter_mut().filter(|line| line.get("digest").is_some()) {
            let digest = &mut line["digest"];
            digest["previous"] = previous;
            digest["key"] = json!(DigestKey::from_point(signer.public_key().point()).unwrap().name());
            digest.as_object_mut().unwrap().remove("signature");
            let message = canonical(digest).unwrap();
            previous = json!(sha256(&message));
            digest["signature"] = json!(BASE64_URL_SAFE_NO_PAD.encode(signer.sign(&message).await.unwrap()));
        }
    }
}

/// Gives a commit the hash of its content.
pub(crate) fn seal(commit: &mut Value) {
    let content = commit.as_object_mut().unwrap();
    content.remove("hash");
    let previous: muster_domain::Hash = content.remove("prev_hash").unwrap().as_str().unwrap().parse().unwrap();
    let hash = sha256(&[&previous.as_bytes()[..], &canonical(&content).unwrap()].concat());
    content.insert("hash".to_owned(), json!(hash));
    content.insert("prev_hash".to_owned(), json!(previous));
}

/// What the program says of an export.
pub(crate) fn verify(export: &[u8], keys: &DigestKeys, kept: &[SignedDigest]) -> Verified {
    verify_with(ExportVerifier::new(Some(keys), kept), export)
}

/// What it says when every event must be under a digest.
pub(crate) fn verify_complete(export: &[u8], keys: &DigestKeys) -> Verified {
    verify_with(ExportVerifier::new(Some(keys), &[]).complete(), export)
}

/// What it says to somebody who has no key.
pub(crate) fn verify_without_key(export: &[u8]) -> Verified {
    verify_with(ExportVerifier::new(None, &[]), export)
}

fn verify_with(verifier: ExportVerifier<'_>, export: &[u8]) -> Verified {
    of_lines(export, Some(export.len() as u64), Path::new("export.jsonl"), verifier).unwrap()
}
