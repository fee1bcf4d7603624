//! `Query`.

mod key_condition;
mod range;
mod start;

use std::ops::Bound;

use super::Model;
use super::evaluate::{self, Scope};
use super::expression::{Condition, Operand, Path};
use super::key::{KeySchema, Partition};
use super::page::Page;
use super::refusal::Refusal;
use super::requests::Query;
use key_condition::bind;
use range::{index_bounds, read_range};
use start::start;

impl Model {
    pub(super) fn query(&mut self, query: &Query) -> Result<Vec<u8>, Refusal> {
        let scope = Scope {
            names: query.expression_attribute_names.as_ref(),
            values: query.expression_attribute_values.as_ref(),
        };
        let Some(text) = &query.key_condition_expression else {
            return refuse(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            );
        };
        let condition = self.expressions.condition(text)?;
        let filter = query.filter_expression.as_ref().map(|text| self.expressions.condition(text)).transpose()?;
        let projection =
            query.projection_expression.as_ref().map(|text| self.expressions.projection(text)).transpose()?;
        let mut used: Vec<(&[String], &[String])> = vec![(&condition.names, &condition.values)];
        used.extend(filter.iter().map(|parsed| (parsed.names.as_slice(), parsed.values.as_slice())));
        used.extend(projection.iter().map(|parsed| (parsed.names.as_slice(), parsed.values.as_slice())));
        scope.check(&used)?;
        filter.as_ref().map_or(Ok(()), |filter| evaluate::check(filter, scope))?;
        let mut page = Page::new(query.limit, filter.as_deref(), projection.as_deref(), scope)?;

        let table = self.table(&query.table_name)?;
        evaluate::check(&condition, scope)?;
        let index = query.index_name.as_ref().map(|name| {
            let index = table.indexes.iter().find(|index| index.name == *name);
            index.ok_or_else(|| Refusal::Validation(format!("The table does not have the specified index: {name}")))
        });
        let index = index.transpose()?;
        if index.is_some() && query.consistent_read == Some(true) {
            return refuse("Consistent reads are not supported on global secondary indexes");
        }
        let schema = index.map_or(&table.schema, |index| &index.schema);
        let start = query.exclusive_start_key.as_ref().map(|key| start(table, index, key)).transpose()?;
        let mut range = bind(&condition.tree, schema, scope)?;
        if let Some(start) = &start
            && (start.pk != range.pk || !range.has(&start.sort))
        {
            return refuse("The provided starting key is outside query boundaries based on provided conditions");
        }
        if let Some(filter) = &filter
            && uses_key(&filter.tree, schema, scope)
        {
            return refuse("Filter Expression can only contain non-primary key attributes");
        }

        let forward = query.scan_index_forward.unwrap_or(true);
        match index {
            None => {
                match start {
                    Some(start) if forward => range.low = Bound::Excluded(start.sort),
                    Some(start) => range.high = Bound::Excluded(start.sort),
                    None => {}
                }
                let partition = table.partitions.get(&Partition::of(range.pk));
                read_range(&mut page, partition, (range.low, range.high), forward);
            }
            Some(index) => {
                let bounds = index_bounds(range.low, range.high, start, forward);
                read_range(&mut page, index.partitions.get(&range.pk), bounds, forward);
            }
        }
        Ok(page.finish(table, index))
    }
}

/// Whether a filter looks at an attribute of the key.
fn uses_key(filter: &Condition, schema: &KeySchema, scope: Scope<'_>) -> bool {
    let path = |path: &Path| path.0.first().and_then(|step| scope.name(step)).is_some_and(|name| schema.has(name));
    let operand = |operand: &Operand| matches!(operand, Operand::Path(of) if path(of));
    match filter {
        Condition::And(left, right) | Condition::Or(left, right) => {
            uses_key(left, schema, scope) || uses_key(right, schema, scope)
        }
        Condition::Not(inner) => uses_key(inner, schema, scope),
        Condition::Exists(of) | Condition::NotExists(of) => path(of),
        Condition::Compare(left, _, right) | Condition::BeginsWith(left, right) | Condition::Contains(left, right) => {
            operand(left) || operand(right)
        }
        Condition::Between(value, low, high) => operand(value) || operand(low) || operand(high),
    }
}

fn refuse<T>(message: &str) -> Result<T, Refusal> {
    Err(Refusal::Validation(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::backend::Backend;

    /// A table with these items of one stream: version, and bytes of text.
    fn store(items: &[(u32, usize)]) -> Model {
        let mut model = Model::new();
        let requests = std::iter::once((
            "CreateTable",
            json!({
                "TableName": "events", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [
                    { "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" },
                ],
                "AttributeDefinitions": [
                    { "AttributeName": "pk", "AttributeType": "S" }, { "AttributeName": "sk", "AttributeType": "N" },
                ],
            }),
        ));
        let puts = items.iter().map(|(version, size)| {
            let item =
                json!({ "pk": { "S": "a" }, "sk": { "N": version.to_string() }, "t": { "S": "x".repeat(*size) } });
            ("PutItem", json!({ "TableName": "events", "Item": item }))
        });
        for (operation, request) in requests.chain(puts) {
            assert_eq!(model.execute(operation, request.to_string().as_bytes()).status, 200);
        }
        model
    }

    /// The versions on each page of a query for all.
    fn pages(model: &mut Model, limit: Option<u32>, forward: bool) -> Vec<Vec<u32>> {
        let mut query = json!({
            "TableName": "events", "KeyConditionExpression": "pk = :p", "ScanIndexForward": forward, "Limit": limit,
            "ExpressionAttributeValues": { ":p": { "S": "a" } },
        });
        let mut pages = Vec::new();
        loop {
            let answer = model.execute("Query", query.to_string().as_bytes());
            let mut page: Value = serde_json::from_slice(&answer.body).unwrap();
            let version = |item: &Value| item["sk"]["N"].as_str().unwrap().parse().unwrap();
            pages.push(page["Items"].as_array().unwrap().iter().map(version).collect());
            let next = page["LastEvaluatedKey"].take();
            if next.is_null() {
                return pages;
            }
            query["ExclusiveStartKey"] = next;
        }
    }

    #[test]
    fn pages_follow_each_other_in_both_directions_by_number() {
        let mut model = store(&[(1, 1), (2, 1), (9, 1), (10, 1), (11, 1)]);

        assert_eq!(pages(&mut model, Some(2), true), [vec![1, 2], vec![9, 10], vec![11]]);
        assert_eq!(pages(&mut model, Some(2), false), [vec![11, 10], vec![9, 2], vec![1]]);
    }

    #[test]
    fn a_page_that_is_as_long_as_asked_for_is_followed_by_one_even_if_it_is_empty() {
        let mut model = store(&[(1, 1), (2, 1)]);

        assert_eq!(pages(&mut model, Some(2), true), [vec![1, 2], vec![]]);
        assert_eq!(pages(&mut model, Some(3), true), [vec![1, 2]]);
        assert_eq!(pages(&mut model, None, true), [vec![1, 2]]);
    }

    #[test]
    fn a_page_ends_before_the_item_that_would_make_it_longer_than_a_megabyte() {
        // pk and a, sk and its number, t and its text: 3 + 4 + 1 bytes and the text's.
        let mut model = store(&[(1, 400_000), (2, 400_000), (3, 1_048_576 - 800_016 - 8), (4, 1)]);

        assert_eq!(pages(&mut model, None, true), [vec![1, 2, 3], vec![4]]);
    }
}
