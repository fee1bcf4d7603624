//! Promises 1 and 2: what callers were told, against the log and the times.

use std::time::Duration;

use serde_json::json;

use super::story::{GONE, TASK, call, command, second, stored, story};
use super::{among_others, kept, only};
use crate::observed::{Call, Observed, Outcome};

/// A call to the first task between two seconds, under an id that nothing took effect under.
fn asked(from: u64, to: u64, expected: Option<u64>, outcome: Outcome) -> Observed {
    let mut observed = story();
    observed.calls.push(Call {
        sent: second(from),
        answered: Some(second(to)),
        stream: TASK.to_owned(),
        command_id: command(30),
        content: "another".to_owned(),
        expected,
        outcome,
    });
    observed
}

fn nothing_changed(version: u64) -> Outcome {
    Outcome::Committed { version, events: Vec::new(), replayed: false }
}

#[test]
fn answers_without_effect_that_fit_are_taken() {
    kept(&asked(9, 10, None, Outcome::Refused));
    kept(&asked(9, 10, Some(7), Outcome::Refused));
    kept(&asked(9, 10, None, Outcome::Reserved));
    kept(&asked(9, 10, None, Outcome::Contended));
    kept(&asked(9, 10, None, Outcome::Unknown));
    kept(&asked(9, 10, None, nothing_changed(5)));
    kept(&asked(9, 10, Some(5), nothing_changed(5)));
    kept(&asked(9, 10, Some(4), Outcome::VersionMismatch { actual: 5 }));
    // The stream went from 1 to 4 in second 5: both can be the truth of a call in which that lies.
    kept(&asked(4, 6, None, nothing_changed(1)));
    kept(&asked(4, 6, None, nothing_changed(4)));
    kept(&asked(5, 6, None, nothing_changed(1)));
    kept(&asked(4, 5, None, nothing_changed(4)));
    kept(&asked(1, 2, Some(1), Outcome::VersionMismatch { actual: 0 }));
}

#[test]
fn an_answer_of_a_version_that_the_stream_did_not_have_then_is_reported() {
    only(&asked(9, 10, None, nothing_changed(4)), 1, "was told that it is at version 4; in that time it was at [5]");
    only(&asked(4, 6, None, nothing_changed(2)), 1, "in that time it was at [1, 4]");
    only(&asked(9, 10, Some(3), Outcome::VersionMismatch { actual: 4 }), 1, "was told that it is at version 4");
    only(&asked(1, 2, Some(0), Outcome::VersionMismatch { actual: 5 }), 1, "in that time it was at [0]");
}

#[test]
fn a_mismatch_with_the_very_version_that_was_expected_is_reported() {
    only(&asked(9, 10, Some(5), Outcome::VersionMismatch { actual: 5 }), 1, "was told that 5 is another one");
    only(&asked(9, 10, None, Outcome::VersionMismatch { actual: 5 }), 1, "expected no version");
}

#[test]
fn an_unchanged_aggregate_at_another_version_than_expected_is_reported() {
    only(&asked(9, 10, Some(4), nothing_changed(5)), 1, "expected version 4, and was told that it is at 5");
}

#[test]
fn a_history_that_counts_as_damaged_is_reported() {
    only(&asked(9, 10, None, Outcome::Damaged { reason: "no hash".to_owned() }), 2, "no hash");
}

#[test]
fn an_effect_at_another_version_than_expected_is_reported() {
    let mut observed = story();
    call(&mut observed, 8).expected = Some(4);
    call(&mut observed, 3).expected = Some(0);
    kept(&observed);
    call(&mut observed, 8).expected = Some(3);
    only(&observed, 1, "expected version 3, and its events begin at 5");
    // Likewise when nobody was told of the effect.
    call(&mut observed, 8).outcome = Outcome::Unknown;
    only(&observed, 1, "took effect at version 5, and expected version [3]");
}

#[test]
fn a_lost_answer_is_taken_whether_its_command_took_effect_or_not() {
    let mut observed = story();
    for number in 1..=8 {
        let call = call(&mut observed, number);
        call.outcome = Outcome::Unknown;
        call.answered = None;
    }
    kept(&observed);
    // An effect that comes after its sender gave up.
    call(&mut observed, 8).answered = Some(Duration::from_millis(7_950));
    kept(&observed);
    kept(&asked(9, 10, Some(5), Outcome::Unknown));
}

#[test]
fn an_effect_before_the_question_or_after_the_answer_is_reported() {
    let mut observed = story();
    call(&mut observed, 8).sent = second(9);
    call(&mut observed, 8).answered = Some(second(10));
    only(&observed, 1, "was told of its effect at version 5, which was put at 8s");
    let mut observed = story();
    call(&mut observed, 8).sent = second(6);
    call(&mut observed, 8).answered = Some(second(7));
    only(&observed, 1, "was told of its effect at version 5, which was put at 8s");
    let mut observed = story();
    call(&mut observed, 8).sent = second(9);
    call(&mut observed, 8).outcome = Outcome::Unknown;
    only(&observed, 1, "took effect at version 5 at 8s, before it was sent");
}

#[test]
fn effects_against_real_time_are_reported_even_without_the_times_of_writes() {
    let mut observed = story();
    observed.event_writes.clear();
    kept(&observed);
    call(&mut observed, 5).sent = second(9);
    call(&mut observed, 5).answered = Some(second(10));
    only(&observed, 1, "took effect at version 2, though task#00000000-0000-0000-0000-000000000001: command");
    // Side by side they may come in any order.
    call(&mut observed, 5).sent = second(8);
    kept(&observed);
}

#[test]
fn an_acknowledged_event_that_is_lost_or_another_one_is_reported() {
    let mut observed = story();
    observed.events.retain(|item| item["pk"]["S"] != GONE || item["sk"]["N"] != "2");
    among_others(&observed, 2, "acknowledged at version 2, and no commit of the log begins there");

    let mut observed = story();
    stored(&mut observed, TASK, 5)["events"]["L"][0]["M"]["data"]["M"]["reason"] = json!({ "S": "Other parts" });
    among_others(&observed, 2, "version 5 was acknowledged as TaskHeld {");

    let mut observed = story();
    stored(&mut observed, TASK, 2)["events"]["L"].as_array_mut().unwrap().truncate(1);
    among_others(&observed, 2, "acknowledged with 3 events from version 2 on, and the log has 1 there");

    let mut observed = story();
    stored(&mut observed, TASK, 5)["command_id"] = json!({ "S": command(40) });
    among_others(&observed, 2, "acknowledged at version 5, where the log has a commit of command");
}

#[test]
fn an_answer_whose_version_is_not_that_of_its_events_is_reported() {
    let mut observed = story();
    if let Outcome::Committed { version, .. } = &mut call(&mut observed, 8).outcome {
        *version = 6;
    }
    only(&observed, 2, "was told version 6, with events of the versions [5]");
}
