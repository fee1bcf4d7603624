//! What went wrong, as a word that stays.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

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

            pub(super) const fn title(self) -> &'static str {
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
    /// What somebody signs in or goes on with is wrong: address or password, the code of a second factor, a refresh token.
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "What you sign in with is wrong";
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
