//! Reminders of a task's deadline. That they fire is shown where a test is the clock (`cli/tests/local/reminders.rs`).

use muster_projections::TaskDocument;
use serde_json::{Value, json};

use crate::support::{admin, event_types, history, member, moved, of_task, task};

fn before(leads: &[&str]) -> Value {
    json!({ "before": leads })
}

fn leads(task: &TaskDocument) -> Value {
    serde_json::to_value(&task.reminders).unwrap()
}

#[tokio::test]
pub(crate) async fn reminders_are_set_and_taken_away() {
    let (admin, doer) = (admin().await, member().await);
    let made = task(&admin, json!({ "assignee_id": doer.id, "deadline": "2040-01-01T00:00:00Z" })).await;
    assert_eq!(leads(&made), json!([]));
    let path = of_task(made.id, "/reminders");
    let set: TaskDocument =
        doer.client.put(&path).json(&before(&["PT90M", "P1D", "PT24H", "PT15M"])).send().await.document(200);
    assert_eq!((set.version, leads(&set)), (2, json!(["PT15M", "PT1H30M", "P1D"])));
    let same: TaskDocument = admin.put(&path).json(&before(&["PT15M", "PT90M", "P1D"])).send().await.document(200);
    assert_eq!(same.version, 2, "there was nothing to change");
    let none: TaskDocument = admin.put(&path).if_match(2).json(&before(&[])).send().await.document(200);
    assert_eq!((none.version, leads(&none)), (3, json!([])));
    assert_eq!(event_types(made.id).await, ["TaskCreated", "TaskRemindersSet", "TaskRemindersSet"]);
    let set = history(made.id).await.remove(1);
    let expected = json!({ "from": [], "to": ["PT15M", "PT1H30M", "P1D"], "by": doer.id });
    assert_eq!(set["events"][0]["data"], expected);
}

#[tokio::test]
async fn what_is_no_time_before_a_deadline_is_refused() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let path = of_task(made.id, "/reminders");
    for (leads, pointers) in [
        (json!(["PT1H", "an hour"]), vec!["/before/1"]),
        (json!(["PT0M", "P400D"]), vec!["/before/0", "/before/1"]),
        (json!((1..=11).map(|hours| format!("PT{hours}H")).collect::<Vec<_>>()), vec!["/before"]),
        (json!((1..=101).map(|hours| format!("PT{hours}H")).collect::<Vec<_>>()), vec!["/before"]),
        (json!("PT1H"), vec!["/before"]),
    ] {
        admin.put(&path).json(&json!({ "before": leads })).send().await.wrong_fields(&pointers);
    }
    assert_eq!(event_types(made.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn they_may_be_set_on_a_task_that_has_no_deadline_yet_and_on_one_that_is_done_but_not_on_one_that_is_deleted() {
    let admin = admin().await;
    let made = task(&admin, json!({})).await;
    let path = of_task(made.id, "/reminders");
    admin.put(&path).json(&before(&["PT1H"])).send().await.is(200);
    moved(&admin, made.id, &["in_progress", "completed"]).await;
    admin.put(&path).json(&before(&["PT2H"])).send().await.is(200);
    admin.delete(&of_task(made.id, "")).send().await.is(200);
    admin.put(&path).json(&before(&["PT3H"])).send().await.problem(409, "task_deleted");
}
