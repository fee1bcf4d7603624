//! The projections as a list: what every program that hosts them goes through.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use muster_domain::{AggregateType, EventReader, StreamId};

use crate::audit_log::AuditLog;
use crate::directory::Directory;
use crate::error::StoreError;
use crate::feed::Feed;
use crate::generations::{Generations, LiveTables};
use crate::projection::Projection;
use crate::projector::{Failure, Message, Projector, RepairError, Repaired};
use crate::rebuild::{RebuildError, RebuildOptions, RebuildReport, TableMaker, rebuild};
use crate::reconcile::{OnProgress, ReconcileError, ReconcileOptions, ReconcileReport, reconcile};
use crate::status::{ProjectionStatus, status};
use crate::task_list::TaskList;
use crate::task_past::TaskPast;

/// A projection with its projector and its tables, whatever its rows are.
#[async_trait]
pub trait Hosted: Send + Sync {
    /// Its name in `schemas/topology.json`.
    fn name(&self) -> &'static str;

    /// The version of its rows' shape.
    fn version(&self) -> u32;

    /// Whether aggregates of this kind have rows here.
    fn wants(&self, aggregate: AggregateType) -> bool;

    /// See [`Projector::handle`].
    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure>;

    /// See [`Projector::repair`].
    async fn repair(&self, stream: &StreamId) -> Result<Repaired, RepairError>;

    /// See [`reconcile`]; of the active generation.
    async fn reconcile(
        &self,
        options: ReconcileOptions,
        progress: OnProgress<'_>,
    ) -> Result<ReconcileReport, ReconcileError>;

    /// See [`rebuild`].
    async fn rebuild(
        &self,
        tables: &dyn TableMaker,
        options: RebuildOptions,
        progress: OnProgress<'_>,
    ) -> Result<RebuildReport, RebuildError>;

    /// See [`status`].
    async fn status(&self, bound: u64) -> Result<ProjectionStatus, StoreError>;
}

struct Live<P> {
    projector: Projector<P>,
    generations: Generations,
}

#[async_trait]
impl<P: Projection + Clone> Hosted for Live<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn version(&self) -> u32 {
        P::VERSION
    }

    fn wants(&self, aggregate: AggregateType) -> bool {
        self.projector.projection().wants(aggregate)
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        self.projector.handle(batch).await
    }

    async fn repair(&self, stream: &StreamId) -> Result<Repaired, RepairError> {
        self.projector.repair(stream).await
    }

    async fn reconcile(
        &self,
        options: ReconcileOptions,
        progress: OnProgress<'_>,
    ) -> Result<ReconcileReport, ReconcileError> {
        let active = self.generations.read(P::NAME).await?.active;
        let rows = self.generations.rows(P::NAME, active);
        reconcile(&self.projector, &rows, options, progress).await
    }

    async fn rebuild(
        &self,
        tables: &dyn TableMaker,
        options: RebuildOptions,
        progress: OnProgress<'_>,
    ) -> Result<RebuildReport, RebuildError> {
        let projection = self.projector.projection().clone();
        let reader = Arc::clone(self.projector.reader());
        rebuild(projection, reader, &self.generations, tables, options, progress).await
    }

    async fn status(&self, bound: u64) -> Result<ProjectionStatus, StoreError> {
        status(&self.generations, P::NAME, P::VERSION, bound).await
    }
}

/// Every projection, over the tables with this prefix, such as `muster-`.
pub fn hosted(client: &Client, prefix: &str, reader: &Arc<dyn EventReader>) -> Vec<Arc<dyn Hosted>> {
    hosted_over(&Generations::new(client.clone(), prefix), reader)
}

/// Every projection, over these generations.
pub fn hosted_over(generations: &Generations, reader: &Arc<dyn EventReader>) -> Vec<Arc<dyn Hosted>> {
    vec![
        host(TaskList, generations, reader),
        host(AuditLog, generations, reader),
        host(Directory, generations, reader),
        host(TaskPast, generations, reader),
        host(Feed, generations, reader),
    ]
}

/// One projection over the tables of its generations, which reads histories through `reader`.
pub fn host<P: Projection + Clone>(
    projection: P,
    generations: &Generations,
    reader: &Arc<dyn EventReader>,
) -> Arc<dyn Hosted> {
    let tables = Arc::new(LiveTables::new(generations.clone(), P::NAME));
    let projector = Projector::new(projection, Arc::clone(reader), tables);
    Arc::new(Live { projector, generations: generations.clone() })
}
