//! Projects and accounts of Todoist.

use muster_domain::task::{ImportSource, Priority, Status};

use super::{ADA, BEN, checklist, description, labels, planned, problems, said, time, titles};
use crate::import::Options;

const PROJECT: &[u8] = include_bytes!("../fixtures/project.csv");
const ACCOUNT: &[u8] = include_bytes!("../fixtures/account.json");

#[test]
fn a_project_of_todoist_becomes_tasks() {
    let people = [("Ada".to_owned(), "ada@example.com".to_owned())].into();
    let (file, plan) = planned(PROJECT, Options { people, ..Options::default() });
    assert_eq!(file.preview(&plan).source, ImportSource::Todoist);
    assert_eq!(titles(&plan), ["Check the boiler", "Call the supplier", "Mow the lawn"]);

    let boiler = &plan.tasks[0].import;
    assert_eq!((boiler.task.priority, boiler.task.deadline), (Priority::Critical, Some(time("2026-04-15T07:00:00Z"))));
    assert_eq!((boiler.task.assignee, boiler.facts.author), (Some(BEN), Some(ADA)));
    assert_eq!(labels(&plan.tasks[0]), ["heating"]);
    assert_eq!(description(&plan.tasks[0]), "Pressure and\ntemperature");
    assert_eq!(checklist(&plan.tasks[0]), [("Bring a torch", false)]);
    assert_eq!(said(&plan.tasks[0]), [("The key is at the desk", Some(ADA), None)]);

    let supplier = &plan.tasks[1];
    assert_eq!(supplier.line, Some(8));
    assert_eq!((supplier.import.parent, supplier.depth), (Some(plan.tasks[0].task_id()), 1));
    assert_eq!(supplier.import.task.deadline, Some(time("2026-04-20T21:59:59Z")));

    let lawn = &plan.tasks[2];
    assert_eq!((lawn.import.status, lawn.import.task.priority), (Status::InProgress, Priority::Low));
    assert_eq!((lawn.import.task.deadline, description(lawn)), (None, "Date in Todoist: every monday"));
    assert_eq!(problems(&plan)[0].0, Some(11));
}

#[test]
fn an_account_of_todoist_becomes_tasks() {
    let (file, plan) = planned(ACCOUNT, Options::default());
    assert_eq!(file.preview(&plan).source, ImportSource::Todoist);
    assert_eq!(titles(&plan), ["Inspect the hydrants", "Sweep the yard"]);

    let hydrants = &plan.tasks[0].import;
    assert_eq!((hydrants.status, hydrants.task.priority), (Status::Todo, Priority::Critical));
    assert_eq!((hydrants.task.assignee, hydrants.facts.author), (Some(BEN), Some(ADA)));
    assert_eq!(labels(&plan.tasks[0]), ["Building 7", "Inspections", "water"]);
    assert_eq!(hydrants.task.deadline, Some(time("2026-04-01T23:59:59Z")));
    assert_eq!(description(&plan.tasks[0]), "All *five*.\n\nDate in Todoist: every 3 months");
    assert_eq!(checklist(&plan.tasks[0]), [("Count the hoses", true)]);
    assert_eq!(said(&plan.tasks[0]), [("Number 3 is behind the hedge", Some(BEN), Some(time("2026-02-03T12:00:00Z")))]);

    let yard = &plan.tasks[1].import;
    assert_eq!((yard.status, yard.facts.completed_at), (Status::Completed, Some(time("2026-02-09T10:00:00Z"))));
    assert_eq!(yard.facts.created_at, Some(time("2026-02-01T09:00:00Z")));
}

#[test]
fn of_a_subtask_of_todoist_nothing_is_lost() {
    let table = "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE\n\
        task,Check the boiler,,4,1,,,,en,UTC\n\
        task,Read the gauge,At the back,4,2,,,,en,UTC\n\
        task,Bring a torch,,4,2,,,,en,UTC\n\
        note,It is in the van,,,,,,,,\n\
        task,Shut the valve,,1,2,,,,en,UTC\n\
        task,Tell the tenants @calls,,4,2,,,,en,UTC\n\
        note,All four,,,,,,,,\n";
    let (_, plan) = planned(table.as_bytes(), Options::default());
    assert_eq!(titles(&plan), ["Check the boiler", "Read the gauge", "Shut the valve", "Tell the tenants"]);
    assert_eq!(checklist(&plan.tasks[0]), [("Bring a torch", false)]);
    assert_eq!(said(&plan.tasks[0]), [("It is in the van", None, None)], "of a point it is said on the task");
    assert_eq!(description(&plan.tasks[1]), "At the back");
    assert_eq!(plan.tasks[2].import.task.priority, Priority::Critical);
    assert_eq!((labels(&plan.tasks[3]), said(&plan.tasks[3])), (vec!["calls"], vec![("All four", None, None)]));
    let boiler = Some(plan.tasks[0].task_id());
    assert!(plan.tasks[1..].iter().all(|part| part.import.parent == boiler), "they are parts of it");

    let account = r#"{ "items": [
        { "id": "1", "content": "Check the boiler", "child_order": 1, "checked": false, "is_deleted": false },
        { "id": "2", "parent_id": "1", "content": "Read the gauge", "child_order": 1, "checked": true, "is_deleted": false },
        { "id": "3", "parent_id": "1", "content": "Bring a torch", "child_order": 2, "checked": false, "is_deleted": false },
        { "id": "4", "parent_id": "1", "content": "Call", "description": "After nine", "child_order": 3, "checked": false, "is_deleted": false }
    ], "notes": [{ "id": "5", "item_id": "2", "content": "Two bar", "is_deleted": false }] }"#;
    let (_, plan) = planned(account.as_bytes(), Options::default());
    assert_eq!(titles(&plan), ["Check the boiler", "Read the gauge", "Call"]);
    assert_eq!(checklist(&plan.tasks[0]), [("Bring a torch", false)]);
    assert_eq!((plan.tasks[1].import.status, said(&plan.tasks[1])), (Status::Completed, vec![("Two bar", None, None)]));
    assert_eq!(description(&plan.tasks[2]), "After nine");
}

#[test]
fn a_part_of_a_task_comes_after_that_one_however_deep_it_is() {
    let table = "TYPE,CONTENT,INDENT,DATE\n\
        task,House,1,\n\
        task,Roof,2,2026-04-01\n\
        task,Tiles,3,2026-04-02\n\
        task,Gutter,3,\n\
        task,@red,2,2026-04-03\n\
        task,Paint,3,2026-04-04\n\
        task,Garden,1,\n";
    let (file, plan) = planned(table.as_bytes(), Options::default());
    let of = |title: &str| {
        let planned = plan.tasks.iter().find(|planned| planned.import.task.title.as_str() == title);
        planned.unwrap_or_else(|| panic!("{title}"))
    };
    let parent = |title: &str| of(title).import.parent;
    assert_eq!(titles(&plan), ["House", "Roof", "Tiles", "Paint", "Garden"]);
    assert_eq!((parent("House"), parent("Garden")), (None, None));
    assert_eq!((parent("Roof"), parent("Tiles")), (Some(of("House").task_id()), Some(of("Roof").task_id())));
    assert_eq!(checklist(of("Roof")), [("Gutter", false)]);
    // What it is a part of has no title.
    assert_eq!(parent("Paint"), None);
    assert_eq!(problems(&plan)[1].1, "parent");
    let shown = file.preview(&plan);
    assert_eq!((shown.tasks[1].parent_id, shown.tasks[1].checklist_items), (parent("Roof"), 1));
    assert_eq!(shown.counts.checklist_items, 1);
    let generations: Vec<Vec<_>> = plan
        .generations()
        .into_iter()
        .map(|tasks| tasks.into_iter().map(|planned| planned.import.task.title.as_str().to_owned()).collect())
        .collect();
    assert_eq!(generations, [vec!["House", "Paint", "Garden"], vec!["Roof"], vec!["Tiles"]]);
}
