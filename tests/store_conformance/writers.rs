//! Many at once.

use std::collections::BTreeSet;

use futures::future::join_all;
use muster_commands::{AppendError, CommandHandler, CommitLog, EventStore, ExecuteError, ExpectedVersion, PageQuery};
use muster_domain::commit::ChainVerifier;
use muster_domain::personal::MemoryKeys;
use muster_domain::task::{Task, TaskCommand};
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::{CommentId, Fingerprint, Hash, Metadata};
use serde_json::json;
use uuid::Uuid;

use super::commits::{commit, commits_of, metadata, now, stream};
use super::sequences::create;

/// Appends so many commits of one or two events to a history, each after the one that is then the last.
async fn write<L: CommitLog>(log: L, writer: u64, commits: u64) -> Vec<(u64, Hash)> {
    let mut written = Vec::new();
    for n in 0..commits {
        loop {
            let newest = log.page(&PageQuery::backward(stream(1), u64::MAX).limit(1)).await.unwrap().commits.pop();
            let (version, head) =
                newest.map_or((1, Hash::GENESIS), |newest| (newest.commit.last_version() + 1, newest.commit.hash));
            let payloads = vec![json!({ "writer": writer, "n": n }); 1 + usize::from(n % 2 == 0)];
            let commit = commit(stream(1), version, (writer * commits + n).into(), payloads, head);
            match log.append(&commit, None, &[]).await {
                Ok(()) => {
                    written.push((version, commit.hash));
                    break;
                }
                Err(AppendError::Taken { existing }) => assert_eq!(existing.unwrap().version, version),
                Err(AppendError::Contention) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    written
}

pub(crate) async fn appends_by_16_writers_are_linearizable_and_gap_free<L: CommitLog + Clone + 'static>(log: L) {
    let writers = (0..16).map(|writer| tokio::spawn(write(log.clone(), writer, 10)));
    let acknowledged: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();

    let mut chain = ChainVerifier::default();
    let found = commits_of(&log, stream(1)).await;
    for commit in &found {
        chain.follow(commit).unwrap();
    }
    assert_eq!(chain.version(), 16 * 15);
    // What each writer was told is what stands there, in the order in which it was told.
    for written in &acknowledged {
        assert!(written.is_sorted_by_key(|(version, _)| version));
    }
    let acknowledged: BTreeSet<_> =
        acknowledged.into_iter().flatten().map(|(version, hash)| (version, hash.to_string())).collect();
    assert_eq!(acknowledged, found.iter().map(|commit| (commit.version, commit.hash.to_string())).collect());
}

pub(crate) async fn of_many_registrations_with_one_address_exactly_one_is_made<L: CommitLog + Clone + 'static>(log: L) {
    let handler = CommandHandler::new(EventStore::new(log, MemoryKeys::shared()));
    let register = |n: u128| {
        let handler = handler.clone();
        let command = UserCommand::Register(RegisterUser::new(
            "Ada".parse().unwrap(),
            "ada@example.com".parse().unwrap(),
            Role::Member,
            now(),
        ));
        let sent = async move {
            handler.execute::<User>(Uuid::from_u128(n), command, ExpectedVersion::New, &metadata(n)).await
        };
        tokio::spawn(sent)
    };
    let answers: Vec<_> = join_all((1..=12).map(register)).await.into_iter().map(Result::unwrap).collect();

    let made: Vec<_> = answers.iter().flatten().map(|committed| committed.events[0].stream.id).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(matches!(answer, ExecuteError::Reserved { key } if key == "email#ada@example.com"), "{answer:?}");
    }
    for n in 1..=12 {
        let user = handler.store().load::<User>(Uuid::from_u128(n)).await.unwrap();
        assert_eq!(user.version() == 1, made.contains(&Uuid::from_u128(n)));
    }
}

/// Each of eight senders comments ten times, and sends every command twice; a command that gave way is sent again.
pub(crate) async fn every_command_of_many_senders_takes_effect_once<L: CommitLog + Clone + 'static>(log: L) {
    let handler = CommandHandler::new(EventStore::new(log, MemoryKeys::shared()));
    let id = Uuid::from_u128(1);
    handler.execute::<Task>(id, create("Fix the lift"), ExpectedVersion::New, &metadata(1)).await.unwrap();

    let send = |sender: u128| {
        let handler = handler.clone();
        tokio::spawn(async move {
            for n in 0..10 {
                let command_id = Uuid::from_u128(1_000 * sender + n);
                let text = format!("{sender}: {n}").parse().unwrap();
                let command = TaskCommand::Comment { comment_id: CommentId(command_id), text };
                let meaning = Fingerprint::of("comment", &command);
                let metadata = Metadata { command_id: command_id.into(), fingerprint: meaning, ..metadata(sender) };
                let mut versions = BTreeSet::new();
                for _ in 0..2 {
                    let answer = loop {
                        match handler.execute::<Task>(id, command.clone(), ExpectedVersion::Any, &metadata).await {
                            Err(ExecuteError::Contended) => {}
                            answer => break answer.unwrap(),
                        }
                    };
                    versions.insert(answer.version);
                }
                assert_eq!(versions.len(), 1, "both sendings have the same answer");
            }
        })
    };
    join_all((1..=8).map(send)).await.into_iter().for_each(Result::unwrap);

    let task = handler.store().load::<Task>(id).await.unwrap();
    assert_eq!((task.version(), task.state().state.as_ref().unwrap().comments), (81, 80));
}
