//! Who works on the stage: their accounts and teams, made as people make them.

use muster_cli::report::{Failure, failed};
use muster_commands::ExpectedVersion;
use muster_domain::user::{RegisterUser, Role, User, UserCommand};
use muster_domain::{Actor, CommandId, Fingerprint, Metadata, UserId};
use muster_identity::Password;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::day;
use crate::stage::{Stage, text};

const PASSWORD: &str = "correct horse battery";
const ADMIN: &str = "admin@muster.example";

/// Who works here.
pub(crate) struct Team {
    /// Their access token.
    pub(crate) dispatcher: String,
    /// Those of the workers.
    pub(crate) tokens: Vec<String>,
    /// The ids of the workers.
    pub(crate) workers: Vec<String>,
    /// The ids of the teams.
    pub(crate) teams: Vec<String>,
}

impl Stage {
    /// The team before its day: its people, who are signed in, and what they are in. None of it counts.
    pub(crate) async fn team(&mut self) -> Result<Team, Failure> {
        self.first_account().await?;
        self.settle().await?;
        let admin = self.sign_in(ADMIN).await?;
        let mut people = Vec::new();
        for number in 0..=day::WORKERS {
            let role = if number == 0 { "manager" } else { "member" };
            let email = format!("person{number}@muster.example");
            let account = json!({ "name": "Robin Fielder", "email": email, "password": PASSWORD, "role": role });
            let id = self.made(&admin, "/users", account).await?;
            people.push((id, email));
        }
        let mut teams = Vec::new();
        for number in 0..day::TEAMS {
            let team = json!({ "name": format!("Team {number}") });
            teams.push(self.made(&admin, "/teams", team).await?);
        }
        self.settle().await?;
        for (number, (id, _)) in people.iter().enumerate() {
            // Who hands out the work is in every team.
            for (_, team) in
                teams.iter().enumerate().filter(|(team, _)| number == 0 || (number - 1) % day::TEAMS == *team)
            {
                let path = format!("/teams/{team}/members/{id}");
                let join = day::Request { method: "PUT", path, body: None };
                self.request(Some(&admin), Uuid::new_v4(), join).await?;
            }
        }
        self.settle().await?;
        let mut tokens = Vec::new();
        for (_, email) in &people {
            tokens.push(self.sign_in(email).await?);
        }
        self.forget()?;
        Ok(Team {
            dispatcher: tokens.remove(0),
            tokens,
            workers: people.into_iter().skip(1).map(|(id, _)| id).collect(),
            teams,
        })
    }

    async fn sign_in(&mut self, email: &str) -> Result<String, Failure> {
        let body = json!({ "email": email, "password": PASSWORD });
        let sign_in = day::Request { method: "POST", path: "/users/login".to_owned(), body: Some(body) };
        let answer = self.request(None, Uuid::new_v4(), sign_in).await?;
        text(&answer, "access_token")
    }

    async fn made(&mut self, token: &str, path: &str, body: Value) -> Result<String, Failure> {
        let make = day::Request { method: "POST", path: path.to_owned(), body: Some(body) };
        text(&self.request(Some(token), Uuid::new_v4(), make).await?, "id")
    }

    /// Whoever works here opens the first account.
    async fn first_account(&self) -> Result<(), Failure> {
        const DOING: &str = "opening the first account";
        let app = self.app()?;
        let command_id = CommandId(Uuid::from_u128(1));
        let id = command_id.created_id();
        let password = Password::parse(PASSWORD.to_owned()).map_err(failed(DOING))?;
        app.identity.create_credentials(UserId(id), &password).await.map_err(failed(DOING))?;
        let name = "Administrator".parse().map_err(failed(DOING))?;
        let email = ADMIN.parse().map_err(failed(DOING))?;
        let account = RegisterUser::new(name, email, Role::Admin, self.now());
        let metadata = Metadata {
            command_id,
            fingerprint: Fingerprint::of("setup", &()),
            actor: Actor::system("setup"),
            at: self.now(),
            correlation_id: "setup".to_owned(),
            causation_id: None,
        };
        let command = UserCommand::Register(account);
        let done = app.commands.execute::<User>(id, command, ExpectedVersion::New, &metadata).await;
        done.map(|_| ()).map_err(failed(DOING))
    }
}
