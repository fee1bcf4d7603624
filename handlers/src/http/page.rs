//! Pages of lists.

use axum::Json;
use muster_projections::{Listed, QueryError, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{Fields, wrong_parameter};
use super::problem::Problem;

/// The most entries of a page.
const MAX_LIMIT: u32 = 200;
/// The entries of a page when the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    items: Vec<T>,
    /// Where the next page begins, for `cursor`; null at the end. A page may be short, or empty, before the end.
    next: Option<String>,
}

impl<T: Serialize> Page<T> {
    /// All there is, on one page.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self::of(items, None)
    }

    /// These entries.
    pub(crate) const fn of(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }

    /// What a read model answered.
    pub(crate) fn answer(result: Result<Listed<T>, QueryError>) -> Result<Json<Self>, Problem> {
        let Listed { items, next } = result.map_err(|error| query_problem(&error))?;
        Ok(Json(Self { items, next }))
    }
}

/// Why a list could not be read.
pub(crate) fn query_problem(error: &QueryError) -> Problem {
    match error {
        QueryError::Cursor(cursor) => wrong_parameter("cursor", cursor),
        QueryError::TooMany { most } => {
            let narrower = "narrow it, by team_id or assignee_id for example, or list by due";
            wrong_parameter("as_of", format_args!("has more than {most} tasks to put in order: {narrower}"))
        }
        QueryError::TooSparse { found } => {
            let narrower = "narrow it by team_id, assignee_id or days of the deadline, or list by due";
            wrong_parameter(
                "as_of",
                format_args!(
                    "has too many tasks that are not asked for between the {found} that were found: {narrower}"
                ),
            )
        }
        QueryError::Store(StoreError::Unavailable { .. }) => Problem::unavailable(error),
        QueryError::Store(StoreError::Damaged { .. }) => Problem::internal(error),
    }
}

/// The parameters that every list has.
pub(crate) struct PageQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// The page that is asked for, if the parameters are right.
    pub(crate) fn checked(self) -> Result<muster_projections::Page, Problem> {
        let mut fields = Fields::default();
        let page = self.page(&mut fields);
        fields.finish(Some(page))
    }

    /// The same, of a list that has one order, and the other way round.
    pub(crate) fn sorted(self, sort: Option<&str>, order: Order) -> Result<muster_projections::Page, Problem> {
        let mut fields = Fields::default();
        let mut page = self.page(&mut fields);
        page.descending = order.descending(sort, &mut fields);
        fields.finish(Some(page))
    }

    fn page(self, fields: &mut Fields) -> muster_projections::Page {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            fields.wrong_parameter("limit", format_args!("must be between 1 and {MAX_LIMIT}"));
        }
        muster_projections::Page { limit: limit as usize, cursor: self.cursor, descending: false }
    }
}

/// The one key that a list is in the order of, and which way it goes when nobody says.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// From the lowest on.
    Up(&'static str),
    /// From the highest on.
    Down(&'static str),
}

impl Order {
    /// Whether the list goes down. `sort` is the key, with `-` before it for down.
    pub(crate) fn descending(self, sort: Option<&str>, fields: &mut Fields) -> bool {
        let (key, down) = match self {
            Self::Up(key) => (key, false),
            Self::Down(key) => (key, true),
        };
        let Some(sort) = sort else { return down };
        if sort.strip_prefix('-').unwrap_or(sort) != key {
            fields.wrong_parameter("sort", format_args!("must be {key} or -{key}"));
        }
        sort.starts_with('-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{Code, InvalidField};

    #[test]
    fn a_past_that_cannot_be_put_in_order_says_whether_it_is_too_much_or_too_rare() {
        let said = |error: QueryError| {
            let problem = query_problem(&error);
            assert_eq!(problem.code(), Code::InvalidRequest);
            problem.into_errors().into_iter().map(|InvalidField { detail, .. }| detail).collect::<String>()
        };
        assert!(said(QueryError::TooMany { most: 2_000 }).starts_with("has more than 2000 tasks to put in order"));
        assert!(said(QueryError::TooSparse { found: 3 }).contains("between the 3 that were found"));
    }
}
