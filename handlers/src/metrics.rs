//! What is counted and timed, under the names that the dashboard and the alarms use (`infra/cdk/lib/metrics.ts`).
//!
//! Who records them depends on the program: a Lambda writes them into its log in CloudWatch's embedded metric format.
//! Where nobody does, they cost nothing.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Events that the bus has taken.
pub const EVENTS_PUBLISHED: &str = "EventsPublished";
/// Events that the bus refused, or of which it is not known; they are put again.
pub const EVENTS_REFUSED: &str = "EventsRefused";
/// Items of the event table that were changed or removed. There should never be one.
pub const EVENT_TABLE_CHANGED: &str = "EventTableChanged";
/// From the time when an event was recorded to its row, in milliseconds; by projection.
pub const PROJECTION_LAG: &str = "ProjectionLag";
/// Aggregates whose rows a sweep found wrong; by projection.
pub const PROJECTION_BEHIND: &str = "ProjectionBehind";
/// Events that a projector cannot take in; by projection.
pub const EVENTS_PARKED: &str = "EventsParked";
/// Calls of receivers of webhooks; by whether they took what was sent.
pub const WEBHOOK_ATTEMPTS: &str = "WebhookAttempts";
/// Webhooks that were disabled, as their receivers took nothing for days.
pub const WEBHOOKS_DISABLED: &str = "WebhooksDisabled";

/// Digests that were taken. There is one every hour.
pub const DIGESTS_TAKEN: &str = "DigestsTaken";
/// Histories that are not as an earlier digest has them. There should never be one.
pub const HISTORIES_CONTRADICTED: &str = "HistoriesContradicted";

/// The label of a projection's metrics.
pub const PROJECTION: &str = "projection";

/// Tells the recorder the units.
pub fn describe() {
    describe_counter!(EVENTS_PUBLISHED, Unit::Count, "events that the bus has taken");
    describe_counter!(EVENTS_REFUSED, Unit::Count, "events that the bus refused, which are put again");
    describe_counter!(EVENT_TABLE_CHANGED, Unit::Count, "items of the event table that were changed or removed");
    describe_histogram!(PROJECTION_LAG, Unit::Milliseconds, "from an event to its row");
    describe_gauge!(PROJECTION_BEHIND, Unit::Count, "aggregates whose rows were wrong");
    describe_counter!(EVENTS_PARKED, Unit::Count, "events that cannot be taken in");
    describe_counter!(DIGESTS_TAKEN, Unit::Count, "digests that were taken");
    describe_gauge!(HISTORIES_CONTRADICTED, Unit::Count, "histories that are not as an earlier digest has them");
    describe_counter!(WEBHOOK_ATTEMPTS, Unit::Count, "calls of receivers of webhooks");
    describe_counter!(WEBHOOKS_DISABLED, Unit::Count, "webhooks that were disabled");
}
