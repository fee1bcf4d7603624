//! A projection as a program of another version has it: the same rows in another shape.

use muster_domain::{AggregateType, DomainEvent, RecordedEvent, StreamId};
use muster_projections::{Entry, IndexKey, Place, Poison, Projection};
use serde::{Deserialize, Serialize};

/// The projection in another version.
#[derive(Clone, Copy, Debug)]
pub struct Former<P>(pub P);

/// Its row, in a shape that the present version cannot read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormerRow<R> {
    former: R,
}

impl<P: Projection> Projection for Former<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = P::VERSION + 1_000;
    type Row = FormerRow<P::Row>;

    fn wants(&self, aggregate: AggregateType) -> bool {
        self.0.wants(aggregate)
    }

    fn evolve(
        &self,
        row: Option<Self::Row>,
        event: &RecordedEvent,
        decoded: &DomainEvent,
    ) -> Result<Self::Row, Poison> {
        Ok(FormerRow { former: self.0.evolve(row.map(|row| row.former), event, decoded)? })
    }

    fn index_keys(&self, stream: &StreamId, row: &Self::Row) -> Vec<IndexKey> {
        self.0.index_keys(stream, &row.former)
    }

    fn places(&self, stream: &StreamId, row: &Self::Row) -> Vec<Place> {
        self.0.places(stream, &row.former)
    }

    fn entries(&self, before: Option<&Self::Row>, event: &RecordedEvent, decoded: &DomainEvent) -> Vec<Entry> {
        self.0.entries(before.map(|row| &row.former), event, decoded)
    }
}
