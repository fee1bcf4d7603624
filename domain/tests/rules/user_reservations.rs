//! Which addresses an account's events take and give back.

use muster_domain::Decider as _;
use muster_domain::aggregate::Reservation;
use muster_domain::task::Task;
use muster_domain::user::{
    ADMINISTRATORS, NotificationPreferences, Role, UpdateUser, User, UserCommand, UserDeactivated, UserEmailChanged,
    UserEvent, UserJoinedTeam, UserLeftTeam, UserNotificationPreferencesChanged, UserProfileChanged, UserReactivated,
    UserRegistered, UserRoleChanged,
};
use uuid::Uuid;

use crate::fixtures::{NORTH, closed, created, deleted, registered, silent, text};
use crate::scenario::fold;

const ID: Uuid = Uuid::from_u128(0xada);

fn claim(address: &str) -> Reservation {
    Reservation::Claim { key: format!("email#{address}"), owner: ID }
}

fn release(address: &str) -> Reservation {
    Reservation::Release { key: format!("email#{address}"), owner: ID }
}

fn join() -> Reservation {
    Reservation::Join { key: "role#admin".to_owned(), member: ID }
}

fn leave() -> Reservation {
    Reservation::Leave { key: "role#admin".to_owned(), member: ID }
}

fn moved(from: &str, to: &str) -> UserEvent {
    UserEmailChanged { from: text(from), to: text(to) }.into()
}

fn told(to: NotificationPreferences) -> UserEvent {
    UserNotificationPreferencesChanged { from: NotificationPreferences::default(), to }.into()
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
        (told(silent()), vec![]),
        (UserRoleChanged { from: Role::Member, to: Role::Manager }.into(), vec![]),
        (UserRoleChanged { from: Role::Member, to: Role::Admin }.into(), vec![join()]),
        (UserRoleChanged { from: Role::Admin, to: Role::Member }.into(), vec![leave()]),
        (UserJoinedTeam { team_id: NORTH }.into(), vec![]),
        (UserLeftTeam { team_id: NORTH }.into(), vec![]),
    ] {
        let mut user = fold::<User>(&[registered().into()]);
        user.evolve(&event);
        assert_eq!(user.reservations(ID, std::slice::from_ref(&event)), expected, "{event:?}");
    }
}

/// What a command to this account changes in the reservations.
fn reserved(history: &[UserEvent], command: UserCommand) -> Vec<Reservation> {
    let mut user = fold::<User>(history);
    let events = user.decide(command).unwrap();
    for event in &events {
        user.evolve(event);
    }
    user.reservations(ID, &events)
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
fn an_administrator_is_on_the_roster_while_the_account_is_open() {
    let administrator = UserRegistered { role: Role::Admin, ..registered() };
    let open: [UserEvent; 1] = [administrator.into()];
    let shut = [open[0].clone(), UserDeactivated { email: registered().email }.into()];
    let role = |role| UserCommand::Update(UpdateUser { role: Some(role), ..UpdateUser::default() });
    assert_eq!(fold::<User>(&open).reservations(ID, &open), [claim("ada@example.com"), join()]);
    assert_eq!(reserved(&open, role(Role::Auditor)), [leave()]);
    assert_eq!(reserved(&open, UserCommand::Deactivate), [release("ada@example.com"), leave()]);
    assert_eq!(reserved(&shut, UserCommand::Reactivate), [claim("ada@example.com"), join()]);
    assert_eq!(reserved(&open, UserCommand::JoinTeam(NORTH)), []);
    assert_eq!([&open[..], &shut[..]].map(|history| fold::<User>(history).is_on(ADMINISTRATORS)), [true, false]);
    assert!(!fold::<User>(&open).is_on("role#member"), "there is one roster");
}

#[test]
fn a_task_reserves_nothing() {
    assert_eq!(Task::default().reservations(ID, &[created().into(), deleted(9).into()]), []);
}

/// What the changes of a whole history come to.
fn come_to(history: &[UserEvent]) -> Vec<Reservation> {
    let (mut user, mut held) = (User::default(), Vec::<Reservation>::new());
    for event in history {
        user.evolve(event);
        for change in user.reservations(ID, std::slice::from_ref(event)) {
            held.retain(|before| before.key() != change.key());
            if matches!(change, Reservation::Claim { .. } | Reservation::Join { .. }) {
                held.push(change);
            }
        }
    }
    held
}

#[test]
fn what_an_account_holds_in_the_end_is_what_its_events_came_to() {
    let promoted = || UserRoleChanged { from: Role::Member, to: Role::Admin }.into();
    let closed_here = || UserDeactivated { email: text("Ada@new.example") }.into();
    let moved_away = || moved("Ada@example.com", "Ada@new.example");
    for (history, expected) in [
        (vec![registered().into()], vec![claim("ada@example.com")]),
        (vec![registered().into(), moved_away()], vec![claim("ada@new.example")]),
        (vec![registered().into(), promoted(), moved_away()], vec![claim("ada@new.example"), join()]),
        (vec![registered().into(), promoted(), moved_away(), closed_here()], vec![]),
    ] {
        let mut came_to = come_to(&history);
        came_to.sort_by(|one, other| one.key().cmp(other.key()));
        assert_eq!(came_to, expected, "{history:?}");
        assert_eq!(fold::<User>(&history).held(ID), expected, "{history:?}");
    }
    assert_eq!(Task::default().held(ID), vec![]);
}
