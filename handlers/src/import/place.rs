//! Where the tasks of a file go: whether that is there, and who of the people in the file is. Whoever imports, over HTTP or as the
//! operator, asks it here, before anything is shown or made.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::TeamId;
use muster_identity::policy::Person;

use super::{Account, FileProblem, Options, People, TaskFile};

/// How many addresses are looked up at a time.
const CONCURRENCY: usize = 8;

/// Somebody who has an active account.
#[derive(Debug)]
pub struct Known {
    /// Who they are.
    pub person: Person,
    /// Whether tasks can be given to them.
    pub does_tasks: bool,
}

/// The people and teams that an import can go to.
#[async_trait]
pub trait Place: Sync {
    /// Why it does not answer.
    type Error: Send;

    /// The active account with this address.
    async fn account(&self, address: &str) -> Result<Option<Known>, Self::Error>;

    /// Whether there is this team.
    async fn has_team(&self, team: TeamId) -> Result<bool, Self::Error>;
}

/// Why nothing can be brought in.
#[derive(Debug)]
pub enum Unfit<E> {
    /// There is no such team.
    NoSuchTeam,
    /// The file cannot be read.
    File(FileProblem),
    /// The place does not answer, or the reading broke.
    Failed(E),
}

/// A file that was read, and who of the people in it has an account.
#[derive(Debug)]
pub struct Addressed {
    /// The file.
    pub file: TaskFile,
    /// Who has an active account, by e-mail address in small letters.
    pub accounts: BTreeMap<String, Known>,
}

impl Addressed {
    /// Those who have an account, for a plan.
    pub fn people(&self) -> People {
        let account = |known: &Known| Account { id: known.person.id, does_tasks: known.does_tasks };
        self.accounts.iter().map(|(address, known)| (address.clone(), account(known))).collect()
    }
}

/// Reads a file with at most `max` tasks, which are to go to this place. `broken` says that the reading itself did not end.
pub async fn address<P: Place>(
    place: &P,
    bytes: Vec<u8>,
    options: Options,
    max: usize,
    broken: impl FnOnce(tokio::task::JoinError) -> P::Error,
) -> Result<Addressed, Unfit<P::Error>> {
    if let Some(team) = options.team
        && !place.has_team(team).await.map_err(Unfit::Failed)?
    {
        return Err(Unfit::NoSuchTeam);
    }
    let file = tokio::task::spawn_blocking(move || TaskFile::read(&bytes, options, max)).await;
    let file = file.map_err(|error| Unfit::Failed(broken(error)))?.map_err(Unfit::File)?;
    let found = file.addresses().into_iter().map(|address| async move {
        let known = place.account(&address).await?;
        Ok::<_, P::Error>(known.map(|known| (address, known)))
    });
    let found: Vec<_> = stream::iter(found).buffered(CONCURRENCY).try_collect().await.map_err(Unfit::Failed)?;
    Ok(Addressed { file, accounts: found.into_iter().flatten().collect() })
}
