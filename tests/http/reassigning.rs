//! What becomes of somebody's open tasks: listed when their account is closed, and given to somebody else.

use muster_domain::TaskId;
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{Person, admin, eventually, ids, member, moved, of_task, person, task, team};

/// So many open tasks of this person, known to the list, and one that they have completed.
async fn with_tasks(person: &Person, open: usize) -> Vec<TaskId> {
    let admin = admin().await;
    let mut made = Vec::new();
    for _ in 0..=open {
        made.push(task(&admin, json!({ "assignee_id": person.id })).await.id);
    }
    let done = made.pop().unwrap();
    moved(&admin, done, &["in_progress", "completed"]).await;
    let path = format!("/tasks?assignee_id={}&open=true", person.id);
    eventually("the list knows the open tasks", async || {
        let page = admin.get(&path).send().await.is(200).value();
        (ids(&page).len() == open).then_some(())
    })
    .await;
    made
}

async fn assignee(id: TaskId) -> Option<Uuid> {
    let task: TaskDocument = admin().await.get(&of_task(id, "")).send().await.document(200);
    task.assignee_id.map(|id| id.0)
}

/// Of each task: its id, its version if it was moved, and the problem if it was not.
fn outcomes(answer: &Value) -> Vec<(Uuid, Option<u64>, Option<String>)> {
    let outcome = |outcome: &Value| {
        let id = outcome["task_id"].as_str().unwrap().parse().unwrap();
        let problem = outcome.get("problem").map(|problem| problem["code"].as_str().unwrap().to_owned());
        (id, outcome["version"].as_u64(), problem)
    };
    answer["outcomes"].as_array().unwrap().iter().map(outcome).collect()
}

fn refused(id: Uuid, code: &str) -> (Uuid, Option<u64>, Option<String>) {
    (id, None, Some(code.to_owned()))
}

#[tokio::test]
pub(crate) async fn the_open_tasks_of_a_closed_account_are_listed_and_given_to_somebody_else() {
    let (admin, leaver, heir) = (admin().await, member().await, member().await);
    let mut open = with_tasks(&leaver, 3).await;

    let closed = admin.delete(&format!("/users/{}", leaver.id)).send().await.is(200).value();

    assert_eq!((&closed["active"], &closed["open_tasks"]["next"]), (&json!(false), &Value::Null));
    let mut listed = ids(&closed["open_tasks"]);
    listed.sort_unstable();
    open.sort_unstable_by_key(|id| id.0);
    assert_eq!(listed, open.iter().map(|id| id.0).collect::<Vec<_>>(), "and not the completed one");

    let path = format!("/users/{}/reassign", leaver.id);
    let answer = admin.post(&path).json(&json!({ "to": heir.id })).send().await.is(200).value();

    assert_eq!(answer["more"], false);
    let mut moved = outcomes(&answer);
    moved.sort_unstable_by_key(|(id, ..)| *id);
    assert_eq!(moved, open.iter().map(|id| (id.0, Some(2), None)).collect::<Vec<_>>());
    for id in open {
        assert_eq!(assignee(id).await, Some(heir.id.0));
    }
}

#[tokio::test]
async fn each_task_has_its_own_outcome_and_the_same_request_moves_none_twice() {
    let (admin, ill, heir) = (admin().await, member().await, member().await);
    let open = with_tasks(&ill, 2).await;
    let foreign = task(&admin, json!({})).await.id;
    let nothing = Uuid::new_v4();
    let body = json!({ "to": heir.id, "task_ids": [open[0], foreign, nothing] });
    let path = format!("/users/{}/reassign", ill.id);
    let send = async || admin.post(&path).json(&body).send().await.is(200).value();

    let first = send().await;

    assert_eq!(
        outcomes(&first),
        [(open[0].0, Some(2), None), refused(foreign.0, "conflict"), refused(nothing, "not_found")]
    );
    assert_eq!(outcomes(&send().await), outcomes(&first), "sent again, what is done is done");
    assert_eq!((assignee(open[1]).await, assignee(foreign).await), (Some(ill.id.0), None), "the others stay");
}

#[tokio::test]
async fn to_whom_they_go_is_what_each_request_says() {
    let (admin, ill, heir, other) = (admin().await, member().await, member().await, member().await);
    let open = with_tasks(&ill, 1).await;
    let path = format!("/users/{}/reassign", ill.id);
    let send = async |to: &Person| {
        let body = json!({ "to": to.id, "task_ids": open });
        outcomes(&admin.post(&path).key("ill").json(&body).send().await.is(200).value())
    };
    assert_eq!(send(&heir).await, [(open[0].0, Some(2), None)]);
    assert_eq!(send(&other).await, [refused(open[0].0, "conflict")], "it is the heir's now");
    assert_eq!(send(&heir).await, [(open[0].0, Some(2), None)]);
    assert_eq!(assignee(open[0]).await, Some(heir.id.0));
}

#[tokio::test]
async fn a_manager_moves_what_they_may_and_a_member_or_an_auditor_nothing() {
    let (manager, ill, heir) = (person(Role::Manager).await, member().await, member().await);
    team(&[&manager, &heir]).await;
    let open = with_tasks(&ill, 1).await;
    let path = format!("/users/{}/reassign", ill.id);
    let send = async |person: &Person, to: Value| {
        let body = json!({ "to": to, "task_ids": open });
        person.client.post(&path).json(&body).send().await.is(200).value()
    };

    for (stranger, code) in [(person(Role::Auditor).await, "forbidden"), (member().await, "not_found")] {
        let answer = send(&stranger, json!(heir.id)).await;
        assert_eq!(outcomes(&answer), [refused(open[0].0, code)]);
        let path = format!("/audit/access?actor={}&kind=forbidden", stranger.id);
        let logged = walk(&admin().await, &path, 50).await;
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert_eq!(logged[0]["subject"], format!("task#{}", open[0]));
    }
    let outsider = member().await;
    assert_eq!(outcomes(&send(&manager, json!(outsider.id)).await), [refused(open[0].0, "forbidden")]);
    assert_eq!(outcomes(&send(&manager, json!(heir.id)).await), [(open[0].0, Some(2), None)]);
}

#[tokio::test]
async fn whom_and_what_must_be_right() {
    let (admin, ill, gone) = (admin().await, member().await, member().await);
    admin.delete(&format!("/users/{}", gone.id)).send().await.is(200);
    let path = format!("/users/{}/reassign", ill.id);
    for (body, wrong) in [
        (json!({ "to": ill.id }), "/to"),
        (json!({ "to": gone.id }), "/to"),
        (json!({ "to": Uuid::new_v4() }), "/to"),
        (json!({ "to": null, "task_ids": [] }), "/task_ids"),
        (json!({ "to": null, "task_ids": vec![Uuid::new_v4(); 101] }), "/task_ids"),
    ] {
        admin.post(&path).json(&body).send().await.wrong_fields(&[wrong]);
    }
}
