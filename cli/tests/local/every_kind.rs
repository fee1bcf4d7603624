//! Histories in which everything happens that can happen: each type of event there is, made by the command that it comes of.

use chrono::{DateTime, TimeDelta, Utc};
use muster_cli::system::System;
use muster_commands::ExpectedVersion;
use muster_domain::task::{
    BegunChecklistItem, CreateTask, Frequency, ImportSource, ImportTask, ImportedComment, ImportedCommentFacts,
    ImportedFacts, Lead, Leads, Occurrence, Priority, Recurrence, Relation, Status, Successor, Task, TaskCommand,
    UpdateChecklistItem, UpdateTask,
};
use muster_domain::team::{CreateTeam, Team, TeamCommand, UpdateTeam};
use muster_domain::user::{
    DigestFrequency, NotificationDigest, NotificationPreferences, RegisterUser, Role, UpdateUser, User, UserCommand,
};
use muster_domain::values::Rank;
use muster_domain::{ChecklistItemId, CommentId, Decider, ImportId, Metadata, SeriesId, TaskId, TeamId, UserId};
use uuid::Uuid;

use crate::support::{at, metadata};

const TASK: TaskId = TaskId(Uuid::from_u128(0x7a51));
const IMPORTED: TaskId = TaskId(Uuid::from_u128(0x7a52));
const NEXT: TaskId = TaskId(Uuid::from_u128(0x7a53));
const TEAM: TeamId = TeamId(Uuid::from_u128(0x7ea));
const ADA: UserId = UserId(Uuid::from_u128(0xada));
const GONE: UserId = UserId(Uuid::from_u128(0x90e));
const FIRST: ChecklistItemId = ChecklistItemId(Uuid::from_u128(0xc1));
const SECOND: ChecklistItemId = ChecklistItemId(Uuid::from_u128(0xc2));

/// Executes commands, a minute after each other: so that each state lasts for a while.
struct Life<'s> {
    system: &'s System,
    now: DateTime<Utc>,
}

impl Life<'_> {
    async fn execute<A>(&mut self, id: Uuid, command: A::Command)
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        self.now += TimeDelta::minutes(1);
        let metadata = Metadata { at: self.now, ..metadata() };
        let commands = &self.system.commands;
        commands.execute::<A>(id, command, ExpectedVersion::Any, &metadata).await.unwrap();
    }

    async fn task(&mut self, command: TaskCommand) {
        self.execute::<Task>(TASK.0, command).await;
    }

    async fn update(&mut self, change: impl FnOnce(&mut UpdateTask)) {
        let mut update = UpdateTask::at(self.now);
        change(&mut update);
        self.task(TaskCommand::Update(update)).await;
    }

    async fn item(&mut self, change: impl FnOnce(&mut UpdateChecklistItem)) {
        let mut update = UpdateChecklistItem { item_id: FIRST, text: None, done: None, before: None };
        change(&mut update);
        self.task(TaskCommand::UpdateChecklistItem(update)).await;
    }

    async fn user(&mut self, id: UserId, command: UserCommand) {
        self.execute::<User>(id.0, command).await;
    }
}

fn rule() -> Recurrence {
    Recurrence {
        frequency: Frequency::Daily,
        interval: 1,
        weekdays: [].into(),
        day: None,
        month: None,
        time: "18:00".parse().unwrap(),
        time_zone: "UTC".parse().unwrap(),
        until: None,
        count: None,
    }
}

fn leads(text: &str) -> Leads {
    Leads::try_from(vec![text.parse::<Lead>().unwrap()]).unwrap()
}

/// Lets everything happen.
pub(crate) async fn live(system: &System) {
    let mut life = Life { system, now: at() };
    team(&mut life).await;
    people(&mut life).await;
    words_and_people(&mut life).await;
    progress(&mut life).await;
    checklist(&mut life).await;
    others(&mut life).await;
    clock(&mut life).await;
    life.task(TaskCommand::Delete { at: at() }).await;
    life.task(TaskCommand::Restore).await;
    other_beginnings(&mut life).await;
}

async fn team(life: &mut Life<'_>) {
    let team = CreateTeam { name: "Lifts".parse().unwrap(), description: None, at: at() };
    life.execute::<Team>(TEAM.0, TeamCommand::Create(team)).await;
    let update = UpdateTeam { name: Some("Lifts and doors".parse().unwrap()), ..UpdateTeam::default() };
    life.execute::<Team>(TEAM.0, TeamCommand::Update(update)).await;
}

async fn people(life: &mut Life<'_>) {
    let account = |name: &str, email: &str| {
        UserCommand::Register(RegisterUser::new(name.parse().unwrap(), email.parse().unwrap(), Role::Member, at()))
    };
    life.user(ADA, account("Ada", "ada@example.com")).await;
    let update = UpdateUser {
        name: Some("Ada L.".parse().unwrap()),
        email: Some("ada.l@example.com".parse().unwrap()),
        role: Some(Role::Manager),
        ..UpdateUser::default()
    };
    life.user(ADA, UserCommand::Update(update)).await;
    let digest = NotificationDigest { frequency: DigestFrequency::Daily, ..NotificationDigest::default() };
    let preferences = NotificationPreferences { digest, ..NotificationPreferences::default() };
    life.user(ADA, UserCommand::ChangeNotificationPreferences(preferences)).await;
    life.user(ADA, UserCommand::JoinTeam(TEAM)).await;
    life.user(ADA, UserCommand::LeaveTeam(TEAM)).await;
    life.user(ADA, UserCommand::Deactivate).await;
    life.user(ADA, UserCommand::Reactivate).await;

    life.user(GONE, account("Gone", "gone@example.com")).await;
    life.user(GONE, UserCommand::Deactivate).await;
    life.user(GONE, UserCommand::Erase { at: at() }).await;
    life.system.keys.erase(GONE).await.unwrap();
}

async fn words_and_people(life: &mut Life<'_>) {
    life.task(TaskCommand::Create(CreateTask::new("Fix the door".parse().unwrap(), at()))).await;
    life.update(|task| task.title = Some("Fix the back door".parse().unwrap())).await;
    life.update(|task| task.assignee = Some(Some(ADA))).await;
    life.update(|task| task.assignee = Some(None)).await;
    life.update(|task| task.team = Some(Some(TEAM))).await;
    life.update(|task| task.priority = Some(Priority::Critical)).await;
    let text = "Where is the key?".parse().unwrap();
    life.task(TaskCommand::Comment { comment_id: CommentId(Uuid::from_u128(0xc0)), text }).await;
}

async fn progress(life: &mut Life<'_>) {
    life.update(|task| task.status = Some(Status::InProgress)).await;
    life.task(TaskCommand::Hold { reason: "waiting for a hinge".parse().unwrap(), at: at() }).await;
    life.task(TaskCommand::Resume { reason: "the hinge is here".parse().unwrap(), at: at() }).await;
}

async fn checklist(life: &mut Life<'_>) {
    for (item_id, text) in [(FIRST, "Take the door out"), (SECOND, "Put it back")] {
        let text = text.parse().unwrap();
        life.task(TaskCommand::AddChecklistItem { item_id, text, before: None }).await;
    }
    life.item(|item| item.text = Some("Take the door off".parse().unwrap())).await;
    life.item(|item| item.done = Some(true)).await;
    life.item(|item| item.done = Some(false)).await;
    life.item(|item| item.before = Some(None)).await;
    life.task(TaskCommand::RemoveChecklistItem { item_id: SECOND }).await;
}

async fn others(life: &mut Life<'_>) {
    life.task(TaskCommand::Watch { user_id: ADA }).await;
    life.task(TaskCommand::Unwatch { user_id: ADA }).await;
    let rank = Rank::between(Some(&Rank::of_time(at())), None).unwrap();
    life.task(TaskCommand::Rank { rank }).await;
    life.task(TaskCommand::Relate { relation: Relation::BlockedBy, to: IMPORTED }).await;
    life.task(TaskCommand::Unrelate { relation: Relation::BlockedBy, to: IMPORTED }).await;
}

async fn clock(life: &mut Life<'_>) {
    let deadline = at() + TimeDelta::days(2);
    life.update(|task| task.deadline = Some(Some(deadline))).await;
    life.task(TaskCommand::SetReminders { leads: leads("PT1H"), by: Some(ADA) }).await;
    life.task(TaskCommand::FireReminders { at: deadline }).await;
    life.task(TaskCommand::SetRecurrence { rule: rule(), series: SeriesId(TASK.0), at: at() }).await;
    life.task(TaskCommand::ClearRecurrence).await;
    life.update(|task| task.deadline = Some(None)).await;
}

async fn other_beginnings(life: &mut Life<'_>) {
    let facts = ImportedFacts {
        import_id: ImportId(Uuid::from_u128(0x1)),
        source: ImportSource::Csv,
        external_id: Some("row 7".parse().unwrap()),
        author: Some(ADA),
        created_at: Some(at() - TimeDelta::days(9)),
        completed_at: Some(at() - TimeDelta::days(1)),
    };
    let comments = vec![ImportedComment {
        id: CommentId(Uuid::from_u128(0xc3)),
        text: "Done at last".parse().unwrap(),
        facts: ImportedCommentFacts { author: Some(ADA), at: Some(at() - TimeDelta::days(1)) },
    }];
    let (parent, checklist) = (Some(TASK), Vec::new());
    let task = CreateTask::new("Paint the door".parse().unwrap(), at());
    let import = ImportTask { task, status: Status::Completed, facts, parent, checklist, comments };
    life.execute::<Task>(IMPORTED.0, TaskCommand::Import(Box::new(import))).await;

    let first = Occurrence::first(rule(), SeriesId(TASK.0), at().date_naive());
    let successor = Successor {
        task: CreateTask::new("Fix the back door".parse().unwrap(), at()),
        occurrence: Occurrence { number: 2, ..first },
        checklist: vec![BegunChecklistItem { item_id: FIRST, text: "Take the door off".parse().unwrap() }],
        leads: leads("P1D"),
        reminded: Some(ADA),
    };
    life.execute::<Task>(NEXT.0, TaskCommand::Recur(Box::new(successor))).await;
}
