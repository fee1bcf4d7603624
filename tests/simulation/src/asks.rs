//! Random commands, from small pools, so that they meet each other: the same task, the same address, the same title.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::{CreateTask, Priority, Relation, Status, TaskCommand, UpdateChecklistItem, UpdateTask};
use muster_domain::team::{CreateTeam, TeamCommand, UpdateTeam};
use muster_domain::user::{
    ByKind, DigestFrequency, NotificationChannels, NotificationDigest, NotificationPreferences, QuietHours,
    RegisterUser, Role, UpdateUser, UserCommand,
};
use muster_domain::values::{Label, Labels, LocalTime, Location, Position};
use muster_domain::{AggregateType, ChecklistItemId, CommentId, StreamId, TaskId, TeamId, UserId};
use serde::Serialize;
use uuid::Uuid;

/// A command to one of the three aggregates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Ask {
    /// To a task.
    Task(TaskCommand),
    /// To a team.
    Team(TeamCommand),
    /// To an account.
    User(UserCommand),
}

/// Draws commands.
pub struct Asks<'a> {
    /// Where chance comes from.
    pub rng: &'a mut fastrand::Rng,
    /// The time that the commands are of.
    pub at: DateTime<Utc>,
}

impl Asks<'_> {
    /// A command for this aggregate; a creation when `create` is set.
    pub fn next(&mut self, stream: &StreamId, create: bool) -> Ask {
        match stream.aggregate {
            AggregateType::Task if create => Ask::Task(TaskCommand::Create(self.create_task())),
            AggregateType::Task => Ask::Task(self.task()),
            AggregateType::Team if create => Ask::Team(TeamCommand::Create(self.create_team())),
            AggregateType::Team => Ask::Team(self.team()),
            AggregateType::User if create => Ask::User(UserCommand::Register(self.register())),
            AggregateType::User => Ask::User(self.user()),
        }
    }

    fn one_of<T: FromStr>(&mut self, texts: &[&str]) -> Option<T> {
        texts[self.rng.usize(..texts.len())].parse().ok()
    }

    fn words<T: FromStr>(&mut self) -> Option<T> {
        self.one_of(&[
            "Fix the lift",
            "Replace the lift",
            "Zwei Stockwerke, «dringend»",
            "a \"quoted\" \\ word",
            "@[00000000-0000-0000-0000-000000000002]: look",
        ])
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u128(self.rng.u128(1..4))
    }

    fn deadline(&mut self) -> DateTime<Utc> {
        self.at + TimeDelta::days(self.rng.i64(1..4))
    }

    fn sometimes<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.bool().then(|| make(self))
    }

    fn labels(&mut self) -> Labels {
        let count = self.rng.usize(..3);
        let labels: Vec<Label> = (0..count).filter_map(|_| self.one_of(&["lift", "safety", "urgent"])).collect();
        labels.try_into().unwrap_or_default()
    }

    fn location(&mut self) -> Option<Location> {
        let name = self.one_of(&["Workshop 3", "Main gate"])?;
        let position = self.sometimes(|asks| {
            Position::new(f64::from(asks.rng.i32(-90..90)) + 0.5, f64::from(asks.rng.i32(-180..180)) / 3.0).ok()
        });
        Some(Location { name, position: position.flatten() })
    }

    fn create_task(&mut self) -> CreateTask {
        let at = self.at;
        let title = self.words().unwrap_or_else(|| unreachable!("the words are titles"));
        CreateTask {
            description: self.sometimes(Self::words).flatten(),
            priority: Priority::ALL[self.rng.usize(..Priority::ALL.len())],
            labels: self.labels(),
            location: self.sometimes(Self::location).flatten(),
            team: self.sometimes(|asks| TeamId(asks.id())),
            assignee: self.sometimes(|asks| UserId(asks.id())),
            reporter: self.sometimes(|asks| UserId(asks.id())),
            deadline: self.sometimes(Self::deadline),
            ..CreateTask::new(title, at)
        }
    }

    fn task(&mut self) -> TaskCommand {
        let at = self.at;
        match self.rng.u8(..29) {
            0 => TaskCommand::Create(self.create_task()),
            1..=6 => {
                let status = Status::ALL[self.rng.usize(..Status::ALL.len())];
                TaskCommand::Update(UpdateTask { status: Some(status), ..UpdateTask::at(at) })
            }
            7..=11 => TaskCommand::Update(UpdateTask {
                title: self.sometimes(Self::words).flatten(),
                description: self.sometimes(|asks| asks.sometimes(Self::words).flatten()),
                labels: self.sometimes(Self::labels),
                location: self.sometimes(|asks| asks.sometimes(Self::location).flatten()),
                team: self.sometimes(|asks| asks.sometimes(|asks| TeamId(asks.id()))),
                assignee: self.sometimes(|asks| asks.sometimes(|asks| UserId(asks.id()))),
                deadline: self.sometimes(|asks| asks.sometimes(Self::deadline)),
                ..UpdateTask::at(at)
            }),
            12 | 13 => match self.words() {
                Some(reason) => TaskCommand::Hold { reason, at },
                None => TaskCommand::Restore,
            },
            14 | 15 => match self.words() {
                Some(reason) => TaskCommand::Resume { reason, at },
                None => TaskCommand::Restore,
            },
            16 | 17 => match self.words() {
                Some(text) => TaskCommand::Comment { comment_id: CommentId(self.uuid()), text },
                None => TaskCommand::Restore,
            },
            18 => TaskCommand::Delete { at },
            19..=22 => self.checklist(),
            26 | 27 => TaskCommand::Relate { relation: self.relation(), to: TaskId(self.id()) },
            28 => TaskCommand::Unrelate { relation: self.relation(), to: TaskId(self.id()) },
            25 => match self.one_of(&["V", "0z1", "k"]) {
                Some(rank) => TaskCommand::Rank { rank },
                None => TaskCommand::Restore,
            },
            23 => TaskCommand::Watch { user_id: UserId(self.id()) },
            24 => TaskCommand::Unwatch { user_id: UserId(self.id()) },
            _ => TaskCommand::Restore,
        }
    }

    /// Of three items, so that they meet each other.
    fn checklist(&mut self) -> TaskCommand {
        let item_id = ChecklistItemId(self.id());
        match self.rng.u8(..4) {
            0 | 1 => match self.words() {
                Some(text) => {
                    let before = self.sometimes(|asks| ChecklistItemId(asks.id()));
                    TaskCommand::AddChecklistItem { item_id, text, before }
                }
                None => TaskCommand::Restore,
            },
            2 => TaskCommand::UpdateChecklistItem(UpdateChecklistItem {
                item_id,
                text: self.sometimes(Self::words).flatten(),
                done: self.sometimes(|asks| asks.rng.bool()),
                before: self.sometimes(|asks| asks.sometimes(|asks| ChecklistItemId(asks.id()))),
            }),
            _ => TaskCommand::RemoveChecklistItem { item_id },
        }
    }

    fn relation(&mut self) -> Relation {
        Relation::ALL[self.rng.usize(..Relation::ALL.len())]
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u128(self.rng.u128(..))
    }

    fn create_team(&mut self) -> CreateTeam {
        let name = self.words().unwrap_or_else(|| unreachable!("the words are names"));
        CreateTeam { name, description: self.sometimes(Self::words).flatten(), at: self.at }
    }

    fn team(&mut self) -> TeamCommand {
        if self.rng.u8(..10) == 0 {
            return TeamCommand::Create(self.create_team());
        }
        TeamCommand::Update(UpdateTeam {
            name: self.sometimes(Self::words).flatten(),
            description: self.sometimes(|asks| asks.sometimes(Self::words).flatten()),
        })
    }

    fn register(&mut self) -> RegisterUser {
        let name = self.words().unwrap_or_else(|| unreachable!("the words are names"));
        let email = self.email().unwrap_or_else(|| unreachable!("the addresses are addresses"));
        let role = Role::ALL[self.rng.usize(..Role::ALL.len())];
        RegisterUser {
            phone: self.sometimes(|asks| asks.one_of(&["+49 30 1234", "112"])).flatten(),
            ..RegisterUser::new(name, email, role, self.at)
        }
    }

    /// Registers an administrator with this address.
    pub fn administrator(&mut self, address: &str) -> Ask {
        let name = self.words().unwrap_or_else(|| unreachable!("the words are names"));
        let email = address.parse().unwrap_or_else(|_| unreachable!("{address} is an address"));
        Ask::User(UserCommand::Register(RegisterUser::new(name, email, Role::Admin, self.at)))
    }

    /// Registers a member with this address.
    pub fn member(&mut self, address: &str) -> Ask {
        let name = self.words().unwrap_or_else(|| unreachable!("the words are names"));
        let email = address.parse().unwrap_or_else(|_| unreachable!("{address} is an address"));
        Ask::User(UserCommand::Register(RegisterUser::new(name, email, Role::Member, self.at)))
    }

    /// Gives an account another address.
    pub fn moving(address: &str) -> Ask {
        let email = address.parse().unwrap_or_else(|_| unreachable!("{address} is an address"));
        Ask::User(UserCommand::Update(UpdateUser { email: Some(email), ..UpdateUser::default() }))
    }

    /// Makes an account a member's.
    pub fn demotion() -> Ask {
        Ask::User(UserCommand::Update(UpdateUser { role: Some(Role::Member), ..UpdateUser::default() }))
    }

    /// Closes an account.
    pub const fn closing() -> Ask {
        Ask::User(UserCommand::Deactivate)
    }

    fn email<T: FromStr>(&mut self) -> Option<T> {
        self.one_of(&["ada@example.com", "Ada@Example.com", "ben@example.com"])
    }

    /// Often the defaults, so that somebody comes back to them.
    fn notification_preferences(&mut self) -> NotificationPreferences {
        let defaults = NotificationPreferences::default();
        let hours = |asks: &mut Self| {
            let (from, to): (LocalTime, LocalTime) = (asks.one_of(&["22:00", "12:30"])?, asks.one_of(&["06:00"])?);
            QuietHours::new(from, to, asks.rng.bool()).ok()
        };
        let silent = |_| NotificationChannels::default();
        NotificationPreferences {
            channels: self.sometimes(|_| ByKind::each(silent)).unwrap_or(defaults.channels),
            quiet_hours: self.sometimes(hours).flatten(),
            digest: NotificationDigest { frequency: DigestFrequency::ALL[self.rng.usize(..2)], at: LocalTime::MORNING },
        }
    }

    fn user(&mut self) -> UserCommand {
        match self.rng.u8(..11) {
            0 => UserCommand::Register(self.register()),
            1..=4 => UserCommand::Update(UpdateUser {
                name: self.sometimes(Self::words).flatten(),
                email: self.sometimes(Self::email).flatten(),
                role: self.sometimes(|asks| Role::ALL[asks.rng.usize(..Role::ALL.len())]),
                ..UpdateUser::default()
            }),
            5 => UserCommand::JoinTeam(TeamId(self.id())),
            6 => UserCommand::LeaveTeam(TeamId(self.id())),
            7 => UserCommand::Deactivate,
            8 => UserCommand::Reactivate,
            9 => UserCommand::ChangeNotificationPreferences(self.notification_preferences()),
            _ => UserCommand::Erase { at: self.at },
        }
    }
}
