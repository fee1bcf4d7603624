//! A data directory: opened here, or reached through the server that has it open.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use muster_embedded::{Engine, EngineError, socket_client};
use tokio::time::{Instant, sleep};

use crate::report::Failure;

/// How long to wait for a server that has the directory and does not answer yet, or not any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// The store in a data directory.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    engine: Option<Engine>,
}

impl Store {
    /// The store in this directory, which must be there already.
    pub async fn open(data: &Path) -> Result<Self, Failure> {
        if !data.join("format").exists() && !data.join("muster.db").exists() {
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
                Ok(engine) => return Ok(Self::of_engine(engine)),
                Err(error @ EngineError::InUse { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            // A server that starts or ends has the directory and no socket.
            match socket_client(&socket(data)) {
                Ok(client) => return Ok(Self { client, engine: None }),
                Err(_) if begun.elapsed() < PATIENCE => sleep(PAUSE).await,
                Err(_) => return Err(in_use.into()),
            }
        }
    }

    /// The store of this engine.
    pub fn of_engine(engine: Engine) -> Self {
        Self { client: engine.client(), engine: Some(engine) }
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

/// The socket on which a server lets the operator's commands in.
pub fn socket(data: &Path) -> PathBuf {
    data.join("muster.sock")
}
