//! Which addresses an account's events take and give back.

use muster_domain::Decider as _;
use muster_domain::aggregate::Reservation;
use muster_domain::task::Task;
use muster_domain::user::{
    Role, UpdateUser, User, UserCommand, UserDeactivated, UserEmailChanged, UserEvent, UserJoinedTeam, UserLeftTeam,
    UserProfileChanged, UserReactivated, UserRoleChanged,
};
use uuid::Uuid;

use crate::fixtures::{NORTH, closed, created, deleted, registered, text};
use crate::scenario::fold;

const ID: Uuid = Uuid::from_u128(0xada);

fn claim(address: &str) -> Reservation {
    Reservation::Claim { key: format!("email#{address}"), owner: ID }
}

fn release(address: &str) -> Reservation {
    Reservation::Release { key: format!("email#{address}"), owner: ID }
}

fn moved(from: &str, to: &str) -> UserEvent {
    UserEmailChanged { from: text(from), to: text(to) }.into()
}

#[test]
fn every_event_takes_and_gives_back_what_it_says() {
    for (event, expected) in [
        (registered().into(), vec![claim("ada@example.com")]),
        (moved("Ada@example.com", "Ada@New.example"), vec![release("ada@example.com"), claim("ada@new.example")]),
        (moved("Ada@example.com", "ADA@EXAMPLE.COM"), vec![]),
        (UserDeactivated { email: text("Ada@example.com") }.into(), vec![release("ada@example.com")]),
        (UserReactivated { email: text("Ada@example.com") }.into(), vec![claim("ada@example.com")]),
        (UserProfileChanged::default().into(), vec![]),
        (UserRoleChanged { from: Role::Member, to: Role::Admin }.into(), vec![]),
        (UserJoinedTeam { team_id: NORTH }.into(), vec![]),
        (UserLeftTeam { team_id: NORTH }.into(), vec![]),
    ] {
        assert_eq!(User::reservations(ID, std::slice::from_ref(&event)), expected, "{event:?}");
    }
}

/// What a command to this account changes in the reservations.
fn reserved(history: &[UserEvent], command: UserCommand) -> Vec<Reservation> {
    User::reservations(ID, &fold::<User>(history).decide(command).unwrap())
}

#[test]
fn the_address_written_in_other_letters_is_kept_without_a_claim() {
    let update = |email: &str| {
        UserCommand::Update(UpdateUser {
            name: Some(text("Ada L.")),
            email: Some(text(email)),
            role: Some(Role::Manager),
            ..UpdateUser::default()
        })
    };
    let open = [registered().into()];
    assert_eq!(fold::<User>(&open).decide(update("ada@example.com")).unwrap().len(), 3);
    assert_eq!(reserved(&open, update("ada@example.com")), []);
    assert_eq!(reserved(&open, update("ada@new.example")), [release("ada@example.com"), claim("ada@new.example")]);
}

#[test]
fn an_address_is_free_while_the_account_is_closed() {
    assert_eq!(reserved(&[registered().into()], UserCommand::Deactivate), [release("ada@example.com")]);
    assert_eq!(reserved(&closed(), UserCommand::Reactivate), [claim("ada@example.com")]);
}

#[test]
fn a_task_reserves_nothing() {
    assert_eq!(Task::reservations(ID, &[created().into(), deleted(9).into()]), []);
}
