//! Exports that are not taken in: changed ones, and those for which there is no room.

use std::fs;
use std::path::Path;

use muster_cli::args::ExportArgs;
use muster_cli::operate::import;
use muster_domain::proof::canonical::{canonical, sha256};
use serde_json::{Value, json};

use super::place::Place;
use super::refused;

/// The lines of a file, otherwise.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[tokio::test]
async fn an_export_with_digests_is_taken_in_and_what_is_wrong_behind_a_thousand_of_them_is_refused() {
    let place = Place::new();
    place.team("one", 2).await;
    let whole = place.export_with(ExportArgs { no_digest: false, ..place.export_args("one", "export.jsonl") }).await;
    let header = whole.split(|byte| *byte == b'\n').next().unwrap();
    assert_eq!(String::from_utf8_lossy(header), r#"{"header":{"complete":true,"format":"muster-export-2"}}"#);
    // More than are listed of those whose signature nobody without a key can verify; and an end that does not count them.
    rewrite(&place.path("export.jsonl"), |lines| {
        let end = lines.pop().unwrap();
        for sequence in 2..=1_100 {
            let mut last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
            let digest = last["digest"].as_object_mut().unwrap();
            digest.remove("signature");
            let previous = sha256(&canonical(&*digest).unwrap());
            for (name, value) in [
                ("leaves", json!(0)),
                ("previous", json!(previous)),
                ("root", json!(sha256(b""))),
                ("sequence", json!(sequence)),
                ("signature", json!("AAAA")),
            ] {
                digest.insert(name.to_owned(), value);
            }
            lines.push(String::from_utf8(canonical(&last).unwrap()).unwrap());
        }
        lines.push(end);
    });
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert!(reason.contains("the last line says something else than what is there"), "{reason}");

    fs::write(place.path("export.jsonl"), &whole).unwrap();
    import::run(place.import("export.jsonl", "two")).await.unwrap();
}

#[tokio::test]
async fn an_export_that_took_its_digest_is_refused_when_a_history_in_it_is_under_none() {
    let place = Place::new();
    place.team("one", 2).await;
    place.export_with(ExportArgs { no_digest: false, ..place.export_args("one", "export.jsonl") }).await;
    rewrite(&place.path("export.jsonl"), |lines| {
        // The head of the last history goes, and the history stays: as if somebody had added it.
        let leaf = lines.iter().rposition(|line| line.starts_with(r#"{"leaf""#)).unwrap();
        lines.remove(leaf);
    });
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert!(reason.contains("under no digest"), "{reason}");
}

#[tokio::test]
async fn a_store_that_has_anything_is_refused_and_stays_as_it_is() {
    let place = Place::new();
    place.team("one", 2).await;
    place.export("one", "export.jsonl").await;
    place.team("two", 1).await;
    let before = place.export("two", "before.jsonl").await;
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert_eq!(reason, "the store has histories; an export is only taken in by an empty store");
    assert_eq!(place.export("two", "after.jsonl").await, before);

    import::run(place.import("export.jsonl", "three")).await.unwrap();
    let reason = refused(import::run(place.import("export.jsonl", "three")).await);
    assert_eq!(reason, "the store has taken in this export already; an export is only taken in by an empty store");
}

#[tokio::test]
async fn a_changed_export_is_refused_before_anything_is_written() {
    let place = Place::new();
    place.team("one", 3).await;
    let exported = place.export("one", "export.jsonl").await;
    let place_in = |lines: &[String]| lines.iter().position(|line| line.contains("TaskCreated")).unwrap();
    rewrite(&place.path("export.jsonl"), |lines| {
        let at = place_in(lines);
        lines[at] = lines[at].replace("\"title\":\"", "\"title\":\"Not ");
    });
    let reason = refused(import::run(place.import("export.jsonl", "two")).await);
    assert!(reason.contains("was changed: its content does not give its hash"), "{reason}");
    // The whole export is still welcome there.
    fs::write(place.path("export.jsonl"), &exported).unwrap();
    import::run(place.import("export.jsonl", "two")).await.unwrap();
}
