use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::{
    Priority, Status, TaskCreated, TaskDeleted, TaskEvent, TaskRanked, TaskScope, TaskStatusChanged, TaskWatched,
};
use muster_domain::values::{Label, Labels, Rank};
use muster_domain::{RecordedEvent, TaskId};
use muster_projections::spec::History;
use muster_projections::{
    CursorError, Page, QueryError, TaskDocument, TaskFilter, TaskQueries, TaskSort, TitleWords, fold_task,
};

use crate::oracle::{TITLES, fulfils, in_scope};
use crate::support::{PREFIX, World, created, messages, task, team, time, user};

fn now() -> DateTime<Utc> {
    time("2026-03-10T00:00:00Z")
}

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn words(text: &str) -> TitleWords {
    text.parse().unwrap()
}

/// A task whose properties follow from its number, so that every combination is there.
fn numbered(number: u128) -> Vec<RecordedEvent> {
    let pick = |of: u128| usize::try_from(number % of).unwrap();
    let some = |of: u128, none: u128| Some(number % of).filter(|value| *value != none);
    let day = |days: u128| now() + TimeDelta::hours(i64::try_from(days).unwrap() * 7 - 200);
    let labels: Vec<Label> = [label("lift"), label("door")].into_iter().take(pick(3)).collect();
    let created = TaskCreated {
        title: TITLES[usize::try_from(number / 2 % 3).unwrap()].0.parse().unwrap(),
        priority: Priority::ALL[pick(4)],
        labels: Labels::try_from(labels).unwrap(),
        team: some(4, 3).map(team),
        assignee: some(5, 4).map(user),
        reporter: some(3, 2).map(user),
        deadline: some(7, 6).map(|_| day(number / 2)),
        ..created()
    };
    let mut history = History::of(task(number)).then(TaskEvent::from(created));
    let at = time("2026-03-03T00:00:00Z");
    if number.is_multiple_of(2) {
        let started = TaskStatusChanged { from: Status::Todo, to: Status::InProgress, at };
        history = history.then(TaskEvent::from(started));
    }
    if number.is_multiple_of(6) {
        let done = TaskStatusChanged { from: Status::InProgress, to: Status::Completed, at };
        history = history.then(TaskEvent::from(done));
    }
    if number.is_multiple_of(3) {
        history = history.then(TaskEvent::from(TaskWatched { user_id: user(number % 4) }));
    }
    if number.is_multiple_of(5) {
        let to: Rank = ["k", "V", "0z"][pick(3)].parse().unwrap();
        history = history.then(TaskEvent::from(TaskRanked { from: Rank::of_time(at), to }));
    }
    if number.is_multiple_of(11) {
        history = history.then(TaskEvent::from(TaskDeleted { at }));
    }
    history.into_iter().collect()
}

fn filters() -> Vec<TaskFilter> {
    let none = TaskFilter::default();
    let each = [
        none.clone(),
        TaskFilter { assignee: Some(user(1)), ..none.clone() },
        TaskFilter { assignee: Some(user(0)), ..none.clone() },
        TaskFilter { reporter: Some(user(1)), ..none.clone() },
        TaskFilter { team: Some(team(1)), ..none.clone() },
        TaskFilter { team: Some(team(2)), ..none.clone() },
        TaskFilter { assignee: Some(user(2)), reporter: Some(user(1)), ..none.clone() },
        TaskFilter { assignee: Some(user(2)), team: Some(team(1)), ..none.clone() },
        TaskFilter { watcher: Some(user(1)), ..none.clone() },
        TaskFilter { watcher: Some(user(0)), team: Some(team(1)), ..none.clone() },
    ];
    let more: [fn(&mut TaskFilter); 12] = [
        |_| {},
        |filter| filter.status = Some(Status::InProgress),
        |filter| filter.priority = Some(Priority::High),
        |filter| filter.label = Some(label("door")),
        |filter| filter.words = Some(words("CAFE door")),
        |filter| filter.due_after = Some(now()),
        |filter| filter.due_before = Some(now()),
        |filter| filter.overdue = Some(now()),
        |filter| filter.in_time = Some(now()),
        |filter| filter.closed = true,
        |filter| {
            filter.due_before = Some(now() + TimeDelta::days(3));
            filter.in_time = Some(now());
        },
        |filter| {
            filter.due_after = Some(now() - TimeDelta::days(3));
            filter.due_before = Some(now() + TimeDelta::days(3));
            filter.overdue = Some(now());
            filter.status = Some(Status::Todo);
            filter.priority = Some(Priority::High);
        },
    ];
    let with = |filter: &TaskFilter, more: fn(&mut TaskFilter)| {
        let mut filter = filter.clone();
        more(&mut filter);
        filter
    };
    each.iter().flat_map(|filter| more.map(|more| with(filter, more))).collect()
}

async fn all_pages(
    tasks: &TaskQueries,
    scope: &TaskScope,
    filter: &TaskFilter,
    limit: usize,
    descending: bool,
) -> Vec<TaskDocument> {
    let mut page = Page { limit, cursor: None, descending };
    let mut items = Vec::new();
    loop {
        let got = tasks.list(scope, filter, &page).await.unwrap();
        assert!(got.items.len() <= limit);
        items.extend(got.items);
        if got.next.is_none() {
            return items;
        }
        page.cursor = got.next;
    }
}

/// By what an order sorts: as texts and numbers that compare like it.
fn place(sort: TaskSort, task: &TaskDocument) -> (u8, String, Option<DateTime<Utc>>, TaskId) {
    let urgency = match task.priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Medium => 2,
        Priority::Low => 3,
    };
    let no_deadline = u8::from(task.deadline.is_none());
    match sort {
        TaskSort::Due => (no_deadline, String::new(), task.deadline, task.id),
        TaskSort::Created => (0, String::new(), Some(task.created_at), task.id),
        TaskSort::Updated => (0, String::new(), Some(task.updated_at), task.id),
        TaskSort::Priority => (urgency * 2 + no_deadline, String::new(), task.deadline, task.id),
        TaskSort::Rank => (0, task.rank.clone(), None, task.id),
    }
}

#[tokio::test]
async fn every_filter_in_every_scope_and_every_order_gives_each_task_once() {
    let world = World::new().await;
    let histories: Vec<_> = (1..=130).map(numbered).collect();
    world.publish(histories.iter().flatten().cloned()).await;
    let mut known: Vec<TaskDocument> = histories.iter().map(|events| fold_task(events).unwrap().unwrap()).collect();
    known.retain(|task| task.deleted_at.is_none());
    let scopes = [
        TaskScope::All,
        TaskScope::Own(user(1)),
        TaskScope::Own(user(99)),
        TaskScope::Teams { teams: vec![team(1)], user: user(1) },
        TaskScope::Teams { teams: vec![team(0), team(1), team(1)], user: user(3) },
        TaskScope::Teams { teams: vec![], user: user(1) },
    ];
    let orders = [TaskSort::Due, TaskSort::Created, TaskSort::Updated, TaskSort::Priority, TaskSort::Rank];
    let tasks = TaskQueries::new(world.models());
    for (number, (scope, filter)) in
        scopes.iter().flat_map(|scope| filters().into_iter().map(move |filter| (scope, filter))).enumerate()
    {
        // Each pair in two of the orders: it would take long in all.
        for sort in [orders[number % 5], orders[(number / 5 + number + 1) % 5]] {
            let filter = TaskFilter { sort, ..filter.clone() };
            let mut expected: Vec<_> =
                known.iter().filter(|task| in_scope(scope, task) && fulfils(&filter, task)).cloned().collect();
            expected.sort_by_key(|task| place(sort, task));
            for (limit, descending) in [(7, false), (50, true)] {
                if descending {
                    expected.reverse();
                }
                let got = all_pages(&tasks, scope, &filter, limit, descending).await;
                assert_eq!(got, expected, "{scope:?} {filter:?} descending: {descending}");
            }
        }
    }
}

#[tokio::test]
async fn what_stands_beside_a_task_is_known_by_rank_among_those_of_its_status() {
    let world = World::new().await;
    let ranked = |number: u128, rank: &str| {
        let ranked = TaskRanked { from: Rank::of_time(now()), to: rank.parse().unwrap() };
        History::of(task(number)).then(TaskEvent::from(created())).then(TaskEvent::from(ranked))
    };
    world
        .publish([(1, "a"), (2, "b"), (3, "b1"), (4, "c")].into_iter().flat_map(|(number, rank)| ranked(number, rank)))
        .await;
    let tasks = TaskQueries::new(world.models());
    let beside = async |number: u128, behind: bool, moved: u128| {
        let here = tasks.get(task(number)).await.unwrap().unwrap();
        tasks.beside(&here, behind, task(moved)).await.unwrap().map(String::from)
    };
    assert_eq!(beside(2, true, 9).await.as_deref(), Some("b1"));
    assert_eq!(beside(2, false, 9).await.as_deref(), Some("a"));
    assert_eq!(beside(2, true, 3).await.as_deref(), Some("c"), "not the one that is moved");
    assert_eq!((beside(1, false, 9).await, beside(4, true, 9).await), (None, None));
    world.publish([(5, "b"), (6, "b")].into_iter().flat_map(|(number, rank)| ranked(number, rank))).await;
    assert_eq!(beside(5, true, 9).await.as_deref(), Some("b1"), "between two of one rank there is no room");
    assert_eq!(beside(5, false, 9).await.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_task_that_an_index_has_twice_at_this_moment_is_listed_once_and_as_it_is() {
    let world = World::new().await;
    let mine = |number: u128| {
        let created = TaskCreated { assignee: Some(user(1)), reporter: Some(user(1)), ..created() };
        History::of(task(number)).then(TaskEvent::from(created))
    };
    world.publish([1, 2].into_iter().flat_map(mine)).await;
    // By one list's index the first task is where it was; by the other's it has its new deadline and title.
    let old = Item::from([("pk", format!("task#{}", task(1))), ("sk", "in#assignee".to_owned())].map(of_text));
    let table = format!("{PREFIX}task-list-1");
    let found = world.client.get_item().table_name(&table).set_key(Some(old)).send().await.unwrap();
    let mut place = found.item.unwrap();
    place.extend([("due", format!("2026-01-01T00:00:00.000Z#{}", task(1)))].map(of_text));
    let AttributeValue::M(facts) = place.get_mut("facts").unwrap() else { panic!("facts are a map") };
    facts.extend([("title", "paint the roof".to_owned())].map(of_text));
    world.client.put_item().table_name(&table).set_item(Some(place)).send().await.unwrap();

    let tasks = TaskQueries::new(world.models());
    let own = TaskScope::Own(user(1));
    let listed = async |filter: TaskFilter| tasks.list(&own, &filter, &Page::first(10)).await.unwrap();
    let all = listed(TaskFilter::default()).await;
    assert_eq!((ids(&all.items), all.next), (vec![task(1), task(2)], None));
    let named =
        async |text: &str| ids(&listed(TaskFilter { words: Some(words(text)), ..Default::default() }).await.items);
    assert_eq!(named("lift").await, [task(1), task(2)]);
    assert_eq!(named("roof").await, vec![], "that is what it was called");
}

#[tokio::test]
async fn nothing_is_due_after_one_time_and_before_an_earlier_one_in_any_order() {
    let world = World::new().await;
    world.publish((1..=12).flat_map(numbered)).await;
    let tasks = TaskQueries::new(world.models());
    for sort in [TaskSort::Due, TaskSort::Created, TaskSort::Updated, TaskSort::Priority, TaskSort::Rank] {
        let (due_after, due_before) = (Some(now()), Some(now() - TimeDelta::days(2)));
        let filter = TaskFilter { due_after, due_before, sort, ..Default::default() };
        assert_eq!(all_pages(&tasks, &TaskScope::All, &filter, 10, false).await, vec![], "{sort:?}");
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn of_text((name, value): (&str, String)) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(value))
}

#[tokio::test]
async fn what_stands_beside_a_task_is_never_at_its_own_place() {
    let world = World::new().await;
    let ranked = |number: u128, rank: &str| {
        let ranked = TaskRanked { from: Rank::of_time(now()), to: rank.parse().unwrap() };
        History::of(task(number)).then(TaskEvent::from(created())).then(TaskEvent::from(ranked))
    };
    let places = [(1, "a"), (2, "b"), (3, "b"), (4, "b"), (5, "b"), (6, "b01")];
    world.publish(places.into_iter().flat_map(|(number, rank)| ranked(number, rank))).await;
    let tasks = TaskQueries::new(world.models());
    for tied in 2..=5 {
        let here = tasks.get(task(tied)).await.unwrap().unwrap();
        let beside = async |behind| tasks.beside(&here, behind, task(9)).await.unwrap().map(String::from);
        assert_eq!((beside(false).await.as_deref(), beside(true).await.as_deref()), (Some("a"), Some("b01")), "{tied}");
    }
}

#[tokio::test]
async fn a_deleted_task_can_be_read_and_is_in_no_list() {
    let world = World::new().await;
    world.publish(numbered(11)).await;
    let tasks = TaskQueries::new(world.models());
    assert_eq!(tasks.get(task(11)).await.unwrap(), fold_task(&numbered(11)).unwrap());
    assert_eq!(all_pages(&tasks, &TaskScope::All, &TaskFilter::default(), 10, false).await, vec![]);
    assert_eq!(tasks.get(task(12)).await.unwrap(), None);
}

#[tokio::test]
async fn a_cursor_is_taken_by_its_own_query_alone() {
    let world = World::new().await;
    world.publish((1..=5).flat_map(numbered)).await;
    let tasks = TaskQueries::new(world.models());
    let (scope, filter) = (TaskScope::All, TaskFilter::default());
    let next = tasks.list(&scope, &filter, &Page::first(2)).await.unwrap().next;
    assert!(next.is_some());
    let page = Page { cursor: next, ..Page::first(3) };
    assert_eq!(tasks.list(&scope, &filter, &page).await.unwrap().items.len(), 3);

    let refused = |result: Result<_, QueryError>| match result {
        Err(QueryError::Cursor(error)) => error,
        other => panic!("not refused: {other:?}"),
    };
    let other = TaskFilter { status: Some(Status::Todo), ..filter.clone() };
    assert_eq!(refused(tasks.list(&scope, &other, &page).await), CursorError::OtherQuery);
    assert_eq!(refused(tasks.list(&TaskScope::Own(user(1)), &filter, &page).await), CursorError::OtherQuery);
    let backwards = Page { descending: true, ..page };
    assert_eq!(refused(tasks.list(&scope, &filter, &backwards).await), CursorError::OtherQuery);
    let broken = Page { cursor: Some("bm90IGEgY3Vyc29y".into()), ..Page::first(3) };
    assert_eq!(refused(tasks.list(&scope, &filter, &broken).await), CursorError::Malformed);
}

#[tokio::test]
async fn now_moves_on_between_two_pages_of_what_is_overdue() {
    let world = World::new().await;
    world.publish((1..=40).flat_map(numbered)).await;
    let tasks = TaskQueries::new(world.models());
    let overdue = |minutes| TaskFilter { overdue: Some(now() + TimeDelta::minutes(minutes)), ..Default::default() };
    let first = tasks.list(&TaskScope::All, &overdue(0), &Page::first(2)).await.unwrap();
    let page = Page { cursor: first.next, ..Page::first(2) };
    let second = tasks.list(&TaskScope::All, &overdue(1), &page).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (2, 2));
}

#[tokio::test]
async fn what_is_rare_among_many_fills_a_page() {
    let world = World::new().await;
    let wanted = [task(1), task(950), task(1_850)];
    let one = |number: u128| {
        let rare = wanted.contains(&task(number));
        let labels = if rare { vec![label("lift")] } else { vec![] };
        let priority = if rare { Priority::Critical } else { Priority::Low };
        let created = TaskCreated { labels: Labels::try_from(labels).unwrap(), priority, ..created() };
        History::of(task(number)).then(TaskEvent::from(created))
    };
    let events: Vec<_> = (1..=1_900).flat_map(one).collect();
    for some in events.chunks(100) {
        assert_eq!(world.hosted("task-list").handle(messages(some)).await, vec![]);
    }
    let tasks = TaskQueries::new(world.models());
    for filter in [
        TaskFilter { label: Some(label("lift")), ..Default::default() },
        TaskFilter { priority: Some(Priority::Critical), ..Default::default() },
    ] {
        let first = tasks.list(&TaskScope::All, &filter, &Page::first(2)).await.unwrap();
        assert_eq!(ids(&first.items), wanted[..2]);
        let page = Page { cursor: first.next, ..Page::first(2) };
        let second = tasks.list(&TaskScope::All, &filter, &page).await.unwrap();
        assert_eq!((ids(&second.items), second.next), (vec![wanted[2]], None));
    }
}

fn ids(tasks: &[TaskDocument]) -> Vec<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}
