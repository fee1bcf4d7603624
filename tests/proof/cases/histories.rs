//! What is done to whole histories and to their ends.

use super::{Table, by_digest, digest, history};
use crate::sample::name;

pub(super) fn rows(table: &mut Table) {
    table.when(
        "the last events of a history are removed",
        |export| {
            let at = export.commit(2, 3);
            export.lines.remove(at);
        },
        &[by_digest("truncated", 2, 2, 2)],
    );
    table.when(
        "they are removed, and the head that a digest holds with them",
        |export| {
            let at = export.commit(2, 3);
            export.lines.drain(at..at + 2);
        },
        &[digest("leaf_removed", 2)],
    );
    table.when(
        "they are removed, and the digest is made to fit",
        |export| {
            let at = export.commit(2, 3);
            export.lines.drain(at..at + 2);
            export.grow_anew(2);
        },
        &[digest("digest_chain", 3), digest("digest_forged", 2)],
    );
    table.when(
        "a whole history is removed",
        |export| {
            let at = export.commit(4, 1);
            export.lines.remove(at);
        },
        &[by_digest("truncated", 4, 0, 3)],
    );
    table.when(
        "a whole history is removed, and its heads with it",
        |export| {
            export.take_out("commit", |commit| commit["stream"]["id"] == name(2)["task#".len()..]);
            export.take_out("leaf", |leaf| leaf["stream"] == name(2).as_str());
        },
        &[digest("leaf_removed", 1), digest("leaf_removed", 2)],
    );
    table.when(
        "two histories change places",
        |export| {
            let (third, fourth) = (export.commit(3, 1), export.commit(4, 1));
            export.lines[third..fourth + 2].rotate_right(2);
        },
        &[history("order", 3, 1), digest("leaf_removed", 3)],
    );
    table.when(
        "an event that is under no digest yet is removed: nobody has signed that it was there",
        |export| {
            let at = export.commit(1, 5);
            export.lines.remove(at);
        },
        &[],
    );
}
