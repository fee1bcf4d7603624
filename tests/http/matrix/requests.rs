//! From a row and a caller to the request of that cell. What it asks for is right in itself, so that its answer is about what
//! the caller may do.

use std::sync::Mutex;

use muster_tests::client::Request;
use serde_json::{Value, json};

use super::cast::{Caller, Cast};
use super::table::{Row, Whose};
use crate::oidc;
use crate::routes::ROUTES;
use crate::second_factors::challenged;
use crate::support::{PASSWORD, new_email, person, task};
use crate::{invitations, password_resets};

/// The request of a cell, and the task that it is about, if it is about one.
pub(crate) async fn request(cast: &Cast, row: &Row, caller: &Caller) -> (Request, Option<String>) {
    let stand_in = stand_in(row, caller).await;
    request_by(cast, row, stand_in.as_ref().unwrap_or(caller)).await
}

/// The same by this very caller, although it may end what they call with.
pub(crate) async fn request_by(cast: &Cast, row: &Row, caller: &Caller) -> (Request, Option<String>) {
    let ids = cast.ids(row, caller).await;
    let task = row.path.contains("{task_id}").then(|| ids[0].clone());
    let mut ids = ids.into_iter();
    let parts = row.path.split('/').map(|part| match part.strip_prefix('{') {
        Some(_) => ids.next().expect("an id for each parameter"),
        None => part.to_owned(),
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let request = caller.client.request(row.method, &path);
    let body = body(cast, row, caller).await.or_else(|| usual_body(row));
    (body.into_iter().fold(request, |request, body| request.json(&body)), task)
}

/// Somebody else of the same role, for a request that ends their session or changes how they sign in: the other cells go on with
/// the caller's.
async fn stand_in(row: &Row, caller: &Caller) -> Option<Caller> {
    let ends = row.method == "DELETE" && row.path.contains("/sessions") || row.path.ends_with("/reassign");
    let ends = ends && row.whose == Whose::Own;
    let own = ["/logout", "/profile/password", "/profile/second-factor"].iter().any(|path| row.path.ends_with(path));
    let role = caller.role.filter(|_| ends || own)?;
    let person = person(role).await;
    Some(Caller { client: person.client, id: person.id, role: Some(role), reported: Mutex::default() })
}

/// What the route's line in `ROUTES` says.
fn usual_body(row: &Row) -> Option<Value> {
    let route = ROUTES.iter().find(|route| (route.method, route.path) == (row.method, row.path));
    let body = route.unwrap_or_else(|| panic!("{row}: no line in ROUTES")).body?;
    Some(serde_json::from_str(body).expect("JSON"))
}

/// A body that has to be another one in each cell, or for this variant of the request.
async fn body(cast: &Cast, row: &Row, caller: &Caller) -> Option<Value> {
    let account = || json!({ "name": "Ada", "email": new_email(), "password": PASSWORD });
    let path = row.path.strip_prefix("/api/v1").unwrap_or(row.path);
    let body = match (path, row.variant) {
        ("/users/signup", "as an administrator") => {
            let mut body = account();
            body["role"] = json!("admin");
            body
        }
        ("/users/signup", "by invitation") => {
            json!({ "name": "Ada", "password": PASSWORD, "invitation": invitations::a_token().await })
        }
        ("/users", "without a password") => json!({ "name": "Ada", "email": new_email() }),
        ("/users/signup" | "/users", _) if row.method == "POST" => account(),
        ("/users/login" | "/login", _) => json!({ "email": cast.guest.email, "password": PASSWORD }),
        ("/users/password-reset", _) => json!({ "email": cast.guest.email }),
        ("/users/password-reset/confirm", _) => {
            json!({ "token": password_resets::a_token().await, "new_password": "another passphrase for tests" })
        }
        ("/invitations", _) if row.method == "POST" => json!({ "email": new_email() }),
        ("/users/login/second-factor", _) => challenged().await,
        ("/users/oidc/{provider}/finish", _) => oidc::coming_back("open", &oidc::somebody()).await,
        ("/profile/outside-identities/{provider}/finish", _) => {
            oidc::coming_back_to_link(&caller.client, "open", &oidc::somebody()).await?
        }
        ("/profile/password", _) => {
            json!({ "current_password": PASSWORD, "new_password": "another passphrase for tests" })
        }
        ("/users/refresh" | "/refresh", _) => json!({ "refresh_token": cast.session().await["refresh_token"] }),
        ("/profile/filters" | "/profile/filters/{filter_id}", _) if row.method != "GET" && row.method != "DELETE" => {
            json!({ "name": format!("Late {}", uuid::Uuid::new_v4()), "filter": { "overdue": true } })
        }
        (_, "e-mail") => json!({ "email": new_email() }),
        // The one that most have: nobody becomes somebody else on the way.
        (_, "role") => json!({ "role": "member" }),
        (_, "status") => json!({ "status": "in_progress" }),
        ("/tasks", variant) if row.method == "POST" => {
            let mut body = json!({ "title": "Check the lift" });
            match variant {
                "" => {}
                "in our team" => body["team_id"] = json!(cast.ours),
                "in another team" => body["team_id"] = json!(cast.theirs),
                "for the caller" => body["assignee_id"] = json!(caller.doer(cast)),
                "for somebody of our team" => body["assignee_id"] = json!(cast.colleague),
                "for somebody of another team" => body["assignee_id"] = json!(cast.stranger),
                other => panic!("{row}: {other} is not told apart here"),
            }
            body
        }
        ("/tasks/{task_id}/position", _) => {
            // A neighbour that the caller may see; nobody sees none.
            let beside = task(&cast.chief, json!({ "assignee_id": caller.doer(cast) })).await;
            json!({ "after": beside.id })
        }
        ("/tasks/{task_id}/relations", _) if row.method != "GET" => {
            let other = task(&cast.chief, json!({ "assignee_id": caller.doer(cast) })).await;
            json!({ "kind": "child_of", "task_id": other.id })
        }
        (_, "into our team") => json!({ "team_id": cast.ours }),
        (_, "into another team") => json!({ "team_id": cast.theirs }),
        (_, "to the caller") => json!({ "assignee_id": caller.doer(cast) }),
        (_, "to somebody of our team") => json!({ "assignee_id": cast.colleague }),
        (_, "to somebody of another team") => json!({ "assignee_id": cast.stranger }),
        (_, "") => return None,
        (_, other) => panic!("{row}: {other} is not told apart here"),
    };
    Some(body)
}
