//! The other verifier: `docs/verify_export.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use muster_domain::proof::SignedDigest;
use serde_json::Value;

/// The interpreter; `cargo xtask proof` sets it.
const PYTHON: &str = "MUSTER_PYTHON";

/// Verifies many exports in one process, which it asks for each of them what the script's own `main` asks for one.
const ALL: &str = "
import json, sys
sys.path.insert(0, sys.argv[1])
import verify_export as script
keys = script.keys_of(open(sys.argv[2]).read())
for name in sys.argv[3:]:
    kept = json.load(open(name + '.kept'))
    with open(name, 'rb') as file:
        print(json.dumps(script.verify_export(script.bounded(file), keys, kept)))
";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs")
}

fn python() -> Command {
    let mut python = Command::new(std::env::var_os(PYTHON).expect("cargo xtask proof says where Python is"));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// What the script says of these arguments.
pub(crate) fn script(arguments: &[&str]) -> Output {
    python().arg(docs().join("verify_export.py")).args(arguments).output().unwrap()
}

/// What the script says of each export, with the digests that were kept.
pub(crate) fn verify_all(pem: &str, exports: &[(Vec<u8>, Vec<SignedDigest>)]) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    fs::write(&key, pem).unwrap();
    let names: Vec<PathBuf> = (0..exports.len()).map(|number| dir.path().join(format!("{number}.jsonl"))).collect();
    for (name, (export, kept)) in names.iter().zip(exports) {
        fs::write(name, export).unwrap();
        fs::write(name.with_extension("jsonl.kept"), serde_json::to_vec(kept).unwrap()).unwrap();
    }
    let output = python().args(["-c", ALL]).arg(docs()).arg(&key).args(&names).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), exports.len());
    said
}
