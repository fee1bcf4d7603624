//! What an API token may be used for: words that its owner chooses from when it is made.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

// The word is a `tt`: as a `literal`, the OpenAPI document would not see it.
macro_rules! scopes {
    ($($(#[$doc:meta])* $variant:ident = $word:tt;)+) => {
        /// Something that an API token may be used for, if its owner may do it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum TokenScope {
            $($(#[$doc])* #[serde(rename = $word)] $variant),+
        }

        impl TokenScope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

scopes! {
    /// See tasks, their logs and their histories.
    TasksRead = "tasks:read";
    /// Report tasks, change them, and see them.
    TasksWrite = "tasks:write";
    /// See people, and how to reach those whom the owner may reach.
    UsersRead = "users:read";
    /// Change people's names and what goes with them, close accounts, and see people. Neither addresses nor roles nor new or
    /// reopened accounts: with those, a token could make itself a sign-in.
    UsersWrite = "users:write";
    /// See teams and who is in them.
    TeamsRead = "teams:read";
    /// Make and change teams, let people join and leave, and see teams.
    TeamsWrite = "teams:write";
    /// See who did what and who tried what: the audit log and the access log.
    AuditRead = "audit:read";
    /// Follow what happens: the events of all that the owner may see.
    FeedRead = "feed:read";
}

impl TokenScope {
    /// The scope that has this one in it: each change answers with what it has made.
    const fn wider(self) -> Option<Self> {
        match self {
            Self::TasksRead => Some(Self::TasksWrite),
            Self::UsersRead => Some(Self::UsersWrite),
            Self::TeamsRead => Some(Self::TeamsWrite),
            Self::TasksWrite | Self::UsersWrite | Self::TeamsWrite | Self::AuditRead | Self::FeedRead => None,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenScopes(u16);

impl TokenScopes {
    /// Whether a token with these may be used for that.
    pub fn allow(self, scope: TokenScope) -> bool {
        self.names(scope) || scope.wider().is_some_and(|wider| self.names(wider))
    }

    /// Those that are named, in their order.
    pub fn iter(self) -> impl Iterator<Item = TokenScope> {
        TokenScope::ALL.iter().copied().filter(move |scope| self.names(*scope))
    }

    const fn names(self, scope: TokenScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Of these words those that are scopes. What another version of the program may have written is none, so that the
    /// token is good for less and never for more.
    pub(crate) fn known_of(words: &str) -> Self {
        let known = |word| TokenScope::ALL.iter().copied().find(|scope| scope.as_str() == word);
        words.split(' ').filter_map(known).collect()
    }
}

impl FromIterator<TokenScope> for TokenScopes {
    fn from_iter<I: IntoIterator<Item = TokenScope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::default(), |Self(bits), scope| Self(bits | scope.bit()))
    }
}

/// Words with spaces between them.
impl fmt::Display for TokenScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(TokenScope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_survive_their_words_and_unknown_words_are_none() {
        let some: TokenScopes = [TokenScope::AuditRead, TokenScope::TasksRead].into_iter().collect();
        assert_eq!(some.to_string(), "tasks:read audit:read");
        assert_eq!(TokenScopes::known_of("audit:read moon:write tasks:read"), some);
        assert_eq!(TokenScopes::known_of(""), TokenScopes::default());
        let all: TokenScopes = TokenScope::ALL.iter().copied().collect();
        assert_eq!(TokenScopes::known_of(&all.to_string()), all);
        assert_eq!(all.iter().count(), TokenScope::ALL.len());
    }

    #[test]
    fn who_may_write_may_read_the_same_and_nothing_else() {
        for named in TokenScope::ALL {
            let scopes: TokenScopes = [*named].into_iter().collect();
            let allowed: Vec<_> = TokenScope::ALL.iter().filter(|scope| scopes.allow(**scope)).collect();
            let kind = named.as_str().split(':').next();
            for scope in &allowed {
                assert_eq!(scope.as_str().split(':').next(), kind, "{named} allows {scope}");
            }
            let expected = if named.as_str().ends_with(":write") { 2 } else { 1 };
            assert_eq!(allowed.len(), expected, "{named}");
        }
    }
}
