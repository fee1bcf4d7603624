//! Which key signs access tokens at a moment, and tokens of which keys are accepted: a new key is published before it signs,
//! and the one before is accepted until its last token has expired (`docs/adr/0022-rotating-keys.md`).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::keys::{PublicKey, TokenSigner};

/// A key of a ring.
#[derive(Clone)]
pub enum RingKey {
    /// Signs from this time on, until another begins to; published and accepted before that, too.
    Signs {
        /// The key.
        signer: Arc<dyn TokenSigner>,
        /// Since when it signs, or will.
        from: DateTime<Utc>,
    },
    /// Published and accepted for as long as it is here: somebody else signs with it.
    Accepted(Box<PublicKey>),
}

impl RingKey {
    /// A key that somebody else signs with.
    pub fn accepted(key: PublicKey) -> Self {
        Self::Accepted(Box::new(key))
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Signs { signer, .. } => signer.public_key(),
            Self::Accepted(key) => key,
        }
    }

    /// Since when it signs, or will; nothing if it does not.
    pub(crate) const fn begins(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Signs { from, .. } => Some(*from),
            Self::Accepted(_) => None,
        }
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey").field("kid", &self.public_key().kid()).field("from", &self.begins()).finish()
    }
}

/// What a key is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, so that others know it when it begins to sign.
    Next,
    /// It signs.
    Signing,
    /// It signs no longer; tokens of it are still good.
    Accepted,
    /// Its last token has expired.
    Over,
}

/// Keys that may be exchanged while tokens are made and checked. Clones share them.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Arc<Keys>>>);

impl KeyRing {
    /// These keys. One that is there twice counts once, and rather as one that signs.
    pub fn new(keys: Vec<RingKey>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Keys::new(keys)))))
    }

    /// Puts these in the place of those that there are, for all who share the ring.
    pub fn replace(&self, keys: Vec<RingKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keys::new(keys));
    }

    /// A ring of its own with one more key that is accepted.
    #[must_use]
    pub fn also_accepting(&self, key: PublicKey) -> Self {
        Self::new(self.keys().0.iter().cloned().chain([RingKey::accepted(key)]).collect())
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: TokenSigner + 'static> From<Arc<S>> for KeyRing {
    /// One key, which has always signed.
    fn from(signer: Arc<S>) -> Self {
        Self::from(signer as Arc<dyn TokenSigner>)
    }
}

impl From<Arc<dyn TokenSigner>> for KeyRing {
    fn from(signer: Arc<dyn TokenSigner>) -> Self {
        Self::new(vec![RingKey::Signs { signer, from: DateTime::UNIX_EPOCH }])
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.keys().0).finish()
    }
}

/// Keys at a moment, those that sign in the order in which they do; those that are only accepted come first.
pub(crate) struct Keys(Vec<RingKey>);

impl Keys {
    pub(crate) fn new(mut keys: Vec<RingKey>) -> Self {
        keys.sort_by(|a, b| (a.public_key().kid(), b.begins()).cmp(&(b.public_key().kid(), a.begins())));
        keys.dedup_by(|later, kept| later.public_key().kid() == kept.public_key().kid());
        keys.sort_by_key(RingKey::begins);
        Self(keys)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RingKey> {
        self.0.iter()
    }

    /// The key that signs now: the last to begin. Before the first begins, as where a clock was set back, it is that one.
    pub(crate) fn signer(&self, now: DateTime<Utc>) -> Option<&Arc<dyn TokenSigner>> {
        let mut signers = self.0.iter().filter_map(|key| match key {
            RingKey::Signs { signer, from } => Some((signer, *from)),
            RingKey::Accepted(_) => None,
        });
        let begun = signers.clone().rfind(|(_, from)| *from <= now);
        begun.or_else(|| signers.next()).map(|(signer, _)| signer)
    }

    /// The key of this name, if tokens of it are accepted now. `overlap` is how long after the next one began.
    pub(crate) fn accepted(&self, kid: &str, now: DateTime<Utc>, overlap: TimeDelta) -> Option<&PublicKey> {
        self.published(now, overlap).find(|key| key.kid() == kid)
    }

    /// Those that are accepted now.
    pub(crate) fn published(&self, now: DateTime<Utc>, overlap: TimeDelta) -> impl Iterator<Item = &PublicKey> {
        let accepted = move |(at, _): &(usize, &RingKey)| self.accepted_until(*at, overlap).is_none_or(|end| now < end);
        self.0.iter().enumerate().filter(accepted).map(|(_, key)| key.public_key())
    }

    /// Until when tokens of the key at this place are good; for ever, as far as is known, if no other has taken its place.
    pub(crate) fn accepted_until(&self, at: usize, overlap: TimeDelta) -> Option<DateTime<Utc>> {
        self.0[at].begins()?;
        Some(self.0.get(at + 1)?.begins()? + overlap)
    }

    /// What the key at this place is now.
    pub(crate) fn state(&self, at: usize, now: DateTime<Utc>, overlap: TimeDelta) -> KeyState {
        let key = self.0[at].public_key();
        let signs = self.signer(now).is_some_and(|signer| signer.public_key() == key);
        match (signs, self.0[at].begins(), self.accepted_until(at, overlap)) {
            (true, ..) => KeyState::Signing,
            (false, Some(from), _) if now < from => KeyState::Next,
            (false, _, Some(end)) if now >= end => KeyState::Over,
            (false, ..) => KeyState::Accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;

    const OVERLAP: TimeDelta = TimeDelta::minutes(15);

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn signs(from: i64) -> RingKey {
        RingKey::Signs { signer: Arc::new(SigningKey::generate().expect("a key")), from: at(from) }
    }

    fn kid(key: &RingKey) -> &str {
        key.public_key().kid()
    }

    #[test]
    fn each_key_is_published_before_it_signs_and_accepted_until_its_last_token_has_expired() {
        let (old, new) = (signs(0), signs(120));
        let keys = Keys::new(vec![new.clone(), old.clone()]);
        let signing = |minute| keys.signer(at(minute)).map(|signer| signer.public_key().kid().to_owned());
        let accepted = |key: &RingKey, minute| keys.accepted(kid(key), at(minute), OVERLAP).is_some();
        for minute in [-1, 0, 119] {
            assert_eq!(signing(minute).as_deref(), Some(kid(&old)), "{minute}");
        }
        for minute in [120, 10_000] {
            assert_eq!(signing(minute).as_deref(), Some(kid(&new)), "{minute}");
        }
        assert!(accepted(&new, 0) && accepted(&new, 10_000));
        assert!(accepted(&old, 0) && accepted(&old, 134) && !accepted(&old, 135));
        let states = |minute| [0, 1].map(|key| keys.state(key, at(minute), OVERLAP));
        assert_eq!(states(0), [KeyState::Signing, KeyState::Next]);
        assert_eq!(states(120), [KeyState::Accepted, KeyState::Signing]);
        assert_eq!(states(135), [KeyState::Over, KeyState::Signing]);
    }

    #[test]
    fn a_key_that_is_only_accepted_signs_nothing_and_has_no_end() {
        let accepted = RingKey::accepted(signs(0).public_key().clone());
        let alone = Keys::new(vec![accepted.clone()]);
        assert!(alone.signer(at(0)).is_none());
        let beside = Keys::new(vec![signs(0), accepted.clone(), signs(10)]);
        assert!(beside.accepted(kid(&accepted), at(10_000), OVERLAP).is_some());
        assert_eq!(beside.state(0, at(10_000), OVERLAP), KeyState::Accepted);
        assert_eq!(beside.published(at(10), OVERLAP).count(), 3);
        assert_eq!(beside.published(at(25), OVERLAP).count(), 2);
    }

    #[test]
    fn a_key_that_is_there_twice_counts_once_and_signs() {
        let key = signs(0);
        let again = RingKey::accepted(key.public_key().clone());
        for keys in [vec![key.clone(), again.clone()], vec![again, key.clone()]] {
            let keys = Keys::new(keys);
            assert_eq!(keys.iter().count(), 1);
            assert!(keys.signer(at(0)).is_some());
        }
    }

    #[test]
    fn all_who_share_a_ring_have_its_new_keys_and_a_ring_made_from_it_does_not() {
        let (one, other) = (signs(0), signs(0));
        let ring = KeyRing::new(vec![one.clone()]);
        let (shared, apart) = (ring.clone(), ring.also_accepting(other.public_key().clone()));
        ring.replace(vec![other.clone()]);
        let has = |ring: &KeyRing, key: &RingKey| ring.keys().accepted(kid(key), at(0), OVERLAP).is_some();
        assert!(has(&shared, &other) && !has(&shared, &one));
        assert!(has(&apart, &other) && has(&apart, &one));
    }
}
