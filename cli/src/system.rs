//! The parts of the system, wired over one client of a store. The server, the operator's commands and the tests wire
//! them here and nowhere else.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Region;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use muster_commands::{CommandHandler, DynamoEventStore, DynamoLog};
use muster_domain::{EventReader, SubjectKeys};
use muster_handlers::clock::SystemClock;
use muster_handlers::digests::DigestTable;
use muster_handlers::http::{App, Settings};
use muster_handlers::mail::Post;
use muster_handlers::recurrence::Recurring;
use muster_handlers::reminders::ReminderClock;
use muster_handlers::saved_filters::SavedFilters;
use muster_handlers::topology::{Topology, create_table};
use muster_handlers::webhooks::{Http, NoClient, PATIENCE, Reach, Sender, SystemResolver, WebhookHub};
use muster_handlers::wiring;
use muster_identity::{IdentityError, IdentityTables, KeyRing, ServerSecret, TokenSettings};
use muster_projections::generations::Generations;
use muster_projections::rebuild::TableMaker;
use muster_projections::{FeedOrder, Hosted, hosted_over};
use muster_vault::{Copies, Master};

use crate::pipeline::{Checkpoint, Control, Parking};
use crate::report::{Failure, failed};
use crate::store::Stage;

/// What stands before the name of every table of the local program.
pub const PREFIX: &str = "muster-";

/// In how many parts a table on AWS is scanned side by side.
const SEGMENTS_ON_AWS: u32 = 8;

/// Who issues access tokens, and who takes them: this program, wherever it listens.
const ISSUER: &str = "muster";

/// The parts that need nothing but the store.
#[derive(Clone)]
pub struct System {
    /// What stands before the name of every table.
    prefix: String,
    /// In how many parts a long scan of a table goes on side by side: the embedded store reads best in one.
    pub segments: u32,
    /// Reaches the tables.
    pub client: Client,
    /// Reaches them too, for what is made from events: read models and how far the pipeline has come.
    pub derived: Client,
    /// Names them.
    pub topology: Topology,
    /// The keys of personal data.
    pub keys: Arc<dyn SubjectKeys>,
    /// What wraps them.
    pub master: Arc<dyn Master>,
    /// The event store.
    pub events: DynamoEventStore,
    /// Takes commands.
    pub commands: CommandHandler<DynamoLog>,
    /// Every projection, each with its projector.
    pub projections: Vec<Arc<dyn Hosted>>,
    /// Which tables each projection has.
    pub generations: Generations,
    /// The digests over the heads of all histories.
    pub digests: DigestTable,
    /// What is told to other programs.
    pub webhooks: WebhookHub,
}

impl System {
    /// The parts over this client, for the local program. `master` wraps the keys of personal data. Tables that are not there yet are made.
    pub async fn over(client: Client, master: Arc<dyn Master>) -> Result<Self, Failure> {
        Self::over_both(client.clone(), client, master).await
    }

    /// The same, with a client of its own for what is made from events (`muster_embedded::Engine::derived_client`).
    pub async fn over_both(client: Client, derived: Client, master: Arc<dyn Master>) -> Result<Self, Failure> {
        let topology = Topology::load()?;
        topology.create_tables(&client, PREFIX).await?;
        Ok(Self::with(client, derived, topology, PREFIX.to_owned(), master, 1))
    }

    /// The parts over tables that are all there: nothing is made, and nothing is asked.
    pub fn over_made(client: Client, master: Arc<dyn Master>) -> Result<Self, Failure> {
        Ok(Self::with(client.clone(), client, Topology::load()?, PREFIX.to_owned(), master, 1))
    }

    /// The parts over the tables of a stage on AWS, which its stacks have made.
    pub async fn of_stage(client: Client, stage: &Stage, master: Arc<dyn Master>) -> Result<Self, Failure> {
        let system = Self::with(client.clone(), client, Topology::load()?, stage.prefix(), master, SEGMENTS_ON_AWS);
        let asked = system.client.describe_table().table_name(system.table("events")).send().await;
        match asked {
            Ok(_) => Ok(system),
            Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
                let region = system.client.config().region().map_or("this region", Region::as_ref).to_owned();
                Err(Failure::Refused(format!("there is no stage {stage} in {region} of this AWS account")))
            }
            Err(error) => Err(failed("reaching the tables")(DisplayErrorContext(error).to_string())),
        }
    }

    fn with(
        client: Client,
        derived: Client,
        topology: Topology,
        prefix: String,
        master: Arc<dyn Master>,
        segments: u32,
    ) -> Self {
        let keys = wiring::subject_keys(&client, &prefix, Arc::clone(&master));
        let events = wiring::event_store(&client, &prefix, Arc::clone(&keys));
        let reader: Arc<dyn EventReader> = Arc::new(events.clone());
        let generations = Generations::new(client.clone(), &prefix);
        // Rows that a power cut takes away are made again; a place in the feed that a reader has passed is not.
        let feed = FeedOrder::new(client.clone(), &prefix);
        let derived_generations = Generations::new(derived.clone(), &prefix).with_feed_order(feed);
        Self {
            commands: CommandHandler::new(events.clone()),
            projections: hosted_over(&derived_generations, &reader),
            generations,
            digests: wiring::digest_table(&client, &prefix),
            webhooks: WebhookHub::new(&client, &prefix, Arc::clone(&master)),
            keys,
            master,
            events,
            topology,
            client,
            derived,
            prefix,
            segments,
        }
    }

    /// The physical name of a table that is always there.
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The tables of the identity room.
    pub fn identity_tables(&self) -> IdentityTables {
        wiring::identity_tables(&self.prefix)
    }

    /// The keys of personal data as they can be carried to another store.
    pub(crate) async fn key_copies(&self) -> Result<Copies, Failure> {
        let copies = Copies::of(&self.client, &wiring::subject_keys_table(&self.prefix), &*self.master).await;
        copies.map_err(failed("reading the keys of personal data"))
    }

    /// Puts such keys into this store.
    pub(crate) async fn put_keys(&self, copies: &Copies) -> Result<(), Failure> {
        let put = copies.put(&self.client, &wiring::subject_keys_table(&self.prefix), &*self.master).await;
        put.map_err(failed("writing the keys of personal data"))
    }

    /// What the pipeline and the program itself keep.
    pub(crate) fn control(&self) -> Control {
        Control::new(self.client.clone(), self.table("control"))
    }

    /// The events that were put aside.
    pub fn parking(&self) -> Parking {
        Parking::new(self.control())
    }

    /// What people list again and again.
    pub fn saved_filters(&self) -> SavedFilters {
        SavedFilters::new(self.client.clone(), &self.prefix)
    }

    /// What makes the next task of a series.
    pub fn recurring(&self) -> Recurring {
        wiring::recurring(&self.events)
    }

    /// What lets reminders fire.
    pub fn reminder_clock(&self) -> ReminderClock {
        wiring::reminder_clock(&self.derived, &self.prefix, &self.events)
    }

    /// How far the stream of the event table has been carried, in the local program.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::new(Control::new(self.derived.clone(), self.table("control")))
    }

    /// What is behind the HTTP routes.
    pub fn app(
        &self,
        signing: KeyRing,
        secret: &ServerSecret,
        settings: Settings,
        post: Post,
    ) -> Result<App, IdentityError> {
        let tokens = TokenSettings::new(ISSUER, ISSUER);
        wiring::app(&self.client, &self.prefix, &self.keys, signing, secret, tokens, settings).map(|app| {
            app.with_post(post).with_origins_behind(self.derived.clone()).with_webhooks(self.webhooks.clone())
        })
    }

    /// Who sends to webhooks, where they may lead.
    pub fn sender(&self, reach: Reach) -> Result<Arc<Sender>, NoClient> {
        let WebhookHub { webhooks, deliveries, wakes: _ } = self.webhooks.clone();
        let http = Http::new(reach, Arc::new(SystemResolver), Vec::new(), PATIENCE)?;
        let reader = Arc::new(self.events.clone());
        Ok(Arc::new(Sender::new(webhooks, deliveries, http, reader, Arc::new(SystemClock))))
    }

    /// The projection of this name, or all of them.
    pub fn chosen(&self, name: Option<&str>) -> Result<Vec<&Arc<dyn Hosted>>, Failure> {
        match name {
            Some(name) => Ok(vec![self.projection(name)?]),
            None => Ok(self.projections.iter().collect()),
        }
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
