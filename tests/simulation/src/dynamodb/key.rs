//! Keys: where an item lies.

use super::number::Number;
use super::refusal::Refusal;
use super::value::{Attribute, Item};

/// The longest partition key, in bytes.
const LONGEST_PK: usize = 2048;
/// The longest sort key, in bytes.
const LONGEST_SK: usize = 1024;

/// A type of key attribute. Binary keys are not modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// Text.
    S,
    /// A number.
    N,
}

/// The value of a key attribute, and two that lie around all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum KeyValue {
    /// Below all; also where there is no sort key.
    Lowest,
    /// A number.
    N(Number),
    /// Text, in the order of its bytes.
    S(Box<str>),
    /// Above all.
    Highest,
}

/// Where the items with one partition key lie: by a hash, as in DynamoDB, so that a scan shows no order between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Partition {
    /// What segments of scans are made of.
    pub(super) hash: u64,
    /// The partition key.
    pub(super) pk: KeyValue,
}

/// Where an item lies in a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// By its partition key.
    pub(super) partition: Partition,
    /// By its sort key.
    pub(super) sk: KeyValue,
}

/// A key attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyAttribute {
    /// Its name.
    pub(super) name: String,
    /// Its type.
    pub(super) kind: KeyKind,
}

/// The key of a table or an index.
#[derive(Clone, Debug)]
pub(super) struct KeySchema {
    /// The partition key.
    pub(super) pk: KeyAttribute,
    /// The sort key.
    pub(super) sk: Option<KeyAttribute>,
}

impl KeyKind {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
        }
    }
}

impl KeyValue {
    /// The value as a key of this type; `None` if it is of another.
    pub(super) fn of(value: &Attribute, kind: KeyKind) -> Option<Self> {
        match (kind, value) {
            (KeyKind::S, Attribute::S(text)) => Some(Self::S(text.as_str().into())),
            (KeyKind::N, Attribute::N(number)) => Some(Self::N(*number)),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::S(text) if text.is_empty())
    }

    fn length(&self) -> usize {
        if let Self::S(text) = self { text.len() } else { 0 }
    }
}

impl Partition {
    /// Where this partition key is.
    pub(super) fn of(pk: KeyValue) -> Self {
        Self { hash: hash(&pk), pk }
    }
}

/// FNV-1a, and a mixing of its bits, since segments are told by the highest ones.
fn hash(pk: &KeyValue) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let start = 0xcbf2_9ce4_8422_2325;
    let hash = match pk {
        KeyValue::S(text) => text.as_bytes().iter().fold(start, fnv),
        KeyValue::N(number) => {
            let mut text = Vec::new();
            number.write(&mut text);
            text.iter().fold(start, fnv)
        }
        KeyValue::Lowest | KeyValue::Highest => start,
    };
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

fn empty(name: &str) -> Refusal {
    Refusal::EmptyKey(format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
         string value. Key: {name}"
    ))
}

fn too_long(value: &KeyValue, longest: usize) -> Result<(), Refusal> {
    if value.length() > longest {
        let message = format!("One or more parameter values were invalid: Size of a key has exceeded {longest} bytes");
        return Err(Refusal::Validation(message));
    }
    Ok(())
}

impl KeySchema {
    /// Its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.pk).chain(&self.sk)
    }

    /// Whether this attribute is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key of an item that is to be written.
    pub(super) fn of_item(&self, item: &Item) -> Result<Key, Refusal> {
        let value = |attribute: &KeyAttribute| {
            let KeyAttribute { name, kind } = attribute;
            let value = item.get(name).ok_or_else(|| {
                Refusal::Validation(format!(
                    "One or more parameter values were invalid: Missing the key {name} in the item"
                ))
            })?;
            let key = KeyValue::of(value, *kind).ok_or_else(|| {
                let (expected, actual) = (kind.name(), value.kind());
                Refusal::Validation(format!(
                    "One or more parameter values were invalid: Type mismatch for key {name} expected: {expected} \
                     actual: {actual}"
                ))
            })?;
            if key.is_empty() { Err(empty(name)) } else { Ok(key) }
        };
        self.key(value)
    }

    /// The key that a request names.
    pub(super) fn of_key(&self, key: &Item) -> Result<Key, Refusal> {
        let mismatch = || Refusal::Validation("The provided key element does not match the schema".to_owned());
        if key.len() != self.attributes().count() {
            return Err(mismatch());
        }
        self.key(|KeyAttribute { name, kind }| {
            let value = key.get(name).and_then(|value| KeyValue::of(value, *kind)).ok_or_else(mismatch)?;
            if value.is_empty() { Err(empty(name)) } else { Ok(value) }
        })
    }

    fn key(&self, value: impl Fn(&KeyAttribute) -> Result<KeyValue, Refusal>) -> Result<Key, Refusal> {
        let pk = value(&self.pk)?;
        too_long(&pk, LONGEST_PK)?;
        let sk = self.sk.as_ref().map_or(Ok(KeyValue::Lowest), value)?;
        too_long(&sk, LONGEST_SK)?;
        Ok(Key { partition: Partition::of(pk), sk })
    }

    /// The index key of an item that has been checked: `None` where the index is sparse.
    pub(super) fn of_indexed(&self, item: &Item) -> Option<(KeyValue, KeyValue)> {
        let value = |attribute: &KeyAttribute| item.get(&attribute.name).and_then(|v| KeyValue::of(v, attribute.kind));
        let sk = match &self.sk {
            Some(attribute) => value(attribute)?,
            None => KeyValue::Lowest,
        };
        Some((value(&self.pk)?, sk))
    }

    /// Refuses an item with an attribute that cannot be the key of this index.
    pub(super) fn check_indexed(&self, index: &str, item: &Item) -> Result<(), Refusal> {
        for KeyAttribute { name, kind } in self.attributes() {
            let Some(value) = item.get(name) else { continue };
            let Some(key) = KeyValue::of(value, *kind) else {
                let (expected, actual) = (kind.name(), value.kind());
                return Err(Refusal::Validation(format!(
                    "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: \
                     {expected} Actual: {actual} IndexName: {index}"
                )));
            };
            if key.is_empty() {
                return Err(Refusal::EmptyKey(format!(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not \
                     supported. The AttributeValue for a key attribute cannot contain an empty string value. \
                     IndexName: {index}, IndexKey: {name}"
                )));
            }
            too_long(&key, if *name == self.pk.name { LONGEST_PK } else { LONGEST_SK })?;
        }
        Ok(())
    }
}
