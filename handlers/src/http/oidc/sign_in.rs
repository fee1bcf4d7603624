//! Signing in with an outside issuer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use muster_identity::{ProviderSettings, TokenPair};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Named, OutsideBegun, OutsideReturnBody, account};
use crate::http::access::Asked;
use crate::http::app::App;
use crate::http::auth::{Tokens, abandon, begun, tokens};
use crate::http::body::Body;
use crate::http::cookie;
use crate::http::fields::given;
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::http::request::Intake;
use crate::http::spec::{BeginOutsideProblems, FinishOutsideProblems, OpenProblems};

/// An issuer that people sign in with.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuerDocument {
    /// Its name in paths.
    id: String,
    /// Its name for people, on the button.
    name: String,
}

/// Where to come back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginOutsideBody {
    /// One of the addresses that the operator has named; the first of them if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    redirect_uri: Option<String>,
    /// For a browser: what ties the sign-in to it goes into a cookie, and not into the answer.
    #[serde(default)]
    cookie: bool,
}

/// Lists the outside issuers that one can sign in with, for the sign-in page.
#[utoipa::path(get, path = "/users/oidc", operation_id = "list_issuers", tag = "authentication", security(()),
    responses((status = 200, description = "The issuers.", body = Page<IssuerDocument>), OpenProblems))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<Page<IssuerDocument>> {
    let providers = app.settings.oidc.providers().iter();
    let shown = providers.map(|provider| IssuerDocument { id: provider.id.clone(), name: provider.name.clone() });
    Json(Page::whole(shown.collect()))
}

/// Begins to sign in with an outside issuer.
///
/// The answer's `authorization_url` is where the person signs in. The issuer then sends them back with a `code` and the
/// `state`, which go to `finish` within ten minutes.
#[utoipa::path(post, path = "/users/oidc/{provider}/begin", operation_id = "begin_outside_sign_in",
    tag = "authentication", security(()), params(("provider" = String, Path, max_length = 32)),
    request_body = BeginOutsideBody,
    responses((status = 200, description = "Where to sign in.", body = OutsideBegun), BeginOutsideProblems))]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    named: Named,
    headers: HeaderMap,
    intake: Intake,
    Body(body): Body<BeginOutsideBody>,
) -> Result<Response, Problem> {
    if body.cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    let provider = named.find(&app)?;
    // It counts until it is finished well: each is kept for ten minutes.
    let _counted = app.throttle.attempt(None, intake.address())?;
    super::begin(&app, &headers, provider, body.redirect_uri.as_deref(), body.cookie, None).await
}

/// Signs in with what an outside issuer sent along when it sent the person back.
///
/// Somebody who was never here before gets an account, if the operator has it so. Their role is what the operator's map makes
/// of the issuer's groups, at each sign-in anew. The issuer answers for how well it knows them: no second factor is asked for here. Where
/// their role needs one, the issuer's word counts as one if the operator asks it for a strong sign-in (`acr_values`, `amr`).
#[utoipa::path(post, path = "/users/oidc/{provider}/finish", operation_id = "finish_outside_sign_in",
    tag = "authentication", security(()), params(("provider" = String, Path, max_length = 32)),
    request_body = OutsideReturnBody,
    responses((status = 200, description = "Tokens.", body = Tokens), FinishOutsideProblems))]
pub(crate) async fn finish(
    State(app): State<Arc<App>>,
    named: Named,
    headers: HeaderMap,
    asked: Asked,
    intake: Intake,
    Body(body): Body<OutsideReturnBody>,
) -> Result<Response, Problem> {
    if body.cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    let provider = named.find(&app)?;
    let (counted, in_cookie) = (app.throttle.attempt(None, intake.address())?, body.cookie);
    let pair = match come_in(&app, &headers, &asked, &intake, provider, body).await {
        Ok(pair) => pair,
        Err(problem) => {
            if problem.code().status().is_server_error() {
                counted.forgiven();
            }
            return Err(problem);
        }
    };
    counted.succeeded();
    app.throttle.forgive(intake.address());
    let mut response = tokens(&app, pair, in_cookie);
    if in_cookie {
        cookie::unbind(response.headers_mut());
    }
    Ok(response)
}

/// From what came back to a session.
async fn come_in(
    app: &App,
    headers: &HeaderMap,
    asked: &Asked,
    intake: &Intake,
    provider: &ProviderSettings,
    body: OutsideReturnBody,
) -> Result<TokenPair, Problem> {
    let person = super::finish(app, headers, provider, body, None).await?;
    let user = account::admitted(app, asked, intake, provider, &person).await?;
    let pair = app.identity.begin_session(user, &intake.client(), provider).await;
    let pair = pair.map_err(|error| Problem::unavailable(&error))?;
    // Whoever closed the account or took the link away meanwhile did not see this session.
    if let Err(problem) = account::still_admitted(app, provider, &person, user).await {
        abandon(app, &pair).await;
        return Err(problem);
    }
    begun(app, asked, &pair, &format!("with the issuer {}", provider.id)).await?;
    Ok(pair)
}
