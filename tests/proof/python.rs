//! The other verifier: `docs/verify_export.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use muster_domain::proof::SignedDigest;
use serde_json::{Value, json};

/// The interpreter; `cargo xtask proof` sets it.
const PYTHON: &str = "MUSTER_PYTHON";

/// Verifies many exports in one process, which it asks for each of them what the script's own `main` asks for one.
const ALL: &str = "
import json, sys
sys.path.insert(0, sys.argv[1])
import verify_export as script
keys = script.keys_of(open(sys.argv[2]).read())
for name in sys.argv[3:]:
    asked = json.load(open(name + '.asked'))
    with open(name, 'rb') as file:
        print(json.dumps(script.verify_export(script.bounded(file), keys, asked['kept'], asked['complete'])))
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

/// An export that the script is asked about.
pub(crate) struct Asked {
    pub(crate) export: Vec<u8>,
    /// Digests that were kept.
    pub(crate) kept: Vec<SignedDigest>,
    /// Every event must be under a digest.
    pub(crate) complete: bool,
}

/// What the script says of each export.
pub(crate) fn verify_all(pem: &str, exports: &[Asked]) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    fs::write(&key, pem).unwrap();
    let names: Vec<PathBuf> = (0..exports.len()).map(|number| dir.path().join(format!("{number}.jsonl"))).collect();
    for (name, Asked { export, kept, complete }) in names.iter().zip(exports) {
        fs::write(name, export).unwrap();
        let asked = json!({ "kept": kept, "complete": complete });
        fs::write(name.with_extension("jsonl.asked"), asked.to_string()).unwrap();
    }
    let output = python().args(["-c", ALL]).arg(docs()).arg(&key).args(&names).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), exports.len());
    said
}
