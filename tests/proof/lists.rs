//! What a verifier counts and lists beside its findings, and how much of it.

use muster_domain::proof::Verified;
use serde_json::json;

use crate::cases::{SAME, summary};
use crate::python::{self, Asked};
use crate::sample::{Sample, Store, name, sample, seal, verify, verify_complete, verify_without_key};

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
