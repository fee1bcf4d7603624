//! A day of a field team: the commands, always the same ones.
//!
//! Of 100 commands, 20 report a task, 20 give it to somebody, 30 begin or complete one, 10 comment, 8 edit (half of them two
//! properties at once: two events), 6 set a deadline, 4 hold and resume, 1 deletes, and 1 changes the person's own profile.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// How many tasks a day has; a multiple of 20.
const TASKS: usize = 40;
/// What the texts and the order are drawn with.
const SEED: u64 = 20_260_302;

/// How many field workers there are.
pub(crate) const WORKERS: usize = 6;
/// How many teams there are.
pub(crate) const TEAMS: usize = 2;

/// When the day begins.
pub(crate) fn begin() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_514) + TimeDelta::hours(8) + TimeDelta::milliseconds(120)
}

/// Who gives a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The one who hands out the work.
    Dispatcher,
    /// A field worker.
    Worker(usize),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Create,
    Assign,
    Edit,
    Deadline,
    Start,
    Comment,
    Hold,
    Resume,
    Complete,
    Delete,
    Profile,
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    kind: Kind,
    /// The number of its task.
    pub(crate) task: usize,
    /// What its texts are drawn with.
    seed: u64,
}

/// What a command says over HTTP.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// After `/api/v1`.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// The day's commands, in their order: each task's own commands in theirs, and those of different tasks in turns, so that
/// one task has no two of them at the same time.
pub(crate) fn commands() -> Vec<Command> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let plans: Vec<Vec<Kind>> = (0..TASKS).map(plan).collect();
    let mut commands = Vec::new();
    let mut tasks: Vec<usize> = (0..TASKS).collect();
    for turn in 0..plans.iter().map(Vec::len).max().unwrap_or_default() {
        random.shuffle(&mut tasks);
        for &task in &tasks {
            commands.extend(plans[task].get(turn).map(|&kind| Command { kind, task, seed: random.u64(..) }));
        }
    }
    commands
}

/// What becomes of one task.
fn plan(task: usize) -> Vec<Kind> {
    let worked_on = task % 20 < 15;
    [
        (true, &[Kind::Create, Kind::Assign][..]),
        (matches!(task % 5, 1 | 3), &[Kind::Edit]),
        (matches!(task % 10, 0 | 4 | 8), &[Kind::Deadline]),
        (worked_on, &[Kind::Start]),
        (task.is_multiple_of(2), &[Kind::Comment]),
        (task % 10 == 2, &[Kind::Hold, Kind::Resume]),
        (worked_on, &[Kind::Complete]),
        (task % 20 == 17, &[Kind::Profile]),
        (task % 20 == 19, &[Kind::Delete]),
    ]
    .into_iter()
    .filter(|(happens, _)| *happens)
    .flat_map(|(_, kinds)| kinds.iter().copied())
    .collect()
}

impl Command {
    /// Whether it is the first of its task.
    pub(crate) fn creates(&self) -> bool {
        self.kind == Kind::Create
    }

    /// Who gives it.
    pub(crate) fn by(&self) -> By {
        match self.kind {
            Kind::Create | Kind::Assign | Kind::Edit | Kind::Deadline | Kind::Delete => By::Dispatcher,
            Kind::Start | Kind::Comment | Kind::Hold | Kind::Resume | Kind::Complete | Kind::Profile => {
                By::Worker(self.worker())
            }
        }
    }

    fn worker(&self) -> usize {
        self.task % WORKERS
    }

    /// What it says. `id` is that of its task.
    pub(crate) fn request(&self, id: &str, workers: &[String], teams: &[String]) -> Request {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let change =
            |what: &str, body| Request { method: "POST", path: format!("/tasks/{id}/{what}"), body: Some(body) };
        match self.kind {
            Kind::Create => {
                Request { method: "POST", path: "/tasks".to_owned(), body: Some(self.new_task(&mut random, teams)) }
            }
            Kind::Assign => change("assign", json!({ "assignee_id": workers[self.worker()] })),
            Kind::Edit => {
                let mut body = json!({ "description": sentences(&mut random, 3) });
                if self.task % 5 == 1 {
                    body["priority"] = json!("critical");
                }
                Request { method: "PUT", path: format!("/tasks/{id}"), body: Some(body) }
            }
            Kind::Deadline => change("deadline", json!({ "deadline": deadline(&mut random) })),
            Kind::Start => change("status", json!({ "status": "in_progress" })),
            Kind::Complete => change("status", json!({ "status": "completed" })),
            Kind::Comment => change("comments", json!({ "text": sentences(&mut random, 2) })),
            Kind::Hold => change("hold", json!({ "reason": "waiting for a spare part from the depot" })),
            Kind::Resume => change("resume", json!({ "reason": "the spare part is here" })),
            Kind::Delete => Request { method: "DELETE", path: format!("/tasks/{id}"), body: None },
            Kind::Profile => Request {
                method: "PUT",
                path: "/profile".to_owned(),
                body: Some(json!({ "phone": format!("+49 30 555 0{:03}", self.task) })),
            },
        }
    }

    /// As people report tasks: most with a few words on what is wrong, many with a place and a deadline.
    fn new_task(&self, random: &mut fastrand::Rng, teams: &[String]) -> Value {
        let title = format!("{} {} {}", pick(random, WORK), pick(random, THINGS), random.u32(10..100));
        let mut body = json!({
            "title": title,
            "priority": (["low", "medium", "medium", "high"])[self.task % 4],
            "team_id": teams[self.task % TEAMS],
        });
        if !self.task.is_multiple_of(4) {
            body["description"] = json!(sentences(random, 2));
        }
        if !self.task.is_multiple_of(3) {
            body["deadline"] = json!(deadline(random));
        }
        if self.task % 3 == 1 {
            body["labels"] = json!([pick(random, LABELS)]);
        }
        if self.task % 2 == 1 {
            let position = json!({ "latitude": 52.517_037, "longitude": 13.388_86 });
            body["location"] = json!({ "name": pick(random, PLACES), "position": position });
        }
        body
    }
}

fn deadline(random: &mut fastrand::Rng) -> String {
    let at = begin() + TimeDelta::hours(random.i64(24..240));
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn sentences(random: &mut fastrand::Rng, count: usize) -> String {
    (0..count).map(|_| pick(random, SENTENCES)).collect::<Vec<_>>().join(" ")
}

fn pick<'a>(random: &mut fastrand::Rng, texts: &[&'a str]) -> &'a str {
    texts[random.usize(..texts.len())]
}

const WORK: &[&str] = &["Inspect", "Repair", "Replace", "Clean", "Calibrate", "Check"];
const THINGS: &[&str] =
    &["the pump of line", "the lift in block", "the smoke detector in room", "the meter of flat", "gate"];
const LABELS: &[&str] = &["electrical", "plumbing", "safety", "warranty"];
const PLACES: &[&str] = &["Depot North, gate 4", "Harbour Street 12, cellar", "Hall B, second floor", "Water tower"];
const SENTENCES: &[&str] = &[
    "It loses oil at the lower seal.",
    "The spare part is in the container at the gate.",
    "Ring at the porter's lodge before you go in.",
    "The tenant is at home after four o'clock.",
    "The breaker trips as soon as the motor starts.",
    "Take the long key and the ladder along.",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn of_a_hundred_commands_so_many_are_of_each_kind() {
        let commands = commands();
        assert_eq!(commands.len(), 200);
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for command in &commands {
            *kinds.entry(format!("{:?}", command.kind)).or_default() += 1;
        }
        let expected = [
            ("Assign", 40),
            ("Comment", 20),
            ("Complete", 30),
            ("Create", 40),
            ("Deadline", 12),
            ("Delete", 2),
            ("Edit", 16),
            ("Hold", 4),
            ("Profile", 2),
            ("Resume", 4),
            ("Start", 30),
        ];
        assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    }

    #[test]
    fn a_day_is_the_same_each_time() {
        let shown = || commands().iter().map(|command| format!("{command:?}")).collect::<Vec<_>>();
        assert_eq!(shown(), shown());
    }
}
