//! Argon2id, at a cost that is the same for everybody and bounded for the machine.

use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::password::{Password, PasswordAttempt};

/// A hash as it is stored: a PHC string with its algorithm, parameters and salt.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub(crate) String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParameters {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashParameters {
    /// OWASP's first choice for argon2id.
    fn default() -> Self {
        Self { memory: 19_456, passes: 2, lanes: 1 }
    }
}

/// What came of comparing an attempt with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right {
        /// The stored hash is weaker than what is made now, or of the password as it was typed: hash the attempt again and store that.
        rehash: bool,
    },
    /// It is not, or there is no such account.
    Wrong,
}

/// Hashing that failed for a reason other than the password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The parameters are out of argon2's range.
    #[error("these are no parameters for argon2: {0}")]
    Parameters(argon2::Error),
    /// A stored hash does not parse, or is of an algorithm that is not known here.
    #[error("a stored password hash is damaged: {0}")]
    Damaged(password_hash::Error),
    /// No memory or no random numbers.
    #[error("a password could not be hashed: {0}")]
    Failed(password_hash::Error),
    /// The program is shutting down.
    #[error("password hashing has stopped")]
    Stopped,
}

/// Hashes and verifies passwords, as many at once as there are cores: a burst of log-ins waits its turn instead of
/// taking all memory.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    /// A well-formed hash with random output, so of no known password: what an unknown account is compared with.
    dummy: Arc<Phc>,
    turns: Arc<Semaphore>,
}

impl PasswordHasher {
    /// A hasher with as many turns as the machine has cores.
    pub fn new(parameters: HashParameters) -> Result<Self, HashError> {
        let params =
            Params::new(parameters.memory, parameters.passes, parameters.lanes, None).map_err(HashError::Parameters)?;
        let dummy = dummy(&params).map_err(HashError::Failed)?;
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            dummy: Arc::new(dummy),
            turns: Arc::new(Semaphore::new(cores)),
        })
    }

    /// Hashes a new password with a random salt.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        self.hash_bytes(Zeroizing::new(password.as_bytes().to_vec())).await
    }

    /// Hashes an attempt that was right, with the present parameters.
    pub(crate) async fn rehash(&self, attempt: &PasswordAttempt) -> Result<PasswordHash, HashError> {
        self.hash_bytes(Zeroizing::new(attempt.as_bytes().unwrap_or_default().to_vec())).await
    }

    /// Compares an attempt with an account's hash. `None` means that there is no such account, and costs the same.
    pub async fn verify(&self, attempt: &PasswordAttempt, stored: Option<&PasswordHash>) -> Result<Verdict, HashError> {
        let known = stored.map(parse).transpose()?;
        // In the form in which passwords are hashed, and then as it was typed, as they were hashed before.
        let forms = [(false, attempt.as_bytes()), (true, attempt.as_typed())].into_iter();
        let forms = forms.filter_map(|(as_typed, bytes)| Some((as_typed, Zeroizing::new(bytes?.to_vec()))));
        let mut forms: Vec<(bool, Zeroizing<Vec<u8>>)> = forms.collect();
        let known = known.filter(|_| !forms.is_empty());
        let possible = known.is_some();
        if forms.is_empty() {
            forms.push((false, Zeroizing::default()));
        }
        let candidate = known.map_or_else(|| Arc::clone(&self.dummy), Arc::new);
        let is_weak = self.is_weak(&candidate)?;
        let argon2 = self.argon2.clone();
        let outcome = self.in_turn(move || {
            for (as_typed, bytes) in &forms {
                match argon2.verify_password(bytes, &*candidate) {
                    Err(password_hash::Error::PasswordInvalid) => {}
                    outcome => return outcome.map(|()| Some(*as_typed)),
                }
            }
            Ok(None)
        });
        match outcome.await? {
            Ok(Some(as_typed)) if possible => {
                Ok(Verdict::Right { rehash: attempt.as_bytes().is_some() && (is_weak || as_typed) })
            }
            Ok(_) => Ok(Verdict::Wrong),
            Err(error) => Err(HashError::Failed(error)),
        }
    }

    /// Whether a stored hash is weaker than what is made now.
    pub fn needs_rehash(&self, stored: &PasswordHash) -> Result<bool, HashError> {
        self.is_weak(&parse(stored)?)
    }

    fn is_weak(&self, hash: &Phc) -> Result<bool, HashError> {
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(HashError::Damaged)?;
        let has = Params::try_from(hash).map_err(HashError::Damaged)?;
        let wants = self.argon2.params();
        Ok(algorithm != Algorithm::Argon2id
            || hash.version != Some(Version::V0x13.into())
            || has.m_cost() < wants.m_cost()
            || has.t_cost() < wants.t_cost()
            || has.p_cost() < wants.p_cost())
    }

    async fn hash_bytes(&self, bytes: Zeroizing<Vec<u8>>) -> Result<PasswordHash, HashError> {
        let argon2 = self.argon2.clone();
        let hash = self.in_turn(move || argon2.hash_password(&bytes)).await?.map_err(HashError::Failed)?;
        Ok(PasswordHash(hash.to_string()))
    }

    /// The turn goes along to the blocking thread: a caller who hangs up does not free it before the work is done.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| HashError::Stopped)?;
        let job = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        job.await.map_err(|_| HashError::Stopped)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").field("params", self.argon2.params()).finish_non_exhaustive()
    }
}

fn parse(stored: &PasswordHash) -> Result<Phc, HashError> {
    let hash = Phc::new(&stored.0).map_err(|error| HashError::Damaged(error.into()))?;
    // A PHC string may leave both out. Nothing could be compared with it, and that is no wrong password.
    let complete = hash.salt.is_some() && hash.hash.is_some();
    if complete { Ok(hash) } else { Err(HashError::Damaged(password_hash::Error::EncodingInvalid)) }
}

fn dummy(params: &Params) -> password_hash::Result<Phc> {
    let mut random = [0; 48];
    rand::fill(&mut random).map_err(|_| password_hash::Error::RngFailure)?;
    let (salt, output) = random.split_at(16);
    Ok(Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(output)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashParameters = HashParameters { memory: 64, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).expect("a password")
    }

    fn attempt(text: &str) -> PasswordAttempt {
        PasswordAttempt::new(text.to_owned())
    }

    async fn verdict(hasher: &PasswordHasher, text: &str, stored: &PasswordHash) -> Verdict {
        hasher.verify(&attempt(text), Some(stored)).await.expect("a verdict")
    }

    #[tokio::test]
    async fn the_default_is_argon2id_with_19_mib_two_passes_and_one_lane() {
        let hasher = PasswordHasher::new(HashParameters::default()).expect("a hasher");
        let hash = hasher.hash(&password("a long enough one")).await.expect("a hash");
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert_eq!(
            hasher.verify(&attempt("a long enough one"), Some(&hash)).await.expect("a verdict"),
            Verdict::Right { rehash: false }
        );
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ_and_both_verify_only_it() {
        let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
        let first = hasher.hash(&password("the same words")).await.expect("a hash");
        let second = hasher.hash(&password("the same words")).await.expect("a hash");
        assert_ne!(first, second);
        for hash in [&first, &second] {
            let right = hasher.verify(&attempt("the same words"), Some(hash)).await.expect("a verdict");
            assert_eq!(right, Verdict::Right { rehash: false });
            for wrong in ["the same word", "The same words", "the same words ", ""] {
                let verdict = hasher.verify(&attempt(wrong), Some(hash)).await.expect("a verdict");
                assert_eq!(verdict, Verdict::Wrong, "{wrong:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_password_is_right_however_its_letters_are_typed() {
        let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
        let (composed, decomposed) = ("d\u{e9}j\u{e0} vu at the caf\u{e9}", "de\u{301}ja\u{300} vu at the cafe\u{301}");
        let hash = hasher.hash(&password(composed)).await.expect("a hash");
        assert_eq!(verdict(&hasher, decomposed, &hash).await, Verdict::Right { rehash: false });
        assert_eq!(verdict(&hasher, composed, &hash).await, Verdict::Right { rehash: false });
        assert_eq!(verdict(&hasher, "deja vu at the cafe", &hash).await, Verdict::Wrong);
        assert_eq!(hasher.verify(&attempt(decomposed), None).await.expect("a verdict"), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_a_password_as_it_was_typed_is_good_and_asks_for_a_rehash() {
        let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
        let (composed, decomposed) = ("the caf\u{e9} by the sea", "the cafe\u{301} by the sea");
        let old = hasher.hash_bytes(Zeroizing::new(decomposed.as_bytes().to_vec())).await.expect("a hash");
        assert_eq!(verdict(&hasher, decomposed, &old).await, Verdict::Right { rehash: true });
        assert_eq!(verdict(&hasher, composed, &old).await, Verdict::Wrong, "of what it was typed as nothing is kept");
        let renewed = hasher.rehash(&attempt(decomposed)).await.expect("a hash");
        assert_eq!(verdict(&hasher, composed, &renewed).await, Verdict::Right { rehash: false });
        // In the form in which it would be hashed now, it is longer than any password.
        let long = "\u{fdfa}".repeat(100);
        let old = hasher.hash_bytes(Zeroizing::new(long.as_bytes().to_vec())).await.expect("a hash");
        assert_eq!(verdict(&hasher, &long, &old).await, Verdict::Right { rehash: false }, "and stays as it is");
    }

    #[tokio::test]
    async fn an_unknown_account_is_compared_with_a_hash_of_the_same_cost() {
        let hasher = PasswordHasher::new(HashParameters::default()).expect("a hasher");
        let dummy = hasher.dummy.to_string();
        assert!(dummy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{dummy}");
        let real = hasher.hash(&password("somebody's words")).await.expect("a hash").0;
        assert_eq!(dummy.len(), real.len(), "salt and output are as long as a real one's");
        assert_eq!(hasher.verify(&attempt("somebody's words"), None).await.expect("a verdict"), Verdict::Wrong);
    }

    #[tokio::test]
    async fn an_attempt_too_long_to_be_a_password_is_wrong() {
        let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
        let hash = hasher.hash(&password("somebody's words")).await.expect("a hash");
        let huge = PasswordAttempt::new("x".repeat(1_000_000));
        assert_eq!(hasher.verify(&huge, Some(&hash)).await.expect("a verdict"), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_lower_cost_asks_for_a_rehash_and_one_of_higher_cost_does_not() {
        let words = "words that stay";
        let old = PasswordHasher::new(CHEAP).expect("a hasher").hash(&password(words)).await.expect("a hash");
        let raised = [
            HashParameters { memory: 128, ..CHEAP },
            HashParameters { passes: 2, ..CHEAP },
            HashParameters { lanes: 2, ..CHEAP },
        ];
        for parameters in raised {
            let hasher = PasswordHasher::new(parameters).expect("a hasher");
            assert_eq!(
                hasher.verify(&attempt(words), Some(&old)).await.expect("a verdict"),
                Verdict::Right { rehash: true },
                "{parameters:?}"
            );
            let renewed = hasher.rehash(&attempt(words)).await.expect("a hash");
            assert!(!hasher.needs_rehash(&renewed).expect("a readable hash"));
            let before = PasswordHasher::new(CHEAP).expect("a hasher");
            assert!(!before.needs_rehash(&renewed).expect("a readable hash"), "stronger than asked for is enough");
        }
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
        for damaged in ["", "plain text", "$argon2id$v=19$m=64", "$md5$c2FsdHNhbHQ$aGFzaGhhc2g"] {
            let outcome = hasher.verify(&attempt("anything at all"), Some(&PasswordHash(damaged.to_owned()))).await;
            assert!(matches!(outcome, Err(HashError::Damaged(_))), "{damaged:?}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_keeps_the_turn_until_the_work_is_done() {
        let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
        let all = hasher.turns.available_permits();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (release, may_end) = std::sync::mpsc::channel::<()>();
        let caller = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                hasher
                    .in_turn(move || {
                        begun.send(()).expect("a listener");
                        may_end.recv().expect("a sender");
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv()).await.expect("a thread").expect("a start");
        caller.abort();
        assert!(caller.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(hasher.turns.available_permits(), all - 1);
        release.send(()).expect("a listener");
        let every = u32::try_from(all).expect("few cores");
        assert!(hasher.turns.acquire_many(every).await.is_ok(), "the turn came back");
    }
}
