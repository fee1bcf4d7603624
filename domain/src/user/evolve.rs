//! How events change an account.

use std::collections::BTreeSet;

use super::event::{UserEvent, UserProfileChanged, UserRegistered};
use super::state::{User, UserState};
use crate::values::{Email, Name};

/// The account after the event. A stored history begins with `UserRegistered`.
pub(super) fn evolve(user: &mut User, event: &UserEvent) {
    if let UserEvent::UserRegistered(registered) = event {
        user.state = Some(begin(registered));
    } else if let Some(state) = &mut user.state {
        advance(state, event);
    }
}

fn begin(registered: &UserRegistered) -> UserState {
    UserState {
        name: registered.name.clone(),
        email: registered.email.clone(),
        role: registered.role,
        time_zone: registered.time_zone,
        locale: registered.locale.clone(),
        phone: registered.phone.clone(),
        notification_preferences: None,
        teams: BTreeSet::new(),
        active: true,
        created_at: registered.at,
        erased_at: None,
    }
}

fn advance(user: &mut UserState, event: &UserEvent) {
    match event {
        UserEvent::UserRegistered(registered) => *user = begin(registered),
        UserEvent::UserProfileChanged(changed) => profile(user, changed),
        UserEvent::UserEmailChanged(changed) => user.email = changed.to.clone(),
        UserEvent::UserRoleChanged(changed) => user.role = changed.to,
        UserEvent::UserNotificationPreferencesChanged(changed) => user.notification_preferences = Some(changed.to),
        UserEvent::UserJoinedTeam(joined) => {
            user.teams.insert(joined.team_id);
        }
        UserEvent::UserLeftTeam(left) => {
            user.teams.remove(&left.team_id);
        }
        UserEvent::UserDeactivated(_) => user.active = false,
        UserEvent::UserReactivated(_) => user.active = true,
        UserEvent::UserErased(erased) => {
            user.name = Name::erased();
            user.email = Email::erased();
            user.locale = None;
            user.phone = None;
            user.erased_at = Some(erased.at);
        }
    }
}

fn profile(user: &mut UserState, changed: &UserProfileChanged) {
    if let Some(name) = &changed.name {
        user.name = name.to.clone();
    }
    if let Some(time_zone) = &changed.time_zone {
        user.time_zone = time_zone.to;
    }
    if let Some(locale) = &changed.locale {
        user.locale.clone_from(&locale.to);
    }
    if let Some(phone) = &changed.phone {
        user.phone.clone_from(&phone.to);
    }
}
