//! The rules of an account.

use uuid::Uuid;

use super::command::{RegisterUser, UpdateUser, UserCommand};
use super::event::{
    UserDeactivated, UserEmailChanged, UserErased, UserEvent, UserJoinedTeam, UserLeftTeam,
    UserNotificationPreferencesChanged, UserProfileChanged, UserReactivated, UserRegistered, UserRoleChanged,
};
use super::state::{Role, User, UserState};
use crate::aggregate::{Decider, Reservation, impl_aggregate};
use crate::ids::TeamId;
use crate::stream::AggregateType;
use crate::values::Change;

/// The most teams that one person may be in.
pub const MAX_TEAMS: usize = 50;

/// The roster of the active administrators, of whom there is always one.
pub const ADMINISTRATORS: &str = "role#admin";

/// Why a request to an account is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// There is no such account.
    #[error("there is no such user")]
    NotFound,
    /// There is one already.
    #[error("there is a user of this id already")]
    AlreadyExists,
    /// It is closed.
    #[error("the user is deactivated")]
    Inactive,
    /// It is open.
    #[error("the user is active")]
    Active,
    /// Everything personal of it was erased.
    #[error("the user's personal data was erased")]
    Erased,
    /// It is in as many teams as it may be.
    #[error("a user may be in at most {MAX_TEAMS} teams")]
    TooManyTeams,
}

impl Decider for User {
    const KIND: AggregateType = AggregateType::User;
    const STATE_SCHEMA: u32 = 3;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match (&self.state, command) {
            (None, UserCommand::Register(user)) => Ok(vec![registered(user).into()]),
            (Some(_), UserCommand::Register(_)) => Err(UserError::AlreadyExists),
            (None, _) => Err(UserError::NotFound),
            // Erasing twice changes nothing; and nothing else happens to who is erased.
            (Some(UserState { erased_at: Some(_), .. }), UserCommand::Erase { .. }) => Ok(vec![]),
            (Some(UserState { erased_at: Some(_), .. }), _) => Err(UserError::Erased),
            (Some(user), UserCommand::Erase { .. }) if user.active => Err(UserError::Active),
            (Some(_), UserCommand::Erase { at }) => Ok(vec![UserErased { at }.into()]),
            (Some(user), UserCommand::Reactivate) if user.active => Err(UserError::Active),
            (Some(user), UserCommand::Reactivate) => Ok(vec![UserReactivated { email: user.email.clone() }.into()]),
            (Some(user), _) if !user.active => Err(UserError::Inactive),
            (Some(user), UserCommand::Update(update)) => Ok(updated(user, &update)),
            (Some(user), UserCommand::ChangeNotificationPreferences(to)) => {
                let changed = Change::between(&user.notifications(), &to);
                let event = changed.map(|Change { from, to }| UserNotificationPreferencesChanged { from, to }.into());
                Ok(event.into_iter().collect())
            }
            (Some(user), UserCommand::JoinTeam(team_id)) => joined(user, team_id),
            (Some(user), UserCommand::LeaveTeam(team_id)) => {
                Ok(user.teams.contains(&team_id).then(|| UserLeftTeam { team_id }.into()).into_iter().collect())
            }
            (Some(user), UserCommand::Deactivate) => Ok(vec![UserDeactivated { email: user.email.clone() }.into()]),
        }
    }

    fn evolve(&mut self, event: &UserEvent) {
        super::evolve::evolve(self, event);
    }

    /// An address belongs to at most one active account, and an administrator leaves only when another one stays.
    fn reservations(&self, id: Uuid, events: &[UserEvent]) -> Vec<Reservation> {
        let claim = |email: &crate::values::Email| Reservation::Claim { key: email.reservation_key(), owner: id };
        let release = |email: &crate::values::Email| Reservation::Release { key: email.reservation_key(), owner: id };
        let roster = self.roster(id, events);
        let emails = events.iter().flat_map(|event| match event {
            UserEvent::UserRegistered(registered) => vec![claim(&registered.email)],
            // The same address in other letters stays reserved.
            UserEvent::UserEmailChanged(UserEmailChanged { from, to })
                if from.reservation_key() == to.reservation_key() =>
            {
                vec![]
            }
            UserEvent::UserEmailChanged(changed) => vec![release(&changed.from), claim(&changed.to)],
            UserEvent::UserDeactivated(deactivated) => vec![release(&deactivated.email)],
            UserEvent::UserReactivated(reactivated) => vec![claim(&reactivated.email)],
            UserEvent::UserProfileChanged(_)
            | UserEvent::UserRoleChanged(_)
            | UserEvent::UserNotificationPreferencesChanged(_)
            | UserEvent::UserJoinedTeam(_)
            | UserEvent::UserLeftTeam(_)
            // The address was released when the account was closed.
            | UserEvent::UserErased(_) => vec![],
        });
        emails.chain(roster).collect()
    }

    fn held(&self, id: Uuid) -> Vec<Reservation> {
        let active = self.state.as_ref().filter(|user| user.active);
        let email = active.map(|user| Reservation::Claim { key: user.email.reservation_key(), owner: id });
        let roster =
            self.is_on(ADMINISTRATORS).then(|| Reservation::Join { key: ADMINISTRATORS.to_owned(), member: id });
        email.into_iter().chain(roster).collect()
    }

    fn is_on(&self, roster: &str) -> bool {
        roster == ADMINISTRATORS && self.is_administrator()
    }
}

impl User {
    /// Whether it is an open account of an administrator.
    pub fn is_administrator(&self) -> bool {
        self.state.as_ref().is_some_and(|user| user.active && user.role == Role::Admin)
    }

    /// What these events change in the roster of administrators. A closed account keeps its role.
    fn roster(&self, id: Uuid, events: &[UserEvent]) -> Option<Reservation> {
        let role = self.state.as_ref().map(|user| user.role);
        let concerns = events.iter().any(|event| match event {
            UserEvent::UserRegistered(registered) => registered.role == Role::Admin,
            UserEvent::UserRoleChanged(UserRoleChanged { from, to }) => *from == Role::Admin || *to == Role::Admin,
            UserEvent::UserDeactivated(_) | UserEvent::UserReactivated(_) => role == Some(Role::Admin),
            UserEvent::UserProfileChanged(_)
            | UserEvent::UserEmailChanged(_)
            | UserEvent::UserNotificationPreferencesChanged(_)
            | UserEvent::UserJoinedTeam(_)
            | UserEvent::UserLeftTeam(_)
            // Who is erased left the roster when the account was closed.
            | UserEvent::UserErased(_) => false,
        });
        let key = ADMINISTRATORS.to_owned();
        concerns.then(|| {
            if self.is_on(ADMINISTRATORS) {
                Reservation::Join { key, member: id }
            } else {
                Reservation::Leave { key, member: id }
            }
        })
    }
}

impl_aggregate!(User, AggregateType::User, UserCommand, UserEvent, UserError);

fn registered(user: RegisterUser) -> UserRegistered {
    let RegisterUser { name, email, role, time_zone, locale, phone, at } = user;
    UserRegistered { name, email, role, time_zone, locale, phone, at }
}

/// Joining a team twice changes nothing.
fn joined(user: &UserState, team_id: TeamId) -> Result<Vec<UserEvent>, UserError> {
    if user.teams.contains(&team_id) {
        return Ok(vec![]);
    }
    if user.teams.len() >= MAX_TEAMS {
        return Err(UserError::TooManyTeams);
    }
    Ok(vec![UserJoinedTeam { team_id }.into()])
}

/// One event for each kind of change: profile, address, role.
fn updated(user: &UserState, update: &UpdateUser) -> Vec<UserEvent> {
    let mut events = Vec::new();
    let profile = UserProfileChanged {
        name: Change::requested(&user.name, update.name.as_ref()),
        time_zone: Change::requested(&user.time_zone, update.time_zone.as_ref()),
        locale: Change::requested(&user.locale, update.locale.as_ref()),
        phone: Change::requested(&user.phone, update.phone.as_ref()),
    };
    if profile != UserProfileChanged::default() {
        events.push(profile.into());
    }
    if let Some(Change { from, to }) = Change::requested(&user.email, update.email.as_ref()) {
        events.push(UserEmailChanged { from, to }.into());
    }
    if let Some(Change { from, to }) = Change::requested(&user.role, update.role.as_ref()) {
        events.push(UserRoleChanged { from, to }.into());
    }
    events
}
