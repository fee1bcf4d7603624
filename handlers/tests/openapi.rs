//! `schemas/openapi.json` is the OpenAPI document of the routes that there are.
//!
//! This test is also what writes it: `cargo xtask schemas` runs it with `MUSTER_SCHEMAS=write`.

use std::fs;

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
