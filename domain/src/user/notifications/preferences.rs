//! What somebody has chosen to be told of, and when.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::channels::{ByKind, NotificationChannel, NotificationChannels, NotificationKind};
use crate::task::words;
use crate::values::{Invalid, LocalTime};

/// How somebody wants to be told of what concerns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationPreferences {
    /// The channels that carry each kind of notification; of a kind without channels they are not told.
    pub channels: ByKind<NotificationChannels>,
    /// When they want to be left alone, in their own time zone; null for never. The inbox is filled at any time.
    #[schema(required)]
    pub quiet_hours: Option<QuietHours>,
    /// Whether mails come one by one or together.
    pub digest: NotificationDigest,
}

impl NotificationPreferences {
    /// Whether this channel is to carry notifications of this kind.
    pub const fn wants(&self, kind: NotificationKind, channel: NotificationChannel) -> bool {
        self.channels.of(kind).contains(channel)
    }
}

/// Everything is in the inbox, and what asks somebody to do something comes to them besides. No text messages: they cost money, and
/// not everybody has told their number. Mails come at once and at any time.
impl Default for NotificationPreferences {
    fn default() -> Self {
        use NotificationChannel::{Email, Inbox, Push};
        let channels = ByKind::each(|kind| match kind {
            NotificationKind::Assignment
            | NotificationKind::Mention
            | NotificationKind::DeadlineNear
            | NotificationKind::DeadlineMissed => NotificationChannels::of(&[Inbox, Email, Push]),
            NotificationKind::StatusChange | NotificationKind::Comment | NotificationKind::Hold => {
                NotificationChannels::of(&[Inbox])
            }
        });
        Self { channels, quiet_hours: None, digest: NotificationDigest::default() }
    }
}

/// The hours in which somebody wants to be left alone, every day. They may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(try_from = "RawQuietHours")]
pub struct QuietHours {
    /// When they begin.
    from: LocalTime,
    /// When they are over.
    to: LocalTime,
    /// Whether what is about a critical task comes all the same.
    except_critical: bool,
}

/// Quiet hours as they come in, before it is known that they begin and end.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QuietHours")]
struct RawQuietHours {
    /// When they begin.
    from: LocalTime,
    /// When they are over.
    to: LocalTime,
    /// Whether what is about a critical task comes all the same.
    except_critical: bool,
}

impl QuietHours {
    /// Quiet from one time of day to another one. The same twice could mean never or always, and so means nothing.
    pub fn new(from: LocalTime, to: LocalTime, except_critical: bool) -> Result<Self, Invalid> {
        if from == to {
            return Err(Invalid::Form("must be another time than the one at which they begin"));
        }
        Ok(Self { from, to, except_critical })
    }

    pub(super) const fn from(self) -> LocalTime {
        self.from
    }

    pub(super) const fn to(self) -> LocalTime {
        self.to
    }

    pub(super) const fn except_critical(self) -> bool {
        self.except_critical
    }
}

impl TryFrom<RawQuietHours> for QuietHours {
    type Error = Invalid;
    fn try_from(raw: RawQuietHours) -> Result<Self, Invalid> {
        Self::new(raw.from, raw.to, raw.except_critical)
    }
}

words!(
    /// How often mails are put together into one.
    DigestFrequency {
        /// Never: each comes by itself, at once.
        Off = "off",
        /// Once an hour.
        Hourly = "hourly",
        /// Once a day.
        Daily = "daily",
    }
);

/// Whether mails come one by one or together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationDigest {
    /// How often they are put together.
    pub frequency: DigestFrequency,
    /// When the daily one comes, in their own time zone. It is kept while there is none.
    pub at: LocalTime,
}

impl Default for NotificationDigest {
    fn default() -> Self {
        Self { frequency: DigestFrequency::Off, at: LocalTime::MORNING }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn quiet(from: &str, to: &str) -> Value {
        json!({ "from": from, "to": to, "except_critical": true })
    }

    fn written(change: impl FnOnce(&mut Value)) -> Value {
        let mut preferences = serde_json::to_value(NotificationPreferences::default()).unwrap();
        change(&mut preferences);
        preferences
    }

    #[test]
    fn whoever_has_chosen_nothing_finds_all_in_the_inbox_and_is_told_of_what_they_have_to_do() {
        let all = json!(["inbox", "email", "push"]);
        let default = json!({
            "channels": {
                "assignment": all, "status_change": ["inbox"], "comment": ["inbox"], "mention": all, "deadline_near": all,
                "deadline_missed": all, "hold": ["inbox"],
            },
            "quiet_hours": null,
            "digest": { "frequency": "off", "at": "08:00" },
        });
        assert_eq!(written(|_| {}), default);
        assert_eq!(
            serde_json::from_value::<NotificationPreferences>(default).unwrap(),
            NotificationPreferences::default()
        );
    }

    #[test]
    fn each_kind_has_its_own_channels() {
        for kind in NotificationKind::ALL {
            for channel in NotificationChannel::ALL {
                let only = written(|all| {
                    for other in NotificationKind::ALL {
                        all["channels"][other.as_str()] = json!([]);
                    }
                    all["channels"][kind.as_str()] = json!([channel]);
                });
                let only: NotificationPreferences = serde_json::from_value(only).unwrap();
                let wanted: Vec<_> = NotificationKind::ALL
                    .iter()
                    .flat_map(|kind| NotificationChannel::ALL.iter().map(move |channel| (*kind, *channel)))
                    .filter(|(kind, channel)| only.wants(*kind, *channel))
                    .collect();
                assert_eq!(wanted, [(*kind, *channel)]);
            }
        }
    }

    #[test]
    fn quiet_hours_may_go_over_midnight_and_have_a_length() {
        for (from, to) in [("22:00", "07:00"), ("12:00", "12:01"), ("00:00", "23:59")] {
            let hours: QuietHours = serde_json::from_value(quiet(from, to)).unwrap();
            assert_eq!(serde_json::to_value(hours).unwrap(), quiet(from, to));
        }
        let none = serde_json::from_value::<QuietHours>(quiet("07:00", "07:00")).unwrap_err();
        assert_eq!(none.to_string(), "must be another time than the one at which they begin");
    }

    #[test]
    fn what_is_missing_or_not_known_is_refused() {
        for (broken, refusal) in [
            (written(|all| drop(all["channels"].as_object_mut().unwrap().remove("hold"))), "missing field `hold`"),
            (written(|all| all["channels"]["rain"] = json!([])), "unknown field `rain`"),
            (written(|all| all["channels"]["hold"] = json!(["pigeon"])), "unknown variant `pigeon`"),
            (written(|all| all["digest"]["frequency"] = json!("weekly")), "unknown variant `weekly`"),
        ] {
            let found = serde_json::from_value::<NotificationPreferences>(broken).unwrap_err().to_string();
            assert!(found.starts_with(refusal), "{found}");
        }
    }
}
