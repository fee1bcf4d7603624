//! Who the caller is at outside issuers: seeing it, adding to it, taking it away.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use muster_identity::policy::Action;
use muster_identity::{AccessKind, AccessSubject, OutsideIdentity, OutsideIdentityId, PasswordAttempt, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Named, OutsideBegun, OutsideReturnBody};
use crate::http::access::{Asked, done};
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id};
use crate::http::caller::{Caller, hidden};
use crate::http::cookie;
use crate::http::fields::given;
use crate::http::page::Page;
use crate::http::password::wrong_password;
use crate::http::problem::{Code, Problem};
use crate::http::request::Intake;
use crate::http::spec::{BeginLinkProblems, FinishLinkProblems, SessionReadProblems, UnlinkProblems};
use crate::mail::Notice;

/// Who the caller is at an issuer.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutsideIdentityDocument {
    /// Its id; who they are over there cannot be told from it.
    id: Uuid,
    /// The issuer, by its name in paths.
    provider: String,
    /// Since when they can sign in with it.
    linked_at: DateTime<Utc>,
}

impl From<OutsideIdentity> for OutsideIdentityDocument {
    fn from(identity: OutsideIdentity) -> Self {
        Self { id: identity.id.0, provider: identity.provider, linked_at: identity.linked_at }
    }
}

/// The caller's password, and where to come back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginLinkBody {
    /// The password: whoever found the caller signed in must not come back by themselves.
    #[schema(format = Password, max_length = 1024)]
    password: String,
    /// One of the addresses that the operator has named; the first of them if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    redirect_uri: Option<String>,
    /// For a browser: what ties it to this browser goes into a cookie, and not into the answer.
    #[serde(default)]
    cookie: bool,
}

/// Lists with which outside issuers the caller can sign in.
#[utoipa::path(get, path = "/profile/outside-identities", operation_id = "list_outside_identities", tag = "profile",
    responses((status = 200, description = "Who they are there.", body = Page<OutsideIdentityDocument>), SessionReadProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Page<OutsideIdentityDocument>>, Problem> {
    own(&caller)?;
    let of_user = app.identity.outside_identities().of_user(caller.id()).await;
    let of_user = of_user.map_err(|error| Problem::unavailable(&error))?;
    Ok(Json(Page::whole(of_user.into_iter().map(OutsideIdentityDocument::from).collect())))
}

/// Begins to link the caller's account with who they are at an outside issuer, so that they can sign in with it.
#[utoipa::path(post, path = "/profile/outside-identities/{provider}/begin", operation_id = "begin_outside_identity",
    tag = "profile", params(("provider" = String, Path, max_length = 32)), request_body = BeginLinkBody,
    responses((status = 200, description = "Where to sign in.", body = OutsideBegun), BeginLinkProblems))]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    named: Named,
    caller: Caller,
    headers: HeaderMap,
    intake: Intake,
    Body(body): Body<BeginLinkBody>,
) -> Result<Response, Problem> {
    own(&caller)?;
    if body.cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    let provider = named.find(&app)?;
    let counted = app.throttle.attempt(Some(&caller.id().to_string()), intake.address())?;
    match app.identity.check_password(caller.id(), &PasswordAttempt::new(body.password)).await {
        Ok(true) => counted.succeeded(),
        Ok(false) => return Err(wrong_password()),
        Err(error) => {
            counted.forgiven();
            return Err(Problem::unavailable(&error));
        }
    }
    super::begin(&app, &headers, provider, body.redirect_uri.as_deref(), body.cookie, Some(caller.id())).await
}

/// Links the caller's account with who they are at an outside issuer. Linking it twice changes nothing.
#[utoipa::path(post, path = "/profile/outside-identities/{provider}/finish", operation_id = "finish_outside_identity",
    tag = "profile", params(("provider" = String, Path, max_length = 32)), request_body = OutsideReturnBody,
    responses((status = 200, description = "Who they are there.", body = OutsideIdentityDocument), FinishLinkProblems))]
pub(crate) async fn finish(
    State(app): State<Arc<App>>,
    named: Named,
    caller: Caller,
    headers: HeaderMap,
    asked: Asked,
    Body(body): Body<OutsideReturnBody>,
) -> Result<Json<OutsideIdentityDocument>, Problem> {
    own(&caller)?;
    if body.cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    let provider = named.find(&app)?;
    let person = super::finish(&app, &headers, provider, body, Some(caller.id())).await?;
    let unavailable = |error: StoreError| Problem::unavailable(&error);
    let identities = app.identity.outside_identities();
    let linked = identities.find(person.identity).await.map_err(unavailable)?;
    if let Some(linked) = linked.as_ref().filter(|linked| linked.user_id == caller.id()) {
        return Ok(Json(linked.clone().into()));
    }
    // One that was to be made for them and never was is nobody's.
    let before = linked.map(|linked| linked.user_id);
    if let Some(other) = before
        && super::account::account(&app, other).await?.is_some()
    {
        return Err(Problem::new(Code::Conflict).detail("Whoever you are there has another account here."));
    }
    // What cannot be written down is not done: it opens the account to whoever is that person there.
    let subject = AccessSubject::OutsideIdentity(person.identity);
    let access = done(AccessKind::OutsideIdentityLinked, &caller.0).about(subject);
    app.record(&asked, access.because(format!("with the issuer {}", provider.id))).await?;
    let (id, user_id, provider, linked_at) = (person.identity, caller.id(), provider.id.clone(), app.now());
    let link = OutsideIdentity { id, user_id, provider, linked_at };
    if identities.link(&link, before).await.map_err(unavailable)? {
        app.notice(user_id, Notice::OutsideIdentityLinked).await;
        Ok(Json(link.into()))
    } else {
        Err(Problem::new(Code::Contended).detail("Try again in a moment."))
    }
}

/// Takes away a way for the caller to sign in. The last one stays: somebody without a password needs it.
#[utoipa::path(delete, path = "/profile/outside-identities/{identity_id}", operation_id = "remove_outside_identity",
    tag = "profile", params(("identity_id" = Uuid, Path)),
    responses((status = 204, description = "It opens the account no longer."), UnlinkProblems))]
pub(crate) async fn unlink(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    own(&caller)?;
    caller.is_fresh()?;
    let unavailable = |error: StoreError| Problem::unavailable(&error);
    let (identities, id) = (app.identity.outside_identities(), OutsideIdentityId(id));
    let found = identities.find(id).await.map_err(unavailable)?;
    let found = found.ok_or_else(|| not_found("outside identity"))?;
    if found.user_id != caller.id() {
        // Of another person's nobody learns that it is there, and whoever audits sees who tried.
        let access = hidden("outside identity").about(AccessSubject::OutsideIdentity(id));
        return Err(not_found("outside identity").refused(access));
    }
    if !app.identity.has_password(caller.id()).await.map_err(unavailable)? {
        let detail = "The account has no password: without this, nobody could sign in to it.";
        return Err(Problem::new(Code::Conflict).detail(detail));
    }
    identities.unlink(id, caller.id()).await.map_err(unavailable)?;
    let access = done(AccessKind::OutsideIdentityUnlinked, &caller.0);
    app.note(&asked, access.about(AccessSubject::OutsideIdentity(id))).await;
    Ok(StatusCode::NO_CONTENT)
}

fn own(caller: &Caller) -> Result<(), Problem> {
    caller.may(Action::ManageOutsideIdentities, &caller.themselves())
}
