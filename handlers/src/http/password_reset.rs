//! A new password for whoever has forgotten theirs: by a letter to their address.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use muster_domain::UserId;
use muster_domain::values::Email;
use muster_identity::{Access, AccessKind, AccessSubject, Password, ResetError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::Asked;
use super::app::App;
use super::body::Body;
use super::fields::{Fields, wrong_field};
use super::problem::{Causes, Code, Problem};
use super::request::Intake;
use super::spec::{AskResetProblems, ResetProblems};
use crate::mail::{Letter, Notice};

/// Who wants a new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskResetBody {
    /// The address with which they sign in.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// The new password, and what allows it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetBody {
    /// What stands after `#token=` in the link of the letter.
    #[schema(max_length = 1024)]
    token: String,
    /// The new password.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    new_password: String,
}

/// Asks for a letter with a link to set a new password with. The answer is the same, and takes as long, whether anybody has
/// the address or not. The link is good once and for half an hour; an account has at most three that are good.
#[utoipa::path(post, path = "/users/password-reset", operation_id = "ask_password_reset", tag = "authentication",
    security(()), request_body = AskResetBody,
    responses((status = 202, description = "If somebody has this address, a letter is on its way."), AskResetProblems))]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    intake: Intake,
    asked: Asked,
    Body(body): Body<AskResetBody>,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::default();
    let email = fields.parse("/email", &body.email);
    let email: Email = fields.finish(email)?;
    if !app.post.is_there() {
        return Err(no_letters("An administrator can help."));
    }
    // It counts always: there is nothing that could succeed.
    let _counted = app.throttle.attempt(None, intake.address())?;
    let follow = {
        let app = Arc::clone(&app);
        async move { write(&app, &asked, &email).await }
    };
    app.post.follow_unseen("password-reset", Box::pin(follow)).await;
    Ok(StatusCode::ACCEPTED)
}

/// Nobody carries letters here.
pub(crate) fn no_letters(instead: &str) -> Problem {
    Problem::new(Code::MailNotConfigured).detail(instead)
}

/// Writes to the owner of this address, if there is one. Whatever happens is for the logs: nobody waits for an answer.
async fn write(app: &App, asked: &Asked, email: &Email) {
    if let Err(problem) = try_to_write(app, asked, email).await {
        tracing::error!(code = problem.code().as_str(), "a letter with a new password's link was not written");
    }
}

async fn try_to_write(app: &App, asked: &Asked, typed: &Email) -> Result<(), Problem> {
    let unavailable = |error: muster_identity::StoreError| Problem::unavailable(&error);
    let refused = |subject, reason: &str| {
        let access = Access::refused(AccessKind::PasswordResetAsked).about(subject).because(reason);
        async move { app.note_refused(asked, access).await }
    };
    let owner = app.identity.owner(typed.as_str()).await.map_err(unavailable)?;
    let Some(user) = owner else {
        refused(app.identity.access_log().address(typed.as_str()), "nobody has this address").await;
        return Ok(());
    };
    // The letter goes to the address as its owner has written it, and not as somebody has typed it: letters that look alike
    // may be told apart by a mail server.
    let Some(email) = address(app, user).await? else { return Ok(()) };
    // How well its owner must be known is for the issuer to say, and for the operator to demand: a letter is no way around it.
    if app.identity.is_outside_alone(user).await.map_err(unavailable)? {
        refused(AccessSubject::User(user), "they sign in with an outside issuer alone").await;
        return Ok(());
    }
    let Some(token) = app.identity.password_resets().make(user, &email).await.map_err(unavailable)? else {
        refused(AccessSubject::User(user), "there are as many links as there may be").await;
        return Ok(());
    };
    // What cannot be written down is not done: the letter opens the account.
    app.record(asked, Access::allowed(AccessKind::PasswordResetAsked).about(AccessSubject::User(user))).await?;
    app.post.deliver(&Letter::password_reset(email, &app.links, &token)).await;
    Ok(())
}

/// The address of an active account, from its history: always the present one.
pub(crate) async fn address(app: &App, user: UserId) -> Result<Option<Email>, Problem> {
    let account = app.user(user, u64::MAX).await?.filter(|account| account.active);
    Ok(account.and_then(|account| account.email?.parse().ok()))
}

/// Sets a new password with the token of a letter, other than the present one. All sessions of the account end. A second factor is
/// asked for as before.
#[utoipa::path(post, path = "/users/password-reset/confirm", operation_id = "reset_password", tag = "authentication",
    security(()), request_body = ResetBody,
    responses((status = 204, description = "It is set."), ResetProblems))]
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    intake: Intake,
    asked: Asked,
    Body(body): Body<ResetBody>,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::default();
    let new = fields.take("/new_password", Password::parse(body.new_password));
    let new = fields.finish(new)?;
    let counted = app.throttle.attempt(None, intake.address())?;
    let resets = app.identity.password_resets();
    let owner = resets.owner(&body.token).await.map_err(|error| Problem::unavailable(&error))?;
    let owner = owner.ok_or_else(|| not_good(None))?;
    let email = address(&app, owner).await?.ok_or_else(|| not_good(Some(owner)))?;
    let name = app.user(owner, 0).await?.map(|user| user.name).unwrap_or_default();
    let mut fields = Fields::default();
    let new = fields.take("/new_password", new.about(&[name.as_str(), email.as_str()]));
    let new = fields.finish(new)?;
    match resets.set(&body.token, &email, &new).await {
        Ok(user) => {
            counted.succeeded();
            app.note(&asked, Access::allowed(AccessKind::PasswordReset).by_user(user)).await;
            app.post.send([Notice::PasswordReset.letter(email, &app.links, app.now())]).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Err(ResetError::NotGood) => Err(not_good(Some(owner))),
        Err(ResetError::Present) => {
            counted.forgiven();
            Err(wrong_field("/new_password", "is the present password"))
        }
        Err(ResetError::Internal(error)) => {
            counted.forgiven();
            Err(Problem::unavailable(&error))
        }
    }
}

fn not_good(owner: Option<UserId>) -> Problem {
    let access = Access::refused(AccessKind::PasswordReset).because("the token is not good, or not any more");
    let access = owner.into_iter().fold(access, |access, user| access.about(AccessSubject::User(user)));
    Problem::new(Code::LinkNotGood).detail("Ask for another letter.").refused(access)
}

impl App {
    /// Tells a person what happened to their account. The answer does not wait for it, and does not fail with it.
    pub(crate) async fn notice(&self, user: UserId, notice: Notice) {
        if !self.post.is_there() {
            return;
        }
        match self.user(user, 0).await {
            Ok(account) => {
                let to = account.and_then(|account| account.email?.parse::<Email>().ok());
                self.post.send(to.map(|to| notice.letter(to, &self.links, self.now()))).await;
            }
            Err(problem) => tracing::error!(code = problem.code().as_str(), %user, "a person could not be told"),
        }
    }

    /// Writes down what was refused where no answer says so.
    pub(crate) async fn note_refused(&self, asked: &Asked, access: Access) {
        if let Err(error) = self.identity.access_log().write_refused(asked.origin(), access).await {
            tracing::error!(error = %Causes(&error), "a refusal is not in the access log");
        }
    }
}
