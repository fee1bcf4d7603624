//! What one update changes, property by property, and several at once.

use muster_domain::task::{
    Priority, Status, Task, TaskAssigned, TaskCommand, TaskCreated, TaskDeadlineCleared, TaskDeadlineSet, TaskEdited,
    TaskError, TaskEvent, TaskPriorityChanged, TaskTeamChanged, TaskUnassigned, UpdateTask,
};
use muster_domain::values::{Change, Labels};

use crate::fixtures::{
    ADA, BEN, NORTH, SOUTH, at, created, created_in_full, held, labels, moved, task_that_is, text, then_also, update,
    workshop,
};
use crate::scenario::given;

/// An update that says again what [`created_in_full`] says.
fn as_it_is() -> UpdateTask {
    let task = created_in_full();
    UpdateTask {
        title: Some(task.title),
        description: Some(task.description),
        labels: Some(task.labels),
        location: Some(task.location),
        team: Some(task.team),
        assignee: Some(task.assignee),
        priority: Some(task.priority),
        deadline: Some(task.deadline),
        status: Some(Status::Todo),
        at: at(12),
    }
}

#[test]
fn an_update_that_asks_for_nothing_new_changes_nothing() {
    given::<Task>([created_in_full().into()]).when(TaskCommand::Update(update())).then_nothing();
    given::<Task>([created_in_full().into()]).when(TaskCommand::Update(as_it_is())).then_nothing();
    let take_away_what_is_not_there = UpdateTask {
        description: Some(None),
        location: Some(None),
        team: Some(None),
        assignee: Some(None),
        deadline: Some(None),
        labels: Some(Labels::default()),
        ..update()
    };
    given::<Task>([created().into()]).when(TaskCommand::Update(take_away_what_is_not_there)).then_nothing();
}

/// A task, an update of it, and the event that follows.
type Case = (TaskCreated, UpdateTask, TaskEvent);

fn words() -> Vec<Case> {
    let edit = TaskEdited::default;
    vec![
        (
            created(),
            UpdateTask { title: Some(text("Replace the lift")), ..update() },
            TaskEdited { title: Some(Change { from: text("Fix the lift"), to: text("Replace the lift") }), ..edit() }
                .into(),
        ),
        (
            created(),
            UpdateTask { description: Some(Some(text("Today"))), ..update() },
            TaskEdited { description: Some(Change { from: None, to: Some(text("Today")) }), ..edit() }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { description: Some(None), ..update() },
            TaskEdited { description: Some(Change { from: created_in_full().description, to: None }), ..edit() }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { labels: Some(labels(["lift"])), ..update() },
            TaskEdited { labels: Some(Change { from: labels(["lift", "safety"]), to: labels(["lift"]) }), ..edit() }
                .into(),
        ),
        (
            created(),
            UpdateTask { location: Some(Some(workshop())), ..update() },
            TaskEdited { location: Some(Change { from: None, to: Some(workshop()) }), ..edit() }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { location: Some(None), ..update() },
            TaskEdited { location: Some(Change { from: Some(workshop()), to: None }), ..edit() }.into(),
        ),
    ]
}

fn team_assignee_priority_deadline() -> Vec<Case> {
    vec![
        (
            created(),
            UpdateTask { team: Some(Some(NORTH)), ..update() },
            TaskTeamChanged { from: None, to: Some(NORTH) }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { team: Some(Some(SOUTH)), ..update() },
            TaskTeamChanged { from: Some(NORTH), to: Some(SOUTH) }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { team: Some(None), ..update() },
            TaskTeamChanged { from: Some(NORTH), to: None }.into(),
        ),
        (created(), UpdateTask { assignee: Some(Some(ADA)), ..update() }, TaskAssigned { from: None, to: ADA }.into()),
        (
            created_in_full(),
            UpdateTask { assignee: Some(Some(BEN)), ..update() },
            TaskAssigned { from: Some(ADA), to: BEN }.into(),
        ),
        (created_in_full(), UpdateTask { assignee: Some(None), ..update() }, TaskUnassigned { from: ADA }.into()),
        (
            created(),
            UpdateTask { priority: Some(Priority::Critical), ..update() },
            TaskPriorityChanged { from: Priority::Medium, to: Priority::Critical }.into(),
        ),
        (
            created(),
            UpdateTask { deadline: Some(Some(at(18))), ..update() },
            TaskDeadlineSet { from: None, to: at(18) }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { deadline: Some(Some(at(19))), ..update() },
            TaskDeadlineSet { from: Some(at(18)), to: at(19) }.into(),
        ),
        (
            created_in_full(),
            UpdateTask { deadline: Some(None), ..update() },
            TaskDeadlineCleared { from: at(18) }.into(),
        ),
    ]
}

#[test]
fn each_property_changes_by_its_own_event_with_what_it_was_before() {
    for (task, update, event) in words().into_iter().chain(team_assignee_priority_deadline()) {
        given::<Task>([task.into()]).when(TaskCommand::Update(update)).then([event]);
    }
}

#[test]
fn the_words_of_a_task_change_in_one_event_that_names_only_those_that_changed() {
    given::<Task>([created_in_full().into()])
        .when(TaskCommand::Update(UpdateTask {
            title: Some(text("Fix the lift at last")),
            labels: Some(labels(["lift", "urgent"])),
            ..as_it_is()
        }))
        .then([TaskEdited {
            title: Some(Change { from: text("Fix the lift"), to: text("Fix the lift at last") }),
            labels: Some(Change { from: labels(["lift", "safety"]), to: labels(["lift", "urgent"]) }),
            ..TaskEdited::default()
        }
        .into()]);
}

fn everything_else() -> UpdateTask {
    UpdateTask {
        title: Some(text("Replace the lift")),
        description: Some(Some(text("Today"))),
        labels: Some(labels(["lift"])),
        location: Some(Some(workshop())),
        team: Some(Some(NORTH)),
        assignee: Some(Some(ADA)),
        priority: Some(Priority::High),
        deadline: Some(Some(at(18))),
        status: Some(Status::InProgress),
        at: at(12),
    }
}

fn everything_else_happened(from: Status) -> [TaskEvent; 6] {
    [
        TaskEdited {
            title: Some(Change { from: text("Fix the lift"), to: text("Replace the lift") }),
            description: Some(Change { from: None, to: Some(text("Today")) }),
            labels: Some(Change { from: Labels::default(), to: labels(["lift"]) }),
            location: Some(Change { from: None, to: Some(workshop()) }),
            mentions: vec![],
        }
        .into(),
        TaskTeamChanged { from: None, to: Some(NORTH) }.into(),
        TaskAssigned { from: None, to: ADA }.into(),
        TaskPriorityChanged { from: Priority::Medium, to: Priority::High }.into(),
        TaskDeadlineSet { from: None, to: at(18) }.into(),
        moved(from, Status::InProgress, 12),
    ]
}

#[test]
fn one_update_of_everything_is_one_commit_of_six_events_in_a_fixed_order() {
    let task = given::<Task>([created().into()])
        .when(TaskCommand::Update(everything_else()))
        .then(everything_else_happened(Status::Todo))
        .state
        .unwrap();
    assert_eq!((task.assignee, task.priority, task.status), (Some(ADA), Priority::High, Status::InProgress));
}

#[test]
fn an_update_is_made_in_full_or_not_at_all() {
    // The move is impossible, so the new words are refused with it.
    given::<Task>([created().into()])
        .when(TaskCommand::Update(UpdateTask { status: Some(Status::Completed), ..everything_else() }))
        .then_refused(TaskError::ImpossibleMove {
            from: Status::Todo,
            to: Status::Completed,
            allowed: &[Status::InProgress],
        });
    given::<Task>(then_also(task_that_is(Status::Todo), held(9)))
        .when(TaskCommand::Update(everything_else()))
        .then_refused(TaskError::OnHold);
}

#[test]
fn who_how_urgent_and_by_when_are_settled_once_a_task_is_completed() {
    for change in [
        UpdateTask { assignee: Some(Some(BEN)), ..update() },
        UpdateTask { priority: Some(Priority::Low), ..update() },
        UpdateTask { deadline: Some(Some(at(20))), ..update() },
        // To say that it is completed, as it is, does not reopen it.
        UpdateTask { priority: Some(Priority::Low), status: Some(Status::Completed), ..update() },
    ] {
        given::<Task>(task_that_is(Status::Completed))
            .when(TaskCommand::Update(change))
            .then_refused(TaskError::Completed);
    }
    for taken_away in [UpdateTask { assignee: Some(None), ..update() }, UpdateTask { deadline: Some(None), ..update() }]
    {
        let history = [
            created_in_full().into(),
            moved(Status::Todo, Status::InProgress, 9),
            moved(Status::InProgress, Status::Completed, 10),
        ];
        given::<Task>(history).when(TaskCommand::Update(taken_away)).then_refused(TaskError::Completed);
    }
}

#[test]
fn to_say_again_what_is_settled_is_no_change() {
    let same = UpdateTask {
        assignee: Some(None),
        priority: Some(Priority::Medium),
        deadline: Some(None),
        status: Some(Status::Completed),
        ..update()
    };
    given::<Task>(task_that_is(Status::Completed)).when(TaskCommand::Update(same)).then_nothing();
}

#[test]
fn the_words_and_the_team_of_a_completed_task_can_be_set_right() {
    given::<Task>(task_that_is(Status::Completed))
        .when(TaskCommand::Update(UpdateTask {
            title: Some(text("Lift repaired")),
            team: Some(Some(SOUTH)),
            ..update()
        }))
        .then([
            TaskEdited {
                title: Some(Change { from: text("Fix the lift"), to: text("Lift repaired") }),
                ..TaskEdited::default()
            }
            .into(),
            TaskTeamChanged { from: None, to: Some(SOUTH) }.into(),
        ]);
}

#[test]
fn the_update_that_reopens_a_task_may_change_all_of_it() {
    given::<Task>(task_that_is(Status::Completed))
        .when(TaskCommand::Update(everything_else()))
        .then(everything_else_happened(Status::Completed));
}
