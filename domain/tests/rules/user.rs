//! The rules of an account.

use muster_domain::TeamId;
use muster_domain::user::{
    MAX_TEAMS, NotificationChannels, NotificationPreferences, RegisterUser, Role, UpdateUser, User, UserCommand,
    UserDeactivated, UserEmailChanged, UserErased, UserError, UserEvent, UserJoinedTeam, UserLeftTeam,
    UserNotificationPreferencesChanged, UserProfileChanged, UserReactivated, UserRegistered, UserRoleChanged,
};
use muster_domain::values::{Change, TimeZone};
use uuid::Uuid;

use crate::fixtures::{NORTH, SOUTH, at, closed, registered, silent, text};
use crate::scenario::given;

fn register() -> UserCommand {
    let UserRegistered { name, email, role, time_zone, locale, phone, at } = registered();
    UserCommand::Register(RegisterUser { name, email, role, time_zone, locale, phone, at })
}

fn joined(team_id: TeamId) -> UserEvent {
    UserJoinedTeam { team_id }.into()
}

/// Everything but the registration that can be asked of an open account.
fn requests() -> [UserCommand; 5] {
    [
        UserCommand::Update(UpdateUser::default()),
        UserCommand::ChangeNotificationPreferences(NotificationPreferences::default()),
        UserCommand::JoinTeam(NORTH),
        UserCommand::LeaveTeam(NORTH),
        UserCommand::Deactivate,
    ]
}

#[test]
fn an_account_is_registered_once() {
    given::<User>([]).when(register()).then([registered().into()]);
    given::<User>([registered().into()]).when(register()).then_refused(UserError::AlreadyExists);
    given::<User>(closed()).when(register()).then_refused(UserError::AlreadyExists);
}

#[test]
fn nothing_can_be_asked_of_an_account_that_does_not_exist() {
    for request in requests().into_iter().chain([UserCommand::Reactivate]) {
        given::<User>([]).when(request).then_refused(UserError::NotFound);
    }
}

#[test]
fn a_closed_account_can_only_be_opened_again() {
    for request in requests() {
        given::<User>(closed()).when(request).then_refused(UserError::Inactive);
    }
    let user = given::<User>(closed())
        .when(UserCommand::Reactivate)
        .then([UserReactivated { email: text("Ada@example.com") }.into()]);
    assert!(user.state.unwrap().active);
}

#[test]
fn an_open_account_can_be_closed_and_not_opened() {
    given::<User>([registered().into()]).when(UserCommand::Reactivate).then_refused(UserError::Active);
    let user = given::<User>([registered().into()])
        .when(UserCommand::Deactivate)
        .then([UserDeactivated { email: text("Ada@example.com") }.into()]);
    assert!(!user.state.unwrap().active);
}

#[test]
fn closing_and_opening_name_the_address_that_the_account_has_by_then() {
    let moved = UserEmailChanged { from: text("Ada@example.com"), to: text("ada@new.example") };
    let closed = UserDeactivated { email: text("ada@new.example") };
    given::<User>([registered().into(), moved.clone().into()])
        .when(UserCommand::Deactivate)
        .then([closed.clone().into()]);
    given::<User>([registered().into(), moved.into(), closed.into()])
        .when(UserCommand::Reactivate)
        .then([UserReactivated { email: text("ada@new.example") }.into()]);
}

#[test]
fn each_kind_of_change_is_its_own_event_in_a_fixed_order() {
    let update = UpdateUser {
        name: Some(text("Ada L.")),
        email: Some(text("ada@new.example")),
        role: Some(Role::Manager),
        time_zone: Some(text("Europe/Berlin")),
        locale: Some(Some(text("de-DE"))),
        phone: Some(Some(text("+49 30 1234"))),
    };
    given::<User>([registered().into()]).when(UserCommand::Update(update)).then([
        UserProfileChanged {
            name: Some(Change { from: text("Ada"), to: text("Ada L.") }),
            time_zone: Some(Change { from: TimeZone::default(), to: text("Europe/Berlin") }),
            locale: Some(Change { from: None, to: Some(text("de-DE")) }),
            phone: Some(Change { from: None, to: Some(text("+49 30 1234")) }),
        }
        .into(),
        UserEmailChanged { from: text("Ada@example.com"), to: text("ada@new.example") }.into(),
        UserRoleChanged { from: Role::Member, to: Role::Manager }.into(),
    ]);
}

#[test]
fn a_profile_change_names_only_what_changed() {
    let mut user = registered();
    user.phone = Some(text("+49 30 1234"));
    let update = UpdateUser { name: Some(text("Ada")), phone: Some(None), ..UpdateUser::default() };
    given::<User>([user.into()]).when(UserCommand::Update(update)).then([UserProfileChanged {
        phone: Some(Change { from: Some(text("+49 30 1234")), to: None }),
        ..UserProfileChanged::default()
    }
    .into()]);
}

#[test]
fn an_update_that_asks_for_nothing_new_changes_nothing() {
    let same = UpdateUser {
        name: Some(text("Ada")),
        email: Some(text("Ada@example.com")),
        role: Some(Role::Member),
        time_zone: Some(TimeZone::default()),
        locale: Some(None),
        phone: Some(None),
    };
    for update in [UpdateUser::default(), same] {
        given::<User>([registered().into()]).when(UserCommand::Update(update)).then_nothing();
    }
}

#[test]
fn somebody_changes_what_they_are_told_from_the_defaults_and_back() {
    let defaults = NotificationPreferences::default();
    let asked = UserCommand::ChangeNotificationPreferences;
    let changed = |from, to| UserEvent::from(UserNotificationPreferencesChanged { from, to });
    let user = given::<User>([registered().into()]).when(asked(silent())).then([changed(defaults, silent())]);
    assert_eq!(user.state.unwrap().notifications(), silent());
    let user = given::<User>([registered().into(), changed(defaults, silent())])
        .when(asked(defaults))
        .then([changed(silent(), defaults)]);
    assert_eq!(user.state.unwrap().notifications(), defaults);
}

#[test]
fn to_be_told_as_before_changes_nothing() {
    let defaults = NotificationPreferences::default();
    let asked = UserCommand::ChangeNotificationPreferences;
    given::<User>([registered().into()]).when(asked(defaults)).then_nothing();
    let changed = UserNotificationPreferencesChanged { from: defaults, to: silent() };
    given::<User>([registered().into(), changed.into()]).when(asked(silent())).then_nothing();
}

#[test]
fn whoever_changes_one_kind_changes_no_other() {
    let before = NotificationPreferences::default();
    let mut after = before;
    after.channels.hold = NotificationChannels::default();
    let user = given::<User>([registered().into()])
        .when(UserCommand::ChangeNotificationPreferences(after))
        .then([UserNotificationPreferencesChanged { from: before, to: after }.into()]);
    let state = user.state.unwrap();
    assert_eq!(state.notifications(), after);
    assert_eq!((state.name, state.time_zone), (text("Ada"), TimeZone::default()));
}

#[test]
fn a_person_joins_a_team_once_and_leaves_it_once() {
    given::<User>([registered().into()]).when(UserCommand::JoinTeam(NORTH)).then([joined(NORTH)]);
    given::<User>([registered().into(), joined(NORTH)]).when(UserCommand::JoinTeam(NORTH)).then_nothing();
    given::<User>([registered().into(), joined(NORTH)])
        .when(UserCommand::LeaveTeam(NORTH))
        .then([UserLeftTeam { team_id: NORTH }.into()]);
    given::<User>([registered().into(), joined(NORTH)]).when(UserCommand::LeaveTeam(SOUTH)).then_nothing();
}

#[test]
fn a_person_is_in_a_bounded_number_of_teams() {
    let team = |n: usize| TeamId(Uuid::from_u128(1000 + n as u128));
    let busy = |teams: usize| [registered().into()].into_iter().chain((0..teams).map(move |n| joined(team(n))));
    given::<User>(busy(MAX_TEAMS - 1)).when(UserCommand::JoinTeam(NORTH)).then([joined(NORTH)]);
    given::<User>(busy(MAX_TEAMS)).when(UserCommand::JoinTeam(NORTH)).then_refused(UserError::TooManyTeams);
    // One of the fifty again is no new one.
    given::<User>(busy(MAX_TEAMS)).when(UserCommand::JoinTeam(team(0))).then_nothing();
    let left = busy(MAX_TEAMS).chain([UserLeftTeam { team_id: team(0) }.into()]);
    given::<User>(left).when(UserCommand::JoinTeam(NORTH)).then([joined(NORTH)]);
}

#[test]
fn only_a_closed_account_is_erased_and_only_once() {
    let shut = || [registered().into(), UserDeactivated { email: registered().email }.into()];
    let erased = || UserEvent::from(UserErased { at: at(9) });
    let erase = || UserCommand::Erase { at: at(9) };
    given::<User>(shut()).when(erase()).then([erased()]);
    given::<User>([registered().into()]).when(erase()).then_refused(UserError::Active);
    given::<User>([]).when(erase()).then_refused(UserError::NotFound);
    given::<User>(shut().into_iter().chain([erased()])).when(erase()).then_nothing();
}

#[test]
fn nothing_more_happens_to_who_is_erased() {
    let history = || {
        [
            registered().into(),
            UserDeactivated { email: registered().email }.into(),
            UserEvent::from(UserErased { at: at(9) }),
        ]
    };
    for command in [
        UserCommand::Reactivate,
        UserCommand::Update(UpdateUser::default()),
        UserCommand::ChangeNotificationPreferences(silent()),
        UserCommand::JoinTeam(NORTH),
        UserCommand::Deactivate,
    ] {
        given::<User>(history()).when(command).then_refused(UserError::Erased);
    }
}

#[test]
fn a_refusal_says_why() {
    for (refusal, words) in [
        (UserError::NotFound, "there is no such user"),
        (UserError::AlreadyExists, "there is a user of this id already"),
        (UserError::Inactive, "the user is deactivated"),
        (UserError::Active, "the user is active"),
        (UserError::Erased, "the user's personal data was erased"),
        (UserError::TooManyTeams, "a user may be in at most 50 teams"),
    ] {
        assert_eq!(refusal.to_string(), words);
    }
}
