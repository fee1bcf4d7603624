//! `directory`: users and teams, found by name.

use serde_json::Value;

use super::{History, Item};
use crate::oracle::attribute::text;
use crate::oracle::expected::Expected;
use crate::oracle::rules::{State, Team, User};

pub(super) fn row<'a>(history: &History<'_, 'a>) -> Item<'a> {
    let (party, partition, name) = match &history.folded.state {
        State::User(user) if user.erased_at.is_some() => (("user", self::user(user)), "gsi_users", ERASED.0),
        State::User(user) => (("user", self::user(user)), "gsi_users", of(user.name)),
        State::Team(team) => (("team", self::team(team)), "gsi_teams", of(team.name)),
        State::Task(_) => return (Expected::Null, Vec::new()),
    };
    let row = Expected::Map(vec![("party", Expected::Map(vec![party])), ("updated_at", history.updated_at())]);
    (row, vec![(partition, "all".into()), ("name", sort_key(name, history.id()).into())])
}

/// What stands in the place of an erased name and address.
const ERASED: (&str, &str) = ("Erased person", "erased@erased.invalid");

fn of(name: Option<&Value>) -> &str {
    name.and_then(text).unwrap_or_default()
}

fn sort_key(name: &str, id: &str) -> String {
    format!("{}#{id}", name.to_lowercase())
}

fn user<'a>(user: &User<'a>) -> Expected<'a> {
    let erased = user.erased_at.is_some();
    let known = |value: Option<&'a Value>| value.filter(|_| !erased);
    let mut fields = vec![
        ("name", if erased { ERASED.0.into() } else { user.name.into() }),
        ("email", if erased { ERASED.1.into() } else { user.email.into() }),
        ("role", user.role.into()),
        ("time_zone", user.time_zone.into()),
        ("locale", known(user.locale).into()),
        ("phone", known(user.phone).into()),
        ("teams", Expected::List(user.teams.iter().map(|team| Expected::Stored(team)).collect())),
        ("active", Expected::Bool(user.active)),
        ("created_at", user.created_at.into()),
    ];
    fields.extend(user.told.map(|told| ("notification_preferences", told.into())));
    fields.extend(user.erased_at.map(|at| ("erased_at", at.into())));
    Expected::Map(fields)
}

fn team<'a>(team: &Team<'a>) -> Expected<'a> {
    Expected::Map(vec![
        ("name", team.name.into()),
        ("description", team.description.into()),
        ("created_at", team.created_at.into()),
    ])
}
