//! The tokens whose signature was found good, so that it is checked once and not with each request.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use lru::LruCache;

/// How many are remembered: about half a megabyte.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// What is remembered of a token instead of itself: whoever reads this memory finds nothing to call with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// What good tokens said, by their hashes. The least recently used go when there are too many. Clones share them.
#[derive(Clone)]
pub(crate) struct VerifiedTokens<T>(Arc<Mutex<LruCache<TokenHash, T>>>);

impl<T: Clone> VerifiedTokens<T> {
    pub(crate) fn get(&self, token: TokenHash) -> Option<T> {
        self.tokens().get(&token).cloned()
    }

    pub(crate) fn remember(&self, token: TokenHash, said: T) {
        self.tokens().put(token, said);
    }

    pub(crate) fn forget(&self, token: TokenHash) {
        self.tokens().pop(&token);
    }

    fn tokens(&self) -> MutexGuard<'_, LruCache<TokenHash, T>> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for VerifiedTokens<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(MOST))))
    }
}

impl<T> fmt::Debug for VerifiedTokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_so_many_are_remembered_and_those_used_lately_stay() {
        let tokens = VerifiedTokens::default();
        let first = TokenHash::of("0");
        for n in 0..=MOST.get() {
            tokens.remember(TokenHash::of(&n.to_string()), n);
            assert_eq!(tokens.get(first), Some(0));
        }
        assert_eq!(tokens.get(TokenHash::of("1")), None);
        assert_eq!(tokens.tokens().len(), MOST.get());
    }

    #[test]
    fn a_token_that_is_forgotten_is_not_there() {
        let tokens = VerifiedTokens::default();
        let token = TokenHash::of("token");
        tokens.remember(token, 7);
        tokens.forget(token);
        assert_eq!(tokens.get(token), None);
    }
}
