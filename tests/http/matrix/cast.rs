//! Who calls, and the things that they call about. What a cell changes is made for it alone, so that cells do not disturb each
//! other; what nobody changes is shared.

use std::sync::Mutex;

use futures::future::join_all;
use muster_domain::user::Role;
use muster_domain::{TaskId, TeamId, UserId};
use muster_projections::TaskDocument;
use muster_projections::directory::UserDocument;
use muster_tests::client::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::table::{Row, Whose, rows};
use crate::api_tokens::made;
use crate::oidc;
use crate::saved_filters;
use crate::support::{
    PASSWORD, Person, admin, eventually, log_in, member, new_email, nobody, of_task, person, take_digest, task, team,
};
use crate::tokens::claims;

/// One column of the matrix.
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// The caller's account; that of the stranger, for nobody.
    pub(crate) id: UserId,
    /// Their role; nobody has none.
    pub(crate) role: Option<Role>,
    /// Tasks that they reported, for the cells to come.
    pub(crate) reported: Mutex<Vec<TaskId>>,
}

/// Everybody, in two teams.
pub(crate) struct Cast {
    /// Makes what the cells need; in no column.
    pub(crate) chief: Client,
    /// An administrator, a manager, a member, an auditor, and somebody who is not signed in.
    pub(crate) callers: [Caller; 5],
    /// The team of the first four.
    pub(crate) ours: TeamId,
    /// The other team.
    pub(crate) theirs: TeamId,
    /// A member of the first team.
    pub(crate) colleague: UserId,
    /// A member of the other one.
    pub(crate) stranger: UserId,
    /// API tokens of these two.
    pub(crate) tokens_of_others: [String; 2],
    /// A webhook that stays.
    pub(crate) webhook: OnceCell<String>,
    /// Of no team; signs in, signs out, joins and leaves.
    pub(crate) guest: Person,
}

impl Cast {
    pub(crate) async fn assemble() -> Self {
        let people = [person(Role::Admin).await, person(Role::Manager).await, member().await, member().await];
        let (colleague, stranger, guest) = (member().await, member().await, member().await);
        let [administrator, manager, plain, later_auditor] = &people;
        let ours = team(&[administrator, manager, plain, later_auditor, &colleague]).await;
        let theirs = team(&[&stranger]).await;
        let chief = admin().await;
        let roles = [Role::Admin, Role::Manager, Role::Member, Role::Auditor];
        let callers =
            people.into_iter().zip(roles).map(|(person, role)| Caller::reporting(&chief, person, role, theirs));
        let callers = join_all(callers).await;
        let auditor = &callers[3];
        // An auditor reports nothing; what they reported before they were one is still theirs.
        let role = json!({ "role": "auditor" });
        chief.put(&format!("/users/{}", auditor.id)).json(&role).send().await.document::<UserDocument>(200);
        auditor.client.post("/teams").json(&json!({ "name": "" })).send().await.problem(403, "forbidden");
        let outside = Caller { client: nobody().await, id: stranger.id, role: None, reported: Mutex::default() };
        let mut callers = callers.into_iter().chain([outside]);
        let callers = std::array::from_fn(|_| callers.next().expect("five callers"));
        let tokens_of_others =
            [made(&colleague.client, &["tasks:read"]).await.id, made(&stranger.client, &["tasks:read"]).await.id];
        let (colleague, stranger) = (colleague.id, stranger.id);
        Self { chief, callers, ours, theirs, colleague, stranger, tokens_of_others, guest, webhook: OnceCell::new() }
    }

    /// The ids that the row's path has, in order.
    pub(crate) async fn ids(&self, row: &Row, caller: &Caller) -> Vec<String> {
        if row.path.contains("{task_id}") {
            let task = self.task(row, caller).await;
            let with = match row.path {
                path if path.ends_with("/{item_id}") => self.item(row, task).await,
                path if path.contains("{version}") => "1".to_owned(),
                _ => caller.id.to_string(),
            };
            return vec![task.to_string(), with];
        }
        let team = match row.whose {
            Whose::Ours => self.ours.to_string(),
            Whose::Another => self.theirs.to_string(),
            Whose::None | Whose::Own | Whose::Given | Whose::Reported | Whose::NoTeams | Whose::Nothing => some_id(),
        };
        let parameters = row.path.split('/').filter(|part| part.starts_with('{'));
        match parameters.collect::<Vec<_>>()[..] {
            [] => vec![],
            ["{team_id}"] => vec![team],
            ["{team_id}", "{user_id}"] => vec![team, self.guest.id.to_string()],
            ["{user_id}"] => vec![self.account(row, caller).await],
            ["{provider}"] => vec![if row.whose == Whose::None { "open".to_owned() } else { some_id() }],
            ["{identity_id}"] => vec![self.outside_identity_of(row, caller).await],
            ["{filter_id}"] => vec![self.filter_of(row, caller).await],
            ["{session_id}"] => vec![self.session_of(row, caller).await],
            ["{token_id}"] => vec![self.token_of(row, caller).await],
            ["{user_id}", "{token_id}"] => vec![self.account(row, caller).await, self.token_of(row, caller).await],
            ["{webhook_id}"] => vec![self.webhook(row, caller).await],
            ["{webhook_id}", "{delivery_id}"] => {
                let webhook = self.webhook(row, caller).await;
                let test = format!("/webhooks/{webhook}/test");
                let delivery = if row.whose == Whose::Nothing {
                    some_id()
                } else {
                    self.chief.post(&test).send().await.is(202).value()["id"].as_str().unwrap().to_owned()
                };
                vec![webhook, delivery]
            }
            ["{invitation_id}"] => vec![self.invitation(row, caller).await],
            ref others => panic!("{row}: say in Cast::ids what {others:?} name"),
        }
    }

    async fn account(&self, row: &Row, caller: &Caller) -> String {
        // Closing and opening an account cannot be done to it twice, and its tasks are not given away while others ask about them.
        let reopens = row.path.ends_with("/reactivate");
        let closes = row.method == "DELETE" && row.expected.contains(&200);
        let alone = closes || reopens || row.path.ends_with("/reassign");
        let id = match row.whose {
            Whose::Own => caller.id,
            Whose::Ours if alone => self.another_account(Some(self.ours)).await,
            Whose::Another if alone => self.another_account(None).await,
            Whose::Ours => self.colleague,
            Whose::Another => self.stranger,
            Whose::None | Whose::Given | Whose::Reported | Whose::NoTeams | Whose::Nothing => return some_id(),
        };
        if reopens && row.whose != Whose::Own {
            self.chief.delete(&format!("/users/{id}")).send().await.is(200);
        }
        id.to_string()
    }

    async fn session_of(&self, row: &Row, caller: &Caller) -> String {
        let token = match row.whose {
            Whose::Own if caller.role.is_some() => caller.client.token().to_owned(),
            Whose::Own | Whose::Another => self.session().await["access_token"].as_str().unwrap().to_owned(),
            Whose::None | Whose::Given | Whose::Reported | Whose::Ours | Whose::NoTeams | Whose::Nothing => {
                return some_id();
            }
        };
        claims(&token)["sid"].as_str().unwrap().to_owned()
    }

    /// An API token of whomever the row names.
    async fn token_of(&self, row: &Row, caller: &Caller) -> String {
        let [of_colleague, of_stranger] = &self.tokens_of_others;
        match row.whose {
            Whose::Own if caller.role.is_some() => made(&caller.client, &["tasks:read"]).await.id,
            Whose::Ours => of_colleague.clone(),
            Whose::Own | Whose::Another => of_stranger.clone(),
            Whose::None | Whose::Given | Whose::Reported | Whose::NoTeams | Whose::Nothing => some_id(),
        }
    }

    /// A saved filter of whomever the row names.
    async fn filter_of(&self, row: &Row, caller: &Caller) -> String {
        let owner = match row.whose {
            Whose::Own if caller.role.is_some() => &caller.client,
            Whose::Own | Whose::Another => &self.guest.client,
            Whose::None | Whose::Given | Whose::Reported | Whose::Ours | Whose::NoTeams | Whose::Nothing => {
                return some_id();
            }
        };
        let filter = saved_filters::saved(owner, &format!("Late {}", Uuid::new_v4()), json!({})).await;
        filter["id"].as_str().unwrap().to_owned()
    }

    async fn outside_identity_of(&self, row: &Row, caller: &Caller) -> String {
        match row.whose {
            Whose::Own if caller.role.is_some() => oidc::link(&caller.client, "open", &oidc::somebody()).await,
            Whose::Own | Whose::Another => oidc::link(&self.guest.client, "open", &oidc::somebody()).await,
            Whose::None | Whose::Given | Whose::Reported | Whose::Ours | Whose::NoTeams | Whose::Nothing => some_id(),
        }
    }

    async fn invitation(&self, row: &Row, caller: &Caller) -> String {
        // Nobody but an administrator has an invitation of their own.
        let inviter = match row.whose {
            Whose::Own if caller.role == Some(Role::Admin) => &caller.client,
            Whose::Own | Whose::Another => &self.chief,
            Whose::None | Whose::Given | Whose::Reported | Whose::Ours | Whose::NoTeams | Whose::Nothing => {
                return some_id();
            }
        };
        let made = inviter.post("/invitations").json(&json!({ "email": new_email() })).send().await.is(201).value();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Something on the checklist of this task.
    async fn item(&self, row: &Row, of: TaskId) -> String {
        if row.whose == Whose::Nothing {
            return some_id();
        }
        let body = json!({ "text": "Open the door" });
        let task: TaskDocument = self.chief.post(&of_task(of, "/checklist")).json(&body).send().await.document(201);
        task.checklist[0].id.to_string()
    }

    /// A webhook; one of its own for whoever may remove it.
    async fn webhook(&self, row: &Row, caller: &Caller) -> String {
        let make = async || {
            let body = json!({ "url": "https://hooks.invalid/", "event_types": ["UserErased"] });
            let made = self.chief.post("/webhooks").json(&body).send().await.is(201).value();
            made["id"].as_str().unwrap().to_owned()
        };
        if row.whose == Whose::Nothing {
            some_id()
        } else if row.method == "DELETE" && caller.role == Some(Role::Admin) {
            make().await
        } else {
            self.webhook.get_or_init(make).await.clone()
        }
    }

    async fn another_account(&self, of: Option<TeamId>) -> UserId {
        let body = json!({ "name": "Short-lived", "email": new_email(), "password": PASSWORD });
        let user: UserDocument = self.chief.post("/users").json(&body).send().await.document(201);
        if let Some(team) = of {
            self.chief.put(&format!("/teams/{team}/members/{}", user.id)).send().await.is(200);
        }
        user.id
    }

    /// A task for this cell, in the state that its request is for.
    async fn task(&self, row: &Row, caller: &Caller) -> TaskId {
        let of = |body: Value| async move { task(&self.chief, body).await.id };
        let id = match row.whose {
            Whose::Given => of(json!({ "team_id": self.theirs, "assignee_id": caller.doer(self) })).await,
            Whose::Reported if caller.role.is_some() => {
                caller.reported.lock().unwrap().pop().expect("a task for each cell that needs one")
            }
            Whose::Ours => of(json!({ "team_id": self.ours, "assignee_id": self.colleague })).await,
            Whose::NoTeams => of(json!({ "assignee_id": self.stranger })).await,
            Whose::Reported | Whose::Another => {
                of(json!({ "team_id": self.theirs, "assignee_id": self.stranger })).await
            }
            Whose::None | Whose::Own | Whose::Nothing => return TaskId(Uuid::new_v4()),
        };
        if row.path.ends_with("/resume") {
            let reason = json!({ "reason": "Rain" });
            self.chief.post(&of_task(id, "/hold")).json(&reason).send().await.is(200);
        }
        if row.path.ends_with("/restore") {
            self.chief.delete(&of_task(id, "")).send().await.is(200);
        }
        if row.path.ends_with("/proof") {
            take_digest().await;
        }
        if row.method == "GET" {
            eventually("the read models have the task", async || {
                let answer = self.chief.get(&of_task(id, "/logs/latest")).send().await;
                (answer.status == 200).then_some(())
            })
            .await;
        }
        id
    }

    /// Tokens of a session of the guest that nobody else uses.
    pub(crate) async fn session(&self) -> Value {
        log_in(&self.chief.anonymous(), &self.guest.email, PASSWORD).await.is(200).value()
    }
}

impl Caller {
    /// Who does the caller's tasks: they themselves, or, as an auditor does none, a colleague.
    pub(crate) fn doer(&self, cast: &Cast) -> UserId {
        if self.role == Some(Role::Auditor) { cast.colleague } else { self.id }
    }

    /// This person, and a task that they reported for each row that is about one; it has gone to another team since.
    async fn reporting(chief: &Client, person: Person, role: Role, theirs: TeamId) -> Self {
        let mut reported = Vec::new();
        for _ in rows().iter().filter(|row| row.whose == Whose::Reported) {
            let made = task(&person.client, json!({})).await.id;
            chief.put(&of_task(made, "")).json(&json!({ "team_id": theirs })).send().await.is(200);
            reported.push(made);
        }
        Self { client: person.client, id: person.id, role: Some(role), reported: Mutex::new(reported) }
    }
}

fn some_id() -> String {
    Uuid::new_v4().to_string()
}
