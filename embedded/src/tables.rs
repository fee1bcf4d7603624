//! Which tables a request touches.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The tables that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tables {
    /// Some, or none; or they are named in a way that is not compared here.
    Any,
    /// These.
    Named(Vec<String>),
}

/// Where the requests for items name their tables.
#[derive(Deserialize)]
#[expect(clippy::zero_sized_map_values, reason = "a set is not read from an object")]
struct Names<'a> {
    #[serde(rename = "TableName", borrow, default)]
    table: Option<Cow<'a, str>>,
    #[serde(rename = "RequestItems", default)]
    batch: Option<HashMap<String, IgnoredAny>>,
    #[serde(rename = "TransactItems", default)]
    transaction: Option<Vec<HashMap<String, InTransaction>>>,
}

#[derive(Deserialize)]
struct InTransaction {
    #[serde(rename = "TableName")]
    table: String,
}

impl Tables {
    /// What the JSON `body` of a request names.
    pub(crate) fn of(body: &[u8]) -> Self {
        let Ok(names) = serde_json::from_slice::<Names<'_>>(body) else { return Self::Any };
        let single = names.table.map(Cow::into_owned);
        let batch = names.batch.into_iter().flatten().map(|(table, _)| table);
        let transaction = names.transaction.into_iter().flatten().flatten().map(|(_, action)| action.table);
        let tables: Vec<_> = single.into_iter().chain(batch).chain(transaction).collect();
        // A table has an ARN too, which ends with its name.
        let plain = !tables.is_empty() && tables.iter().all(|table| !table.contains(':'));
        if plain { Self::Named(tables) } else { Self::Any }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Tables {
        Tables::Named(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn a_request_names_its_tables_in_three_ways() {
        assert_eq!(Tables::of(br#"{"Key": {"pk": {"S": "a"}}, "TableName": "one"}"#), named(&["one"]));
        assert_eq!(Tables::of(br#"{"RequestItems": {"two": {"Keys": []}}}"#), named(&["two"]));
        let transaction = br#"{"TransactItems": [{"Put": {"TableName": "three", "Item": {}}},
            {"Delete": {"TableName": "four"}}]}"#;
        assert_eq!(Tables::of(transaction), named(&["three", "four"]));
    }

    #[test]
    fn what_is_not_understood_may_touch_any_table() {
        let arn = br#"{"TableName": "arn:aws:dynamodb:local:000000000000:table/one"}"#;
        for body in [arn.as_slice(), b"{}", b"", b"{\"TableName\": 1}", br#"{"TableName": "one", "TableName": "two"}"#]
        {
            assert_eq!(Tables::of(body), Tables::Any, "{}", String::from_utf8_lossy(body));
        }
    }
}
