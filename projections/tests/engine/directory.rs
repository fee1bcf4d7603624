use muster_domain::UserId;
use muster_domain::team::{TeamCreated, TeamEvent};
use muster_domain::user::{Role, UserDeactivated, UserEvent, UserJoinedTeam, UserRegistered};
use muster_projections::directory::{UserDocument, UserFilter};
use muster_projections::spec::History;
use muster_projections::{DirectoryQueries, Page};

use crate::support::{World, team, time, user};

fn registered(number: u128, name: &str, role: Role) -> History {
    let event = UserRegistered {
        name: name.parse().unwrap(),
        email: format!("u{number}@example.com").parse().unwrap(),
        role,
        time_zone: "Europe/Berlin".parse().unwrap(),
        locale: None,
        phone: None,
        at: time("2026-03-02T08:00:00Z"),
    };
    History::of(user(number)).then(UserEvent::from(event))
}

fn joined(number: u128) -> UserEvent {
    UserJoinedTeam { team_id: team(number) }.into()
}

async fn filled() -> World {
    let world = World::new().await;
    let closed = UserDeactivated { email: "u3@example.com".parse().unwrap() };
    let founded = |number, name: &str| {
        let at = time("2026-03-02T08:00:00Z");
        let event = TeamCreated { name: name.parse().unwrap(), description: None, at };
        History::of(team(number)).then(TeamEvent::from(event))
    };
    let histories = [
        registered(1, "zoe", Role::Member).then(joined(1)),
        registered(2, "Ada", Role::Manager).then(joined(1)).then(joined(2)),
        registered(3, "ben", Role::Member).then(joined(1)).then(UserEvent::from(closed)),
        registered(4, "Ada", Role::Auditor),
        founded(1, "South"),
        founded(2, "north"),
    ];
    world.publish(histories.into_iter().flatten()).await;
    world
}

fn ids(users: &[UserDocument]) -> Vec<UserId> {
    users.iter().map(|user| user.id).collect()
}

#[tokio::test]
async fn users_are_listed_by_name_and_filtered() {
    let directory = DirectoryQueries::new(filled().await.models());
    let list = async |filter: UserFilter| ids(&directory.users(&filter, &Page::first(10)).await.unwrap().items);
    let all = UserFilter::default();
    assert_eq!(list(all.clone()).await, vec![user(2), user(4), user(3), user(1)]);
    assert_eq!(list(UserFilter { team: Some(team(1)), ..all.clone() }).await, vec![user(2), user(3), user(1)]);
    assert_eq!(list(UserFilter { role: Some(Role::Member), ..all.clone() }).await, vec![user(3), user(1)]);
    assert_eq!(list(UserFilter { active: Some(false), ..all.clone() }).await, vec![user(3)]);
    let both = UserFilter { active: Some(true), team: Some(team(1)), role: None };
    assert_eq!(list(both).await, vec![user(2), user(1)]);
}

#[tokio::test]
async fn a_list_of_users_goes_on_where_it_ended() {
    let directory = DirectoryQueries::new(filled().await.models());
    let first = directory.users(&UserFilter::default(), &Page::first(3)).await.unwrap();
    let page = Page { cursor: first.next, ..Page::first(3) };
    let second = directory.users(&UserFilter::default(), &page).await.unwrap();
    assert_eq!((ids(&first.items).len(), ids(&second.items), second.next), (3, vec![user(1)], None));
}

#[tokio::test]
async fn a_user_and_a_team_are_read_by_id() {
    let directory = DirectoryQueries::new(filled().await.models());
    let ada = directory.account(user(2)).await.unwrap().unwrap().document();
    assert_eq!((ada.version, ada.name.as_str(), ada.teams), (3, "Ada", vec![team(1), team(2)]));
    let south = directory.team(team(1)).await.unwrap().unwrap();
    assert_eq!((south.version, south.name.as_str()), (1, "South"));
    assert_eq!(directory.account(user(9)).await.unwrap(), None);
    assert_eq!(directory.team(team(9)).await.unwrap(), None);
}

#[tokio::test]
async fn teams_and_their_members_are_listed_by_name() {
    let directory = DirectoryQueries::new(filled().await.models());
    let teams = directory.teams(&Page::first(10)).await.unwrap().items;
    assert_eq!(teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), vec!["north", "South"]);
    assert_eq!(ids(&directory.members(team(1)).await.unwrap()), vec![user(2), user(3), user(1)]);
    assert_eq!(ids(&directory.members(team(9)).await.unwrap()), vec![]);
}
