//! The canonical JSON of RFC 8785, written from DynamoDB's JSON, and the hash of a commit over it.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::attribute::{Seen, see};
use super::log::Commit;

/// What the first commit of a history points back to.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash that a commit should have: SHA-256 over the bytes of `prev_hash` and the canonical JSON of everything else.
/// `None` where `prev_hash` is no hash, or a value has no JSON.
pub(super) fn hash(commit: &Commit<'_>) -> Option<String> {
    let mut previous = [0; 32];
    decode_hex(commit.prev_hash, &mut previous)?;
    let mut out = String::with_capacity(1024);
    // The fields in the order of their names.
    out.push_str(r#"{"actor":"#);
    write(&mut out, commit.actor)?;
    if let Some(causation_id) = commit.causation_id {
        out.push_str(r#","causation_id":"#);
        string(&mut out, causation_id);
    }
    out.push_str(r#","command_id":"#);
    string(&mut out, commit.command_id);
    out.push_str(r#","correlation_id":"#);
    string(&mut out, commit.correlation_id);
    out.push_str(r#","events":["#);
    for (place, event) in commit.events.iter().enumerate() {
        out.push_str(if place == 0 { r#"{"data":"# } else { r#",{"data":"# });
        write(&mut out, event.stored)?;
        // Writing to a String cannot fail.
        let _ = write!(out, r#","schema":{},"type":"#, event.schema);
        string(&mut out, event.kind);
        out.push('}');
    }
    out.push_str(r#"],"fingerprint":"#);
    string(&mut out, commit.fingerprint);
    out.push_str(r#","recorded_at":"#);
    string(&mut out, commit.recorded_at);
    let (aggregate, id) = commit.aggregate_and_id();
    out.push_str(r#","stream":{"id":"#);
    string(&mut out, id);
    out.push_str(r#","type":"#);
    string(&mut out, aggregate);
    let _ = write!(out, r#"}},"version":{}}}"#, commit.first);
    let digest = Sha256::new().chain_update(previous).chain_update(out.as_bytes()).finalize();
    let mut hex = String::with_capacity(64);
    for byte in digest {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    Some(hex)
}

fn decode_hex(text: &str, into: &mut [u8; 32]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    for (byte, pair) in into.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? * 16 + digit(pair[1])?;
    }
    Some(())
}

/// Writes an attribute value as canonical JSON.
pub(super) fn write(out: &mut String, attribute: &Value) -> Option<()> {
    match see(attribute) {
        Seen::Text(text) => string(out, text),
        Seen::Number(digits) => number(out, digits)?,
        Seen::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Seen::Null => out.push_str("null"),
        Seen::List(list) => {
            out.push('[');
            for (place, element) in list.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(out, element)?;
            }
            out.push(']');
        }
        Seen::Map(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            // By UTF-16 code units, in which names in ASCII sort like their bytes.
            if !fields.is_sorted_by(|(a, _), (b, _)| a.is_ascii() && b.is_ascii() && a < b) {
                fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            }
            out.push('{');
            for (place, (name, value)) in fields.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                string(out, name);
                out.push(':');
                write(out, value)?;
            }
            out.push('}');
        }
        Seen::Foreign => return None,
    }
    Some(())
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        // Every byte that is escaped is a character of its own.
        out.push_str(&text[plain..place]);
        plain = place + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// A number as ECMAScript writes it: the fewest digits that give it back, the even ones of two that are as near. The
/// library knows how; whole numbers are too many to ask it each time.
fn number(out: &mut String, digits: &str) -> Option<()> {
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits == "0" || (whole && digits.len() < 16 && !digits.starts_with('0')) {
        out.push_str(digits);
        return Some(());
    }
    let value: f64 = digits.parse().ok().filter(|value: &f64| value.is_finite())?;
    out.push_str(&serde_json_canonicalizer::to_string(&value).ok()?);
    Some(())
}
