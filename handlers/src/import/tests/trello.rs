//! Boards of Trello.

use muster_domain::task::{ImportSource, Status};

use super::{ADA, checklist, description, labels, planned, problems, said, time, titles};
use crate::import::{Archived, Options, Severity};

const BOARD: &[u8] = include_bytes!("../fixtures/board.json");

#[test]
fn a_board_of_trello_becomes_tasks() {
    let options = Options { people: [("adal".to_owned(), "ada@example.com".to_owned())].into(), ..Options::default() };
    let (file, plan) = planned(BOARD, options);
    assert_eq!(file.preview(&plan).source, ImportSource::Trello);
    assert_eq!(titles(&plan), ["Replace the lamp in the stairwell", "Order valves", "Paint the gate"]);
    assert_eq!(file.preview(&plan).counts.archived, 2);

    let lamp = &plan.tasks[0].import;
    assert_eq!((lamp.status, lamp.task.deadline), (Status::InProgress, Some(time("2026-04-15T10:00:00Z"))));
    assert_eq!(labels(&plan.tasks[0]), ["electrical", "red"]);
    assert_eq!((lamp.task.assignee, lamp.facts.author), (Some(ADA), None));
    assert_eq!(lamp.facts.created_at, Some(time("2026-03-01T07:00:00Z")));
    assert_eq!(description(&plan.tasks[0]), "Second floor, **left**.");
    assert_eq!(checklist(&plan.tasks[0]), [("Switch off the fuse", true), ("Screw in the new lamp", false)]);
    assert_eq!(
        said(&plan.tasks[0]),
        [
            ("Which socket?", None, Some(time("2026-03-04T08:00:00Z"))),
            ("E27, not E14.", Some(ADA), Some(time("2026-03-05T09:30:00Z")))
        ]
    );
    assert_eq!(problems(&plan)[0].3, "the card has 2 members; the first of them is to do the task");

    let (valves, gate) = (&plan.tasks[1], &plan.tasks[2]);
    assert_eq!((valves.import.status, labels(valves)), (Status::Todo, vec!["Waiting for parts"]));
    assert_eq!(valves.import.facts.created_at, Some(time("2024-03-13T15:13:04Z")), "as its id says");
    assert_eq!(
        (gate.import.status, gate.import.facts.completed_at),
        (Status::Completed, Some(time("2026-03-10T15:00:00Z")))
    );
    let unknown: Vec<_> = plan.unknown.iter().map(|(name, times)| (name.as_str(), *times)).collect();
    assert_eq!(unknown, [("benw", 3)], "of a card, of a task, and of a comment");
}

#[test]
fn archived_cards_can_come_as_completed_and_lists_can_be_said_to_be_a_status() {
    let statuses = [("waiting for parts".to_owned(), Status::InProgress)].into();
    let (_, plan) = planned(BOARD, Options { archived: Archived::Complete, statuses, ..Options::default() });
    let found: Vec<_> =
        plan.tasks.iter().map(|planned| (planned.import.task.title.as_str(), planned.import.status)).collect();
    assert_eq!(
        found,
        [
            ("Forgotten", Status::Completed),
            ("Replace the lamp in the stairwell", Status::InProgress),
            ("Order valves", Status::InProgress),
            ("Paint the gate", Status::Completed),
            ("Grow a tree", Status::Completed),
        ]
    );
    assert_eq!(labels(&plan.tasks[2]), Vec::<&str>::new());
    assert_eq!(labels(&plan.tasks[4]), ["Old ideas"]);
}

#[test]
fn a_date_that_is_none_is_a_problem_of_its_card_and_of_no_other() {
    let board = br#"{
        "lists": [],
        "cards": [
            { "id": "c1", "name": "Paint the gate", "idList": "l1", "due": "soon" },
            { "id": "c2", "name": "Oil the hinge", "idList": "l1", "due": 7 },
            { "id": "c3", "name": "Lock it", "idList": "l1", "due": "2026-04-15T10:00:00.000Z" }
        ]
    }"#;
    let (_, plan) = planned(board, Options::default());
    assert_eq!(titles(&plan), ["Paint the gate", "Oil the hinge", "Lock it"]);
    let deadlines: Vec<_> = plan.tasks.iter().map(|planned| planned.import.task.deadline).collect();
    assert_eq!(deadlines, [None, None, Some(time("2026-04-15T10:00:00Z"))]);
    let found = problems(&plan);
    let about: Vec<_> = found.iter().map(|(_, field, severity, _)| (*field, *severity)).collect();
    assert_eq!(about, [("deadline", Severity::Warning); 2]);
    assert!(found[0].3.starts_with("\"soon\" is no date") && found[1].3.starts_with("\"7\" is no date"), "{found:?}");
    assert_eq!(plan.problems[0].external_id.as_deref(), Some("c1"));
}

#[test]
fn what_a_board_of_trello_leaves_open_is_left_out() {
    let board = br#"{
        "lists": [{ "id": "l1", "name": null, "closed": null, "pos": null }],
        "cards": [{ "id": "c1", "name": "Paint the gate", "desc": null, "closed": null, "idList": "l1", "pos": null, "due": null,
            "dueComplete": null, "labels": [null, { "name": "urgent" }], "idMembers": null }],
        "checklists": [{ "idCard": "c1", "checkItems": [{ "name": "Sand it", "state": null }, { "name": null }] }, { "name": "?" }],
        "members": null,
        "actions": [
            { "type": "commentCard", "date": "2026-03-05T09:30:00.000Z", "data": { "card": { "id": "c1" }, "text": "Green" },
                "memberCreator": { "id": null, "username": "adal" } },
            { "type": "deleteCard", "date": "2026-03-04T09:30:00.000Z", "data": { "card": { "idShort": 7 }, "list": null } },
            { "type": "updateCard", "date": "2026-03-04T09:30:00.000Z", "data": { "card": { "id": "c1" }, "listAfter": {} } },
            { "type": "enablePlugin", "date": null, "data": null }
        ]
    }"#;
    let people = [("adal".to_owned(), "ada@example.com".to_owned())].into();
    let (_, plan) = planned(board, Options { people, ..Options::default() });
    assert_eq!(titles(&plan), ["Paint the gate"]);
    let gate = &plan.tasks[0];
    assert_eq!((description(gate), labels(gate), checklist(gate)), ("", vec!["urgent"], vec![("Sand it", false)]));
    assert_eq!(said(gate), [("Green", Some(ADA), Some(time("2026-03-05T09:30:00Z")))]);
    assert_eq!(problems(&plan), []);
}
