//! `cargo xtask schemas`: the contracts under `schemas/` that are made from the code.
//!
//! Each is described once, in a test of the crate that owns it: the test fails when the file on disk is stale, and writes
//! it first when `MUSTER_SCHEMAS=write` is set. The Postman collection and the TypeScript definitions are made of them, by programs of
//! Node.js.

use crate::cargo;
use crate::contract::Collection;
use crate::failure::Failure;
use crate::integrators;

/// One kind of contract: the test that keeps it fresh.
struct Contract {
    /// What it is, in words.
    what: &'static str,
    /// The file of the test, without `.rs`.
    target: &'static str,
    test: &'static str,
}

const CONTRACTS: &[Contract] = &[
    Contract { what: "schemas/events", target: "contracts", test: "published::the_schemas_on_disk_are_fresh" },
    Contract { what: "schemas/asyncapi.json", target: "contracts", test: "asyncapi::the_document_on_disk_is_fresh" },
    Contract { what: "schemas/openapi.json", target: "openapi", test: "the_document_on_disk_is_fresh" },
];

const COLLECTION: &str = "schemas/postman_collection.json";
const DEFINITIONS: &str = "schemas/typescript";

/// Goes through all contracts, so that every stale one is named, and gives the first failure.
pub(crate) fn run(check: bool) -> Result<(), Failure> {
    let mut result = Ok(());
    for contract in CONTRACTS {
        let kept = keep(contract, check);
        if kept.is_ok() {
            eprintln!("{} is fresh", contract.what);
        }
        result = result.and(kept);
    }
    result.and_then(|()| collection(check)).and_then(|()| definitions(check))
}

/// The TypeScript definitions, likewise.
fn definitions(check: bool) -> Result<(), Failure> {
    match integrators::Tools::set_up(&cargo::workspace()?) {
        Ok(tools) => {
            tools.keep_definitions(check)?;
            eprintln!("{DEFINITIONS} is fresh");
        }
        Err(reason) => eprintln!("{DEFINITIONS} stays as it is, because {reason}"),
    }
    Ok(())
}

/// The Postman collection. Where there is no Node.js, the other contracts are kept all the same, and that is said.
fn collection(check: bool) -> Result<(), Failure> {
    match Collection::set_up(&cargo::workspace()?) {
        Ok(collection) => {
            collection.keep(check)?;
            eprintln!("{COLLECTION} is fresh");
        }
        Err(reason) => eprintln!("{COLLECTION} stays as it is, because {reason}"),
    }
    Ok(())
}

fn keep(contract: &Contract, check: bool) -> Result<(), Failure> {
    let mut test = cargo::cargo();
    // Of the whole workspace, as all tests are: for one package cargo would build the dependencies with other features.
    test.args(["test", "--quiet", "--workspace", "--test", contract.target]);
    // A stale file is no defect of the program: its name is enough.
    test.args(["--", "--exact", "--nocapture", contract.test]).env("RUST_BACKTRACE", "0");
    if check {
        test.env_remove("MUSTER_SCHEMAS");
    } else {
        test.env("MUSTER_SCHEMAS", "write");
    }
    let output = cargo::output(&mut test)?;
    // A test that is not there passes, too.
    if output.contains("test result: ok. 1 passed") { Ok(()) } else { Err(Failure::NoTest(contract.test)) }
}
