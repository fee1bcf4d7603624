//! `directory`: users and teams, found by name.

use serde_json::Value;

use super::{History, Item};
use crate::oracle::attribute::text;
use crate::oracle::expected::Expected;
use crate::oracle::rules::{State, Team, User};

pub(super) fn row<'a>(history: &History<'_, 'a>) -> Item<'a> {
    let (party, partition, name) = match &history.folded.state {
        State::User(user) => (("user", self::user(user)), "gsi_users", user.name),
        State::Team(team) => (("team", self::team(team)), "gsi_teams", team.name),
        State::Task(_) => return (Expected::Null, Vec::new()),
    };
    let row = Expected::Map(vec![("party", Expected::Map(vec![party])), ("updated_at", history.updated_at())]);
    (row, vec![(partition, "all".into()), ("name", sort_key(name, history.id()).into())])
}

fn sort_key(name: Option<&Value>, id: &str) -> String {
    format!("{}#{id}", name.and_then(text).unwrap_or_default().to_lowercase())
}

fn user<'a>(user: &User<'a>) -> Expected<'a> {
    Expected::Map(vec![
        ("name", user.name.into()),
        ("email", user.email.into()),
        ("role", user.role.into()),
        ("time_zone", user.time_zone.into()),
        ("locale", user.locale.into()),
        ("phone", user.phone.into()),
        ("teams", Expected::List(user.teams.iter().map(|team| Expected::Stored(team)).collect())),
        ("active", Expected::Bool(user.active)),
        ("created_at", user.created_at.into()),
    ])
}

fn team<'a>(team: &Team<'a>) -> Expected<'a> {
    Expected::Map(vec![
        ("name", team.name.into()),
        ("description", team.description.into()),
        ("created_at", team.created_at.into()),
    ])
}
