//! The bodies of requests about tasks, and how they become commands.

use chrono::{DateTime, Datelike as _, SubsecRound as _, Utc};
use muster_domain::task::{CreateTask, Priority, Status, UpdateTask};
use muster_domain::values::{
    CommentText, Description, Invalid, Label, Labels, Location, Name, Position, Reason, Title,
};
use muster_domain::{TeamId, UserId};
use muster_identity::policy::{Action, Person};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::fields::{Fields, Object, given, present};
use crate::http::problem::Problem;
use crate::http::time::{optional_time, present_time, time};

/// The most labels that are read; more are refused anyway.
const MAX_LABELS_READ: usize = 100;

/// Where a task is to be done.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocationBody {
    /// The place in words: an address, a room.
    #[schema(value_type = Name)]
    name: String,
    /// Where it is on the globe.
    #[serde(default)]
    #[schema(value_type = Option<PositionBody>)]
    position: Option<Object<PositionBody>>,
}

/// A point on the globe (WGS 84).
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PositionBody {
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
}

impl LocationBody {
    fn checked(&self, fields: &mut Fields) -> Option<Location> {
        let name = fields.parse("/location/name", &self.name);
        let position = match self.position {
            None => Some(None),
            Some(Object(PositionBody { latitude, longitude })) => {
                let north = fields.take("/location/position/latitude", Position::north(latitude));
                let east = fields.take("/location/position/longitude", Position::east(longitude));
                north.zip(east).and_then(|(north, east)| Position::new(north, east).ok()).map(Some)
            }
        };
        Some(Location { name: name?, position: position? })
    }
}

fn labels(fields: &mut Fields, texts: &[String]) -> Option<Labels> {
    if texts.len() > MAX_LABELS_READ {
        fields.wrong("/labels", Invalid::TooMany { max: Labels::MAX, actual: texts.len() });
        return None;
    }
    let parsed: Vec<Label> = texts
        .iter()
        .enumerate()
        .filter_map(|(n, text)| fields.parse::<Label>(&format!("/labels/{n}"), text))
        .map(Label::composed)
        .collect();
    (parsed.len() == texts.len()).then(|| fields.take("/labels", Labels::try_from(parsed))).flatten()
}

/// A deadline: to the millisecond, and of a year that RFC 3339 can write.
fn deadline(fields: &mut Fields, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if !(1..=9999).contains(&time.year()) {
        fields.wrong("/deadline", "must be of a year between 1 and 9999");
        return None;
    }
    Some(time.trunc_subsecs(3))
}

/// A task to be.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTaskBody {
    /// What is to be done, in a line.
    #[schema(value_type = Title)]
    title: String,
    /// What is to be done, in Markdown.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    /// How much hurry there is; medium if left out.
    #[serde(default)]
    priority: Option<Priority>,
    /// What it is grouped by.
    #[serde(default)]
    #[schema(value_type = Vec<Label>, max_items = 20)]
    labels: Vec<String>,
    /// Where it is to be done.
    #[serde(default)]
    #[schema(value_type = Option<LocationBody>)]
    location: Option<Object<LocationBody>>,
    /// The team that it belongs to.
    #[serde(default)]
    pub(crate) team_id: Option<TeamId>,
    /// Who is to do it.
    #[serde(default)]
    pub(crate) assignee_id: Option<UserId>,
    /// When it is to be done.
    #[serde(default, deserialize_with = "optional_time")]
    deadline: Option<DateTime<Utc>>,
}

impl NewTaskBody {
    /// What is to be done, in Markdown.
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The command that reports this task.
    pub(crate) fn checked(&self, reporter: UserId, at: DateTime<Utc>) -> Result<CreateTask, Problem> {
        let mut fields = Fields::default();
        let title = fields.parse("/title", &self.title);
        let description = fields.parse_optional("/description", self.description.as_ref());
        let labels = labels(&mut fields, &self.labels);
        let location = self.location.as_ref().and_then(|Object(location)| location.checked(&mut fields));
        let deadline = self.deadline.and_then(|time| deadline(&mut fields, time));
        let task = title.zip(labels).map(|(title, labels)| CreateTask {
            title,
            description,
            priority: self.priority.unwrap_or(Priority::Medium),
            labels,
            location,
            team: self.team_id,
            assignee: self.assignee_id,
            reporter: Some(reporter),
            deadline,
            at,
        });
        fields.finish(task)
    }
}

/// Changes to a task. A field that is left out stays; null takes the value away.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskBody {
    /// What is to be done, in a line.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Title, required = false)]
    title: Option<String>,
    /// What is to be done, in Markdown.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<String>>,
    /// All the labels that it is to have.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Label>, required = false, max_items = 20)]
    labels: Option<Vec<String>>,
    /// Where it is to be done.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LocationBody>)]
    location: Option<Option<Object<LocationBody>>>,
    /// The team that it belongs to.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TeamId>)]
    pub(crate) team_id: Option<Option<TeamId>>,
    /// Who is to do it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<UserId>)]
    pub(crate) assignee_id: Option<Option<UserId>>,
    /// How much hurry there is.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Priority, required = false)]
    priority: Option<Priority>,
    /// When it is to be done.
    #[serde(default, deserialize_with = "present_time", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    deadline: Option<Option<DateTime<Utc>>>,
    /// How far it has come.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Status, required = false)]
    status: Option<Status>,
}

impl TaskBody {
    /// What is to be done, in Markdown, if that is to change.
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_ref().and_then(Option::as_deref)
    }

    /// The command that makes these changes.
    pub(crate) fn checked(&self, at: DateTime<Utc>) -> Result<UpdateTask, Problem> {
        let mut fields = Fields::default();
        let location = match &self.location {
            None => None,
            Some(None) => Some(None),
            Some(Some(Object(location))) => location.checked(&mut fields).map(Some),
        };
        let update = UpdateTask {
            title: fields.parse_optional("/title", self.title.as_ref()),
            description: fields.parse_change("/description", self.description.as_ref()),
            labels: self.labels.as_ref().and_then(|texts| labels(&mut fields, texts)),
            location,
            team: self.team_id,
            assignee: self.assignee_id,
            priority: self.priority,
            deadline: match self.deadline {
                None => None,
                Some(None) => Some(None),
                Some(Some(time)) => deadline(&mut fields, time).map(Some),
            },
            status: self.status,
            at,
        };
        fields.finish(Some(update))
    }
}

/// What one must be allowed to do to make these changes. `person` is the assignee to be.
pub(crate) fn actions<'a>(update: &UpdateTask, person: Option<&'a Person>) -> Vec<Action<'a>> {
    let UpdateTask { title, description, labels, location, team, assignee, priority, deadline, status, at: _ } = update;
    let edits = title.is_some() || description.is_some() || labels.is_some() || location.is_some();
    let others = [
        team.map(|to| Action::MoveTask { to }),
        assignee.is_some().then_some(Action::AssignTask { to: person }),
        priority.is_some().then_some(Action::ChangeTaskPriority),
        deadline.is_some().then_some(Action::ChangeTaskDeadline),
        status.is_some().then_some(Action::ChangeTaskStatus),
    ];
    let others: Vec<Action<'a>> = others.into_iter().flatten().collect();
    // A request that changes nothing still needs the right to change something.
    let edit = (edits || others.is_empty()).then_some(Action::EditTask);
    edit.into_iter().chain(others).collect()
}

/// Who is to do a task.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignBody {
    /// The person; null gives it to nobody.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    pub(crate) assignee_id: Option<UserId>,
}

/// How far a task has come.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusBody {
    /// The status.
    pub(crate) status: Status,
}

/// When a task is to be done.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadlineBody {
    /// The deadline.
    #[serde(deserialize_with = "time")]
    deadline: DateTime<Utc>,
}

impl DeadlineBody {
    /// The deadline, if it is one.
    pub(crate) fn checked(&self) -> Result<DateTime<Utc>, Problem> {
        let mut fields = Fields::default();
        let deadline = deadline(&mut fields, self.deadline);
        fields.finish(deadline)
    }
}

/// Why a task waits, or goes on.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonBody {
    /// The reason.
    #[schema(value_type = Reason)]
    pub(crate) reason: String,
}

/// What somebody says on a task.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentBody {
    /// The words, in Markdown.
    #[schema(value_type = CommentText)]
    pub(crate) text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_object_and_not_a_list_of_its_fields() {
        for location in [r#"["Yard"]"#, r#"{"name": "Yard", "position": [52.5, 13.4]}"#] {
            let body = format!(r#"{{"title": "Mow the lawn", "location": {location}}}"#);
            let refused = serde_json::from_str::<NewTaskBody>(&body).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|error| error.starts_with("invalid type: sequence, expected an object")));
        }
    }
}
