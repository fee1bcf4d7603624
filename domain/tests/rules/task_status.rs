//! How a task goes on, and back.

use muster_domain::task::{Status, Task, TaskCommand, TaskError, TaskEvent, UpdateTask};

use crate::fixtures::{at, created, deleted, held, moved, task_that_is, then_also, update};
use crate::scenario::{fold, given};
use Status::{Completed, InProgress, Todo};

fn go(to: Status) -> TaskCommand {
    TaskCommand::Update(UpdateTask { status: Some(to), ..update() })
}

#[test]
fn every_move_is_made_or_refused_with_the_moves_that_make_sense() {
    for (from, to, allowed) in [
        (Todo, InProgress, None),
        (Todo, Completed, Some(&[InProgress][..])),
        (InProgress, Todo, None),
        (InProgress, Completed, None),
        (Completed, Todo, None),
        (Completed, InProgress, None),
    ] {
        let outcome = given::<Task>(task_that_is(from)).when(go(to));
        match allowed {
            None => assert_eq!(outcome.then([moved(from, to, 12)]).state.unwrap().status, to),
            Some(allowed) => outcome.then_refused(TaskError::ImpossibleMove { from, to, allowed }),
        }
    }
}

#[test]
fn a_move_to_where_the_task_is_already_changes_nothing() {
    for status in Status::ALL {
        given::<Task>(task_that_is(*status)).when(go(*status)).then_nothing();
    }
}

#[test]
fn a_task_on_hold_does_not_move() {
    given::<Task>(then_also(task_that_is(Todo), held(11))).when(go(InProgress)).then_refused(TaskError::OnHold);
    for to in [Todo, Completed] {
        given::<Task>(then_also(task_that_is(InProgress), held(11))).when(go(to)).then_refused(TaskError::OnHold);
    }
    given::<Task>(then_also(task_that_is(InProgress), held(11))).when(go(InProgress)).then_nothing();
}

#[test]
fn an_impossible_move_is_called_so_even_on_hold() {
    given::<Task>(then_also(task_that_is(Todo), held(11)))
        .when(go(Completed))
        .then_refused(TaskError::ImpossibleMove { from: Todo, to: Completed, allowed: &[InProgress] });
}

#[test]
fn a_deleted_task_does_not_move() {
    given::<Task>(then_also(task_that_is(Todo), deleted(11))).when(go(InProgress)).then_refused(TaskError::Deleted);
}

/// An event, and after it: how often the task was reopened, and the hours when work began and ended in this cycle.
type Step = (TaskEvent, (u32, Option<u32>, Option<u32>));

#[track_caller]
fn assert_cycles(cases: &[Step]) {
    let history: Vec<_> = cases.iter().map(|(event, _)| event.clone()).collect();
    for (place, (event, (reopened, started, completed))) in cases.iter().enumerate() {
        let state = fold::<Task>(&history[..=place]).state.unwrap();
        assert_eq!(
            (state.reopened, state.started_at, state.completed_at),
            (*reopened, started.map(at), completed.map(at)),
            "after event {}: {event:?}",
            place + 1,
        );
    }
}

#[test]
fn each_reopening_begins_a_new_cycle() {
    assert_cycles(&[
        (created().into(), (0, None, None)),
        (moved(Todo, InProgress, 9), (0, Some(9), None)),
        (moved(InProgress, Completed, 10), (0, Some(9), Some(10))),
        // Back to the beginning: the new cycle has not started.
        (moved(Completed, Todo, 11), (1, None, None)),
        (moved(Todo, InProgress, 12), (1, Some(12), None)),
        (moved(InProgress, Completed, 13), (1, Some(12), Some(13))),
        // Straight back to work: the new cycle starts at once.
        (moved(Completed, InProgress, 14), (2, Some(14), None)),
        (moved(InProgress, Completed, 15), (2, Some(14), Some(15))),
    ]);
}

#[test]
fn work_put_down_and_taken_up_again_is_one_cycle_that_starts_anew() {
    assert_cycles(&[
        (created().into(), (0, None, None)),
        (moved(Todo, InProgress, 9), (0, Some(9), None)),
        (moved(InProgress, Todo, 10), (0, None, None)),
        (moved(Todo, InProgress, 11), (0, Some(11), None)),
    ]);
}

#[test]
fn a_task_goes_through_several_cycles_by_commands() {
    let mut history = task_that_is(Completed);
    for (hour, to) in [(13, InProgress), (14, Completed), (15, Todo), (16, InProgress), (17, Completed)] {
        let from = fold::<Task>(&history).state.unwrap().status;
        let command = TaskCommand::Update(UpdateTask { status: Some(to), ..UpdateTask::at(at(hour)) });
        given::<Task>(history.clone()).when(command).then([moved(from, to, hour)]);
        history.push(moved(from, to, hour));
    }
    let state = fold::<Task>(&history).state.unwrap();
    assert_eq!((state.status, state.reopened, state.completed_at), (Completed, 2, Some(at(17))));
}
