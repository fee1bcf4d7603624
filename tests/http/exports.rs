//! Taking out all that is held of a person.

use std::collections::BTreeSet;

use muster_domain::UserId;
use muster_domain::user::{NotificationPreferences, Role};
use muster_tests::client::Client;
use serde_json::{Value, json};

use crate::oidc;
use crate::support::{
    PASSWORD, Person, admin, eventually, log_in, member, new_email, nobody, of_task, person, smtp, task, team,
};

/// The lists of a document.
const LISTS: [&str; 6] = ["sessions", "history", "tasks", "comments", "deeds", "access_log"];

/// All parts of what this client may take out at this path, their lists put together.
async fn export(client: &Client, path: &str) -> Value {
    let mut whole = client.get(path).send().await.is(200).value();
    while let Some(next) = whole["next"].as_str().map(str::to_owned) {
        let mut part = client.get(&format!("{path}?cursor={next}")).send().await.is(200).value();
        whole["next"] = part["next"].take();
        for list in LISTS {
            let more = part[list].as_array_mut().unwrap().drain(..).collect::<Vec<_>>();
            whole[list].as_array_mut().unwrap().extend(more);
        }
    }
    whole
}

async fn of(id: UserId) -> Value {
    export(&admin().await, &format!("/users/{id}/export")).await
}

fn texts(document: &Value, list: &str, field: &str) -> Vec<String> {
    let items = document[list].as_array().unwrap();
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

fn told() -> Value {
    let mut told = serde_json::to_value(NotificationPreferences::default()).unwrap();
    told["quiet_hours"] = json!({ "from": "22:00", "to": "06:30", "except_critical": false });
    told
}

/// Somebody of whom there is something of every kind.
async fn somebody() -> Person {
    let person = member().await;
    let known = json!({ "name": "Trillian Unmistakable", "phone": "+1 555 0142", "locale": "en-GB" });
    person.client.put("/profile").json(&known).send().await.is(200);
    person.client.put("/profile/notification-preferences").json(&told()).send().await.is(200);
    person
}

#[tokio::test]
pub(crate) async fn people_get_all_that_is_held_of_them() {
    let (me, other) = (somebody().await, person(Role::Admin).await);
    let elsewhere = oidc::link(&me.client, "known", &oidc::somebody()).await;
    let team = team(&[&me]).await;
    let mine = task(&me.client, json!({ "title": "Mine" })).await;
    let given = task(&other.client, json!({ "title": "Given to me", "assignee_id": me.id })).await;
    let foreign = task(&other.client, json!({ "title": "None of mine" })).await;
    let comment = json!({ "text": "The key is at the desk." });
    me.client.post(&of_task(given.id, "/comments")).json(&comment).send().await.is(201);
    other.client.delete(&format!("/users/{}/sessions", me.id)).send().await.is(204);
    let tokens = log_in(&nobody().await, &me.email, PASSWORD).await.is(200).value();
    let client = me.client.with_token(tokens["access_token"].as_str().unwrap());

    let held = eventually("the read models know all of it", async || {
        let held = export(&client, "/profile/export").await;
        let whole = held["tasks"].as_array().unwrap().len() == 2 && held["comments"].as_array().unwrap().len() == 1;
        (whole && held["account"]["teams"] == json!([team])).then_some(held)
    })
    .await;

    let account = &held["account"];
    assert_eq!((&account["name"], &account["phone"]), (&json!("Trillian Unmistakable"), &json!("+1 555 0142")));
    assert_eq!(account["email"], me.email);
    assert_eq!(held["notification_preferences"], told());
    assert_eq!(held["teams"][0]["id"], json!(team));
    assert_eq!(held["second_factor"], json!({ "on": false, "since": null, "recovery_codes_left": 0 }));
    let outside = held["outside_identities"].as_array().unwrap();
    assert_eq!((outside.len(), &outside[0]["id"], &outside[0]["provider"]), (1, &json!(elsewhere), &json!("known")));
    let sessions = held["sessions"].as_array().unwrap();
    assert_eq!(sessions.iter().filter(|session| session["ended_at"].is_null()).count(), 1);
    assert_eq!(sessions.len(), 2, "one that was ended too");
    assert!(sessions.iter().all(|session| session["address"] == "127.0.0.1"));
    assert_eq!(
        texts(&held, "history", "type"),
        ["UserRegistered", "UserProfileChanged", "UserNotificationPreferencesChanged", "UserJoinedTeam"]
    );
    assert_eq!(held["history"][0]["data"]["email"], me.email, "in the open");
    assert_eq!(held["history"][1]["data"]["phone"], json!({ "from": null, "to": "+1 555 0142" }));
    let tasks: BTreeSet<_> = held["tasks"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let titles: BTreeSet<_> = texts(&held, "tasks", "title").into_iter().collect();
    assert_eq!(titles, ["Given to me", "Mine"].map(str::to_owned).into(), "{tasks:?}");
    for item in held["tasks"].as_array().unwrap() {
        let is_mine = item["id"] == json!(mine.id);
        assert_eq!((&item["reported"], &item["assigned"]), (&json!(is_mine), &json!(!is_mine)), "{item}");
    }
    let comments = held["comments"].as_array().unwrap();
    assert_eq!((&comments[0]["text"], &comments[0]["task_id"]), (&comment["text"], &json!(given.id)));
    assert!(texts(&held, "deeds", "type").contains(&"UserProfileChanged".to_owned()));
    let kinds = texts(&held, "access_log", "kind");
    assert_eq!(kinds.iter().filter(|kind| *kind == "signed_in").count(), 2);
    assert!(kinds.contains(&"session_ended".to_owned()), "what others did to them: {kinds:?}");
    let text = held.to_string();
    assert!(!text.contains(&foreign.id.to_string()) && !text.contains("argon2"), "{text}");
}

#[tokio::test]
async fn what_others_did_to_somebody_does_not_say_from_where_and_what_nobody_knows_of_whom_does() {
    let (me, other) = (member().await, person(Role::Admin).await);
    let ended = other.client.delete(&format!("/users/{}/sessions", me.id)).header("user-agent", "An office");
    ended.send().await.is(204);
    let tried = json!({ "email": me.email, "password": "no passphrase of theirs" });
    let tried = nobody().await.post("/users/login").header("user-agent", "Somewhere").json(&tried);
    tried.send().await.problem(401, "wrong_credentials");
    let mine = json!({ "email": me.email, "password": PASSWORD });
    let mine = nobody().await.post("/users/login").header("user-agent", "My own").json(&mine).send().await;
    let client = nobody().await.with_token(mine.is(200).value()["access_token"].as_str().unwrap());

    for held in [export(&client, "/profile/export").await, of(me.id).await] {
        let entry = |kind: &str| {
            let entries = held["access_log"].as_array().unwrap();
            entries.iter().find(|entry| entry["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {entries:?}"))
        };
        let ended = entry("session_ended");
        assert_eq!((&ended["actor"], &ended["subject"]), (&json!(other.id), &json!(format!("user#{}", me.id))));
        for theirs in ["session_id", "api_token_id", "address", "user_agent", "request_id"] {
            assert_eq!(ended.get(theirs), Some(&Value::Null), "{theirs}: {ended}");
        }
        let refused = entry("sign_in_refused");
        assert_eq!((&refused["actor"], &refused["address"]), (&Value::Null, &json!("127.0.0.1")));
        assert_eq!(refused["user_agent"], "Somewhere");
        let begun = entry("signed_in");
        assert_eq!((&begun["actor"], &begun["user_agent"]), (&json!(me.id), &json!("My own")));
        assert!(begun["session_id"].is_string() && begun["request_id"].is_string(), "{begun}");
    }
}

#[tokio::test]
async fn the_invitation_that_brought_somebody_is_held_of_them() {
    let (email, other) = (new_email(), new_email());
    let invite = async |email: &str| {
        let body = json!({ "email": email, "name": "A guest", "role": "manager" });
        admin().await.post("/invitations").json(&body).send().await.is(201).value()
    };
    let (made, _) = (invite(&email).await, invite(&other).await);
    let token = smtp().letter(&email, "You are invited").await.invitation().to_owned();
    let body = json!({ "name": "Trillian", "password": PASSWORD, "invitation": token });
    nobody().await.post("/users/signup").json(&body).send().await.is(201);
    let tokens = log_in(&nobody().await, &email, PASSWORD).await.is(200).value();
    let client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());

    let held = export(&client, "/profile/export").await;

    let invitations = held["invitations"].as_array().unwrap();
    assert_eq!(invitations.len(), 1, "{invitations:?}");
    for key in ["id", "email", "name", "role", "teams", "invited_by", "created_at", "expires_at"] {
        assert_eq!(invitations[0][key], made[key], "{key}");
    }
    assert!(invitations[0]["taken_at"].is_string(), "{invitations:?}");
    assert!(!held.to_string().contains(&token), "no secret");
}

#[tokio::test]
pub(crate) async fn an_administrator_gets_what_is_held_of_somebody() {
    let (somebody, admin) = (somebody().await, person(Role::Admin).await);
    let path = format!("/users/{}/export", somebody.id);

    let answer = admin.client.get(&path).send().await;

    let held = answer.is(200).value();
    assert_eq!(held["account"]["email"], somebody.email);
    assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"muster-{}.json\"", somebody.id));
    assert_eq!(answer.header("cache-control"), "no-store");
    let entries = crate::page::walk(&admin.client, &format!("/audit/access?about={}", somebody.id), 1).await;
    let taken: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "data_exported").collect();
    assert_eq!((taken.len(), &taken[0]["actor"]), (1, &json!(admin.id)), "that it was taken is written down");
}

#[tokio::test]
async fn nobody_else_gets_what_is_held_of_somebody() {
    let somebody = member().await;
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let other = person(role).await;
        let answer = other.client.get(&format!("/users/{}/export", somebody.id)).send().await;
        answer.problem(403, "forbidden");
        other.client.get(&format!("/users/{}/export", other.id)).send().await.is(200);
    }
}

#[tokio::test]
async fn who_has_much_gets_it_in_parts_each_entry_once() {
    let busy = person(Role::Admin).await;
    let task = task(&busy.client, json!({})).await;
    // Of the longest there may be, so that a part ends before it has 500 entries.
    let long = "é".repeat(10_000);
    for number in 0..120 {
        let body = json!({ "text": format!("{number}{}", &long[..2 * 9_990]) });
        busy.client.post(&of_task(task.id, "/comments")).json(&body).send().await.is(201);
    }
    let first = eventually("the log has all of them", async || {
        let whole = of(busy.id).await;
        (texts(&whole, "comments", "id").len() == 120).then_some(())?;
        Some(busy.client.get("/profile/export").send().await.is(200).value())
    })
    .await;
    assert!(first["next"].is_string(), "there is more");
    assert!(texts(&first, "comments", "id").len() < 120);
    let whole = of(busy.id).await;
    let each: BTreeSet<_> = texts(&whole, "comments", "id").into_iter().collect();
    assert_eq!(each.len(), 120);
    for list in LISTS {
        let items = whole[list].as_array().unwrap();
        let each: BTreeSet<_> = items.iter().map(ToString::to_string).collect();
        assert_eq!(each.len(), items.len(), "{list}: something came twice");
    }
}

#[tokio::test]
async fn of_who_is_erased_there_is_what_is_left() {
    let gone = somebody().await;
    let before = of(gone.id).await.to_string();
    for known in ["Trillian Unmistakable", "+1 555 0142", "en-GB", &gone.email] {
        assert!(before.contains(known), "{known}");
    }
    let admin = admin().await;
    admin.delete(&format!("/users/{}", gone.id)).send().await.is(200);
    let body = json!({ "confirm": gone.id });
    admin.post(&format!("/users/{}/erase", gone.id)).json(&body).send().await.is(200);

    let after = eventually("the directory knows it", async || {
        let after = of(gone.id).await;
        after["account"]["erased_at"].is_string().then_some(after)
    })
    .await;

    let text = after.to_string();
    for known in ["Trillian Unmistakable", "+1 555 0142", "en-GB", &gone.email] {
        assert!(!text.contains(known), "{known}: {text}");
    }
    assert_eq!(after["sessions"], json!([]), "nor from where they signed in");
    assert_eq!(after["account"]["name"], "Erased person");
    assert_eq!(after["history"][0]["data"]["email"], "erased@erased.invalid");
    let types = texts(&after, "history", "type");
    assert_eq!(
        types,
        ["UserRegistered", "UserProfileChanged", "UserNotificationPreferencesChanged", "UserDeactivated", "UserErased"]
    );
    // A security record, for 400 days: an id and an address of a network, no name.
    let kinds = texts(&after, "access_log", "kind");
    assert!(kinds.contains(&"signed_in".to_owned()) && kinds.contains(&"person_erased".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn what_is_no_cursor_of_it_is_refused() {
    let member = member().await;
    for wrong in
        ["x", "e30", "eyJIaXN0b3J5Ijo5MDA3MTk5MjU0NzQwOTkyfQ", "eyJUYXNrcyI6ImVIZyJ9", "eyJBY2Nlc3NCeSI6ImVIZyJ9"]
    {
        member.client.get(&format!("/profile/export?cursor={wrong}")).send().await.wrong_parameters(&["cursor"]);
    }
    member.client.get("/profile/export?limit=3").send().await.wrong_parameters(&["limit"]);
}
