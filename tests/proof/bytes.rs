//! Single bytes: whichever is changed, and into whatever, it is found.

use muster_domain::proof::canonical::sha256;
use serde_json::{Value, json};

use crate::cases::summary;
use crate::python::{self, Asked};
use crate::sample::{Sample, verify};

/// How many changes are tried, and how many of them by the other verifier, too.
const CHANGES: usize = 10_000;
const BOTH: usize = 300;

/// The export with one byte changed, at random, and a last line that fits it, unless it is that line.
fn changed(export: &[u8], end: usize, rng: &mut fastrand::Rng) -> (String, Vec<u8>) {
    let at = rng.usize(..export.len());
    let byte = loop {
        let byte = rng.u8(..);
        if byte != export[at] {
            break byte;
        }
    };
    let mut changed = export.to_vec();
    changed[at] = byte;
    // The last line can be made to fit by whoever changes another one; so that it alone cannot find it.
    if at < end {
        let mut last: Value = serde_json::from_slice(&export[end..]).unwrap();
        last["end"]["sha256"] = json!(sha256(&changed[..end]));
        let last = muster_domain::proof::canonical::canonical(&last).unwrap();
        changed.truncate(end);
        changed.extend(last);
        changed.push(b'\n');
    }
    (format!("byte {at}: {:#04x} to {byte:#04x}", export[at]), changed)
}

/// Where the last line begins.
fn end_of(export: &[u8]) -> usize {
    export[..export.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1
}

#[tokio::test]
async fn ten_thousand_changes_of_a_single_byte_are_all_found() {
    let sample = Sample::small().await;
    let export = sample.export();
    assert_eq!(verify(&export, &sample.keys, &[]).findings, []);
    let end = end_of(&export);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (export, keys) = (&export, &sample.keys);
            scope.spawn(move || {
                for seed in (thread..CHANGES).step_by(threads) {
                    let mut rng = fastrand::Rng::with_seed(seed as u64);
                    let (what, changed) = changed(export, end, &mut rng);
                    assert_ne!(verify(&changed, keys, &[]).findings, [], "seed {seed}, {what}");
                }
            });
        }
    });
}

#[tokio::test]
#[ignore = "needs Python: cargo xtask proof"]
async fn the_other_verifier_finds_the_same_in_them() {
    let sample = Sample::small().await;
    let export = sample.export();
    let end = end_of(&export);
    let exports: Vec<_> =
        (0..BOTH).map(|seed| changed(&export, end, &mut fastrand::Rng::with_seed(seed as u64))).collect();
    let asked = |export: &Vec<u8>| Asked { export: export.clone(), kept: Vec::new(), complete: false };
    let files: Vec<_> = exports.iter().map(|(_, export)| asked(export)).collect();
    for ((what, export), said) in exports.iter().zip(python::verify_all(&sample.pem, &files)) {
        let ours = serde_json::to_value(verify(export, &sample.keys, &[])).unwrap();
        assert_eq!(summary(&said), summary(&ours), "{what}: {said:#}");
        assert_ne!(summary(&said), [""; 0], "{what}");
    }
}
