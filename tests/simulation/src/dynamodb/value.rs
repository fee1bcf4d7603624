//! Attribute values and items, as they stand in DynamoDB's JSON.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::number::Number;
use super::refusal::{NOT_MODELLED, VALIDATION};

/// How deep lists and maps may lie in each other.
const DEPTH: u8 = 32;

/// A value. Sets are not modelled: Muster writes none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Attribute {
    /// Text.
    S(String),
    /// A number.
    N(Number),
    /// Bytes.
    B(Vec<u8>),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
    /// A list.
    L(Vec<Attribute>),
    /// A map.
    M(Pairs<Attribute>),
}

/// Values by name, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pairs<T>(Vec<(String, T)>);

/// An item: its attributes by name.
pub(super) type Item = Pairs<Attribute>;

/// An item as it lies in a table: parsed for conditions, written for answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its attributes.
    pub(super) item: Item,
    /// It, in DynamoDB's JSON. Equal items have equal texts.
    pub(super) json: Vec<u8>,
    /// Its size as DynamoDB counts it, in bytes.
    pub(super) size: usize,
}

impl<T> Pairs<T> {
    /// The value under a name.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The names and values, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, T)> {
        self.0.iter()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts a value under a name, in the place of what is there.
    pub(super) fn set(&mut self, name: &str, value: T) {
        match self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name.to_owned(), value)),
        }
    }

    /// None at all.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Stored {
    /// The item, written and measured.
    pub(super) fn new(item: Item, size: usize) -> Self {
        let mut json = Vec::with_capacity(size + size / 2 + 32);
        item.write(&mut json);
        Self { item, json, size }
    }
}

impl Item {
    /// The attributes with these names.
    pub(super) fn with_only(&self, names: &BTreeSet<&String>) -> Self {
        Pairs(self.0.iter().filter(|(name, _)| names.contains(name)).cloned().collect())
    }

    /// Appends it in DynamoDB's JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_text(name, out);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }

    /// Its size as DynamoDB counts it, in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.size()).sum()
    }

    /// Whether something lies deeper in it than is allowed.
    pub(super) fn is_too_deep(&self) -> bool {
        self.0.iter().any(|(_, value)| value.is_deeper_than(DEPTH))
    }
}

impl Attribute {
    /// Appends it in DynamoDB's JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::S(text) => {
                out.extend_from_slice(b"{\"S\":");
                write_text(text, out);
            }
            Self::N(number) => {
                out.extend_from_slice(b"{\"N\":\"");
                number.write(out);
                out.push(b'"');
            }
            Self::B(bytes) => {
                out.extend_from_slice(b"{\"B\":\"");
                out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
                out.push(b'"');
            }
            Self::Bool(true) => out.extend_from_slice(b"{\"BOOL\":true"),
            Self::Bool(false) => out.extend_from_slice(b"{\"BOOL\":false"),
            Self::Null => out.extend_from_slice(b"{\"NULL\":true"),
            Self::L(values) => {
                out.extend_from_slice(b"{\"L\":[");
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Self::M(values) => {
                out.extend_from_slice(b"{\"M\":");
                values.write(out);
            }
        }
        out.push(b'}');
    }

    /// The name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::L(values) => 3 + values.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(values) => 3 + values.iter().map(|(name, value)| name.len() + 1 + value.size()).sum::<usize>(),
        }
    }

    fn is_deeper_than(&self, depth: u8) -> bool {
        match self {
            Self::S(_) | Self::N(_) | Self::B(_) | Self::Bool(_) | Self::Null => false,
            Self::L(values) => depth == 0 || values.iter().any(|value| value.is_deeper_than(depth - 1)),
            Self::M(values) => depth == 0 || values.iter().any(|(_, value)| value.is_deeper_than(depth - 1)),
        }
    }
}

/// Appends a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Pairs<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs: Vec<(String, T)> = Vec::with_capacity(8);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                    return Err(A::Error::custom(format_args!("{NOT_MODELLED} a name twice in one map")));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Map(PhantomData))
    }
}

/// The types by their names.
#[derive(Clone, Copy)]
enum Kind {
    S,
    N,
    B,
    Bool,
    Null,
    L,
    M,
    Set,
    Unknown,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Kind;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Kind, E> {
                Ok(match name {
                    "S" => Kind::S,
                    "N" => Kind::N,
                    "B" => Kind::B,
                    "BOOL" => Kind::Bool,
                    "NULL" => Kind::Null,
                    "L" => Kind::L,
                    "M" => Kind::M,
                    "SS" | "NS" | "BS" => Kind::Set,
                    _ => Kind::Unknown,
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed;
        impl<'de> Visitor<'de> for Typed {
            type Value = Attribute;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attribute, A::Error> {
                let mut found = None;
                let mut several = false;
                while let Some(kind) = map.next_key()? {
                    let value = match kind {
                        Kind::S => Attribute::S(map.next_value()?),
                        Kind::N => Attribute::N(map.next_value()?),
                        Kind::B => {
                            let text: String = map.next_value()?;
                            let bytes = BASE64_STANDARD.decode(text);
                            Attribute::B(bytes.map_err(|_| A::Error::custom("a binary value that is not in base64"))?)
                        }
                        Kind::Bool => Attribute::Bool(map.next_value()?),
                        Kind::Null if map.next_value()? => Attribute::Null,
                        Kind::Null => {
                            return Err(A::Error::custom(format_args!(
                                "{VALIDATION}One or more parameter values were invalid: Null attribute value types \
                                 must have the value of true"
                            )));
                        }
                        Kind::L => Attribute::L(map.next_value()?),
                        Kind::M => Attribute::M(map.next_value()?),
                        Kind::Set => {
                            return Err(A::Error::custom(format_args!("{NOT_MODELLED} sets")));
                        }
                        Kind::Unknown => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    several |= found.is_some();
                    found = Some(value);
                }
                let problem = if several { "has more than one datatypes set" } else { "is empty" };
                found.filter(|_| !several).ok_or_else(|| {
                    A::Error::custom(format_args!(
                        "{VALIDATION}Supplied AttributeValue {problem}, must contain exactly one of the supported \
                         datatypes"
                    ))
                })
            }
        }
        deserializer.deserialize_map(Typed)
    }
}
