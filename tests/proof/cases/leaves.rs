//! What is done to the heads that digests hold.

use serde_json::{Value, json};

use super::{Table, by_digest, digest, write_anew};
use crate::sample::{name, seal};

pub(super) fn rows(table: &mut Table) {
    table.when(
        "a history is written anew, and the heads that digests hold with it",
        write_anew,
        &[digest("leaf_changed", 3)],
    );
    table.when(
        "a head is removed",
        |export| {
            let at = export.leaf(1, 1);
            export.lines.remove(at);
        },
        &[digest("leaf_removed", 1)],
    );
    table.when(
        "a head is put under a digest that does not hold it",
        |export| {
            let at = export.commit(1, 5);
            let leaf = json!({ "leaf": { "digest": 3, "hash": export.lines[at]["commit"]["hash"], "index": 1, "stream": name(1), "version": 5 } });
            export.lines.insert(at + 1, leaf);
        },
        &[("leaf_inserted", Some(3), None, Some(3))],
    );
    table.when(
        "a history is added, and put under the last digest",
        |export| {
            let from = export.commit(4, 1);
            let mut added: Vec<Value> = export.lines[from..from + 2].to_vec();
            added[0]["commit"]["stream"]["id"] = json!(name(5)["task#".len()..]);
            seal(&mut added[0]["commit"]);
            let hash = added[0]["commit"]["hash"].clone();
            added[1]["leaf"] = json!({ "digest": 3, "hash": hash, "index": 3, "stream": name(5), "version": 1 });
            export.lines.splice(from + 2..from + 2, added);
        },
        &[digest("leaf_inserted", 3)],
    );
    table.when(
        "a head is doubled",
        |export| {
            let at = export.leaf(2, 2);
            let copy = export.lines[at].clone();
            export.lines.insert(at, copy);
        },
        &[("leaf_inserted", Some(2), None, Some(2))],
    );
    table.when(
        "a head stands before its commit",
        |export| {
            let at = export.commit(3, 2);
            export.lines.swap(at, at + 1);
        },
        &[by_digest("rewritten", 3, 2, 3)],
    );
    table.when(
        "a head stands after a later commit",
        |export| {
            let at = export.leaf(1, 1);
            export.lines.swap(at, at + 1);
        },
        &[by_digest("order", 1, 1, 1)],
    );
}
