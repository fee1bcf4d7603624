//! A new password by a token: whose, once, and what makes it worthless.

use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_domain::values::Email;
use muster_identity::{AuthError, LoginError, ResetError};
use uuid::Uuid;

use crate::login::{Case, EMAIL, USER, WORDS, password};

const NEW: &str = "three pints of oil";

fn email(text: &str) -> Email {
    text.parse().expect("an address")
}

impl Case {
    async fn token(&self) -> String {
        self.identity.password_resets().make(USER, &email(EMAIL)).await.expect("an answer").expect("a token")
    }

    /// Whether it sets this password.
    async fn set(&self, token: &str, words: &str) -> bool {
        match self.identity.password_resets().set(token, &email(EMAIL), &password(words)).await {
            Ok(user) => user == USER,
            Err(error) => {
                assert!(matches!(error, ResetError::NotGood), "{error}");
                false
            }
        }
    }

    async fn is_right(&self, words: &str) -> bool {
        match self.login(EMAIL, words).await {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, LoginError::InvalidCredentials), "{error}");
                false
            }
        }
    }
}

#[tokio::test]
async fn a_token_sets_one_new_password_and_ends_all_sessions() {
    let case = Case::new().await;
    let (token, before) = (case.token().await, case.logged_in().await);
    assert_eq!(case.identity.password_resets().owner(&token).await.expect("an answer"), Some(USER));

    assert!(case.set(&token, NEW).await);

    assert!(!case.is_right(WORDS).await && case.is_right(NEW).await);
    let ended = case.identity.authenticate(&before.access_token).await;
    assert!(matches!(ended, Err(AuthError::SessionEnded)), "{ended:?}");
    assert!(!case.set(&token, "four pints of oil").await, "once");
    assert!(case.is_right(NEW).await);
}

#[tokio::test]
async fn the_present_password_is_no_new_one_and_uses_no_token_up() {
    let case = Case::new().await;
    let (token, before) = (case.token().await, case.logged_in().await);

    let same = case.identity.password_resets().set(&token, &email(EMAIL), &password(WORDS)).await;

    assert!(matches!(same, Err(ResetError::Present)), "{same:?}");
    let standing = case.identity.authenticate(&before.access_token).await.expect("a session");
    assert_eq!(standing.user_id, USER);
    assert!(case.set(&token, NEW).await);
    let worthless = case.identity.password_resets().set(&token, &email(EMAIL), &password(NEW)).await;
    assert!(matches!(worthless, Err(ResetError::NotGood)), "of a used token nobody learns it: {worthless:?}");
}

#[tokio::test]
async fn of_twenty_who_use_a_token_at_once_one_sets_the_password() {
    let case = Case::new().await;
    let token = case.token().await;
    let words: Vec<String> = (0..20).map(|n| format!("{n} pints of oil")).collect();

    let set = futures::future::join_all(words.iter().map(|words| case.set(&token, words))).await;

    let winners: Vec<_> = words.iter().zip(set).filter_map(|(words, set)| set.then_some(words)).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert!(case.is_right(winners[0]).await);
}

#[tokio::test]
async fn a_token_is_good_for_half_an_hour() {
    let case = Case::new().await;
    let token = case.token().await;
    case.clock.advance(TimeDelta::minutes(30) - TimeDelta::milliseconds(1));
    assert_eq!(case.identity.password_resets().owner(&token).await.expect("an answer"), Some(USER));
    case.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(case.identity.password_resets().owner(&token).await.expect("an answer"), None);
    assert!(!case.set(&token, NEW).await);
}

#[tokio::test]
async fn a_changed_password_a_changed_address_and_a_closed_account_make_a_token_worthless() {
    let case = Case::new().await;
    let (first, second, third) = (case.token().await, case.token().await, case.token().await);

    let moved = case.identity.password_resets().set(&first, &email("ada@elsewhere.example"), &password(NEW)).await;
    assert!(matches!(moved, Err(ResetError::NotGood)), "{moved:?}");
    assert!(case.set(&second, NEW).await);
    assert!(!case.set(&third, "four pints of oil").await, "made for the password before");
    case.clock.advance(TimeDelta::minutes(31));
    let fourth = case.token().await;
    case.identity.close(USER).await.expect("a closed account");
    assert!(!case.set(&fourth, "four pints of oil").await);
}

#[tokio::test]
async fn an_account_has_three_tokens_at_a_time_and_others_have_theirs() {
    let case = Case::new().await;
    for _ in 0..3 {
        case.token().await;
    }
    let resets = case.identity.password_resets();
    assert_eq!(resets.make(USER, &email(EMAIL)).await.expect("an answer"), None);
    let other = resets.make(UserId(Uuid::from_u128(2)), &email("ben@example.com")).await;
    assert!(other.expect("an answer").is_some());
    case.clock.advance(TimeDelta::minutes(30));
    case.token().await;
}

#[tokio::test]
async fn an_account_without_a_password_gets_its_first_one_within_a_week() {
    let case = Case::new().await;
    let (ben, address) = (UserId(Uuid::from_u128(2)), email("ben@example.com"));
    let resets = case.identity.password_resets();
    let [early, late] = [(); 2].map(|()| resets.make_first(ben, &address));
    let (early, late) = (early.await.expect("a token"), late.await.expect("a token"));

    case.clock.advance(TimeDelta::days(7) - TimeDelta::milliseconds(1));
    assert_eq!(resets.set(&early, &address, &password(NEW)).await.expect("an account"), ben);

    let again = resets.set(&late, &address, &password(WORDS)).await;
    assert!(matches!(again, Err(ResetError::NotGood)), "it has a password now: {again:?}");
    case.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(resets.owner(&late).await.expect("an answer"), None);
}

#[tokio::test]
async fn what_nobody_made_is_no_token_and_the_table_holds_nothing_to_use() {
    let case = Case::new().await;
    let token = case.token().await;
    for wrong in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(43), &"x".repeat(100_000)] {
        assert!(!case.set(wrong, NEW).await, "{wrong:.50}");
    }
    let items = case.client.scan().table_name(&case.tables.one_time_tokens).send().await.expect("the items");
    let shown = format!("{items:?} {:?}", case.identity.password_resets());
    assert!(!shown.contains(&token) && !shown.contains("ada@"), "{shown}");
    assert!(case.set(&token, NEW).await);
}
