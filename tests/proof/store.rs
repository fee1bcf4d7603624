//! Digests in their table: what they hold, who takes them, and what becomes of one that was cut off.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_cli::operate::verify::{Against, of_store, of_store_against};
use muster_domain::EventReader as _;
use muster_domain::proof::SignedDigest;
use muster_handlers::digests::{DigestArchive, DigestError, Digester, Head, Outcome, Taken};

use crate::sample::{Store, name, task, verify};

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

async fn leaves(store: &Store, digest: &SignedDigest) -> Vec<(String, u64)> {
    let leaves = store.system.digests.leaves(digest).await.unwrap();
    leaves.into_iter().map(|leaf| (leaf.stream, leaf.version)).collect()
}

#[tokio::test]
async fn a_digest_holds_the_heads_that_have_changed_and_points_back() {
    let store = Store::new().await;
    for number in [2, 1] {
        store.create(number).await;
    }
    let first = store.digest().await;
    assert_eq!(leaves(&store, &first).await, [(name(1), 1), (name(2), 1)], "in the order of their names");
    let second = store.digest().await;
    assert_eq!((second.sequence, second.leaves, second.previous), (2, 0, first.hash().unwrap()));
    store.rename(2, "Fix the roof").await;
    store.create(3).await;
    let third = store.digest().await;
    assert_eq!(leaves(&store, &third).await, [(name(2), 2), (name(3), 1)]);
    assert!([first, second, third].iter().all(|digest| digest.is_signed_by(&store.keys())));
    assert_eq!(of_store(&store.system, Some(store.keys())).await.unwrap().findings, []);
}

#[tokio::test]
async fn a_store_of_thousands_of_histories_is_under_one_digest() {
    let store = Store::new().await;
    for number in 1..=1_203 {
        store.create(number).await;
    }
    let digest = store.digest().await;
    assert_eq!(digest.leaves, 1_203);
    assert_eq!(leaves(&store, &digest).await.len(), 1_203, "in more than one item");
    store.rename(700, "Fix the roof").await;
    assert_eq!(store.digest().await.leaves, 1);
    assert_eq!(verify(&store.export().await, &store.keys(), &[]).findings, []);
}

#[tokio::test]
async fn one_that_was_cut_off_after_its_digest_was_written_is_finished_by_the_next() {
    let store = Store::new().await;
    store.create(1).await;
    store.digest().await;
    store.rename(1, "Fix the door").await;
    let second = store.digest().await;
    // As if it had ended there: the head of before, no row of the digest, and the mark of before.
    let table = || "muster-digests".to_owned();
    let client = &store.system.client;
    let stream = || AttributeValue::S(name(1));
    let commits = store.system.events.commits(&task(1).into(), 0, Some(1)).await.unwrap();
    let put = client.put_item().table_name(table()).item("pk", stream()).item("sk", number(0));
    let put = put.item("version", number(1)).item("digest", number(1));
    put.item("hash", AttributeValue::S(commits[0].hash.to_string())).send().await.unwrap();
    let delete = client.delete_item().table_name(table()).key("pk", stream()).key("sk", number(2));
    delete.send().await.unwrap();
    let mark = client.put_item().table_name(table()).item("pk", AttributeValue::S("mark".to_owned()));
    mark.item("sk", number(0)).item("digest", number(1)).send().await.unwrap();

    assert_eq!(store.digest().await.leaves, 0, "its head is under the second one");
    let heads = store.system.digests.heads(&[task(1).into()]).await.unwrap();
    let hash = store.system.digests.leaves(&second).await.unwrap()[0].hash;
    assert_eq!(heads.get(&name(1)), Some(&Head { version: 2, hash, digest: 2 }));
}

#[tokio::test]
async fn of_two_that_are_taken_at_once_one_counts_and_nothing_is_lost() {
    let store = Store::new().await;
    for number in 1..=5 {
        store.create(number).await;
    }
    let (one, other) = tokio::join!(store.digester.take(), store.digester.take());
    let taken = [one.unwrap(), other.unwrap()];
    assert!(taken.iter().any(|outcome| matches!(outcome, Outcome::Taken(Taken { digest, .. }) if digest.leaves == 5)));
    assert_eq!(verify(&store.export().await, &store.keys(), &[]).findings, []);
}

#[tokio::test]
async fn a_digest_for_the_hour_is_taken_once_and_one_over_nothing_new_only_when_it_is_due() {
    let store = Store::new().await;
    store.create(1).await;
    let taken_at = store.digester.keep_up().await.unwrap();
    let again = store.digester.keep_up().await.unwrap();
    let count = store.system.digests.page(None, 10, false).await.unwrap().len();
    // Unless the hour ended in between.
    assert_eq!(count, if again == taken_at { 1 } else { 2 });
    assert_eq!(store.digester.cover().await.unwrap(), Outcome::Unchanged);
    assert_eq!(store.system.digests.page(None, 10, false).await.unwrap().len(), count);
}

#[tokio::test]
async fn a_history_that_contradicts_an_earlier_digest_is_not_signed() {
    let store = Store::new().await;
    store.create(1).await;
    store.create(2).await;
    store.rename(1, "Fix the door").await;
    store.digest().await;
    let delete = store.system.client.delete_item().table_name("muster-events");
    let delete = delete.key("pk", AttributeValue::S(name(1))).key("sk", number(2));
    delete.send().await.unwrap();
    store.rename(2, "Fix the roof").await;

    let Outcome::Taken(Taken { digest, contradictions }) = store.digester.take().await.unwrap() else {
        panic!("nobody else takes one")
    };

    assert_eq!(leaves(&store, &digest).await, [(name(2), 2)]);
    let contradicted: Vec<_> = contradictions.iter().map(|contradiction| contradiction.stream).collect();
    assert_eq!(contradicted, [task(1).into()]);
    let found = of_store(&store.system, None).await.unwrap().findings;
    assert_eq!(found.iter().map(|found| (found.stream.as_str(), found.version)).collect::<Vec<_>>(), [(&*name(1), 1)]);
    assert_eq!(found[0].reason, "the history ends here, and digest 1 has its version 2");
}

#[tokio::test]
async fn a_history_that_is_gone_from_the_store_is_named() {
    let store = Store::new().await;
    store.create(1).await;
    store.create(2).await;
    store.digest().await;
    let delete = store.system.client.delete_item().table_name("muster-events");
    delete.key("pk", AttributeValue::S(name(1))).key("sk", number(1)).send().await.unwrap();

    let found = of_store(&store.system, None).await.unwrap().findings;
    assert_eq!(found.iter().map(|found| (found.stream.as_str(), found.version)).collect::<Vec<_>>(), [(&*name(1), 0)]);
    for export in [store.export().await, store.complete_export().await] {
        let verified = verify(&export, &store.keys(), &[]);
        let found: Vec<_> = verified.findings.iter().map(|found| (found.stream.clone(), found.version)).collect();
        assert_eq!(found, [(Some(name(1)), Some(0))]);
    }
}

/// Removes the digests of these places behind everybody's back.
async fn remove(store: &Store, digests: &[u64]) {
    for sequence in digests {
        let delete = store.system.client.delete_item().table_name("muster-digests");
        let delete = delete.key("pk", AttributeValue::S("digest".to_owned())).key("sk", number(*sequence));
        delete.send().await.unwrap();
    }
}

/// Removes everything that the table of digests has.
async fn empty(store: &Store) {
    let mut pages = store.system.client.scan().table_name("muster-digests").into_paginator().items().send();
    let mut keys = Vec::new();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        keys.push((item["pk"].clone(), item["sk"].clone()));
    }
    for (pk, sk) in keys {
        let delete = store.system.client.delete_item().table_name("muster-digests").key("pk", pk).key("sk", sk);
        delete.send().await.unwrap();
    }
}

/// What is wrong with the digests of a store: which, and why.
async fn wrong_digests(store: &Store, against: Against) -> Vec<(u64, String)> {
    let found = of_store_against(&store.system, against).await.unwrap().findings;
    assert!(found.iter().all(|finding| finding.stream == "digest"), "{found:?}");
    found.into_iter().map(|finding| (finding.version, finding.reason)).collect()
}

async fn with_three_digests() -> (Store, [SignedDigest; 3]) {
    let store = Store::new().await;
    store.create(1).await;
    let first = store.digest().await;
    store.create(2).await;
    let second = store.digest().await;
    store.rename(1, "Fix the door").await;
    let third = store.digest().await;
    (store, [first, second, third])
}

#[tokio::test]
async fn the_last_digest_is_named_when_it_is_gone_and_none_is_taken_in_its_place() {
    let (store, _) = with_three_digests().await;
    remove(&store, &[3]).await;
    let missing = [(3, "it is missing: it is marked as taken".to_owned())];
    assert_eq!(wrong_digests(&store, Against::default()).await, missing);

    let error = store.digester.take().await.unwrap_err();
    assert!(matches!(error, DigestError::Gone { sequence: 3 }), "{error}");
    assert_eq!(wrong_digests(&store, Against::default()).await, missing);
}

#[tokio::test]
async fn all_digests_are_named_when_they_are_gone_and_what_follows_them_is_there() {
    let (store, _) = with_three_digests().await;
    remove(&store, &[1, 2, 3]).await;
    let reason = "it and all up to digest 3 are missing: of that, it is marked as taken";
    assert_eq!(wrong_digests(&store, Against::default()).await, [(1, reason.to_owned())]);
    let error = store.digester.take().await.unwrap_err();
    assert!(matches!(error, DigestError::Gone { sequence: 3 }), "{error}");

    // And without the mark: the places of the heads.
    let mark = store.system.client.delete_item().table_name("muster-digests");
    mark.key("pk", AttributeValue::S("mark".to_owned())).key("sk", number(0)).send().await.unwrap();
    let reason =
        format!("it and all up to digest 3 are missing: of that, the last digested head of {} is under it", name(1));
    assert_eq!(wrong_digests(&store, Against::default()).await, [(1, reason)]);
}

#[tokio::test]
async fn a_digest_that_was_kept_is_missed_where_nothing_in_the_store_speaks_of_it() {
    let (store, [_, second, third]) = with_three_digests().await;
    let kept = |digest: &SignedDigest| Against { kept: vec![digest.clone()], ..Against::default() };
    for digest in [&second, &third] {
        assert_eq!(wrong_digests(&store, kept(digest)).await, []);
    }
    let replaced = SignedDigest { leaves: 7, ..second.clone() };
    let reason = "it is another than the one that was kept".to_owned();
    assert_eq!(wrong_digests(&store, kept(&replaced)).await, [(2, reason)]);

    empty(&store).await;

    assert_eq!(wrong_digests(&store, Against::default()).await, [], "as if none had ever been taken");
    let reason = "it and all up to digest 3 are missing: of that, it was kept".to_owned();
    assert_eq!(wrong_digests(&store, kept(&third)).await, [(1, reason)]);
}

#[tokio::test]
async fn a_store_that_should_have_a_digest_by_now_and_has_none_does_not_verify() {
    let store = Store::new().await;
    let due = |time: &str| Against { due: Some(time.parse().unwrap()), ..Against::default() };
    assert_eq!(wrong_digests(&store, due("2026-03-03T08:00:00Z")).await, [], "there is nothing to take one of");
    store.create(1).await;
    assert_eq!(wrong_digests(&store, due("2026-03-02T08:00:00Z")).await, [], "it is not so long ago");
    let none = "there is no digest, and one is taken every hour: they were removed, or none is taken".to_owned();
    assert_eq!(wrong_digests(&store, due("2026-03-03T08:00:00Z")).await, [(0, none)]);
    store.digest().await;
    assert_eq!(wrong_digests(&store, due("2026-03-03T08:00:00Z")).await, []);
}

/// Keeps what it is given, once it answers.
#[derive(Default)]
struct Archive {
    answers: Mutex<bool>,
    kept: Mutex<Vec<u64>>,
}

#[async_trait]
impl DigestArchive for Archive {
    async fn keep(&self, digest: &SignedDigest) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if !*self.answers.lock().unwrap() {
            return Err("it does not answer".into());
        }
        self.kept.lock().unwrap().push(digest.sequence);
        Ok(())
    }
}

#[tokio::test]
async fn an_archive_that_was_away_is_given_every_digest_that_it_missed() {
    let (store, archive) = (Store::new().await, Arc::new(Archive::default()));
    let digester = Digester { archive: Some(archive.clone()), ..store.digester.clone() };
    store.create(1).await;
    assert!(digester.take().await.is_err(), "it is said that the archive has not got it");
    store.rename(1, "Fix the door").await;
    assert!(digester.take().await.is_err());
    *archive.answers.lock().unwrap() = true;
    digester.take().await.unwrap();
    assert_eq!(*archive.kept.lock().unwrap(), [1, 2, 3]);
    assert_eq!(store.system.digests.last().await.unwrap().unwrap().sequence, 3);
}
