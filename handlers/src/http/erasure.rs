//! The erasure of a person: everything personal of a closed account, for ever.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use muster_domain::UserId;
use muster_domain::personal::holds_plain;
use muster_domain::user::{User, UserCommand};
use muster_domain::values::Email;
use muster_identity::policy::Action;
use muster_identity::{AccessKind, AccessSubject};
use muster_projections::directory::UserDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Asked, done};
use super::app::{App, not_found, unreadable};
use super::body::{Body, Id};
use super::fields::Fields;
use super::problem::{Code, Problem};
use super::request::Change;
use super::spec::{ChangeHeaders, EraseProblems};
use super::users::command::{answer, resource_of};

/// That it is meant.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseBody {
    /// The id of the account once more: this cannot be undone.
    confirm: UserId,
}

/// Erases everything personal of a closed account: name, address, telephone number and language, now and in its whole history,
/// where it was signed in, and who its owner is at outside issuers. Its events stay, and what is personal in them can be read by nobody any more.
///
/// Entries of the access log stay for their 400 days: they name the account by its id, and the addresses of requests.
#[utoipa::path(post, path = "/users/{user_id}/erase", operation_id = "erase_user", tag = "users",
    params(("user_id" = UserId, Path), ChangeHeaders), request_body = EraseBody,
    responses((status = 200, description = "What is left of the account.", body = UserDocument,
        headers(("ETag" = String))), EraseProblems))]
pub(crate) async fn erase(
    State(app): State<Arc<App>>,
    change: Change,
    asked: Asked,
    Id(id): Id<UserId>,
    Body(body): Body<EraseBody>,
) -> Result<Response, Problem> {
    change.caller.within_token(Action::EraseUser)?;
    let mut fields = Fields::default();
    if body.confirm != id {
        fields.wrong("/confirm", "must be the id of the account that is to be erased");
    }
    let unconfirmed = fields.finish(Some(())).err();
    // What was written before personal data was sealed stays as it is: nothing changes an event.
    let history = app.reader.events(&id.into(), 0, None).await.map_err(|error| unreadable(&error))?;
    let plain = history.iter().any(|event| holds_plain(event.stream.aggregate, &event.event_type, &event.data));
    // Of an account that is erased already nobody knows it any more.
    let email = app.user(id, u64::MAX).await?.and_then(|account| account.email?.parse::<Email>().ok());
    let guard = |user: &User| {
        let user = user.state.as_ref().ok_or_else(|| not_found("user"))?;
        change.caller.may(Action::EraseUser, &resource_of(id, user))?;
        match &unconfirmed {
            Some(problem) => Err(problem.clone()),
            None if plain => Err(Problem::new(Code::HistoryNotSealed)),
            None => Ok(()),
        }
    };
    let metadata = change.metadata(&format!("POST /users/{id}/erase"), &body);
    let command = UserCommand::Erase { at: change.at };
    let committed = app.commands.execute_if::<User, Problem>(id.0, command, change.expected, &metadata, guard).await;
    let committed = committed.map_err(super::refusal::guarded)?;
    // Only the request that does it has an event to tell of.
    if !committed.replayed && !committed.events.is_empty() {
        app.note(&asked, done(AccessKind::PersonErased, &change.caller.0).about(AccessSubject::User(id))).await;
    }
    // What follows is done again when it is asked again, the address being known for as long as the key is there; the key goes with the event in any case, when a projector takes it in.
    app.identity.erase(id, email.as_ref()).await.map_err(|error| Problem::unavailable(&error))?;
    app.filters.forget(id).await.map_err(|error| Problem::unavailable(&error))?;
    app.reader.keys().erase(id).await.map_err(|error| Problem::unavailable(&error))?;
    app.directory.forget(id).await.map_err(|error| Problem::unavailable(&error))?;
    answer(axum::http::StatusCode::OK, id, &committed)
}
