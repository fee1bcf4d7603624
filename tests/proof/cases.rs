//! The table: what is done to an export, and what is found. Everything that can be made to fit without the key is made to fit.

use muster_domain::proof::{SignedDigest, Verified};
use serde_json::{Value, json};

use crate::python::{self, Asked};
use crate::sample::{Sample, Store, name, sample, seal, verify, verify_complete, verify_without_key};

/// How long a line is that is longer than any can be.
const TOO_LONG: usize = 4 * 1024 * 1024;

/// What is found: the code, the history by the number of its task, the version, the digest.
type Found = (&'static str, Option<u128>, Option<u64>, Option<u64>);

/// One row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) export: Vec<u8>,
    /// Digests that the auditor kept.
    pub(crate) kept: Vec<SignedDigest>,
    /// Every event must be under a digest.
    pub(crate) complete: bool,
    pub(crate) expected: Vec<Found>,
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

/// Every row.
pub(crate) async fn table() -> (Sample, Vec<Case>) {
    let sample = sample().await;
    let mut table = Table { sample: sample.clone(), cases: Vec::new() };
    events(&mut table);
    histories(&mut table);
    under_no_digest(&mut table);
    leaves(&mut table);
    digests(&mut table).await;
    lines(&mut table);
    (sample, table.cases)
}

fn events(table: &mut Table) {
    table.when("nothing", |_| {}, &[]);
    table.when(
        "an event is changed",
        |export| {
            let at = export.commit(1, 2);
            retitle(&mut export.lines[at]);
        },
        &[history("changed", 1, 2)],
    );
    table.when(
        "who did it is changed",
        |export| {
            let at = export.commit(2, 1);
            export.lines[at]["commit"]["actor"]["name"] = json!("somebody");
        },
        &[history("changed", 2, 1)],
    );
    table.when(
        "when it was is changed",
        |export| {
            let at = export.commit(3, 2);
            export.lines[at]["commit"]["recorded_at"] = json!("2026-03-02T09:00:00.250Z");
        },
        &[history("changed", 3, 2)],
    );
    table.when(
        "an event is changed, and its hash with it",
        |export| {
            let at = export.commit(1, 2);
            retitle(&mut export.lines[at]);
            seal(&mut export.lines[at]["commit"]);
        },
        &[by_digest("rewritten", 1, 2, 2)],
    );
    table.when(
        "an event between two heads is changed, and its hash with it",
        |export| {
            let at = export.commit(1, 3);
            retitle(&mut export.lines[at]);
            seal(&mut export.lines[at]["commit"]);
        },
        &[history("link", 1, 4)],
    );
    table.when(
        "an event is changed, and every hash after it",
        |export| {
            let at = export.commit(1, 3);
            retitle(&mut export.lines[at]);
            export.chain_anew(1);
        },
        &[by_digest("rewritten", 1, 4, 3)],
    );
    table.when(
        "an event is removed",
        |export| {
            let at = export.commit(1, 3);
            export.lines.remove(at);
        },
        &[history("removed", 1, 3)],
    );
    table.when(
        "an event is removed, and the others are numbered and chained anew",
        |export| {
            let at = export.commit(1, 3);
            export.lines.remove(at);
            export.chain_anew(1);
        },
        &[by_digest("rewritten", 1, 4, 3)],
    );
    table.when(
        "the first event is removed",
        |export| {
            let at = export.commit(2, 1);
            export.lines.remove(at);
        },
        &[history("removed", 2, 1)],
    );
    table.when(
        "an event is inserted",
        |export| {
            let at = export.commit(2, 2);
            let mut copy = export.lines[at].clone();
            retitle(&mut copy);
            seal(&mut copy["commit"]);
            export.lines.insert(at + 1, copy);
        },
        &[history("inserted", 2, 2)],
    );
    table.when(
        "an event is inserted, and the others are numbered and chained anew",
        |export| {
            let at = export.commit(2, 2);
            let copy = export.lines[at].clone();
            export.lines.insert(at + 1, copy);
            export.chain_anew(2);
            // The head to where its version now is.
            let leaf = export.leaf(2, 2);
            export.lines.swap(leaf, leaf - 1);
        },
        &[by_digest("rewritten", 2, 3, 2)],
    );
    table.when(
        "two events change places",
        |export| {
            let (one, other) = (export.commit(1, 3), export.commit(1, 4));
            export.lines.swap(one, other);
        },
        &[history("moved", 1, 3)],
    );
    table.when(
        "two events change places, and are numbered and chained anew",
        |export| {
            let (one, other) = (export.commit(1, 3), export.commit(1, 4));
            export.lines.swap(one, other);
            export.chain_anew(1);
        },
        &[by_digest("rewritten", 1, 4, 3)],
    );
}

fn histories(table: &mut Table) {
    table.when(
        "the last events of a history are removed",
        |export| {
            let at = export.commit(2, 3);
            export.lines.remove(at);
        },
        &[by_digest("truncated", 2, 2, 2)],
    );
    table.when(
        "they are removed, and the head that a digest holds with them",
        |export| {
            let at = export.commit(2, 3);
            export.lines.drain(at..at + 2);
        },
        &[digest("leaf_removed", 2)],
    );
    table.when(
        "they are removed, and the digest is made to fit",
        |export| {
            let at = export.commit(2, 3);
            export.lines.drain(at..at + 2);
            export.grow_anew(2);
        },
        &[digest("digest_chain", 3), digest("digest_forged", 2)],
    );
    table.when(
        "a whole history is removed",
        |export| {
            let at = export.commit(4, 1);
            export.lines.remove(at);
        },
        &[by_digest("truncated", 4, 0, 3)],
    );
    table.when(
        "a whole history is removed, and its heads with it",
        |export| {
            export.take_out("commit", |commit| commit["stream"]["id"] == name(2)["task#".len()..]);
            export.take_out("leaf", |leaf| leaf["stream"] == name(2).as_str());
        },
        &[digest("leaf_removed", 1), digest("leaf_removed", 2)],
    );
    table.when(
        "two histories change places",
        |export| {
            let (third, fourth) = (export.commit(3, 1), export.commit(4, 1));
            export.lines[third..fourth + 2].rotate_right(2);
        },
        &[history("order", 3, 1), digest("leaf_removed", 3)],
    );
    table.when(
        "an event that is under no digest yet is removed: nobody has signed that it was there",
        |export| {
            let at = export.commit(1, 5);
            export.lines.remove(at);
        },
        &[],
    );
}

/// What stands after the last head that a digest holds of a history. Without being told that all must be under a digest, a verifier
/// lists it and finds nothing wrong; the sample itself has one such event, the fifth of task 1.
fn under_no_digest(table: &mut Table) {
    /// Takes out the event that no digest holds.
    fn cover(export: &mut Sample) {
        let at = export.commit(1, 5);
        export.lines.remove(at);
    }
    fn covered(export: &mut Sample) {
        cover(export);
        export.say_complete();
    }
    fn add_history(export: &mut Sample) {
        let at = export.digest(1);
        let from = export.commit(4, 1);
        let mut added = export.lines[from].clone();
        added["commit"]["stream"]["id"] = json!(name(5)["task#".len()..]);
        seal(&mut added["commit"]);
        export.lines.insert(at, added);
    }
    fn reseal(export: &mut Sample) {
        let at = export.commit(1, 5);
        retitle(&mut export.lines[at]);
        export.chain_anew(1);
    }
    table.when("an event is added after the last head", |export| export.add_event(2), &[]);
    table.when_complete(
        "an event is added after the last head, where all must be under a digest",
        |export| {
            cover(export);
            export.add_event(2);
        },
        &[history("undigested", 2, 4)],
    );
    table.when("an export is complete and says so", covered, &[]);
    table.when_complete("an export is complete, does not say so, and must be", cover, &[]);
    table.when(
        "an event is added after the last head of an export that says that it is complete",
        |export| {
            covered(export);
            export.add_event(2);
        },
        &[history("undigested", 2, 4)],
    );
    table.when(
        "events are added to two histories of an export that says that it is complete",
        |export| {
            covered(export);
            export.add_event(1);
            export.add_event(3);
            export.add_event(3);
        },
        &[history("undigested", 1, 5), history("undigested", 3, 3)],
    );
    table.when(
        "a history is added to an export that says that it is complete",
        |export| {
            covered(export);
            add_history(export);
        },
        &[history("undigested", 5, 1)],
    );
    table.when("an event after the last head is changed and sealed anew", reseal, &[]);
    table.when_complete(
        "an event after the last head is changed and sealed anew, where all must be under a digest",
        reseal,
        &[history("undigested", 1, 5)],
    );
    table.when(
        "the header no longer says that the export is complete, and an event is added",
        |export| {
            cover(export);
            export.add_event(2);
        },
        &[],
    );
    table.when(
        "the end of a history is removed from an export that says that it is complete",
        |export| {
            covered(export);
            let at = export.commit(2, 3);
            export.lines.remove(at);
        },
        &[by_digest("truncated", 2, 2, 2)],
    );
    table.when(
        "an export is of the format before this one",
        |export| export.lines[0] = json!({ "header": { "format": "muster-export-1" } }),
        &[],
    );
    table.when(
        "the header of the format before says more than it could",
        |export| export.lines[0] = json!({ "header": { "complete": true, "format": "muster-export-1" } }),
        // The next line is then no header either.
        &[line("malformed"), line("malformed")],
    );
    table.when(
        "the header does not say whether the export is complete",
        |export| export.lines[0] = json!({ "header": { "format": "muster-export-2" } }),
        &[line("malformed"), line("malformed")],
    );
    table.when(
        "the header says neither that the export is complete nor that it is not",
        |export| export.lines[0]["header"]["complete"] = json!(1),
        &[line("malformed"), line("malformed")],
    );
}

fn leaves(table: &mut Table) {
    table.when(
        "a history is written anew, and the heads that digests hold with it",
        |export| {
            let at = export.commit(3, 2);
            retitle(&mut export.lines[at]);
            export.chain_anew(3);
            let (hash, leaf) = (export.lines[at]["commit"]["hash"].clone(), export.leaf(3, 3));
            export.lines[leaf]["leaf"]["hash"] = hash;
        },
        &[digest("leaf_changed", 3)],
    );
    table.when(
        "a head is removed",
        |export| {
            let at = export.leaf(1, 1);
            export.lines.remove(at);
        },
        &[digest("leaf_removed", 1)],
    );
    table.when(
        "a head is put under a digest that does not hold it",
        |export| {
            let at = export.commit(1, 5);
            let leaf = json!({ "leaf": { "digest": 3, "hash": export.lines[at]["commit"]["hash"], "index": 1, "stream": name(1), "version": 5 } });
            export.lines.insert(at + 1, leaf);
        },
        &[("leaf_inserted", Some(3), None, Some(3))],
    );
    table.when(
        "a history is added, and put under the last digest",
        |export| {
            let from = export.commit(4, 1);
            let mut added: Vec<Value> = export.lines[from..from + 2].to_vec();
            added[0]["commit"]["stream"]["id"] = json!(name(5)["task#".len()..]);
            seal(&mut added[0]["commit"]);
            let hash = added[0]["commit"]["hash"].clone();
            added[1]["leaf"] = json!({ "digest": 3, "hash": hash, "index": 3, "stream": name(5), "version": 1 });
            export.lines.splice(from + 2..from + 2, added);
        },
        &[digest("leaf_inserted", 3)],
    );
    table.when(
        "a head is doubled",
        |export| {
            let at = export.leaf(2, 2);
            let copy = export.lines[at].clone();
            export.lines.insert(at, copy);
        },
        &[("leaf_inserted", Some(2), None, Some(2))],
    );
    table.when(
        "a head stands before its commit",
        |export| {
            let at = export.commit(3, 2);
            export.lines.swap(at, at + 1);
        },
        &[by_digest("rewritten", 3, 2, 3)],
    );
    table.when(
        "a head stands after a later commit",
        |export| {
            let at = export.leaf(1, 1);
            export.lines.swap(at, at + 1);
        },
        &[by_digest("order", 1, 1, 1)],
    );
}

async fn digests(table: &mut Table) {
    let sample = table.sample.clone();
    for (name, sequence) in
        [("the first digest is removed", 1), ("a digest is removed", 2), ("the last digest is removed", 3)]
    {
        let removed = |export: &mut Sample| drop(export.lines.remove(export.digest(sequence)));
        table.when(name, removed, &[digest("digest_removed", sequence)]);
    }
    let without_last = |export: &mut Sample| {
        let at = export.digest(3);
        export.lines.remove(at);
        export.take_out("leaf", |leaf| leaf["digest"] == 3);
    };
    table.when("the last digest is removed, and its heads: nobody who kept none can know", without_last, &[]);
    table.when_kept(
        "the last digest is removed, and its heads, of which somebody kept one",
        vec![sample.kept(3)],
        without_last,
        &[digest("digest_removed", 3)],
    );
    table.when_kept("a digest that was kept is there", vec![sample.kept(2)], |_| {}, &[]);
    let mut other = sample.kept(2);
    other.leaves += 1;
    table.when_kept("a digest that was kept was another", vec![other], |_| {}, &[digest("digest_replaced", 2)]);
    table.when(
        "a digest is changed",
        |export| {
            let at = export.digest(3);
            export.lines[at]["digest"]["taken_at"] = json!("2026-03-02T08:00:00Z");
        },
        &[digest("digest_forged", 3)],
    );
    table.when(
        "a digest is made to fit a history that was written anew",
        |export| {
            let at = export.commit(3, 2);
            retitle(&mut export.lines[at]);
            export.chain_anew(3);
            let (hash, leaf) = (export.lines[at]["commit"]["hash"].clone(), export.leaf(3, 3));
            export.lines[leaf]["leaf"]["hash"] = hash;
            export.grow_anew(3);
        },
        &[digest("digest_forged", 3)],
    );
    let mut forged = sample.clone();
    forged.sign_anew().await;
    let forged = forged.lines;
    table.when(
        "all digests are signed with another key",
        |export| export.lines = forged,
        &[1, 2, 3].map(|sequence| digest("digest_forged", sequence)),
    );
    table.when(
        "a digest has the signature of another",
        |export| {
            let (from, to) = (export.digest(1), export.digest(3));
            export.lines[to]["digest"]["signature"] = export.lines[from]["digest"]["signature"].clone();
        },
        &[digest("digest_forged", 3)],
    );
    table.when(
        "two digests change places",
        |export| {
            let (one, other) = (export.digest(2), export.digest(3));
            export.lines.swap(one, other);
        },
        &[digest("digest_removed", 2), digest("digest_moved", 2)],
    );
    table.when(
        "all digests are removed, and all heads",
        |export| {
            export.take_out("digest", |_| true);
            export.take_out("leaf", |_| true);
        },
        &[line("no_digest")],
    );
}

fn lines(table: &mut Table) {
    table.when_bytes(
        "the last line counts one event too many",
        |export| String::from_utf8(export).unwrap().replace("\"events\":11,", "\"events\":12,").into_bytes(),
        &[line("end")],
    );
    table.when_bytes(
        "the last line is cut off",
        |export| {
            let end = export[..export.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
            export[..=end].to_vec()
        },
        &[line("cut")],
    );
    table.when_bytes(
        "a line comes after the last",
        |export| [export, b"{\"header\":{\"format\":\"muster-export-1\"}}\n".to_vec()].concat(),
        &[line("malformed")],
    );
    table.when_bytes(
        "the last line feed is cut off",
        |mut export| {
            export.pop();
            export
        },
        &[line("cut")],
    );
    table.when_bytes(
        "a line is longer than any can be",
        |export| {
            let end = export[..export.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
            let (before, last) = export.split_at(end);
            [before, &vec![b' '; TOO_LONG], b"\n", last].concat()
        },
        &[line("malformed")],
    );
    table.when_bytes("there is nothing", |_| Vec::new(), &[line("cut"), line("no_digest")]);
    table.when(
        "the header is removed",
        |export| {
            export.lines.remove(0);
        },
        &[line("malformed")],
    );
    table.when(
        "a commit has no events",
        |export| {
            let at = export.commit(1, 5);
            export.lines[at]["commit"]["events"] = json!([]);
        },
        &[line("malformed"), line("end")],
    );
    table.when(
        "a commit stands among the digests",
        |export| {
            let (from, to) = (export.commit(1, 5), export.digest(2));
            let commit = export.lines.remove(from);
            export.lines.insert(to, commit);
        },
        &[line("end"), history("order", 1, 5)],
    );
    table.when_bytes(
        "a line is written in another form",
        |export| String::from_utf8(export).unwrap().replacen("{\"commit\":{", "{\"commit\": {", 1).into_bytes(),
        &[line("malformed"), history("removed", 1, 1), line("end")],
    );
    table.when(
        "a member is added to a digest",
        |export| {
            let at = export.digest(3);
            export.lines[at]["digest"]["note"] = json!("good");
        },
        &[line("malformed"), digest("digest_removed", 3), line("end")],
    );
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

pub(crate) fn expected(case: &Case) -> Vec<String> {
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
async fn an_export_that_is_as_it_was_written_is_counted() {
    let sample = sample().await;
    let verified = verify(&sample.export(), &sample.keys, &[]);
    let Verified { streams, commits, events, undigested, digests, leaves, ref last_digest, ref findings, .. } =
        verified;
    assert_eq!(findings, &[]);
    assert_eq!((streams, commits, events, undigested, digests, leaves), (4, 11, 11, 1, 3, 8));
    assert_eq!(last_digest.as_ref().map(|last| last.sequence), Some(3));
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
const SAME: [&str; 11] = [
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

/// Digests that nobody signed.
fn add_digests(export: &mut Sample) {
    export.add_digests(1_100);
}

/// Histories that no digest holds.
fn add_histories(export: &mut Sample) {
    let (from, at) = (export.commit(4, 1), export.digest(1));
    let commit = export.lines[from].clone();
    let added = (1_000..2_050).map(|number| {
        let mut added = commit.clone();
        added["commit"]["stream"]["id"] = json!(name(number)["task#".len()..]);
        seal(&mut added["commit"]);
        added
    });
    export.lines.splice(at..at, added);
}

#[tokio::test]
async fn the_first_thousand_are_listed_and_the_others_counted() {
    let mut export = sample().await;
    add_digests(&mut export);
    let verified = verify(&export.export(), &export.keys, &[]);
    assert_eq!((verified.findings.len(), verified.more_findings), (1_000, 100));

    let mut export = sample().await;
    add_histories(&mut export);
    let verified = verify(&export.export(), &export.keys, &[]);
    assert_eq!((verified.findings.len(), verified.undigested), (0, 1_051));
    assert_eq!((verified.undigested_histories.len(), verified.more_undigested), (1_000, 51));
    let verified = verify_complete(&export.export(), &export.keys);
    assert_eq!((verified.findings.len(), verified.more_findings), (1_000, 51));
}

#[tokio::test]
#[ignore = "needs Python: cargo xtask proof"]
async fn the_other_verifier_lists_and_counts_as_many() {
    let sample = sample().await;
    let (mut digests, mut histories) = (sample.clone(), sample.clone());
    add_digests(&mut digests);
    add_histories(&mut histories);
    for (export, complete) in [(&digests, false), (&histories, false), (&histories, true)] {
        let export = export.export();
        let ours = if complete { verify_complete(&export, &sample.keys) } else { verify(&export, &sample.keys, &[]) };
        let ours = serde_json::to_value(ours).unwrap();
        let said = python::verify_all(&sample.pem, &[Asked { export, kept: Vec::new(), complete }]).remove(0);
        assert_eq!(summary(&said), summary(&ours));
        for of in SAME {
            assert_eq!(said[of], ours[of], "{of}");
        }
    }
}

#[tokio::test]
async fn without_a_key_all_is_found_but_who_signed_however_many_digests_there_are() {
    let mut export = sample().await;
    export.add_digests(1_100);
    assert_eq!(verify_without_key(&export.export()).findings, []);
    let last = export.digest(1_103);
    export.lines.remove(last - 1);
    let found = serde_json::to_value(verify_without_key(&export.export())).unwrap();
    assert_eq!(summary(&found), [json!(["digest_removed", null, null, 1_102]).to_string()]);

    export.take_out("digest", |_| true);
    export.take_out("leaf", |_| true);
    assert_eq!(verify_without_key(&export.export()).findings, [], "one that was made without digests");
}

#[tokio::test]
async fn an_event_under_no_digest_is_listed_with_its_history() {
    let mut export = sample().await;
    export.add_event(2);
    let verified = verify(&export.export(), &export.keys, &[]);
    let listed: Vec<_> = verified.undigested_histories.iter().map(|of| (of.stream.clone(), of.from)).collect();
    assert_eq!(listed, [(name(1), 5), (name(2), 4)]);
    assert_eq!((verified.undigested, verified.complete, verified.more_undigested), (2, false, 0));
}

#[tokio::test]
async fn an_export_that_took_its_digest_has_what_was_there_then_and_nothing_under_no_digest() {
    let store = Store::new().await;
    for number in [1, 2] {
        store.create(number).await;
    }
    store.digest().await;
    let before = store.complete_export().await;
    // As a server does, between the digest and the reading of the histories.
    store.rename(1, "Fix the door").await;
    store.create(3).await;
    let export = store.complete_export().await;
    assert_eq!(export, before);
    let verified = verify(&export, &store.keys(), &[]);
    assert_eq!((verified.findings.as_slice(), verified.undigested, verified.complete), (&[][..], 0, true));
    assert_eq!((verified.streams, verified.events), (2, 2));
    let open = verify(&store.export().await, &store.keys(), &[]);
    assert_eq!((open.findings.as_slice(), open.undigested, open.complete), (&[][..], 2, false));
}
