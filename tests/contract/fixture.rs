//! A small field team in an empty store: people of each role, a team, and a task in each state.

use muster_domain::user::Role;
use muster_domain::{TeamId, UserId};
use muster_projections::TaskDocument;
use muster_projections::directory::{TeamDocument, UserDocument};
use muster_tests::client::Client;
use muster_tests::server::Server;
use muster_tests::smtp::Smtp;
use serde_json::json;

/// The password of everybody but the first administrator.
const PASSWORD: &str = "a passphrase for tests";

/// A server with the team in it.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    /// Takes the letters that are asked for.
    _smtp: Smtp,
    people: Vec<Person>,
}

/// Somebody who is signed in.
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) role: Role,
    /// The id of their session.
    pub(crate) session: String,
    pub(crate) client: Client,
}

impl Fixture {
    /// Starts it and fills it.
    pub(crate) async fn start() -> Self {
        let smtp = Smtp::start();
        let server = Server::start_with(smtp.environment()).await;
        let nobody = Client::new(&server.base_url);
        let admin = signed_in(&nobody, Role::Admin, &server.admin_email, &server.admin_password).await;
        let team: TeamDocument =
            admin.client.post("/teams").json(&json!({ "name": "Lifts" })).send().await.document(201);
        let mut people = vec![admin];
        for role in [Role::Manager, Role::Member, Role::Auditor] {
            let person = hired(&people[0].client, role, team.id).await;
            people.push(person);
        }
        let fixture = Self { server, _smtp: smtp, people };
        fixture.tasks(team.id).await;
        fixture
    }

    /// The person of this role.
    pub(crate) fn person(&self, role: Role) -> &Person {
        self.people.iter().find(|person| person.role == role).expect("one of each role")
    }

    /// The member, signed in once more: in a session that may end.
    pub(crate) async fn member_elsewhere(&self) -> Person {
        let nobody = self.person(Role::Admin).client.anonymous();
        signed_in(&nobody, Role::Member, &address(Role::Member), PASSWORD).await
    }

    async fn tasks(&self, team: TeamId) {
        let (admin, member) = (&self.person(Role::Admin).client, self.person(Role::Member));
        let mut ids = Vec::new();
        for title in ["Check the lift", "Change the relay", "Wait for the part", "Paint the door", "Old plan"] {
            let body = json!({ "title": title, "team_id": team, "assignee_id": member.id, "labels": ["lift"] });
            let task: TaskDocument = admin.post("/tasks").json(&body).send().await.document(201);
            ids.push(task.id);
        }
        let status = async |task: usize, status: &str| {
            let path = format!("/tasks/{}/status", ids[task]);
            admin.post(&path).json(&json!({ "status": status })).send().await.is(200);
        };
        status(1, "in_progress").await;
        let reason = json!({ "reason": "The part is not here." });
        admin.post(&format!("/tasks/{}/hold", ids[2])).json(&reason).send().await.is(200);
        status(3, "in_progress").await;
        status(3, "completed").await;
        admin.delete(&format!("/tasks/{}", ids[4])).send().await.is(200);
    }
}

/// A new account of this role in this team, signed in.
async fn hired(admin: &Client, role: Role, team: TeamId) -> Person {
    let email = address(role);
    let body = json!({ "name": format!("The {role}"), "email": email, "password": PASSWORD, "role": role });
    let user: UserDocument = admin.post("/users").json(&body).send().await.document(201);
    admin.put(&format!("/teams/{team}/members/{}", user.id)).send().await.is(200);
    signed_in(&admin.anonymous(), role, &email, PASSWORD).await
}

/// The address of the person of this role, unless it is the first administrator.
fn address(role: Role) -> String {
    format!("{role}@example.com")
}

async fn signed_in(nobody: &Client, role: Role, email: &str, password: &str) -> Person {
    let answer = nobody.post("/users/login").json(&json!({ "email": email, "password": password })).send().await;
    let tokens = answer.is(200).value();
    let id = tokens["user_id"].as_str().unwrap().parse().unwrap();
    let client = nobody.with_token(tokens["access_token"].as_str().unwrap());
    let sessions = client.get("/users/sessions").send().await.is(200).value();
    let session = sessions["items"][0]["id"].as_str().unwrap().to_owned();
    Person { id, role, session, client }
}
