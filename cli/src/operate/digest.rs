//! `muster digest`: the signed digests over the heads of all histories, and the public key that they are verified with.

use muster_domain::proof::{DigestKey, SignedDigest};
use muster_handlers::digests::{Contradiction, DigestTable, Outcome, Taken};

use super::json;
use crate::args::{DigestListArgs, DigestPublicKeyArgs, DigestTakeArgs};
use crate::digests::digester_of_whole;
use crate::report::{Failure, failed, line};
use crate::store::{LocalStore, Store};

/// How many digests are read at a time.
const PAGE: usize = 500;

/// Takes one now.
pub async fn take(args: DigestTakeArgs) -> Result<(), Failure> {
    let system = LocalStore::open(&args.data.data).await?.system().await?;
    let taken = digester_of_whole(&system, &args.data.data).await?.take().await.map_err(failed("taking a digest"))?;
    match taken {
        Outcome::Taken(Taken { digest, contradictions }) => {
            json(&digest)?;
            for Contradiction { stream, reason } in &contradictions {
                line(format_args!("CONTRADICTED  {stream}  {reason}"))?;
            }
            match contradictions.len() {
                0 => Ok(()),
                count => Err(Failure::Found(format!("{count} histories are not as an earlier digest has them"))),
            }
        }
        Outcome::Overtaken | Outcome::Unchanged => {
            Err(Failure::Refused("others take digests all the time: try again".to_owned()))
        }
    }
}

/// Shows each, the first one first, as one line of JSON: what `muster verify --kept` takes.
pub async fn list(args: DigestListArgs) -> Result<(), Failure> {
    let system = Store::named(&args.store).await?.system().await?;
    all(&system.digests).await?.iter().try_for_each(json)
}

/// Shows the public key in PEM, or each, where it was changed.
pub async fn public_key(args: DigestPublicKeyArgs) -> Result<(), Failure> {
    let system = Store::named(&args.store).await?.system().await?;
    let keys = system.digests.keys().await.map_err(failed("reading the keys of digests"))?;
    if keys.is_empty() {
        return Err(Failure::Refused("no digest was taken yet, and so no key has signed one".to_owned()));
    }
    let pem: String = keys.iter().map(DigestKey::to_pem).collect();
    line(pem.trim_end())
}

/// Every digest, the first one first.
pub(crate) async fn all(table: &DigestTable) -> Result<Vec<SignedDigest>, Failure> {
    let mut digests: Vec<SignedDigest> = Vec::new();
    loop {
        let beyond = digests.last().map(|digest| digest.sequence);
        let page = table.page(beyond, PAGE, false).await.map_err(failed("reading the digests"))?;
        if page.is_empty() {
            return Ok(digests);
        }
        digests.extend(page);
    }
}
