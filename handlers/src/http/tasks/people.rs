//! Whom a task names: whether they are there.

use futures::future::try_join_all;
use muster_domain::values::{MAX_MENTIONS, mentions};
use muster_domain::{TeamId, UserId};
use muster_identity::policy::Person;

use crate::http::app::App;
use crate::http::fields::Fields;
use crate::http::problem::Problem;

/// What is said of a team that is not there.
pub(in crate::http) const NO_SUCH_TEAM: &str = "there is no such team";

/// The assignee to be, who must be there, active and in a role that does tasks; the team must be there, too.
pub(in crate::http) async fn known(
    app: &App,
    assignee: Option<UserId>,
    team: Option<TeamId>,
) -> Result<Option<Person>, Problem> {
    let mut fields = Fields::default();
    let mut person = None;
    if let Some(id) = assignee {
        match app.user(id, 0).await? {
            Some(user) if user.active && !user.role.does_tasks() => {
                fields.wrong("/assignee_id", "an auditor does no tasks");
            }
            Some(user) if user.active => person = Some(Person { id, teams: user.teams }),
            Some(_) => fields.wrong("/assignee_id", "this account is not active"),
            None => fields.wrong("/assignee_id", "there is no such user"),
        }
    }
    if let Some(id) = team
        && app.team(id, 0).await?.is_none()
    {
        fields.wrong("/team_id", NO_SUCH_TEAM);
    }
    fields.finish(Some(person))
}

/// Whether whomever a text speaks to has an account, and they are not too many. Whether each may see the task is asked when they
/// are told, as that may be another thing then.
pub(super) async fn spoken_to(app: &App, pointer: &str, text: Option<&str>) -> Result<(), Problem> {
    let named = mentions(text.unwrap_or_default());
    let mut fields = Fields::default();
    if named.len() > MAX_MENTIONS {
        fields
            .wrong(pointer, format_args!("must speak to at most {MAX_MENTIONS} people, and speaks to {}", named.len()));
    } else {
        let accounts = try_join_all(named.iter().map(|user| app.user(*user, 0))).await?;
        for (user, _) in named.iter().zip(accounts).filter(|(_, account)| account.is_none()) {
            fields.wrong(pointer, format_args!("there is no such user: @[{user}]"));
        }
    }
    fields.finish(Some(()))
}
