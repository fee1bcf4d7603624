//! DynamoDB's limits, so that a commit that breaks one is refused before it is sent.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::Item;

/// The most bytes that a commit may have, by [`item_size`]. DynamoDB takes 400 KB; the rest is for a carried state.
pub const MAX_COMMIT_BYTES: usize = 300 * 1024;

/// The most bytes that an item may have with its carried state. DynamoDB's bound is 400 KB.
pub(crate) const MAX_ITEM_BYTES: usize = 390 * 1024;

/// The most bytes that a partition key may have.
pub(crate) const MAX_KEY_BYTES: usize = 2048;

/// The most items that one transaction may write.
pub(crate) const MAX_TRANSACTION_ITEMS: usize = 100;

/// Lists and maps within each other, at most.
const MAX_NESTING: usize = 31;

/// The size of an item by DynamoDB's rules: names and values in UTF-8, numbers at most a byte for two digits and some
/// more, three bytes for each list or map and one for each element. Never less than DynamoDB counts.
pub(crate) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number_size(number),
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_size(number)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|blob| blob.as_ref().len()).sum(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) | _ => 1,
    }
}

/// Two digits a byte, one for the exponent, one for a sign, one for an odd digit.
fn number_size(number: &str) -> usize {
    number.len().div_ceil(2) + 3
}

/// Why DynamoDB takes no item like this, whatever is stored; `None` when it does.
pub(crate) fn refusal(item: &Item) -> Option<&'static str> {
    item.values().find_map(|value| value_refusal(value, MAX_NESTING))
}

fn value_refusal(value: &AttributeValue, levels: usize) -> Option<&'static str> {
    match value {
        AttributeValue::M(_) | AttributeValue::L(_) if levels == 0 => Some("nested deeper than 32 levels"),
        AttributeValue::M(map) if map.contains_key("") => Some("an attribute has an empty name"),
        AttributeValue::M(map) => map.values().find_map(|value| value_refusal(value, levels - 1)),
        AttributeValue::L(list) => list.iter().find_map(|value| value_refusal(value, levels - 1)),
        AttributeValue::N(number) => (!is_number(number)).then_some("a number out of range"),
        AttributeValue::S(_)
        | AttributeValue::Bool(_)
        | AttributeValue::Null(_)
        | AttributeValue::B(_)
        | AttributeValue::Ss(_)
        | AttributeValue::Ns(_)
        | AttributeValue::Bs(_)
        | _ => None,
    }
}

/// Zero, or between 1E-130 and 9.99…E+125. What comes from an `f64` never has more digits than DynamoDB keeps.
fn is_number(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(|number| number == 0.0 || (1e-130..1e126).contains(&number.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn size(value: &Value) -> usize {
        value_size(&serde_dynamo::to_attribute_value(value).unwrap())
    }

    #[test]
    fn text_counts_its_bytes_in_utf_8_and_not_its_characters() {
        assert_eq!(size(&json!("abc")), 3);
        assert_eq!(size(&json!("é€😀")), 9);
        assert_eq!(size(&json!("")), 0);
    }

    #[test]
    fn lists_and_maps_cost_three_bytes_and_one_for_each_element() {
        assert_eq!(size(&json!([])), 3);
        assert_eq!(size(&json!([true, null])), 3 + 2 + 2);
        assert_eq!(size(&json!({ "name": "x" })), 3 + 1 + 4 + 1);
    }

    #[test]
    fn a_number_never_counts_less_than_dynamodb_counts() {
        // DynamoDB: a byte for two significant digits, and one more; one more again for a sign.
        for (number, at_least) in [(json!(0), 1), (json!(-1), 3), (json!(12_345), 4), (json!(-52.520_006_6), 7)] {
            assert!(size(&number) >= at_least, "{number}");
        }
    }
}
