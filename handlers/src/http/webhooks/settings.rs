//! What a webhook is to be: as it is sent, and as the access log tells of it.

use muster_domain::TeamId;
use serde::Deserialize;
use url::Url;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::webhooks::{MOST_EVENT_TYPES, Reach, Settings, is_event_type};

/// What a webhook is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookBody {
    /// Where it leads: an https URL of a public host.
    #[schema(max_length = 2048, example = "https://example.com/hooks/muster")]
    url: String,
    /// The types of the events that it is for, such as `TaskCreated`; of all events, if left out or empty.
    #[serde(default)]
    #[schema(value_type = Vec<EventTypeName>, max_items = 64)]
    event_types: Vec<String>,
    /// Only for the tasks of this team, and the team itself.
    #[serde(default)]
    #[schema(value_type = Option<TeamId>)]
    team_id: Option<String>,
    /// Whether anything is sent; true if left out.
    #[serde(default = "yes")]
    enabled: bool,
}

/// What the OpenAPI document says of the name of a type.
struct EventTypeName;

impl PartialSchema for EventTypeName {
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new().schema_type(Type::String).max_length(Some(64));
        name.description(Some("The type of an event.")).examples(["TaskCreated"]).into()
    }
}

impl ToSchema for EventTypeName {}

const fn yes() -> bool {
    true
}

impl WebhookBody {
    /// The settings, or all that is wrong with them.
    pub(super) fn checked(self, reach: &Reach) -> Result<Settings, Problem> {
        let mut fields = Fields::default();
        let url = fields.take("/url", reach.receiver(&self.url));
        if self.event_types.len() > MOST_EVENT_TYPES {
            fields.wrong("/event_types", format_args!("must have at most {MOST_EVENT_TYPES} entries"));
        }
        for (at, name) in self.event_types.iter().enumerate().take(MOST_EVENT_TYPES) {
            if !is_event_type(name) {
                fields.wrong(&format!("/event_types/{at}"), "must be the type of an event, such as TaskCreated");
            }
        }
        let team_id = fields.parse_optional("/team_id", self.team_id.as_ref());
        let mut event_types = self.event_types;
        event_types.sort_unstable();
        event_types.dedup();
        let url = url.map(|url| url.to_string());
        fields.finish(url.map(|url| Settings { url, event_types, team_id, enabled: self.enabled }))
    }
}

/// What was set up or changed, for the access log: before and after. Of an address only the host: what stands behind it may be a
/// secret of the receiver's.
pub(super) fn said(before: Option<&Settings>, after: &Settings) -> String {
    let host = |settings: &Settings| {
        let url = Url::parse(&settings.url).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    };
    let types = |settings: &Settings| {
        if settings.event_types.is_empty() { "all".to_owned() } else { settings.event_types.join(" ") }
    };
    let team = |settings: &Settings| settings.team_id.map_or_else(|| "none".to_owned(), |team| team.to_string());
    let Some(before) = before else {
        return format!(
            "host {}, events {}, team {}, enabled {}",
            host(after),
            types(after),
            team(after),
            after.enabled
        );
    };
    let mut changes = Vec::new();
    let mut change = |what: &str, from: String, to: String| {
        if from != to {
            changes.push(format!("{what} {from} → {to}"));
        }
    };
    change("host", host(before), host(after));
    change("events", types(before), types(after));
    change("team", team(before), team(after));
    change("enabled", before.enabled.to_string(), after.enabled.to_string());
    if host(before) == host(after) && before.url != after.url {
        changes.push("path".to_owned());
    }
    if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") }
}
