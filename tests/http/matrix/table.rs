//! The matrix: which status each role gets for each route, and of whose thing. It is written by hand from what the roles are
//! for, so that the policy's own table is not compared with itself.

use std::fmt;

/// Whose the thing is that a route's path names, from where the caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    /// The path names nothing, or something that is everybody's.
    None,
    /// The caller's own: their account, their session.
    Own,
    /// A task of another team that the caller is to do.
    Given,
    /// A task of another team that the caller reported.
    Reported,
    /// Of the caller's team, and not their own; the team itself.
    Ours,
    /// A task of no team and of somebody else.
    NoTeams,
    /// Of somebody of another team; that team itself.
    Another,
    /// There is no such thing.
    Nothing,
}

impl Whose {
    fn parse(word: &str) -> Self {
        match word {
            "-" => Self::None,
            "own" => Self::Own,
            "given" => Self::Given,
            "reported" => Self::Reported,
            "ours" => Self::Ours,
            "no team's" => Self::NoTeams,
            "another's" => Self::Another,
            "nothing" => Self::Nothing,
            other => panic!("{other} is nobody's"),
        }
    }

    /// What a route with this path must have a row for.
    pub(crate) fn of_path(path: &str) -> &'static [Self] {
        if path.contains("{task_id}") {
            &[Self::Given, Self::Reported, Self::Ours, Self::NoTeams, Self::Another, Self::Nothing]
        } else if path.contains("{team_id}") {
            &[Self::Ours, Self::Another, Self::Nothing]
        } else if path.contains("{user_id}") {
            &[Self::Own, Self::Ours, Self::Another, Self::Nothing]
        } else if path.contains("{provider}") || path.contains("{webhook_id}") {
            &[Self::None, Self::Nothing]
        } else if path.contains('{') {
            &[Self::Own, Self::Another, Self::Nothing]
        } else {
            &[Self::None]
        }
    }
}

/// One row: a request, whose thing it is about, and the status for each caller in turn.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Which of the requests that the route takes; empty for the plain one.
    pub(crate) variant: &'static str,
    pub(crate) whose: Whose,
    /// For an administrator, a manager, a member, an auditor, and somebody who is not signed in.
    pub(crate) expected: [u16; 5],
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ({:?})", self.method, self.path, self.variant, self.whose)
    }
}

/// Every row.
pub(crate) fn rows() -> Vec<Row> {
    [super::routes_of_people::TABLE, super::routes_of_tasks::TABLE].into_iter().flat_map(parse).collect()
}

/// A row that names no route is about the route of the row before.
fn parse(table: &'static str) -> Vec<Row> {
    let mut route = ("", "", "");
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty()).skip(1);
    let row = |line: &'static str| {
        let [named, whose, statuses @ ..] = &line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{line} is no row");
        };
        if !named.is_empty() {
            let (method, rest) = named.split_once(' ').expect("a method and a path");
            let (path, variant) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
            route = (method, path, variant.trim());
        }
        let statuses: Vec<u16> = statuses.iter().map(|status| status.parse().expect("a status")).collect();
        let expected = statuses.try_into().unwrap_or_else(|_| panic!("{line}: a status for each caller"));
        Row { method: route.0, path: route.1, variant: route.2, whose: Whose::parse(whose), expected }
    };
    lines.map(row).collect()
}
