//! `Query`, and the pages of a query or a scan.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::Model;
use super::evaluate::{self, Scope};
use super::expression::{Comparison, Condition, Operand, Parsed, Path, Step};
use super::key::{KeyAttribute, KeySchema, KeyValue};
use super::read::comma;
use super::refusal::Refusal;
use super::requests::Query;
use super::table::{Index, IndexKey, Table};
use super::value::{Attribute, Item, Stored, write_text};

/// What one page reads at most, in bytes of items as DynamoDB counts them.
const PAGE: usize = 1024 * 1024;

/// A page that is being read.
pub(super) struct Page<'a> {
    limit: Option<usize>,
    filter: Option<&'a Condition>,
    projection: Option<&'a [Step]>,
    scope: Scope<'a>,
    items: Vec<u8>,
    count: usize,
    scanned: usize,
    size: usize,
    last: Option<Arc<Stored>>,
    more: bool,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub(super) fn new(
        limit: Option<i64>,
        filter: Option<&'a Parsed<Condition>>,
        projection: Option<&'a Parsed<Vec<Step>>>,
        scope: Scope<'a>,
    ) -> Result<Self, Refusal> {
        let limit = limit.map(|limit| {
            usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
                Refusal::Validation("1 validation error detected: Limit must be greater than or equal to 1".to_owned())
            })
        });
        let projection = projection.map(|parsed| parsed.tree.as_slice());
        let named = projection.unwrap_or_default().iter().map(|step| scope.name(step)).collect::<Vec<_>>();
        if named.iter().enumerate().any(|(at, name)| named[..at].contains(name)) {
            return Err(Refusal::Validation("Invalid ProjectionExpression: Two document paths overlap".to_owned()));
        }
        Ok(Self {
            limit: limit.transpose()?,
            filter: filter.map(|parsed| &parsed.tree),
            projection,
            scope,
            items: Vec::new(),
            count: 0,
            scanned: 0,
            size: 0,
            last: None,
            more: false,
        })
    }

    /// Reads items until the page is full, and says whether it is.
    pub(super) fn read<'i>(&mut self, items: impl Iterator<Item = &'i Arc<Stored>>) -> bool {
        for item in items {
            if self.size + item.size > PAGE && self.scanned > 0 {
                self.more = true;
                return true;
            }
            self.size += item.size;
            self.scanned += 1;
            if self.filter.is_none_or(|filter| evaluate::holds(filter, Some(&item.item), self.scope)) {
                comma(self.count, &mut self.items);
                self.count += 1;
                match self.projection {
                    None => self.items.extend_from_slice(&item.json),
                    Some(steps) => write_part(steps, self.scope, &item.item, &mut self.items),
                }
            }
            self.last = Some(Arc::clone(item));
            // A page that is as long as asked for goes on, even if nothing follows.
            if self.limit == Some(self.scanned) {
                self.more = true;
                return true;
            }
        }
        false
    }

    /// The answer with this page.
    pub(super) fn finish(self, table: &Table, index: Option<&Index>) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.items.len() + 128);
        body.extend_from_slice(b"{\"Items\":[");
        body.extend_from_slice(&self.items);
        body.extend_from_slice(format!("],\"Count\":{},\"ScannedCount\":{}", self.count, self.scanned).as_bytes());
        if let Some(last) = self.last.filter(|_| self.more) {
            body.extend_from_slice(b",\"LastEvaluatedKey\":");
            table.write_key(index, &last.item, &mut body);
        }
        body.push(b'}');
        body
    }
}

/// Appends the attributes that are asked for, those of them that are there.
fn write_part(steps: &[Step], scope: Scope<'_>, item: &Item, out: &mut Vec<u8>) {
    out.push(b'{');
    let present = steps.iter().filter_map(|step| scope.name(step)).filter_map(|name| Some((name, item.get(name)?)));
    for (at, (name, value)) in present.enumerate() {
        comma(at, out);
        write_text(name, out);
        out.push(b':');
        value.write(out);
    }
    out.push(b'}');
}

/// What of a partition a key condition asks for.
#[derive(Debug)]
struct KeyRange {
    pk: KeyValue,
    low: Bound<KeyValue>,
    high: Bound<KeyValue>,
}

impl KeyRange {
    fn has(&self, sk: &KeyValue) -> bool {
        let after_low = match &self.low {
            Bound::Included(low) => sk >= low,
            Bound::Excluded(low) => sk > low,
            Bound::Unbounded => true,
        };
        after_low
            && match &self.high {
                Bound::Included(high) => sk <= high,
                Bound::Excluded(high) => sk < high,
                Bound::Unbounded => true,
            }
    }
}

fn refuse<T>(message: &str) -> Result<T, Refusal> {
    Err(Refusal::Validation(message.to_owned()))
}

/// A condition on one key attribute.
enum Clause<'a> {
    Compare(Comparison, &'a Attribute),
    Between(&'a Attribute, &'a Attribute),
    BeginsWith(&'a Attribute),
}

/// Reads the conditions on single attributes that are joined by AND.
fn clauses<'a>(
    condition: &'a Condition,
    scope: Scope<'a>,
    found: &mut Vec<(&'a str, Clause<'a>)>,
) -> Result<(), Refusal> {
    let unsupported = || refuse("Invalid KeyConditionExpression: Query key condition not supported");
    let name = |operand: &'a Operand| match operand {
        Operand::Path(Path(steps)) if steps.len() == 1 => scope.name(&steps[0]),
        Operand::Path(_) | Operand::Value(_) => None,
    };
    let value = |operand: &'a Operand| match operand {
        Operand::Value(name) => scope.value(name),
        Operand::Path(_) => None,
    };
    let (of, clause) = match condition {
        Condition::And(left, right) => {
            clauses(left, scope, found)?;
            return clauses(right, scope, found);
        }
        Condition::Compare(of, comparison, other) => match value(other) {
            Some(other) => (of, Clause::Compare(*comparison, other)),
            None => return unsupported(),
        },
        Condition::Between(of, low, high) => match (value(low), value(high)) {
            (Some(low), Some(high)) => (of, Clause::Between(low, high)),
            _ => return unsupported(),
        },
        Condition::BeginsWith(of, prefix) => match value(prefix) {
            Some(prefix) => (of, Clause::BeginsWith(prefix)),
            None => return unsupported(),
        },
        Condition::Or(..)
        | Condition::Not(_)
        | Condition::Exists(_)
        | Condition::NotExists(_)
        | Condition::Contains(..) => return unsupported(),
    };
    let Some(of) = name(of) else { return unsupported() };
    if found.iter().any(|(other, _)| *other == of) {
        return refuse(
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        );
    }
    found.push((of, clause));
    Ok(())
}

/// What a key condition asks for.
fn bind(condition: &Condition, schema: &KeySchema, scope: Scope<'_>) -> Result<KeyRange, Refusal> {
    let mut found = Vec::with_capacity(2);
    clauses(condition, scope, &mut found)?;
    if found.len() > schema.attributes().count() {
        return refuse("The number of query conditions exceeds the number of key attributes defined in the schema");
    }
    let typed = |attribute: &KeyAttribute, value: &Attribute| {
        KeyValue::of(value, attribute.kind).ok_or_else(|| {
            let message =
                "One or more parameter values were invalid: Condition parameter type does not match schema type";
            Refusal::Validation(message.to_owned())
        })
    };
    let pk = match found.iter().find(|(name, _)| *name == schema.pk.name) {
        Some((_, Clause::Compare(Comparison::Equal, value))) => typed(&schema.pk, value)?,
        Some(_) => return refuse("Query key condition not supported"),
        None => return refuse("Query condition missed key schema element"),
    };
    if matches!(&pk, KeyValue::S(text) if text.is_empty()) {
        return refuse(
            "One or more parameter values are not valid: a key attribute cannot contain an empty string value",
        );
    }
    let mut range = KeyRange { pk, low: Bound::Unbounded, high: Bound::Unbounded };
    let Some((name, clause)) = found.iter().find(|(name, _)| *name != schema.pk.name) else { return Ok(range) };
    let Some(sk) = schema.sk.as_ref().filter(|sk| sk.name == *name) else {
        return refuse("Query condition missed key schema element");
    };
    match clause {
        Clause::Compare(Comparison::Equal, value) => {
            range.low = Bound::Included(typed(sk, value)?);
            range.high = range.low.clone();
        }
        Clause::Compare(Comparison::Less, value) => range.high = Bound::Excluded(typed(sk, value)?),
        Clause::Compare(Comparison::LessOrEqual, value) => range.high = Bound::Included(typed(sk, value)?),
        Clause::Compare(Comparison::Greater, value) => range.low = Bound::Excluded(typed(sk, value)?),
        Clause::Compare(Comparison::GreaterOrEqual, value) => range.low = Bound::Included(typed(sk, value)?),
        Clause::Compare(Comparison::Unequal, _) => return refuse("Query key condition not supported"),
        Clause::Between(low, high) => {
            evaluate::check_between(low, high)?;
            range.low = Bound::Included(typed(sk, low)?);
            range.high = Bound::Included(typed(sk, high)?);
        }
        Clause::BeginsWith(prefix) => {
            let low = typed(sk, prefix)?;
            range.high = match &low {
                KeyValue::S(prefix) => after_all_with(prefix).map_or(Bound::Unbounded, Bound::Excluded),
                KeyValue::N(_) | KeyValue::Lowest | KeyValue::Highest => {
                    return refuse("Invalid KeyConditionExpression: Incorrect operand type for begins_with");
                }
            };
            range.low = Bound::Included(low);
        }
    }
    Ok(range)
}

/// The lowest text above all that begin with this; `None` when there is none.
fn after_all_with(prefix: &str) -> Option<KeyValue> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The scalar after this one; surrogates are none.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(KeyValue::S(chars.into_iter().collect::<String>().into()));
        }
    }
    None
}

/// Where a query goes on.
struct Start {
    pk: KeyValue,
    sort: KeyValue,
    /// Of an index: the table's key.
    place: (KeyValue, KeyValue),
}

/// Reads the key that a query goes on after.
fn start(table: &Table, index: Option<&Index>, key: &Item) -> Result<Start, Refusal> {
    let invalid = || Refusal::Validation("The provided starting key is invalid".to_owned());
    let schema = index.map_or(&table.schema, |index| &index.schema);
    let further = table.schema.attributes().filter(|attribute| !schema.has(&attribute.name)).count();
    if key.len() != schema.attributes().count() + further {
        return Err(invalid());
    }
    let value = |attribute: &KeyAttribute| {
        let value = key.get(&attribute.name).and_then(|value| KeyValue::of(value, attribute.kind));
        value.filter(|value| !matches!(value, KeyValue::S(text) if text.is_empty())).ok_or_else(invalid)
    };
    let sort = |schema: &KeySchema| schema.sk.as_ref().map_or(Ok(KeyValue::Lowest), value);
    Ok(Start { pk: value(&schema.pk)?, sort: sort(schema)?, place: (value(&table.schema.pk)?, sort(&table.schema)?) })
}

/// Reads what of a partition lies within the bounds.
fn read_range<K: Ord>(
    page: &mut Page<'_>,
    partition: Option<&BTreeMap<K, Arc<Stored>>>,
    (low, high): (Bound<K>, Bound<K>),
    forward: bool,
) {
    let Some(partition) = partition else { return };
    let empty = match (&low, &high) {
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    };
    if empty {
        return;
    }
    let range = partition.range((low, high)).map(|(_, item)| item);
    if forward {
        page.read(range)
    } else {
        page.read(range.rev())
    };
}

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
                let partition = table.partitions.get(&super::key::Partition::of(range.pk));
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

/// The bounds of an index's sort key, as bounds of the places in it.
fn index_bounds(
    low: Bound<KeyValue>,
    high: Bound<KeyValue>,
    start: Option<Start>,
    forward: bool,
) -> (Bound<IndexKey>, Bound<IndexKey>) {
    let before = |sort| IndexKey { sort, pk: KeyValue::Lowest, sk: KeyValue::Lowest };
    let after = |sort| IndexKey { sort, pk: KeyValue::Highest, sk: KeyValue::Highest };
    let mut low = match low {
        Bound::Included(sort) => Bound::Included(before(sort)),
        Bound::Excluded(sort) => Bound::Excluded(after(sort)),
        Bound::Unbounded => Bound::Unbounded,
    };
    let mut high = match high {
        Bound::Included(sort) => Bound::Included(after(sort)),
        Bound::Excluded(sort) => Bound::Excluded(before(sort)),
        Bound::Unbounded => Bound::Unbounded,
    };
    if let Some(Start { sort, place: (pk, sk), .. }) = start {
        let edge = if forward { &mut low } else { &mut high };
        *edge = Bound::Excluded(IndexKey { sort, pk, sk });
    }
    (low, high)
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
