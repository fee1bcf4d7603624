//! What goes to the access log: what the routes say was done, and every refusal, which is seen here and at no route.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use muster_domain::{TaskId, UserId};
use muster_identity::policy::{Credential, Principal};
use muster_identity::{Access, AccessKind, AccessSubject, Origin};
use tokio::time::timeout;

use super::address::ClientAddress;
use super::app::App;
use super::problem::{Causes, Code, Problem};
use super::request::{REQUEST_ID, user_agent};

/// How long the answer to a refused request waits for its entry.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the request at hand came from, and what it asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Origin>);

impl Asked {
    /// As the access log takes it.
    pub(crate) fn origin(&self) -> &Origin {
        &self.0
    }

    fn of(method: &Method, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let request_id = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let path = extensions.get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        Self(Arc::new(Origin {
            address: extensions.get::<ClientAddress>().map(|&ClientAddress(address)| address),
            user_agent: user_agent(headers),
            // The outermost layer has set it.
            request_id: request_id.to_owned(),
            route: format!("{method} {path}"),
        }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(&parts.method, &parts.headers, &parts.extensions))
    }
}

/// Who the token of a request names: filled in where that is found out, read where a refusal is written down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker(Arc<OnceLock<(UserId, Credential)>>);

impl Asker {
    /// Notes whom the token names, before it is known whether it is good for anything.
    pub(crate) fn note(extensions: &Extensions, user: UserId, credential: Credential) {
        if let Some(asker) = extensions.get::<Self>() {
            // The first to say so is right: a request has one token.
            let _ = asker.0.set((user, credential));
        }
    }

    fn with(&self, access: Access) -> Access {
        match self.0.get() {
            Some((user, credential)) if !access.names_somebody() => access.by_user(*user).with(*credential),
            Some(_) | None => access,
        }
    }
}

/// What a problem tells the access log; it goes with the answer to the layer that writes it down.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(super) code: Code,
    pub(super) detail: Option<String>,
    /// In the place of what follows from the code.
    pub(super) access: Option<Access>,
}

impl Refused {
    /// What the access log keeps of it. Whoever has shown no credential was asked for one, and not refused.
    pub(super) fn access(self, has_credential: bool) -> Option<Access> {
        let access = match (self.access, self.code) {
            (Some(access), _) => access,
            (None, Code::Unauthenticated) if has_credential => Access::refused(AccessKind::TokenRefused),
            (None, Code::TooManyRequests) => Access::refused(AccessKind::Throttled),
            (None, Code::LastAdmin) => {
                Access::refused(AccessKind::Forbidden).because("nobody would be left to administrate")
            }
            (None, code) if code.status() == StatusCode::FORBIDDEN => Access::refused(AccessKind::Forbidden),
            (None, _) => return None,
        };
        let reason = self.detail.unwrap_or_else(|| self.code.as_str().to_owned());
        Some(if access.has_reason() { access } else { access.because(reason) })
    }
}

/// Writes down what was refused, before the answer is given. It stays refused whether or not it could be written down.
pub(crate) async fn refusals(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let has_credential = request.headers().contains_key(AUTHORIZATION);
    let asked = Asked::of(request.method(), request.headers(), request.extensions());
    let named = Asker::default();
    request.extensions_mut().insert(named.clone());
    let mut response = next.run(request).await;
    let refused = response.extensions_mut().remove::<Refused>();
    if let Some(access) = refused.and_then(|refused| refused.access(has_credential)) {
        let write = app.identity.access_log().write_refused(&asked.0, named.with(access));
        match timeout(PATIENCE, write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = %Causes(&error), "a refusal is not in the access log"),
            Err(late) => tracing::error!(error = %late, "a refusal is not in the access log"),
        }
    }
    response
}

impl App {
    /// Writes down what is about to count, such as a sign-in: what cannot be written down is not done.
    pub(crate) async fn record(&self, asked: &Asked, access: Access) -> Result<(), Problem> {
        self.identity.access_log().write(&asked.0, access).await.map_err(|error| Problem::unavailable(&error))
    }

    /// Writes down what was refused of many things that somebody asked for at once, in an answer that says that all is well: whoever is
    /// refused one of many is refused all the same.
    pub(crate) async fn note_refusals(
        &self,
        asked: &Asked,
        who: &Principal,
        problems: Vec<(Option<TaskId>, &Problem)>,
    ) {
        for (task, problem) in problems {
            let Some(access) = problem.refusal() else { continue };
            let about = task.map(AccessSubject::Task);
            self.note_refused(asked, about.into_iter().fold(access.by(who), Access::about)).await;
        }
    }

    /// Writes down what was done and is safe to have been done, such as the end of a session. That it could not be written
    /// is for the program's log: nobody stays signed in for it.
    pub(crate) async fn note(&self, asked: &Asked, access: Access) {
        if let Err(error) = self.identity.access_log().write(&asked.0, access).await {
            tracing::error!(error = %Causes(&error), "what was done is not in the access log");
        }
    }
}

/// What this person did.
pub(crate) fn done(kind: AccessKind, who: &Principal) -> Access {
    Access::allowed(kind).by(who)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of a problem that is answered to whoever has shown a credential.
    fn kept(code: Code) -> Option<Access> {
        Problem::new(code).refusal()
    }

    #[test]
    fn every_403_is_kept_and_that_the_last_administrator_must_stay() {
        let forbidden = |reason: &str| Some(Access::refused(AccessKind::Forbidden).because(reason));
        assert_eq!(kept(Code::Forbidden), forbidden("forbidden"));
        assert_eq!(kept(Code::ForeignOrigin), forbidden("foreign_origin"));
        assert_eq!(kept(Code::LastAdmin), forbidden("nobody would be left to administrate"));
        assert_eq!(kept(Code::Conflict), None);
        assert_eq!(kept(Code::NotFound), None);
    }

    #[test]
    fn whoever_showed_no_credential_was_asked_for_one_and_not_refused() {
        let refused = || Refused { code: Code::Unauthenticated, detail: None, access: None };
        assert_eq!(refused().access(false), None);
        let kept = Access::refused(AccessKind::TokenRefused).because("unauthenticated");
        assert_eq!(refused().access(true), Some(kept));
    }
}
