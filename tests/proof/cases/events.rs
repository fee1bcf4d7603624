//! What is done to events: changed, removed, inserted, moved.

use serde_json::json;

use super::{Table, by_digest, history, retitle};
use crate::sample::seal;

pub(super) fn rows(table: &mut Table) {
    table.when("nothing", |_| {}, &[]);
    table.when(
        "an event is changed",
        |export| {
            let at = export.commit(1, 2);
            retitle(&mut export.lines[at]);
        },
        &[history("changed", 1, 2)],
    );
    table.when(
        "who did it is changed",
        |export| {
            let at = export.commit(2, 1);
            export.lines[at]["commit"]["actor"]["name"] = json!("somebody");
        },
        &[history("changed", 2, 1)],
    );
    table.when(
        "when it was is changed",
        |export| {
            let at = export.commit(3, 2);
            export.lines[at]["commit"]["recorded_at"] = json!("2026-03-02T09:00:00.250Z");
        },
        &[history("changed", 3, 2)],
    );
    table.when(
        "an event is changed, and its hash with it",
        |export| {
            let at = export.commit(1, 2);
            retitle(&mut export.lines[at]);
            seal(&mut export.lines[at]["commit"]);
        },
        &[by_digest("rewritten", 1, 2, 2)],
    );
    table.when(
        "an event between two heads is changed, and its hash with it",
        |export| {
            let at = export.commit(1, 3);
            retitle(&mut export.lines[at]);
            seal(&mut export.lines[at]["commit"]);
        },
        &[history("link", 1, 4)],
    );
    table.when(
        "an event is changed, and every hash after it",
        |export| {
            let at = export.commit(1, 3);
            retitle(&mut export.lines[at]);
            export.chain_anew(1);
        },
        &[by_digest("rewritten", 1, 4, 3)],
    );
    table.when(
        "an event is removed",
        |export| {
            let at = export.commit(1, 3);
            export.lines.remove(at);
        },
        &[history("removed", 1, 3)],
    );
    table.when(
        "an event is removed, and the others are numbered and chained anew",
        |export| {
            let at = export.commit(1, 3);
            export.lines.remove(at);
            export.chain_anew(1);
        },
        &[by_digest("rewritten", 1, 4, 3)],
    );
    table.when(
        "the first event is removed",
        |export| {
            let at = export.commit(2, 1);
            export.lines.remove(at);
        },
        &[history("removed", 2, 1)],
    );
    table.when(
        "an event is inserted",
        |export| {
            let at = export.commit(2, 2);
            let mut copy = export.lines[at].clone();
            retitle(&mut copy);
            seal(&mut copy["commit"]);
            export.lines.insert(at + 1, copy);
        },
        &[history("inserted", 2, 2)],
    );
    table.when(
        "an event is inserted, and the others are numbered and chained anew",
        |export| {
            let at = export.commit(2, 2);
            let copy = export.lines[at].clone();
            export.lines.insert(at + 1, copy);
            export.chain_anew(2);
            // The head to where its version now is.
            let leaf = export.leaf(2, 2);
            export.lines.swap(leaf, leaf - 1);
        },
        &[by_digest("rewritten", 2, 3, 2)],
    );
    table.when(
        "two events change places",
        |export| {
            let (one, other) = (export.commit(1, 3), export.commit(1, 4));
            export.lines.swap(one, other);
        },
        &[history("moved", 1, 3)],
    );
    table.when(
        "two events change places, and are numbered and chained anew",
        |export| {
            let (one, other) = (export.commit(1, 3), export.commit(1, 4));
            export.lines.swap(one, other);
            export.chain_anew(1);
        },
        &[by_digest("rewritten", 1, 4, 3)],
    );
}
