//! The life of one demo task: what was done with it, by whom and when, up to now.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, TimeDelta, TimeZone as _, Timelike as _, Utc, Weekday};
use fastrand::Rng;
use muster_domain::task::{CreateTask, Frequency, Lead, Priority, Recurrence, Status, Task, TaskCommand, UpdateTask};
use muster_domain::values::{Description, Invalid, Label, Labels, Location, Position, TimeZone, Title};
use muster_domain::{Actor, CommandId, CommentId, Decider as _, SeriesId, UserId};
use uuid::Uuid;

use super::people::{Crew, Roster};
use super::words::{ADDENDA, COMMENTS, CUSTOMERS, HOLDS, JOBS, Job, PLACES, REOPENED};

/// The same seed, the same team.
const SEED: u64 = 0x6d75_7374_6572;
/// How many days of history there are.
const DAYS: i64 = 30;

/// One command to the task.
pub(super) struct Step {
    pub(super) at: DateTime<Utc>,
    pub(super) actor: UserId,
    pub(super) command: TaskCommand,
}

/// Everything that was done with the task of this number until `now`.
pub(super) fn of(index: u32, roster: &Roster, now: DateTime<Utc>) -> Result<Vec<Step>, Invalid> {
    let mut rng = Rng::with_seed(SEED ^ (u64::from(index) << 20));
    let place = rng.usize(..roster.teams.len());
    let crew = &roster.teams[place];
    let job = &JOBS[place][rng.usize(..JOBS[place].len())];
    let ago = TimeDelta::minutes(rng.i64(20..DAYS * 24 * 60));
    let created = working_hours(&mut rng, now - ago, crew.time_zone);
    let doer = crew.members[rng.usize(..crew.members.len())];
    let mut life =
        Life { rng, index, crew, doer, now, at: created.min(now - TimeDelta::minutes(15)), steps: Vec::new() };
    life.live(place, job)?;
    life.look_ahead()?;
    Ok(life.steps)
}

/// The id of the task of this number.
pub(super) fn task_id(index: u32) -> Uuid {
    CommandId::from_key(&Actor::system("demo"), &format!("task/{index}")).created_id()
}

struct Life<'a> {
    rng: Rng,
    index: u32,
    crew: &'a Crew,
    doer: UserId,
    now: DateTime<Utc>,
    /// When the last step was.
    at: DateTime<Utc>,
    steps: Vec<Step>,
}

impl Life<'_> {
    fn live(&mut self, place: usize, job: &Job) -> Result<(), Invalid> {
        let assigned = self.chance(40);
        let (deadline, description) = self.create(place, job, assigned)?;
        if self.chance(3) {
            return self.delete();
        }
        if self.chance(8) && self.later(1, 20) {
            let priority = if job.priority == Priority::High { Priority::Critical } else { Priority::High };
            if priority != job.priority {
                self.update(self.crew.manager, |update| update.priority = Some(priority));
            }
        }
        if !assigned {
            if self.chance(6) || !self.later(0, 6) {
                return Ok(());
            }
            let doer = self.doer;
            self.update(self.crew.manager, |update| update.assignee = Some(Some(doer)));
        }
        if self.chance(12) && self.later(0, 4) {
            let text = format!("{description}\n\n{}", self.pick(&ADDENDA)).parse::<Description>()?;
            self.update(self.crew.manager, |update| update.description = Some(Some(text)));
        }
        match deadline {
            None if self.chance(40) && self.later(0, 8) => self.set_deadline(None),
            Some(before) if self.chance(14) && self.later(2, 30) => self.set_deadline(Some(before)),
            None | Some(_) => {}
        }
        // One in twelve lies about: those with a deadline become overdue.
        if self.chance(8) || !self.later(1, 40) {
            return Ok(());
        }
        self.status(Status::InProgress);
        self.work()
    }

    /// From the start of the work to the end of it, and again if it was not good enough.
    fn work(&mut self) -> Result<(), Invalid> {
        self.comment()?;
        if self.chance(15) && self.later(0, 10) {
            let (why, then) = HOLDS[self.rng.usize(..HOLDS.len())];
            let at = self.at;
            self.step(self.doer, TaskCommand::Hold { reason: why.parse()?, at });
            if self.chance(10) || !self.later(4, 72) {
                return Ok(());
            }
            let at = self.at;
            self.step(self.doer, TaskCommand::Resume { reason: then.parse()?, at });
        }
        self.comment()?;
        if self.chance(7) || !self.later(1, 30) {
            return Ok(());
        }
        self.status(Status::Completed);
        if self.chance(7) && self.later(4, 72) {
            let text = self.pick(&REOPENED);
            let manager = self.crew.manager;
            self.say(manager, text)?;
            self.update(manager, |update| update.status = Some(Status::Todo));
            if self.later(1, 30) {
                self.status(Status::InProgress);
                if self.chance(75) && self.later(1, 20) {
                    self.status(Status::Completed);
                }
            }
        }
        Ok(())
    }

    /// What is still to do may come again, and be reminded of.
    fn look_ahead(&mut self) -> Result<(), Invalid> {
        let mut task = Task::default();
        for step in &self.steps {
            // Each is obeyed: the tests say so.
            task.decide(step.command.clone()).unwrap_or_default().iter().for_each(|event| task.evolve(event));
        }
        let Some(task) = task.state.filter(|task| task.status != Status::Completed && task.deleted_at.is_none()) else {
            return Ok(());
        };
        if task.deadline.is_some_and(|deadline| deadline > self.now + TimeDelta::days(1)) && self.chance(40) {
            let leads = ["P1D", "PT2H"].map(str::parse::<Lead>).into_iter().collect::<Result<Vec<_>, _>>()?;
            let by = Some(self.crew.manager);
            self.step(self.crew.manager, TaskCommand::SetReminders { leads: leads.try_into()?, by });
        }
        if self.chance(15) {
            let rule = Recurrence {
                frequency: if self.chance(60) { Frequency::Weekly } else { Frequency::Monthly },
                interval: self.rng.u32(1..=3),
                weekdays: BTreeSet::new(),
                day: None,
                month: None,
                time: "16:00".parse()?,
                time_zone: self.crew.time_zone,
                until: None,
                count: None,
            };
            let series = SeriesId(task_id(self.index));
            self.step(self.crew.manager, TaskCommand::SetRecurrence { rule, series, at: self.at });
        }
        Ok(())
    }

    fn create(&mut self, place: usize, job: &Job, assigned: bool) -> Result<(Option<DateTime<Utc>>, String), Invalid> {
        let places = PLACES[place];
        let (site, latitude, longitude) = places[self.rng.usize(..places.len())];
        let reporter = if self.chance(70) {
            self.crew.manager
        } else {
            self.crew.members[self.rng.usize(..self.crew.members.len())]
        };
        let days = match job.priority {
            Priority::Critical => 1,
            Priority::High => 3,
            Priority::Medium => 7,
            Priority::Low => 14,
        };
        let deadline = self.chance(70).then(|| self.deadline(days));
        let description = format!("{}\n\n{}", job.description, self.pick(&CUSTOMERS));
        let labels = job.labels.iter().map(|label| label.parse()).collect::<Result<Vec<Label>, _>>()?;
        let create = CreateTask {
            title: format!("{}: {site}", job.title).parse::<Title>()?,
            description: Some(description.parse()?),
            priority: job.priority,
            labels: Labels::try_from(labels)?,
            location: Some(Location { name: site.parse()?, position: Some(Position::new(latitude, longitude)?) }),
            team: Some(self.crew.id),
            assignee: assigned.then_some(self.doer),
            reporter: Some(reporter),
            deadline,
            at: self.at,
        };
        self.step(reporter, TaskCommand::Create(create));
        Ok((deadline, description))
    }

    fn delete(&mut self) -> Result<(), Invalid> {
        if self.later(0, 12) {
            let manager = self.crew.manager;
            self.say(manager, "Reported twice, the other one is being worked on.")?;
            let at = self.at + TimeDelta::minutes(1);
            self.at = at;
            self.step(manager, TaskCommand::Delete { at });
            if self.chance(40) && self.later(1, 24) {
                self.step(manager, TaskCommand::Restore);
            }
        }
        Ok(())
    }

    /// The end of a working day, so many days after the last step or one or two later.
    fn deadline(&mut self, days: i64) -> DateTime<Utc> {
        let day = self.at + TimeDelta::days(days + self.rng.i64(0..3));
        day.with_hour(15).and_then(|day| day.with_minute(0)).and_then(|day| day.with_second(0)).unwrap_or(day)
    }

    fn set_deadline(&mut self, before: Option<DateTime<Utc>>) {
        let mut deadline = self.deadline(4);
        if before == Some(deadline) {
            deadline += TimeDelta::days(1);
        }
        self.update(self.crew.manager, |update| update.deadline = Some(Some(deadline)));
    }

    fn status(&mut self, status: Status) {
        self.update(self.doer, |update| update.status = Some(status));
    }

    fn update(&mut self, actor: UserId, change: impl FnOnce(&mut UpdateTask)) {
        let mut update = UpdateTask::at(self.at);
        change(&mut update);
        self.step(actor, TaskCommand::Update(update));
    }

    fn comment(&mut self) -> Result<(), Invalid> {
        if self.chance(45) && self.later(0, 5) {
            let actor = if self.chance(75) { self.doer } else { self.crew.manager };
            let text = self.pick(&COMMENTS);
            self.say(actor, text)?;
        }
        Ok(())
    }

    fn say(&mut self, actor: UserId, text: &str) -> Result<(), Invalid> {
        let key = format!("comment/{}/{}", self.index, self.steps.len());
        let comment_id = CommentId(CommandId::from_key(&Actor::system("demo"), &key).created_id());
        self.step(actor, TaskCommand::Comment { comment_id, text: text.parse()? });
        Ok(())
    }

    fn step(&mut self, actor: UserId, command: TaskCommand) {
        self.steps.push(Step { at: self.at, actor, command });
    }

    /// Goes on by some hours, to a time at which people work; `false` when that is not past yet.
    fn later(&mut self, from_hours: i64, to_hours: i64) -> bool {
        let minutes = self.rng.i64(from_hours * 60 + 4..=to_hours * 60);
        let at = working_hours(&mut self.rng, self.at + TimeDelta::minutes(minutes), self.crew.time_zone);
        if at >= self.now {
            return false;
        }
        self.at = at;
        true
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    fn pick(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.rng.usize(..texts.len())]
    }
}

/// The time itself if it is on a working day between 7 and 18 o'clock, or else a time in the next such day's morning.
fn working_hours(rng: &mut Rng, time: DateTime<Utc>, zone: TimeZone) -> DateTime<Utc> {
    let mut local = time.with_timezone(&zone.0);
    let weekend = |day: Weekday| matches!(day, Weekday::Sat | Weekday::Sun);
    if (7..18).contains(&local.hour()) && !weekend(local.weekday()) {
        return time;
    }
    if local.hour() >= 18 {
        local += TimeDelta::days(1);
    }
    while weekend(local.weekday()) {
        local += TimeDelta::days(1);
    }
    let morning = local.date_naive().and_hms_milli_opt(7, rng.u32(0..60), rng.u32(0..60), rng.u32(0..1000));
    let morning = morning.and_then(|morning| zone.0.from_local_datetime(&morning).earliest());
    morning.map_or(time, |morning| morning.with_timezone(&Utc) + TimeDelta::minutes(rng.i64(0..120)))
}

#[cfg(test)]
mod tests {
    use muster_domain::task::TaskState;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-20T14:00:00Z".parse().expect("a time")
    }

    /// The task after all of its steps, each of which is obeyed.
    fn lived(index: u32, roster: &Roster) -> TaskState {
        let mut task = Task::default();
        for Step { command, .. } in of(index, roster, now()).expect("a life") {
            let events = task.decide(command).expect("a command that is obeyed");
            assert!(!events.is_empty(), "task {index} has a step that changes nothing");
            for event in &events {
                task.evolve(event);
            }
        }
        task.state.expect("a task")
    }

    #[test]
    fn every_step_of_every_task_is_obeyed_and_changes_something() {
        let roster = Roster::plan().expect("a roster");
        let tasks: Vec<_> = (0..2_000).map(|index| lived(index, &roster)).collect();
        let count = |is: &dyn Fn(&TaskState) -> bool| tasks.iter().filter(|task| is(task)).count();

        assert!(count(&|task| task.status == Status::Completed) > 1_000, "most are done");
        assert!(count(&|task| task.status == Status::InProgress) > 50, "some are under way");
        assert!(count(&|task| task.is_overdue(now())) > 50, "some are overdue");
        assert!(count(&|task| task.reopened > 0) > 50, "some were reopened");
        assert!(count(&|task| task.hold.is_some()) > 5, "some are on hold");
        assert!(count(&|task| task.deleted_at.is_some()) > 5, "some are deleted");
        assert!(count(&|task| task.assignee.is_none()) > 5, "some are nobody's");
        assert!(count(&|task| task.recurrence.is_some()) > 5, "some come again");
        assert!(count(&|task| task.next_reminder().is_some()) > 5, "some are to be reminded of");
    }

    #[test]
    fn steps_are_in_order_within_the_last_weeks_and_not_in_the_future() {
        let roster = Roster::plan().expect("a roster");
        for index in 0..500 {
            let steps = of(index, &roster, now()).expect("a life");
            assert!(steps.is_sorted_by_key(|step| step.at), "task {index}");
            assert!(steps.iter().all(|step| step.at <= now()), "task {index}");
            assert!(steps[0].at > now() - TimeDelta::days(DAYS + 1), "task {index}");
        }
    }

    #[test]
    fn there_are_thirty_people_with_the_administrator() {
        let roster = Roster::plan().expect("a roster");
        assert_eq!((roster.people.len() + 1, roster.teams.len()), (30, 4));
    }
}
