//! What every event makes of an account.

use std::collections::BTreeSet;

use muster_domain::user::{
    NotificationPreferences, Role, User, UserDeactivated, UserEmailChanged, UserErased, UserEvent, UserJoinedTeam,
    UserLeftTeam, UserNotificationPreferencesChanged, UserProfileChanged, UserReactivated, UserRegistered,
    UserRoleChanged, UserState,
};
use muster_domain::values::Change;

use crate::fixtures::{NORTH, SOUTH, at, registered, silent, text};
use crate::scenario::fold;

fn begin() -> UserRegistered {
    UserRegistered { locale: Some(text("en-GB")), time_zone: text("Europe/London"), ..registered() }
}

/// The account that [`begin`] begins.
fn new() -> UserState {
    UserState {
        name: text("Ada"),
        email: text("Ada@example.com"),
        role: Role::Member,
        time_zone: text("Europe/London"),
        locale: Some(text("en-GB")),
        phone: None,
        notification_preferences: None,
        teams: BTreeSet::new(),
        active: true,
        created_at: at(8),
        erased_at: None,
    }
}

#[track_caller]
fn assert_evolves(events: &[UserEvent], expected: UserState) {
    let history = [vec![begin().into()], events.to_vec()].concat();
    assert_eq!(fold::<User>(&history), User { state: Some(expected) });
}

#[test]
fn registration_opens_the_account_without_teams() {
    assert_evolves(&[], new());
}

#[test]
fn a_profile_change_sets_only_what_it_names() {
    let name = Change { from: text("Ada"), to: text("Ada L.") };
    assert_evolves(
        &[UserProfileChanged { name: Some(name), ..UserProfileChanged::default() }.into()],
        UserState { name: text("Ada L."), ..new() },
    );
    assert_evolves(
        &[UserProfileChanged {
            name: None,
            time_zone: Some(Change { from: text("Europe/London"), to: text("Asia/Tokyo") }),
            locale: Some(Change { from: Some(text("en-GB")), to: None }),
            phone: Some(Change { from: None, to: Some(text("+81 3 1234")) }),
        }
        .into()],
        UserState { time_zone: text("Asia/Tokyo"), locale: None, phone: Some(text("+81 3 1234")), ..new() },
    );
}

#[test]
fn address_and_role_become_what_the_event_says() {
    assert_evolves(
        &[UserEmailChanged { from: text("Ada@example.com"), to: text("ada@new.example") }.into()],
        UserState { email: text("ada@new.example"), ..new() },
    );
    assert_evolves(
        &[UserRoleChanged { from: Role::Member, to: Role::Auditor }.into()],
        UserState { role: Role::Auditor, ..new() },
    );
}

#[test]
fn whoever_has_chosen_how_to_be_told_has_chosen_it_also_where_it_is_the_default() {
    let defaults = NotificationPreferences::default();
    let changed = |from, to| UserEvent::from(UserNotificationPreferencesChanged { from, to });
    assert_evolves(&[changed(defaults, silent())], UserState { notification_preferences: Some(silent()), ..new() });
    assert_evolves(
        &[changed(defaults, silent()), changed(silent(), defaults)],
        UserState { notification_preferences: Some(defaults), ..new() },
    );
}

#[test]
fn teams_are_joined_and_left() {
    let joined = |team_id| UserEvent::from(UserJoinedTeam { team_id });
    assert_evolves(&[joined(NORTH), joined(SOUTH)], UserState { teams: [NORTH, SOUTH].into(), ..new() });
    assert_evolves(
        &[joined(NORTH), joined(SOUTH), UserLeftTeam { team_id: NORTH }.into()],
        UserState { teams: [SOUTH].into(), ..new() },
    );
}

#[test]
fn an_account_is_closed_and_opened_and_keeps_its_teams() {
    let joined = || UserEvent::from(UserJoinedTeam { team_id: NORTH });
    let closed = || UserEvent::from(UserDeactivated { email: new().email });
    assert_evolves(&[joined(), closed()], UserState { active: false, teams: [NORTH].into(), ..new() });
    assert_evolves(
        &[joined(), closed(), UserReactivated { email: new().email }.into()],
        UserState { teams: [NORTH].into(), ..new() },
    );
}

#[test]
fn of_who_is_erased_the_account_stays_and_nothing_that_says_who_it_was() {
    let known =
        UserProfileChanged { phone: Some(Change { from: None, to: Some(text("+44 20")) }), ..Default::default() };
    assert_evolves(
        &[known.into(), UserDeactivated { email: new().email }.into(), UserErased { at: at(9) }.into()],
        UserState {
            name: text("Erased person"),
            email: text("erased@erased.invalid"),
            locale: None,
            phone: None,
            active: false,
            erased_at: Some(at(9)),
            ..new()
        },
    );
}

#[test]
fn before_its_registration_there_is_no_account_to_change() {
    assert_eq!(fold::<User>(&[UserJoinedTeam { team_id: NORTH }.into()]), User::default());
}
