//! Refresh tokens that are none, and what is kept of those that are.

use aws_sdk_dynamodb::types::AttributeValue;
use muster_identity::{Client, Proved, ServerSecret, SessionError, Sessions};

use super::{Case, USER, browser};

#[tokio::test]
async fn a_token_that_this_server_did_not_seal_is_unknown() {
    let case = Case::new().await;
    let begun = case.start().await;
    let other = Sessions::new(case.client.clone(), &case.table, &ServerSecret::from_bytes([8; 32]), case.clock.clone());
    let foreign = other.start(USER, &Client::default(), Proved::default()).await.expect("a session");
    for token in ["", "nonsense", &foreign.refresh_token] {
        assert!(matches!(case.refused(token).await, SessionError::Unknown), "{token}");
    }
    assert!(case.is_live(begun.session_id).await);
    assert!(case.is_live(foreign.session_id).await, "a forged token ends nothing");
}

#[tokio::test]
async fn a_token_of_a_family_that_is_gone_is_unknown() {
    let case = Case::new().await;
    let begun = case.start().await;
    let key = AttributeValue::S(begun.session_id.to_string());
    case.client.delete_item().table_name(&case.table).key("pk", key).send().await.expect("a deletion");
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Unknown));
}

#[tokio::test]
async fn a_token_that_is_ahead_of_the_store_is_unknown_and_ends_nothing() {
    let case = Case::new().await;
    let begun = case.start().await;
    let next = case.refresh(&begun.refresh_token).await;
    // The store comes back from a backup of before the refresh.
    let key = AttributeValue::S(begun.session_id.to_string());
    let restore = case.client.update_item().table_name(&case.table).key("pk", key);
    let restore = restore.update_expression("SET generation = :old");
    restore.expression_attribute_values(":old", AttributeValue::N("0".to_owned())).send().await.expect("a restore");
    assert!(matches!(case.refused(&next.refresh_token).await, SessionError::Unknown));
    assert!(case.is_live(begun.session_id).await);
}

#[tokio::test]
async fn no_token_is_stored_and_the_user_agent_is_cut() {
    let case = Case::new().await;
    let begun = case.sessions.start(USER, &browser(&"é".repeat(5_000)), Proved::default()).await.expect("a session");
    let scan = case.client.scan().table_name(&case.table).send().await.expect("a scan");
    assert!(!format!("{scan:?}").contains(&begun.refresh_token));
    let session = case.sessions.live(begun.session_id).await.expect("an answer").expect("a session");
    assert_eq!(session.user_agent, Some("é".repeat(256)));
    let ttl = case.attribute(begun.session_id, "ttl").await;
    assert_eq!(ttl, Some(AttributeValue::N(begun.expires_at.timestamp().to_string())));
}
