//! Accounts as an administrator makes them, and as everybody sees them.

use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{PASSWORD, admin, eventually, ids, log_in, member, new_email, nobody, person, team};

#[tokio::test]
pub(crate) async fn an_administrator_makes_an_account_of_any_role() {
    let admin = admin().await;
    for role in [Role::Admin, Role::Manager, Role::Member, Role::Auditor] {
        let email = new_email();
        let body = json!({ "name": "Grace Hopper", "email": email, "password": PASSWORD, "role": role });
        let answer = admin.post("/users").json(&body).send().await;
        let user: UserDocument = answer.document(201);
        assert_eq!(answer.location_under("/users"), user.id.0);
        assert_eq!((user.role, user.version, user.active), (role, 1, true));
        assert_eq!((user.name.as_str(), user.email.as_deref()), ("Grace Hopper", Some(email.as_str())));
        log_in(&nobody().await, &email, PASSWORD).await.is(200);
    }
}

#[tokio::test]
async fn a_role_that_is_left_out_is_member() {
    let body = json!({ "name": "Grace", "email": new_email(), "password": PASSWORD });
    let user: UserDocument = admin().await.post("/users").json(&body).send().await.document(201);
    assert_eq!(user.role, Role::Member);
}

#[tokio::test]
async fn only_an_administrator_makes_accounts() {
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let (person, email) = (person(role).await, new_email());
        let body = json!({ "name": "Grace", "email": email, "password": PASSWORD });
        let problem = person.client.post("/users").json(&body).send().await.problem(403, "forbidden");
        assert_eq!(problem["detail"], "your role does not allow this");
        log_in(&nobody().await, &email, PASSWORD).await.problem(401, "wrong_credentials");
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_new_account_is_named_at_once() {
    let body = json!({ "name": "", "email": "@", "password": "short", "time_zone": "CET/Berlin" });
    let answer = admin().await.post("/users").json(&body).send().await;
    answer.wrong_fields(&["/name", "/email", "/password", "/time_zone"]);
    let body = json!({ "name": "Grace", "email": new_email(), "password": PASSWORD, "role": "boss" });
    admin().await.post("/users").json(&body).send().await.wrong_fields(&["/role"]);
}

#[tokio::test]
async fn one_mailbox_has_one_account_however_its_domain_is_written() {
    let admin = admin().await;
    let local = Uuid::new_v4().simple().to_string();
    let [letters, ascii] = ["bücher.example", "xn--bcher-kva.example"].map(|domain| format!("{local}@{domain}"));
    let body = json!({ "name": "Grace", "email": letters, "password": PASSWORD });
    admin.post("/users").json(&body).send().await.is(201);
    let body = json!({ "name": "Eve", "email": ascii, "password": PASSWORD });
    admin.post("/users").json(&body).send().await.problem(409, "email_taken");
    for email in [letters, ascii] {
        log_in(&nobody().await, &email, PASSWORD).await.is(200);
    }
}

#[tokio::test]
async fn a_name_that_looks_like_another_and_a_language_that_is_none_are_refused() {
    let name = "nimda\u{202e}";
    let body =
        json!({ "name": name, "email": new_email(), "password": PASSWORD, "locale": "xx-INVALID-locale-zzzzzzzzzzz" });
    admin().await.post("/users").json(&body).send().await.wrong_fields(&["/name", "/locale"]);
    member()
        .await
        .client
        .post("/tasks")
        .json(&json!({ "title": name, "labels": [name] }))
        .send()
        .await
        .wrong_fields(&["/title", "/labels/0"]);
}

#[tokio::test]
async fn an_address_that_somebody_has_is_taken() {
    let member = member().await;
    let body = json!({ "name": "Grace", "email": member.email, "password": PASSWORD });
    admin().await.post("/users").json(&body).send().await.problem(409, "email_taken");
}

#[tokio::test]
async fn an_account_that_is_asked_for_again_is_the_same_one() {
    let (admin, email, key) = (admin().await, new_email(), Uuid::new_v4().to_string());
    let send = async |name: &str, password: &str| {
        let body = json!({ "name": name, "email": email, "password": password });
        admin.post("/users").key(&key).json(&body).send().await
    };
    let first: UserDocument = send("Grace", PASSWORD).await.document(201);
    admin.put(&format!("/users/{}", first.id)).json(&json!({ "name": "Later" })).send().await.is(200);
    assert_eq!(send("Grace", PASSWORD).await.document::<UserDocument>(201), first);
    send("Other", PASSWORD).await.problem(422, "idempotency_key_reused");
    send("Grace", "another passphrase for tests").await.problem(422, "idempotency_key_reused");
}

#[tokio::test]
pub(crate) async fn anybody_may_see_who_somebody_is_but_not_how_to_reach_them() {
    let (one, other) = (member().await, member().await);
    let path = format!("/users/{}", one.id);
    let seen: Value = other.client.get(&path).send().await.document(200);
    assert_eq!((&seen["id"], &seen["name"], &seen["role"]), (&json!(one.id), &json!("A member"), &json!("member")));
    assert_eq!((&seen["email"], &seen["phone"]), (&Value::Null, &Value::Null));

    let own: UserDocument = one.client.get(&path).send().await.document(200);
    assert_eq!(own.email.as_deref(), Some(one.email.as_str()));
    let auditor = person(Role::Auditor).await;
    for client in [&admin().await, &auditor.client] {
        assert_eq!(client.get(&path).send().await.document::<UserDocument>(200), own);
    }
}

#[tokio::test]
async fn a_manager_may_reach_the_people_of_their_teams() {
    let (manager, one, other) = (person(Role::Manager).await, member().await, member().await);
    team(&[&manager, &one]).await;
    let email = async |id| {
        let user: UserDocument = manager.client.get(&format!("/users/{id}")).send().await.document(200);
        user.email
    };
    assert_eq!(email(one.id).await, Some(one.email));
    assert_eq!(email(other.id).await, None);
}

#[tokio::test]
pub(crate) async fn the_list_tells_who_there_is() {
    let (manager, one, other) = (person(Role::Manager).await, member().await, member().await);
    let team = team(&[&manager, &one, &other]).await;
    let list = async |query: &str| {
        let page = one.client.get(&format!("/users?team_id={team}{query}")).send().await.is(200).value();
        assert_eq!(page["next"], Value::Null);
        page
    };
    let everybody = list("").await;
    let mut members = ids(&everybody);
    members.sort_unstable();
    let mut expected = [manager.id.0, one.id.0, other.id.0];
    expected.sort_unstable();
    assert_eq!(members, expected);
    for user in everybody["items"].as_array().unwrap() {
        let own = user["id"] == json!(one.id);
        assert_eq!(user["email"], if own { json!(one.email) } else { Value::Null }, "as one by one");
    }
    assert_eq!(ids(&list("&role=manager").await), [manager.id.0]);
    assert_eq!(ids(&list("&role=auditor").await).len(), 0);
    assert_eq!(ids(&list("&active=true").await).len(), 3);

    admin().await.delete(&format!("/users/{}", other.id)).send().await.is(200);
    let inactive = eventually("the directory knows that the account is closed", async || {
        let found = ids(&list("&active=false").await);
        (!found.is_empty()).then_some(found)
    });
    assert_eq!(inactive.await, [other.id.0]);
    assert_eq!(ids(&list("&active=true").await).len(), 2);
}

#[tokio::test]
async fn people_are_listed_by_name_page_by_page() {
    let people = [member().await, member().await, member().await, member().await, member().await];
    for (person, name) in people.iter().zip(["Émile", "ada", "Zoe", "Ben", "carl"]) {
        person.client.put("/profile").json(&json!({ "name": name })).send().await.is(200);
    }
    let team = team(&people.iter().collect::<Vec<_>>()).await;
    let client = &people[0].client;
    let walked = walk(client, &format!("/users?team_id={team}"), 2).await;
    let names: Vec<_> = walked.iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "Ben", "carl", "Zoe", "Émile"]);
    for path in [format!("/users?team_id={team}&"), format!("/teams/{team}/members?")] {
        assert_eq!(walk(client, &format!("{path}sort=name"), 2).await, walked, "{path}");
        let back = walk(client, &format!("{path}sort=-name"), 2).await;
        assert!(back.iter().eq(walked.iter().rev()), "{path}: {back:?}");
    }
}

#[tokio::test]
async fn a_new_account_is_read_before_the_directory_knows_it() {
    let admin = admin().await;
    let body = json!({ "name": "Grace", "email": new_email(), "password": PASSWORD });
    let user: UserDocument = admin.post("/users").json(&body).send().await.document(201);
    let path = format!("/users/{}", user.id);
    assert_eq!(admin.get(&path).min_version(1).send().await.document::<UserDocument>(200), user);
    let changed: UserDocument = admin.put(&path).json(&json!({ "name": "Amazing Grace" })).send().await.document(200);
    assert_eq!(admin.get(&path).min_version(2).send().await.document::<UserDocument>(200), changed);
}
