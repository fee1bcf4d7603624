//! What somebody calls with.

use super::token_scope::TokenScopes;
use crate::api_tokens::ApiTokenId;
use crate::sessions::SessionId;

/// What a request came with that says who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of a session: its owner has signed in, and may do all that their role allows.
    Session(SessionId),
    /// An API token, which is good for what its scopes name.
    ApiToken {
        /// Which.
        id: ApiTokenId,
        /// What for.
        scopes: TokenScopes,
    },
}

impl Credential {
    /// The session, if it is one.
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Session(id) => Some(*id),
            Self::ApiToken { .. } => None,
        }
    }
}
