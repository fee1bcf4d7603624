//! `GetItem` and `BatchGetItem`.

use std::collections::HashSet;

use super::Model;
use super::refusal::Refusal;
use super::requests::{BatchGet, Get};
use super::value::{Item, write_text};

/// The most keys in one batch.
const MOST_KEYS: usize = 100;
/// The most that one batch gives, in bytes.
const GREATEST_ANSWER: usize = 16 * 1024 * 1024;

impl Model {
    pub(super) fn get_item(&self, get: &Get) -> Result<Vec<u8>, Refusal> {
        let table = self.table(&get.table_name)?;
        let key = table.schema.of_key(&get.key)?;
        let Some(item) = table.get(&key) else { return Ok(b"{}".to_vec()) };
        let mut body = Vec::with_capacity(item.json.len() + 16);
        body.extend_from_slice(b"{\"Item\":");
        body.extend_from_slice(&item.json);
        body.push(b'}');
        Ok(body)
    }

    pub(super) fn batch_get(&self, batch: &BatchGet) -> Result<Vec<u8>, Refusal> {
        let refuse = |message: &str| Err(Refusal::Validation(message.to_owned()));
        let items = &batch.request_items;
        let count: usize = items.values().map(|keys| keys.keys.len()).sum();
        if items.is_empty() || items.values().any(|keys| keys.keys.is_empty()) || count > MOST_KEYS {
            return refuse("1 validation error detected: RequestItems must have 1 to 100 keys");
        }
        if items.values().any(|keys| keys.keys.iter().collect::<HashSet<_>>().len() < keys.keys.len()) {
            return refuse("Provided list of item keys contains duplicates");
        }
        let mut body = b"{\"Responses\":{".to_vec();
        let mut unprocessed = Vec::new();
        let mut size = 0;
        for (at, (name, wanted)) in items.iter().enumerate() {
            let table = self.table(name)?;
            let keys: Vec<_> = wanted.keys.iter().map(|key| table.schema.of_key(key)).collect::<Result<_, _>>()?;
            comma(at, &mut body);
            write_text(name, &mut body);
            body.extend_from_slice(b":[");
            let mut given = 0;
            let mut left = Vec::new();
            for (place, key) in keys.iter().enumerate() {
                let Some(item) = table.get(key) else { continue };
                if !left.is_empty() || size + item.size > GREATEST_ANSWER {
                    left.push(&wanted.keys[place]);
                    continue;
                }
                size += item.size;
                comma(given, &mut body);
                given += 1;
                body.extend_from_slice(&item.json);
            }
            body.push(b']');
            if !left.is_empty() {
                comma(unprocessed.len(), &mut unprocessed);
                write_text(name, &mut unprocessed);
                write_left(&left, wanted.consistent_read, &mut unprocessed);
            }
        }
        body.extend_from_slice(b"},\"UnprocessedKeys\":{");
        body.extend_from_slice(&unprocessed);
        body.extend_from_slice(b"}}");
        Ok(body)
    }
}

fn write_left(keys: &[&Item], consistent: Option<bool>, out: &mut Vec<u8>) {
    out.extend_from_slice(b":{\"Keys\":[");
    for (at, key) in keys.iter().enumerate() {
        comma(at, out);
        key.write(out);
    }
    out.push(b']');
    if let Some(consistent) = consistent {
        out.extend_from_slice(format!(",\"ConsistentRead\":{consistent}").as_bytes());
    }
    out.push(b'}');
}

/// Appends what stands between this element and the one before.
pub(super) fn comma(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}
