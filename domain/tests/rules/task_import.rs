//! Tasks that are brought in from elsewhere.

use muster_domain::commit::MAX_EVENTS_IN_COMMIT;
use muster_domain::task::{
    BegunChecklistItem, ChecklistItem, CreateTask, ImportSource, ImportTask, ImportedComment, ImportedCommentFacts,
    ImportedFacts, MAX_CHECKLIST_ITEMS, MAX_IMPORTED_COMMENTS, MAX_IMPORTED_TICKS, Relation, Status, Task,
    TaskChecklistBegun, TaskChecklistItemTicked, TaskCommand, TaskCommented, TaskError, TaskEvent, TaskImported,
    TaskRelated, TaskStatusChanged, UpdateTask,
};
use muster_domain::{ChecklistItemId, CommentId, Decider as _, ImportId, TaskId};
use uuid::Uuid;

use crate::fixtures::{ADA, at, create_in_full, text};
use crate::scenario::{fold, given};

fn import(status: Status, comments: usize) -> ImportTask {
    let said = |number: usize| ImportedComment {
        id: CommentId(Uuid::from_u128(number as u128)),
        text: text("Which socket?"),
        facts: said_there(),
    };
    ImportTask {
        task: create_in_full(),
        status,
        facts: facts(),
        parent: None,
        checklist: Vec::new(),
        comments: (0..comments).map(said).collect(),
    }
}

fn bring_in(import: ImportTask) -> TaskCommand {
    TaskCommand::Import(Box::new(import))
}

fn said_there() -> ImportedCommentFacts {
    ImportedCommentFacts { author: Some(ADA), at: Some(at(1)) }
}

fn said(number: u128) -> TaskCommented {
    TaskCommented {
        comment_id: CommentId(Uuid::from_u128(number)),
        text: text("Which socket?"),
        mentions: Vec::new(),
        imported: Some(said_there()),
    }
}

fn item(number: usize, done: bool) -> ChecklistItem {
    ChecklistItem { id: ChecklistItemId(Uuid::from_u128(number as u128)), text: text("Turn it off"), done }
}

fn facts() -> ImportedFacts {
    ImportedFacts {
        import_id: ImportId(Uuid::from_u128(9)),
        source: ImportSource::Trello,
        external_id: Some(text("65f1c280")),
        author: None,
        created_at: Some(at(1)),
        completed_at: Some(at(2)),
    }
}

fn imported_in_full(status: Status) -> TaskImported {
    let CreateTask { title, description, priority, labels, location, team, assignee, reporter, deadline, at } =
        create_in_full();
    let imported = facts();
    TaskImported {
        title,
        description,
        status,
        priority,
        labels,
        location,
        team,
        assignee,
        reporter,
        deadline,
        imported,
        at,
    }
}

#[test]
fn a_task_is_brought_in_with_what_was_known_of_it_and_what_was_said_on_it() {
    let imported: TaskEvent = imported_in_full(Status::InProgress).into();
    given::<Task>([]).when(bring_in(import(Status::InProgress, 2))).then([
        imported.clone(),
        said(0).into(),
        said(1).into(),
    ]);
    given::<Task>([imported.clone()])
        .when(bring_in(import(Status::InProgress, 0)))
        .then_refused(TaskError::AlreadyExists);
    given::<Task>([imported]).when(TaskCommand::Create(create_in_full())).then_refused(TaskError::AlreadyExists);
}

#[test]
fn what_is_brought_in_with_too_many_comments_still_fits_into_one_commit() {
    let Ok(events) = Task::default().decide(bring_in(import(Status::Todo, 500))) else { panic!("it is not refused") };
    assert_eq!(events.len(), 1 + MAX_IMPORTED_COMMENTS);
    assert!(events.len() <= MAX_EVENTS_IN_COMMIT);
}

#[test]
fn a_task_is_brought_in_as_a_part_of_another_and_with_what_is_ticked_off_on_it() {
    let parent = TaskId(Uuid::from_u128(7));
    let whole =
        ImportTask { parent: Some(parent), checklist: vec![item(1, true), item(2, false)], ..import(Status::Todo, 1) };
    let begun = |number| BegunChecklistItem { item_id: item(number, false).id, text: text("Turn it off") };
    let events = [
        imported_in_full(Status::Todo).into(),
        TaskRelated { relation: Relation::ChildOf, to: parent }.into(),
        TaskChecklistBegun { items: vec![begun(1), begun(2)] }.into(),
        TaskChecklistItemTicked { item_id: item(1, true).id, text: text("Turn it off") }.into(),
        said(0).into(),
    ];
    let task = given::<Task>([]).when(bring_in(whole)).then(events).state.unwrap();
    assert_eq!((task.parent, task.checklist), (Some(parent), vec![item(1, true), item(2, false)]));
    assert_eq!(task.comments, 1);
}

#[test]
fn with_a_long_checklist_there_is_room_for_fewer_comments() {
    let checklist = (0..500).map(|number| item(number, true)).collect();
    let parent = Some(TaskId(Uuid::from_u128(7)));
    let long = ImportTask { parent, checklist, ..import(Status::Todo, 500) };
    let Ok(events) = Task::default().decide(bring_in(long)) else { panic!("it is not refused") };
    assert_eq!(events.len(), MAX_EVENTS_IN_COMMIT);
    let ticks = events.iter().filter(|event| matches!(event, TaskEvent::TaskChecklistItemTicked(_))).count();
    let said = events.iter().filter(|event| matches!(event, TaskEvent::TaskCommented(_))).count();
    assert_eq!((ticks, said), (MAX_IMPORTED_TICKS, 21));
    assert_eq!(fold::<Task>(&events).state.unwrap().checklist.len(), MAX_CHECKLIST_ITEMS);
}

#[test]
fn a_task_that_was_brought_in_is_as_far_as_it_had_come_and_its_cycle_begins_here() {
    for (status, started, completed) in
        [(Status::Todo, false, false), (Status::InProgress, true, false), (Status::Completed, false, true)]
    {
        let imported = imported_in_full(status);
        let task = fold::<Task>(&[imported.clone().into()]).state.unwrap();
        assert_eq!(task.status, status);
        assert_eq!(
            (task.started_at, task.completed_at),
            (started.then_some(imported.at), completed.then_some(imported.at))
        );
        assert_eq!((task.created_at, task.imported), (imported.at, Some(facts())));
    }
    let reopen = TaskCommand::Update(UpdateTask { status: Some(Status::Todo), ..UpdateTask::at(at(12)) });
    let reopened = TaskStatusChanged { from: Status::Completed, to: Status::Todo, at: at(12) };
    given::<Task>([imported_in_full(Status::Completed).into()]).when(reopen).then([reopened.into()]);
}
