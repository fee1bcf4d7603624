//! Promises 4 and 5: rows and entries.

use serde_json::{Value, json};

use super::story::{GONE, TASK, TEAM, USER, row, second, story};
use super::{kept, only};
use crate::observed::{Observed, RowWrite};

/// The small run with one attribute of one item of a table changed, at a path.
fn with(projection: &str, stream: &str, sort_key: &str, path: &str, value: Value) -> Observed {
    let mut observed = story();
    *row(&mut observed, projection, stream, sort_key).pointer_mut(path).unwrap() = value;
    observed
}

fn without(projection: &str, stream: &str, sort_key: &str) -> Observed {
    let mut observed = story();
    let table = observed.tables.get_mut(&(projection.to_owned(), 1)).unwrap();
    table.retain(|item| item["pk"]["S"] != stream || item["sk"]["S"] != sort_key);
    observed
}

const LEFT: &str = "v#00000000000000000001#000";
const SECOND: &str = "v#00000000000000000002";

#[test]
fn a_row_that_is_not_the_fold_of_its_history_is_reported_with_the_place_where_it_differs() {
    let text = |text: &str| json!({ "S": text });
    let cases: &[(&str, &str, &str, &str, Value, &str)] = &[
        (
            "task-list",
            TASK,
            "row",
            "/as_of",
            json!({ "N": "4" }),
            "the row is at version Some(4), and the history at 5",
        ),
        (
            "task-list",
            TASK,
            "row",
            "/row/M/task/M/comments",
            json!({ "N": "1" }),
            "row.task.comments: expected 0, found 1",
        ),
        (
            "task-list",
            TASK,
            "row",
            "/row/M/task/M/started_at",
            json!({ "NULL": true }),
            "row.task.started_at: expected",
        ),
        (
            "task-list",
            TASK,
            "row",
            "/row/M/task/M/location/M/position/M/longitude",
            json!({ "N": "13.1" }),
            "row.task.location",
        ),
        ("task-list", TASK, "row", "/row/M/updated_at", text("2026-03-02T08:00:05Z"), "row.updated_at"),
        ("task-list", TASK, "in#team", "/list", text("team#none#todo"), "the place \"in#team\": list: expected"),
        (
            "task-list",
            TASK,
            "in#all",
            "/facts/M/status",
            text("todo"),
            "facts.status: expected \"in_progress\", found \"todo\"",
        ),
        ("task-list", TASK, "row", "/places/L/0", text("in#none"), "places"),
        (
            "task-list",
            TASK,
            "in#assignee",
            "/due",
            text("~#00000000-0000-0000-0000-000000000001"),
            "due: expected \"2026-03-05T18",
        ),
        ("task-list", GONE, "row", "/row/M/task/M/deleted_at", json!({ "NULL": true }), "row.task.deleted_at"),
        (
            "task-past",
            GONE,
            LEFT,
            "/until",
            text("2026-03-02T08:00:07.000Z"),
            "until: expected \"2026-03-02T08:00:06.000Z\"",
        ),
        ("task-past", GONE, LEFT, "/entry/M/task/M/title", text("?"), "entry.task.title: expected \"A mistake\""),
        ("directory", USER, "row", "/row/M/party/M/user/M/teams", json!({ "L": [] }), "row.party.user.teams"),
        (
            "directory",
            USER,
            "row",
            "/row/M/party/M/user/M/active",
            json!({ "BOOL": false }),
            "expected true, found false",
        ),
        ("directory", TEAM, "row", "/name", text("north"), "name: expected \"north#"),
        ("audit-log", TASK, "row", "/row/M/last_event_id", text("?"), "row.last_event_id"),
        (
            "audit-log",
            TASK,
            SECOND,
            "/entry/M/changes/L/0/M/to",
            text("?"),
            "the entry v#00000000000000000002: entry.changes.0.to: expected",
        ),
        ("audit-log", TASK, SECOND, "/entry/M/version", json!({ "N": "3" }), "entry.version: expected 2, found 3"),
        ("audit-log", TASK, SECOND, "/gsi_day", text("2026-03-03"), "gsi_day: expected \"2026-03-02\""),
    ];
    for (projection, stream, sort_key, path, value, what) in cases {
        let observed = with(projection, stream, sort_key, path, value.clone());
        only(&observed, 4, what);
        only(&observed, 4, &format!("{projection}, generation 1, {stream}"));
    }
}

#[test]
fn a_missing_row_or_entry_is_reported() {
    only(&without("task-list", GONE, "row"), 4, "there is no row, and the history ends at 2");
    only(&without("directory", TEAM, "row"), 4, "there is no row");
    only(&without("task-list", TASK, "in#label#lift"), 4, "there is no place \"in#label#lift\"");
    only(&without("task-past", GONE, LEFT), 4, "there is no entry v#00000000000000000001#000");
    only(&without("audit-log", TASK, SECOND), 4, "there is no entry v#00000000000000000002");
    let mut observed = story();
    observed.tables.clear();
    only(&observed, 4, "there is no row");
}

#[test]
fn a_row_or_entry_that_nothing_stands_for_is_reported() {
    let mut observed = story();
    let other = "task#00000000-0000-0000-0000-000000000009";
    let mut copy = row(&mut observed, "task-list", GONE, "row").clone();
    copy["pk"] = json!({ "S": other });
    observed.tables.get_mut(&("task-list".to_owned(), 1)).unwrap().push(copy);
    only(&observed, 4, "there should be nothing, and there are the items [\"row\"]");

    let mut observed = story();
    let mut copy = row(&mut observed, "audit-log", GONE, SECOND).clone();
    copy["sk"] = json!({ "S": "v#00000000000000000003" });
    observed.tables.get_mut(&("audit-log".to_owned(), 1)).unwrap().push(copy);
    only(&observed, 4, "there should be no item \"v#00000000000000000003\"");
}

#[test]
fn a_tombstone_that_is_still_found_in_lists_is_reported() {
    let mut observed = story();
    let mut place = row(&mut observed, "task-list", TASK, "in#all").clone();
    place["pk"] = json!({ "S": GONE });
    observed.tables.get_mut(&("task-list".to_owned(), 1)).unwrap().push(place);
    only(&observed, 4, "there should be no place \"in#all\"");
}

#[test]
fn a_parked_row_is_reported() {
    let mut observed = story();
    row(&mut observed, "directory", TEAM, "row")["parked"] =
        json!({ "M": { "version": { "N": "2" }, "reason": { "S": "no such type" } } });
    only(&observed, 4, "the row is parked: {reason: \"no such type\", version: 2}");
}

#[test]
fn a_projection_that_the_oracle_does_not_know_is_reported() {
    let mut observed = story();
    observed.active.insert("by-colour".to_owned(), 1);
    only(&observed, 4, "by-colour is a projection that the oracle does not know");
}

/// The small run after a rebuild of the task list.
fn rebuilt() -> Observed {
    let mut observed = story();
    let table = observed.tables[&("task-list".to_owned(), 1)].clone();
    observed.tables.insert(("task-list".to_owned(), 2), table);
    observed.active.insert("task-list".to_owned(), 2);
    observed
}

#[test]
fn a_rebuild_is_looked_at_in_the_generation_that_is_read() {
    let mut observed = rebuilt();
    kept(&observed);
    observed.tables.get_mut(&("task-list".to_owned(), 1)).unwrap().clear();
    kept(&observed);
    observed.tables.get_mut(&("task-list".to_owned(), 2)).unwrap().retain(|item| item["pk"]["S"] != GONE);
    only(&observed, 5, "task-list, generation 2, task#00000000-0000-0000-0000-000000000002: there is no row");
    // One that was not switched to may be half full.
    let mut observed = rebuilt();
    observed.active.insert("task-list".to_owned(), 1);
    observed.tables.get_mut(&("task-list".to_owned(), 2)).unwrap().retain(|item| item["pk"]["S"] != GONE);
    kept(&observed);
}

fn written(observed: &mut Observed, at: u64, generation: u64, as_of: u64, projection_version: u64) {
    observed.row_writes.push(RowWrite {
        at: second(at),
        projection: "task-list".to_owned(),
        generation,
        stream: TASK.to_owned(),
        as_of,
        projection_version,
    });
}

#[test]
fn a_row_that_goes_back_is_reported() {
    let mut observed = story();
    written(&mut observed, 10, 1, 5, 1);
    // Another shape at the same version, and another generation from its beginning.
    written(&mut observed, 11, 1, 5, 2);
    written(&mut observed, 12, 2, 1, 2);
    written(&mut observed, 13, 2, 5, 2);
    kept(&observed);
    written(&mut observed, 14, 1, 4, 2);
    only(&observed, 4, "at 14s the row went back from version 5 to 4 (in shape 2)");
}

#[test]
fn a_row_that_is_ahead_of_the_log_is_reported() {
    let mut observed = story();
    observed.row_writes.clear();
    written(&mut observed, 5, 1, 4, 1);
    kept(&observed);
    observed.row_writes.clear();
    written(&mut observed, 6, 1, 5, 1);
    only(&observed, 4, "at 6s the row was put at version 5, when the history ended at 4");
}
