//! Who is in the demo team.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::team::{CreateTeam, Team, TeamCommand};
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::values::TimeZone;
use muster_domain::{Actor, CommandId, TeamId, UserId};
use muster_identity::{CredentialsError, CredentialsStore, HashParameters, Password, PasswordHash, PasswordHasher};

use super::{DOING, execute};
use crate::report::{Failure, failed};
use crate::system::System;

/// A team: its name, what it does, where it works.
const TEAMS: [(&str, &str, &str, &str, &str); 4] = [
    (
        "Lifts North",
        "Lifts, escalators and automatic doors in the northern districts.",
        "Europe/Berlin",
        "de-DE",
        "+49 30 23125",
    ),
    ("Heating West", "Boilers, heat pumps and district heating stations.", "Europe/London", "en-GB", "+44 7700 900"),
    (
        "Metering",
        "Electricity, gas and water meters: fitting, reading, exchange.",
        "Europe/Warsaw",
        "pl-PL",
        "+48 22 555 0",
    ),
    ("Street Lighting", "Street lights, signals and their cabinets.", "Europe/Lisbon", "pt-PT", "+351 21 155 5"),
];

/// One manager and six members for each team, in the teams' order.
const PEOPLE: [[&str; 7]; 4] = [
    ["Katrin Vogel", "Jonas Brandt", "Aylin Demir", "Felix Neumann", "Marta Sokolova", "Tim Albrecht", "Nadia Haddad"],
    ["Graham Whitfield", "Priya Nair", "Callum Reid", "Bronwen Pugh", "Tunde Adeyemi", "Sarah Hollis", "Owen Mather"],
    [
        "Agnieszka Zielinska",
        "Pawel Nowicki",
        "Oksana Kovalenko",
        "Marek Duda",
        "Zofia Wrona",
        "Tomasz Lis",
        "Hanh Nguyen",
    ],
    [
        "Duarte Figueiredo",
        "Beatriz Moura",
        "Rui Salgado",
        "Leonor Pinto",
        "Samir Benali",
        "Clara Antunes",
        "Nuno Teles",
    ],
];

/// Who reads everything and changes nothing.
const AUDITOR: &str = "Eleanor Marsh";

/// A person of the team.
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) name: &'static str,
    pub(super) role: Role,
}

impl Person {
    fn of(name: &'static str, role: Role) -> Self {
        Self { id: UserId(made_id(&format!("user/{name}"))), name, role }
    }

    fn email(&self) -> String {
        format!("{}@muster.example", self.name.to_lowercase().replace(' ', "."))
    }
}

/// A team and who is in it.
pub(super) struct Crew {
    pub(super) id: TeamId,
    pub(super) manager: UserId,
    pub(super) members: Vec<UserId>,
    pub(super) time_zone: TimeZone,
}

/// Everybody.
pub(super) struct Roster {
    pub(super) people: Vec<Person>,
    pub(super) teams: Vec<Crew>,
}

impl Roster {
    /// A manager, a member and the auditor, with their addresses.
    pub(super) fn sign_ins(&self) -> Vec<(&'static str, String)> {
        let first = |role: Role| self.people.iter().find(|person| person.role == role);
        [Role::Manager, Role::Member, Role::Auditor]
            .into_iter()
            .filter_map(|role| first(role).map(|person| (role.as_str(), person.email())))
            .collect()
    }

    pub(super) fn plan() -> Result<Self, Failure> {
        let mut people = Vec::new();
        let mut teams = Vec::new();
        for ((name, _, zone, _, _), names) in TEAMS.iter().zip(&PEOPLE) {
            let crew: Vec<Person> = names
                .iter()
                .enumerate()
                .map(|(place, name)| Person::of(name, if place == 0 { Role::Manager } else { Role::Member }))
                .collect();
            let ids: Vec<UserId> = crew.iter().map(|person| person.id).collect();
            if let Some((manager, members)) = ids.split_first() {
                teams.push(Crew {
                    id: TeamId(made_id(&format!("team/{name}"))),
                    manager: *manager,
                    members: members.to_vec(),
                    time_zone: zone.parse().map_err(failed(DOING))?,
                });
            }
            people.extend(crew);
        }
        people.push(Person::of(AUDITOR, Role::Auditor));
        Ok(Self { people, teams })
    }
}

/// The id of what the command with this key creates.
fn made_id(key: &str) -> uuid::Uuid {
    CommandId::from_key(&Actor::system("demo"), key).created_id()
}

/// Registers everybody, founds the teams, and gives everybody the same password.
pub(super) async fn make(
    system: &System,
    admin: UserId,
    now: DateTime<Utc>,
    password: &str,
) -> Result<Roster, Failure> {
    let roster = Roster::plan()?;
    let begun = now - TimeDelta::days(45);
    for ((name, description, ..), crew) in TEAMS.iter().zip(&roster.teams) {
        let command = TeamCommand::Create(CreateTeam {
            name: name.parse().map_err(failed(DOING))?,
            description: Some(description.parse().map_err(failed(DOING))?),
            at: begun,
        });
        execute::<Team>(system, crew.id.0, command, true, &format!("team/{name}"), admin.into(), begun).await?;
    }
    let hash = hash(password).await?;
    let credentials = CredentialsStore::new(system.client.clone(), system.identity_tables().credentials);
    for (number, person) in roster.people.iter().enumerate() {
        let place = roster.teams.iter().position(|crew| crew.manager == person.id || crew.members.contains(&person.id));
        let (_, _, zone, locale, phone) = TEAMS[place.unwrap_or(1)];
        let at = begun + TimeDelta::minutes(7 * i64::try_from(number).unwrap_or_default());
        let command = UserCommand::Register(RegisterUser {
            name: person.name.parse().map_err(failed(DOING))?,
            email: person.email().parse().map_err(failed(DOING))?,
            role: person.role,
            time_zone: zone.parse().map_err(failed(DOING))?,
            locale: Some(locale.parse().map_err(failed(DOING))?),
            phone: Some(format!("{phone}{:03}", 100 + number).parse().map_err(failed(DOING))?),
            at,
        });
        let key = format!("user/{}", person.name);
        execute::<User>(system, person.id.0, command, true, &key, admin.into(), at).await?;
        if let Some(place) = place {
            let join = UserCommand::JoinTeam(roster.teams[place].id);
            let at = at + TimeDelta::minutes(3);
            execute::<User>(system, person.id.0, join, false, &format!("{key}/join"), admin.into(), at).await?;
        }
        let stored = match credentials.create(person.id, &hash).await {
            // A run that was cut off gave them a password that nobody has seen.
            Err(CredentialsError::Exists) => credentials.replace(person.id, &hash).await,
            other => other,
        };
        stored.map_err(failed(DOING))?;
    }
    Ok(roster)
}

async fn hash(password: &str) -> Result<PasswordHash, Failure> {
    let password = Password::parse(password.to_owned()).map_err(failed(DOING))?;
    let hasher = PasswordHasher::new(HashParameters::default()).map_err(failed(DOING))?;
    hasher.hash(&password).await.map_err(failed(DOING))
}
