//! Tables, as any program writes them.

use std::collections::BTreeSet;

use muster_domain::ImportId;
use muster_domain::task::{ImportSource, Priority, Status};
use muster_domain::values::{ExternalId, Rank};
use uuid::Uuid;

use super::{ADA, BEN, at, description, labels, people, planned, problems, time, titles};
use crate::import::{Account, Encoding, Field, Options, Plan, PlannedTask, Severity, TaskFile};

const TICKETS: &[u8] = include_bytes!("../fixtures/tickets.csv");

fn berlin() -> Options {
    Options { time_zone: chrono_tz::Europe::Berlin, ..Options::default() }
}

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
fn a_task_that_an_auditor_would_do_comes_to_nobody_and_says_so() {
    let rows = b"title,assignee\nSweep,ada@example.com\nMow,ben@example.com\n";
    let file = TaskFile::read(rows, Options::default(), 100).unwrap();
    let mut people = people();
    people.insert("ben@example.com".to_owned(), Account { id: BEN, does_tasks: false });
    let plan = file.plan(file.id, &people, at());
    let assignees: Vec<_> = plan.tasks.iter().map(|planned| planned.import.task.assignee).collect();
    assert_eq!(assignees, [Some(ADA), None]);
    let told = [(Some(3), "assignee", Severity::Warning, "an auditor does no tasks; it comes without")];
    assert_eq!(problems(&plan), told);
    assert_eq!(file.preview(&plan).unknown_people, [], "they have an account");
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
fn tasks_stay_in_the_order_of_their_file() {
    let (_, plan) = planned(b"title\nThird\nFirst\n\nSecond\n", Options::default());
    let created: Vec<_> = plan.tasks.iter().map(|planned| planned.import.task.at).collect();
    assert_eq!(created, [0, 1, 2].map(|millis| at() + chrono::TimeDelta::milliseconds(millis)));
    let ranks: Vec<_> = created.iter().map(|at| Rank::of_time(*at)).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ranks:?}");
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

/// Something that is said of a row: its line, the field, how bad it is, and what.
type Told = (Option<u32>, String, Severity, String);

/// What a plan makes of a changed file, where tasks were made of another by the same import: the titles, and what is said.
fn gone_on(first: &[u8], then: &[u8]) -> (Vec<String>, Vec<Told>) {
    let (file, begun) = planned(first, Options::default());
    let made = begun.tasks.iter().map(|made| (made.task_id(), made.import.task.title.as_str().to_owned())).collect();
    let (changed, _) = planned(then, Options::default());
    let mut plan = changed.plan(file.id, &people(), at());
    plan.compare(&made);
    let titles = titles(&plan).into_iter().map(str::to_owned).collect();
    let found = problems(&plan).into_iter();
    let found = found.map(|(line, field, severity, detail)| (line, field.to_owned(), severity, detail.to_owned()));
    (titles, found.collect())
}

#[test]
fn a_row_that_was_put_between_others_that_are_known_by_their_lines_is_named_and_no_other_is_made_twice() {
    let (titles, found) = gone_on(b"title\nOne\nTwo\n", b"title\nNew\nOne\nTwo\nThree\n");
    assert_eq!(titles, ["Three"]);
    let about: Vec<_> = found.iter().map(|(line, field, severity, _)| (*line, field.as_str(), *severity)).collect();
    assert_eq!(about, [2, 3, 4].map(|line| (Some(line), "row", Severity::Error)));
    assert!(found[0].3.contains("which had \"One\" in this place"), "{found:?}");
    for (_, _, _, moved) in &found[1..] {
        assert!(moved.starts_with("stood in another place of the file"), "{moved}");
    }
}

#[test]
fn a_file_that_grew_at_its_end_goes_on_without_a_word() {
    assert_eq!(gone_on(b"title\nOne\n", b"title\nOne\nTwo\n"), (vec!["One".to_owned(), "Two".to_owned()], vec![]));
}

#[test]
fn a_row_that_is_known_by_its_id_is_found_wherever_it_stands_and_its_new_title_is_a_warning() {
    let (titles, found) = gone_on(b"id,title\n1,One\n2,Two\n", b"id,title\n3,Three\n2,Two and a half\n1,One\n");
    assert_eq!(titles, ["Three", "Two and a half", "One"]);
    let said = "is \"Two and a half\" in the file; the task was imported as \"Two\", and stays as it is".to_owned();
    assert_eq!(found, [(Some(3), "title".to_owned(), Severity::Warning, said)]);
}
