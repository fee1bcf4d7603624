//! How people want to be told of what concerns them.

use muster_domain::UserId;
use muster_domain::user::Role;
use muster_projections::directory::UserDocument;
use muster_tests::client::{Answer, Client};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_tokens::made;
use crate::support::{admin, eventually, member, person};

const PATH: &str = "/profile/notification-preferences";

/// What is told to whoever has chosen nothing.
fn defaults() -> Value {
    let all_but_sms = json!(["inbox", "email", "push"]);
    json!({
        "channels": {
            "assignment": all_but_sms,
            "status_change": ["inbox"],
            "comment": ["inbox"],
            "mention": all_but_sms,
            "deadline_near": all_but_sms,
            "deadline_missed": all_but_sms,
            "hold": ["inbox"],
        },
        "quiet_hours": null,
        "digest": { "frequency": "off", "at": "08:00" },
    })
}

/// Other ones in every part.
fn others() -> Value {
    json!({
        "channels": {
            "assignment": ["inbox", "sms", "push"],
            "status_change": [],
            "comment": ["email"],
            "mention": ["inbox"],
            "deadline_near": ["inbox", "email", "sms", "push"],
            "deadline_missed": ["sms"],
            "hold": [],
        },
        "quiet_hours": { "from": "22:00", "to": "06:30", "except_critical": true },
        "digest": { "frequency": "daily", "at": "17:45" },
    })
}

/// The defaults with another value at this pointer.
fn with(pointer: &str, value: Value) -> Value {
    let mut told = defaults();
    *told.pointer_mut(pointer).unwrap() = value;
    told
}

/// The defaults without what this pointer names.
fn without(pointer: &str) -> Value {
    let mut told = defaults();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    told.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    told
}

/// What this client's owner has chosen, at this version or a later one.
async fn chosen(client: &Client, version: u64) -> Answer {
    client.get(PATH).min_version(version).send().await
}

async fn put(client: &Client, told: &Value) -> Answer {
    client.put(PATH).json(told).send().await
}

/// The events of an account after its first one.
async fn events(id: UserId) -> Vec<Value> {
    let held = admin().await.get(&format!("/users/{id}/export")).send().await.is(200).value();
    held["history"].as_array().unwrap()[1..].to_vec()
}

#[tokio::test]
pub(crate) async fn whoever_has_chosen_nothing_is_told_by_default() {
    let member = member().await;
    let answer = member.client.get(PATH).send().await;
    assert_eq!((answer.is(200).value(), answer.header("etag")), (defaults(), "\"1\""));
}

#[tokio::test]
pub(crate) async fn people_choose_what_they_are_told_by_which_channels_and_when() {
    let member = member().await;
    let changed = member.client.put(PATH).if_match(1).json(&others()).send().await;
    assert_eq!((changed.is(200).value(), changed.header("etag")), (others(), "\"2\""));
    let read = chosen(&member.client, 2).await;
    assert_eq!((read.is(200).value(), read.header("etag")), (others(), "\"2\""));
    let profile: UserDocument = member.client.get("/profile").min_version(2).send().await.document(200);
    assert_eq!((profile.version, profile.name.as_str()), (2, "A member"), "it is a change of the account");

    assert_eq!(put(&member.client, &defaults()).await.is(200).value(), defaults());
    let read = chosen(&member.client, 3).await;
    assert_eq!((read.is(200).value(), read.header("etag")), (defaults(), "\"3\""));
}

#[tokio::test]
async fn the_history_tells_what_was_before_and_what_came() {
    let member = member().await;
    put(&member.client, &others()).await.is(200);
    let told = with("/quiet_hours", json!({ "from": "12:00", "to": "13:00", "except_critical": false }));
    put(&member.client, &told).await.is(200);
    let events = events(member.id).await;
    let of = |event: &Value| (event["type"].clone(), event["schema"].clone(), event["data"].clone());
    let kind = json!("UserNotificationPreferencesChanged");
    assert_eq!(of(&events[0]), (kind.clone(), json!(1), json!({ "from": defaults(), "to": others() })));
    assert_eq!(of(&events[1]), (kind, json!(1), json!({ "from": others(), "to": told })));
}

#[tokio::test]
async fn to_be_told_as_before_changes_nothing() {
    let member = member().await;
    for told in [defaults(), with("/channels/mention", json!(["push", "inbox", "email"]))] {
        let same = put(&member.client, &told).await;
        assert_eq!((same.is(200).value(), same.header("etag")), (defaults(), "\"1\""), "{told}");
    }
    assert_eq!(events(member.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_part_is_not_the_whole() {
    let member = member().await;
    for missing in [
        "/channels",
        "/quiet_hours",
        "/digest",
        "/channels/assignment",
        "/channels/status_change",
        "/channels/comment",
        "/channels/mention",
        "/channels/deadline_near",
        "/channels/deadline_missed",
        "/channels/hold",
        "/digest/frequency",
        "/digest/at",
    ] {
        put(&member.client, &without(missing)).await.wrong_fields(&[missing]);
    }
    let quiet = json!({ "from": "22:00", "to": "06:30" });
    put(&member.client, &with("/quiet_hours", quiet)).await.wrong_fields(&["/quiet_hours/except_critical"]);
    assert_eq!(chosen(&member.client, 1).await.is(200).value(), defaults());
}

#[tokio::test]
async fn what_is_not_known_is_refused_where_it_stands() {
    let member = member().await;
    let extended = |object: &str, name: &str| {
        let mut told = others();
        told.pointer_mut(object).unwrap()[name] = json!([]);
        told
    };
    for (told, pointer) in [
        (extended("", "colour"), "/colour"),
        (extended("/channels", "weather"), "/channels/weather"),
        (extended("/quiet_hours", "days"), "/quiet_hours/days"),
        (extended("/digest", "day"), "/digest/day"),
        (with("/channels/comment", json!(["inbox", "pigeon"])), "/channels/comment/1"),
        (with("/channels/comment", json!(null)), "/channels/comment"),
        (with("/channels/comment", json!(["push", "push"])), "/channels/comment"),
        (with("/channels", json!([[], [], [], [], [], [], []])), "/channels"),
        (with("/digest/frequency", json!("weekly")), "/digest/frequency"),
        (with("/digest", json!(["off", "08:00"])), "/digest"),
        (with("/digest", json!(null)), "/digest"),
        (with("/quiet_hours", json!(["22:00", "06:30", true])), "/quiet_hours"),
    ] {
        put(&member.client, &told).await.wrong_fields(&[pointer]);
    }
    assert_eq!(events(member.id).await, Vec::<Value>::new(), "nothing of it was done");
}

#[tokio::test]
async fn all_that_is_wrong_is_named_at_once() {
    let member = member().await;
    let told = json!({
        "channels": with("/channels/hold", json!(["sms", "inbox", "sms"]))["channels"],
        "quiet_hours": { "from": "24:00", "to": "7:00", "except_critical": true },
        "digest": { "frequency": "hourly", "at": "noon" },
    });
    let wrong = ["/channels/hold", "/quiet_hours/from", "/quiet_hours/to", "/digest/at"];
    put(&member.client, &told).await.wrong_fields(&wrong);
    let never = json!({ "from": "07:00", "to": "07:00", "except_critical": true });
    put(&member.client, &with("/quiet_hours", never)).await.wrong_fields(&["/quiet_hours/to"]);
}

#[tokio::test]
async fn a_stale_choice_is_refused_with_the_present_version() {
    let member = member().await;
    member.client.put("/profile").json(&json!({ "name": "Second" })).send().await.is(200);
    let answer = member.client.put(PATH).if_match(1).json(&others()).send().await;
    assert_eq!(answer.problem(412, "stale_version")["version"], 2);
    assert_eq!(answer.header("etag"), "\"2\"");
    assert_eq!(chosen(&member.client, 2).await.is(200).value(), defaults());
}

#[tokio::test]
async fn a_choice_that_is_sent_again_gets_the_first_answer_again() {
    let (member, key) = (member().await, Uuid::new_v4().to_string());
    let send = async |told: &Value| member.client.put(PATH).key(&key).json(told).send().await;
    let first = send(&others()).await;
    assert_eq!((first.is(200).value(), first.header("etag")), (others(), "\"2\""));
    put(&member.client, &defaults()).await.is(200);
    let again = send(&others()).await;
    assert_eq!((again.is(200).value(), again.header("etag")), (others(), "\"2\""));
    send(&defaults()).await.problem(422, "idempotency_key_reused");
    let now = eventually("the directory is at version 3", async || {
        let read = member.client.get(PATH).send().await;
        (read.header("etag") == "\"3\"").then(|| read.value())
    });
    assert_eq!(now.await, defaults());
}

#[tokio::test]
async fn in_every_role_people_choose_for_themselves_alone() {
    let other = member().await;
    for role in [Role::Admin, Role::Manager, Role::Member, Role::Auditor] {
        let person = person(role).await;
        assert_eq!(put(&person.client, &others()).await.is(200).value(), others(), "{role}");
        assert_eq!(chosen(&person.client, 2).await.is(200).value(), others(), "{role}");
        // There is no path to somebody else's, not even for who may see and change all of their account.
        let path = format!("/users/{}/notification-preferences", other.id);
        person.client.get(&path).send().await.problem(404, "not_found");
        person.client.put(&path).json(&others()).send().await.problem(404, "not_found");
    }
    assert_eq!(chosen(&other.client, 1).await.is(200).value(), defaults());
}

#[tokio::test]
async fn an_api_token_reads_or_changes_them_as_its_scopes_say() {
    let member = member().await;
    let reader = made(&member.client, &["users:read"]).await.client;
    let writer = made(&member.client, &["users:write"]).await.client;
    let stranger = made(&member.client, &["tasks:write", "teams:write"]).await.client;
    put(&reader, &others()).await.problem(403, "insufficient_scope");
    put(&stranger, &others()).await.problem(403, "insufficient_scope");
    stranger.get(PATH).send().await.problem(403, "insufficient_scope");
    put(&writer, &others()).await.is(200);
    assert_eq!(chosen(&reader, 2).await.is(200).value(), others());
}

#[tokio::test]
async fn whose_account_is_closed_neither_reads_nor_chooses_and_keeps_the_choice() {
    let (admin, member) = (admin().await, member().await);
    put(&member.client, &others()).await.is(200);
    admin.delete(&format!("/users/{}", member.id)).send().await.is(200);
    member.client.get(PATH).send().await.problem(401, "unauthenticated");
    put(&member.client, &defaults()).await.problem(401, "unauthenticated");
    let held = admin.get(&format!("/users/{}/export", member.id)).send().await.is(200).value();
    assert_eq!(held["notification_preferences"], others());
}
