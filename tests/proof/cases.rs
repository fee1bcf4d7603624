//! The table: what is done to an export, and what is found. Everything that can be made to fit without the key is made to fit.

mod digests;
mod events;
mod histories;
mod leaves;
mod lines;
mod under_no_digest;

use muster_domain::proof::{SignedDigest, Verified};
use serde_json::{Value, json};

use crate::python::{self, Asked};
use crate::sample::{Sample, name, sample, verify, verify_complete};

/// What is found: the code, the history by the number of its task, the version, the digest.
type Found = (&'static str, Option<u128>, Option<u64>, Option<u64>);

/// One row of the table.
struct Case {
    name: &'static str,
    export: Vec<u8>,
    /// Digests that the auditor kept.
    kept: Vec<SignedDigest>,
    /// Every event must be under a digest.
    complete: bool,
    expected: Vec<Found>,
}

impl Case {
    fn verified(&self, sample: &Sample) -> Verified {
        if self.complete {
            verify_complete(&self.export, &sample.keys)
        } else {
            verify(&self.export, &sample.keys, &self.kept)
        }
    }
}

fn history(code: &'static str, number: u128, version: u64) -> Found {
    (code, Some(number), Some(version), None)
}

fn by_digest(code: &'static str, number: u128, version: u64, digest: u64) -> Found {
    (code, Some(number), Some(version), Some(digest))
}

fn digest(code: &'static str, sequence: u64) -> Found {
    (code, None, None, Some(sequence))
}

fn line(code: &'static str) -> Found {
    (code, None, None, None)
}

struct Table {
    sample: Sample,
    cases: Vec<Case>,
}

impl Table {
    /// An export in which this was done, and what is found then.
    fn when(&mut self, name: &'static str, done: impl FnOnce(&mut Sample), expected: &[Found]) {
        self.when_kept(name, Vec::new(), done, expected);
    }

    fn when_kept(
        &mut self,
        name: &'static str,
        kept: Vec<SignedDigest>,
        done: impl FnOnce(&mut Sample),
        expected: &[Found],
    ) {
        let mut sample = self.sample.clone();
        done(&mut sample);
        self.cases.push(Case { name, export: sample.export(), kept, complete: false, expected: expected.to_vec() });
    }

    /// The same, and every event must be under a digest.
    fn when_complete(&mut self, name: &'static str, done: impl FnOnce(&mut Sample), expected: &[Found]) {
        self.when(name, done, expected);
        self.cases.last_mut().unwrap().complete = true;
    }

    /// An export whose bytes were changed so.
    fn when_bytes(&mut self, name: &'static str, done: impl FnOnce(Vec<u8>) -> Vec<u8>, expected: &[Found]) {
        let export = done(self.sample.export());
        self.cases.push(Case { name, export, kept: Vec::new(), complete: false, expected: expected.to_vec() });
    }
}

fn retitle(commit: &mut Value) {
    commit["commit"]["events"][0]["data"]["title"] = json!("Fix nothing");
}

/// Writes a history anew, and the head that a digest holds of it.
fn write_anew(export: &mut Sample) {
    let at = export.commit(3, 2);
    retitle(&mut export.lines[at]);
    export.chain_anew(3);
    let (hash, leaf) = (export.lines[at]["commit"]["hash"].clone(), export.leaf(3, 3));
    export.lines[leaf]["leaf"]["hash"] = hash;
}

/// Every row.
async fn table() -> (Sample, Vec<Case>) {
    let sample = sample().await;
    let mut table = Table { sample: sample.clone(), cases: Vec::new() };
    events::rows(&mut table);
    histories::rows(&mut table);
    under_no_digest::rows(&mut table);
    leaves::rows(&mut table);
    digests::rows(&mut table).await;
    lines::rows(&mut table);
    (sample, table.cases)
}

/// What was found, as far as the two verifiers say the same.
pub(crate) fn summary(verified: &Value) -> Vec<String> {
    let mut found: Vec<String> = verified["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| json!([found["code"], found["stream"], found["version"], found["digest"]]).to_string())
        .collect();
    found.sort();
    found
}

fn expected(case: &Case) -> Vec<String> {
    let mut found: Vec<String> = case
        .expected
        .iter()
        .map(|(code, number, version, digest)| json!([code, number.map(name), version, digest]).to_string())
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn everything_that_is_done_to_an_export_is_found_and_named() {
    let (sample, cases) = table().await;
    for case in &cases {
        let verified = case.verified(&sample);
        let found = summary(&serde_json::to_value(&verified).unwrap());
        assert_eq!(found, expected(case), "{}: {verified:#?}", case.name);
    }
}

#[tokio::test]
#[ignore = "needs Python: cargo xtask proof"]
async fn the_other_verifier_says_the_same_of_every_case() {
    let (sample, cases) = table().await;
    let asked = |case: &Case| Asked { export: case.export.clone(), kept: case.kept.clone(), complete: case.complete };
    let exports: Vec<_> = cases.iter().map(asked).collect();
    let said = python::verify_all(&sample.pem, &exports);
    for (case, said) in cases.iter().zip(said) {
        assert_eq!(summary(&said), expected(case), "{}: {said:#}", case.name);
        let ours = serde_json::to_value(case.verified(&sample)).unwrap();
        for of in SAME {
            assert_eq!(said[of], ours[of], "{}: {of}", case.name);
        }
    }
}

/// What both verifiers say in the same words.
pub(crate) const SAME: [&str; 11] = [
    "streams",
    "commits",
    "events",
    "undigested",
    "undigested_histories",
    "more_undigested",
    "complete",
    "digests",
    "leaves",
    "last_digest",
    "more_findings",
];
