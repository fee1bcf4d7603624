//! Teams, and who is in them.

use muster_domain::user::Role;
use muster_projections::directory::{TeamDocument, UserDocument};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{admin, eventually, ids, member, person, team};

fn named() -> String {
    format!("Night shift {}", Uuid::new_v4().simple())
}

#[tokio::test]
pub(crate) async fn an_administrator_founds_a_team() {
    let (admin, name) = (admin().await, named());
    let answer = admin.post("/teams").json(&json!({ "name": name, "description": "Goes *out*." })).send().await;
    let team: TeamDocument = answer.document(201);
    assert_eq!(answer.location_under("/teams"), team.id.0);
    assert_eq!((team.version, &team.name, team.description.as_deref()), (1, &name, Some("Goes *out*.")));
    assert_eq!(team.created_at, team.updated_at);
    let bare: Value = admin.post("/teams").json(&json!({ "name": name })).send().await.document(201);
    assert_eq!(bare["description"], Value::Null, "two teams may have one name");
}

#[tokio::test]
async fn only_an_administrator_changes_teams_and_members() {
    let team = team(&[]).await;
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let person = person(role).await;
        let (client, own) = (&person.client, format!("/teams/{team}/members/{}", person.id));
        for answer in [
            client.post("/teams").json(&json!({ "name": named() })).send().await,
            client.put(&format!("/teams/{team}")).json(&json!({ "name": "Ours" })).send().await,
            client.put(&own).send().await,
            client.delete(&own).send().await,
        ] {
            answer.problem(403, "forbidden");
        }
        let user: UserDocument = client.get("/profile").send().await.document(200);
        assert_eq!((user.version, user.teams.len()), (1, 0), "nothing of it was done");
    }
    let unchanged: TeamDocument = admin().await.get(&format!("/teams/{team}")).send().await.document(200);
    assert_eq!(unchanged.version, 1);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_team_is_named_at_once() {
    let (admin, team) = (admin().await, team(&[]).await);
    let body = json!({ "name": "x".repeat(121), "description": "x".repeat(20_001) });
    admin.post("/teams").json(&body).send().await.wrong_fields(&["/name", "/description"]);
    let path = format!("/teams/{team}");
    admin.put(&path).json(&body).send().await.wrong_fields(&["/name", "/description"]);
    admin
        .put(&path)
        .json(&json!({ "name": "", "description": " " }))
        .send()
        .await
        .wrong_fields(&["/name", "/description"]);
}

#[tokio::test]
pub(crate) async fn anybody_may_see_a_team() {
    let (admin, name) = (admin().await, named());
    let team: TeamDocument = admin.post("/teams").json(&json!({ "name": name })).send().await.document(201);
    for role in [Role::Manager, Role::Member, Role::Auditor] {
        let seen = person(role).await.client.get(&format!("/teams/{}", team.id)).send().await;
        assert_eq!(seen.document::<TeamDocument>(200), team);
    }
}

#[tokio::test]
pub(crate) async fn an_administrator_changes_a_team() {
    let (admin, team) = (admin().await, team(&[]).await);
    let path = format!("/teams/{team}");
    let name = named();
    let body = json!({ "name": name, "description": "By day" });
    let changed: TeamDocument = admin.put(&path).if_match(1).json(&body).send().await.document(200);
    assert_eq!((changed.version, &changed.name, changed.description.as_deref()), (2, &name, Some("By day")));
    let cleared: TeamDocument = admin.put(&path).json(&json!({ "description": null })).send().await.document(200);
    assert_eq!((cleared.version, &cleared.name, cleared.description.clone()), (3, &name, None));
    let same: TeamDocument = admin.put(&path).json(&json!({ "name": name })).send().await.document(200);
    assert_eq!(same, cleared, "a change to what is there already changes nothing");
    assert_eq!(admin.get(&path).min_version(3).send().await.document::<TeamDocument>(200), cleared);

    let stale = admin.put(&path).if_match(1).json(&json!({ "name": "Stale" })).send().await;
    assert_eq!(stale.problem(412, "stale_version")["version"], 3);
    assert_eq!(stale.header("etag"), "\"3\"");
}

#[tokio::test]
async fn a_team_that_is_founded_again_under_one_key_is_the_same_one() {
    let (admin, key, name) = (admin().await, Uuid::new_v4().to_string(), named());
    let send = async |name: &str| admin.post("/teams").key(&key).json(&json!({ "name": name })).send().await;
    let first: TeamDocument = send(&name).await.document(201);
    admin.put(&format!("/teams/{}", first.id)).json(&json!({ "name": "Later" })).send().await.is(200);
    assert_eq!(send(&name).await.document::<TeamDocument>(201), first);
    send("Other").await.problem(422, "idempotency_key_reused");
}

#[tokio::test]
pub(crate) async fn the_list_has_each_team_once_by_name() {
    let (admin, mark) = (admin().await, Uuid::new_v4().simple().to_string());
    let mut made = Vec::new();
    for name in ["Delta", "alpha", "Charlie", "bravo"] {
        let body = json!({ "name": format!("{mark} {name}") });
        made.push(admin.post("/teams").json(&body).send().await.document::<TeamDocument>(201).id.0);
    }
    let member = member().await;
    let walked = eventually("the directory has the teams", async || {
        let all = walk(&member.client, "/teams", 7).await;
        let ours: Vec<Value> = all.into_iter().filter(|team| made.iter().any(|id| team["id"] == json!(id))).collect();
        (ours.len() >= made.len()).then_some(ours)
    });
    let walked = walked.await;
    let names: Vec<String> = walked.iter().map(|team| team["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["alpha", "bravo", "Charlie", "Delta"].map(|name| format!("{mark} {name}")));
    let mut back = walk(&member.client, "/teams?sort=-name", 7).await;
    back.retain(|team| walked.contains(team));
    assert!(back.iter().eq(walked.iter().rev()), "{back:?}");
}

#[tokio::test]
pub(crate) async fn joining_twice_is_joining_once() {
    let (admin, member, team) = (admin().await, member().await, team(&[]).await);
    let path = format!("/teams/{team}/members/{}", member.id);
    for _ in 0..2 {
        let joined: UserDocument = admin.put(&path).send().await.document(200);
        assert_eq!((joined.id, joined.version, joined.teams), (member.id, 2, vec![team]));
    }
    let stale = admin.put(&path).if_match(1).send().await;
    assert_eq!(stale.problem(412, "stale_version")["version"], 2, "the version is the person's");
}

#[tokio::test]
pub(crate) async fn leaving_twice_is_leaving_once() {
    let (admin, member) = (admin().await, member().await);
    let team = team(&[&member]).await;
    let path = format!("/teams/{team}/members/{}", member.id);
    for _ in 0..2 {
        let left: UserDocument = admin.delete(&path).send().await.document(200);
        assert_eq!((left.id, left.version, left.teams.len()), (member.id, 3, 0));
    }
    eventually("the directory knows that they left", async || {
        let page = admin.get(&format!("/teams/{team}/members")).send().await.is(200).value();
        ids(&page).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
pub(crate) async fn members_are_listed_by_name() {
    let people = [member().await, member().await, person(Role::Manager).await];
    let team = team(&people.iter().collect::<Vec<_>>()).await;
    let path = format!("/teams/{team}/members");
    let walked = walk(&people[2].client, &path, 1).await;
    let mut expected: Vec<(String, Uuid)> = people[..2].iter().map(|one| ("A member".to_owned(), one.id.0)).collect();
    expected.sort();
    expected.insert(0, ("A manager".to_owned(), people[2].id.0));
    let found = walked
        .iter()
        .map(|user| (user["name"].as_str().unwrap().to_owned(), user["id"].as_str().unwrap().parse().unwrap()));
    assert_eq!(found.collect::<Vec<(String, Uuid)>>(), expected);
    assert!(walked.iter().all(|user| user["email"].is_string()), "the people of a manager's team can be reached");
}

#[tokio::test]
async fn only_a_team_and_a_person_that_there_are_come_together() {
    let (admin, member, team, nothing) = (admin().await, member().await, team(&[]).await, Uuid::new_v4());
    admin.put(&format!("/teams/{nothing}/members/{}", member.id)).send().await.problem(404, "not_found");
    admin.put(&format!("/teams/{team}/members/{nothing}")).send().await.problem(404, "not_found");
    admin.delete(&format!("/users/{}", member.id)).send().await.is(200);
    let problem = admin.put(&format!("/teams/{team}/members/{}", member.id)).send().await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the user is deactivated");
}
