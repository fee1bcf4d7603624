//! Each route with an API token of each scope. An administrator's token, so that the scope alone decides; the requests, and what they
//! come to without a limit, are those of the matrix of the roles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures::StreamExt as _;
use futures::stream::iter;
use muster_domain::user::Role;
use muster_identity::policy::TokenScope;

use crate::api_tokens::made;
use crate::matrix::cast::{Caller, Cast};
use crate::matrix::requests::request_by;
use crate::matrix::table::{Row, Whose, rows};
use crate::routes::{document, operations};
use crate::support::person;

/// How many cells are asked for at the same time.
const AT_ONCE: usize = 12;

/// What a token needs for each route: these scopes, a sign-in (so that no token is good), or nothing, as nobody is asked who calls.
/// Who may write may read the same.
const TABLE: &str = "
    GET    /healthz                                           | nothing
    GET    /readyz                                            | nothing
    GET    /openapi.json                                      | nothing
    GET    /.well-known/jwks.json                             | nothing

    GET    /api/v1/users/signup                               | nothing
    POST   /api/v1/users/signup                               | nothing
    POST   /api/v1/users/password-reset                       | nothing
    POST   /api/v1/users/password-reset/confirm               | nothing
    POST   /api/v1/users/login                                | nothing
    POST   /api/v1/login                                      | nothing
    POST   /api/v1/users/login/second-factor                  | nothing
    POST   /api/v1/users/refresh                              | nothing
    POST   /api/v1/refresh                                    | nothing

    GET    /api/v1/users/oidc                                 | nothing
    POST   /api/v1/users/oidc/{provider}/begin                | nothing
    POST   /api/v1/users/oidc/{provider}/finish               | nothing

    GET    /api/v1/profile/outside-identities                 | sign-in
    POST   /api/v1/profile/outside-identities/{provider}/begin | sign-in
    POST   /api/v1/profile/outside-identities/{provider}/finish | sign-in
    DELETE /api/v1/profile/outside-identities/{identity_id}   | sign-in
    POST   /api/v1/users/logout                               | sign-in
    POST   /api/v1/logout                                     | sign-in
    GET    /api/v1/users/sessions                             | sign-in
    DELETE /api/v1/users/sessions/{session_id}                | sign-in
    GET    /api/v1/users/{user_id}/sessions                   | sign-in
    DELETE /api/v1/users/{user_id}/sessions                   | sign-in
    POST   /api/v1/tokens                                     | sign-in
    GET    /api/v1/tokens                                     | sign-in
    DELETE /api/v1/tokens/{token_id}                          | sign-in
    GET    /api/v1/users/{user_id}/tokens                     | sign-in
    DELETE /api/v1/users/{user_id}/tokens/{token_id}          | sign-in
    POST   /api/v1/users/reauthenticate                       | sign-in
    PUT    /api/v1/profile/password                           | sign-in
    GET    /api/v1/profile/second-factor                      | sign-in
    POST   /api/v1/profile/second-factor                      | sign-in
    POST   /api/v1/profile/second-factor/confirm              | sign-in
    POST   /api/v1/profile/second-factor/recovery-codes       | sign-in
    DELETE /api/v1/profile/second-factor                      | sign-in
    DELETE /api/v1/users/{user_id}/second-factor              | sign-in
    GET    /api/v1/profile/export                             | sign-in
    GET    /api/v1/users/{user_id}/export                     | sign-in
    POST   /api/v1/users/{user_id}/erase                      | sign-in
    POST   /api/v1/users                                      | sign-in
    POST   /api/v1/invitations                                | sign-in
    GET    /api/v1/invitations                                | sign-in
    DELETE /api/v1/invitations/{invitation_id}                | sign-in

    GET    /api/v1/profile                                    | users:read
    PUT    /api/v1/profile                                    | users:write
    PUT    /api/v1/profile e-mail                             | sign-in
    PUT    /api/v1/profile role                               | sign-in
    GET    /api/v1/profile/notification-preferences           | users:read
    PUT    /api/v1/profile/notification-preferences           | users:write
    POST   /api/v1/profile/filters                            | tasks:write
    GET    /api/v1/profile/filters                            | tasks:read
    GET    /api/v1/profile/filters/{filter_id}                | tasks:read
    PUT    /api/v1/profile/filters/{filter_id}                | tasks:write
    DELETE /api/v1/profile/filters/{filter_id}                | tasks:write
    GET    /api/v1/users                                      | users:read
    GET    /api/v1/users/{user_id}                            | users:read
    PUT    /api/v1/users/{user_id}                            | users:write
    PUT    /api/v1/users/{user_id} e-mail                     | sign-in
    PUT    /api/v1/users/{user_id} role                       | sign-in
    DELETE /api/v1/users/{user_id}                            | users:write tasks:read
    POST   /api/v1/users/{user_id}/reactivate                 | sign-in
    POST   /api/v1/users/{user_id}/reassign                   | tasks:write

    GET    /api/v1/audit                                      | audit:read
    GET    /api/v1/audit/export                               | audit:read
    GET    /api/v1/audit/access                               | audit:read
    GET    /api/v1/audit/digests                              | audit:read
    GET    /api/v1/audit/digests/key                          | nothing
    GET    /api/v1/audit/access/export                        | audit:read
    GET    /api/v1/feed                                       | feed:read
    POST   /api/v1/webhooks                                   | sign-in
    GET    /api/v1/webhooks                                   | sign-in
    GET    /api/v1/webhooks/{webhook_id}                      | sign-in
    PUT    /api/v1/webhooks/{webhook_id}                      | sign-in
    DELETE /api/v1/webhooks/{webhook_id}                      | sign-in
    POST   /api/v1/webhooks/{webhook_id}/secret               | sign-in
    POST   /api/v1/webhooks/{webhook_id}/test                 | sign-in
    GET    /api/v1/webhooks/{webhook_id}/deliveries           | sign-in
    POST   /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay | sign-in

    POST   /api/v1/teams                                      | teams:write
    GET    /api/v1/teams                                      | teams:read
    GET    /api/v1/teams/{team_id}                            | teams:read
    PUT    /api/v1/teams/{team_id}                            | teams:write
    GET    /api/v1/teams/{team_id}/members                    | teams:read
    PUT    /api/v1/teams/{team_id}/members/{user_id}          | teams:write
    DELETE /api/v1/teams/{team_id}/members/{user_id}          | teams:write

    POST   /api/v1/imports                                    | tasks:write
    POST   /api/v1/tasks                                      | tasks:write
    GET    /api/v1/tasks                                      | tasks:read
    GET    /api/v1/tasks/{task_id}                            | tasks:read
    GET    /api/v1/tasks/{task_id}/logs                       | tasks:read
    GET    /api/v1/tasks/{task_id}/logs/latest                | tasks:read
    GET    /api/v1/tasks/{task_id}/history                    | tasks:read
    GET    /api/v1/tasks/{task_id}/history/{version}/proof    | tasks:read
    PUT    /api/v1/tasks/{task_id}                            | tasks:write
    DELETE /api/v1/tasks/{task_id}                            | tasks:write
    POST   /api/v1/tasks/{task_id}/assign                     | tasks:write
    POST   /api/v1/tasks/{task_id}/status                     | tasks:write
    POST   /api/v1/tasks/{task_id}/deadline                   | tasks:write
    DELETE /api/v1/tasks/{task_id}/deadline                   | tasks:write
    POST   /api/v1/tasks/{task_id}/hold                       | tasks:write
    POST   /api/v1/tasks/{task_id}/resume                     | tasks:write
    POST   /api/v1/tasks/{task_id}/comments                   | tasks:write
    POST   /api/v1/tasks/{task_id}/restore                    | tasks:write
";

/// What a route needs of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    SignIn,
    Scopes(Vec<&'static str>),
}

impl Needs {
    /// The code with which a token of these scopes is refused, if it is.
    fn refusal(&self, scopes: &[&str]) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::SignIn => Some("session_required"),
            Self::Scopes(needed) => {
                let has = |scope: &str| scopes.contains(&scope) || scopes.contains(&&*scope.replace(":read", ":write"));
                (!needed.iter().all(|scope| has(scope))).then_some("insufficient_scope")
            }
        }
    }
}

/// A request of the matrix, and what it needs.
struct Cell {
    row: Row,
    needs: Needs,
}

/// One request for each line of the table: about something that others have, so that what the caller calls with stays.
fn cells() -> Vec<Cell> {
    let rows = rows();
    let line = |line: &'static str| {
        let (named, needs) = line.split_once('|').unwrap_or_else(|| panic!("{line} is no line"));
        let (method, rest) = named.trim().split_once(' ').expect("a method and a path");
        let (path, variant) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let fits = |row: &&Row| (row.method, row.path, row.variant) == (method, path, variant);
        let of_route = || rows.iter().filter(fits);
        let order = [Whose::Given, Whose::Ours, Whose::Another, Whose::None];
        let row = order.iter().find_map(|whose| of_route().find(|row| row.whose == *whose));
        let needs = match needs.trim() {
            "nothing" => Needs::Nothing,
            "sign-in" => Needs::SignIn,
            scopes => Needs::Scopes(scopes.split(' ').collect()),
        };
        Cell { row: row.unwrap_or_else(|| panic!("{named}: no row in the matrix")).clone(), needs }
    };
    TABLE.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect()
}

#[tokio::test]
async fn every_route_says_what_a_token_needs_for_it() {
    let document = document().await;
    let published: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let cells = cells();
    let mut listed = BTreeMap::new();
    for Cell { row, needs } in &cells {
        if row.variant.is_empty() {
            let known = listed.insert((row.method.to_owned(), row.path.to_owned()), needs);
            assert!(known.is_none(), "{row} is there twice");
        }
        if let Needs::Scopes(scopes) = needs {
            let known = |scope: &&&str| TokenScope::ALL.iter().any(|known| known.as_str() == **scope);
            assert_eq!(scopes.iter().filter(known).count(), scopes.len(), "{row}: {scopes:?}");
        }
    }
    let missing: Vec<_> = published.iter().filter(|route| !listed.contains_key(*route)).collect();
    assert!(missing.is_empty(), "say in tests/http/token_scopes.rs what a token needs for {missing:?}");
    let gone: Vec<_> = listed.keys().filter(|route| !published.contains(*route)).collect();
    assert!(gone.is_empty(), "not in the document: {gone:?}");
    for (method, path, operation) in operations(&document) {
        let open = operation["security"] == serde_json::json!([{}]);
        let needs = listed[&(method.clone(), path.clone())];
        assert_eq!(*needs == Needs::Nothing, open, "{method} {path}");
    }
}

#[tokio::test]
async fn a_token_of_each_scope_is_good_for_what_it_names_and_for_nothing_else() {
    let cast = Cast::assemble().await;
    let owner = person(Role::Admin).await;
    let mut tokens: Vec<Vec<&str>> = TokenScope::ALL.iter().map(|scope| vec![scope.as_str()]).collect();
    for Cell { needs, .. } in cells() {
        if let Needs::Scopes(scopes) = needs
            && !tokens.contains(&scopes)
        {
            tokens.push(scopes);
        }
    }
    let mut callers = Vec::new();
    for scopes in &tokens {
        let client = made(&owner.client, scopes).await.client;
        callers.push((scopes, Caller { client, id: owner.id, role: Some(Role::Admin), reported: Mutex::default() }));
    }
    let cells = cells();
    let all = cells.iter().flat_map(|cell| callers.iter().map(move |caller| (cell, caller)));
    let wrong: Vec<String> = iter(all)
        .map(|(cell, (scopes, caller))| outcome(&cast, cell, scopes, caller))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} of {} cells:\n{}", wrong.len(), cells.len() * tokens.len(), wrong.join("\n"));
    for (_, caller) in &callers {
        let answer = caller.client.get("/users/sessions").send().await;
        answer.problem(403, "session_required");
    }
}

/// What is wrong with a cell, if anything is.
async fn outcome(cast: &Cast, cell: &Cell, scopes: &[&str], caller: &Caller) -> Option<String> {
    let (request, _) = request_by(cast, &cell.row, caller).await;
    let answer = request.send().await;
    let (expected, code) = match cell.needs.refusal(scopes) {
        Some(code) => (403, Some(code)),
        // What an administrator gets who has signed in.
        None => (cell.row.expected[0], None),
    };
    if answer.status != expected {
        let named = format!("{} with {scopes:?}", cell.row);
        return Some(format!("{named}: {} where {expected} is expected: {}", answer.status, answer.text));
    }
    if let Some(code) = code {
        answer.problem(403, code);
    }
    None
}
