//! Where the tables are: in a data directory that is opened here, in one that a server has open, or on AWS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use muster_embedded::{Engine, EngineError, socket_client};
use muster_handlers::wiring;
use muster_identity::{MissingSecrets, Secrets};
use muster_vault::{KmsMaster, LocalMaster, Master, WrappedKeys};
use tokio::time::{Instant, sleep};

use crate::args::StoreArgs;
use crate::report::{Failure, failed};
use crate::system::{PREFIX, System};

/// How long to wait for a server that has the directory and does not answer yet, or not any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A stage on AWS, such as `dev` or `prod`: it is in the name of everything that its stacks have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage(String);

impl Stage {
    /// What stands before the name of everything of this stage.
    pub fn prefix(&self) -> String {
        format!("muster-{self}-")
    }

    /// The alias of the key in KMS that wraps the keys of personal data.
    fn personal_key(&self) -> String {
        format!("alias/{}personal", self.prefix())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Not a name that a stage can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stage has 1 to 20 small letters and digits, such as `dev` or `prod`")]
pub struct NotAStage;

impl FromStr for Stage {
    type Err = NotAStage;

    fn from_str(text: &str) -> Result<Self, NotAStage> {
        let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (1..=20).contains(&text.len()) && text.bytes().all(fit) { Ok(Self(text.to_owned())) } else { Err(NotAStage) }
    }
}

/// Where the tables are.
#[derive(Clone, Debug)]
pub enum Store {
    /// In a data directory.
    Local(LocalStore),
    /// On AWS.
    Aws {
        /// In this stage.
        stage: Stage,
        /// With this region and these credentials.
        config: Box<SdkConfig>,
    },
}

impl Store {
    /// The store that an operator's command names, which must be there already.
    pub async fn named(args: &StoreArgs) -> Result<Self, Failure> {
        let Some(stage) = args.stage.clone() else {
            return Ok(Self::Local(LocalStore::open(&args.data.data).await?));
        };
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &args.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &args.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        if config.region().is_none() {
            let missing = "no AWS region is set: give --region, or set AWS_REGION or the profile's region";
            return Err(Failure::Refused(missing.to_owned()));
        }
        Ok(Self::Aws { stage, config: Box::new(config) })
    }

    /// The same, but a data directory is made when it is not there.
    pub async fn named_or_made(args: &StoreArgs) -> Result<Self, Failure> {
        match args.stage {
            None => Ok(Self::Local(LocalStore::open_or_make(&args.data.data).await?)),
            Some(_) => Self::named(args).await,
        }
    }

    /// The parts over it.
    pub async fn system(&self) -> Result<System, Failure> {
        match self {
            Self::Local(store) => store.system().await,
            Self::Aws { stage, config } => {
                let master = KmsMaster::new(aws_sdk_kms::Client::new(config), stage.personal_key());
                System::of_stage(Client::new(config), stage, Arc::new(master)).await
            }
        }
    }
}

/// A data directory: opened here, or reached through the server that has it open.
#[derive(Clone, Debug)]
pub struct LocalStore {
    client: Client,
    engine: Option<Engine>,
    master: Arc<dyn Master>,
}

impl LocalStore {
    /// The store in this directory, which must be there already.
    pub async fn open(data: &Path) -> Result<Self, Failure> {
        if !is_there(data) {
            let data = data.display();
            return Err(Failure::Refused(format!("there is no store in {data}; `muster serve` makes one")));
        }
        Self::open_or_make(data).await
    }

    /// The store in this directory, which is made when it is not there.
    pub async fn open_or_make(data: &Path) -> Result<Self, Failure> {
        let begun = Instant::now();
        loop {
            let in_use = match Engine::open(data) {
                Ok(engine) => {
                    let master = master(data, &engine.client()).await?;
                    return Ok(Self::of_engine(engine, master));
                }
                Err(error @ EngineError::InUse { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            // A server that starts or ends has the directory and no socket.
            match socket_client(&socket(data)) {
                Ok(client) => {
                    let master = master(data, &client).await?;
                    return Ok(Self { client, engine: None, master });
                }
                Err(_) if begun.elapsed() < PATIENCE => sleep(PAUSE).await,
                Err(_) => return Err(in_use.into()),
            }
        }
    }

    /// The store of this engine, in which `master` wraps the keys of personal data.
    pub fn of_engine(engine: Engine, master: Arc<dyn Master>) -> Self {
        Self { client: engine.client(), engine: Some(engine), master }
    }

    /// The parts over it.
    pub async fn system(&self) -> Result<System, Failure> {
        System::over_both(self.client.clone(), self.derived(), Arc::clone(&self.master)).await
    }

    /// A client of its tables.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// A client for what is made from events: [`Engine::derived_client`], where the engine runs in this process.
    pub fn derived(&self) -> Client {
        self.engine.as_ref().map_or_else(|| self.client.clone(), Engine::derived_client)
    }

    /// The engine, if it runs in this process; otherwise a server has it, and carries on with what is written.
    pub const fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }
}

/// Whether there is a store in this directory, whole or not.
pub(crate) fn is_there(data: &Path) -> bool {
    data.join("format").exists() || data.join("muster.db").exists()
}

/// What wraps the keys of personal data: it follows from the secrets in the directory.
async fn master(data: &Path, client: &Client) -> Result<Arc<dyn Master>, Failure> {
    Ok(Arc::new(secrets(data, client).await?.1))
}

/// The secrets in the directory of this store, and what wraps the keys of personal data. What is missing is made; but where the store
/// has such keys, the secrets must be there, and the one that wraps the keys be the one: under another, nothing personal could be read,
/// and whoever came meanwhile would be lost when the old one is put back.
pub async fn secrets(data: &Path, client: &Client) -> Result<(Secrets, LocalMaster), Failure> {
    const DOING: &str = "looking at the keys of personal data";
    let keys = WrappedKeys::some_of(client, &wiring::subject_keys_table(PREFIX)).await.map_err(failed(DOING))?;
    // Whoever has an account has such a key, and there is an account since the first start.
    let missing = if keys.is_empty() { MissingSecrets::MayBeMade } else { MissingSecrets::MustBeThere };
    let secrets = Secrets::load_or_create(data, missing)?;
    let master = LocalMaster::new(secrets.personal_secret.personal_key());
    if keys.is_empty() || keys.are_of(&master).await.map_err(failed(DOING))? {
        return Ok((secrets, master));
    }
    Err(Failure::Refused(format!(
        "{} is another than the one by which the keys of personal data in this store are wrapped: put the old file back from the backup",
        Secrets::personal_file(data).display()
    )))
}

/// The socket on which a server lets the operator's commands in.
pub fn socket(data: &Path) -> PathBuf {
    data.join("muster.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_in_the_name_of_what_is_its() {
        let stage: Stage = "prod".parse().expect("a stage");
        assert_eq!(stage.prefix(), "muster-prod-");
    }

    #[test]
    fn what_cannot_be_in_every_name_is_no_stage() {
        for text in ["", "Prod", "dev-1", "a.b", "stage with words", "aaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(text.parse::<Stage>(), Err(NotAStage), "{text:?}");
        }
    }
}
