//! The parts of the system, wired over one client of a store. The server, the operator's commands and the tests wire
//! them here and nowhere else.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use muster_commands::{CommandHandler, DynamoEventStore, DynamoLog};
use muster_domain::EventReader;
use muster_handlers::http::App;
use muster_handlers::topology::{Topology, create_table};
use muster_handlers::wiring;
use muster_identity::{IdentityError, IdentityTables, Secrets, TokenSettings};
use muster_projections::generations::Generations;
use muster_projections::rebuild::TableMaker;
use muster_projections::{Hosted, hosted};

use crate::report::Failure;

/// What stands before the name of every table.
pub const PREFIX: &str = "muster-";

/// Who issues access tokens, and who takes them: this program, wherever it listens.
const ISSUER: &str = "muster";

/// The parts that need nothing but the store.
#[derive(Clone)]
pub struct System {
    /// Reaches the tables.
    pub client: Client,
    /// Reaches them too, for what is made from events: read models and how far the pipeline has come.
    pub derived: Client,
    /// Names them.
    pub topology: Topology,
    /// The event store.
    pub events: DynamoEventStore,
    /// Takes commands.
    pub commands: CommandHandler<DynamoLog>,
    /// Every projection, each with its projector.
    pub projections: Vec<Arc<dyn Hosted>>,
    /// Which tables each projection has.
    pub generations: Generations,
}

impl System {
    /// The parts over this client. Tables that are not there yet are made.
    pub async fn over(client: Client) -> Result<Self, Failure> {
        Self::over_both(client.clone(), client).await
    }

    /// The same, with a client of its own for what is made from events (`muster_embedded::Engine::derived_client`).
    pub async fn over_both(client: Client, derived: Client) -> Result<Self, Failure> {
        let topology = Topology::load()?;
        topology.create_tables(&client, PREFIX).await?;
        let events = wiring::event_store(&client, PREFIX);
        let reader: Arc<dyn EventReader> = Arc::new(events.clone());
        Ok(Self {
            commands: CommandHandler::new(events.clone()),
            projections: hosted(&derived, PREFIX, &reader),
            generations: Generations::new(client.clone(), PREFIX),
            events,
            topology,
            client,
            derived,
        })
    }

    /// The physical name of a table that is always there.
    pub fn table(name: &str) -> String {
        format!("{PREFIX}{name}")
    }

    /// The tables of the identity room.
    pub fn identity_tables() -> IdentityTables {
        wiring::identity_tables(PREFIX)
    }

    /// What is behind the HTTP routes.
    pub fn app(&self, secrets: Secrets) -> Result<App, IdentityError> {
        wiring::app(&self.client, PREFIX, secrets, TokenSettings::new(ISSUER, ISSUER))
    }

    /// The projection of this name.
    pub fn projection(&self, name: &str) -> Result<&Arc<dyn Hosted>, Failure> {
        self.projections.iter().find(|projection| projection.name() == name).ok_or_else(|| {
            let names: Vec<_> = self.projections.iter().map(|projection| projection.name()).collect();
            Failure::Refused(format!("there is no read model called {name}; there are: {}", names.join(", ")))
        })
    }
}

/// Makes the tables of further generations, by the shape that the topology gives them.
#[async_trait]
impl TableMaker for System {
    async fn create(&self, projection: &str, generation: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let shape = self.topology.projections.get(projection).ok_or("the topology does not name it")?;
        Ok(create_table(&self.client, &self.generations.table(projection, generation), &shape.table()).await?)
    }
}
