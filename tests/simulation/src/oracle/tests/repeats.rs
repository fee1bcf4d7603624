//! Promise 3: several sendings of one command.

use std::time::Duration;

use serde_json::json;

use super::story::{ADA, TASK, Told, call, command, commits, event, log, second, story};
use super::{among_others, kept, only};
use crate::observed::{Call, Observed, Outcome};

/// Another sending of command 8, between two seconds.
fn again(observed: &mut Observed, from: u64, to: u64, outcome: Outcome) -> &mut Call {
    let repeat = Call { sent: second(from), answered: Some(second(to)), outcome, ..call(observed, 8).clone() };
    observed.calls.push(repeat);
    observed.calls.last_mut().unwrap()
}

/// The answer to command 8.
fn first_answer(replayed: bool) -> Outcome {
    let Outcome::Committed { version, events, .. } = call(&mut story(), 8).outcome.clone() else {
        panic!("command 8 was acknowledged");
    };
    Outcome::Committed { version, events, replayed }
}

#[test]
fn a_repeat_that_is_answered_as_the_first_time_is_taken() {
    let mut observed = story();
    again(&mut observed, 9, 10, first_answer(true));
    again(&mut observed, 9, 10, Outcome::Unknown);
    again(&mut observed, 9, 10, Outcome::Contended);
    kept(&observed);
    // Whatever version the repeat expects: it is at none.
    again(&mut observed, 9, 10, first_answer(true)).expected = Some(5);
    kept(&observed);
}

#[test]
fn a_repeat_after_a_lost_answer_is_taken() {
    let mut observed = story();
    call(&mut observed, 8).outcome = Outcome::Unknown;
    again(&mut observed, 9, 10, first_answer(true));
    kept(&observed);
}

#[test]
fn sendings_at_the_same_time_may_be_told_different_things() {
    let mut observed = story();
    again(&mut observed, 7, 9, Outcome::Refused).expected = None;
    again(&mut observed, 7, 9, first_answer(false));
    kept(&observed);
    let mismatch = Outcome::VersionMismatch { actual: 5 };
    again(&mut observed, 7, 9, mismatch).expected = Some(3);
    kept(&observed);
}

#[test]
fn another_command_under_the_same_id_is_refused() {
    let mut observed = story();
    again(&mut observed, 9, 10, Outcome::KeyReused).content = "another".to_owned();
    kept(&observed);
    // Nobody knows which of the two took effect.
    call(&mut observed, 8).outcome = Outcome::Unknown;
    kept(&observed);
}

#[test]
fn an_id_that_counts_as_used_and_is_not_is_reported() {
    let mut observed = story();
    again(&mut observed, 9, 10, Outcome::KeyReused);
    only(&observed, 3, "the id is used for another command, and it is not");

    let mut observed = story();
    again(&mut observed, 9, 10, Outcome::KeyReused).command_id = command(30);
    only(&observed, 3, "the id is used, and nothing took effect under it");

    let mut observed = story();
    let early = again(&mut observed, 6, 7, Outcome::KeyReused);
    early.content = "another".to_owned();
    only(&observed, 3, "the id is used, and it was not before 8s");
}

#[test]
fn a_command_that_took_effect_twice_is_reported() {
    let comment = || vec![event("TaskCommented", &json!({ "comment_id": ADA, "text": "…" }))];
    let mut told = commits();
    told.push(Told { stream: TASK, at: 20, command: 20, events: comment() });
    told.push(Told { stream: TASK, at: 21, command: 20, events: comment() });
    let observed = log(&told);
    among_others(&observed, 3, "took effect at the versions [6, 7]");
    among_others(&observed, 3, "acknowledged with the versions (7, 7), and another sending with (6, 6)");
}

#[test]
fn an_effect_that_nobody_asked_for_is_reported() {
    let mut observed = story();
    observed.calls.retain(|call| call.command_id != command(8));
    only(&observed, 3, "took effect at version 5, and nobody sent it");
}

#[test]
fn an_effect_of_a_command_that_was_said_to_have_none_is_reported() {
    for outcome in [Outcome::Refused, Outcome::Contended, Outcome::Reserved] {
        let mut observed = story();
        call(&mut observed, 8).outcome = outcome;
        only(&observed, 3, "all who sent it were told that it had no effect");
    }
}

#[test]
fn a_repeat_that_is_not_known_again_is_reported() {
    let nothing = Outcome::Committed { version: 5, events: Vec::new(), replayed: false };
    for outcome in [Outcome::Refused, Outcome::Reserved, nothing, Outcome::VersionMismatch { actual: 5 }] {
        let mut observed = story();
        let expected = matches!(outcome, Outcome::VersionMismatch { .. }).then_some(4);
        again(&mut observed, 9, 10, outcome).expected = expected;
        only(&observed, 3, "the command had taken effect at version 5 at 8s, and who sent it was told");
    }
}

#[test]
fn a_repeat_that_comes_after_64_others_may_be_taken_for_a_new_command() {
    let mut told = commits();
    for number in 0..64 {
        let comment = event("TaskCommented", &json!({ "comment_id": ADA, "text": "…" }));
        told.push(Told { stream: TASK, at: 9, command: 100 + number, events: vec![comment] });
    }
    let refused = |told: &[Told]| {
        let mut observed = log(told);
        observed.reservations = story().reservations;
        let repeat = Call {
            sent: second(10),
            answered: Some(second(11)),
            outcome: Outcome::Refused,
            ..call(&mut observed, 8).clone()
        };
        observed.calls.push(repeat);
        super::broken(&observed)
    };
    assert!(!refused(&told).contains(&3));
    told.pop();
    assert!(refused(&told).contains(&3));
}

#[test]
fn answers_to_one_command_that_differ_are_reported() {
    let mut observed = story();
    let other = again(&mut observed, 9, 10, first_answer(true));
    if let Outcome::Committed { events, .. } = &mut other.outcome {
        events[0].2["reason"] = json!("Other parts");
    }
    among_others(&observed, 3, "or other events");
    among_others(&observed, 2, "version 5 was acknowledged as TaskHeld");
}

#[test]
fn two_commands_that_both_take_effect_under_one_id_are_reported() {
    let mut observed = story();
    again(&mut observed, 9, 10, first_answer(true)).content = "another".to_owned();
    only(&observed, 3, "acknowledged, and so was another command under the same id");
}

#[test]
fn a_replay_without_events_or_of_an_effect_to_come_is_reported() {
    let mut observed = story();
    let nothing = Outcome::Committed { version: 5, events: Vec::new(), replayed: true };
    again(&mut observed, 9, 10, nothing).command_id = command(30);
    only(&observed, 3, "without events");

    let mut observed = story();
    call(&mut observed, 8).sent = second(6);
    let early = again(&mut observed, 6, 7, first_answer(true));
    early.answered = Some(Duration::from_millis(7_999));
    only(&observed, 1, "was told of an earlier effect at version 5, which was put at 8s");
}
