//! From what was sent to what the domain takes, with every wrong field named at once.

use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use muster_domain::values::Invalid;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::problem::{Code, InvalidField, Problem};

/// Collects the fields of a body, or the parameters of a query, that are wrong.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    errors: Vec<InvalidField>,
}

impl Fields {
    /// Notes that the field at this JSON pointer is wrong.
    pub(crate) fn wrong(&mut self, pointer: &str, detail: impl Display) {
        self.errors.push(InvalidField {
            pointer: Some(pointer.to_owned()),
            parameter: None,
            detail: detail.to_string(),
        });
    }

    /// Notes that this query parameter is wrong.
    pub(crate) fn wrong_parameter(&mut self, parameter: &str, detail: impl Display) {
        self.errors.push(InvalidField {
            pointer: None,
            parameter: Some(parameter.to_owned()),
            detail: detail.to_string(),
        });
    }

    /// The value, or a note of what is wrong with it.
    pub(crate) fn take<T, E: Display>(&mut self, pointer: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.wrong(pointer, error)).ok()
    }

    /// Notes that a text is longer than it may be, counted in characters.
    pub(crate) fn at_most(&mut self, pointer: &str, text: &str, max: usize) {
        let actual = text.chars().count();
        if actual > max {
            self.wrong(pointer, Invalid::TooLong { max, actual });
        }
    }

    /// The text as a value type.
    pub(crate) fn parse<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        self.take(pointer, text.parse())
    }

    /// Likewise, for a field that may be left out or null.
    pub(crate) fn parse_optional<T: FromStr<Err: Display>>(
        &mut self,
        pointer: &str,
        text: Option<&String>,
    ) -> Option<T> {
        text.and_then(|text| self.parse(pointer, text))
    }

    /// Likewise, for a change: a field that is left out stays, and null takes the value away.
    pub(crate) fn parse_change<T: FromStr<Err: Display>>(
        &mut self,
        pointer: &str,
        text: Option<&Option<String>>,
    ) -> Option<Option<T>> {
        match text? {
            None => Some(None),
            Some(text) => self.parse(pointer, text).map(Some),
        }
    }

    /// Notes what is wrong with an object at this JSON pointer that was checked as the parameters of a query are.
    pub(crate) fn within<T>(&mut self, pointer: &str, checked: Result<T, Problem>) {
        for InvalidField { parameter, detail, .. } in checked.err().into_iter().flat_map(Problem::into_errors) {
            self.wrong(&format!("{pointer}/{}", parameter.unwrap_or_default()), detail);
        }
    }

    /// The result, if nothing was wrong; `value` is only there when it was made of right parts.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.problem()),
        }
    }

    /// The problem that tells of all that was wrong.
    pub(crate) fn problem(self) -> Problem {
        Problem::new(Code::InvalidRequest).errors(self.errors)
    }
}

/// The problem that this field of a body, and nothing else, is wrong.
pub(crate) fn wrong_field(pointer: &str, detail: impl Display) -> Problem {
    let mut fields = Fields::default();
    fields.wrong(pointer, detail);
    fields.problem()
}

/// The problem that this query parameter, and nothing else, is wrong.
pub(crate) fn wrong_parameter(parameter: &str, detail: impl Display) -> Problem {
    let mut fields = Fields::default();
    fields.wrong_parameter(parameter, detail);
    fields.problem()
}

/// A value that is written as an object. Without it, serde would take the elements of an array for the fields of a
/// struct, in their order.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// A field that may be left out but is never null: what it names cannot be taken away.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Tells a field that is left out (`None`) from one that is null (`Some(None)`).
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use muster_domain::values::{Phone, Title};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut fields = Fields::default();
        let title = fields.parse::<Title>("/title", "");
        fields.wrong("/labels/3", "is one too many");
        fields.wrong_parameter("limit", "must be between 1 and 200");

        let problem = serde_json::to_value(fields.finish(title).unwrap_err()).unwrap();

        assert_eq!(problem["code"], "invalid_request");
        assert_eq!(
            problem["errors"],
            json!([
                { "pointer": "/title", "detail": "must not be empty" },
                { "pointer": "/labels/3", "detail": "is one too many" },
                { "parameter": "limit", "detail": "must be between 1 and 200" },
            ])
        );
    }

    #[test]
    fn a_value_of_right_parts_is_given_unless_another_field_was_wrong() {
        let mut fields = Fields::default();
        let title = fields.parse::<Title>("/title", " Check the pump ");
        assert_eq!(fields.finish(title).unwrap().as_str(), "Check the pump");

        let mut fields = Fields::default();
        fields.wrong("/phone", "is no number");
        assert_eq!(fields.finish(Some(7)).unwrap_err().code(), Code::InvalidRequest);
    }

    #[test]
    fn a_text_has_as_many_characters_as_it_may_have_whatever_their_bytes() {
        let mut fields = Fields::default();
        fields.at_most("/code", "äöü", 3);
        assert!(fields.errors.is_empty());
        fields.at_most("/code", "äöüß", 3);
        assert_eq!(fields.errors[0].detail, "must have at most 3 characters, and has 4");
    }

    #[test]
    fn a_change_keeps_takes_away_or_sets() {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, deserialize_with = "present")]
            phone: Option<Option<String>>,
        }
        let change = |body: &str| {
            let body: Body = serde_json::from_str(body).unwrap();
            let mut fields = Fields::default();
            let phone = fields.parse_change::<Phone>("/phone", body.phone.as_ref());
            (phone.map(|phone| phone.map(|phone| phone.to_string())), fields.errors.len())
        };
        assert_eq!(change("{}"), (None, 0));
        assert_eq!(change(r#"{"phone": null}"#), (Some(None), 0));
        assert_eq!(change(r#"{"phone": "+49 30 1"}"#), (Some(Some("+49 30 1".to_owned())), 0));
        assert_eq!(change(r#"{"phone": ""}"#), (None, 1));
    }
}
