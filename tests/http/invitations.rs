//! Invitations: who may invite, what they give, and that each makes one account.

use futures::future::join_all;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use muster_tests::server::Server;
use muster_tests::smtp::{Received, Smtp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{PASSWORD, admin, eventually, log_in, member, new_email, nobody, person, smtp, team};

/// Invites somebody, as the first administrator.
async fn invite(email: &str, more: Value) -> Value {
    let mut body = json!({ "email": email });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    admin().await.post("/invitations").json(&body).send().await.is(201).value()
}

/// The token in the letter.
async fn token(email: &str) -> String {
    smtp().letter(email, "You are invited").await.invitation().to_owned()
}

/// A token of somebody who is invited.
pub(crate) async fn a_token() -> String {
    let email = new_email();
    invite(&email, json!({})).await;
    token(&email).await
}

async fn take(token: &str, more: Value) -> Answer {
    let mut body = json!({ "name": "Ada", "password": PASSWORD, "invitation": token });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    nobody().await.post("/users/signup").json(&body).send().await
}

async fn open() -> Vec<Value> {
    walk(&admin().await, "/invitations", 200).await
}

async fn is_open(id: &Value) -> bool {
    open().await.iter().any(|invitation| invitation["id"] == *id)
}

#[tokio::test]
pub(crate) async fn whoever_is_invited_gets_a_letter_and_signs_up_as_the_invitation_says() {
    let (email, team) = (new_email(), team(&[]).await);
    let made = invite(&email, json!({ "name": "A guest", "role": "manager", "teams": [team, team] })).await;
    assert_eq!((&made["email"], &made["name"], &made["role"]), (&json!(email), &json!("A guest"), &json!("manager")));
    assert_eq!((&made["teams"], &made["link"]), (&json!([team]), &Value::Null));
    let token = token(&email).await;

    let user: UserDocument = take(&token, json!({ "email": email.to_uppercase() })).await.document(201);

    assert_eq!((user.email.as_deref(), user.role, user.teams), (Some(email.as_str()), Role::Manager, vec![team]));
    log_in(&nobody().await, &email, PASSWORD).await.is(200);
    assert!(!is_open(&made["id"]).await);
    let trail = async |kind: &str| {
        let all = walk(&admin().await, &format!("/audit/access?kind={kind}"), 200).await;
        let subject = format!("invitation#{}", made["id"].as_str().unwrap());
        all.into_iter().filter(|entry| entry["subject"] == subject).collect::<Vec<_>>()
    };
    let (offered, accepted) = (trail("invitation_made").await, trail("invitation_taken").await);
    assert_eq!((offered.len(), &offered[0]["actor"]), (1, &made["invited_by"]));
    assert_eq!((accepted.len(), &accepted[0]["actor"]), (1, &json!(user.id)));
}

#[tokio::test]
pub(crate) async fn the_list_has_the_invitations_that_nobody_has_taken() {
    let (first, second) = (invite(&new_email(), json!({})).await, invite(&new_email(), json!({})).await);
    let sent = crate::support::eventually("both letters are sent", async || {
        let open = open().await;
        let sent = |made: &Value| open.iter().find(|one| one["id"] == made["id"] && !one["sent_at"].is_null()).cloned();
        sent(&first).zip(sent(&second))
    })
    .await;
    for (made, listed) in [(&first, &sent.0), (&second, &sent.1)] {
        for key in ["email", "name", "role", "teams", "invited_by", "created_at", "expires_at"] {
            assert_eq!(made[key], listed[key], "{key}");
        }
        assert!(listed.get("link").is_none(), "a link is in no list");
    }
    let place = async |sort: &str| {
        let all = walk(&admin().await, &format!("/invitations{sort}"), 200).await;
        [&first, &second].map(|made| all.iter().position(|one| one["id"] == made["id"]).expect("it is open"))
    };
    for (sort, newest_first) in [("", true), ("?sort=-created", true), ("?sort=created", false)] {
        let [first, second] = place(sort).await;
        assert_eq!(second < first, newest_first, "{sort}");
    }
    let auditor = person(Role::Auditor).await;
    auditor.client.get("/invitations?limit=1").send().await.is(200);
    for wrong in ["limit=0", "cursor=x"] {
        let name = wrong.split('=').next().unwrap();
        admin().await.get(&format!("/invitations?{wrong}")).send().await.wrong_parameters(&[name]);
    }
}

#[tokio::test]
pub(crate) async fn an_invitation_that_is_withdrawn_is_good_for_nothing() {
    let email = new_email();
    let made = invite(&email, json!({})).await;
    let token = token(&email).await;
    let path = format!("/invitations/{}", made["id"].as_str().unwrap());

    admin().await.delete(&path).send().await.is(204);

    assert!(!is_open(&made["id"]).await);
    let revoked = walk(&admin().await, "/audit/access?kind=invitation_revoked", 200).await;
    let subject = format!("invitation#{}", made["id"].as_str().unwrap());
    let revoked: Vec<_> = revoked.iter().filter(|entry| entry["subject"] == subject).collect();
    assert_eq!((revoked.len(), &revoked[0]["actor"]), (1, &made["invited_by"]));
    take(&token, json!({})).await.problem(403, "link_not_good");
    log_in(&nobody().await, &email, PASSWORD).await.problem(401, "wrong_credentials");
    admin().await.delete(&path).send().await.problem(404, "not_found");
    let other = new_email();
    let made = invite(&other, json!({})).await;
    take(&self::token(&other).await, json!({})).await.is(201);
    let path = format!("/invitations/{}", made["id"].as_str().unwrap());
    admin().await.delete(&path).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn of_twenty_who_use_an_invitation_at_once_one_gets_the_account() {
    let email = new_email();
    invite(&email, json!({})).await;
    let token = token(&email).await;
    let passwords: Vec<String> = (0..20).map(|n| format!("passphrase number {n}")).collect();

    let answers = join_all(passwords.iter().map(|password| take(&token, json!({ "password": password })))).await;

    let winners: Vec<_> = passwords.iter().zip(&answers).filter(|(_, answer)| answer.status == 201).collect();
    assert_eq!(winners.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(403, "link_not_good");
    }
    let tokens = log_in(&nobody().await, &email, winners[0].0).await.is(200).value();
    assert_eq!(tokens["user_id"], winners[0].1.value()["id"]);
}

#[tokio::test]
async fn a_sign_up_by_invitation_that_is_sent_again_is_the_same_account() {
    let (email, team) = (new_email(), team(&[]).await);
    invite(&email, json!({ "teams": [team] })).await;
    let token = token(&email).await;
    let answers = join_all((0..4).map(|_| take(&token, json!({})))).await;
    let first: UserDocument = answers[0].document(201);
    assert!(answers.iter().all(|answer| answer.document::<UserDocument>(201).id == first.id));
    assert_eq!(take(&token, json!({})).await.document::<UserDocument>(201).id, first.id);

    // Whoever left the team stays out of it.
    let path = format!("/teams/{team}/members/{}", first.id);
    admin().await.delete(&path).send().await.is(200);
    take(&token, json!({})).await.is(201);
    let now: UserDocument =
        admin().await.get(&format!("/users/{}", first.id)).min_version(3).send().await.document(200);
    assert_eq!(now.teams, []);
    for other in [json!({ "password": "another passphrase" }), json!({ "name": "Ben" })] {
        take(&token, other).await.problem(403, "link_not_good");
    }
}

#[tokio::test]
async fn an_invitation_gives_what_it_says_to_whom_it_says() {
    let email = new_email();
    invite(&email, json!({ "role": "auditor" })).await;
    let token = token(&email).await;
    take(&token, json!({ "email": new_email() })).await.wrong_fields(&["/email"]);
    take(&token, json!({ "role": "admin" })).await.wrong_fields(&["/role"]);
    take(&token, json!({ "password": "short", "role": "member" })).await.wrong_fields(&["/password", "/role"]);
    let user: UserDocument = take(&token, json!({ "role": "auditor" })).await.document(201);
    assert_eq!(user.role, Role::Auditor);
}

#[tokio::test]
async fn what_is_no_invitation_signs_nobody_up() {
    let (email, member) = (new_email(), member().await);
    invite(&email, json!({})).await;
    let token = token(&email).await;
    let reset = crate::password_resets::a_token().await;
    let mut forged = token.clone().into_bytes();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for wrong in ["", "none", &token[1..], &format!("{token}A"), &forged, &reset, member.client.token()] {
        take(wrong, json!({ "email": email })).await.problem(403, "link_not_good");
    }
    log_in(&nobody().await, &email, PASSWORD).await.problem(401, "wrong_credentials");
    take(&token, json!({})).await.is(201);
}

#[tokio::test]
async fn an_invitation_is_worth_what_whoever_made_it_may_give() {
    let inviter = person(Role::Admin).await;
    let email = new_email();
    inviter.client.post("/invitations").json(&json!({ "email": email, "role": "admin" })).send().await.is(201);
    let token = token(&email).await;
    let path = format!("/users/{}", inviter.id);
    admin().await.put(&path).json(&json!({ "role": "member" })).send().await.is(200);

    take(&token, json!({})).await.problem(403, "link_not_good");

    admin().await.put(&path).json(&json!({ "role": "admin" })).send().await.is(200);
    admin().await.delete(&path).send().await.is(200);
    take(&token, json!({})).await.problem(403, "link_not_good");
    log_in(&nobody().await, &email, PASSWORD).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn only_an_administrator_invites_and_only_whom_there_is_no_account_for() {
    let (admin, member) = (admin().await, member().await);
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let body = json!({ "email": new_email() });
        person(role).await.client.post("/invitations").json(&body).send().await.problem(403, "forbidden");
    }
    let post = async |body: Value| admin.post("/invitations").json(&body).send().await;
    post(json!({ "email": member.email.to_uppercase() })).await.problem(409, "email_taken");
    let wrong = json!({ "email": "ada", "name": " ", "teams": [Uuid::new_v4()] });
    post(wrong).await.wrong_fields(&["/email", "/name", "/teams"]);
}

#[tokio::test]
async fn an_invitation_that_is_sent_again_is_the_same_one() {
    let (admin, email, key) = (admin().await, new_email(), Uuid::new_v4().to_string());
    let send = async |body: Value| admin.post("/invitations").key(&key).json(&body).send().await;
    let first = send(json!({ "email": email })).await.is(201).value();
    let token = token(&email).await;
    let again = send(json!({ "email": email })).await.is(201).value();
    assert_eq!((&first["id"], &first["expires_at"]), (&again["id"], &again["expires_at"]));
    send(json!({ "email": email, "role": "admin" })).await.problem(422, "idempotency_key_reused");
    take(&token, json!({})).await.is(201);
    assert_eq!(send(json!({ "email": email })).await.is(201).value()["id"], first["id"], "also when it was taken");
}

#[tokio::test]
async fn an_invitation_that_is_sent_again_after_it_was_withdrawn_stays_withdrawn() {
    let (admin, email, key) = (admin().await, new_email(), Uuid::new_v4().to_string());
    let send = async |key: &str| admin.post("/invitations").key(key).json(&json!({ "email": email })).send().await;
    let made = send(&key).await.is(201).value();
    let token = token(&email).await;
    admin.delete(&format!("/invitations/{}", made["id"].as_str().unwrap())).send().await.is(204);

    send(&key).await.problem(409, "conflict");

    assert!(!is_open(&made["id"]).await);
    take(&token, json!({})).await.problem(403, "link_not_good");
    let invited = walk(&admin, "/audit/access?kind=invitation_made", 200).await;
    let subject = format!("invitation#{}", made["id"].as_str().unwrap());
    assert_eq!(invited.iter().filter(|entry| entry["subject"] == subject).count(), 1);
    let letters = |all: &[Received]| all.iter().filter(|letter| letter.header("Subject") == "You are invited").count();
    assert_eq!(letters(&smtp().to(&email)), 1);
    // Under another key it is another invitation.
    send(&Uuid::new_v4().to_string()).await.is(201);
    eventually("its letter", async || (letters(&smtp().to(&email)) == 2).then_some(())).await;
}

#[tokio::test]
async fn where_an_invitation_is_needed_nobody_signs_up_without_one() {
    let smtp = Smtp::start();
    let mut environment = smtp.environment();
    environment.push(("MUSTER_SIGNUP", "invitation".to_owned()));
    let server = Server::start_with(environment).await;
    let client = Client::new(&server.base_url);
    assert_eq!(client.get("/users/signup").send().await.is(200).value(), json!({ "policy": "invitation" }));
    let email = new_email();
    let sign_up = async |more: Value| {
        let mut body = json!({ "name": "Ada", "email": email, "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.post("/users/signup").json(&body).send().await
    };
    sign_up(json!({})).await.problem(403, "invitation_required");
    sign_up(json!({ "invitation": "none" })).await.problem(403, "link_not_good");
    let admin = signed_in(&client, &server).await;
    admin.post("/invitations").json(&json!({ "email": email })).send().await.is(201);
    let token = smtp.letter(&email, "You are invited").await.invitation().to_owned();

    sign_up(json!({ "invitation": token })).await.is(201);

    let refused = walk(&admin, "/audit/access?kind=sign_up_refused", 50).await;
    assert_eq!(refused.len(), 2, "{refused:?}");
}

#[tokio::test]
async fn where_no_letters_are_sent_the_administrator_gets_the_link_and_where_sign_up_is_closed_nobody_does() {
    let mut server = Server::start_with(vec![("MUSTER_PUBLIC_URL", "https://tasks.example.com/".to_owned())]).await;
    let (client, email) = (Client::new(&server.base_url), new_email());
    let admin = signed_in(&client, &server).await;
    let body = json!({ "email": email });
    let send = async || admin.post("/invitations").key("once").json(&body).send().await;
    let answer = send().await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.is(201).value();
    assert_eq!(send().await.is(201).value()["link"], made["link"], "a lost answer loses no link");
    let link = made["link"].as_str().unwrap();
    let token = link.strip_prefix("https://tasks.example.com/sign-up#invitation=").unwrap();
    assert!(!server.logged().contains(token), "{}", server.logged());

    server.end("TERM").await;
    server.set("MUSTER_SIGNUP", "closed");
    server.start_again().await;
    let client = Client::new(&server.base_url);
    let sign_up = json!({ "name": "Ada", "password": PASSWORD, "invitation": token });
    client.post("/users/signup").json(&sign_up).send().await.problem(403, "signup_closed");
    let admin = signed_in(&client, &server).await;
    let body = json!({ "email": new_email() });
    admin.post("/invitations").json(&body).send().await.problem(403, "signup_closed");

    server.end("TERM").await;
    server.set("MUSTER_SIGNUP", "open");
    server.start_again().await;
    let client = Client::new(&server.base_url);
    client.post("/users/signup").json(&sign_up).send().await.is(201);
    log_in(&client, &email, PASSWORD).await.is(200);
}

async fn signed_in(client: &Client, server: &Server) -> Client {
    let tokens = log_in(client, &server.admin_email, &server.admin_password).await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}
