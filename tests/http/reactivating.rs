//! Opening an account again that was closed.

use muster_domain::TeamId;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use muster_tests::server::Server;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::oidc;
use crate::page::walk;
use crate::second_factors::challenged;
use crate::support::{PASSWORD, Person, admin, eventually, log_in, member, new_email, nobody, person, person_of, team};

/// What an administrator gives them to begin with anew.
const ANEW: &str = "another passphrase for tests";

async fn close(person: &Person) {
    admin().await.delete(&format!("/users/{}", person.id)).send().await.is(200);
}

async fn reopen(person: &Person, body: &Value) -> Answer {
    admin().await.post(&format!("/users/{}/reactivate", person.id)).json(body).send().await
}

/// That the account was closed and opened, in the access log: what, and by whom.
async fn logged(person: &Person) -> Vec<(String, Value)> {
    let entries = walk(&admin().await, &format!("/audit/access?about={}&outcome=allowed", person.id), 50).await;
    let entries =
        entries.into_iter().map(|mut entry| (entry["kind"].as_str().unwrap().to_owned(), entry["actor"].take()));
    let mut entries: Vec<_> = entries.filter(|(kind, _)| kind.starts_with("account_")).collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    entries
}

#[tokio::test]
pub(crate) async fn an_account_that_is_opened_again_is_what_it_was_with_a_new_password() {
    let (admin, back) = (admin().await, person(Role::Manager).await);
    let team: TeamId = team(&[&back]).await;
    back.client.put("/profile").json(&json!({ "name": "Back Again", "phone": "+1 555 0123" })).send().await.is(200);
    close(&back).await;

    let opened: UserDocument = reopen(&back, &json!({ "password": ANEW })).await.document(200);

    assert_eq!((opened.version, opened.active, opened.role), (5, true, Role::Manager));
    assert_eq!((opened.name.as_str(), opened.email.as_deref()), ("Back Again", Some(back.email.as_str())));
    assert_eq!((opened.phone.as_deref(), &opened.teams[..]), (Some("+1 555 0123"), &[team][..]));
    let path = format!("/users/{}", back.id);
    assert_eq!(admin.get(&path).min_version(5).send().await.document::<UserDocument>(200), opened);
    let listed = eventually("the directory has them among the active", async || {
        let page = admin.get(&format!("/users?team_id={team}&active=true")).send().await.is(200).value();
        page["items"].as_array().unwrap().iter().find(|user| user["version"] == 5).cloned()
    });
    assert_eq!(listed.await["id"], json!(back.id));
    let nobody = nobody().await;
    log_in(&nobody, &back.email, PASSWORD).await.problem(401, "wrong_credentials");
    let tokens = log_in(&nobody, &back.email, ANEW).await.is(200).value();
    let client = nobody.with_token(tokens["access_token"].as_str().unwrap());
    client.post("/tasks").json(&json!({ "title": "Where was I", "team_id": team })).send().await.is(201);
    let chief = admin.get("/profile").send().await.is(200).value()["id"].take();
    let by_chief = |kind: &str| (kind.to_owned(), chief.clone());
    assert_eq!(logged(&back).await, [by_chief("account_closed"), by_chief("account_reopened")]);
    let history = admin.get(&format!("{path}/export")).send().await.is(200).value()["history"].take();
    let types: Vec<_> = history.as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types[3..], ["UserDeactivated", "UserReactivated"]);
}

#[tokio::test]
async fn nothing_with_which_they_signed_in_before_is_good_again() {
    let back = member().await;
    let token = json!({ "name": "Nightly report", "scopes": ["tasks:read"] });
    let token = back.client.post("/tokens").json(&token).send().await.is(201).value()["token"].take();
    let nobody = nobody().await;
    close(&back).await;
    reopen(&back, &json!({ "password": PASSWORD })).await.is(200);
    for bearer in [back.client.token(), token.as_str().unwrap()] {
        nobody.with_token(bearer).get("/tasks").send().await.problem(401, "unauthenticated");
    }
    let refresh = json!({ "refresh_token": back.refresh_token });
    nobody.post("/users/refresh").json(&refresh).send().await.problem(401, "wrong_credentials");
    log_in(&nobody, &back.email, PASSWORD).await.is(200);
}

#[tokio::test]
async fn a_second_factor_goes_with_the_account_and_does_not_come_back() {
    let challenge = challenged().await;
    let client = nobody().await;
    let tokens = client.post("/users/login/second-factor").json(&challenge).send().await.is(200).value();
    let own = client.with_token(tokens["access_token"].as_str().unwrap());
    let account: UserDocument = own.get("/profile").send().await.document(200);
    let path = format!("/users/{}", account.id);
    admin().await.delete(&path).send().await.is(200);
    let body = json!({ "password": ANEW });
    admin().await.post(&format!("{path}/reactivate")).json(&body).send().await.is(200);
    log_in(&client, account.email.as_deref().unwrap(), ANEW).await.is(200);
}

#[tokio::test]
async fn without_a_password_somebody_signs_in_with_an_outside_issuer_as_before() {
    let (admin, claims) = (admin().await, oidc::somebody());
    let (_, id) = oidc::signed_in(&oidc::sign_in("open", &claims).await).await;
    let path = format!("/users/{id}");
    admin.delete(&path).send().await.is(200);
    oidc::sign_in("open", &claims).await.problem(403, "not_admitted");
    admin.post(&format!("{path}/reactivate")).json(&json!({})).send().await.is(200);
    assert_eq!(oidc::signed_in(&oidc::sign_in("open", &claims).await).await.1, id);
    let email = claims["email"].as_str().unwrap();
    for password in [PASSWORD, ANEW] {
        log_in(&nobody().await, email, password).await.problem(401, "wrong_credentials");
    }
}

/// The administrator of a server.
async fn chief_of(server: &Server) -> Client {
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}

/// A server that sends no letters, where people sign in with this one of the issuers.
async fn without_letters(issuer: &str) -> Server {
    let all = oidc::settings();
    let all = all["providers"].as_array().unwrap().iter();
    let chosen: Vec<_> = all.filter(|provider| provider["id"] == issuer).collect();
    Server::start_with_issuers(&json!({ "providers": chosen }), vec![]).await
}

/// Somebody signs in there.
async fn come_in(client: &Client, issuer: &str, claims: &Value) -> Answer {
    let begun = oidc::begin(client, issuer).await;
    let body = oidc::body(&oidc::issuer().sign_in(&begun.url, claims.clone()), &begun.binding);
    oidc::finish(client, issuer, &body).await
}

#[tokio::test]
async fn where_nobody_gets_in_without_a_password_an_account_is_opened_with_one_alone() {
    let server = Server::start().await;
    let admin = chief_of(&server).await;
    let back = person_of(&admin, Role::Member).await;
    let path = format!("/users/{}", back.id);
    admin.delete(&path).send().await.is(200);
    let reopen = async |body: Value| admin.post(&format!("{path}/reactivate")).json(&body).send().await;

    let problem = reopen(json!({})).await.problem(409, "mail_not_configured");

    assert_eq!(problem["detail"], "Give the account a password.");
    let account: UserDocument = admin.get(&path).min_version(2).send().await.document(200);
    assert_eq!((account.version, account.active), (2, false), "it stays closed");
    reopen(json!({ "password": ANEW })).await.is(200);
    log_in(&admin.anonymous(), &back.email, ANEW).await.is(200);
}

#[tokio::test]
async fn an_issuer_that_knows_somebody_lets_them_in_where_no_letters_are_sent_and_nobody_else() {
    let server = without_letters("open").await;
    let (admin, claims) = (chief_of(&server).await, oidc::somebody());
    let tokens = come_in(&admin.anonymous(), "open", &claims).await.is(200).value();
    let path = format!("/users/{}", tokens["user_id"].as_str().unwrap());
    admin.delete(&path).send().await.is(200);

    admin.post(&format!("{path}/reactivate")).json(&json!({})).send().await.is(200);

    let again = come_in(&admin.anonymous(), "open", &claims).await.is(200).value();
    assert_eq!(again["user_id"], tokens["user_id"]);
    // Whoever has an account already signs up with no issuer.
    let other = json!({ "name": "Ben", "email": new_email() });
    admin.post("/users").json(&other).send().await.problem(409, "mail_not_configured");
    let known = person_of(&admin, Role::Member).await;
    admin.delete(&format!("/users/{}", known.id)).send().await.is(200);
    let reopen = admin.post(&format!("/users/{}/reactivate", known.id)).json(&json!({}));
    reopen.send().await.problem(409, "mail_not_configured");
}

#[tokio::test]
async fn an_issuer_that_is_trusted_with_addresses_lets_in_whoever_has_the_address() {
    let server = without_letters("linking").await;
    let (admin, claims) = (chief_of(&server).await, oidc::somebody());
    let body = json!({ "name": "Ada", "email": claims["email"] });

    let made: UserDocument = admin.post("/users").json(&body).send().await.document(201);

    let tokens = come_in(&admin.anonymous(), "linking", &claims).await.is(200).value();
    assert_eq!(tokens["user_id"], json!(made.id));
    let back = person_of(&admin, Role::Member).await;
    admin.delete(&format!("/users/{}", back.id)).send().await.is(200);
    admin.post(&format!("/users/{}/reactivate", back.id)).json(&json!({})).send().await.is(200);
}

#[tokio::test]
async fn only_a_closed_account_is_opened_and_one_that_is_open_keeps_its_password() {
    let open = member().await;
    let problem = reopen(&open, &json!({ "password": ANEW })).await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the user is active");
    log_in(&nobody().await, &open.email, ANEW).await.problem(401, "wrong_credentials");
    log_in(&nobody().await, &open.email, PASSWORD).await.is(200);
    open.client.get("/profile").send().await.is(200);
}

#[tokio::test]
async fn who_was_erased_does_not_come_back() {
    let gone = member().await;
    close(&gone).await;
    let confirm = json!({ "confirm": gone.id });
    admin().await.post(&format!("/users/{}/erase", gone.id)).json(&confirm).send().await.is(200);
    for body in [json!({}), json!({ "password": ANEW })] {
        reopen(&gone, &body).await.problem(409, "person_erased");
    }
    let path = format!("/users/{}", gone.id);
    let account: UserDocument = admin().await.get(&path).min_version(3).send().await.document(200);
    assert_eq!((account.version, account.active), (3, false));
}

#[tokio::test]
async fn an_address_that_somebody_else_has_by_now_is_in_the_way_until_they_change_it() {
    let (admin, back) = (admin().await, member().await);
    close(&back).await;
    let body = json!({ "name": "Successor", "email": back.email.to_uppercase(), "password": PASSWORD });
    let other: UserDocument = admin.post("/users").json(&body).send().await.document(201);
    reopen(&back, &json!({ "password": ANEW })).await.problem(409, "email_taken");
    log_in(&nobody().await, &back.email, ANEW).await.problem(401, "wrong_credentials");
    let body = json!({ "email": new_email() });
    admin.put(&format!("/users/{}", other.id)).json(&body).send().await.is(200);
    reopen(&back, &json!({ "password": ANEW })).await.is(200);
    log_in(&nobody().await, &back.email, ANEW).await.is(200);
}

#[tokio::test]
async fn what_is_wrong_with_the_password_is_said_and_the_account_stays_closed() {
    let back = member().await;
    close(&back).await;
    for wrong in ["short", "password", &"x".repeat(129)] {
        reopen(&back, &json!({ "password": wrong })).await.wrong_fields(&["/password"]);
    }
    let path = format!("/users/{}/reactivate", back.id);
    let stale = admin().await.post(&path).if_match(1).json(&json!({ "password": ANEW })).send().await;
    assert_eq!(stale.problem(412, "stale_version")["version"], 2);
    log_in(&nobody().await, &back.email, ANEW).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn opening_an_account_twice_under_one_key_is_opening_it_once() {
    let (admin, back, key) = (admin().await, member().await, Uuid::new_v4().to_string());
    close(&back).await;
    let send = async |password: &str| {
        let body = json!({ "password": password });
        admin.post(&format!("/users/{}/reactivate", back.id)).key(&key).json(&body).send().await
    };
    let first: UserDocument = send(ANEW).await.document(200);
    let tokens = log_in(&nobody().await, &back.email, ANEW).await.is(200).value();
    let client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    assert_eq!(send(ANEW).await.document::<UserDocument>(200), first);
    send(PASSWORD).await.problem(422, "idempotency_key_reused");
    client.get("/profile").send().await.is(200);
    assert_eq!(logged(&back).await.len(), 2, "closed once and opened once");
    close(&back).await;
    assert_eq!(send(ANEW).await.document::<UserDocument>(200), first, "as it was answered then");
    log_in(&nobody().await, &back.email, ANEW).await.problem(401, "wrong_credentials");
    let now: UserDocument = admin.get(&format!("/users/{}", back.id)).min_version(4).send().await.document(200);
    assert_eq!((now.version, now.active), (4, false), "a repeat opens nothing");
}

#[tokio::test]
async fn nobody_but_an_administrator_opens_an_account_and_no_api_token_does() {
    let back = member().await;
    close(&back).await;
    let path = format!("/users/{}/reactivate", back.id);
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        person(role).await.client.post(&path).json(&json!({ "password": ANEW })).send().await.problem(403, "forbidden");
    }
    let chief = person(Role::Admin).await;
    let token = crate::api_tokens::made(&chief.client, &["users:write", "tasks:read"]).await.client;
    token.post(&path).json(&json!({ "password": ANEW })).send().await.problem(403, "session_required");
    log_in(&nobody().await, &back.email, ANEW).await.problem(401, "wrong_credentials");
}
