//! The pages of a query or a scan.

use std::sync::Arc;

use super::evaluate::{self, Scope};
use super::expression::{Condition, Parsed, Step};
use super::read::comma;
use super::refusal::Refusal;
use super::table::{Index, Table};
use super::value::{Item, Stored, write_text};

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
