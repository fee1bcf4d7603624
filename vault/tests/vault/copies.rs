//! Keys that go from one table into another, which another master wraps.

use muster_domain::UserId;
use muster_domain::ports::{KeyError, SubjectKeys as _};
use muster_vault::Copies;
use uuid::Uuid;

use crate::support::{TABLE, keys_under, mark, master, table};

#[tokio::test]
async fn every_key_and_every_erasure_comes_along_and_is_wrapped_anew() {
    let (from, to) = (table().await, table().await);
    let old = keys_under(&from, 1);
    for number in 1..=120 {
        old.make(UserId(Uuid::from_u128(number))).await.unwrap();
    }
    let (ada, erased, stranger) =
        (UserId(Uuid::from_u128(7)), UserId(Uuid::from_u128(8)), UserId(Uuid::from_u128(500)));
    old.erase(erased).await.unwrap();

    let copies = Copies::of(&from, TABLE, &master(1)).await.unwrap();
    assert_eq!(copies.0.len(), 120);
    copies.put(&to, TABLE, &master(2)).await.unwrap();
    copies.put(&to, TABLE, &master(2)).await.unwrap();

    let new = keys_under(&to, 2);
    for subject in [ada, erased, stranger] {
        assert_eq!(mark(&new.find(subject).await.unwrap()), mark(&old.find(subject).await.unwrap()));
        assert_eq!(mark(&copies.opener(subject)), mark(&old.find(subject).await.unwrap()));
    }
    assert!(matches!(keys_under(&to, 1).find(ada).await, Err(KeyError::Damaged { .. })), "the old master opens none");
}

#[tokio::test]
async fn keys_that_the_master_does_not_open_are_not_copied() {
    let from = table().await;
    keys_under(&from, 1).make(UserId(Uuid::from_u128(7))).await.unwrap();
    let refused = Copies::of(&from, TABLE, &master(2)).await;
    assert!(matches!(refused, Err(KeyError::Damaged { .. })), "{refused:?}");
}
