//! Signing in with an outside issuer, and who somebody is there.
//!
//! Why it is so: `docs/adr/0023-outside-issuers.md`.

mod account;
pub(crate) mod identities;
pub(crate) mod sign_in;

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use muster_domain::UserId;
use muster_identity::{
    Access, AccessKind, BeginOidcError, Binding, FinishOidcError, IssuerError, OidcRefusal, OidcReturn, OutsidePerson,
    ProviderSettings,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::{App, not_found};
use super::cookie;
use super::fields::{given, wrong_field};
use super::problem::{Causes, Code, Problem};

/// After how many seconds an issuer that did not answer is worth another try.
const AGAIN_IN: u64 = 5;

/// The issuer that a path names.
pub(crate) struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(no_such_issuer()),
        }
    }
}

impl Named {
    fn find<'a>(&self, app: &'a App) -> Result<&'a ProviderSettings, Problem> {
        app.settings.oidc.providers().iter().find(|provider| provider.id == self.0).ok_or_else(no_such_issuer)
    }
}

fn no_such_issuer() -> Problem {
    not_found("issuer")
}

/// A sign-in that was begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutsideBegun {
    /// Where the person signs in: open it in their browser.
    authorization_url: String,
    /// What comes back with the code.
    state: String,
    /// Goes along with code and state, so that nobody else finishes it. Left out when it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    binding: Option<String>,
    /// Seconds until it is too late.
    expires_in: i64,
}

/// What the issuer sent along when it sent the person back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutsideReturnBody {
    /// `code` of the address that they came back to.
    #[schema(max_length = 4096)]
    code: String,
    /// `state` of it.
    #[schema(max_length = 256)]
    state: String,
    /// `iss` of it, if it is there.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    iss: Option<String>,
    /// `binding` of the answer with which it was begun. Left out by a browser that keeps it in the cookie.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 256)]
    binding: Option<String>,
    /// Whether the binding is in a cookie; at a sign-in, the refresh token then goes into one, too.
    #[serde(default)]
    cookie: bool,
}

/// Sends somebody to an issuer: to sign in, or to link who they are there with this account.
async fn begin(
    app: &App,
    headers: &HeaderMap,
    provider: &ProviderSettings,
    redirect_uri: Option<&str>,
    in_cookie: bool,
    linking: Option<UserId>,
) -> Result<Response, Problem> {
    // A browser that has begun another one, in another tab, can finish both.
    let kept = if in_cookie { cookie::bound(headers) } else { None };
    let binding = match kept {
        Some(binding) => binding,
        None => Binding::generate().map_err(|error| Problem::internal(&error))?,
    };
    let begun = app.identity.begin_outside(&provider.id, redirect_uri, &binding, linking).await;
    let begun = begun.map_err(|error| match error {
        BeginOidcError::NoSuchProvider => no_such_issuer(),
        BeginOidcError::NoSuchRedirect => {
            wrong_field("/redirect_uri", "is none of the addresses to which the issuer may send people back")
        }
        BeginOidcError::Issuer(error) => away(&provider.id, &error),
        BeginOidcError::Store(error) => Problem::unavailable(&error),
    })?;
    let mut response = Json(OutsideBegun {
        authorization_url: begun.authorization_url,
        state: begun.state,
        binding: (!in_cookie).then(|| binding.expose()),
        expires_in: begun.expires_in.num_seconds(),
    })
    .into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if in_cookie {
        cookie::bind(response.headers_mut(), &binding, begun.expires_in);
    }
    Ok(response)
}

/// Who came back from an issuer.
async fn finish(
    app: &App,
    headers: &HeaderMap,
    provider: &ProviderSettings,
    body: OutsideReturnBody,
    linking: Option<UserId>,
) -> Result<OutsidePerson, Problem> {
    let binding = if body.cookie { cookie::bound(headers) } else { body.binding.as_deref().and_then(Binding::parse) };
    let returned = OidcReturn { code: body.code, state: body.state, iss: body.iss, binding };
    app.identity.finish_outside(&provider.id, &returned, linking).await.map_err(|error| match error {
        FinishOidcError::NoSuchProvider => no_such_issuer(),
        FinishOidcError::Refused(refusal) => Problem::new(Code::OutsideSignInRefused)
            .detail(advice(refusal))
            .refused(refused(provider, &refusal.to_string())),
        FinishOidcError::Issuer(error) => away(&provider.id, &error),
        FinishOidcError::Store(error) => Problem::unavailable(&error),
    })
}

/// What the person can do about it. Which check failed is for the access log.
const fn advice(refusal: OidcRefusal) -> &'static str {
    match refusal {
        OidcRefusal::State | OidcRefusal::OtherSignIn | OidcRefusal::OtherBrowser | OidcRefusal::Code => {
            "It took too long, was used before, or was begun elsewhere: begin again."
        }
        OidcRefusal::TwoPeople | OidcRefusal::IdToken(_) => "What the issuer says cannot be relied on.",
    }
}

/// What the access log keeps of a refusal.
fn refused(provider: &ProviderSettings, reason: &str) -> Access {
    Access::refused(AccessKind::OidcRefused).because(format!("{}: {reason}", provider.id))
}

/// An issuer that is no help. Signing in with a password goes on.
fn away(id: &str, error: &IssuerError) -> Problem {
    tracing::warn!(issuer = id, error = %Causes(error), "people cannot sign in with an outside issuer");
    Problem::new(Code::IssuerUnavailable).detail("Try again in a moment, or sign in another way.").retry_after(AGAIN_IN)
}
