//! `schemas/openapi.json` is the OpenAPI document of the routes that there are.
//!
//! This test is also what writes it: `cargo xtask schemas` runs it with `MUSTER_SCHEMAS=write`.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn the_document_on_disk_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/openapi.json");
    let mut document = serde_json::to_value(muster_handlers::http::openapi()).unwrap();
    // Whatever features of `serde_json` the build has on, the keys are in one order.
    document.sort_all_objects();
    let fresh = format!("{document:#}\n");

    let on_disk = fs::read_to_string(path).unwrap_or_default();
    if on_disk != fresh && std::env::var_os("MUSTER_SCHEMAS").is_some_and(|mode| mode == "write") {
        fs::write(path, fresh).unwrap();
        println!("written: schemas/openapi.json");
    } else {
        assert!(on_disk == fresh, "schemas/openapi.json is stale; run cargo xtask schemas, and read what it changed");
    }
}

/// Two types with one name are one schema of the document: the other would be promised what it is not.
#[test]
fn no_two_types_of_the_document_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for room in ["handlers", "identity", "projections", "domain"] {
        rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room).join("src"), &mut |path, text| {
            for name in names(text) {
                places.entry(name).or_default().push(path.display().to_string());
            }
        });
    }
    assert!(places.len() > 100, "{} types were found", places.len());
    places.retain(|_, places| places.len() > 1);
    assert_eq!(places, BTreeMap::new());
}

/// The types that a file gives schemas.
fn names(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        if !(line.contains("derive(") && line.contains("ToSchema")) {
            continue;
        }
        let declared = lines.find_map(|line| line.split_once("struct ").or_else(|| line.split_once("enum ")));
        let name =
            declared.map(|(_, rest)| rest.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default());
        names.extend(name.map(str::to_owned));
    }
    names
}

fn rust_files(directory: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
