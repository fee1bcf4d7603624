//! Who may do what, over the running server: each route, for each role, to each kind of thing.

pub(crate) mod cast;
mod lists;
pub(crate) mod requests;
mod routes_of_people;
mod routes_of_tasks;
pub(crate) mod table;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::stream::iter;

use cast::{Caller, Cast};
use table::{Row, Whose, rows};

use crate::routes::{document, operations};

/// The columns.
const CALLERS: [&str; 5] = ["admin", "manager", "member", "auditor", "nobody"];
/// How many cells are asked for at the same time.
const AT_ONCE: usize = 12;

#[tokio::test]
async fn every_route_has_a_row_for_everybody_whose_thing_it_can_be_about() {
    let document = document().await;
    let published: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let mut listed: BTreeMap<(String, String), BTreeSet<Whose>> = BTreeMap::new();
    for row in rows() {
        let of_route = listed.entry((row.method.to_owned(), row.path.to_owned())).or_default();
        if row.variant.is_empty() {
            assert!(of_route.insert(row.whose), "{row} is there twice");
        }
    }
    for (route, whose) in &listed {
        assert!(published.contains(route), "{route:?} is not in the document: its rows can go");
        let wanted: BTreeSet<Whose> = Whose::of_path(&route.1).iter().copied().collect();
        assert_eq!(*whose, wanted, "the rows of {route:?}");
    }
    let missing: Vec<_> = published.iter().filter(|route| !listed.contains_key(*route)).collect();
    assert!(missing.is_empty(), "say in tests/http/matrix who may do this: {missing:?}");
}

#[tokio::test]
async fn each_caller_gets_what_the_matrix_says_and_a_refusal_changes_nothing() {
    let cast = Cast::assemble().await;
    let rows = rows();
    let cells = rows.iter().flat_map(|row| (0..CALLERS.len()).map(move |column| (row, column)));
    let wrong: Vec<String> = iter(cells)
        .map(|(row, column)| cell(&cast, row, column))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |w| w)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), rows.len() * CALLERS.len(), wrong.join("\n"));
}

/// What is wrong with a cell, if anything is.
async fn cell(cast: &Cast, row: &Row, column: usize) -> Option<String> {
    let (caller, expected): (&Caller, u16) = (&cast.callers[column], row.expected[column]);
    let (request, task) = requests::request(cast, row, caller).await;
    let task = task.filter(|_| row.whose != Whose::Nothing);
    let before = commits(cast, task.as_deref()).await;
    let answer = request.send().await;
    let named = format!("{row} as {}", CALLERS[column]);
    if answer.status != expected {
        return Some(format!("{named}: {} where {expected} is expected: {}", answer.status, answer.text));
    }
    match expected {
        401 => answer.problem(401, "unauthenticated"),
        403 => answer.problem(403, "forbidden"),
        404 => answer.problem(404, "not_found"),
        _ => return None,
    };
    let after = commits(cast, task.as_deref()).await;
    (before != after).then(|| format!("{named}: refused, and done all the same"))
}

/// The hashes of all that happened to a task.
async fn commits(cast: &Cast, task: Option<&str>) -> Vec<String> {
    let Some(task) = task else { return vec![] };
    let page = cast.chief.get(&format!("/tasks/{task}/history?limit=200")).send().await.is(200).value();
    page["items"].as_array().unwrap().iter().map(|commit| commit["hash"].to_string()).collect()
}
