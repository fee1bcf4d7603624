//! `schemas/openapi.json` is the OpenAPI document of the routes that there are.
//!
//! This test is also what writes it: `cargo xtask schemas` runs it with `MUSTER_SCHEMAS=write`.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

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

/// Each answer of each operation: where it is, its status, and what the document says of it.
fn answers(document: &Value) -> Vec<(String, String, Value)> {
    let mut answers = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                answers.push((format!("{method} {path} {status}"), status.clone(), answer.clone()));
            }
        }
    }
    assert!(answers.len() > 500, "{} answers were found", answers.len());
    answers
}

#[test]
fn who_is_refused_reads_in_the_headers_how_to_sign_in_or_when_to_come_again() {
    let document = serde_json::to_value(muster_handlers::http::openapi()).unwrap();
    for (place, status, answer) in answers(&document) {
        let told: &[&str] = match status.as_str() {
            "401" => &["WWW-Authenticate"],
            "429" => &["RateLimit", "RateLimit-Policy", "Retry-After"],
            _ => continue,
        };
        let headers: BTreeSet<&str> = answer["headers"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(headers, told.iter().copied().collect(), "{place}");
    }
}

#[test]
fn a_header_that_does_not_always_come_says_when_it_does() {
    let document = serde_json::to_value(muster_handlers::http::openapi()).unwrap();
    let mut sometimes = BTreeSet::new();
    for (place, _, answer) in answers(&document) {
        for (name, header) in answer["headers"].as_object().into_iter().flatten() {
            if ["ETag", "Location", "Content-Disposition"].contains(&name.as_str()) {
                continue;
            }
            assert!(header["description"].is_string(), "{place}: {name}");
            assert_ne!(header["required"], true, "{place}: {name}");
            sometimes.insert(name.clone());
        }
    }
    assert!(sometimes.contains("Muster-Warning") && sometimes.contains("Link"), "{sometimes:?}");
}

#[test]
fn every_text_of_a_body_is_bounded() {
    let document = serde_json::to_value(muster_handlers::http::openapi()).unwrap();
    let (mut endless, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for operations in document["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            texts(&document, operation.get("requestBody").unwrap_or(&Value::Null), "body", &mut seen, &mut endless);
        }
    }
    assert!(seen.len() > 30, "{} schemas were found", seen.len());
    assert_eq!(endless, BTreeSet::new());
}

/// Finds the texts of a schema that may be of any length. What a map holds is bounded by the request alone.
fn texts(document: &Value, schema: &Value, place: &str, seen: &mut BTreeSet<String>, endless: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        if seen.insert(reference.to_owned()) {
            let target = document.pointer(reference.trim_start_matches('#')).unwrap();
            texts(document, target, reference, seen, endless);
        }
        return;
    }
    let is_text =
        schema["type"] == "string" || schema["type"].as_array().is_some_and(|of| of.contains(&"string".into()));
    let bounds = ["maxLength", "enum", "pattern"].iter().any(|bound| schema.get(bound).is_some());
    let form = schema["format"].as_str().is_some_and(|form| ["uuid", "date", "date-time"].contains(&form));
    if is_text && !bounds && !form {
        endless.insert(place.to_owned());
    }
    for (word, part) in schema.as_object().into_iter().flatten() {
        match (word.as_str(), part) {
            ("properties" | "content", Value::Object(parts)) => {
                for (name, part) in parts {
                    texts(document, part, &format!("{place}/{name}"), seen, endless);
                }
            }
            ("oneOf" | "allOf" | "anyOf", Value::Array(parts)) => {
                for part in parts {
                    texts(document, part, place, seen, endless);
                }
            }
            ("items" | "schema", part) => texts(document, part, place, seen, endless),
            _ => {}
        }
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
