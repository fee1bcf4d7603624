//! What somebody can be told of, and by which channels.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::ArrayBuilder;

use crate::task::words;
use crate::values::{Invalid, openapi};

words!(
    /// What somebody is told of.
    NotificationKind {
        /// A task is theirs now.
        Assignment = "assignment",
        /// A task of theirs has moved on.
        StatusChange = "status_change",
        /// Somebody has said something on a task of theirs.
        Comment = "comment",
        /// Somebody has named them in a comment.
        Mention = "mention",
        /// A task of theirs is due soon.
        DeadlineNear = "deadline_near",
        /// A task of theirs should have been done by now.
        DeadlineMissed = "deadline_missed",
        /// A task of theirs has to wait, or need not wait any longer.
        Hold = "hold",
    }
);

words!(
    /// What carries a notification.
    NotificationChannel {
        /// The list of notifications in Muster itself.
        Inbox = "inbox",
        /// A mail to the address with which they sign in.
        Email = "email",
        /// A text message to their telephone number.
        Sms = "sms",
        /// A message that their browser or telephone shows.
        Push = "push",
    }
);

/// Some channels: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<NotificationChannel>", into = "Vec<NotificationChannel>")]
pub struct NotificationChannels(u8);

impl NotificationChannels {
    /// These channels.
    pub fn of(channels: &[NotificationChannel]) -> Self {
        Self(channels.iter().fold(0, |set, channel| set | Self::bit(*channel)))
    }

    /// Whether this channel is among them.
    pub const fn contains(self, channel: NotificationChannel) -> bool {
        self.0 & Self::bit(channel) != 0
    }

    const fn bit(channel: NotificationChannel) -> u8 {
        1 << channel as u8
    }
}

impl TryFrom<Vec<NotificationChannel>> for NotificationChannels {
    type Error = Invalid;

    fn try_from(channels: Vec<NotificationChannel>) -> Result<Self, Invalid> {
        channels.into_iter().try_fold(Self::default(), |set, channel| {
            if set.contains(channel) {
                return Err(Invalid::Form("must have each channel once at most"));
            }
            Ok(Self(set.0 | Self::bit(channel)))
        })
    }
}

/// In the order of [`NotificationChannel::ALL`].
impl From<NotificationChannels> for Vec<NotificationChannel> {
    fn from(channels: NotificationChannels) -> Self {
        NotificationChannel::ALL.iter().copied().filter(|channel| channels.contains(*channel)).collect()
    }
}

openapi!(
    NotificationChannels,
    ArrayBuilder::new()
        .items(<NotificationChannel as utoipa::PartialSchema>::schema())
        .max_items(Some(NotificationChannel::ALL.len()))
        .unique_items(true)
);

impl JsonSchema for NotificationChannels {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NotificationChannels".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let channel = generator.subschema_for::<NotificationChannel>();
        let most = NotificationChannel::ALL.len();
        schemars::json_schema!({ "type": "array", "items": channel, "maxItems": most, "uniqueItems": true })
    }
}

/// Something for each kind of notification, so that none is forgotten: a task is theirs now (`assignment`), a task of theirs has moved
/// on (`status_change`), somebody has said something on one (`comment`) or named them (`mention`), one is due soon (`deadline_near`) or
/// should have been done by now (`deadline_missed`), or has to wait or need not wait any longer (`hold`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "{T}ByKind")]
pub struct ByKind<T> {
    /// A task is theirs now.
    pub assignment: T,
    /// A task of theirs has moved on.
    pub status_change: T,
    /// Somebody has said something on a task of theirs.
    pub comment: T,
    /// Somebody has named them in a comment.
    pub mention: T,
    /// A task of theirs is due soon.
    pub deadline_near: T,
    /// A task of theirs should have been done by now.
    pub deadline_missed: T,
    /// A task of theirs has to wait, or need not wait any longer.
    pub hold: T,
}

impl<T> ByKind<T> {
    /// What this makes of each kind.
    pub fn each(mut make: impl FnMut(NotificationKind) -> T) -> Self {
        Self {
            assignment: make(NotificationKind::Assignment),
            status_change: make(NotificationKind::StatusChange),
            comment: make(NotificationKind::Comment),
            mention: make(NotificationKind::Mention),
            deadline_near: make(NotificationKind::DeadlineNear),
            deadline_missed: make(NotificationKind::DeadlineMissed),
            hold: make(NotificationKind::Hold),
        }
    }

    /// What there is for this kind.
    pub const fn of(&self, kind: NotificationKind) -> &T {
        match kind {
            NotificationKind::Assignment => &self.assignment,
            NotificationKind::StatusChange => &self.status_change,
            NotificationKind::Comment => &self.comment,
            NotificationKind::Mention => &self.mention,
            NotificationKind::DeadlineNear => &self.deadline_near,
            NotificationKind::DeadlineMissed => &self.deadline_missed,
            NotificationKind::Hold => &self.hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn channels_are_a_set_in_a_fixed_order() {
        let channels: NotificationChannels = serde_json::from_value(json!(["push", "inbox", "sms"])).unwrap();
        assert_eq!(serde_json::to_value(channels).unwrap(), json!(["inbox", "sms", "push"]));
        let twice = serde_json::from_value::<NotificationChannels>(json!(["push", "push"])).unwrap_err();
        assert_eq!(twice.to_string(), "must have each channel once at most");
    }
}
