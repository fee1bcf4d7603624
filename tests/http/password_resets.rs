//! A new password by a letter: for whoever reads the account's mail, and for nobody else.

use futures::future::join_all;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use muster_tests::server::Server;
use muster_tests::smtp::{Received, Smtp};
use serde_json::{Value, json};

use crate::api_tokens::made;
use crate::oidc;
use crate::page::walk;
use crate::second_factors::Protected;
use crate::support::{PASSWORD, Person, admin, log_in, member, new_email, nobody, smtp};

const NEW: &str = "a new passphrase for tests";
const SUBJECT: &str = "Set a new password";

async fn ask(email: &str) -> Answer {
    nobody().await.post("/users/password-reset").json(&json!({ "email": email })).send().await
}

async fn confirm(token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    nobody().await.post("/users/password-reset/confirm").json(&body).send().await
}

/// The letter that comes when it is asked for.
async fn letter(email: &str) -> Received {
    let before = smtp().to(email).iter().filter(|letter| letter.header("Subject") == SUBJECT).count();
    ask(email).await.is(202);
    crate::support::eventually("the letter", async || {
        let letters = smtp().to(email);
        let mut letters = letters.into_iter().filter(|letter| letter.header("Subject") == SUBJECT);
        letters.nth(before)
    })
    .await
}

/// A token of somebody with an account.
pub(crate) async fn a_token() -> String {
    letter(&member().await.email).await.reset_token().to_owned()
}

/// The entries of the access log of this kind about somebody, newest first.
async fn entries(who: &Person, kind: &str) -> Vec<Value> {
    let all = walk(&admin().await, &format!("/audit/access?kind={kind}"), 200).await;
    let of = |entry: &Value| entry["subject"] == format!("user#{}", who.id) || entry["actor"] == who.id.to_string();
    all.into_iter().filter(of).collect()
}

#[tokio::test]
pub(crate) async fn whoever_forgot_their_password_gets_a_letter_with_a_link_that_is_good_once() {
    let member = member().await;
    let letter = letter(&member.email).await;
    assert_eq!(letter.to, [member.email.as_str()]);
    assert_eq!(letter.from, "muster@example.com");
    assert_eq!(letter.header("From"), "Muster <muster@example.com>");
    assert_eq!(letter.header("To"), member.email);
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert_eq!(letter.header("Content-Type"), "text/plain; charset=utf-8");
    chrono::DateTime::parse_from_rfc2822(letter.header("Date")).expect("a date");
    let id = letter.header("Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@example.com>"), "{id}");

    confirm(letter.reset_token(), NEW).await.is(204);

    let nobody = nobody().await;
    log_in(&nobody, &member.email, PASSWORD).await.problem(401, "wrong_credentials");
    log_in(&nobody, &member.email, NEW).await.is(200);
    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    confirm(letter.reset_token(), "yet another passphrase").await.problem(403, "link_not_good");
    log_in(&nobody, &member.email, NEW).await.is(200);
}

#[tokio::test]
pub(crate) async fn the_answer_is_the_same_whether_anybody_has_the_address_or_not() {
    let (member, closed, unknown) = (member().await, member().await, new_email());
    admin().await.delete(&format!("/users/{}", closed.id)).send().await.is(200);

    let known = ask(&member.email).await;
    for email in [&unknown, &closed.email] {
        let answer = ask(email).await;
        assert_eq!((answer.is(202).status, &answer.text), (known.is(202).status, &known.text));
    }

    smtp().letter(&member.email, SUBJECT).await;
    let written = entries(&member, "password_reset_asked").await;
    assert_eq!((written.len(), &written[0]["outcome"]), (1, &json!("allowed")));
    // What is done for the others is done when it is written down.
    let refused = crate::support::eventually("both are in the access log", async || {
        let all = walk(&admin().await, "/audit/access?kind=password_reset_asked&outcome=refused", 200).await;
        let nobodys = |entry: &&Value| entry["reason"] == "nobody has this address";
        (all.iter().filter(nobodys).count() >= 2).then_some(all)
    })
    .await;
    assert!(refused.iter().all(|entry| !entry.to_string().contains(unknown.split('@').next().unwrap())));
    assert_eq!(smtp().to(&unknown), []);
    assert!(smtp().to(&closed.email).iter().all(|letter| letter.header("Subject") != SUBJECT));
}

#[tokio::test]
async fn whoever_signs_in_with_an_outside_issuer_alone_gets_no_password_by_a_letter() {
    let ada = oidc::somebody();
    let (email, (_, id)) = (ada["email"].as_str().unwrap(), oidc::signed_in(&oidc::sign_in("open", &ada).await).await);

    ask(email).await.is(202);

    let why = crate::support::eventually("it is in the access log", async || {
        let all = walk(&admin().await, "/audit/access?kind=password_reset_asked&outcome=refused", 200).await;
        all.into_iter().find(|entry| entry["subject"] == format!("user#{id}"))
    })
    .await;
    assert_eq!(why["reason"], "they sign in with an outside issuer alone");
    assert_eq!(smtp().to(email), []);
    oidc::signed_in(&oidc::sign_in("open", &ada).await).await;
}

#[tokio::test]
async fn a_letter_goes_to_the_address_as_its_owner_writes_it() {
    let member = member().await;
    ask(&format!(" {} ", member.email.to_uppercase())).await.is(202);
    smtp().letter(&member.email, SUBJECT).await;
}

#[tokio::test]
pub(crate) async fn of_twenty_who_use_a_link_at_once_one_sets_the_password() {
    let member = member().await;
    let token = letter(&member.email).await.reset_token().to_owned();
    let passwords: Vec<String> = (0..20).map(|n| format!("passphrase number {n}")).collect();

    let answers = join_all(passwords.iter().map(|password| confirm(&token, password))).await;

    let winners: Vec<_> = passwords.iter().zip(&answers).filter(|(_, answer)| answer.status == 204).collect();
    assert_eq!(winners.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 204) {
        answer.problem(403, "link_not_good");
    }
    log_in(&nobody().await, &member.email, winners[0].0).await.is(200);
    assert_eq!(
        entries(&member, "password_reset").await.iter().filter(|entry| entry["outcome"] == "allowed").count(),
        1
    );
}

#[tokio::test]
async fn a_link_is_good_for_its_own_account_its_password_and_its_address_alone() {
    let nobody = nobody().await;
    // After the password was changed by whoever knew it.
    let changed = member().await;
    let token = letter(&changed.email).await.reset_token().to_owned();
    let body = json!({ "current_password": PASSWORD, "new_password": "another passphrase for tests" });
    changed.client.put("/profile/password").json(&body).send().await.is(204);
    confirm(&token, NEW).await.problem(403, "link_not_good");
    log_in(&nobody, &changed.email, "another passphrase for tests").await.is(200);

    // After another link was used.
    let twice = member().await;
    let first = letter(&twice.email).await.reset_token().to_owned();
    let second = letter(&twice.email).await.reset_token().to_owned();
    confirm(&second, NEW).await.is(204);
    confirm(&first, "yet another passphrase").await.problem(403, "link_not_good");
    log_in(&nobody, &twice.email, NEW).await.is(200);

    // After the address was changed: whoever reads the old one gets in no longer.
    let moved = member().await;
    let token = letter(&moved.email).await.reset_token().to_owned();
    let email = new_email();
    moved.client.put("/profile").json(&json!({ "email": email })).send().await.is(200);
    confirm(&token, NEW).await.problem(403, "link_not_good");
    log_in(&nobody, &email, PASSWORD).await.is(200);

    // After the account was closed.
    let closed = member().await;
    let token = letter(&closed.email).await.reset_token().to_owned();
    admin().await.delete(&format!("/users/{}", closed.id)).send().await.is(200);
    confirm(&token, NEW).await.problem(403, "link_not_good");
    let refused = entries(&closed, "password_reset").await;
    assert_eq!((refused.len(), &refused[0]["outcome"]), (1, &json!("refused")));
}

#[tokio::test]
async fn what_is_no_link_sets_no_password() {
    let (admin, member) = (admin().await, member().await);
    let token = letter(&member.email).await.reset_token().to_owned();
    let invited = new_email();
    admin.post("/invitations").json(&json!({ "email": invited })).send().await.is(201);
    let invitation = smtp().letter(&invited, "You are invited").await.invitation().to_owned();
    let turned: String = token.chars().rev().collect();
    for wrong in [
        "",
        "none",
        &token[1..],
        &format!("{token}A"),
        &turned,
        &invitation,
        member.client.token(),
        &member.refresh_token,
        &"x".repeat(1024),
    ] {
        confirm(wrong, NEW).await.problem(403, "link_not_good");
    }
    log_in(&nobody().await, &member.email, PASSWORD).await.is(200);
}

#[tokio::test]
async fn a_password_that_is_no_good_does_not_use_up_the_link() {
    let member = member().await;
    let token = letter(&member.email).await.reset_token().to_owned();
    for password in ["short", "password1", &"x".repeat(129)] {
        confirm(&token, password).await.wrong_fields(&["/new_password"]);
    }
    confirm(&token, NEW).await.is(204);
}

#[tokio::test]
async fn whoever_has_a_second_factor_needs_it_after_a_new_password() {
    let protected = Protected::new().await;
    let token = letter(&protected.person.email).await.reset_token().to_owned();
    confirm(&token, NEW).await.is(204);
    log_in(&nobody().await, &protected.person.email, NEW).await.problem(401, "second_factor_required");
}

#[tokio::test]
async fn an_account_gets_three_letters_in_half_an_hour_whoever_asks() {
    let member = member().await;
    for _ in 0..5 {
        ask(&member.email).await.is(202);
    }
    crate::support::eventually("all five are in the access log", async || {
        (entries(&member, "password_reset_asked").await.len() == 5).then_some(())
    })
    .await;
    let refused = entries(&member, "password_reset_asked").await;
    let refused = refused.iter().filter(|entry| entry["reason"] == "there are as many links as there may be").count();
    assert_eq!((refused, smtp().to(&member.email).len()), (2, 3));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_a_letter_is_named() {
    ask("ada at example.com").await.wrong_fields(&["/email"]);
    let nobody = nobody().await;
    nobody.post("/users/password-reset").json(&json!({})).send().await.wrong_fields(&["/email"]);
    let body = json!({ "token": "none", "password": NEW });
    let wrong = ["/password", "/new_password"];
    nobody.post("/users/password-reset/confirm").json(&body).send().await.wrong_fields(&wrong);
}

#[tokio::test]
async fn people_are_told_what_happened_to_their_account_whoever_did_it() {
    let protected = Protected::new().await;
    let (email, id) = (&protected.person.email, protected.person.id);
    smtp().letter(email, "A second factor was added").await;
    admin().await.delete(&format!("/users/{id}/second-factor")).send().await.is(204);
    smtp().letter(email, "Your second factor was removed").await;

    let member = member().await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEW });
    member.client.put("/profile/password").json(&body).send().await.is(204);
    let changed = smtp().letter(&member.email, "Your password was changed").await;
    assert!(!changed.raw.contains(PASSWORD) && !changed.raw.contains(NEW), "{changed:?}");

    let token = letter(&member.email).await.reset_token().to_owned();
    confirm(&token, "yet another passphrase").await.is(204);
    let was_set = smtp().letter(&member.email, "A new password was set").await;
    assert!(!was_set.raw.contains("passphrase") && !was_set.raw.contains(&token), "{was_set:?}");
}

#[tokio::test]
async fn people_are_told_of_each_new_way_to_their_account() {
    let (member, way) = (member().await, "There is another way to sign in to your account");
    oidc::link(&member.client, "known", &oidc::somebody()).await;
    smtp().letter(&member.email, way).await;
    let token = made(&member.client, &["tasks:read"]).await;
    let letter = smtp().letter(&member.email, "An API token was made").await;
    assert!(!letter.raw.contains(&token.token) && !letter.raw.contains("A program"), "{letter:?}");

    let by_address = crate::support::member().await;
    let claims = oidc::saying(&oidc::somebody(), &json!({ "email": by_address.email }));
    oidc::signed_in(&oidc::sign_in("linking", &claims).await).await;
    smtp().letter(&by_address.email, way).await;
}

#[tokio::test]
async fn a_changed_address_is_told_to_the_old_one_and_the_new_one_and_a_closed_account_to_its_own() {
    let (admin, member, new) = (admin().await, member().await, new_email());
    let path = format!("/users/{}", member.id);
    admin.put(&path).json(&json!({ "name": "Ada King", "email": new })).send().await.is(200);
    let changed = "The address of your account was changed";
    smtp().letter(&member.email, changed).await;
    let letter = smtp().letter(&new, changed).await;
    assert!(!letter.raw.contains(&member.email), "neither letter says what the other address is: {letter:?}");

    admin.delete(&path).send().await.is(200);
    smtp().letter(&new, "Your account was closed").await;
    assert_eq!(smtp().to(&member.email).len(), 1, "nothing more");
}

#[tokio::test]
pub(crate) async fn an_account_that_is_made_without_a_password_gets_a_letter_to_set_one() {
    let (admin, email) = (admin().await, new_email());
    let body = json!({ "name": "Ada", "email": email, "role": "manager" });
    let send = async || admin.post("/users").key(&email).json(&body).send().await.document::<UserDocument>(201);
    let user = send().await;
    assert_eq!((user.role, send().await), (Role::Manager, user.clone()));
    let nobody = nobody().await;
    for wrong in ["", PASSWORD] {
        log_in(&nobody, &email, wrong).await.problem(401, "wrong_credentials");
    }

    let letter = smtp().letter(&email, "Your account").await;
    confirm(letter.reset_token(), NEW).await.is(204);

    log_in(&nobody, &email, NEW).await.is(200);
    confirm(letter.reset_token(), PASSWORD).await.problem(403, "link_not_good");
    // A repeat of the creation with a password is another account, and its address is taken.
    let mut with_password = body.clone();
    with_password["password"] = json!(PASSWORD);
    admin.post("/users").key(&email).json(&with_password).send().await.problem(409, "email_taken");
    log_in(&nobody, &email, PASSWORD).await.problem(401, "wrong_credentials");
    assert_eq!(smtp().to(&email).iter().filter(|letter| letter.header("Subject") == "Your account").count(), 1);
}

#[tokio::test]
async fn where_no_letters_are_sent_the_routes_say_so() {
    let server = Server::start().await;
    let client = Client::new(&server.base_url);
    for email in [server.admin_email.as_str(), "nobody@example.com"] {
        let body = json!({ "email": email });
        client.post("/users/password-reset").json(&body).send().await.problem(409, "mail_not_configured");
    }
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let admin = client.with_token(tokens["access_token"].as_str().unwrap());
    let body = json!({ "name": "Ada", "email": "ada@example.com" });
    admin.post("/users").json(&body).send().await.problem(409, "mail_not_configured");
    assert!(server.logged().contains("no mail server is named"), "{}", server.logged());
}

#[tokio::test]
async fn a_mail_server_that_is_away_or_busy_gets_the_letter_when_it_is_back() {
    // A port at which nobody listens yet.
    let address = Smtp::start().address();
    let environment = vec![
        ("MUSTER_SMTP_URL", format!("smtp://{address}")),
        ("MUSTER_MAIL_FROM", "muster@example.com".to_owned()),
        ("MUSTER_PUBLIC_URL", muster_tests::smtp::PUBLIC_URL.to_owned()),
    ];
    let mut server = Server::start_with(environment).await;
    let client = Client::new(&server.base_url);

    let body = json!({ "email": server.admin_email });
    client.post("/users/password-reset").json(&body).send().await.is(202);
    server.until_logged("a letter was not sent; it is tried again").await;
    let smtp = Smtp::start_at(address);
    smtp.refuse(&[451]);

    let letter = smtp.letter(&server.admin_email, SUBJECT).await;
    assert_eq!((smtp.refused(), letter.reset_token().len()), (1, 43));
    assert!(!server.logged().contains(&server.admin_email), "{}", server.logged());
    assert!(!server.logged().contains(letter.reset_token()), "{}", server.logged());
}

#[tokio::test]
async fn a_letter_that_is_refused_for_good_is_in_the_programs_log_and_not_sent_again() {
    let smtp = Smtp::start();
    let mut server = Server::start_with(smtp.environment()).await;
    let client = Client::new(&server.base_url);
    smtp.refuse(&[550]);

    let body = json!({ "email": server.admin_email });
    client.post("/users/password-reset").json(&body).send().await.is(202);

    server.until_logged("the mail server refused it (550)").await;
    assert!(!server.logged().contains(&server.admin_email), "{}", server.logged());
    assert!(server.end("TERM").await.success());
    assert_eq!((smtp.refused(), smtp.to(&server.admin_email)), (1, vec![]));
}

#[tokio::test]
async fn a_mail_server_elsewhere_is_signed_in_to_under_tls_or_gets_nothing() {
    let smtp = Smtp::start_with_tls();
    let mut trusting = smtp.environment();
    trusting.push(("SSL_CERT_FILE", smtp.certificate().display().to_string()));
    let server = Server::start_with(trusting).await;
    let ask = async |server: &Server| {
        let body = json!({ "email": server.admin_email });
        Client::new(&server.base_url).post("/users/password-reset").json(&body).send().await.is(202).status
    };
    ask(&server).await;
    let letter = smtp.letter(&server.admin_email, SUBJECT).await;
    assert_eq!(letter.user.as_deref(), Some(muster_tests::smtp::USER));
    let log = server.logged();
    assert!(!log.contains(muster_tests::smtp::PASSWORD) && !log.contains("p%40ss"), "{log}");
    drop(server);

    // Nobody vouches for its certificate.
    let mut strict = Server::start_with(smtp.environment()).await;
    ask(&strict).await;
    strict.until_logged("a letter was not sent; it is tried again").await;
    assert_eq!(smtp.to(&strict.admin_email).len(), 1);
}
