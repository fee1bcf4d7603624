//! Pages, ranges and scans.

use std::collections::BTreeSet;

use muster_commands::{CommitLog, EventStore, PageQuery};
use muster_domain::personal::MemoryKeys;
use muster_domain::ports::ReadError;
use muster_domain::{AggregateType, Commit, EventReader as _, Hash, StreamId};
use serde_json::json;

use super::commits::{commit, commits_of, first, history, read, stream};

pub(crate) async fn a_history_of_several_megabytes_is_read_in_pages<L: CommitLog>(log: L) {
    let written = history(&log, stream(1), 12, 280 * 1024).await;

    let (forward, pages) = read(&log, PageQuery::forward(stream(1))).await;
    let forward: Vec<_> = forward.into_iter().map(|stored| stored.commit).collect();
    assert_eq!(forward, written);
    assert!(pages >= 3, "a page holds a megabyte, and there were {pages}");

    let (backward, pages) = read(&log, PageQuery::backward(stream(1), u64::MAX)).await;
    let backward: Vec<_> = backward.into_iter().map(|stored| stored.commit).rev().collect();
    assert_eq!(backward, written);
    assert!(pages >= 3, "a page holds a megabyte, and there were {pages}");

    let store = EventStore::new(log, MemoryKeys::shared());
    assert_eq!(store.commits(&stream(1), 0, None).await.unwrap(), written);
    assert_eq!(store.commits(&stream(1), 3, Some(11)).await.unwrap(), written[3..11]);
}

pub(crate) async fn a_query_gives_the_range_in_the_order_and_number_asked_for<L: CommitLog>(log: L) {
    // Commits of three events: they begin at 1, 4, 7, … 28.
    let mut prev_hash = Hash::GENESIS;
    for n in 0..10 {
        let commit = commit(stream(1), 1 + 3 * n, n.into(), vec![json!(1), json!(2), json!(3)], prev_hash);
        log.append(&commit, None, &[]).await.unwrap();
        prev_hash = commit.hash;
    }
    let range = |lowest, highest, query: PageQuery| PageQuery { lowest, highest, ..query };
    let forward = PageQuery::forward(stream(1));
    let backward = PageQuery::backward(stream(1), u64::MAX);
    let cases: [(PageQuery, &[u64]); 8] = [
        (range(7, 4, forward.clone()), &[]),
        (range(4, 10, forward.clone()), &[4, 7, 10]),
        (range(5, 9, forward.clone()), &[7]),
        (range(5, 6, forward.clone()), &[]),
        (range(20, u64::MAX, forward.clone()), &[22, 25, 28]),
        (range(1, 8, backward.clone()), &[7, 4, 1]),
        (range(10, u64::MAX, backward.clone()), &[28, 25, 22, 19, 16, 13, 10]),
        (range(29, u64::MAX, backward.clone()), &[]),
    ];
    for (query, expected) in cases {
        for limit in [None, Some(1), Some(2), Some(100)] {
            let query = PageQuery { limit, ..query.clone() };
            let first_page = log.page(&query).await.unwrap();
            assert!(limit.is_none_or(|limit| first_page.commits.len() <= usize::try_from(limit).unwrap()));
            let (found, _) = read(&log, query.clone()).await;
            let found: Vec<_> = found.iter().map(|stored| stored.commit.version).collect();
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

pub(crate) async fn histories_do_not_mix<L: CommitLog>(log: L) {
    let id = stream(1).id;
    let streams =
        [stream(1), stream(2), StreamId::new(AggregateType::User, id), StreamId::new(AggregateType::Team, id)];
    for (n, stream) in (1..).zip(streams) {
        log.append(&first(stream, n), None, &[]).await.unwrap();
    }
    for (n, stream) in (1..).zip(streams) {
        assert_eq!(commits_of(&log, stream).await, [first(stream, n)]);
    }
    assert_eq!(commits_of(&log, stream(3)).await, []);
}

pub(crate) async fn a_scan_in_segments_sees_every_commit_once<L: CommitLog>(log: L) {
    let mut written = BTreeSet::new();
    for n in 1..=40 {
        let commits =
            if n == 7 { history(&log, stream(n), 9, 280 * 1024).await } else { history(&log, stream(n), 3, 10).await };
        written.extend(commits.iter().map(|commit| (commit.stream, commit.version)));
    }
    for segments in [1, 4] {
        let mut seen = Vec::new();
        for segment in 0..segments {
            let mut cursor = None;
            loop {
                let page = log.scan_page(segment, segments, cursor.as_ref()).await.unwrap();
                seen.extend(page.commits.iter().map(|commit| (commit.stream, commit.version)));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        assert_eq!(seen.len(), written.len(), "in {segments} segments");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), written, "in {segments} segments");
    }
}

pub(crate) async fn a_scan_names_the_commits_that_cannot_be_read_and_gives_the_others<L: CommitLog>(log: L) {
    let readable = first(stream(1), 1);
    // No commit has no events.
    let unreadable = Commit { events: Vec::new(), ..commit(stream(1), 2, 2, vec![json!(1)], readable.hash) };
    let other = first(stream(2), 3);
    for commit in [&readable, &unreadable, &other] {
        log.append(commit, None, &[]).await.unwrap();
    }
    let mut page = log.scan_page(0, 1, None).await.unwrap();
    page.commits.sort_by_key(|commit| commit.stream);
    assert_eq!((page.commits, page.damaged), (vec![readable, other], vec![(stream(1), 2)]));
    let read = log.page(&PageQuery::forward(stream(1))).await;
    assert!(matches!(read, Err(ReadError::Damaged { version: 2, .. })), "{read:?}");
}
