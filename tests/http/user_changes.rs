//! What becomes of an account: changed, closed.

use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::Client;
use muster_tests::server::Server;
use serde_json::json;
use uuid::Uuid;

use crate::support::{PASSWORD, admin, eventually, log_in, member, new_email, nobody, person, task};

#[tokio::test]
pub(crate) async fn an_administrator_changes_any_account() {
    let (admin, member, email) = (admin().await, member().await, new_email());
    let body = json!({ "name": "Grace", "email": email, "role": "manager", "phone": "+1 555 0100" });
    let path = format!("/users/{}", member.id);
    let changed: UserDocument = admin.put(&path).if_match(1).json(&body).send().await.document(200);
    assert_eq!(changed.version, 4, "one event each for profile, address and role");
    assert_eq!((changed.name.as_str(), changed.role), ("Grace", Role::Manager));
    assert_eq!((changed.email.as_deref(), changed.phone.as_deref()), (Some(email.as_str()), Some("+1 555 0100")));
    log_in(&nobody().await, &email, PASSWORD).await.is(200);
}

#[tokio::test]
async fn a_new_role_counts_for_the_sessions_that_there_are() {
    let (admin, manager) = (admin().await, person(Role::Manager).await);
    let foreign = task(&admin, json!({})).await;
    let path = format!("/tasks/{}", foreign.id);
    let auditor = json!({ "role": "auditor" });
    admin.put(&format!("/users/{}", manager.id)).json(&auditor).send().await.document::<UserDocument>(200);
    let refused = json!({ "title": "Not an auditor's" });
    manager.client.post("/tasks").json(&refused).send().await.problem(403, "forbidden");
    manager.client.get(&path).send().await.is(200);
    manager.client.put(&path).json(&json!({ "title": "No" })).send().await.problem(403, "forbidden");
}

#[tokio::test]
async fn nobody_but_an_administrator_changes_somebody_else() {
    let other = member().await;
    let path = format!("/users/{}", other.id);
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let person = person(role).await;
        for body in [json!({ "name": "X" }), json!({ "email": new_email() }), json!({ "role": "admin" }), json!({})] {
            person.client.put(&path).json(&body).send().await.problem(403, "forbidden");
        }
        person.client.delete(&path).send().await.problem(403, "forbidden");
    }
    let user: UserDocument = other.client.get("/profile").send().await.document(200);
    assert_eq!((user.version, user.name.as_str(), user.role), (1, "A member", Role::Member), "nothing of it was done");
}

#[tokio::test]
async fn a_change_of_which_a_part_is_forbidden_is_not_made_at_all() {
    let member = member().await;
    let body = json!({ "name": "Grace", "role": "manager" });
    member.client.put(&format!("/users/{}", member.id)).json(&body).send().await.problem(403, "forbidden");
    let user: UserDocument = member.client.get("/profile").send().await.document(200);
    assert_eq!((user.version, user.name.as_str()), (1, "A member"));
}

#[tokio::test]
pub(crate) async fn a_closed_account_is_out_at_once() {
    let (admin, member, nobody) = (admin().await, member().await, nobody().await);
    let path = format!("/users/{}", member.id);
    let closed: UserDocument = admin.delete(&path).if_match(1).send().await.document(200);
    assert_eq!((closed.version, closed.active, closed.id), (2, false, member.id));

    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    member.client.post("/tasks").json(&json!({ "title": "Too late" })).send().await.problem(401, "unauthenticated");
    let refresh = json!({ "refresh_token": member.refresh_token });
    nobody.post("/users/refresh").json(&refresh).send().await.problem(401, "wrong_credentials");
    log_in(&nobody, &member.email, PASSWORD).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn a_closed_account_takes_no_changes() {
    let (admin, member) = (admin().await, member().await);
    let path = format!("/users/{}", member.id);
    admin.delete(&path).send().await.is(200);
    admin.delete(&path).send().await.problem(409, "conflict");
    let problem = admin.put(&path).json(&json!({ "name": "X" })).send().await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the user is deactivated");
    let user: UserDocument = admin.get(&path).min_version(2).send().await.document(200);
    assert_eq!((user.version, user.name.as_str(), user.active), (2, "A member", false));
}

#[tokio::test]
async fn closing_an_account_twice_under_one_key_is_closing_it_once() {
    let (admin, member, key) = (admin().await, member().await, Uuid::new_v4().to_string());
    let close = async || admin.delete(&format!("/users/{}", member.id)).key(&key).if_match(1).send().await;
    let first: UserDocument = close().await.document(200);
    assert_eq!(close().await.document::<UserDocument>(200), first);
}

#[tokio::test]
async fn a_stale_change_of_an_account_is_refused_with_the_present_version() {
    let (admin, member) = (admin().await, member().await);
    let path = format!("/users/{}", member.id);
    admin.put(&path).json(&json!({ "name": "Second" })).send().await.is(200);
    for answer in [
        admin.put(&path).if_match(1).json(&json!({ "name": "Third" })).send().await,
        admin.put(&path).if_match(7).json(&json!({ "name": "Third" })).send().await,
        admin.delete(&path).if_match(1).send().await,
    ] {
        assert_eq!(answer.problem(412, "stale_version")["version"], 2);
        assert_eq!(answer.header("etag"), "\"2\"");
    }
    member.client.get("/profile").send().await.is(200);
}

/// A server of its own, as the others' has many administrators.
#[tokio::test]
async fn of_two_administrators_who_demote_each_other_one_remains() {
    let server = Server::start().await;
    let nobody = Client::new(&server.base_url);
    let signed_in = async |email: &str, password: &str| {
        let tokens = log_in(&nobody, email, password).await.is(200).value();
        let client = nobody.with_token(tokens["access_token"].as_str().unwrap());
        let own: UserDocument = client.get("/profile").send().await.document(200);
        (client, format!("/users/{}", own.id))
    };
    let (first, first_path) = signed_in(&server.admin_email, &server.admin_password).await;
    let email = new_email();
    let body = json!({ "name": "Second", "email": email, "password": PASSWORD, "role": "admin" });
    first.post("/users").json(&body).send().await.is(201);
    let (second, second_path) = signed_in(&email, PASSWORD).await;

    let demoted = json!({ "role": "member" });
    let (one, other) = tokio::join!(first.put(&second_path).json(&demoted).send(), second.delete(&first_path).send());
    let (winner, refused) = match (one.status, other.status) {
        (200, _) => (&first, other),
        (_, 200) => (&second, one),
        neither => panic!("{neither:?}"),
    };
    // Who asks only after the other took effect is no administrator any more, or not even signed in.
    assert!(matches!(refused.status, 409 | 403 | 401), "{}", refused.status);
    if refused.status == 409 {
        refused.problem(409, "last_admin");
        let log = winner.get("/audit/access?kind=forbidden").send().await.is(200).value();
        let mut entries = log["items"].as_array().unwrap().iter();
        let entry = entries.find(|entry| entry["request_id"] == refused.header("x-request-id")).expect("an entry");
        assert_eq!(entry["reason"], "nobody would be left to administrate");
        assert!(entry["actor"].is_string(), "{entry}");
    }
    let admins = eventually("the directory knows", async || {
        let page = winner.get("/users?role=admin&active=true").send().await.is(200).value();
        (page["items"].as_array()?.len() == 1).then_some(page)
    })
    .await;
    let left = winner.get("/profile").send().await.is(200).value();
    assert_eq!(admins["items"][0]["id"], left["id"]);
}

#[tokio::test]
async fn nobody_closes_their_own_account_so_that_an_administrator_remains() {
    let admin = admin().await;
    let own: UserDocument = admin.get("/profile").send().await.document(200);
    let problem = admin.delete(&format!("/users/{}", own.id)).send().await.problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("another administrator"), "{problem}");
    let after: UserDocument = admin.get("/profile").send().await.document(200);
    assert_eq!(after, own);
}
