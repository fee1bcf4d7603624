//! Who takes digests while commands come in: a process for each, as AWS's schedule starts them, which can fail at any call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use muster_handlers::digests::{Digester, Outcome};
use muster_handlers::wiring::{digest_table, sealed_reader};
use muster_identity::{KeyError, PublicKey, SigningError, TokenSigner};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::lambda::invoke;
use crate::port::Port;
use crate::world::{PREFIX, SkewedClock, World};

/// How long one may take, as Lambda has it.
const LIMIT: Duration = Duration::from_mins(15);

/// Signs the same text the same way each time, so that a seed stays the same run. Nothing here verifies signatures.
struct Signer(PublicKey);

impl Signer {
    fn new() -> Result<Self, KeyError> {
        Ok(Self(PublicKey::from_point(&POINT)?))
    }
}

#[async_trait]
impl TokenSigner for Signer {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let half = Sha256::digest(message);
        Ok([half, half].concat())
    }
}

/// The base point of P-256.
const POINT: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
    0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
    0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// Takes one. Whether it was taken, as far as is known.
pub async fn digest(world: &Arc<World>) -> bool {
    let instance = world.start_instance("digester", false);
    let client = Port::new(world, &instance).dynamodb();
    let Ok(signer) = Signer::new() else {
        world.inner().panics.push("the simulated signer has no key".to_owned());
        return false;
    };
    let segments = world.inner().rng.u32(1..=3);
    let digester = Digester {
        reader: sealed_reader(&client, PREFIX),
        table: digest_table(&client, PREFIX),
        signer: Arc::new(signer),
        clock: Arc::new(SkewedClock { world: Arc::clone(world), instance: Arc::clone(&instance) }),
        archive: None,
        segments,
    };
    let done = invoke(world, &instance, LIMIT, async move { digester.take().await }).await;
    let taken = match &done {
        Some(Ok(Outcome::Taken(taken))) => {
            for contradiction in &taken.contradictions {
                // Nobody tampers with a history here.
                let said = format!("{}: {}", contradiction.stream, contradiction.reason);
                world.inner().panics.push(format!("promise 10: a digest contradicts a history: {said}"));
            }
            true
        }
        Some(Ok(Outcome::Overtaken | Outcome::Unchanged) | Err(_)) | None => false,
    };
    world.step(("digest", taken), || format!("a digest: {done:?}"));
    taken
}

/// Takes some, each a while after the one before; now and then two at once.
pub async fn now_and_then(world: Arc<World>) {
    let times = world.inner().rng.u32(2..6);
    for _ in 0..times {
        sleep(world.millis(3_000)).await;
        if world.inner().rng.u8(..4) == 0 {
            tokio::join!(digest(&world), digest(&world));
        } else {
            digest(&world).await;
        }
    }
}
