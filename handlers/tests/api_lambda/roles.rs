//! Who administrates, and what a role allows: it counts at once.

use futures::future::join_all;
use muster_domain::UserId;
use muster_domain::user::Role;
use muster_handlers::http::Settings;
use muster_projections::{DirectoryQueries, ReadModels};
use serde_json::json;

use crate::lambdas::{Lambdas, get, post};
use crate::support::{PREFIX, http_event};

#[tokio::test]
async fn of_many_who_sign_up_at_once_where_nobody_administrates_one_does() {
    let lambdas = Lambdas::new().await;
    let names: Vec<_> = (0..8).map(|number| format!("Person{number}")).collect();

    let accounts = join_all(names.iter().map(|name| lambdas.sign_up(name))).await;

    let roles = |role: &str| accounts.iter().filter(|account| account["role"] == role).count();
    assert_eq!((roles("admin"), roles("member")), (1, 7), "{accounts:?}");
    assert_eq!(lambdas.sign_up("Late").await["role"], "member");
    // Nor does it depend on what a process remembers.
    let client = lambdas.store.client.clone();
    let fresh = Lambdas::over(lambdas.store, &client, &Settings::default());
    assert_eq!(fresh.sign_up("Later").await["role"], "member");
    let first = accounts.iter().find(|account| account["role"] == "admin").unwrap();
    let bearer = fresh.sign_in(first["name"].as_str().unwrap()).await;
    let team = post("/api/v1/teams", &[("authorization", &bearer)], &json!({ "name": "North" }));
    assert_eq!(fresh.command(&team).await.status, 201);
}

#[tokio::test]
async fn whoever_administrates_as_the_first_gets_their_first_answer_again() {
    let lambdas = Lambdas::new().await;
    let sign_up = |name: &str| {
        let account =
            json!({ "name": name, "email": format!("{name}@example.com"), "password": "correct horse battery" });
        post("/api/v1/users/signup", &[("idempotency-key", "once")], &account)
    };
    let first = lambdas.command(&sign_up("ada")).await;
    assert_eq!((first.status, &first.body["role"]), (201, &json!("admin")), "{}", first.body);
    assert_eq!(lambdas.command(&sign_up("ada")).await.body, first.body);

    let second = lambdas.command(&sign_up("ben")).await;

    assert_eq!((second.status, &second.body["role"]), (201, &json!("member")), "{}", second.body);
    for (name, answer) in [("ada", &first), ("ben", &second)] {
        assert_eq!(lambdas.command(&sign_up(name)).await.body, answer.body);
    }
}

#[tokio::test]
async fn a_new_role_and_another_team_count_at_once_although_the_directory_knows_nothing_of_them() {
    let lambdas = Lambdas::new().await;
    let bearer = lambdas.bearer().await;
    let owner = lambdas.sign_in("Owner").await;
    let (signed_in, chief) = (("authorization", bearer.as_str()), ("authorization", owner.as_str()));
    let me = lambdas.query(&get("/api/v1/profile", &[signed_in])).await.body;
    let (account, path) = (format!("/api/v1/users/{}", me["id"].as_str().unwrap()), "/api/v1/tasks");
    let id: UserId = serde_json::from_value(me["id"].clone()).unwrap();
    lambdas.project(&lambdas.store.history(id).await[0]).await;
    let give = async |role: &str| {
        let body = json!({ "role": role }).to_string();
        let given = lambdas.command(&http_event("PUT", &account, &[chief], Some(&body))).await;
        assert_eq!(given.status, 200, "{}", given.body);
    };
    let row = async || {
        let directory = DirectoryQueries::new(ReadModels::new(lambdas.store.client.clone(), PREFIX));
        let row = directory.account(id).await.unwrap().unwrap();
        (row.version, row.document().role)
    };

    give("auditor").await;
    let refused = lambdas.command(&post(path, &[signed_in], &json!({ "title": "Not an auditor's" }))).await;
    assert_eq!(refused.problem(), (403, "forbidden"));
    assert_eq!(lambdas.query(&get("/api/v1/audit/access", &[signed_in])).await.status, 200);
    give("manager").await;
    assert_eq!(lambdas.query(&get("/api/v1/audit/access", &[signed_in])).await.problem(), (403, "forbidden"));

    let team = lambdas.command(&post("/api/v1/teams", &[chief], &json!({ "name": "North" }))).await.body;
    let task = json!({ "title": "Check the pump", "team_id": team["id"] });
    let task = lambdas.command(&post(path, &[chief], &task)).await.header("location").to_owned();
    let read = get(&task, &[signed_in, ("muster-min-version", "1")]);
    let member = format!("/api/v1/teams/{}/members/{id}", team["id"].as_str().unwrap());
    assert_eq!(lambdas.query(&read).await.problem(), (404, "not_found"));
    assert_eq!(lambdas.command(&http_event("PUT", &member, &[chief], None)).await.status, 200);
    assert_eq!(lambdas.query(&read).await.status, 200);
    assert_eq!(lambdas.command(&http_event("DELETE", &member, &[chief], None)).await.status, 200);
    assert_eq!(lambdas.query(&read).await.problem(), (404, "not_found"));

    assert_eq!(row().await, (1, Role::Member), "the directory never learnt of it");
}
