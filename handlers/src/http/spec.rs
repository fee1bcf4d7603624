//! What the OpenAPI document says of every route alike: problems, headers, sign-in.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Header, HeaderBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, Modify, ToSchema as _};

use super::problem::{Code, Problem};

/// The headers of a change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "its fields are only read by the derive, to describe the headers")]
pub(crate) struct ChangeHeaders {
    /// The `ETag` of the version to change: the change is refused (412) if it is not the present one.
    #[param(rename = "If-Match", required = false, pattern = r#"^(\*|"[0-9]{1,19}")$"#, example = "\"3\"")]
    if_match: String,
    /// A name for this request to this resource: sent again under it, the request takes no second effect and gets its
    /// first answer again.
    #[param(rename = "Idempotency-Key", required = false, min_length = 1, max_length = 255, pattern = "^[ -~]+$")]
    idempotency_key: String,
}

/// The headers of a creation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "its fields are only read by the derive, to describe the headers")]
pub(crate) struct CreateHeaders {
    /// A name for this request to this resource: sent again under it, the request takes no second effect and gets its
    /// first answer again.
    #[param(rename = "Idempotency-Key", required = false, min_length = 1, max_length = 255, pattern = "^[ -~]+$")]
    idempotency_key: String,
}

/// The headers of a read.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "its fields are only read by the derive, to describe the headers")]
pub(crate) struct ReadHeaders {
    /// The version that the answer must reflect at least, or the newest that there is.
    #[param(rename = "Muster-Min-Version", required = false, minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    muster_min_version: u64,
}

/// The headers of a list of tasks.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "its fields are only read by the derive, to describe the headers")]
pub(crate) struct ListHeaders {
    /// Tasks that the list must reflect at these versions at least, or at the newest that there are, such as what the caller
    /// has just changed: `task#<id>@<version>`, up to ten with commas between them. If the list does not get there within
    /// seconds: `not_fresh_yet`.
    #[param(
        rename = "Muster-Min-Version",
        required = false,
        min_length = 43,
        max_length = 579,
        pattern = "^task#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@[0-9]{1,15}(,task#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@[0-9]{1,15}){0,9}$",
        example = "task#0199c4a2-5a3e-7cc1-b1a4-5d3f0c9a2e11@3"
    )]
    muster_min_version: String,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = [$($code:ident),+];)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    by_status(&[$(Code::$code),+])
                }
            }
        )+
    };
}

problems! {
    /// What a read may answer instead.
    ReadProblems = [
        InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, InvalidRequest, Internal, Unavailable,
        Timeout
    ];
    /// What a list of tasks may answer instead.
    ListProblems = [
        InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, InvalidRequest, Internal, Unavailable,
        NotFreshYet, Timeout
    ];
    /// What a read may answer instead where no API token is good.
    SessionReadProblems = [
        InvalidHeader, Unauthenticated, Forbidden, SessionRequired, NotFound, InvalidRequest, Internal, Unavailable,
        Timeout
    ];
    /// What a change may answer instead.
    ChangeProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, Conflict, Contended,
        StaleVersion, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal, Unavailable,
        Timeout
    ];
    /// What a creation may answer instead.
    CreateProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, Contended, TooLarge,
        UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What giving away somebody's tasks may answer instead.
    ReassignProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, Contended, TooLarge,
        UnsupportedMediaType, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What an import may answer instead.
    ImportProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, TooLarge, UnsupportedMediaType,
        InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What the creation of an account may answer instead.
    CreateUserProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, EmailTaken,
        MailNotConfigured, Contended, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal,
        Unavailable, Timeout
    ];
    /// What an invitation may be answered with instead.
    InviteProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, SignupClosed,
        Conflict, EmailTaken, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What a change of a task may answer instead.
    TaskChangeProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, Conflict, ImpossibleMove,
        TaskDeleted, TaskCompleted, TaskOnHold, Contended, StaleVersion, TooLarge, UnsupportedMediaType, InvalidRequest,
        IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What a change of an account may answer instead.
    UserChangeProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, FreshSignInRequired, SessionRequired, NotFound,
        Conflict, EmailTaken, LastAdmin, PersonErased, Contended, StaleVersion, TooLarge, UnsupportedMediaType, InvalidRequest,
        IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What opening an account again may answer instead.
    ReactivateProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, NotFound, Conflict, EmailTaken,
        MailNotConfigured, PersonErased, Contended, StaleVersion, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused,
        Internal, Unavailable, Timeout
    ];
    /// What the erasure of a person may answer instead.
    EraseProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, NotFound, Conflict,
        HistoryNotSealed, Contended, StaleVersion, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused,
        Internal, Unavailable, Timeout
    ];
    /// What saving a filter may answer instead.
    SaveFilterProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, FilterNameTaken, TooManyFilters,
        Contended, StaleVersion, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal, Unavailable,
        Timeout
    ];
    /// What a list of saved filters may be instead.
    ListFiltersProblems = [Unauthenticated, Forbidden, InsufficientScope, Internal, Unavailable, Timeout];
    /// What a saved filter may be instead.
    ReadFilterProblems = [Unauthenticated, Forbidden, InsufficientScope, NotFound, Internal, Unavailable, Timeout];
    /// What a change without a body may answer instead.
    BodilessChangeProblems = [
        InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, Conflict, PersonErased, Contended, StaleVersion,
        IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What closing an account may answer instead.
    CloseUserProblems = [
        InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, FreshSignInRequired, NotFound, Conflict, LastAdmin,
        PersonErased, Contended, StaleVersion, IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What a change of a task without a body may answer instead.
    BodilessTaskChangeProblems = [
        InvalidHeader, Unauthenticated, Forbidden, InsufficientScope, NotFound, Conflict, TaskDeleted, TaskCompleted,
        Contended, StaleVersion, IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What a request without a body, and without a version to expect, may answer instead where no API token is good.
    BodilessProblems = [Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, NotFound, Internal, Unavailable, Timeout];
    /// What taking out all that is held of a person may answer instead.
    ExportProblems = [
        Unauthenticated, Forbidden, SessionRequired, NotFound, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What a change of one's password may answer instead.
    PasswordProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, SessionRequired, Conflict, TooLarge,
        UnsupportedMediaType, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What proving again who one is may answer instead.
    ProveProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, SessionRequired, TooLarge, UnsupportedMediaType, InvalidRequest,
        Internal, Unavailable, Timeout
    ];
    /// What asking for a new password may be answered with instead.
    AskResetProblems = [
        MalformedJson, InvalidHeader, MailNotConfigured, TooLarge, UnsupportedMediaType, InvalidRequest, Internal,
        Unavailable, Timeout
    ];
    /// What setting a new password by a letter may answer instead.
    ResetProblems = [
        MalformedJson, InvalidHeader, LinkNotGood, TooLarge, UnsupportedMediaType, InvalidRequest, Internal, Unavailable,
        Timeout
    ];
    /// What signing in may answer instead.
    SignInProblems = [
        MalformedJson, InvalidHeader, WrongCredentials, SecondFactorRequired, ForeignOrigin, TooLarge,
        UnsupportedMediaType, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What signing in with the second factor may answer instead.
    FinishSignInProblems = [
        MalformedJson, InvalidHeader, WrongCredentials, ForeignOrigin, TooLarge, UnsupportedMediaType, InvalidRequest,
        Internal, Unavailable, Timeout
    ];
    /// What a change of one's second factor may answer instead.
    FactorProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, SessionRequired, NotFound, Conflict, TooLarge,
        UnsupportedMediaType, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What setting up a webhook may answer instead.
    MakeWebhookProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, Conflict,
        TooManyWebhooks, TooLarge, UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
    /// What a change of a webhook may answer instead.
    WebhookChangeProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, NotFound, StaleVersion,
        TooLarge, UnsupportedMediaType, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What a change of a webhook without a body may answer instead.
    BodilessWebhookProblems = [
        Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, NotFound, Conflict, StaleVersion, Internal,
        Unavailable, Timeout
    ];
    /// What making an API token may answer instead.
    MakeTokenProblems = [
        MalformedJson, Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, TooManyTokens, TooLarge, UnsupportedMediaType,
        InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What beginning to sign in with an outside issuer may answer instead.
    BeginOutsideProblems = [
        MalformedJson, InvalidHeader, ForeignOrigin, NotFound, TooLarge, UnsupportedMediaType, InvalidRequest, Internal,
        Unavailable, IssuerUnavailable, Timeout
    ];
    /// What signing in with an outside issuer may answer instead.
    FinishOutsideProblems = [
        MalformedJson, InvalidHeader, OutsideSignInRefused, NotAdmitted, ForeignOrigin, NotFound, EmailTaken, LastAdmin,
        Contended, TooLarge, UnsupportedMediaType, InvalidRequest, Internal, Unavailable, IssuerUnavailable, Timeout
    ];
    /// What beginning to link an outside identity may answer instead.
    BeginLinkProblems = [
        MalformedJson, InvalidHeader, Unauthenticated, Forbidden, SessionRequired, ForeignOrigin, NotFound, TooLarge,
        UnsupportedMediaType, InvalidRequest, Internal, Unavailable, IssuerUnavailable, Timeout
    ];
    /// What linking an outside identity may answer instead.
    FinishLinkProblems = [
        MalformedJson, Unauthenticated, OutsideSignInRefused, Forbidden, SessionRequired, ForeignOrigin, NotFound,
        Conflict, Contended, TooLarge, UnsupportedMediaType, InvalidRequest, Internal, Unavailable, IssuerUnavailable,
        Timeout
    ];
    /// What unlinking an outside identity may answer instead.
    UnlinkProblems = [Unauthenticated, Forbidden, FreshSignInRequired, SessionRequired, NotFound, Conflict, Internal, Unavailable, Timeout];
    /// What a refresh may answer instead.
    RefreshProblems = [
        MalformedJson, InvalidHeader, WrongCredentials, ForeignOrigin, TooLarge, UnsupportedMediaType, InvalidRequest, Internal, Unavailable, Timeout
    ];
    /// What signing out may answer instead.
    SignOutProblems = [
        MalformedJson, Unauthenticated, SessionRequired, ForeignOrigin, TooLarge, UnsupportedMediaType, InvalidRequest, Internal,
        Unavailable, Timeout
    ];
    /// What a question that anybody may ask may be answered with instead.
    OpenProblems = [Timeout];
    /// What a read of the store that asks for no caller may answer instead.
    OpenReadProblems = [Internal, Unavailable, Timeout];
    /// What signing up may answer instead.
    SignUpProblems = [
        MalformedJson, InvalidHeader, SignupClosed, InvitationRequired, LinkNotGood, EmailTaken, Contended, TooLarge,
        UnsupportedMediaType, InvalidRequest, IdempotencyKeyReused, Internal, Unavailable, Timeout
    ];
}

/// One answer for each status, which names the codes that come with it. Each route can be asked too often, and with parameters that it does
/// not have; and where somebody must be signed in, something may be left that they must do first.
fn by_status(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    let first: &[Code] = &[Code::PasswordChangeRequired, Code::SecondFactorSetupRequired];
    let first = if codes.contains(&Code::Forbidden) { first } else { &[] };
    let always = [Code::InvalidRequest, Code::TooManyRequests];
    for code in codes.iter().chain(first).chain(always.iter().filter(|code| !codes.contains(code))) {
        by_status.entry(code.status().as_u16().to_string()).or_default().push(*code);
    }
    let response = |codes: Vec<Code>| {
        let words: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let response = ResponseBuilder::new().description(format!("Problem: {}", words.join(", "))).content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build(),
        );
        let headers = codes.into_iter().flat_map(headers);
        headers.fold(response, |response, (name, header)| response.header(name, header)).build().into()
    };
    by_status.into_iter().map(|(status, codes)| (status, response(codes))).collect()
}

/// What the headers of a problem with this code say to whoever was refused.
fn headers(code: Code) -> Vec<(&'static str, Header)> {
    let text = |says: &'static str| HeaderBuilder::from(Header::default()).description(Some(says)).build();
    let again = HeaderBuilder::new().schema(Some(Object::with_type(Type::Integer)));
    let again =
        ("Retry-After", again.description(Some("Seconds until it is worth another try, if waiting helps.")).build());
    if code == Code::TooManyRequests {
        return vec![
            again,
            ("RateLimit", text("What is left of the limit, if it is one of a minute: `\"caller\";r=0;t=12`.")),
            ("RateLimit-Policy", text("The limit, if it is one of a minute: `\"caller\";q=600;w=60`.")),
        ];
    }
    if matches!(code, Code::Unavailable | Code::NotFreshYet | Code::Contended) {
        return vec![again];
    }
    if code.status() == StatusCode::UNAUTHORIZED {
        return vec![("WWW-Authenticate", text("How to sign in: `Bearer`."))];
    }
    if code == Code::InsufficientScope {
        return vec![("WWW-Authenticate", text("With `insufficient_scope`: `Bearer error=\"insufficient_scope\"`."))];
    }
    vec![]
}

/// What goes into the header `Authorization`.
const BEARER: &str = "The access token of a sign-in, or an API token (`muster_pat_…`). An API token does what its scopes \
    name, if its owner may, and is refused with `insufficient_scope` or `session_required` where it is not for something.";

/// Adds the way to sign in.
pub(crate) struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some(BEARER)).build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
