//! Tasks that an operator brings in from a file.

use std::fs;
use std::path::Path;

use clap::Parser as _;
use muster_cli::args::{Command, ImportCommand, Muster};
use muster_cli::operate::import::{Done, import_tasks};
use muster_cli::report::Failure;
use muster_commands::ExpectedVersion;
use muster_domain::task::{ImportSource, Status};
use muster_domain::team::{CreateTeam, Team, TeamCommand};
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::{EventReader as _, TaskId, TeamId, UserId};
use muster_handlers::import::{Archived, Field, Options};
use uuid::Uuid;

use crate::support::{TestStore, at, metadata};

const ADA: UserId = UserId(Uuid::from_u128(0xada));

async fn with_ada() -> TestStore {
    let store = TestStore::new().await;
    let account = RegisterUser::new("Ada".parse().unwrap(), "Ada@example.com".parse().unwrap(), Role::Member, at());
    let command = UserCommand::Register(account);
    store.system.commands.execute::<User>(ADA.0, command, ExpectedVersion::New, &metadata()).await.unwrap();
    store
}

const FILE: &[u8] = b"Key;Summary;State;Assignee;Created\n\
    OPS-1;Fix the door;Done;ada@example.com;2024-05-01\n\
    OPS-2;Mow the lawn;Doing;nobody@example.com;\n\
    OPS-3;;Open;;\n";

async fn import(store: &TestStore, bytes: &[u8], preview: bool) -> Done {
    import_tasks(&store.system, bytes, Options::default(), None, preview).await.unwrap()
}

fn ids(done: &Done) -> Vec<TaskId> {
    done.preview.tasks.iter().map(|task| task.task_id).collect()
}

#[tokio::test]
async fn a_preview_writes_nothing_and_a_run_makes_what_it_showed() {
    let store = with_ada().await;
    let looked = import(&store, FILE, true).await;
    assert_eq!((looked.created, looked.preview.counts.tasks, looked.preview.counts.errors), (None, 2, 1));
    for id in ids(&looked) {
        assert_eq!(store.system.events.commits(&id.into(), 0, None).await.unwrap(), []);
    }

    let made = import(&store, FILE, false).await;

    assert_eq!((made.created, made.repeated), (Some(2), Some(0)));
    assert_eq!(ids(&made), ids(&looked));
    let pipeline = store.pipeline().await;
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;
    let [door, lawn] = ids(&made)[..] else { panic!("two tasks") };
    let door = store.row(door).await.unwrap();
    assert_eq!((door.status, door.assignee_id, door.reporter_id), (Status::Completed, Some(ADA), None));
    let facts = door.imported.unwrap();
    assert_eq!((facts.external_id.as_deref(), facts.import_id), (Some("OPS-1"), made.preview.import_id));
    assert_eq!(facts.created_at, Some("2024-05-01T00:00:00Z".parse().unwrap()));
    let lawn = store.row(lawn).await.unwrap();
    assert_eq!((lawn.status, lawn.assignee_id), (Status::InProgress, None));
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_where_it_was() {
    let store = with_ada().await;
    // As far as it came: the first task.
    let first: Vec<u8> = FILE.split_inclusive(|byte| *byte == b'\n').take(2).flatten().copied().collect();
    let whole = import(&store, FILE, true).await.preview.import_id;
    let cut_off = import_tasks(&store.system, &first, Options::default(), Some(whole), false).await.unwrap();
    assert_eq!(cut_off.created, Some(1));

    let done = import(&store, FILE, false).await;
    assert_eq!((done.created, done.repeated), (Some(1), Some(1)));
    let again = import(&store, FILE, false).await;
    assert_eq!((again.created, again.repeated), (Some(0), Some(2)));
}

#[tokio::test]
async fn a_team_that_is_not_there_is_refused_before_anything_is_shown_or_made() {
    let store = with_ada().await;
    let team = TeamId(Uuid::from_u128(0x7ea3));
    let into = Options { team: Some(team), ..Options::default() };
    for preview in [true, false] {
        let refused = import_tasks(&store.system, FILE, into.clone(), None, preview).await;
        assert!(matches!(&refused, Err(Failure::Refused(reason)) if reason == "there is no such team"), "{refused:?}");
    }
    for id in ids(&import(&store, FILE, true).await) {
        assert_eq!(store.system.events.commits(&id.into(), 0, None).await.unwrap(), []);
    }

    let create = TeamCommand::Create(CreateTeam { name: "Lifts".parse().unwrap(), description: None, at: at() });
    store.system.commands.execute::<Team>(team.0, create, ExpectedVersion::New, &metadata()).await.unwrap();
    let made = import_tasks(&store.system, FILE, into, None, false).await.unwrap();
    assert_eq!(made.created, Some(2));
}

#[tokio::test]
async fn whose_account_is_closed_is_left_out_of_tasks() {
    let store = with_ada().await;
    let close = UserCommand::Deactivate;
    store.system.commands.execute::<User>(ADA.0, close, ExpectedVersion::Any, &metadata()).await.unwrap();
    let looked = import(&store, FILE, true).await;
    assert_eq!(looked.preview.tasks.iter().map(|task| task.assignee_id).collect::<Vec<_>>(), [None, None]);
    let left_out: Vec<_> = looked.preview.unknown_people.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(left_out, ["ada@example.com", "nobody@example.com"]);
}

#[tokio::test]
async fn a_row_that_was_put_before_others_is_named_when_an_import_goes_on() {
    let store = TestStore::new().await;
    let first = import(&store, b"title\nOne\nTwo\n", false).await;
    let changed = b"title\nNew\nOne\nTwo\n";
    let id = Some(first.preview.import_id);
    let done = import_tasks(&store.system, changed, Options::default(), id, false).await.unwrap();
    assert_eq!((done.created, done.repeated, done.preview.counts.errors), (Some(0), Some(0), 3));
    let lines: Vec<_> = done.preview.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(2), Some(3), Some(4)]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused() {
    let store = TestStore::new().await;
    let refused = import_tasks(&store.system, b"a;b\n1;2\n", Options::default(), None, false).await;
    assert!(matches!(&refused, Err(Failure::Refused(reason)) if reason.contains("no column is known")), "{refused:?}");
}

#[test]
fn the_command_line_says_how_a_file_is_read() {
    let line = "muster import tasks board.json --from trello --status Waiting=todo --status A=B=completed --person adal=a@b.com \
        --column title=Betreff --time-zone Europe/Berlin --archived --preview";
    let Command::Import(args) = Muster::try_parse_from(line.split_whitespace()).unwrap().command else { panic!() };
    let Some(ImportCommand::Tasks(tasks)) = args.tasks else { panic!("tasks") };
    let options = tasks.options();
    assert_eq!(options.columns, [(Field::Title, "Betreff".to_owned())].into());
    assert_eq!(options.statuses, [("Waiting".to_owned(), Status::Todo), ("A=B".to_owned(), Status::Completed)].into());
    assert_eq!(options.people, [("adal".to_owned(), "a@b.com".to_owned())].into());
    assert_eq!((options.source, options.archived), (Some(ImportSource::Trello), Archived::Complete));
    assert_eq!((options.time_zone.name(), tasks.preview), ("Europe/Berlin", true));
}

#[test]
fn a_whole_export_and_tasks_are_told_apart_on_the_command_line() {
    let parse = |line: &str| Muster::try_parse_from(line.split_whitespace());
    for (keys, of_whom, without) in [("--keys k", Some("k"), false), ("--without-keys", None, true)] {
        let line = format!("muster import --from-export x {keys}");
        let Command::Import(args) = parse(&line).unwrap().command else { panic!("{line}") };
        assert_eq!(args.from_export.as_deref(), Some(Path::new("x")), "{line}");
        assert_eq!((args.keys.as_deref(), args.without_keys), (of_whom.map(Path::new), without), "{line}");
    }
    for wrong in [
        "muster import",
        "muster import --from-export x",
        "muster import --from-export x --keys k --without-keys",
        "muster import --from-export x --keys k tasks y",
        "muster import tasks",
        "muster import tasks x --from jira",
        "muster import tasks x --status Waiting=soon",
        "muster import tasks x --column colour=Red",
        "muster import tasks x --delimiter a",
        "muster import tasks x --delimiter ;;",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_file_on_disk_goes_into_a_data_directory_and_its_read_models() {
    let place = tempfile::tempdir().unwrap();
    let (data, file) = (place.path().join("data"), place.path().join("tasks.csv"));
    fs::write(&file, FILE).unwrap();
    drop(muster_cli::store::LocalStore::open_or_make(&data).await.unwrap());
    let line = ["muster", "import", "tasks", file.to_str().unwrap(), "--data", data.to_str().unwrap(), "--json"];
    muster_cli::run(Muster::try_parse_from(line).unwrap()).await.unwrap();

    let system = muster_cli::store::LocalStore::open(&data).await.unwrap().system().await.unwrap();
    let status = muster_cli::operate::status::of(&system).await.unwrap();
    let rows: Vec<_> = status.projections.iter().map(|model| (model.name.as_str(), model.rows, model.lag)).collect();
    assert_eq!(rows[0], ("task-list", 2, 0));
}
