//! Files as people have them, read to plans.

use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_domain::task::{ImportSource, Priority, Status};
use muster_domain::values::{ExternalId, Label};
use uuid::Uuid;

use super::*;

const ADA: UserId = UserId(Uuid::from_u128(0xada));
const BEN: UserId = UserId(Uuid::from_u128(0xbe2));

fn people() -> People {
    [("ada@example.com".to_owned(), ADA), ("ben@example.com".to_owned(), BEN)].into()
}

fn at() -> DateTime<Utc> {
    "2026-04-01T12:00:00Z".parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn berlin() -> Options {
    Options { time_zone: chrono_tz::Europe::Berlin, ..Options::default() }
}

fn planned(bytes: &[u8], options: Options) -> (TaskFile, Plan) {
    let file = TaskFile::read(bytes, options, 100).unwrap();
    let plan = file.plan(file.id, &people(), at());
    (file, plan)
}

fn problems(plan: &Plan) -> Vec<(Option<u32>, &str, Severity, &str)> {
    plan.problems.iter().map(|p| (p.line, p.field.as_str(), p.severity, p.detail.as_str())).collect()
}

fn titles(plan: &Plan) -> Vec<&str> {
    plan.tasks.iter().map(|planned| planned.import.task.title.as_str()).collect()
}

fn labels(planned: &PlannedTask) -> Vec<&str> {
    planned.import.task.labels.iter().map(Label::as_str).collect()
}

fn description(planned: &PlannedTask) -> &str {
    planned.import.task.description.as_ref().map_or("", |text| text.as_str())
}

const TICKETS: &[u8] = include_bytes!("fixtures/tickets.csv");
const BOARD: &[u8] = include_bytes!("fixtures/board.json");
const PROJECT: &[u8] = include_bytes!("fixtures/project.csv");
const ACCOUNT: &[u8] = include_bytes!("fixtures/account.json");

#[test]
fn a_table_of_a_german_program_is_read_without_a_word_about_it() {
    let (file, plan) = planned(TICKETS, berlin());
    let preview = file.preview(&plan);
    assert_eq!((preview.source, preview.encoding, preview.delimiter), (ImportSource::Csv, Encoding::Utf8, Some(';')));
    assert!(preview.columns.iter().all(|column| column.field.is_some()), "{:?}", preview.columns);
    assert_eq!(titles(&plan), ["Tür klemmt", "Dach undicht", "Aufzug warten"]);

    let door = &plan.tasks[0].import;
    assert_eq!(plan.tasks[0].line, Some(2));
    assert_eq!(description(&plan.tasks[0]), "Die linke Tür klemmt.\nSeit Montag; \"ganz fest\".");
    assert_eq!((door.status, door.task.priority), (Status::InProgress, Priority::High));
    assert_eq!(labels(&plan.tasks[0]), ["Eingang", "Schreiner"]);
    assert_eq!(door.task.location.as_ref().map(|place| place.name.as_str()), Some("Haus 3, Erdgeschoss"));
    assert_eq!(door.task.deadline, Some(time("2026-04-15T21:59:59Z")));
    assert_eq!((door.task.assignee, door.facts.author), (Some(ADA), Some(BEN)));
    assert_eq!(door.facts.created_at, Some(time("2026-03-02T07:15:00Z")));
    assert_eq!(door.facts.external_id.as_ref().map(ExternalId::as_str), Some("1001"));
    assert_eq!((door.task.at, door.task.reporter), (at(), None), "it is created now, by who imports it");

    let roof = &plan.tasks[1].import;
    assert_eq!((roof.status, roof.facts.completed_at), (Status::Completed, Some(time("2026-02-20T15:40:00Z"))));
    assert_eq!(plan.tasks[1].line, Some(5));
}

#[test]
fn every_problem_is_named_with_its_line() {
    let (file, plan) = planned(TICKETS, berlin());
    assert_eq!(
        problems(&plan),
        [
            (Some(6), "title", Severity::Error, "is empty"),
            (
                Some(7),
                "status",
                Severity::Warning,
                "\"Wartet auf Teile\" is no status that is known here; the task is to do, and has it as a label"
            ),
            (
                Some(7),
                "priority",
                Severity::Warning,
                "\"sehr\" is no priority that is known here; the task is of medium priority"
            ),
            (
                Some(7),
                "deadline",
                Severity::Warning,
                "\"32.13.2026\" is no date that is known here; write it like 2026-03-31 or 2026-03-31T17:00:00Z"
            ),
        ]
    );
    let counts = file.preview(&plan).counts;
    assert_eq!((counts.rows, counts.tasks, counts.errors, counts.warnings), (4, 3, 1, 3));
    let by_status = [(Status::Todo, 1), (Status::InProgress, 1), (Status::Completed, 1)];
    assert_eq!(counts.by_status, by_status.into());
}

#[test]
fn who_has_no_account_is_left_out_and_named_in_the_preview_alone() {
    let (file, plan) = planned(TICKETS, berlin());
    assert_eq!(
        file.addresses().into_iter().collect::<Vec<_>>(),
        ["ada@example.com", "ben@example.com", "fremd@example.com"]
    );
    let preview = file.preview(&plan);
    let unknown: Vec<_> = preview.unknown_people.iter().map(|person| (person.name.as_str(), person.times)).collect();
    assert_eq!(unknown, [("Kim Fremd", 1), ("fremd@example.com", 1)]);
    let commands =
        serde_json::to_string(&plan.tasks.iter().map(|planned| &planned.import).collect::<Vec<_>>()).unwrap();
    assert!(!commands.contains("Fremd") && !commands.contains("fremd@") && !commands.contains("ben@"), "{commands}");
}

#[test]
fn the_same_row_of_the_same_import_is_the_same_command_whatever_the_options() {
    let (file, first) = planned(TICKETS, berlin());
    let (again, second) =
        planned(TICKETS, Options { people: [("Kim Fremd".into(), "ada@example.com".into())].into(), ..berlin() });
    assert_eq!(file.id, again.id);
    let ids = |plan: &Plan| plan.tasks.iter().map(|planned| planned.command_id).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(ids(&first).into_iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(second.tasks[1].import.facts.author, Some(ADA), "who was said to be somebody");
    let other = file.plan(ImportId(Uuid::from_u128(1)), &people(), at());
    assert_ne!(ids(&first), ids(&other));
}

#[test]
fn ids_that_come_twice_do_not_make_one_task_of_two() {
    let (_, plan) = planned(b"id,title\n7,One\n7,Two\n,Three\n,Four\n", Options::default());
    assert_eq!(titles(&plan), ["One", "Two", "Three", "Four"]);
    assert_eq!(plan.tasks.iter().map(PlannedTask::task_id).collect::<BTreeSet<_>>().len(), 4);
    assert_eq!(problems(&plan), [(Some(3), "external_id", Severity::Warning, "\"7\" is the id of a row before, too")]);
}

#[test]
fn what_is_too_long_or_too_much_is_cut_and_said() {
    let (title, label) = ("t".repeat(250), "l".repeat(60));
    let many: Vec<_> = (0..25).map(|number| format!("label {number:02}")).collect();
    let text = format!("title,labels,description\n{title},{label},rest\nShort,{};x,\n", many.join(";"));
    let (_, plan) = planned(text.as_bytes(), Options::default());
    let long = &plan.tasks[0].import.task;
    assert_eq!(long.title.as_str().chars().count(), 200);
    assert!(long.title.as_str().ends_with('…'));
    assert_eq!(description(&plan.tasks[0]), format!("{title}\n\nrest"));
    assert_eq!(labels(&plan.tasks[0])[0].chars().count(), 50);
    assert_eq!(labels(&plan.tasks[1]).len(), 20);
    assert!(problems(&plan).contains(&(
        Some(2),
        "title",
        Severity::Warning,
        "has more than 200 characters; all of it is in the description"
    )));
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let refused = |bytes: &[u8], options: Options| TaskFile::read(bytes, options, 2).unwrap_err().to_string();
    assert_eq!(refused(b" \n", Options::default()), "there is nothing in it");
    assert_eq!(
        refused(b"colour,size\nred,1\n", Options::default()),
        "no column is known as the title of the tasks: say which of [\"colour\", \"size\"] it is"
    );
    assert_eq!(
        refused(b"title\n1\n2\n3\n", Options::default()),
        "it has 3 tasks, and 2 may come at once: cut it into parts"
    );
    let named = Options { columns: [(Field::Title, "Was".to_owned())].into(), ..Options::default() };
    assert_eq!(refused(b"colour,size\nred,1\n", named), "there is no column \"Was\" for title");
    let broken = refused(b"{\"cards\": [", Options::default());
    assert!(broken.starts_with("it is no export of Trello that is known here: EOF"), "{broken}");
    assert_eq!(refused(b"title\n\"open\n", Options::default()), "the quoted field that begins on line 2 does not end");
}

#[test]
fn a_board_of_trello_becomes_tasks() {
    let options = Options { people: [("adal".to_owned(), "ada@example.com".to_owned())].into(), ..Options::default() };
    let (file, plan) = planned(BOARD, options);
    assert_eq!(file.preview(&plan).source, ImportSource::Trello);
    assert_eq!(titles(&plan), ["Replace the lamp in the stairwell", "Order valves", "Paint the gate"]);
    assert_eq!(file.preview(&plan).counts.archived, 2);

    let lamp = &plan.tasks[0].import;
    assert_eq!((lamp.status, lamp.task.deadline), (Status::InProgress, Some(time("2026-04-15T10:00:00Z"))));
    assert_eq!(labels(&plan.tasks[0]), ["electrical", "red"]);
    assert_eq!((lamp.task.assignee, lamp.facts.author), (Some(ADA), None));
    assert_eq!(lamp.facts.created_at, Some(time("2026-03-01T07:00:00Z")));
    assert_eq!(
        description(&plan.tasks[0]),
        "Second floor, **left**.\n\n- [x] Switch off the fuse\n- [ ] Screw in the new lamp"
    );
    let said: Vec<_> = lamp.comments.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        said,
        [
            "*Imported; written 2026-03-04 08:00 UTC*\n\nWhich socket?",
            "*Imported; written 2026-03-05 09:30 UTC*\n\nE27, not E14."
        ]
    );
    assert_eq!(problems(&plan)[0].3, "the card has 2 members; the first of them is to do the task");

    let (valves, gate) = (&plan.tasks[1], &plan.tasks[2]);
    assert_eq!((valves.import.status, labels(valves)), (Status::Todo, vec!["Waiting for parts"]));
    assert_eq!(valves.import.facts.created_at, Some(time("2024-03-13T15:13:04Z")), "as its id says");
    assert_eq!(
        (gate.import.status, gate.import.facts.completed_at),
        (Status::Completed, Some(time("2026-03-10T15:00:00Z")))
    );
    let unknown: Vec<_> = plan.unknown.iter().map(|(name, times)| (name.as_str(), *times)).collect();
    assert_eq!(unknown, [("benw", 2)]);
}

#[test]
fn archived_cards_can_come_as_completed_and_lists_can_be_said_to_be_a_status() {
    let statuses = [("waiting for parts".to_owned(), Status::InProgress)].into();
    let (_, plan) = planned(BOARD, Options { archived: Archived::Complete, statuses, ..Options::default() });
    let found: Vec<_> =
        plan.tasks.iter().map(|planned| (planned.import.task.title.as_str(), planned.import.status)).collect();
    assert_eq!(
        found,
        [
            ("Forgotten", Status::Completed),
            ("Replace the lamp in the stairwell", Status::InProgress),
            ("Order valves", Status::InProgress),
            ("Paint the gate", Status::Completed),
            ("Grow a tree", Status::Completed),
        ]
    );
    assert_eq!(labels(&plan.tasks[2]), Vec::<&str>::new());
    assert_eq!(labels(&plan.tasks[4]), ["Old ideas"]);
}

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
    assert_eq!(description(&plan.tasks[0]), "Pressure and\ntemperature\n\n- [ ] Bring a torch");
    assert_eq!(boiler.comments[0].1.as_str(), "*Imported*\n\nThe key is at the desk");

    let supplier = &plan.tasks[1];
    assert_eq!(supplier.line, Some(8));
    assert_eq!(description(supplier), "Part of: Check the boiler");
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
    assert_eq!(description(&plan.tasks[0]), "All *five*.\n\nDate in Todoist: every 3 months\n\n- [x] Count the hoses");
    assert_eq!(
        hydrants.comments[0].1.as_str(),
        "*Imported; written 2026-02-03 12:00 UTC*\n\nNumber 3 is behind the hedge"
    );

    let yard = &plan.tasks[1].import;
    assert_eq!((yard.status, yard.facts.completed_at), (Status::Completed, Some(time("2026-02-09T10:00:00Z"))));
    assert_eq!(yard.facts.created_at, Some(time("2026-02-01T09:00:00Z")));
}
