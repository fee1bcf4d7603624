//! What is done to the digests.

use serde_json::json;

use super::{Table, digest, line, write_anew};
use crate::sample::Sample;

pub(super) async fn rows(table: &mut Table) {
    let sample = table.sample.clone();
    for (name, sequence) in
        [("the first digest is removed", 1), ("a digest is removed", 2), ("the last digest is removed", 3)]
    {
        let removed = |export: &mut Sample| drop(export.lines.remove(export.digest(sequence)));
        table.when(name, removed, &[digest("digest_removed", sequence)]);
    }
    let without_last = |export: &mut Sample| {
        let at = export.digest(3);
        export.lines.remove(at);
        export.take_out("leaf", |leaf| leaf["digest"] == 3);
    };
    table.when("the last digest is removed, and its heads: nobody who kept none can know", without_last, &[]);
    table.when_kept(
        "the last digest is removed, and its heads, of which somebody kept one",
        vec![sample.kept(3)],
        without_last,
        &[digest("digest_removed", 3)],
    );
    table.when_kept("a digest that was kept is there", vec![sample.kept(2)], |_| {}, &[]);
    let mut other = sample.kept(2);
    other.leaves += 1;
    table.when_kept("a digest that was kept was another", vec![other], |_| {}, &[digest("digest_replaced", 2)]);
    table.when(
        "a digest is changed",
        |export| {
            let at = export.digest(3);
            export.lines[at]["digest"]["taken_at"] = json!("2026-03-02T08:00:00Z");
        },
        &[digest("digest_forged", 3)],
    );
    table.when(
        "a digest is made to fit a history that was written anew",
        |export| {
            write_anew(export);
            export.grow_anew(3);
        },
        &[digest("digest_forged", 3)],
    );
    let mut forged = sample.clone();
    forged.sign_anew().await;
    let forged = forged.lines;
    table.when(
        "all digests are signed with another key",
        |export| export.lines = forged,
        &[1, 2, 3].map(|sequence| digest("digest_forged", sequence)),
    );
    table.when(
        "a digest has the signature of another",
        |export| {
            let (from, to) = (export.digest(1), export.digest(3));
            export.lines[to]["digest"]["signature"] = export.lines[from]["digest"]["signature"].clone();
        },
        &[digest("digest_forged", 3)],
    );
    table.when(
        "two digests change places",
        |export| {
            let (one, other) = (export.digest(2), export.digest(3));
            export.lines.swap(one, other);
        },
        &[digest("digest_removed", 2), digest("digest_moved", 2)],
    );
    table.when(
        "all digests are removed, and all heads",
        |export| {
            export.take_out("digest", |_| true);
            export.take_out("leaf", |_| true);
        },
        &[line("no_digest")],
    );
}
