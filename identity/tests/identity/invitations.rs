//! Invitations: their tokens, their week, their list.

use chrono::TimeDelta;
use muster_domain::ids::{TeamId, UserId};
use muster_domain::user::Role;
use muster_identity::{Invitation, ListInvitationsError, NewInvitation};
use uuid::Uuid;

use crate::login::Case;

fn new(number: u128) -> NewInvitation {
    NewInvitation {
        id: Uuid::from_u128(number),
        email: format!("guest-{number}@example.com").parse().expect("an address"),
        name: number.is_multiple_of(2).then(|| "A guest".parse().expect("a name")),
        role: Role::Manager,
        teams: vec![TeamId(Uuid::from_u128(11)), TeamId(Uuid::from_u128(12))],
        invited_by: UserId(Uuid::from_u128(1)),
    }
}

impl Case {
    async fn invite(&self, number: u128) -> Invitation {
        self.identity.invitations().make(new(number)).await.expect("an invitation")
    }

    async fn of_token(&self, token: &str) -> Option<Invitation> {
        self.identity.invitations().of_token(token).await.expect("an answer")
    }

    /// The list, newest first, in pages of this size.
    async fn open(&self, limit: usize) -> Vec<Uuid> {
        self.sorted(limit, true).await
    }

    async fn sorted(&self, limit: usize, descending: bool) -> Vec<Uuid> {
        let (mut ids, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.identity.invitations().open(limit, cursor.as_deref(), descending).await.expect("a page");
            assert!(page.items.len() <= limit);
            ids.extend(page.items.iter().map(|invitation| invitation.new.id));
            cursor = page.next;
            if cursor.is_none() {
                return ids;
            }
        }
    }
}

#[tokio::test]
async fn an_invitation_is_kept_as_it_was_made_and_found_by_its_token() {
    let case = Case::new().await;
    for number in [1, 2] {
        let made = case.invite(number).await;
        assert_eq!((&made.new, made.expires_at - made.created_at), (&new(number), TimeDelta::days(7)));
        assert_eq!((made.sent_at, made.taken_at), (None, None));
        assert_eq!(case.of_token(&case.identity.invitations().token(&made)).await, Some(made));
    }
}

#[tokio::test]
async fn the_same_invitation_again_is_the_one_that_is_there() {
    let case = Case::new().await;
    let first = case.invite(1).await;
    case.clock.advance(TimeDelta::hours(1));

    assert_eq!(case.invite(1).await, first);
    let other = NewInvitation { role: Role::Admin, ..new(1) };
    assert_eq!(case.identity.invitations().make(other).await.expect("the first one"), first, "nothing was changed");
}

#[tokio::test]
async fn a_token_is_good_for_a_week_and_not_after_it_was_withdrawn() {
    let case = Case::new().await;
    let invitations = case.identity.invitations();
    let (kept, withdrawn) = (case.invite(1).await, case.invite(2).await);
    let [kept_token, withdrawn_token] = [&kept, &withdrawn].map(|invitation| invitations.token(invitation));

    assert!(invitations.withdraw(withdrawn.new.id).await.expect("an answer"));
    assert!(!invitations.withdraw(withdrawn.new.id).await.expect("an answer"), "once");
    assert_eq!(case.of_token(&withdrawn_token).await, None);
    let repeated = case.invite(2).await;
    assert_eq!((repeated.created_at, repeated.withdrawn_at.is_some()), (withdrawn.created_at, true));
    assert_eq!(case.of_token(&withdrawn_token).await, None, "a repeat makes no other");
    case.clock.advance(TimeDelta::days(7) - TimeDelta::milliseconds(1));
    assert!(case.of_token(&kept_token).await.is_some());
    case.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(case.of_token(&kept_token).await, None);
    assert!(!invitations.withdraw(kept.new.id).await.expect("an answer"));

    let again = case.invite(1).await;
    assert_ne!(invitations.token(&again), kept_token, "another invitation has another token");
    assert_eq!(case.of_token(&kept_token).await, None);
}

#[tokio::test]
async fn each_changed_character_makes_a_token_worthless() {
    let case = Case::new().await;
    let invitation = case.invite(1).await;
    let token = case.identity.invitations().token(&invitation);
    for at in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("text");
        assert_eq!(case.of_token(&forged).await, None, "changed at {at}");
    }
    for wrong in ["", "x", &token[1..], &format!("{token}A"), &"x".repeat(100_000)] {
        assert_eq!(case.of_token(wrong).await, None, "{wrong:.80}");
    }
    let items = case.client.scan().table_name(&case.tables.invitations).send().await.expect("the items");
    assert!(!format!("{items:?} {:?}", case.identity.invitations()).contains(&token), "it is stored nowhere");
}

#[tokio::test]
async fn the_list_has_those_that_nobody_has_taken_newest_first_in_pages_of_any_size() {
    let case = Case::new().await;
    let invitations = case.identity.invitations();
    case.invite(9).await;
    case.clock.advance(TimeDelta::days(7));
    for number in 1..=5 {
        case.clock.advance(TimeDelta::minutes(1));
        case.invite(number).await;
    }
    invitations.taken(Uuid::from_u128(2)).await.expect("an answer");
    invitations.withdraw(Uuid::from_u128(4)).await.expect("an answer");
    invitations.sent(Uuid::from_u128(3)).await.expect("an answer");

    for limit in [1, 2, 50] {
        assert_eq!(case.open(limit).await, [5, 3, 1].map(Uuid::from_u128), "{limit}");
        assert_eq!(case.sorted(limit, false).await, [1, 3, 5].map(Uuid::from_u128), "{limit}, oldest first");
    }
    let page = invitations.open(50, None, true).await.expect("a page");
    let sent: Vec<_> = page.items.iter().map(|invitation| invitation.sent_at.is_some()).collect();
    assert_eq!(sent, [false, true, false]);
    for wrong in ["", "x", "eHg"] {
        assert!(matches!(invitations.open(1, Some(wrong), true).await, Err(ListInvitationsError::Cursor)), "{wrong}");
    }
    for descending in [true, false] {
        let next = invitations.open(1, None, descending).await.expect("a page").next;
        let other = invitations.open(1, next.as_deref(), !descending).await;
        assert!(matches!(other, Err(ListInvitationsError::Cursor)), "{next:?}");
    }
}

#[tokio::test]
async fn an_invitation_that_was_taken_is_still_known_by_its_token_and_cannot_be_withdrawn() {
    let case = Case::new().await;
    let invitations = case.identity.invitations();
    let token = invitations.token(&case.invite(1).await);

    invitations.taken(Uuid::from_u128(1)).await.expect("an answer");

    assert!(case.of_token(&token).await.is_some_and(|invitation| invitation.taken_at.is_some()));
    assert!(!invitations.withdraw(Uuid::from_u128(1)).await.expect("an answer"));
    invitations.sent(Uuid::from_u128(7)).await.expect("of one that is not there there is nothing to keep");
}
