//! Random commands. The values come from small pools, so that commands meet each other's traces: the same team twice, the
//! deadline that is there already, a label that goes and comes back.

use std::fmt::Debug;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use muster_domain::task::{
    BegunChecklistItem, ChecklistItem, CreateTask, ImportSource, ImportTask, ImportedComment, ImportedCommentFacts,
    ImportedFacts, Lead, Leads, Occurrence, Priority, Relation, Status, Successor, TaskCommand, UpdateChecklistItem,
    UpdateTask,
};
use muster_domain::team::{CreateTeam, TeamCommand, UpdateTeam};
use muster_domain::user::{
    ByKind, DigestFrequency, NotificationChannel, NotificationChannels, NotificationDigest, NotificationKind,
    NotificationPreferences, QuietHours, RegisterUser, Role, UpdateUser, UserCommand,
};
use muster_domain::values::{Label, Labels, Location, Position};
use muster_domain::{CommentId, SeriesId, TaskId, TeamId, UserId};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use uuid::Uuid;

use crate::recurrence::rule;

/// One of these texts, as a value.
fn one_of<T: FromStr<Err: Debug> + Debug + Clone + 'static>(
    texts: &'static [&'static str],
) -> impl Strategy<Value = T> {
    proptest::sample::select(texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<T>>())
}

/// Mostly one of a few texts, sometimes any text that the type takes.
fn text<T: FromStr<Err: Debug> + Debug + Clone + 'static>(texts: &'static [&'static str]) -> impl Strategy<Value = T> {
    prop_oneof![
        4 => one_of(texts),
        1 => "\\PC{1,40}".prop_filter_map("blank", |text: String| text.parse().ok()),
    ]
}

fn words<T: FromStr<Err: Debug> + Debug + Clone + 'static>() -> impl Strategy<Value = T> {
    text(&["Fix the lift", "Replace the lift", "Zwei Stockwerke — «dringend» 🛗", "a \"quoted\" \\ word"])
}

pub(crate) fn id<T: From<Uuid> + Debug>() -> impl Strategy<Value = T> {
    (1..4_u128).prop_map(|n| Uuid::from_u128(n).into())
}

/// To the millisecond, in a year in which everything happens.
pub(crate) fn time() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![
        (0..4_i64).prop_map(|day| 1_772_400_000_000 + day * 86_400_000),
        1_767_225_600_000..1_798_761_600_000_i64,
    ]
    .prop_map(|millis| DateTime::from_timestamp_millis(millis).unwrap())
}

fn labels() -> impl Strategy<Value = Labels> {
    vec(one_of::<Label>(&["lift", "safety", "urgent"]), 0..4).prop_map(|labels| labels.try_into().unwrap())
}

fn location() -> impl Strategy<Value = Location> {
    let position = (-90.0..=90.0, -180.0..=180.0).prop_map(|(north, east)| Position::new(north, east).unwrap());
    (text(&["Workshop 3", "Main gate"]), of(position)).prop_map(|(name, position)| Location { name, position })
}

fn priority() -> impl Strategy<Value = Priority> {
    proptest::sample::select(Priority::ALL)
}

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(Status::ALL)
}

fn create_task() -> impl Strategy<Value = CreateTask> {
    let place = (labels(), of(location()));
    let people = (of(id::<TeamId>()), of(id::<UserId>()), of(id::<UserId>()));
    (words(), of(words()), priority(), place, people, of(time()), time()).prop_map(
        |(title, description, priority, (labels, location), (team, assignee, reporter), deadline, at)| CreateTask {
            title,
            description,
            priority,
            labels,
            location,
            team,
            assignee,
            reporter,
            deadline,
            at,
        },
    )
}

/// An update that names each property one time in three.
fn update_task() -> impl Strategy<Value = UpdateTask> {
    fn perhaps<S: Strategy>(value: S) -> impl Strategy<Value = Option<S::Value>> {
        weighted(0.33, value)
    }
    let edited = (perhaps(words()), perhaps(of(words())), perhaps(labels()), perhaps(of(location())));
    let people = (perhaps(of(id())), perhaps(of(id())));
    (edited, people, perhaps(priority()), perhaps(of(time())), perhaps(status()), time()).prop_map(
        |((title, description, labels, location), (team, assignee), priority, deadline, status, at)| UpdateTask {
            title,
            description,
            labels,
            location,
            team,
            assignee,
            priority,
            deadline,
            status,
            at,
        },
    )
}

/// A status alone, so that tasks get somewhere.
fn move_task() -> impl Strategy<Value = UpdateTask> {
    (status(), time()).prop_map(|(status, at)| UpdateTask { status: Some(status), ..UpdateTask::at(at) })
}

fn leads() -> impl Strategy<Value = Leads> {
    vec(one_of::<Lead>(&["PT15M", "PT1H", "P1D", "P3DT4H"]), 0..4).prop_map(|leads| leads.try_into().unwrap())
}

fn successor() -> impl Strategy<Value = Successor> {
    let place = (rule(), id::<SeriesId>(), 2..9_u32, time());
    let checklist = vec(words(), 0..3).prop_map(|texts| {
        let items = (1..).zip(texts);
        items.map(|(id, text)| BegunChecklistItem { item_id: Uuid::from_u128(id).into(), text }).collect::<Vec<_>>()
    });
    (create_task(), place, checklist, leads(), of(id::<UserId>())).prop_map(
        |(task, (rule, series, number, at), checklist, leads, reminded)| {
            let first = Occurrence::first(rule, series, at.date_naive());
            Successor { task, occurrence: Occurrence { number, ..first }, checklist, leads, reminded }
        },
    )
}

fn import_task() -> impl Strategy<Value = ImportTask> {
    let known = (of(one_of(&["row 7", "5f1e"])), of(id::<UserId>()), of(time()), of(time()));
    let facts = (id(), proptest::sample::select(ImportSource::ALL), known).prop_map(
        |(import_id, source, (external_id, author, created_at, completed_at))| ImportedFacts {
            import_id,
            source,
            external_id,
            author,
            created_at,
            completed_at,
        },
    );
    let checklist = vec((words(), any::<bool>()), 0..3).prop_map(|items| {
        let items = (1..).zip(items);
        let item = |(id, (text, done))| ChecklistItem { id: Uuid::from_u128(id).into(), text, done };
        items.map(item).collect::<Vec<_>>()
    });
    let said = (id::<CommentId>(), words(), of(id::<UserId>()), of(time()))
        .prop_map(|(id, text, author, at)| ImportedComment { id, text, facts: ImportedCommentFacts { author, at } });
    (create_task(), status(), facts, of(id::<TaskId>()), checklist, vec(said, 0..3)).prop_map(
        |(task, status, facts, parent, checklist, comments)| ImportTask {
            task,
            status,
            facts,
            parent,
            checklist,
            comments,
        },
    )
}

pub(crate) fn task_command() -> impl Strategy<Value = TaskCommand> {
    prop_oneof![
        2 => create_task().prop_map(TaskCommand::Create),
        4 => update_task().prop_map(TaskCommand::Update),
        6 => move_task().prop_map(TaskCommand::Update),
        2 => (words(), time()).prop_map(|(reason, at)| TaskCommand::Hold { reason, at }),
        3 => (words(), time()).prop_map(|(reason, at)| TaskCommand::Resume { reason, at }),
        1 => (id::<CommentId>(), words()).prop_map(|(comment_id, text)| TaskCommand::Comment { comment_id, text }),
        1 => time().prop_map(|at| TaskCommand::Delete { at }),
        2 => Just(TaskCommand::Restore),
        2 => (id(), words(), of(id()))
            .prop_map(|(item_id, text, before)| TaskCommand::AddChecklistItem { item_id, text, before }),
        3 => (id(), of(words()), of(any::<bool>()), of(of(id()))).prop_map(|(item_id, text, done, before)| {
            TaskCommand::UpdateChecklistItem(UpdateChecklistItem { item_id, text, done, before })
        }),
        1 => id().prop_map(|item_id| TaskCommand::RemoveChecklistItem { item_id }),
        2 => (proptest::sample::select(Relation::ALL), id()).prop_map(|(relation, to)| TaskCommand::Relate { relation, to }),
        1 => (proptest::sample::select(Relation::ALL), id()).prop_map(|(relation, to)| TaskCommand::Unrelate { relation, to }),
        1 => one_of(&["V", "0z1", "k"]).prop_map(|rank| TaskCommand::Rank { rank }),
        1 => id().prop_map(|user_id| TaskCommand::Watch { user_id }),
        1 => id().prop_map(|user_id| TaskCommand::Unwatch { user_id }),
        2 => (rule(), id::<SeriesId>(), time())
            .prop_map(|(rule, series, at)| TaskCommand::SetRecurrence { rule, series, at }),
        1 => Just(TaskCommand::ClearRecurrence),
        2 => (leads(), of(id::<UserId>())).prop_map(|(leads, by)| TaskCommand::SetReminders { leads, by }),
        2 => time().prop_map(|at| TaskCommand::FireReminders { at }),
        1 => successor().prop_map(|successor| TaskCommand::Recur(Box::new(successor))),
        1 => import_task().prop_map(|import| TaskCommand::Import(Box::new(import))),
    ]
}

const EMAILS: &[&str] = &["ada@example.com", "Ada@Example.com", "ben@example.com"];
const ZONES: &[&str] = &["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"];

fn role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL)
}

fn register_user() -> impl Strategy<Value = RegisterUser> {
    let reached = (one_of(EMAILS), of(one_of(&["+49 30 1234", "112"])));
    (words(), reached, role(), one_of(ZONES), of(one_of(&["en-GB", "de"])), time()).prop_map(
        |(name, (email, phone), role, time_zone, locale, at)| RegisterUser {
            name,
            email,
            role,
            time_zone,
            locale,
            phone,
            at,
        },
    )
}

fn update_user() -> impl Strategy<Value = UpdateUser> {
    let reached = (of(one_of(EMAILS)), of(of(one_of(&["+49 30 1234", "112"]))));
    (of(words()), reached, of(role()), of(one_of(ZONES)), of(of(one_of(&["en-GB", "de"])))).prop_map(
        |(name, (email, phone), role, time_zone, locale)| UpdateUser { name, email, role, time_zone, locale, phone },
    )
}

/// Each kind by one channel at most, quiet from one of two hours.
fn notification_preferences() -> impl Strategy<Value = NotificationPreferences> {
    let channel = || of(proptest::sample::select(NotificationChannel::ALL));
    let channels = [(); NotificationKind::ALL.len()].map(|()| channel());
    let quiet = (one_of(&["22:00", "12:30"]), any::<bool>())
        .prop_map(|(from, except_critical)| QuietHours::new(from, "06:00".parse().unwrap(), except_critical).unwrap());
    let digest = (proptest::sample::select(DigestFrequency::ALL), one_of(&["08:00", "17:45"]))
        .prop_map(|(frequency, at)| NotificationDigest { frequency, at });
    (channels, of(quiet), digest).prop_map(|(channels, quiet_hours, digest)| NotificationPreferences {
        channels: ByKind::each(|kind| NotificationChannels::of(channels[kind as usize].as_slice())),
        quiet_hours,
        digest,
    })
}

pub(crate) fn user_command() -> impl Strategy<Value = UserCommand> {
    prop_oneof![
        2 => register_user().prop_map(UserCommand::Register),
        4 => update_user().prop_map(UserCommand::Update),
        2 => notification_preferences().prop_map(UserCommand::ChangeNotificationPreferences),
        2 => id().prop_map(UserCommand::JoinTeam),
        2 => id().prop_map(UserCommand::LeaveTeam),
        1 => Just(UserCommand::Deactivate),
        2 => Just(UserCommand::Reactivate),
        1 => time().prop_map(|at| UserCommand::Erase { at }),
    ]
}

pub(crate) fn team_command() -> impl Strategy<Value = TeamCommand> {
    let create = (words(), of(words()), time())
        .prop_map(|(name, description, at)| TeamCommand::Create(CreateTeam { name, description, at }));
    let update = (of(words()), of(of(words())))
        .prop_map(|(name, description)| TeamCommand::Update(UpdateTeam { name, description }));
    prop_oneof![1 => create, 3 => update]
}
