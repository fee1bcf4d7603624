//! `muster history`: everything that happened to one aggregate.

use chrono::SecondsFormat;
use muster_domain::stream::NotAStream;
use muster_domain::{AggregateType, Commit, EventReader as _, StreamId};
use uuid::Uuid;

use super::json;
use crate::args::HistoryArgs;
use crate::report::{Failure, failed, line};
use crate::store::Store;

/// A stream as it is written; an id alone is a task's.
pub fn parse_stream(text: &str) -> Result<StreamId, NotAStream> {
    match text.parse::<Uuid>() {
        Ok(id) => Ok(StreamId::new(AggregateType::Task, id)),
        Err(_) => text.parse(),
    }
}

/// Shows the history.
pub async fn run(args: HistoryArgs) -> Result<(), Failure> {
    let system = Store::named(&args.store).await?.system().await?;
    let commits = system.events.commits(&args.stream, 0, None).await.map_err(failed("reading the history"))?;
    if commits.is_empty() {
        return Err(Failure::Refused(format!("there is no {}", args.stream)));
    }
    for commit in &commits {
        if args.json {
            json(commit)?;
        } else {
            show(commit)?;
        }
    }
    Ok(())
}

/// The commit in a line, and each of its events in another.
fn show(commit: &Commit) -> Result<(), Failure> {
    let at = commit.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    line(format_args!("{at}  {}  {}", commit.actor, commit.hash))?;
    for event in commit.recorded_events() {
        line(format_args!("{:>6}  {:<20}  {}", event.version, event.event_type, event.data))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_alone_is_that_of_a_task() {
        let id = "0190b2f4-0000-7000-8000-000000000001";
        let task = parse_stream(id).expect("a stream");
        assert_eq!(task, parse_stream(&format!("task#{id}")).expect("a stream"));
        assert_eq!(parse_stream(&format!("user#{id}")).expect("a stream").aggregate, AggregateType::User);
        let refused = parse_stream("task#7").expect_err("no stream").to_string();
        assert!(refused.contains("task#7"), "{refused}");
    }
}
