use chrono::{DateTime, Utc};
use muster_domain::personal::Opener;
use muster_domain::team::*;
use muster_domain::user::*;
use muster_domain::values::{Change, TimeZone};
use muster_domain::{AggregateType, TeamId, UserId};
use uuid::Uuid;

use super::{Account, Directory, DirectoryRow, Party, TeamDocument, UserDocument, fold_account, fold_team};
use crate::projection::Projection;
use crate::spec::{History, ProjectionSpec};

const NORTH: TeamId = TeamId(Uuid::from_u128(0x71));
const ADA: UserId = UserId(Uuid::from_u128(0x1));

fn start() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

fn state() -> UserState {
    UserState {
        name: "Ada".parse().unwrap(),
        email: "Ada@example.com".parse().unwrap(),
        role: Role::Member,
        time_zone: TimeZone::default(),
        locale: None,
        phone: None,
        notification_preferences: None,
        teams: [].into(),
        active: true,
        created_at: start(),
        erased_at: None,
    }
}

fn registered() -> UserEvent {
    UserRegistered {
        name: "Ada".parse().unwrap(),
        email: "Ada@example.com".parse().unwrap(),
        role: Role::Member,
        time_zone: TimeZone::default(),
        locale: None,
        phone: None,
        at: start(),
    }
    .into()
}

/// After registration and these events the row is the registered one, changed like this.
#[track_caller]
fn then(events: impl IntoIterator<Item = UserEvent>, change: impl FnOnce(&mut UserState)) {
    let history = events.into_iter().fold(History::of(ADA).then(registered()), History::then);
    let updated_at = history.events().last().unwrap().recorded_at;
    let mut user = state();
    change(&mut user);
    ProjectionSpec::given(Directory, history).then_row(DirectoryRow { party: Party::User(user), updated_at });
}

#[test]
fn a_registered_user_is_listed_by_name() {
    then([], |_| {});
    ProjectionSpec::given(Directory, History::of(ADA).then(registered()))
        .then_keys(&[("gsi_users", "all".into()), ("name", "ada#00000000-0000-0000-0000-000000000001".into())]);
}

#[test]
fn a_profile_changes() {
    let changed = UserProfileChanged {
        name: Some(Change { from: "Ada".parse().unwrap(), to: "Ada Lovelace".parse().unwrap() }),
        time_zone: Some(Change { from: TimeZone::default(), to: "Europe/London".parse().unwrap() }),
        locale: Some(Change { from: None, to: Some("en-GB".parse().unwrap()) }),
        phone: Some(Change { from: None, to: Some("+44 1".parse().unwrap()) }),
    };
    then([changed.into()], |user| {
        user.name = "Ada Lovelace".parse().unwrap();
        user.time_zone = "Europe/London".parse().unwrap();
        user.locale = Some("en-GB".parse().unwrap());
        user.phone = Some("+44 1".parse().unwrap());
    });
}

#[test]
fn an_address_changes() {
    let to: muster_domain::values::Email = "ada@example.org".parse().unwrap();
    then([UserEmailChanged { from: state().email, to: to.clone() }.into()], |user| user.email = to);
}

#[test]
fn a_role_changes() {
    then([UserRoleChanged { from: Role::Member, to: Role::Admin }.into()], |user| user.role = Role::Admin);
}

#[test]
fn somebody_is_told_otherwise() {
    let from = NotificationPreferences::default();
    let mut to = from;
    to.channels.hold = NotificationChannels::default();
    then([UserNotificationPreferencesChanged { from, to }.into()], |user| user.notification_preferences = Some(to));
}

#[test]
fn a_user_joins_and_leaves_a_team() {
    let joined = UserEvent::from(UserJoinedTeam { team_id: NORTH });
    then([joined.clone()], |user| user.teams = [NORTH].into());
    then([joined, UserLeftTeam { team_id: NORTH }.into()], |_| {});
}

#[test]
fn a_deactivated_user_stays_listed_and_can_come_back() {
    let closed = UserEvent::from(UserDeactivated { email: state().email });
    then([closed.clone()], |user| user.active = false);
    then([closed, UserReactivated { email: state().email }.into()], |_| {});
}

#[test]
fn of_an_erased_user_nothing_personal_is_left() {
    let closed = UserEvent::from(UserDeactivated { email: state().email });
    then([closed, UserErased { at: start() }.into()], |user| {
        user.name = "Erased person".parse().unwrap();
        user.email = "erased@erased.invalid".parse().unwrap();
        user.active = false;
        user.erased_at = Some(start());
    });
}

#[test]
fn a_team_is_listed_by_name_and_changes() {
    let created = TeamCreated { name: "North".parse().unwrap(), description: None, at: start() };
    let edited = TeamEdited {
        name: Some(Change { from: "North".parse().unwrap(), to: "Nörd".parse().unwrap() }),
        description: Some(Change { from: None, to: Some("Lifts.".parse().unwrap()) }),
    };
    let history = History::of(NORTH).then(TeamEvent::from(created)).then(TeamEvent::from(edited));
    let updated_at = history.events()[1].recorded_at;
    let state =
        TeamState { name: "Nörd".parse().unwrap(), description: Some("Lifts.".parse().unwrap()), created_at: start() };
    ProjectionSpec::given(Directory, history)
        .then_row(DirectoryRow { party: Party::Team(state), updated_at })
        .then_keys(&[("gsi_teams", "all".into()), ("name", "nörd#00000000-0000-0000-0000-000000000071".into())]);
}

#[test]
fn the_second_registration_of_one_user_is_refused() {
    let history = History::of(ADA).then(registered()).then(registered());
    ProjectionSpec::given(Directory, history).then_parked(2, "UserRegistered cannot be at version 2");
}

#[test]
fn tasks_are_not_in_the_directory() {
    assert!(!Directory.wants(AggregateType::Task));
}

#[test]
fn a_user_and_a_team_are_folded_from_their_events() {
    let user = History::of(ADA).then(registered());
    let ada = Account { id: ADA, version: 1, state: state(), updated_at: start() };
    assert_eq!(ada.document(), UserDocument::new(ADA, &state(), 1, start()));
    assert_eq!(fold_account(user.events(), &Opener::NoKey).unwrap(), Some(ada));
    assert_eq!(fold_account(&[], &Opener::NoKey).unwrap(), None);
    let created = TeamCreated { name: "North".parse().unwrap(), description: None, at: start() };
    let team = History::of(NORTH).then(TeamEvent::from(created));
    let state = TeamState { name: "North".parse().unwrap(), description: None, created_at: start() };
    assert_eq!(fold_team(team.events()).unwrap(), Some(TeamDocument::new(NORTH, &state, 1, start())));
    assert_eq!(fold_team(user.events()).unwrap(), None);
    assert_eq!(fold_account(team.events(), &Opener::NoKey).unwrap(), None);
}
