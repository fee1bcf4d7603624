//! What is longer or more than a task may have.

use std::collections::BTreeSet;

use super::{at, checklist, description, labels, planned, problems, said};
use crate::import::{Options, Severity};

#[test]
fn what_is_too_long_or_too_much_is_cut_and_said() {
    let (title, label) = ("t".repeat(250), "l".repeat(60));
    let many: Vec<_> = (0..25).map(|number| format!("label {number:02}")).collect();
    let text = format!("title,labels,description\n{title},{label},rest\nShort,{};x,\n", many.join(";"));
    let (_, plan) = planned(text.as_bytes(), Options::default());
    let long = &plan.tasks[0].import.task;
    assert_eq!(long.title.as_str().chars().count(), 200);
    assert!(long.title.as_str().ends_with('…'));
    assert_eq!(description(&plan.tasks[0]), format!("{title}\n\nrest"));
    assert_eq!(labels(&plan.tasks[0])[0].chars().count(), 50);
    assert_eq!(labels(&plan.tasks[1]).len(), 20);
    assert!(problems(&plan).contains(&(
        Some(2),
        "title",
        Severity::Warning,
        "has more than 200 characters; all of it is in the description"
    )));
}

#[test]
fn what_does_not_fit_on_a_checklist_is_in_the_description_and_fewer_comments_come_beside_it() {
    let points: Vec<_> = (0..150)
        .map(|number| {
            let state = if number < 50 { "complete" } else { "incomplete" };
            serde_json::json!({ "name": format!("Point {number}"), "state": state, "pos": number })
        })
        .collect();
    let comments: Vec<_> = (0..60)
        .map(|number| {
            serde_json::json!({ "type": "commentCard", "date": at() + chrono::TimeDelta::minutes(number),
                "data": { "card": { "id": "c" }, "text": format!("Comment {number}") } })
        })
        .collect();
    let board = serde_json::json!({
        "cards": [{ "id": "c", "name": "Long", "desc": "See below.", "idList": "l" }],
        "checklists": [{ "idCard": "c", "checkItems": points }],
        "actions": comments,
    });
    let (_, plan) = planned(board.to_string().as_bytes(), Options::default());
    let long = &plan.tasks[0];
    let ticked = checklist(long).iter().filter(|(_, done)| *done).count();
    assert_eq!((checklist(long).len(), ticked), (100, 40));
    let ids: BTreeSet<_> = long.import.checklist.iter().map(|item| item.id).collect();
    assert_eq!(ids.len(), 100);
    assert!(description(long).starts_with("See below.\n\n- [x] Point 40\n"), "{}", description(long));
    assert!(description(long).ends_with("\n- [ ] Point 149"), "{}", description(long));
    assert_eq!(said(long).len(), 21);
    assert_eq!((said(long)[0].0, said(long)[20].0), ("Comment 39", "Comment 59"));
    assert_eq!(
        problems(&plan),
        [
            (
                None,
                "checklist",
                Severity::Warning,
                "50 points are in the description: 100 come as a checklist, and 40 of these ticked"
            ),
            (
                None,
                "comments",
                Severity::Warning,
                "the oldest 39 were left out: 50 come with a task, and fewer where they are long or much of its checklist is ticked"
            ),
        ]
    );
}

#[test]
fn long_comments_leave_room_for_their_commit() {
    let rows = format!("note,{}\n", "x".repeat(12_000)).repeat(30);
    let (_, plan) = planned(format!("TYPE,CONTENT\ntask,Talk\n{rows}").as_bytes(), Options::default());
    let bytes: usize = said(&plan.tasks[0]).iter().map(|(text, ..)| text.len()).sum();
    assert!((140_000..=150_000).contains(&bytes), "{bytes}");
}
