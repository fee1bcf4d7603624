//! What the access log tells of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

// The word is a `tt`: as a `literal`, the OpenAPI document would not see it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:tt;)+) => {
        /// What was done or tried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum AccessKind {
            $($(#[$doc])* #[serde(rename = $word)] $variant),+
        }

        impl AccessKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

kinds! {
    /// Somebody signed in; the reason says with what.
    SignedIn = "signed_in";
    /// Somebody showed the right password and no second factor, which is asked for as well: nothing was let be yet.
    SecondFactorAsked = "second_factor_asked";
    /// Address, password or account were not good.
    SignInRefused = "sign_in_refused";
    /// Somebody signed out.
    SignedOut = "signed_out";
    /// A session was ended from elsewhere.
    SessionEnded = "session_ended";
    /// A refresh token was not good, or not any more.
    RefreshRefused = "refresh_refused";
    /// An old refresh token was used again: somebody has a copy, and the session was ended.
    RefreshReused = "refresh_reused";
    /// An access token or API token was not good, or not any more.
    TokenRefused = "token_refused";
    /// Somebody asked for what they may not do.
    Forbidden = "forbidden";
    /// Too many attempts.
    Throttled = "throttled";
    /// An API token was made.
    ApiTokenMade = "api_token_made";
    /// An API token was revoked.
    ApiTokenRevoked = "api_token_revoked";
    /// Somebody who was signed in proved again who they are.
    ProvedAgain = "proved_again";
    /// Somebody changed their password.
    PasswordChanged = "password_changed";
    /// Somebody who was signed in did not know the present password.
    PasswordRefused = "password_refused";
    /// Somebody asked for a letter with which to set a new password.
    PasswordResetAsked = "password_reset_asked";
    /// A new password was set with such a letter.
    PasswordReset = "password_reset";
    /// A second factor was added.
    SecondFactorAdded = "second_factor_added";
    /// A second factor was removed.
    SecondFactorRemoved = "second_factor_removed";
    /// A code of a second factor was not good.
    SecondFactorRefused = "second_factor_refused";
    /// A recovery code was used in the place of a second factor.
    RecoveryCodeUsed = "recovery_code_used";
    /// Somebody got other recovery codes in the place of those that were left.
    RecoveryCodesRenewed = "recovery_codes_renewed";
    /// Somebody was invited.
    InvitationMade = "invitation_made";
    /// An invitation was taken back.
    InvitationRevoked = "invitation_revoked";
    /// Somebody signed up by an invitation.
    InvitationTaken = "invitation_taken";
    /// A sign-up was refused: by the installation's policy, or for its invitation.
    SignUpRefused = "sign_up_refused";
    /// A sign-in with an outside issuer was refused.
    OidcRefused = "oidc_refused";
    /// Somebody linked who they are at an outside issuer with their account.
    OutsideIdentityLinked = "outside_identity_linked";
    /// Somebody took such a link away.
    OutsideIdentityUnlinked = "outside_identity_unlinked";
    /// An account was closed.
    AccountClosed = "account_closed";
    /// A closed account was opened again.
    AccountReopened = "account_reopened";
    /// Somebody took out what is kept of a person.
    DataExported = "data_exported";
    /// What is kept of a person was erased.
    PersonErased = "person_erased";
    /// A webhook was set up.
    WebhookMade = "webhook_made";
    /// A webhook was changed.
    WebhookChanged = "webhook_changed";
    /// A webhook was removed.
    WebhookRemoved = "webhook_removed";
    /// A webhook was given a new secret.
    WebhookSecretRotated = "webhook_secret_rotated";
    /// Somebody had something sent to a webhook: a test, or an event again.
    WebhookSent = "webhook_sent";
    /// Somebody read the audit.
    AuditRead = "audit_read";
    /// Somebody took the audit out as a file.
    AuditExported = "audit_exported";
}

/// Whether it was let be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Allowed,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Allowed, Self::Refused].into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl AccessKind {
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}
