//! What stands after the last head that a digest holds of a history. Without being told that all must be under a digest, a verifier
//! lists it and finds nothing wrong; the sample itself has one such event, the fifth of task 1.

use serde_json::json;

use super::{Table, by_digest, history, line, retitle};
use crate::sample::{Sample, name, seal};

pub(super) fn rows(table: &mut Table) {
    /// Takes out the event that no digest holds.
    fn cover(export: &mut Sample) {
        let at = export.commit(1, 5);
        export.lines.remove(at);
    }
    fn covered(export: &mut Sample) {
        cover(export);
        export.say_complete();
    }
    fn add_history(export: &mut Sample) {
        let at = export.digest(1);
        let from = export.commit(4, 1);
        let mut added = export.lines[from].clone();
        added["commit"]["stream"]["id"] = json!(name(5)["task#".len()..]);
        seal(&mut added["commit"]);
        export.lines.insert(at, added);
    }
    fn reseal(export: &mut Sample) {
        let at = export.commit(1, 5);
        retitle(&mut export.lines[at]);
        export.chain_anew(1);
    }
    table.when("an event is added after the last head", |export| export.add_event(2), &[]);
    table.when_complete(
        "an event is added after the last head, where all must be under a digest",
        |export| {
            cover(export);
            export.add_event(2);
        },
        &[history("undigested", 2, 4)],
    );
    table.when("an export is complete and says so", covered, &[]);
    table.when_complete("an export is complete, does not say so, and must be", cover, &[]);
    table.when(
        "an event is added after the last head of an export that says that it is complete",
        |export| {
            covered(export);
            export.add_event(2);
        },
        &[history("undigested", 2, 4)],
    );
    table.when(
        "events are added to two histories of an export that says that it is complete",
        |export| {
            covered(export);
            export.add_event(1);
            export.add_event(3);
            export.add_event(3);
        },
        &[history("undigested", 1, 5), history("undigested", 3, 3)],
    );
    table.when(
        "a history is added to an export that says that it is complete",
        |export| {
            covered(export);
            add_history(export);
        },
        &[history("undigested", 5, 1)],
    );
    table.when("an event after the last head is changed and sealed anew", reseal, &[]);
    table.when_complete(
        "an event after the last head is changed and sealed anew, where all must be under a digest",
        reseal,
        &[history("undigested", 1, 5)],
    );
    table.when(
        "the header no longer says that the export is complete, and an event is added",
        |export| {
            cover(export);
            export.add_event(2);
        },
        &[],
    );
    table.when(
        "the end of a history is removed from an export that says that it is complete",
        |export| {
            covered(export);
            let at = export.commit(2, 3);
            export.lines.remove(at);
        },
        &[by_digest("truncated", 2, 2, 2)],
    );
    table.when(
        "an export is of the format before this one",
        |export| export.lines[0] = json!({ "header": { "format": "muster-export-1" } }),
        &[],
    );
    table.when(
        "the header of the format before says more than it could",
        |export| export.lines[0] = json!({ "header": { "complete": true, "format": "muster-export-1" } }),
        // The next line is then no header either.
        &[line("malformed"), line("malformed")],
    );
    table.when(
        "the header does not say whether the export is complete",
        |export| export.lines[0] = json!({ "header": { "format": "muster-export-2" } }),
        &[line("malformed"), line("malformed")],
    );
    table.when(
        "the header says neither that the export is complete nor that it is not",
        |export| export.lines[0]["header"]["complete"] = json!(1),
        &[line("malformed"), line("malformed")],
    );
}
