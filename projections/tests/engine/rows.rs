//! Both row stores take and refuse the same.

use std::sync::Mutex;

use async_trait::async_trait;
use muster_domain::{EventReader, StreamId};
use muster_projections::projector::OneTable;
use muster_projections::rows::{
    DynamoRows, MemoryRows, NewRow, Parked, RowCursor, RowPage, RowStore, SaveError, StoredRow,
};
use muster_projections::{Entry, Failure, Message, Projector, StoreError, TaskList, TaskQueries, fold_task};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::{World, commented, messages, task};

fn row(as_of: u64, text: &str) -> NewRow {
    let row = Some(json!({ "text": text, "none": null, "list": [1, 2.5, -3], "empty": "" }));
    NewRow::alone(StoredRow { as_of, projection_version: 1, row, parked: None, places: vec![] })
}

fn entry(version: u64) -> Entry {
    Entry { sort_key: Entry::at(version), keys: vec![], body: json!({ "version": version }) }
}

async fn both() -> (World, Vec<Box<dyn RowStore>>) {
    let world = World::new().await;
    let stores: Vec<Box<dyn RowStore>> = vec![Box::new(world.rows("task-list", 1)), Box::new(MemoryRows::default())];
    (world, stores)
}

async fn stored(rows: &dyn RowStore, stream: &StreamId) -> Option<StoredRow> {
    rows.load(&[*stream]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_row_is_saved_only_over_the_version_that_was_read() {
    let (_world, stores) = both().await;
    let stream = StreamId::from(task(1));
    for rows in &stores {
        assert_eq!(stored(&**rows, &stream).await, None);
        rows.save(&stream, 0, row(2, "first"), vec![]).await.unwrap();
        for expected in [0, 1, 3] {
            let refused = rows.save(&stream, expected, row(9, "stale"), vec![]).await;
            assert!(matches!(refused, Err(SaveError::Conflict)), "{refused:?}");
        }
        assert_eq!(stored(&**rows, &stream).await, Some(row(2, "first").stored));
        rows.save(&stream, 2, row(3, "second"), vec![]).await.unwrap();
        assert_eq!(stored(&**rows, &stream).await, Some(row(3, "second").stored));
        let absent = rows.save(&task(2).into(), 1, row(2, "none before"), vec![]).await;
        assert!(matches!(absent, Err(SaveError::Conflict)), "{absent:?}");
    }
}

#[tokio::test]
async fn a_row_that_is_parked_before_its_first_event_can_be_moved_on() {
    let (_world, stores) = both().await;
    let stream = StreamId::from(task(1));
    for rows in &stores {
        let parked = Some(Parked { version: 1, reason: "unknown".into() });
        let empty = StoredRow { as_of: 0, projection_version: 1, row: None, parked, places: vec![] };
        rows.save(&stream, 0, NewRow::alone(empty.clone()), vec![]).await.unwrap();
        assert_eq!(stored(&**rows, &stream).await, Some(empty));
        rows.save(&stream, 0, row(1, "readable now"), vec![]).await.unwrap();
        assert_eq!(stored(&**rows, &stream).await, Some(row(1, "readable now").stored));
    }
}

#[tokio::test]
async fn entries_are_there_even_when_the_row_was_not_saved_and_putting_them_twice_is_once() {
    let (_world, stores) = both().await;
    let stream = StreamId::from(task(1));
    for rows in &stores {
        // More than one batch call takes.
        let entries: Vec<_> = (1..=60).map(entry).collect();
        let refused = rows.save(&stream, 7, row(60, "stale"), entries.clone()).await;
        assert!(matches!(refused, Err(SaveError::Conflict)), "{refused:?}");
        rows.save(&stream, 0, row(60, "right"), entries.clone()).await.unwrap();
        let expected: Vec<(String, Value)> = entries.into_iter().map(|entry| (entry.sort_key, entry.body)).collect();
        assert_eq!(rows.entries(&stream).await.unwrap(), expected);
        assert_eq!(rows.entries(&task(2).into()).await.unwrap(), vec![]);
    }
}

#[tokio::test]
async fn rows_are_loaded_in_the_order_asked_for_and_scanned_once_over_all_segments() {
    let (_world, stores) = both().await;
    for rows in &stores {
        // More than one batch call takes.
        for number in 1..=130_u64 {
            rows.save(&task(number.into()).into(), 0, row(number, "x"), vec![entry(1)]).await.unwrap();
        }
        let streams: Vec<StreamId> = (0..=131).rev().map(|number| task(number).into()).collect();
        let loaded = rows.load(&streams).await.unwrap();
        let versions: Vec<Option<u64>> = loaded.iter().map(|row| row.as_ref().map(|row| row.as_of)).collect();
        let expected: Vec<Option<u64>> =
            (0..=131).rev().map(|number| (1..=130).contains(&number).then_some(number)).collect();
        assert_eq!(versions, expected);

        let mut scanned = Vec::new();
        for segment in 0..3 {
            let mut cursor = None;
            loop {
                let page = rows.scan(segment, 3, cursor).await.unwrap();
                scanned.extend(page.rows.into_iter().map(|row| row.as_of));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        scanned.sort_unstable();
        assert_eq!(scanned, (1..=130).collect::<Vec<_>>());
    }
}

/// Rows that a rival moves between the first load and what follows it.
struct Overtaken {
    rows: DynamoRows,
    rival: Mutex<Option<(Projector<TaskList>, Vec<Message>)>>,
}

#[async_trait]
impl RowStore for Overtaken {
    async fn load(&self, streams: &[StreamId]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        let loaded = self.rows.load(streams).await;
        let rival = self.rival.lock().unwrap().take();
        if let Some((rival, messages)) = rival {
            assert_eq!(rival.handle(messages).await, Vec::<Failure>::new());
        }
        loaded
    }

    async fn save(&self, stream: &StreamId, expected: u64, row: NewRow, entries: Vec<Entry>) -> Result<(), SaveError> {
        self.rows.save(stream, expected, row, entries).await
    }

    async fn entries(&self, stream: &StreamId) -> Result<Vec<(String, Value)>, StoreError> {
        self.rows.entries(stream).await
    }

    async fn scan(&self, segment: u32, segments: u32, cursor: Option<RowCursor>) -> Result<RowPage, StoreError> {
        self.rows.scan(segment, segments, cursor).await
    }
}

#[tokio::test]
async fn a_projector_that_is_overtaken_does_not_take_the_row_back() {
    let world = World::new().await;
    let events = commented(1, 2);
    world.record(&events);
    let rows = world.rows("task-list", 1);
    let reader: Arc<dyn EventReader> = world.reader();
    let over = |rows: Arc<dyn RowStore>| Projector::new(TaskList, Arc::clone(&reader), Arc::new(OneTable(rows)));
    let rival = over(Arc::new(rows.clone()));
    assert_eq!(rival.handle(messages(&events[..1])).await, vec![]);

    let overtaken = Overtaken { rows, rival: Mutex::new(Some((rival, messages(&events[1..])))) };
    assert_eq!(over(Arc::new(overtaken)).handle(messages(&events[1..2])).await, vec![]);
    assert_eq!(TaskQueries::new(world.models()).get(task(1)).await.unwrap(), fold_task(&events).unwrap());
}
