//! What tasks are grouped by.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::ArrayBuilder;

use super::{Invalid, Label, openapi};

/// A set of labels, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Label>", into = "Vec<Label>")]
pub struct Labels(BTreeSet<Label>);

impl Labels {
    /// The most labels that a task may have.
    pub const MAX: usize = 20;

    /// The labels, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Whether this label is among them.
    pub fn contains(&self, label: &Label) -> bool {
        self.0.contains(label)
    }
}

impl TryFrom<Vec<Label>> for Labels {
    type Error = Invalid;

    fn try_from(labels: Vec<Label>) -> Result<Self, Invalid> {
        let labels: BTreeSet<_> = labels.into_iter().collect();
        if labels.len() > Self::MAX {
            return Err(Invalid::TooMany { max: Self::MAX, actual: labels.len() });
        }
        Ok(Self(labels))
    }
}

impl From<Labels> for Vec<Label> {
    fn from(labels: Labels) -> Self {
        labels.0.into_iter().collect()
    }
}

openapi!(
    Labels,
    ArrayBuilder::new()
        .items(<Label as utoipa::PartialSchema>::schema())
        .max_items(Some(Labels::MAX))
        .unique_items(true)
);

impl JsonSchema for Labels {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Labels".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let label = generator.subschema_for::<Label>();
        schemars::json_schema!({ "type": "array", "items": label, "maxItems": Labels::MAX, "uniqueItems": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_bounded_set() {
        let label = |n: usize| format!("label {n}").parse::<Label>().unwrap();
        let twice = Labels::try_from(vec![label(2), label(1), label(2)]).unwrap();
        assert_eq!(Vec::from(twice), vec![label(1), label(2)]);
        assert_eq!(
            Labels::try_from((0..21).map(label).collect::<Vec<_>>()),
            Err(Invalid::TooMany { max: 20, actual: 21 })
        );
    }
}
