//! Files as people have them, read to plans.

use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_domain::task::{ImportSource, Priority, Status};
use muster_domain::values::{ExternalId, Label, Rank};
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

fn checklist(planned: &PlannedTask) -> Vec<(&str, bool)> {
    planned.import.checklist.iter().map(|item| (item.text.as_str(), item.done)).collect()
}

/// What was said, by whom and when.
type Said<'a> = (&'a str, Option<UserId>, Option<DateTime<Utc>>);

fn said(planned: &PlannedTask) -> Vec<Said<'_>> {
    let comments = planned.import.comments.iter();
    comments.map(|comment| (comment.text.as_str(), comment.facts.author, comment.facts.at)).collect()
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
    let fields: Vec<_> = preview.columns.iter().map(|column| (column.header.as_str(), column.field)).collect();
    let expected = [
        ("Nr", Field::ExternalId),
        ("Betreff", Field::Title),
        ("Beschreibung", Field::Description),
        ("Status", Field::Status),
        ("Priorität", Field::Priority),
        ("Schlagworte", Field::Labels),
        ("Ort", Field::Location),
        ("Fällig am", Field::Deadline),
        ("Zuständig", Field::Assignee),
        ("Ersteller", Field::Author),
        ("Erstellt am", Field::CreatedAt),
        ("Abgeschlossen am", Field::CompletedAt),
    ];
    assert_eq!(fields, expected.map(|(header, field)| (header, Some(field))));
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
        "it has more tasks than the 2 that may come at once: cut it into parts"
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
    assert_eq!(description(&plan.tasks[0]), "Second floor, **left**.");
    assert_eq!(checklist(&plan.tasks[0]), [("Switch off the fuse", true), ("Screw in the new lamp", false)]);
    assert_eq!(
        said(&plan.tasks[0]),
        [
            ("Which socket?", None, Some(time("2026-03-04T08:00:00Z"))),
            ("E27, not E14.", Some(ADA), Some(time("2026-03-05T09:30:00Z")))
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
    assert_eq!(unknown, [("benw", 3)], "of a card, of a task, and of a comment");
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
fn tasks_stay_in_the_order_of_their_file() {
    let (_, plan) = planned(b"title\nThird\nFirst\n\nSecond\n", Options::default());
    let created: Vec<_> = plan.tasks.iter().map(|planned| planned.import.task.at).collect();
    assert_eq!(created, [0, 1, 2].map(|millis| at() + chrono::TimeDelta::milliseconds(millis)));
    let ranks: Vec<_> = created.iter().map(|at| Rank::of_time(*at)).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ranks:?}");
}

#[test]
fn a_file_is_read_no_further_than_to_the_first_task_too_many() {
    let refused = |bytes: &[u8]| TaskFile::read(bytes, Options::default(), 2).unwrap_err();
    for bytes in [
        b"title\n1\n2\n3\n\"does not end".as_slice(),
        b"TYPE,CONTENT\ntask,1\nnote,x\ntask,2\ntask,3\ntask,\"does not end",
        br#"{ "items": [{ "id": 1, "content": "1" }, { "id": 2, "content": "2" }, { "id": 3, "content": "3" }] }"#,
        br#"{ "cards": [{ "id": "1", "name": "1", "idList": "" }, { "id": "2", "name": "2", "idList": "" },
            { "id": "3", "name": "3", "idList": "" }] }"#,
    ] {
        let refused = refused(bytes);
        assert!(matches!(refused, FileProblem::TooManyTasks { max: 2 }), "{refused}");
    }
    let wide = format!("title\nx{}\n", ",".repeat(200));
    assert_eq!(refused(wide.as_bytes()).to_string(), "line 2: a row has at most 200 values");
}

#[test]
fn a_table_may_begin_with_the_line_that_excel_writes() {
    let (file, plan) = planned("sep=;\r\nTitel;Frist\r\nTür, links;31.03.2026\r\n".as_bytes(), Options::default());
    let preview = file.preview(&plan);
    assert_eq!((titles(&plan), preview.delimiter, preview.columns.len()), (vec!["Tür, links"], Some(';'), 2));
    assert_eq!(plan.tasks[0].line, Some(3));
    let (file, plan) = planned(b"sep=,\nTYPE,CONTENT\ntask,Sweep\n", Options::default());
    assert_eq!((file.preview(&plan).source, titles(&plan)), (ImportSource::Todoist, vec!["Sweep"]));
}

#[test]
fn a_value_that_is_no_date_is_named_and_not_repeated_at_length() {
    let text = format!("title,due\nx,{}\n", "1 ".repeat(100_000));
    let (_, plan) = planned(text.as_bytes(), Options::default());
    let (line, field, _, detail) = problems(&plan)[0];
    assert_eq!((line, field), (Some(2), "deadline"));
    assert!(detail.len() < 400 && detail.contains("is no date that is known here"), "{detail}");
}

#[test]
fn what_a_board_of_trello_leaves_open_is_left_out() {
    let board = br#"{
        "lists": [{ "id": "l1", "name": null, "closed": null, "pos": null }],
        "cards": [{ "id": "c1", "name": "Paint the gate", "desc": null, "closed": null, "idList": "l1", "pos": null, "due": null,
            "dueComplete": null, "labels": [null, { "name": "urgent" }], "idMembers": null }],
        "checklists": [{ "idCard": "c1", "checkItems": [{ "name": "Sand it", "state": null }, { "name": null }] }, { "name": "?" }],
        "members": null,
        "actions": [
            { "type": "commentCard", "date": "2026-03-05T09:30:00.000Z", "data": { "card": { "id": "c1" }, "text": "Green" },
                "memberCreator": { "id": null, "username": "adal" } },
            { "type": "deleteCard", "date": "2026-03-04T09:30:00.000Z", "data": { "card": { "idShort": 7 }, "list": null } },
            { "type": "updateCard", "date": "2026-03-04T09:30:00.000Z", "data": { "card": { "id": "c1" }, "listAfter": {} } },
            { "type": "enablePlugin", "date": null, "data": null }
        ]
    }"#;
    let people = [("adal".to_owned(), "ada@example.com".to_owned())].into();
    let (_, plan) = planned(board, Options { people, ..Options::default() });
    assert_eq!(titles(&plan), ["Paint the gate"]);
    let gate = &plan.tasks[0];
    assert_eq!((description(gate), labels(gate), checklist(gate)), ("", vec!["urgent"], vec![("Sand it", false)]));
    assert_eq!(said(gate), [("Green", Some(ADA), Some(time("2026-03-05T09:30:00Z")))]);
    assert_eq!(problems(&plan), []);
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

#[test]
fn what_does_not_fit_on_a_checklist_is_in_the_description_and_fewer_comments_come_beside_it() {
    let points: Vec<_> = (0..150)
        .map(|number| {
            let state = if number < 50 { "complete" } else { "incomplete" };
            serde_json::json!({ "name": format!("Point {number}"), "state": state, "pos": number })
        })
        .collect();
    let comments: Vec<_> = (0..60)
        .map(|number| {
            serde_json::json!({ "type": "commentCard", "date": at() + chrono::TimeDelta::minutes(number),
                "data": { "card": { "id": "c" }, "text": format!("Comment {number}") } })
        })
        .collect();
    let board = serde_json::json!({
        "cards": [{ "id": "c", "name": "Long", "desc": "See below.", "idList": "l" }],
        "checklists": [{ "idCard": "c", "checkItems": points }],
        "actions": comments,
    });
    let (_, plan) = planned(board.to_string().as_bytes(), Options::default());
    let long = &plan.tasks[0];
    let ticked = checklist(long).iter().filter(|(_, done)| *done).count();
    assert_eq!((checklist(long).len(), ticked), (100, 40));
    let ids: BTreeSet<_> = long.import.checklist.iter().map(|item| item.id).collect();
    assert_eq!(ids.len(), 100);
    assert!(description(long).starts_with("See below.\n\n- [x] Point 40\n"), "{}", description(long));
    assert!(description(long).ends_with("\n- [ ] Point 149"), "{}", description(long));
    assert_eq!(said(long).len(), 21);
    assert_eq!((said(long)[0].0, said(long)[20].0), ("Comment 39", "Comment 59"));
    assert_eq!(
        problems(&plan),
        [
            (
                None,
                "checklist",
                Severity::Warning,
                "50 points are in the description: 100 come as a checklist, and 40 of these ticked"
            ),
            (
                None,
                "comments",
                Severity::Warning,
                "the oldest 39 were left out: 50 come with a task, and fewer where they are long or much of its checklist is ticked"
            ),
        ]
    );
}

#[test]
fn long_comments_leave_room_for_their_commit() {
    let rows = format!("note,{}\n", "x".repeat(12_000)).repeat(30);
    let (_, plan) = planned(format!("TYPE,CONTENT\ntask,Talk\n{rows}").as_bytes(), Options::default());
    let bytes: usize = said(&plan.tasks[0]).iter().map(|(text, ..)| text.len()).sum();
    assert!((140_000..=150_000).contains(&bytes), "{bytes}");
}
