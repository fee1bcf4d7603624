//! The HTTP API, `/api/v1`: the routes of the two sides, and what surrounds them all.
#![expect(clippy::option_option, reason = "a change tells a field that is left out from one that is null")]
#![expect(clippy::result_large_err, reason = "a problem is moved a few times in a request that has failed anyway")]

mod access;
mod address;
mod api_tokens;
mod app;
mod audit;
mod auth;
mod body;
mod browsers;
mod caller;
mod commands;
mod complaint;
mod cookie;
mod cors;
mod digests;
mod erasure;
mod etag;
mod export;
mod feed;
mod fields;
mod freshness;
mod imports;
mod integer;
mod invitations;
mod layers;
mod location;
mod logged;
mod notification_preferences;
mod oidc;
mod page;
mod password;
mod password_reset;
mod problem;
mod proof;
mod reactivation;
mod refusal;
mod request;
mod saved_filters;
mod second_factor;
mod sessions;
mod settings;
mod sign_up;
mod spec;
mod system;
mod tasks;
mod teams;
mod throttle;
mod time;
mod undeclared;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::{Extension, Router};
use muster_domain::TaskId;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[cfg(test)]
pub(crate) use address::found_behind_one_proxy;
pub use address::{Direct, Peer};
pub use app::App;
use audit::export::MostBytes;
use browsers::Transport;
pub use commands::{Commands, Provenance};
pub use imports::MAX_IMPORT_BYTES;
use layers::{PATIENCE, PATIENCE_ON_LAMBDA, around};
pub use problem::{Causes, Code, Problem};
pub use settings::{NoSessionIdle, NoSignUpPolicy, SessionIdle, Settings, SignUpPolicy};
use spec::Bearer;
pub use throttle::{Rates, Throttle};

/// The most bytes of a body.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// The most bytes of a file in one answer of a Lambda, which may have 6 MB, in base64 at worst.
const MAX_FILE_ON_LAMBDA: usize = 4 * 1024 * 1024;

/// Where the API's own routes begin.
const BASE: &str = "/api/v1";

/// What the OpenAPI document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Task management for field teams. Every change to a task is an immutable event; what you read is made of them.\n\n\
            Each operation names the problems that it may answer. Beside them, what has no operation is refused: a path that is not \
            there with 404 and `not_found`, a method that a path has not with 405 and `method_not_allowed`. Answers say in `RateLimit` \
            and `RateLimit-Policy` how often the caller may ask, where there is a limit.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
    components(schemas(Problem, TaskId)),
    tags(
        (name = "authentication", description = "Sign up, sign in, refresh, sign out."),
        (name = "tokens", description = "API tokens: what programs call with in the name of a person."),
        (name = "profile", description = "The caller's own account."),
        (name = "users", description = "People and their accounts."),
        (name = "teams", description = "Teams, and who is in them."),
        (name = "tasks", description = "Tasks."),
        (name = "logs", description = "Who did what to a task, and when."),
        (name = "audit", description = "Who did what, and who tried what: sign-ins, tokens, refusals."),
        (name = "integrate", description = "For programs that follow what happens in Muster."),
        (name = "system", description = "Whether it runs, and how it is used.")
    )
)]
struct Api;

/// The routes that change something. They may write events.
fn change_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(sign_up::sign_up))
        .routes(routes!(auth::log_in))
        .routes(routes!(auth::log_in_short))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::refresh_short))
        .routes(routes!(auth::log_out))
        .routes(routes!(auth::log_out_short))
        .routes(routes!(users::change::create))
        .routes(routes!(users::change::update))
        .routes(routes!(users::change::deactivate))
        .routes(routes!(tasks::reassign::reassign))
        .routes(routes!(reactivation::reactivate))
        .routes(routes!(erasure::erase))
        .routes(routes!(users::change::update_profile))
        .routes(routes!(notification_preferences::change))
        .routes(routes!(proof::prove))
        .routes(routes!(saved_filters::save))
        .routes(routes!(saved_filters::replace))
        .routes(routes!(saved_filters::remove))
        .routes(routes!(password::change))
        .routes(routes!(password_reset::ask))
        .routes(routes!(password_reset::confirm))
        .routes(routes!(invitations::create))
        .routes(routes!(invitations::withdraw))
        .routes(routes!(second_factor::enrolment::begin))
        .routes(routes!(second_factor::enrolment::confirm))
        .routes(routes!(second_factor::enrolment::renew))
        .routes(routes!(second_factor::enrolment::remove))
        .routes(routes!(second_factor::enrolment::remove_of_user))
        .routes(routes!(second_factor::sign_in::log_in))
        // Questions, but about credentials, of which the query side may read nothing.
        .routes(routes!(second_factor::enrolment::read))
        .routes(routes!(export::own))
        .routes(routes!(export::of_user))
        .routes(routes!(oidc::sign_in::begin))
        .routes(routes!(oidc::sign_in::finish))
        .routes(routes!(oidc::identities::begin))
        .routes(routes!(oidc::identities::finish))
        .routes(routes!(oidc::identities::unlink))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::end_all_of_user))
        .routes(routes!(api_tokens::make))
        .routes(routes!(api_tokens::revoke))
        .routes(routes!(api_tokens::revoke_of_user))
        .routes(routes!(teams::create))
        .routes(routes!(teams::update))
        .routes(routes!(teams::join))
        .routes(routes!(teams::leave))
        .routes(routes!(tasks::change::create))
        .routes(routes!(tasks::bulk::create, tasks::bulk::update))
        .routes(routes!(tasks::change::update))
        .routes(routes!(tasks::change::delete))
        .routes(routes!(tasks::change::assign))
        .routes(routes!(tasks::change::status))
        .routes(routes!(tasks::change::set_deadline))
        .routes(routes!(tasks::change::clear_deadline))
        .routes(routes!(tasks::change::hold))
        .routes(routes!(tasks::change::resume))
        .routes(routes!(tasks::change::comment))
        .routes(routes!(tasks::change::restore))
        .routes(routes!(tasks::board::position))
        .routes(routes!(tasks::relations::relate, tasks::relations::unrelate))
        .routes(routes!(tasks::checklist::add))
        .routes(routes!(tasks::checklist::update))
        .routes(routes!(tasks::checklist::remove))
        .routes(routes!(tasks::watchers::watch))
        .routes(routes!(tasks::watchers::unwatch))
        .routes(routes!(tasks::recurrence::set))
        .routes(routes!(tasks::recurrence::clear))
        .routes(routes!(tasks::recurrence::remind))
        .routes(routes!(webhooks::change::make))
        .routes(routes!(webhooks::change::change))
        .routes(routes!(webhooks::change::remove))
        .routes(routes!(webhooks::change::rotate))
        .routes(routes!(webhooks::deliveries::replay))
        .routes(routes!(webhooks::deliveries::test))
        // Questions, but about what the query side may not read: beside what they ask for are sealed secrets.
        .routes(routes!(webhooks::read::list))
        .routes(routes!(webhooks::read::read))
        .routes(routes!(webhooks::deliveries::list))
        .merge(import_routes())
}

/// The route that takes a file.
fn import_routes() -> OpenApiRouter<Arc<App>> {
    let routes = OpenApiRouter::new().routes(routes!(imports::import));
    // The inner bound counts.
    routes.layer(DefaultBodyLimit::max(imports::MAX_IMPORT_BYTES))
}

/// The routes that answer questions. They need no right to write events.
fn query_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(users::read::list))
        .routes(routes!(users::read::read))
        .routes(routes!(users::read::profile))
        .routes(routes!(notification_preferences::read))
        .routes(routes!(saved_filters::list))
        .routes(routes!(saved_filters::read))
        .routes(routes!(sign_up::policy))
        .routes(routes!(oidc::sign_in::list))
        .routes(routes!(oidc::identities::list))
        .routes(routes!(invitations::list))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::list_of_user))
        .routes(routes!(api_tokens::list))
        .routes(routes!(api_tokens::list_of_user))
        .routes(routes!(teams::list))
        .routes(routes!(teams::read))
        .routes(routes!(teams::members))
        .routes(routes!(tasks::read::list))
        .routes(routes!(tasks::board::read))
        .routes(routes!(tasks::relations::list))
        .routes(routes!(tasks::read::read))
        .routes(routes!(tasks::history::logs))
        .routes(routes!(tasks::history::latest_log))
        .routes(routes!(tasks::history::history))
        .routes(routes!(digests::proof))
        .routes(routes!(audit::access))
        .routes(routes!(digests::list))
        .routes(routes!(digests::keys))
        .routes(routes!(audit::search::search))
        .routes(routes!(audit::export::log::export))
        .routes(routes!(audit::export::access::export))
        .routes(routes!(feed::read))
}

/// The routes about the program itself.
fn system_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(system::health))
        .routes(routes!(system::ready))
        .routes(routes!(system::openapi_document))
        .routes(routes!(system::key_set))
}

/// Everything: what the local program serves.
pub fn router(app: Arc<App>) -> Router {
    let routes = system_routes().nest(BASE, change_routes().merge(query_routes()));
    let (routes, document) = routes.split_for_parts();
    let routes = undeclared::refused(routes.with_state(Arc::clone(&app)), &document, &app).merge(system::rendered());
    let transport = Transport::of(&app.settings.public_url);
    let origins = app.settings.allowed_origins.clone().into();
    around(routes, PATIENCE, transport, origins, app)
}

/// What changes something: the command Lambda.
pub fn command_router(app: Arc<App>) -> Router {
    on_lambda(app, change_routes())
}

/// What answers questions: the query Lambda.
pub fn query_router(app: Arc<App>) -> Router {
    on_lambda(app, query_routes())
}

fn on_lambda(app: Arc<App>, routes: OpenApiRouter<Arc<App>>) -> Router {
    let routes = system_routes().nest(BASE, routes);
    let routes = routes.layer(Extension(MostBytes(MAX_FILE_ON_LAMBDA)));
    let (routes, document) = routes.split_for_parts();
    let routes = undeclared::refused(routes.with_state(Arc::clone(&app)), &document, &app);
    // API Gateway speaks nothing but TLS.
    // It also says what pages of other origins may ask.
    around(routes, PATIENCE_ON_LAMBDA, Transport::Tls, Arc::default(), app)
}

/// The OpenAPI document of every route.
pub fn openapi() -> Document {
    let routes = system_routes().nest(BASE, change_routes().merge(query_routes()));
    let (_, document) = OpenApiRouter::with_openapi(Api::openapi()).merge(routes).split_for_parts();
    document
}
