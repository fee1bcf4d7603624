//! The first administrator.

use chrono::Utc;
use muster_cli::args::AdminArgs;
use muster_cli::setup::{SignIn, first_admin, show};
use muster_handlers::http::Settings;
use muster_handlers::mail::Post;
use muster_identity::{Client, KeyRing, MissingSecrets, PasswordAttempt, Secrets};

use crate::support::TestStore;

async fn make(store: &TestStore) -> Option<SignIn> {
    first_admin(&store.system, &AdminArgs::default(), "Administrator".parse().unwrap(), Utc::now()).await.unwrap()
}

async fn is_good(store: &TestStore, sign_in: &SignIn) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let secrets = Secrets::load_or_create(dir.path(), MissingSecrets::MayBeMade).unwrap();
    let Secrets { signing_keys, server_secret, personal_secret: _ } = secrets;
    let keys = KeyRing::new(signing_keys.ring_keys());
    let identity = store.system.app(keys, &server_secret, Settings::default(), Post::none()).unwrap().identity;
    let attempt = PasswordAttempt::new(sign_in.password.clone().unwrap());
    identity.login(&sign_in.email, &attempt, &Client::default()).await.is_ok()
}

#[tokio::test]
async fn the_sign_in_is_given_until_it_was_shown() {
    let store = TestStore::new().await;
    let sign_in = make(&store).await.unwrap();
    assert!(is_good(&store, &sign_in).await);
    show(&store.system, &sign_in).await.unwrap();
    assert!(make(&store).await.is_none());
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_is_made_up_for_by_the_next_one() {
    let store = TestStore::new().await;
    let cut_off = make(&store).await.unwrap();
    let sign_in = make(&store).await.unwrap();
    assert_eq!(sign_in.email, cut_off.email);
    assert!(is_good(&store, &sign_in).await);
    assert!(!is_good(&store, &cut_off).await, "nobody has seen this password");
    let status = muster_cli::operate::status::of(&store.system).await.unwrap();
    assert_eq!((status.aggregates, status.events), (1, 1), "there is one account");
}
