//! What is done to the lines, whatever they are.

use serde_json::{Value, json};

use super::{Table, digest, history, line};
use crate::sample::Sample;

/// How long a line is that is longer than any can be.
const TOO_LONG: usize = 4 * 1024 * 1024;

/// How deep the data of an event may be: the line, the commit, the list and the event are around it.
const DEEPEST: usize = 127 - 4;

/// Gives the event that no digest holds data that is so deep, with brackets in a text that count for nothing, and hashes that fit.
fn deepen(export: &mut Sample, depth: usize) {
    let innermost = json!({ "title": "[[[[\\\"{{{{" });
    let data: Value = (1..depth).fold(innermost, |data, _| json!([data]));
    let at = export.commit(1, 5);
    export.lines[at]["commit"]["events"][0]["data"] = data;
    export.chain_anew(1);
}

pub(super) fn rows(table: &mut Table) {
    table.when("an event is as deep as a line may be", |export| deepen(export, DEEPEST), &[]);
    table.when(
        "an event is deeper than a line may be",
        |export| deepen(export, DEEPEST + 1),
        &[line("malformed"), line("end")],
    );
    table.when_bytes(
        "the last line counts one event too many",
        |export| String::from_utf8(export).unwrap().replace("\"events\":11,", "\"events\":12,").into_bytes(),
        &[line("end")],
    );
    table.when_bytes(
        "the last line is cut off",
        |export| {
            let end = export[..export.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
            export[..=end].to_vec()
        },
        &[line("cut")],
    );
    table.when_bytes(
        "a line comes after the last",
        |export| [export, b"{\"header\":{\"format\":\"muster-export-1\"}}\n".to_vec()].concat(),
        &[line("malformed")],
    );
    table.when_bytes(
        "the last line feed is cut off",
        |mut export| {
            export.pop();
            export
        },
        &[line("cut")],
    );
    table.when_bytes(
        "a line is longer than any can be",
        |export| {
            let end = export[..export.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
            let (before, last) = export.split_at(end);
            [before, &vec![b' '; TOO_LONG], b"\n", last].concat()
        },
        &[line("malformed")],
    );
    table.when_bytes("there is nothing", |_| Vec::new(), &[line("cut"), line("no_digest")]);
    table.when(
        "the header is removed",
        |export| {
            export.lines.remove(0);
        },
        &[line("malformed")],
    );
    table.when(
        "a commit has no events",
        |export| {
            let at = export.commit(1, 5);
            export.lines[at]["commit"]["events"] = json!([]);
        },
        &[line("malformed"), line("end")],
    );
    table.when(
        "a commit stands among the digests",
        |export| {
            let (from, to) = (export.commit(1, 5), export.digest(2));
            let commit = export.lines.remove(from);
            export.lines.insert(to, commit);
        },
        &[line("end"), history("order", 1, 5)],
    );
    table.when_bytes(
        "a line is written in another form",
        |export| String::from_utf8(export).unwrap().replacen("{\"commit\":{", "{\"commit\": {", 1).into_bytes(),
        &[line("malformed"), history("removed", 1, 1), line("end")],
    );
    table.when(
        "a member is added to a digest",
        |export| {
            let at = export.digest(3);
            export.lines[at]["digest"]["note"] = json!("good");
        },
        &[line("malformed"), digest("digest_removed", 3), line("end")],
    );
}
