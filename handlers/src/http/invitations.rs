//! Who is invited to sign up.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::user::{MAX_TEAMS, Role};
use muster_domain::values::Name;
use muster_domain::{TeamId, UserId};
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessKind, AccessSubject, Invitation, ListInvitationsError, NewInvitation};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::body::{Body, Id, Query};
use super::caller::Caller;
use super::fields::{Fields, wrong_parameter};
use super::page::{Order, Page, PageQuery};
use super::problem::{Causes, Code, Problem};
use super::refusal::key_reused;
use super::request::Change;
use super::settings::SignUpPolicy;
use super::spec::{BodilessProblems, CreateHeaders, InviteProblems, SessionReadProblems};
use crate::mail::Letter;

/// Somebody to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteBody {
    /// Their address. It will be that of the account.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// What they are called, for the list of invitations; they say themselves what their account is called.
    #[serde(default)]
    #[schema(value_type = Option<Name>)]
    name: Option<String>,
    /// What they will be; a member if left out.
    #[serde(default)]
    role: Option<Role>,
    /// The teams that they will be in.
    #[serde(default)]
    #[schema(max_items = 50)]
    teams: Vec<TeamId>,
}

/// An invitation that nobody has taken yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct InvitationDocument {
    /// Its id.
    id: Uuid,
    /// Who is invited.
    email: String,
    /// What they are called, if whoever invited them has said it.
    #[schema(required)]
    name: Option<String>,
    /// What they will be.
    role: Role,
    /// The teams that they will be in, sorted.
    teams: Vec<TeamId>,
    /// Who invited them.
    invited_by: UserId,
    /// When.
    created_at: DateTime<Utc>,
    /// When the invitation ends.
    expires_at: DateTime<Utc>,
    /// When its letter was sent; null while it is on its way, or where no letters are sent.
    #[schema(required)]
    sent_at: Option<DateTime<Utc>>,
}

impl From<Invitation> for InvitationDocument {
    fn from(invitation: Invitation) -> Self {
        let Invitation { new, created_at, expires_at, sent_at, taken_at: _, withdrawn_at: _ } = invitation;
        let NewInvitation { id, email, name, role, teams, invited_by } = new;
        let (email, name) = (email.into(), name.map(|name| name.as_str().to_owned()));
        Self { id, email, name, role, teams, invited_by, created_at, expires_at, sent_at }
    }
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeInvitation {
    #[serde(flatten)]
    invitation: InvitationDocument,
    /// Where no letters are sent: the link, to be handed over to whoever is invited, and to nobody else. Null where they get it
    /// by a letter.
    #[schema(required)]
    link: Option<String>,
}

/// Invites somebody to sign up, by a letter with a link that is good once, and for a week.
///
/// A repeat gets the same invitation. One that was taken back meanwhile stays so (`conflict`).
///
/// Where no letters are sent, the answer has the link. What the link gives is what whoever made it may give when it is used: it
/// is good for nothing when they are no administrator any more.
#[utoipa::path(post, path = "/invitations", operation_id = "invite", tag = "users", params(CreateHeaders),
    request_body = InviteBody,
    responses((status = 201, description = "The invitation.", body = MadeInvitation), InviteProblems))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    change: Change,
    asked: Asked,
    Body(body): Body<InviteBody>,
) -> Result<Response, Problem> {
    change.caller.may(Action::InvitePerson, &Resource::Any)?;
    let new = checked(&app, body, change.command_id.created_id(), change.caller.id()).await?;
    if app.settings.sign_up == SignUpPolicy::Closed {
        return Err(Problem::new(Code::SignupClosed).detail("Make the account yourself: POST /users."));
    }
    let owner = app.identity.owner(new.email.as_str()).await.map_err(|error| Problem::unavailable(&error))?;
    let made = app.identity.invitations().find(new.id).await.map_err(|error| Problem::unavailable(&error))?;
    // A repeat gets its first answer again, also when the invitation was taken in between.
    if owner.is_some() && made.is_none() {
        return Err(Problem::new(Code::EmailTaken));
    }
    if made.is_none() {
        // What cannot be written down is not done: an invitation gives somebody access.
        let access = done(AccessKind::InvitationMade, &change.caller.0);
        app.record(&asked, access.about(AccessSubject::Invitation(new.id))).await?;
    }
    let invitation = app.identity.invitations().make(new.clone()).await;
    let invitation = invitation.map_err(|error| Problem::unavailable(&error))?;
    if invitation.new != new {
        return Err(key_reused());
    }
    if invitation.withdrawn_at.is_some() {
        return Err(Problem::new(Code::Conflict)
            .detail("The invitation was taken back: invite anew, under another Idempotency-Key."));
    }
    let token = app.identity.invitations().token(&invitation);
    let link = (!app.post.is_there()).then(|| app.links.invitation(&token));
    if app.post.is_there() && invitation.sent_at.is_none() {
        write(&app, &invitation, &token).await;
    }
    let made = MadeInvitation { invitation: invitation.into(), link };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(made))
        .into_response())
}

/// Every field, checked; the teams are there.
async fn checked(app: &App, body: InviteBody, id: Uuid, invited_by: UserId) -> Result<NewInvitation, Problem> {
    let mut fields = Fields::default();
    let email = fields.parse("/email", &body.email);
    let name = fields.parse_optional("/name", body.name.as_ref());
    let teams: BTreeSet<TeamId> = body.teams.into_iter().collect();
    if teams.len() > MAX_TEAMS {
        fields.wrong("/teams", format_args!("a user may be in at most {MAX_TEAMS} teams"));
    } else {
        for team in &teams {
            if app.team(*team, 0).await?.is_none() {
                fields.wrong("/teams", format_args!("there is no team {team}"));
            }
        }
    }
    let (role, teams) = (body.role.unwrap_or(Role::Member), teams.into_iter().collect());
    let new = email.map(|email| NewInvitation { id, email, name, role, teams, invited_by });
    fields.finish(new)
}

/// Sends the letter, and keeps that it was sent.
async fn write(app: &Arc<App>, invitation: &Invitation, token: &str) {
    let NewInvitation { id, email, .. } = invitation.new.clone();
    let letter = Letter::invitation(email, &app.links, token, invitation.expires_at).named(id);
    let app = Arc::clone(app);
    let post = app.post.clone();
    let sent = async move {
        if app.post.deliver(&letter).await
            && let Err(error) = app.identity.invitations().sent(id).await
        {
            tracing::warn!(error = %Causes(&error), invitation = %id, "that an invitation was sent could not be kept");
        }
    };
    post.follow("invitation", Box::pin(sent)).await;
}

/// Which invitations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationsQuery {
    /// `-created` (newest first, the default) or `created`.
    #[param(pattern = "^-?created$")]
    sort: Option<String>,
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Lists the invitations that nobody has taken yet and that are still good.
#[utoipa::path(get, path = "/invitations", operation_id = "list_invitations", tag = "users", params(InvitationsQuery),
    responses((status = 200, description = "A page of invitations.", body = Page<InvitationDocument>), SessionReadProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<InvitationsQuery>,
) -> Result<Json<Page<InvitationDocument>>, Problem> {
    caller.may(Action::ListInvitations, &Resource::Any)?;
    let InvitationsQuery { sort, limit, cursor } = query;
    let page = PageQuery { limit, cursor }.sorted(sort.as_deref(), Order::Down("created"))?;
    let listed = app.identity.invitations().open(page.limit, page.cursor.as_deref(), page.descending).await;
    let listed = listed.map_err(|error| match error {
        ListInvitationsError::Cursor => wrong_parameter("cursor", error),
        ListInvitationsError::Store(error) => Problem::unavailable(&error),
    })?;
    Ok(Json(Page::of(listed.items.into_iter().map(InvitationDocument::from).collect(), listed.next)))
}

/// Takes an invitation back: its link is good for nothing. Whoever is just using it may still get in.
#[utoipa::path(delete, path = "/invitations/{invitation_id}", operation_id = "withdraw_invitation", tag = "users",
    params(("invitation_id" = Uuid, Path)),
    responses((status = 204, description = "It is withdrawn."), BodilessProblems))]
pub(crate) async fn withdraw(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::InvitePerson, &Resource::Any)?;
    let there = app.identity.invitations().withdraw(id).await.map_err(|error| Problem::unavailable(&error))?;
    if !there {
        return Err(not_found("invitation"));
    }
    let access = done(AccessKind::InvitationRevoked, &caller.0).about(AccessSubject::Invitation(id));
    app.note(&asked, access).await;
    Ok(StatusCode::NO_CONTENT)
}
