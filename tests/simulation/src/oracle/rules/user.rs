//! The rules of an account.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Verdict, among, changes, edits, in_order, was};
use crate::oracle::attribute::{same, text};
use crate::oracle::log::Event;

/// The most teams that a person may be in.
const MAX_TEAMS: usize = 50;

/// How those are told who have chosen nothing, as DynamoDB has it.
static TOLD_BY_DEFAULT: LazyLock<Value> = LazyLock::new(|| {
    let text = |text: &str| json!({ "S": text });
    let inbox = || json!({ "L": [text("inbox")] });
    let all_but_sms = || json!({ "L": [text("inbox"), text("email"), text("push")] });
    let channels = json!({
        "assignment": all_but_sms(), "status_change": inbox(), "comment": inbox(), "mention": all_but_sms(),
        "deadline_near": all_but_sms(), "deadline_missed": all_but_sms(), "hold": inbox(),
    });
    let digest = json!({ "frequency": text("off"), "at": text("08:00") });
    json!({ "M": { "channels": { "M": channels }, "quiet_hours": { "NULL": true }, "digest": { "M": digest } } })
});

/// What is known of an account.
pub(in crate::oracle) struct User<'a> {
    pub(in crate::oracle) name: Option<&'a Value>,
    pub(in crate::oracle) email: Option<&'a Value>,
    pub(in crate::oracle) role: Option<&'a Value>,
    pub(in crate::oracle) time_zone: Option<&'a Value>,
    pub(in crate::oracle) locale: Option<&'a Value>,
    pub(in crate::oracle) phone: Option<&'a Value>,
    /// How they want to be told, if they have chosen it.
    pub(in crate::oracle) told: Option<&'a Value>,
    /// In the order of their ids.
    pub(in crate::oracle) teams: Vec<&'a Value>,
    pub(in crate::oracle) active: bool,
    pub(in crate::oracle) created_at: &'a Value,
    /// Since when nothing personal is known of it.
    pub(in crate::oracle) erased_at: Option<&'a Value>,
}

/// Where an event of an update stands among the others.
fn rank(kind: &str) -> Option<u8> {
    ["UserProfileChanged", "UserEmailChanged", "UserRoleChanged"]
        .iter()
        .zip(0..)
        .find_map(|(name, rank)| (*name == kind).then_some(rank))
}

/// Under what an address is reserved.
pub(in crate::oracle) fn reservation(email: &Value) -> String {
    format!("email#{}", text(email).unwrap_or_default().to_lowercase())
}

impl<'a> User<'a> {
    pub(super) fn new(registered: &Event<'a>) -> Option<Self> {
        Some(Self {
            name: registered.field("name"),
            email: registered.field("email"),
            role: registered.field("role"),
            time_zone: registered.field("time_zone"),
            locale: registered.field("locale"),
            phone: registered.field("phone"),
            told: None,
            teams: Vec::new(),
            active: true,
            created_at: registered.field("at")?,
            erased_at: None,
        })
    }

    /// The address that the account holds for itself.
    pub(in crate::oracle) fn held(&self) -> Option<String> {
        self.email.filter(|_| self.active).map(reservation)
    }

    /// Whether one command can have made these events.
    pub(super) fn allows(&self, events: &[Event<'a>]) -> Verdict {
        if events.len() > 1 {
            in_order(events, rank)?;
        }
        events.iter().try_for_each(|event| self.allows_one(event))
    }

    fn allows_one(&self, event: &Event<'a>) -> Verdict {
        let (from, to) = (event.field("from"), event.field("to"));
        let kind = event.kind;
        if self.erased_at.is_some() {
            return Err(format!("{kind} of a user who is erased"));
        }
        if self.active == matches!(kind, "UserReactivated" | "UserErased") {
            let is = if self.active { "active" } else { "deactivated" };
            return Err(format!("{kind} of a user who is {is}"));
        }
        let team = event.field("team_id");
        let member = team.is_some_and(|team| among(&self.teams, team));
        match kind {
            "UserProfileChanged" => edits(
                event,
                &[("name", self.name), ("time_zone", self.time_zone), ("locale", self.locale), ("phone", self.phone)],
            ),
            "UserEmailChanged" => changes("email", from, to, self.email),
            "UserRoleChanged" => changes("role", from, to, self.role),
            "UserNotificationPreferencesChanged" => {
                changes("notification_preferences", from, to, Some(self.told.unwrap_or(&TOLD_BY_DEFAULT)))
            }
            "UserJoinedTeam" if member => Err("UserJoinedTeam of a member".to_owned()),
            "UserJoinedTeam" if self.teams.len() >= MAX_TEAMS => Err("UserJoinedTeam of one in 50 teams".to_owned()),
            "UserLeftTeam" if !member => Err("UserLeftTeam of one who is not a member".to_owned()),
            "UserDeactivated" | "UserReactivated" => was("email", event.field("email"), self.email),
            "UserJoinedTeam" | "UserLeftTeam" | "UserErased" => Ok(()),
            _ => Err(format!("{kind} in the history of a user")),
        }
    }

    pub(super) fn evolve(&mut self, event: &Event<'a>) {
        let to = event.field("to");
        match event.kind {
            "UserProfileChanged" => {
                for (name, property) in [
                    ("name", &mut self.name),
                    ("time_zone", &mut self.time_zone),
                    ("locale", &mut self.locale),
                    ("phone", &mut self.phone),
                ] {
                    if let Some((_, to)) = event.change(name) {
                        *property = to;
                    }
                }
            }
            "UserEmailChanged" => self.email = to,
            "UserRoleChanged" => self.role = to,
            "UserNotificationPreferencesChanged" => self.told = to,
            "UserJoinedTeam" => {
                if let Some(team) = event.field("team_id").filter(|team| !among(&self.teams, team)) {
                    let place = self.teams.partition_point(|other| text(other) < text(team));
                    self.teams.insert(place, team);
                }
            }
            "UserLeftTeam" => {
                if let Some(team) = event.field("team_id") {
                    self.teams.retain(|other| !same(other, team));
                }
            }
            "UserDeactivated" => self.active = false,
            "UserReactivated" => self.active = true,
            "UserErased" => self.erased_at = event.field("at"),
            _ => {}
        }
    }
}
