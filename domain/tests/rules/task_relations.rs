//! How a task stands to others, and where it stands in the order that people make by hand.

use muster_domain::TaskId;
use muster_domain::task::{
    MAX_BLOCKERS, Relation, Status, Task, TaskCommand, TaskError, TaskEvent, TaskRanked, TaskRelated, TaskUnrelated,
};
use muster_domain::values::Rank;
use uuid::Uuid;

use crate::fixtures::{at, deleted, task_that_is, text, then_also};
use crate::scenario::given;

fn other(n: usize) -> TaskId {
    TaskId(Uuid::from_u128(n as u128))
}

fn relate(relation: Relation, n: usize) -> TaskCommand {
    TaskCommand::Relate { relation, to: other(n) }
}

fn related(relation: Relation, n: usize) -> TaskEvent {
    TaskRelated { relation, to: other(n) }.into()
}

fn unrelated(relation: Relation, n: usize) -> TaskEvent {
    TaskUnrelated { relation, to: other(n) }.into()
}

#[test]
fn a_task_waits_for_several_others_each_once() {
    let waiting = || then_also(task_that_is(Status::Todo), related(Relation::BlockedBy, 1));
    let task = given::<Task>(waiting()).when(relate(Relation::BlockedBy, 2)).then([related(Relation::BlockedBy, 2)]);
    assert_eq!(task.state.unwrap().related(Relation::BlockedBy), [other(1), other(2)]);
    given::<Task>(waiting()).when(relate(Relation::BlockedBy, 1)).then_nothing();
    let not = |n| TaskCommand::Unrelate { relation: Relation::BlockedBy, to: other(n) };
    let task = given::<Task>(waiting()).when(not(1)).then([unrelated(Relation::BlockedBy, 1)]);
    assert_eq!(task.state.unwrap().related(Relation::BlockedBy), []);
    given::<Task>(waiting()).when(not(2)).then_nothing();
    given::<Task>(then_also(waiting(), deleted(12))).when(not(1)).then_refused(TaskError::Deleted);
}

#[test]
fn a_task_does_not_wait_for_too_many() {
    let full = (0..MAX_BLOCKERS)
        .fold(task_that_is(Status::Todo), |so_far, n| then_also(so_far, related(Relation::BlockedBy, n)));
    given::<Task>(full.clone()).when(relate(Relation::BlockedBy, 99)).then_refused(TaskError::TooManyBlockers);
    given::<Task>(full).when(relate(Relation::ChildOf, 99)).then([related(Relation::ChildOf, 99)]);
}

#[test]
fn a_task_has_one_parent_and_is_a_duplicate_of_one_other() {
    for relation in [Relation::ChildOf, Relation::DuplicateOf] {
        let one = || then_also(task_that_is(Status::Completed), related(relation, 1));
        let task = given::<Task>(one()).when(relate(relation, 2)).then([unrelated(relation, 1), related(relation, 2)]);
        assert_eq!(task.state.unwrap().related(relation), [other(2)]);
        given::<Task>(one()).when(relate(relation, 1)).then_nothing();
    }
}

#[test]
fn a_task_goes_to_another_place_of_the_order() {
    let rank: Rank = text("k");
    let ranked = TaskRanked { from: Rank::of_time(at(8)), to: rank.clone() };
    let command = TaskCommand::Rank { rank };
    given::<Task>(task_that_is(Status::Completed)).when(command.clone()).then([ranked.clone().into()]);
    given::<Task>(then_also(task_that_is(Status::Todo), ranked)).when(command.clone()).then_nothing();
    given::<Task>(then_also(task_that_is(Status::Todo), deleted(12))).when(command).then_refused(TaskError::Deleted);
}
