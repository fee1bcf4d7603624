//! Lists of the past: at every moment of a history, what was then.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::{
    CreateTask, Priority, Relation, Status, Task, TaskCommand, TaskCreated, TaskEvent, TaskScope, TaskTeamChanged,
    UpdateTask,
};
use muster_domain::values::{CommentText, Label, Labels, Rank};
use muster_domain::{CommentId, Decider as _, RecordedEvent};
use muster_projections::spec::History;
use muster_projections::{Page, TaskDocument, TaskFilter, TaskPastQueries, TaskQueries, TaskSort, fold_task};
use uuid::Uuid;

use crate::oracle::{TITLES, fulfils, in_scope};
use crate::support::{World, created, messages, task, team, time, user};

const ORDERS: [TaskSort; 6] =
    [TaskSort::Due, TaskSort::Due, TaskSort::Created, TaskSort::Updated, TaskSort::Priority, TaskSort::Rank];

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % of
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.roll(from.len() as u64);
        from[usize::try_from(at).unwrap()].clone()
    }

    /// No time at all, moments, minutes, days or months.
    fn pause(&mut self) -> TimeDelta {
        let longest = self.pick(&[1, 2_000, 60_000, 90_000_000, 9_000_000_000]);
        TimeDelta::milliseconds(i64::try_from(self.roll(longest)).unwrap())
    }

    fn update(&mut self, at: DateTime<Utc>) -> UpdateTask {
        let mut update = UpdateTask::at(at);
        for _ in 0..=self.roll(2) {
            match self.roll(7) {
                0 => update.status = Some(self.pick(Status::ALL)),
                1 => update.priority = Some(self.pick(Priority::ALL)),
                2 => update.assignee = Some(self.pick(&[None, Some(user(1)), Some(user(2))])),
                3 => update.team = Some(self.pick(&[None, Some(team(1)), Some(team(2))])),
                4 => {
                    let due = time("2026-06-01T00:00:00Z") + TimeDelta::days(i64::try_from(self.roll(200)).unwrap());
                    update.deadline = Some(self.pick(&[None, Some(due)]));
                }
                5 => update.title = Some(self.pick(&TITLES).0.parse().unwrap()),
                _ => update.labels = Some(Labels::try_from(self.pick(&[vec![], vec![lift()]])).unwrap()),
            }
        }
        update
    }

    fn command(&mut self, at: DateTime<Utc>) -> TaskCommand {
        match self.roll(20) {
            0 => TaskCommand::Delete { at },
            1 | 2 => TaskCommand::Restore,
            3 => {
                let text: CommentText = "Seen.".parse().unwrap();
                TaskCommand::Comment { comment_id: CommentId(Uuid::from_u128(self.roll(u64::MAX).into())), text }
            }
            4 | 5 => {
                let moved = time("2026-01-01T00:00:00Z") + TimeDelta::days(i64::try_from(self.roll(200)).unwrap());
                TaskCommand::Rank { rank: Rank::of_time(moved) }
            }
            6 | 7 => TaskCommand::Watch { user_id: self.pick(&[user(1), user(3)]) },
            8 => TaskCommand::Unwatch { user_id: self.pick(&[user(1), user(3)]) },
            9..=11 => TaskCommand::Relate { relation: self.pick(Relation::ALL), to: self.pick(&[task(91), task(92)]) },
            12 => TaskCommand::Unrelate { relation: self.pick(Relation::ALL), to: self.pick(&[task(91), task(92)]) },
            // Alone, as one that asks for a move which makes no sense is refused as a whole.
            13 | 14 => {
                let status = self.pick(&[Status::InProgress, Status::Completed]);
                TaskCommand::Update(UpdateTask { status: Some(status), ..UpdateTask::at(at) })
            }
            _ => TaskCommand::Update(self.update(at)),
        }
    }

    /// What becomes of a task: as many commands as are taken of some.
    fn history(&mut self, number: u128) -> Vec<RecordedEvent> {
        let mut at = time("2026-03-02T08:00:00Z") + self.pause();
        let created = CreateTask {
            team: self.pick(&[None, Some(team(1))]),
            reporter: self.pick(&[None, Some(user(1)), Some(user(3))]),
            assignee: self.pick(&[None, Some(user(2))]),
            ..CreateTask::new(self.pick(&TITLES).0.parse().unwrap(), at)
        };
        let mut state = Task::default();
        let mut history = History::of(task(number)).by(user(1));
        let mut commands = vec![(at, TaskCommand::Create(created))];
        for _ in 0..20 {
            at += self.pause();
            commands.push((at, self.command(at)));
        }
        for (at, command) in commands {
            let Ok(events) = state.decide(command) else { continue };
            for event in events {
                state.evolve(&event);
                history = history.at(at).then(event);
            }
        }
        history.into_iter().collect()
    }
}

fn lift() -> Label {
    "lift".parse().unwrap()
}

/// A world in which twelve tasks lived, and the dice that go on.
async fn lived(seed: u64) -> (World, Dice, Vec<Vec<RecordedEvent>>) {
    let (world, mut dice) = (World::new().await, Dice(seed));
    let histories: Vec<_> = (1..=12).map(|number| dice.history(number)).collect();
    world.publish(histories.iter().flatten().cloned()).await;
    (world, dice, histories)
}

/// By its fold, at each moment: the tasks that were there, soonest due first.
fn folded(
    histories: &[Vec<RecordedEvent>],
    scope: &TaskScope,
    filter: &TaskFilter,
    moment: DateTime<Utc>,
) -> Vec<TaskDocument> {
    let mut tasks: Vec<TaskDocument> = Vec::new();
    for history in histories {
        let until: Vec<_> = history.iter().filter(|event| event.recorded_at <= moment).cloned().collect();
        let (Some(then), Some(now)) = (fold_task(&until).unwrap(), fold_task(history).unwrap()) else { continue };
        let seen = in_scope(scope, &then) && in_scope(scope, &now);
        if then.deleted_at.is_none() && seen && fulfils(filter, &then) {
            tasks.push(then);
        }
    }
    let due = |task: &TaskDocument| (task.deadline.is_none(), task.deadline, task.id);
    match filter.sort {
        TaskSort::Due => tasks.sort_by_key(due),
        TaskSort::Created => tasks.sort_by_key(|task| (task.created_at, task.id)),
        TaskSort::Updated => tasks.sort_by_key(|task| (task.updated_at, task.id)),
        TaskSort::Priority => tasks.sort_by_key(|task| (Reverse(task.priority), due(task))),
        TaskSort::Rank => tasks.sort_by_key(|task| (task.rank.clone(), task.id)),
    }
    tasks
}

async fn listed(
    tasks: &TaskPastQueries,
    scope: &TaskScope,
    filter: &TaskFilter,
    moment: DateTime<Utc>,
    (limit, descending): (usize, bool),
) -> Vec<TaskDocument> {
    let (mut page, mut items) = (Page { limit, cursor: None, descending }, Vec::new());
    loop {
        let part = tasks.list(scope, filter, moment, &page).await.unwrap();
        assert!(part.items.len() <= limit);
        items.extend(part.items);
        page.cursor = part.next;
        if page.cursor.is_none() {
            return items;
        }
    }
}

#[tokio::test]
async fn a_list_of_any_moment_is_the_fold_of_what_had_happened_by_then() {
    let scopes = [
        TaskScope::All,
        TaskScope::All,
        TaskScope::Own(user(1)),
        TaskScope::Own(user(2)),
        TaskScope::Teams { teams: vec![team(1)], user: user(2) },
        // More teams than a list of the past is read from one by one.
        TaskScope::Teams { teams: (1..12).map(team).collect(), user: user(3) },
    ];
    let mut compared = 0;
    for seed in 1..=4 {
        let (world, mut dice, histories) = lived(seed).await;
        let tasks = TaskPastQueries::new(world.models());
        let times: Vec<_> = histories.iter().flatten().map(|event| event.recorded_at).collect();
        for _ in 0..60 {
            let near = dice.pick(&[-1, 0, 1, 0, 3_600_000]);
            let moment = dice.pick(&times) + TimeDelta::milliseconds(near);
            let scope = dice.pick(&scopes);
            let filter = TaskFilter {
                assignee: dice.pick(&[None, None, None, Some(user(2))]),
                reporter: dice.pick(&[None, None, None, Some(user(1))]),
                team: dice.pick(&[None, None, Some(team(1)), Some(team(2))]),
                status: dice.pick(&[None, None, Some(Status::Todo), Some(Status::Completed)]),
                priority: dice.pick(&[None, None, None, Some(Priority::High)]),
                label: dice.pick(&[None, None, None, Some(lift())]),
                due_before: dice.pick(&[None, None, None, Some(time("2026-09-01T00:00:00Z"))]),
                overdue: dice.pick(&[None, None, None, Some(moment)]),
                open: dice.roll(4) == 0,
                sort: dice.pick(&ORDERS),
                // Most often none of these: of all together nothing would be left.
                ..if dice.roll(3) == 0 { dice.pick(&seldom_asked_for()) } else { TaskFilter::default() }
            };
            let mut expected = folded(&histories, &scope, &filter, moment);
            compared += expected.len();
            for (limit, descending) in [(2, false), (200, true)] {
                let found = listed(&tasks, &scope, &filter, moment, (limit, descending)).await;
                assert_eq!(found, expected, "seed {seed}: {scope:?} {filter:?} at {moment}, backwards: {descending}");
                expected.reverse();
            }
        }
    }
    assert!(compared > 100, "{compared} tasks were compared: the lists must not be all empty");
}

/// What a state is filtered by that no partition of the past is for, each alone.
fn seldom_asked_for() -> Vec<TaskFilter> {
    let none = TaskFilter::default();
    let related = |relation: &Relation| TaskFilter { related: Some((*relation, task(91))), ..none.clone() };
    let mut filters: Vec<_> = Relation::ALL.iter().map(related).collect();
    filters.extend([
        TaskFilter { watcher: Some(user(1)), ..none.clone() },
        TaskFilter { words: Some("CAFE door".parse().unwrap()), ..none.clone() },
        TaskFilter { due_after: Some(time("2026-08-01T00:00:00Z")), ..none.clone() },
        TaskFilter { closed: true, ..none.clone() },
        TaskFilter { in_time: Some(time("2026-09-01T00:00:00Z")), ..none.clone() },
    ]);
    filters
}

#[tokio::test]
async fn each_filter_of_the_past_finds_something_and_nothing_else() {
    let filters = seldom_asked_for();
    let mut found = vec![0; filters.len()];
    for seed in 11..=13 {
        let (world, mut dice, histories) = lived(seed).await;
        let tasks = TaskPastQueries::new(world.models());
        let times: Vec<_> = histories.iter().flatten().map(|event| event.recorded_at).collect();
        for (filter, found) in filters.iter().zip(&mut found) {
            for _ in 0..8 {
                let (moment, filter) = (dice.pick(&times), TaskFilter { sort: dice.pick(&ORDERS), ..filter.clone() });
                let expected = folded(&histories, &TaskScope::All, &filter, moment);
                assert_eq!(
                    listed(&tasks, &TaskScope::All, &filter, moment, (3, false)).await,
                    expected,
                    "seed {seed}: {filter:?} at {moment}"
                );
                *found += expected.len();
            }
        }
    }
    assert!(found.iter().all(|found| *found > 0), "each of them finds tasks: {found:?}");
}

/// What the list of the past knows of these.
async fn known(events: &[RecordedEvent]) -> (World, TaskPastQueries) {
    let world = World::new().await;
    for some in events.chunks(100) {
        assert_eq!(world.hosted("task-past").handle(messages(some)).await, vec![]);
    }
    let tasks = TaskPastQueries::new(world.models());
    (world, tasks)
}

fn numbers(tasks: &[TaskDocument]) -> Vec<u128> {
    tasks.iter().map(|task| task.id.0.as_u128()).collect()
}

#[tokio::test]
async fn what_was_rare_among_many_fills_a_page() {
    let wanted = [1, 950, 1_990];
    let one = |number: u128| {
        let labels = if wanted.contains(&number) { vec![lift()] } else { vec![] };
        let created = TaskCreated { labels: Labels::try_from(labels).unwrap(), ..created() };
        History::of(task(number)).then(TaskEvent::from(created))
    };
    let events: Vec<_> = (1..=2_000).flat_map(one).collect();
    let (_world, tasks) = known(&events).await;
    let moment = time("2026-03-03T00:00:00Z");
    let filter = TaskFilter { label: Some(lift()), ..TaskFilter::default() };
    let page = tasks.list(&TaskScope::All, &filter, moment, &Page::first(50)).await.unwrap();
    assert_eq!((numbers(&page.items), page.next), (wanted.to_vec(), None));
    let none = TaskFilter { words: Some("nowhere".parse().unwrap()), ..TaskFilter::default() };
    let page = tasks.list(&TaskScope::All, &none, moment, &Page::first(50)).await.unwrap();
    assert_eq!((numbers(&page.items), page.next), (vec![], None));
}

#[tokio::test]
async fn what_is_out_of_reach_by_now_makes_no_page_of_the_past_short() {
    let one = |number: u128| {
        let created = TaskCreated { team: Some(team(1)), ..created() };
        let history = History::of(task(number)).then(TaskEvent::from(created));
        let gone = TaskTeamChanged { from: Some(team(1)), to: Some(team(2)) };
        if number <= 30 { history.then(TaskEvent::from(gone)) } else { history }
    };
    let events: Vec<_> = (1..=36).flat_map(one).collect();
    let (_world, tasks) = known(&events).await;
    let scope = TaskScope::Teams { teams: vec![team(1)], user: user(1) };
    let (moment, filter) = (time("2026-03-02T08:00:30Z"), TaskFilter::default());
    let first = tasks.list(&scope, &filter, moment, &Page::first(5)).await.unwrap();
    assert_eq!(numbers(&first.items), [31, 32, 33, 34, 35]);
    let page = Page { cursor: first.next, ..Page::first(5) };
    let second = tasks.list(&scope, &filter, moment, &page).await.unwrap();
    assert_eq!((numbers(&second.items), second.next), (vec![36], None));
}

#[tokio::test]
async fn a_cursor_of_another_moment_or_of_now_is_refused() {
    let (world, mut dice) = (World::new().await, Dice(7));
    world.publish((1..=12).flat_map(|number| dice.history(number))).await;
    let tasks = TaskPastQueries::new(world.models());
    let (moment, filter) = (time("2027-03-02T08:00:00Z"), TaskFilter::default());
    let first = tasks.list(&TaskScope::All, &filter, moment, &Page::first(1)).await.unwrap();
    let page = Page { cursor: first.next, ..Page::first(1) };
    assert!(page.cursor.is_some());
    tasks.list(&TaskScope::All, &filter, moment, &page).await.unwrap();
    tasks.list(&TaskScope::All, &filter, moment + TimeDelta::seconds(1), &page).await.unwrap_err();
    TaskQueries::new(world.models()).list(&TaskScope::All, &filter, &page).await.unwrap_err();
}
