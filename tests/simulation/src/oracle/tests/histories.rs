//! Promises 1, 6 and 10 in the log itself.

use fastrand::Rng;
use serde_json::{Value, json};

use super::story::{
    ADA, GONE, NORTH, TASK, TEAM, Told, USER, command, commits, event, log, second, stored, story, time,
};
use super::{among_others, broken, kept, only};
use crate::observed::{Call, EventWrite, Lag, Observed, Outcome};
use crate::oracle::{Violation, check, tamper, tampering_shows};

#[test]
fn a_run_that_keeps_every_promise_breaks_none() {
    kept(&story());
    kept(&Observed { rest: Some(second(0)), ..Observed::default() });
}

#[test]
fn the_state_that_a_commit_carries_is_looked_at_nowhere() {
    let mut observed = story();
    let item = stored(&mut observed, TASK, 5);
    item["state"] = json!({ "M": { "version": { "N": "99" } } });
    item["state_schema"] = json!({ "S": "nonsense" });
    kept(&observed);
}

#[test]
fn a_number_spelled_otherwise_is_the_same_number() {
    let mut observed = story();
    stored(&mut observed, TASK, 1)["events"]["L"][0]["M"]["data"]["M"]["location"]["M"]["position"]["M"]["longitude"] =
        json!({ "N": "1.3E+1" });
    kept(&observed);
}

#[test]
fn a_gap_between_versions_is_reported() {
    let mut observed = story();
    observed.events.retain(|item| item["pk"]["S"] != TASK || item["sk"]["N"] != "2");
    among_others(&observed, 1, "a commit should begin at version 2, and one begins at 5");
    among_others(&observed, 1, "the commit put at version 2 at 5s is not in the log");
    among_others(&observed, 2, "acknowledged at version 2, and no commit of the log begins there");
}

#[test]
fn an_item_that_is_no_commit_is_reported() {
    let mut observed = story();
    stored(&mut observed, GONE, 2)["events"] = json!({ "L": [] });
    among_others(&observed, 1, "it has 0 events");
}

#[test]
fn a_replaced_commit_is_reported() {
    let mut observed = story();
    observed.event_writes.push(EventWrite { at: second(20), stream: GONE.to_owned(), version: 2, replaced: true });
    only(&observed, 1, "the commit at version 2 was replaced at 20s");
}

#[test]
fn a_version_that_is_written_twice_or_too_early_is_reported() {
    let mut observed = story();
    observed.event_writes.push(EventWrite { at: second(20), stream: GONE.to_owned(), version: 2, replaced: false });
    only(&observed, 1, "a commit was put at version 2 at 20s, when the stream ended at 2");
    let mut observed = story();
    observed.event_writes.swap(2, 4);
    among_others(&observed, 1, "a commit was put at version 2 at 5s, when the stream ended at 0");
}

#[test]
fn a_commit_that_nobody_put_is_reported() {
    let mut observed = story();
    observed.event_writes.retain(|write| write.stream != TEAM);
    among_others(&observed, 1, "nobody put the commit at version 1");
}

#[test]
fn a_time_that_runs_back_is_reported() {
    let mut told = commits();
    told[4].at = 2;
    let mut observed = log(&told);
    observed.event_writes.clear();
    among_others(&observed, 1, "was recorded at 2026-03-02T08:00:02Z, before the one at version 1");
}

/// The run in which this is done next, by one command.
fn then(stream: &'static str, before: &[Value], events: &[Value]) -> Observed {
    let mut told = commits();
    let all = before.iter().map(std::slice::from_ref).chain([events]);
    for (number, events) in (20..).zip(all) {
        told.push(Told { stream, at: number, command: number, events: events.to_vec() });
    }
    log(&told)
}

/// What is said of a history that goes on like this.
fn refusal(stream: &'static str, before: &[Value], events: &[Value]) -> Vec<String> {
    let all = check(&then(stream, before, events));
    all.into_iter().filter(|violation| violation.promise == 1).map(|violation| violation.what).collect()
}

/// Of everything by this channel.
fn told(channel: &str) -> Value {
    let mut told = told_by_default();
    for channels in told["channels"].as_object_mut().unwrap().values_mut() {
        *channels = json!([channel]);
    }
    told
}

fn told_by_default() -> Value {
    let all = json!(["inbox", "email", "push"]);
    json!({
        "channels": {
            "assignment": all, "status_change": ["inbox"], "comment": ["inbox"], "mention": all, "deadline_near": all,
            "deadline_missed": all, "hold": ["inbox"],
        },
        "quiet_hours": null,
        "digest": { "frequency": "off", "at": "08:00" },
    })
}

#[test]
fn commits_that_the_rules_allow_are_taken() {
    let resumed = event("TaskResumed", &json!({ "reason": "Here", "held_since": time(8), "at": time(20) }));
    let completed = event("TaskStatusChanged", &json!({ "from": "in_progress", "to": "completed", "at": time(21) }));
    let reopened = [
        event("TaskUnassigned", &json!({ "from": ADA })),
        event("TaskPriorityChanged", &json!({ "from": "high", "to": "low" })),
        event("TaskStatusChanged", &json!({ "from": "completed", "to": "todo", "at": time(22) })),
    ];
    assert_eq!(refusal(TASK, &[resumed, completed], &reopened), Vec::<String>::new());
    let restored = event("TaskRestored", &json!({ "deleted_at": time(6) }));
    let edited = event(
        "TaskEdited",
        &json!({ "labels": { "from": [], "to": ["a"] }, "description": { "from": null, "to": "b" } }),
    );
    assert_eq!(refusal(GONE, &[restored], &[edited]), Vec::<String>::new());
    let left = event("UserLeftTeam", &json!({ "team_id": NORTH }));
    let closed = event("UserDeactivated", &json!({ "email": "Ada@Example.com" }));
    let opened = event("UserReactivated", &json!({ "email": "Ada@Example.com" }));
    assert_eq!(refusal(USER, &[left, closed], &[opened]), Vec::<String>::new());
    let (mail, silence) = (told("email"), told("inbox"));
    let chosen = event("UserNotificationPreferencesChanged", &json!({ "from": told_by_default(), "to": mail }));
    let again = event("UserNotificationPreferencesChanged", &json!({ "from": mail, "to": silence }));
    assert_eq!(refusal(USER, &[chosen], &[again]), Vec::<String>::new());
    let renamed = event("TeamEdited", &json!({ "name": { "from": "North", "to": "South" } }));
    assert_eq!(refusal(TEAM, &[], &[renamed]), Vec::<String>::new());
}

#[test]
fn commits_that_the_rules_refuse_are_reported() {
    let moved = |from: &str, to: &str| event("TaskStatusChanged", &json!({ "from": from, "to": to, "at": time(30) }));
    let comment = event("TaskCommented", &json!({ "comment_id": ADA, "text": "…" }));
    let resumed = event("TaskResumed", &json!({ "reason": "Here", "held_since": time(8), "at": time(20) }));
    let done = moved("in_progress", "completed");
    let held = event("TaskHeld", &json!({ "reason": "Parts", "at": time(20) }));
    let created = event("TaskCreated", &json!({ "title": "Again", "priority": "low", "labels": [], "at": time(20) }));
    let assigned = event("TaskAssigned", &json!({ "from": NORTH, "to": ADA }));
    let cleared = event("TaskDeadlineCleared", &json!({ "from": "2026-03-05T18:00:00Z" }));
    let closed = event("UserDeactivated", &json!({ "email": "ada@example.com" }));
    let role = event("UserRoleChanged", &json!({ "from": "admin", "to": "member" }));
    let joined = event("UserJoinedTeam", &json!({ "team_id": NORTH }));
    let not_so = event("UserNotificationPreferencesChanged", &json!({ "from": told("sms"), "to": told("email") }));
    let same = told_by_default();
    let the_same = event("UserNotificationPreferencesChanged", &json!({ "from": same, "to": same }));
    let nothing = event("TeamEdited", &json!({ "name": { "from": "North", "to": "North" } }));
    let restored = event("TaskRestored", &json!({ "deleted_at": time(6) }));
    let priority = event("TaskPriorityChanged", &json!({ "from": "high", "to": "low" }));
    let facts = json!({ "import_id": ADA, "source": "csv" });
    let imported = json!({ "title": "Again", "status": "todo", "priority": "low", "imported": facts, "at": time(20) });
    let imported = event("TaskImported", &imported);
    let ticked = event("TaskChecklistItemTicked", &json!({ "item_id": ADA, "text": "…" }));
    let blocked = event("TaskRelated", &json!({ "relation": "blocked_by", "to": NORTH }));
    let said_there = event("TaskCommented", &json!({ "comment_id": ADA, "text": "…", "imported": {} }));
    let new = "task#00000000-0000-0000-0000-000000000009";
    let cases: &[(&'static str, &[&Value], &[&Value], &str)] = &[
        (new, &[], &[&imported, &comment], "a comment that was brought in does not say so"),
        (new, &[], &[&imported, &ticked], "an item that is not there, or is done, is ticked"),
        (new, &[], &[&imported, &blocked], "is a part of another, or stands to none"),
        (new, &[], &[&imported, &said_there, &ticked], "TaskChecklistItemTicked is not in its place"),
        (new, &[], &[&imported, &held], "TaskHeld does not come with what is brought in"),
        (TASK, &[&resumed], &[&said_there], "a comment was brought in without its task"),
        (TASK, &[], &[&moved("in_progress", "todo")], "on hold"),
        (TASK, &[&resumed], &[&moved("todo", "in_progress")], "status was \"in_progress\""),
        (TASK, &[&resumed, &done], &[&moved("completed", "completed")], "a task goes from"),
        (TASK, &[&resumed, &done], &[&cleared], "completed and not reopened"),
        (TASK, &[&resumed, &done], &[&held], "TaskHeld of a completed task"),
        (TASK, &[], &[&held], "TaskHeld of a task that is on hold"),
        (TASK, &[&resumed], &[&resumed], "not on hold"),
        (TASK, &[], &[&created], "TaskCreated in the history of a task"),
        (TASK, &[], &[&assigned], "assignee was \"00000000-0000-0000-0000-00000000000a\", and the event says"),
        (TASK, &[], &[&restored], "TaskRestored of a task that is not deleted"),
        (TASK, &[], &[&comment, &comment], "TaskCommented does not come with other events"),
        (TASK, &[], &[&cleared, &priority], "TaskPriorityChanged is not in its place"),
        (GONE, &[], &[&comment], "TaskCommented of a task that is deleted"),
        (USER, &[], &[&closed], "email was \"Ada@Example.com\", and the event says \"ada@example.com\""),
        (USER, &[], &[&role], "role was \"manager\""),
        (USER, &[], &[&joined], "UserJoinedTeam of a member"),
        (USER, &[], &[&not_so], "notification_preferences was {"),
        (USER, &[], &[&the_same], "notification_preferences does not change"),
        (TEAM, &[], &[&nothing], "name does not change"),
        (TEAM, &[], &[&event("TeamPainted", &json!({}))], "\"TeamPainted\" is no type of event"),
        (TEAM, &[], &[&event("TeamEdited", &json!({ "colour": 1 }))], "TeamEdited has a field colour"),
        (new, &[], &[&comment], "cannot begin the history of a task"),
    ];
    for (stream, before, events, what) in cases {
        let owned = |events: &[&Value]| events.iter().map(|event| (*event).clone()).collect::<Vec<_>>();
        let refusal = refusal(stream, &owned(before), &owned(events));
        assert!(matches!(&refusal[..], [said] if said.contains(what)), "{what:?} is not what is said: {refusal:#?}");
    }
}

#[test]
fn a_changed_commit_breaks_the_chain() {
    let mut observed = story();
    stored(&mut observed, TEAM, 1)["correlation_id"] = json!({ "S": "request 3" });
    among_others(&observed, 10, "team#00000000-0000-0000-0000-00000000000b: the commit at version 1 has the hash");
    let mut observed = story();
    stored(&mut observed, TASK, 5)["prev_hash"] = json!({ "S": "00".repeat(32) });
    only(&observed, 10, "the commit at version 5 points to 000");
}

#[test]
fn whatever_is_tampered_with_shows() {
    let observed = story();
    let mut done = std::collections::BTreeSet::new();
    for seed in 0..5_000 {
        assert_eq!(tampering_shows(&observed, &mut Rng::with_seed(seed)), None, "seed {seed}");
        let mut events = observed.events.clone();
        let said = tamper(&mut events, &mut Rng::with_seed(seed)).unwrap();
        assert_ne!(events, observed.events, "seed {seed}: {said}");
        let tampered = Observed { events, ..Observed::default() };
        assert!(broken(&tampered).contains(&10) || broken(&tampered).contains(&1), "seed {seed}: {said}");
        done.insert(said.split_once(": ").unwrap().1.split(' ').next().unwrap().to_owned());
    }
    for kind in ["removed", "a", "swapped", "hash", "prev_hash", "recorded_at", "actor.id", "fingerprint", "data.at"] {
        assert!(done.contains(kind), "{kind} is not among {done:?}");
    }
    assert_eq!(tamper(&mut Vec::new(), &mut Rng::with_seed(1)), None);
    assert_eq!(tampering_shows(&Observed::default(), &mut Rng::with_seed(1)), None);
}

#[test]
fn an_invitation_that_made_two_accounts_is_reported() {
    let mut told = commits();
    for (number, stream) in
        [(8, "user#00000000-0000-0000-0000-0000000000aa"), (9, "user#00000000-0000-0000-0000-0000000000bb")]
    {
        let registered = json!({ "name": "Zoe", "email": "zoe@example.com", "role": "member", "time_zone": "UTC", "at": time(number) });
        told.push(Told { stream, at: number, command: number, events: vec![event("UserRegistered", &registered)] });
        let observed = Observed { invited: vec!["zoe@example.com".to_owned()], ..log(&told) };
        if number == 9 {
            among_others(&observed, 6, "the invitation of zoe@example.com has made several accounts");
        } else {
            let found: Vec<String> = check(&observed).iter().map(ToString::to_string).collect();
            assert!(!found.iter().any(|what| what.contains("invitation")), "one is as it should be: {found:?}");
        }
    }
}

#[test]
fn an_address_that_two_hold_is_reported() {
    let mut told = commits();
    let other = "user#00000000-0000-0000-0000-0000000000aa";
    let registered =
        json!({ "name": "Ben", "email": "ADA@example.com", "role": "member", "time_zone": "UTC", "at": time(9) });
    told.push(Told { stream: other, at: 9, command: 9, events: vec![event("UserRegistered", &registered)] });
    let mut observed = log(&told);
    observed.reservations = story().reservations;
    among_others(&observed, 6, "email#ada@example.com is held by several active users");
    among_others(
        &observed,
        6,
        "took email#ada@example.com at 9s, when user#00000000-0000-0000-0000-00000000000a held it",
    );
    // Also when one of them has given it back since.
    let closed = event("UserDeactivated", &json!({ "email": "Ada@Example.com" }));
    told.push(Told { stream: USER, at: 10, command: 10, events: vec![closed] });
    let mut observed = log(&told);
    observed.reservations = vec![json!({ "pk": { "S": "email#ada@example.com" }, "owner": { "S": &other[5..] } })];
    let said: Vec<Violation> = check(&observed).into_iter().filter(|violation| violation.promise == 6).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].what.contains("took email#ada@example.com"), "{said:?}");
}

#[test]
fn a_reservation_that_the_log_does_not_say_is_reported() {
    let mut observed = story();
    observed.reservations.clear();
    only(&observed, 6, "email#ada@example.com is held by {\"00000000-0000-0000-0000-00000000000a\"}, and not reserved");
    let mut observed = story();
    observed.reservations[0]["owner"] = json!({ "S": NORTH });
    only(&observed, 6, "and held by");
    let mut observed = story();
    observed.reservations.push(json!({ "pk": { "S": "email#ben@example.com" }, "owner": { "S": NORTH } }));
    only(&observed, 6, "and no active user has it");
}

/// Ada becomes an administrator, and closes her account although nobody else is one.
#[test]
fn a_moment_without_an_administrator_is_reported() {
    let mut told = commits();
    let role = |from: &str, to: &str| event("UserRoleChanged", &json!({ "from": from, "to": to }));
    told.push(Told { stream: USER, at: 9, command: 9, events: vec![role("manager", "admin")] });
    told.push(Told { stream: USER, at: 10, command: 10, events: vec![role("admin", "member")] });
    told.push(Told { stream: USER, at: 11, command: 11, events: vec![role("member", "admin")] });
    let mut observed = log(&told);
    observed.reservations = story().reservations;
    let said = |observed: &Observed| -> Vec<String> {
        let all = check(observed).into_iter().filter(|violation| violation.promise == 6);
        all.map(|violation| violation.what).collect()
    };
    let moment = format!("{USER}: version 4 left nobody to administrate at 10s");
    let absent = format!("role#admin is not there, and {:?} belong on it", [ADA]).replace('[', "{").replace(']', "}");
    assert_eq!(said(&observed), [absent, moment.clone()]);
    observed.reservations.push(json!({ "pk": { "S": "role#admin" }, "members": { "L": [{ "S": ADA }] } }));
    assert_eq!(said(&observed), std::slice::from_ref(&moment));
    observed.reservations[1]["members"] = json!({ "L": [{ "S": ADA }, { "S": NORTH }] });
    assert!(said(&observed)[0].contains("belong on it"), "{:?}", said(&observed));
    observed.reservations[1]["members"] = json!({ "S": ADA });
    assert!(said(&observed)[0].contains("is no roster"), "{:?}", said(&observed));
}

#[test]
fn a_run_that_does_not_come_to_rest_is_reported() {
    let mut observed = story();
    observed.rest = None;
    only(&observed, 9, "did not come to rest");
    let mut observed = story();
    observed.lag = Lag { unpublished: 2, ..Lag::default() };
    only(&observed, 9, "2 stream records are not published");
    let mut observed = story();
    observed.lag.queued = [("directory".to_owned(), 0), ("task-list".to_owned(), 3)].into();
    only(&observed, 9, "task-list: 3 messages are in the queue");
    let mut observed = story();
    observed.lag.dead.insert("audit-log".to_owned(), 1);
    only(&observed, 9, "audit-log: 1 messages are in the dead-letter queue");
}

#[test]
fn the_order_of_what_is_stored_does_not_matter() {
    let mut observed = story();
    observed.events.reverse();
    observed.tables.values_mut().for_each(|items| items.reverse());
    kept(&observed);
    observed.calls.push(Call {
        sent: second(10),
        answered: None,
        stream: TASK.to_owned(),
        command_id: command(30),
        content: "lost".to_owned(),
        expected: Some(5),
        outcome: Outcome::Unknown,
    });
    kept(&observed);
}
