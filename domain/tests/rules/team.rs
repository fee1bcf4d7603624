//! The rules of a team, and what its events make of it.

use muster_domain::Decider as _;
use muster_domain::team::{CreateTeam, Team, TeamCommand, TeamEdited, TeamError, TeamState, UpdateTeam};
use muster_domain::values::Change;
use uuid::Uuid;

use crate::fixtures::{at, founded, text};
use crate::scenario::{fold, given};

fn create() -> TeamCommand {
    TeamCommand::Create(CreateTeam { name: text("North"), description: None, at: at(8) })
}

fn update(update: UpdateTeam) -> TeamCommand {
    TeamCommand::Update(update)
}

fn renamed() -> TeamEdited {
    TeamEdited { name: Some(Change { from: text("North"), to: text("Nord") }), description: None }
}

fn described() -> TeamEdited {
    TeamEdited { name: None, description: Some(Change { from: None, to: Some(text("Lifts")) }) }
}

#[test]
fn a_team_is_founded_once() {
    let team = given::<Team>([]).when(create()).then([founded().into()]);
    assert_eq!(team.state, Some(TeamState { name: text("North"), description: None, created_at: at(8) }));
    given::<Team>([founded().into()]).when(create()).then_refused(TeamError::AlreadyExists);
}

#[test]
fn a_team_that_does_not_exist_cannot_be_changed() {
    given::<Team>([]).when(update(UpdateTeam::default())).then_refused(TeamError::NotFound);
    assert_eq!(fold::<Team>(&[renamed().into()]), Team::default());
}

#[test]
fn an_update_names_what_changed_and_nothing_else() {
    let rename = UpdateTeam { name: Some(text("Nord")), description: Some(None) };
    let team = given::<Team>([founded().into()]).when(update(rename)).then([renamed().into()]);
    assert_eq!(team.state.unwrap().name, text("Nord"));

    let describe = UpdateTeam { name: Some(text("North")), description: Some(Some(text("Lifts"))) };
    let team = given::<Team>([founded().into()]).when(update(describe)).then([described().into()]);
    assert_eq!(team.state.unwrap().description, Some(text("Lifts")));

    let undescribe = UpdateTeam { name: None, description: Some(None) };
    let taken = TeamEdited { name: None, description: Some(Change { from: Some(text("Lifts")), to: None }) };
    let team = given::<Team>([founded().into(), described().into()]).when(update(undescribe)).then([taken.into()]);
    assert_eq!(team.state.unwrap().description, None);
}

#[test]
fn an_update_that_asks_for_nothing_new_changes_nothing() {
    for same in [UpdateTeam::default(), UpdateTeam { name: Some(text("North")), description: Some(None) }] {
        given::<Team>([founded().into()]).when(update(same)).then_nothing();
    }
}

#[test]
fn a_team_reserves_nothing() {
    assert_eq!(Team::default().reservations(Uuid::from_u128(1), &[founded().into(), renamed().into()]), []);
}

#[test]
fn a_refusal_says_why() {
    assert_eq!(TeamError::NotFound.to_string(), "there is no such team");
    assert_eq!(TeamError::AlreadyExists.to_string(), "there is a team of this id already");
}
