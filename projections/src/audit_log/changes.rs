//! What an event says, property by property. Events carry old and new values, so nothing else is needed.

use muster_domain::task::{ImportedFacts, Relation, TaskCreated, TaskEdited, TaskEvent, TaskImported};
use muster_domain::team::TeamEvent;
use muster_domain::user::{
    NotificationKind, UserEvent, UserNotificationPreferencesChanged, UserProfileChanged, UserRegistered,
};
use muster_domain::values::Change;
use muster_domain::{CommentId, DomainEvent};
use serde::Serialize;
use serde_json::{Value, json};

use super::FieldChange;

/// What an event says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) changes: Vec<FieldChange>,
    pub(super) note: Option<String>,
    pub(super) comment_id: Option<CommentId>,
}

impl Said {
    fn change(mut self, field: &str, from: &impl Serialize, to: &impl Serialize) -> Self {
        // Values of events came out of JSON, so they go into it.
        let value = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
        let (from, to) = (value(serde_json::to_value(from)), value(serde_json::to_value(to)));
        self.changes.push(FieldChange { field: field.to_owned(), from, to });
        self
    }

    fn first(self, field: &str, to: &impl Serialize) -> Self {
        self.change(field, &Value::Null, to)
    }

    fn first_if<T: Serialize>(self, field: &str, to: Option<&T>) -> Self {
        match to {
            Some(to) => self.first(field, to),
            None => self,
        }
    }

    fn changed<T: Serialize>(self, field: &str, change: Option<&Change<T>>) -> Self {
        match change {
            Some(change) => self.change(field, &change.from, &change.to),
            None => self,
        }
    }

    fn note(mut self, text: &impl ToString) -> Self {
        self.note = Some(text.to_string());
        self
    }
}

pub(super) fn said(event: &DomainEvent) -> Said {
    match event {
        DomainEvent::Task(event) => task(event),
        DomainEvent::User(event) => user(event),
        DomainEvent::Team(event) => team(event),
    }
}

fn task(event: &TaskEvent) -> Said {
    let said = Said::default();
    match event {
        TaskEvent::TaskCreated(created) => task_created(created),
        TaskEvent::TaskImported(imported) => task_imported(imported),
        TaskEvent::TaskEdited(TaskEdited { title, description, labels, location, mentions: _ }) => said
            .changed("title", title.as_ref())
            .changed("description", description.as_ref())
            .changed("labels", labels.as_ref())
            .changed("location", location.as_ref()),
        TaskEvent::TaskAssigned(assigned) => said.change("assignee_id", &assigned.from, &assigned.to),
        TaskEvent::TaskUnassigned(unassigned) => said.change("assignee_id", &unassigned.from, &Value::Null),
        TaskEvent::TaskTeamChanged(changed) => said.change("team_id", &changed.from, &changed.to),
        TaskEvent::TaskPriorityChanged(changed) => said.change("priority", &changed.from, &changed.to),
        TaskEvent::TaskStatusChanged(changed) => said.change("status", &changed.from, &changed.to),
        TaskEvent::TaskDeadlineSet(set) => said.change("deadline", &set.from, &set.to),
        TaskEvent::TaskDeadlineCleared(cleared) => said.change("deadline", &cleared.from, &Value::Null),
        TaskEvent::TaskHeld(held) => {
            said.first("hold", &json!({ "reason": held.reason, "since": held.at })).note(&held.reason)
        }
        TaskEvent::TaskResumed(resumed) => {
            said.change("hold", &json!({ "since": resumed.held_since }), &Value::Null).note(&resumed.reason)
        }
        TaskEvent::TaskCommented(commented) => {
            // Whoever brought it in is not who wrote it.
            let known = commented.imported.as_ref().map(|facts| json!({ "author_id": facts.author, "at": facts.at }));
            Said { comment_id: Some(commented.comment_id), ..said.note(&commented.text) }
                .first_if("imported", known.as_ref())
        }
        TaskEvent::TaskChecklistItemAdded(added) => said.first("checklist_item", &added.text),
        TaskEvent::TaskChecklistItemReworded(reworded) => said.change("checklist_item", &reworded.from, &reworded.to),
        TaskEvent::TaskChecklistItemTicked(ticked) => {
            said.change("checklist_item_done", &false, &true).note(&ticked.text)
        }
        TaskEvent::TaskChecklistItemUnticked(unticked) => {
            said.change("checklist_item_done", &true, &false).note(&unticked.text)
        }
        TaskEvent::TaskChecklistItemMoved(moved) => {
            said.change("checklist_item_place", &moved.from, &moved.to).note(&moved.text)
        }
        TaskEvent::TaskChecklistItemRemoved(removed) => said.change("checklist_item", &removed.text, &Value::Null),
        TaskEvent::TaskWatched(watched) => said.first("watcher_id", &watched.user_id),
        TaskEvent::TaskUnwatched(unwatched) => said.change("watcher_id", &unwatched.user_id, &Value::Null),
        TaskEvent::TaskRanked(ranked) => said.change("rank", &ranked.from, &ranked.to),
        TaskEvent::TaskRelated(related) => said.first(relation(related.relation), &related.to),
        TaskEvent::TaskUnrelated(unrelated) => said.change(relation(unrelated.relation), &unrelated.to, &Value::Null),
        TaskEvent::TaskDeleted(deleted) => said.first("deleted_at", &deleted.at),
        TaskEvent::TaskRestored(restored) => said.change("deleted_at", &restored.deleted_at, &Value::Null),
        TaskEvent::TaskRecurrenceSet(set) => said.change("recurrence", &set.from, &set.to),
        TaskEvent::TaskRecurrenceCleared(cleared) => said.change("recurrence", &cleared.from, &Value::Null),
        TaskEvent::TaskChecklistBegun(begun) => {
            begun.items.iter().fold(said, |said, item| said.first("checklist_item", &item.text))
        }
        TaskEvent::TaskRemindersSet(set) => said.change("reminders", &set.from, &set.to),
        // It changes no property.
        TaskEvent::TaskReminderFired(fired) => {
            said.note(&format_args!("{} before {}", fired.lead, fired.deadline.to_rfc3339()))
        }
    }
}

/// The field of the document that says so.
const fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::BlockedBy => "blocked_by_id",
        Relation::ChildOf => "parent_id",
        Relation::DuplicateOf => "duplicate_of_id",
    }
}

fn task_created(created: &TaskCreated) -> Said {
    let labels = (created.labels.iter().next().is_some()).then_some(&created.labels);
    Said::default()
        .first("title", &created.title)
        .first_if("description", created.description.as_ref())
        .first("priority", &created.priority)
        .first_if("labels", labels)
        .first_if("location", created.location.as_ref())
        .first_if("team_id", created.team.as_ref())
        .first_if("assignee_id", created.assignee.as_ref())
        .first_if("reporter_id", created.reporter.as_ref())
        .first_if("deadline", created.deadline.as_ref())
}

fn task_imported(task: &TaskImported) -> Said {
    let labels = (task.labels.iter().next().is_some()).then_some(&task.labels);
    let ImportedFacts { import_id, source, external_id, author, created_at, completed_at } = &task.imported;
    Said::default()
        .first("title", &task.title)
        .first_if("description", task.description.as_ref())
        .first("status", &task.status)
        .first("priority", &task.priority)
        .first_if("labels", labels)
        .first_if("location", task.location.as_ref())
        .first_if("team_id", task.team.as_ref())
        .first_if("assignee_id", task.assignee.as_ref())
        .first_if("reporter_id", task.reporter.as_ref())
        .first_if("deadline", task.deadline.as_ref())
        .first("imported.import_id", import_id)
        .first("imported.source", source)
        .first_if("imported.external_id", external_id.as_ref())
        .first_if("imported.author_id", author.as_ref())
        .first_if("imported.created_at", created_at.as_ref())
        .first_if("imported.completed_at", completed_at.as_ref())
}

fn user(event: &UserEvent) -> Said {
    let said = Said::default();
    match event {
        UserEvent::UserRegistered(UserRegistered { name, email, role, time_zone, locale, phone, at: _ }) => said
            .first("name", &name)
            .first("email", &email)
            .first("role", &role)
            .first("time_zone", &time_zone)
            .first_if("locale", locale.as_ref())
            .first_if("phone", phone.as_ref()),
        UserEvent::UserProfileChanged(UserProfileChanged { name, time_zone, locale, phone }) => said
            .changed("name", name.as_ref())
            .changed("time_zone", time_zone.as_ref())
            .changed("locale", locale.as_ref())
            .changed("phone", phone.as_ref()),
        UserEvent::UserEmailChanged(changed) => said.change("email", &changed.from, &changed.to),
        UserEvent::UserRoleChanged(changed) => said.change("role", &changed.from, &changed.to),
        UserEvent::UserNotificationPreferencesChanged(changed) => notifications(said, changed),
        UserEvent::UserJoinedTeam(joined) => said.first("team", &joined.team_id),
        UserEvent::UserLeftTeam(left) => said.change("team", &left.team_id, &Value::Null),
        UserEvent::UserDeactivated(_) => said.change("active", &true, &false),
        UserEvent::UserReactivated(_) => said.change("active", &false, &true),
        UserEvent::UserErased(erased) => said.first("erased_at", &erased.at),
    }
}

/// The event has all of them before and after; the log says which are others now.
fn notifications(said: Said, changed: &UserNotificationPreferencesChanged) -> Said {
    let UserNotificationPreferencesChanged { from, to } = changed;
    let said = NotificationKind::ALL.iter().fold(said, |said, kind| {
        let change = Change::between(from.channels.of(*kind), to.channels.of(*kind));
        said.changed(&format!("channels.{kind}"), change.as_ref())
    });
    said.changed("quiet_hours", Change::between(&from.quiet_hours, &to.quiet_hours).as_ref())
        .changed("digest", Change::between(&from.digest, &to.digest).as_ref())
}

fn team(event: &TeamEvent) -> Said {
    let said = Said::default();
    match event {
        TeamEvent::TeamCreated(created) => {
            said.first("name", &created.name).first_if("description", created.description.as_ref())
        }
        TeamEvent::TeamEdited(edited) => {
            said.changed("name", edited.name.as_ref()).changed("description", edited.description.as_ref())
        }
    }
}
