//! Every answer that is not a success: a problem as RFC 9457 describes it, with a `code` that stays.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_identity::{Access, Challenge};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::access::Refused;
use super::throttle::Exceeded;

/// The media type of problems.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

// The word is a `tt`, as the OpenAPI document would not find it in a `literal`.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:tt, $status:ident, $title:literal;)+) => {
        /// What went wrong, as a word that programs may rely on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $code)] $variant),+
        }

        impl Code {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The status of answers with this code.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON";
    /// A header is not as it should be.
    InvalidHeader = "invalid_header", BAD_REQUEST, "A header is not as it should be";
    /// No one is signed in, or the token is not good.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Sign in first";
    /// Address or password is wrong.
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "The e-mail address or the password is wrong";
    /// Address and password are right, and a second factor is asked for: `challenge` goes along with its code.
    SecondFactorRequired = "second_factor_required", UNAUTHORIZED, "Now the second factor";
    /// What came back from an outside issuer is not good, or not any more: begin again.
    OutsideSignInRefused = "outside_sign_in_refused", UNAUTHORIZED, "The sign-in with the other issuer was not good";
    /// The caller may not do this.
    Forbidden = "forbidden", FORBIDDEN, "You may not do this";
    /// The API token has not the scope for this.
    InsufficientScope = "insufficient_scope", FORBIDDEN, "The API token is not for this";
    /// No API token is for this, whatever its scopes: it needs an access token of a session.
    SessionRequired = "session_required", FORBIDDEN, "Sign in for this";
    /// This decides who can sign in, or who is told of what happens: prove again who you are, with `POST /users/reauthenticate`.
    FreshSignInRequired = "fresh_sign_in_required", FORBIDDEN, "Prove again who you are";
    /// The password was made up by somebody else: nothing else is done in this session before another is chosen, with
    /// `PUT /profile/password`.
    PasswordChangeRequired = "password_change_required", FORBIDDEN, "Choose a password first";
    /// The caller's role needs a second factor: nothing else is done in this session before there is one, with
    /// `POST /profile/second-factor`, or before it is shown, with `POST /users/reauthenticate`.
    SecondFactorSetupRequired = "second_factor_setup_required", FORBIDDEN, "A second factor is needed first";
    /// Nobody signs up here: an administrator makes the accounts.
    SignupClosed = "signup_closed", FORBIDDEN, "Signing up is closed";
    /// An outside issuer says who they are, and that is not enough to be let in here; `detail` says why.
    NotAdmitted = "not_admitted", FORBIDDEN, "You are not let in";
    /// Nobody signs up here who was not invited.
    InvitationRequired = "invitation_required", FORBIDDEN, "An invitation is needed";
    /// The link of a letter was used, is too old, or was never made.
    LinkNotGood = "link_not_good", FORBIDDEN, "The link is not good, or not any more";
    /// The cookie came with a request that a page of another site may have made.
    ForeignOrigin = "foreign_origin", FORBIDDEN, "The request comes from another site";
    /// There is no such thing, or the caller may not know of it.
    NotFound = "not_found", NOT_FOUND, "There is no such thing";
    /// The path is there, but not with this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This method is not supported here";
    /// What is asked does not fit the present state.
    Conflict = "conflict", CONFLICT, "This does not fit the present state";
    /// The task cannot go from its status to that one.
    ImpossibleMove = "impossible_move", CONFLICT, "The task cannot make this move";
    /// The task is deleted.
    TaskDeleted = "task_deleted", CONFLICT, "The task is deleted";
    /// The task is completed.
    TaskCompleted = "task_completed", CONFLICT, "The task is completed";
    /// The task is on hold.
    TaskOnHold = "task_on_hold", CONFLICT, "The task is on hold";
    /// Another active account has this address.
    EmailTaken = "email_taken", CONFLICT, "The e-mail address is taken";
    /// No letters are sent from here: the operator has named no mail server.
    MailNotConfigured = "mail_not_configured", CONFLICT, "No letters are sent from here";
    /// Nobody would be left to administrate.
    LastAdmin = "last_admin", CONFLICT, "There must always be an administrator";
    /// Nobody has more API tokens at once.
    TooManyTokens = "too_many_tokens", CONFLICT, "There are as many API tokens as there may be";
    /// Another of the caller's saved filters has this name.
    FilterNameTaken = "filter_name_taken", CONFLICT, "Another saved filter is called so";
    /// Nobody has more saved filters.
    TooManyFilters = "too_many_filters", CONFLICT, "There are as many saved filters as there may be";
    /// There are as many webhooks as there may be.
    TooManyWebhooks = "too_many_webhooks", CONFLICT, "There are as many webhooks as there may be";
    /// What was personal of the account is erased: nothing else happens to it.
    PersonErased = "person_erased", CONFLICT, "The person was erased";
    /// The account has events from before personal data was sealed, which nothing changes.
    HistoryNotSealed = "history_not_sealed", CONFLICT, "The account's history is from before personal data was sealed";
    /// Too many writers at once.
    Contended = "contended", CONFLICT, "Too many changes at once";
    /// The caller's version is not the present one.
    StaleVersion = "stale_version", PRECONDITION_FAILED, "It was changed in the meantime";
    /// The body is larger than it may be.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The request is too large";
    /// The body is not declared as JSON.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    /// Fields or parameters are wrong; `errors` says which.
    InvalidRequest = "invalid_request", UNPROCESSABLE_ENTITY, "Some of what was sent is not right";
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    /// Asked too often.
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests";
    /// Something broke here.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something broke on our side";
    /// The store cannot be reached at the moment.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not available at the moment";
    /// An outside issuer does not answer at the moment, or does not know this installation.
    IssuerUnavailable = "issuer_unavailable", SERVICE_UNAVAILABLE, "The other issuer is not available at the moment";
    /// What was just written is not in the list yet that is to have it.
    NotFreshYet = "not_fresh_yet", SERVICE_UNAVAILABLE, "What is asked for is not in the list yet";
    /// It took too long.
    Timeout = "timeout", GATEWAY_TIMEOUT, "It took too long";
}

/// A problem (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:muster:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What went wrong, the same for every problem of this code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, as a word that programs may rely on.
    code: Code,
    /// What went wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Each field or parameter that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidField>,
    /// With `impossible_move`: the statuses to which the task may go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<String>,
    /// With `stale_version`: the present version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// With `too_many_requests`: the limit, which the headers tell of.
    #[serde(skip)]
    exceeded: Option<Exceeded>,
    /// What the access log keeps of it, if not what follows from the code.
    #[serde(skip)]
    access: Option<Box<Access>>,
    /// With `second_factor_required`: what goes along with the code, good for five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    challenge: Option<Shown>,
    /// Seconds until it is worth another try.
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// A challenge in a body, and nowhere else.
#[derive(Clone, Debug)]
struct Shown(Challenge);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// A field or parameter that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidField {
    /// A JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: Code) -> Self {
        Self {
            kind: format!("urn:muster:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: None,
            errors: vec![],
            allowed: vec![],
            version: None,
            exceeded: None,
            access: None,
            challenge: None,
            retry_after: None,
        }
    }

    /// Says what went wrong this time.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers give what they have: a text, an error, format_args")]
    pub fn detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Names the fields or parameters that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<InvalidField>) -> Self {
        self.errors = errors;
        self
    }

    /// Says of a field that it is another one: what one route calls so may have another name on the next.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        for error in self.errors.iter_mut().filter(|error| error.pointer.as_deref() == Some(from)) {
            error.pointer = Some(to.to_owned());
        }
        self
    }

    /// Says of its fields that they lie under this place of the body.
    #[must_use]
    pub fn under(mut self, place: &str) -> Self {
        for pointer in self.errors.iter_mut().filter_map(|error| error.pointer.as_mut()) {
            pointer.insert_str(0, place);
        }
        self
    }

    /// Each field or parameter that is wrong.
    pub(crate) fn into_errors(self) -> Vec<InvalidField> {
        self.errors
    }

    /// Says where the task may go instead.
    #[must_use]
    pub fn allowed(mut self, allowed: impl IntoIterator<Item = impl ToString>) -> Self {
        self.allowed = allowed.into_iter().map(|word| word.to_string()).collect();
        self
    }

    /// Says which version is the present one.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Says which limit was reached.
    #[must_use]
    pub(crate) fn exceeded(mut self, exceeded: Exceeded) -> Self {
        self.exceeded = Some(exceeded);
        self
    }

    /// Says what the access log is to keep of it.
    #[must_use]
    pub fn refused(mut self, access: Access) -> Self {
        self.access = Some(Box::new(access));
        self
    }

    /// Says what the second factor is to answer.
    #[must_use]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = Some(Shown(challenge));
        self
    }

    /// Says in how many seconds it is worth another try.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What the access log is to keep of it, if anything: of one of many, whose answer says that all is well.
    pub(crate) fn refusal(&self) -> Option<Access> {
        let access = self.access.as_deref().cloned();
        Refused { code: self.code, detail: self.detail.clone(), access }.access(true)
    }

    /// A failure on our side: the cause goes to the log, and the caller learns only that it broke.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Causes(error), "a request failed on our side");
        Self::new(Code::Internal)
    }

    /// A store that cannot be reached: the cause goes to the log.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = %Causes(error), "the store could not be reached");
        Self::new(Code::Unavailable).detail("Try again in a moment.")
    }
}

/// An error and all that caused it, on one line.
pub struct Causes<'a>(pub &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.code == Code::InsufficientScope {
            // RFC 6750 §3.1
            let challenge = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(self.code, Code::Unavailable | Code::NotFreshYet | Code::Contended) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(exceeded) = self.exceeded {
            exceeded.say(headers);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenge.is_some() {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Some(version) = self.version {
            headers.insert(header::ETAG, super::etag::etag(version));
        }
        let (code, detail, access) = (self.code, self.detail, self.access.map(|access| *access));
        response.extensions_mut().insert(Refused { code, detail, access });
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_says_only_what_there_is_to_say() {
        assert_eq!(
            serde_json::to_value(Problem::new(Code::NotFound)).unwrap(),
            json!({
                "type": "urn:muster:problem:not_found",
                "title": "There is no such thing",
                "status": 404,
                "code": "not_found",
            })
        );
        let pointer = InvalidField { pointer: Some("/a".to_owned()), parameter: None, detail: "is wrong".to_owned() };
        let full = Problem::new(Code::ImpossibleMove).detail("No.").errors(vec![pointer]).allowed(["todo"]).version(3);
        assert_eq!(
            serde_json::to_value(full).unwrap(),
            json!({
                "type": "urn:muster:problem:impossible_move",
                "title": "The task cannot make this move",
                "status": 409,
                "code": "impossible_move",
                "detail": "No.",
                "errors": [{ "pointer": "/a", "detail": "is wrong" }],
                "allowed": ["todo"],
                "version": 3,
            })
        );
    }

    #[test]
    fn a_problem_is_an_answer_of_its_own_media_type() {
        let response = Problem::new(Code::StaleVersion).version(3).into_response();

        assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::ETAG], "\"3\"");
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn an_answer_tells_how_to_sign_in_and_when_to_come_again() {
        let headers = |code| Problem::new(code).into_response().headers().clone();

        assert_eq!(headers(Code::Unauthenticated)[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(headers(Code::Unavailable)[header::RETRY_AFTER], "1");
        assert_eq!(headers(Code::Contended)[header::RETRY_AFTER], "1");
        assert_eq!(headers(Code::NotFreshYet)[header::RETRY_AFTER], "1");
        assert_eq!(headers(Code::WrongCredentials)[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(headers(Code::InsufficientScope)[header::WWW_AUTHENTICATE], r#"Bearer error="insufficient_scope""#);
        assert!(!headers(Code::Forbidden).contains_key(header::WWW_AUTHENTICATE));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the table is away")]
    struct Away(#[source] std::io::Error);

    #[test]
    fn the_cause_of_a_failure_on_our_side_goes_to_the_log_and_not_to_the_caller() {
        let error = Away(std::io::Error::other("10.0.0.7 refused"));

        assert_eq!(Causes(&error).to_string(), "the table is away: 10.0.0.7 refused");
        for problem in [Problem::internal(&error), Problem::unavailable(&error)] {
            let body = serde_json::to_string(&problem).unwrap();
            assert!(!body.contains("10.0.0.7") && !body.contains("table"), "{body}");
        }
    }
}
