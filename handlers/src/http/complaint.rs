//! What serde finds wrong with what was sent, told to whoever sent it: every wrong field or parameter, each with how it should be.
//!
//! Serde stops at the first. So the wrong one is taken out, and the rest is read again.

use std::collections::BTreeSet;
use std::fmt;

use axum::http::Uri;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::fields::{Fields, Object};
use super::problem::Problem;

/// The most wrong fields that are named.
const MOST: usize = 20;

/// One wrong field.
#[derive(Debug)]
pub(crate) struct Complaint {
    /// The steps to it from the outermost object.
    place: Vec<String>,
    is_missing: bool,
    detail: String,
}

impl Complaint {
    pub(crate) fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        use serde_path_to_error::Segment;
        let message = error.inner().to_string();
        // serde_json adds the place in the text; the pointer says it better.
        let message = message.split(" at line ").next().unwrap_or_default();
        let steps = error.path().iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } | Segment::Enum { variant: key } => Some(key.clone()),
            Segment::Unknown => None,
        });
        let mut place: Vec<String> = steps.collect();
        // A field that is missing or there twice is reported at its object.
        let field = |kind: &str| message.strip_prefix(kind).and_then(|rest| rest.split('`').next());
        let missing = field("missing field `");
        place.extend(missing.or_else(|| field("duplicate field `")).map(str::to_owned));
        Self { place, is_missing: missing.is_some(), detail: said(message) }
    }

    /// What is taken out on account of it: the field, or the object that lacks it.
    fn cause(&self) -> &[String] {
        match self.place.split_last() {
            Some((_, object)) if self.is_missing => object,
            Some(_) | None => &self.place,
        }
    }
}

/// What serde and the parsers under it say, in words for whoever does not know them.
fn said(message: &str) -> String {
    let sentence = match message {
        // serde_json, of a number where a word is expected.
        "expected value" => "must be of another type",
        "provided string was not `true` or `false`" => "must be true or false",
        "invalid digit found in string" | "cannot parse integer from empty string" => "must be a whole number",
        "number too large to fit in target type" => "is too large",
        _ if message.starts_with("UUID parsing failed") => "must be a UUID",
        // The words of an enumeration.
        _ => return message.replace("expected string or map", "expected a string"),
    };
    sentence.to_owned()
}

/// The place as a JSON pointer (RFC 6901).
fn pointer(place: &[String]) -> String {
    place.iter().flat_map(|step| ["/".to_owned(), step.replace('~', "~0").replace('/', "~1")]).collect()
}

/// The fields of an object in the order in which they stand there.
#[derive(Debug)]
pub(crate) struct Given(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Given;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Given(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl From<Map<String, Value>> for Given {
    fn from(object: Map<String, Value>) -> Self {
        Self(object.into_iter().collect())
    }
}

impl Given {
    /// Takes out what lies there; a list as a whole. Tells how many of the steps lead to what was taken out.
    fn take_out(&mut self, place: &[String]) -> Option<usize> {
        let (name, within) = place.split_first()?;
        let at = self.0.iter().position(|(field, _)| field == name)?;
        if let Value::Object(object) = &mut self.0[at].1
            && !within.is_empty()
        {
            return take_out_of(object, within).map(|steps| steps + 1);
        }
        self.0.retain(|(field, _)| field != name);
        Some(1)
    }

    /// Everything that keeps this from being read.
    fn complaints<T: DeserializeOwned>(mut self) -> Vec<Complaint> {
        let (mut complaints, mut taken_out) = (Vec::new(), Vec::new());
        while complaints.len() < MOST {
            let fields = self.0.iter().map(|(name, value)| (name.as_str(), value));
            let fields = MapDeserializer::<_, serde_json::Error>::new(fields);
            let read: Result<Object<T>, _> = serde_path_to_error::deserialize(fields);
            let Err(error) = read else { break };
            let complaint = Complaint::of(&error);
            let cause = complaint.cause().to_vec();
            // Nobody left out what was taken out here.
            if !taken_out.iter().any(|out: &Vec<String>| out.starts_with(&complaint.place)) {
                complaints.push(complaint);
            }
            let Some(steps) = self.take_out(&cause) else { break };
            taken_out.push(cause[..steps].to_vec());
        }
        complaints
    }
}

fn take_out_of(object: &mut Map<String, Value>, place: &[String]) -> Option<usize> {
    let (name, within) = place.split_first()?;
    if let Some(Value::Object(inner)) = object.get_mut(name)
        && !within.is_empty()
    {
        return take_out_of(inner, within).map(|steps| steps + 1);
    }
    object.remove(name).map(|_| 1)
}

/// The problem that names every wrong field of what was to be read as this; the first was found before. Without what was given, as where it
/// is no object, it is the only one.
pub(crate) fn wrong_fields<T: DeserializeOwned>(first: Complaint, given: Option<Given>) -> Problem {
    let mut all = given.map(Given::complaints::<T>).unwrap_or_default();
    // A field that is there twice is so in the text alone.
    if !all.iter().any(|complaint| complaint.place == first.place) {
        all.insert(0, first);
    }
    let mut fields = Fields::default();
    for Complaint { place, detail, .. } in all {
        fields.wrong(&pointer(&place), detail);
    }
    fields.problem()
}

/// The parameters of the query of this address, or the problem that names every wrong one.
pub(crate) fn parameters<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let rejection = match axum::extract::Query::try_from_uri(uri) {
        Ok(axum::extract::Query(parameters)) => return Ok(parameters),
        Err(rejection) => rejection,
    };
    let (mut fields, mut named) = (Fields::default(), BTreeSet::new());
    let (mut rest, mut next) = (uri.query().unwrap_or_default().to_owned(), Some(rejection));
    while let Some(rejection) = next.filter(|_| named.len() < MOST) {
        let message = std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
        let (parameter, detail) = complaint(&message);
        if !named.insert(parameter.to_owned()) {
            break;
        }
        let detail = said(detail).replace("field `", "parameter `").replace("there are no fields", "there are none");
        fields.wrong_parameter(parameter, detail);
        let others = rest.split('&').filter(|pair| name(pair).as_deref() != Some(parameter));
        let others = others.collect::<Vec<_>>().join("&");
        rest = others;
        next = of_query(&rest).and_then(|uri| axum::extract::Query::<T>::try_from_uri(&uri).err());
    }
    Err(fields.problem())
}

/// The parameter that serde complains of, and the complaint: `limit: invalid digit found in string`, or
/// ``unknown field `colour`, expected …``.
fn complaint(message: &str) -> (&str, &str) {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match message.split_once(": ") {
        Some((parameter, detail)) if is_name(parameter) => (parameter, detail),
        _ => (message.split('`').nth(1).unwrap_or_default(), message),
    }
}

/// The name in a pair of a query, without its escapes.
fn name(pair: &str) -> Option<String> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&of_query(pair)?);
    pairs.ok()?.0.into_iter().next().map(|(name, _)| name)
}

/// An address with this query.
fn of_query(query: &str) -> Option<Uri> {
    Uri::builder().path_and_query(format!("/?{query}")).build().ok()
}
