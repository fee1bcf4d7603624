//! The oracle's canonical JSON against a library's.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::story::attribute;
use crate::oracle::canonical::write;

fn canonical(json: &Value) -> String {
    let mut out = String::new();
    write(&mut out, &attribute(json)).unwrap();
    out
}

fn text(rng: &mut Rng) -> String {
    let pieces = [
        "a", "Z", "\u{1}", "\u{1f}", "\u{7f}", "\n", "\t", "\u{8}", "\u{c}", "\r", "\"", "\\", "/", "é", "€", "😀",
        "\u{ff5e}", "10",
    ];
    (0..rng.usize(..6)).map(|_| pieces[rng.usize(..pieces.len())]).collect()
}

fn number(rng: &mut Rng) -> Value {
    match rng.u8(..4) {
        0 => json!(rng.i64(-1_000_000..1_000_000)),
        1 => json!((rng.f64() - 0.5) * 360.0),
        2 => json!((rng.f64() - 0.5) * 10_f64.powi(rng.i32(-40..40))),
        _ => json!(rng.u64(..1 << 53)),
    }
}

fn value(rng: &mut Rng, depth: u8) -> Value {
    match rng.u8(..if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 | 3 => number(rng),
        4 => json!(text(rng)),
        5 => (0..rng.u8(..4)).map(|_| value(rng, depth - 1)).collect(),
        _ => Value::Object((0..rng.u8(..5)).map(|_| (text(rng), value(rng, depth - 1))).collect::<Map<_, _>>()),
    }
}

#[test]
fn random_values_have_the_canonical_form_that_the_library_gives_them() {
    let mut rng = Rng::with_seed(7);
    for _ in 0..20_000 {
        let value = value(&mut rng, 3);
        assert_eq!(canonical(&value), serde_json_canonicalizer::to_string(&value).unwrap(), "{value}");
    }
}

#[test]
fn numbers_have_the_spellings_of_ecmascript() {
    for (stored, spelled) in [
        ("0", "0"),
        ("-0", "0"),
        ("52", "52"),
        ("52.0", "52"),
        ("052", "52"),
        ("5.2E+1", "52"),
        ("-0.0000001", "-1e-7"),
        ("0.000001", "0.000001"),
        ("1E+21", "1e+21"),
        ("123456789012345680000", "123456789012345680000"),
        ("9007199254740993", "9007199254740992"),
    ] {
        let mut out = String::new();
        write(&mut out, &json!({ "N": stored })).unwrap();
        assert_eq!(out, spelled, "{stored}");
    }
}
