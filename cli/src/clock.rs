//! What the local program does by the clock, as schedules do on AWS.

use std::time::Duration;

use muster_handlers::http::Causes;
use muster_handlers::recurrence::Recurring;
use muster_handlers::reminders::ReminderClock;
use muster_identity::AccessLog;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

/// How often it is looked for reminders that are due.
const REMIND: Duration = Duration::from_mins(1);
/// How often refusals that were only counted are written down.
const WRITE_LEFT_OUT: Duration = Duration::from_mins(1);
/// How often it is looked for series that have stopped.
const LOOK_FOR_MISSED: Duration = Duration::from_hours(1);

/// Lets reminders fire, every minute.
pub(crate) async fn remind(reminders: ReminderClock) {
    let mut ticks = interval(REMIND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match reminders.fire_due().await {
            Ok(0) => {}
            Ok(fired) => tracing::info!(fired, "reminded of deadlines"),
            Err(error) => tracing::warn!(error = %Causes(&error), "not reminded of all deadlines"),
        }
    }
}

/// Makes what comes after tasks whose completion nobody has heard of, a while after the start and every hour: it reads the whole store.
pub(crate) async fn look_for_missed(recurring: Recurring, segments: u32) {
    let mut ticks = interval_at(Instant::now() + REMIND, LOOK_FOR_MISSED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = recurring.make_missed(segments).await {
            tracing::warn!(error = %Causes(&error), "not looked for series that have stopped");
        }
    }
}

/// Writes down, every minute and a last time when it is told that no request is under way any more, how many refusals were only counted.
pub(crate) async fn write_left_out(access_log: AccessLog, over: CancellationToken) {
    let mut ticks = interval(WRITE_LEFT_OUT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // No write is cut off: what is being written is counted no longer.
        let is_over = over.run_until_cancelled(ticks.tick()).await.is_none();
        if let Err(error) = access_log.write_left_out().await {
            tracing::error!(error = %Causes(&error), "refusals that were counted are not in the access log");
        }
        if is_over {
            return;
        }
    }
}
