//! A table: its items in order, its indexes and its stream.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use muster_embedded::StreamRecord;
use serde_json::Value;

use super::key::{Key, KeySchema, KeyValue, Partition};
use super::value::{Item, Stored, write_text};

/// The number before the first record's: sequence numbers have 21 digits.
const BEFORE_FIRST: u128 = 100_000_000_000_000_000_000;
/// Reading a stream stops after this many bytes, as one invocation of a stream's consumer gets at most 6 MB.
const READ_BYTES: usize = 6 * 1024 * 1024;

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    /// Its key.
    pub(super) schema: KeySchema,
    /// Its global secondary indexes.
    pub(super) indexes: Vec<Index>,
    /// The records of its stream, if it has one, oldest first.
    pub(super) stream: Option<VecDeque<Record>>,
    /// The attribute that says when an item expires. Nothing expires in the model.
    pub(super) ttl: Option<String>,
    /// Its items.
    pub(super) partitions: BTreeMap<Partition, BTreeMap<KeyValue, Arc<Stored>>>,
}

/// A global secondary index.
#[derive(Debug)]
pub(super) struct Index {
    /// Its name.
    pub(super) name: String,
    /// Its key.
    pub(super) schema: KeySchema,
    /// The attributes that it holds besides keys; all, if it is `None`.
    pub(super) holds: Option<Vec<String>>,
    /// The items that have both key attributes, as far as it holds them.
    pub(super) partitions: BTreeMap<KeyValue, BTreeMap<IndexKey, Arc<Stored>>>,
}

/// Where an item lies among those with its index partition key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexKey {
    /// The index's sort key.
    pub(super) sort: KeyValue,
    /// The table's partition key.
    pub(super) pk: KeyValue,
    /// The table's sort key.
    pub(super) sk: KeyValue,
}

/// What a stream says of a change.
#[derive(Debug)]
pub(super) struct Record {
    number: u64,
    at: i64,
    event: Event,
    /// The item after the change; of a removal, the item before it.
    item: Arc<Stored>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Insert,
    Modify,
    Remove,
}

/// Gives records their numbers and times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recorder {
    /// The number of the last record.
    pub(super) last: u64,
    /// In seconds since 1970.
    pub(super) now: i64,
}

impl Table {
    /// What lies there.
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Stored>> {
        self.partitions.get(&key.partition)?.get(&key.sk)
    }

    /// Puts an item there and gives what lay there before.
    pub(super) fn put(&mut self, key: Key, item: Arc<Stored>, recorder: &mut Recorder) -> Option<Arc<Stored>> {
        for index in &mut self.indexes {
            if let Some(old) = self.partitions.get(&key.partition).and_then(|partition| partition.get(&key.sk)) {
                index.remove(&key, &old.item);
            }
            index.put(&key, &item, &self.schema);
        }
        let old = self.partitions.entry(key.partition).or_default().insert(key.sk, Arc::clone(&item));
        // A put that changes nothing makes no record.
        let event = match &old {
            None => Some(Event::Insert),
            Some(old) => (old.json != item.json).then_some(Event::Modify),
        };
        if let Some(event) = event {
            self.record(event, item, recorder);
        }
        old
    }

    /// Removes what lies there and gives it.
    pub(super) fn remove(&mut self, key: &Key, recorder: &mut Recorder) -> Option<Arc<Stored>> {
        let partition = self.partitions.get_mut(&key.partition)?;
        let old = partition.remove(&key.sk)?;
        if partition.is_empty() {
            self.partitions.remove(&key.partition);
        }
        for index in &mut self.indexes {
            index.remove(key, &old.item);
        }
        self.record(Event::Remove, Arc::clone(&old), recorder);
        Some(old)
    }

    fn record(&mut self, event: Event, item: Arc<Stored>, recorder: &mut Recorder) {
        if let Some(stream) = &mut self.stream {
            recorder.last += 1;
            stream.push_back(Record { number: recorder.last, at: recorder.now, event, item });
        }
    }

    /// The records after a number, oldest first, as a Lambda gets them.
    pub(super) fn read_stream(&self, after: u64, limit: usize) -> Vec<Value> {
        let Some(stream) = &self.stream else { return Vec::new() };
        let start = stream.partition_point(|record| record.number <= after);
        let mut bytes = 0;
        let mut records = Vec::new();
        for record in stream.range(start..).take(limit) {
            bytes += record.item.json.len();
            if bytes > READ_BYTES && !records.is_empty() {
                break;
            }
            records.push(record.to_lambda_record(&self.schema));
        }
        records
    }

    /// Appends the key of an item, in DynamoDB's JSON; of an index, with its key.
    pub(super) fn write_key(&self, index: Option<&Index>, item: &Item, out: &mut Vec<u8>) {
        write_key(
            self.schema.attributes().chain(index.into_iter().flat_map(|index| index.schema.attributes())),
            item,
            out,
        );
    }
}

fn write_key<'a>(attributes: impl Iterator<Item = &'a super::key::KeyAttribute>, item: &Item, out: &mut Vec<u8>) {
    let mut written: [&str; 4] = [""; 4];
    out.push(b'{');
    for (at, attribute) in attributes.enumerate() {
        if written.contains(&attribute.name.as_str()) {
            continue;
        }
        if let Some(value) = item.get(&attribute.name) {
            if at > 0 {
                out.push(b',');
            }
            write_text(&attribute.name, out);
            out.push(b':');
            value.write(out);
        }
        if let Some(place) = written.get_mut(at) {
            *place = &attribute.name;
        }
    }
    out.push(b'}');
}

impl Index {
    fn key(&self, key: &Key, item: &Item) -> Option<(KeyValue, IndexKey)> {
        let (pk, sort) = self.schema.of_indexed(item)?;
        Some((pk, IndexKey { sort, pk: key.partition.pk.clone(), sk: key.sk.clone() }))
    }

    fn put(&mut self, key: &Key, item: &Arc<Stored>, of_table: &KeySchema) {
        if let Some((pk, place)) = self.key(key, &item.item) {
            let held = self.held(item, of_table);
            self.partitions.entry(pk).or_default().insert(place, held);
        }
    }

    /// What it holds of the item.
    fn held(&self, item: &Arc<Stored>, of_table: &KeySchema) -> Arc<Stored> {
        let Some(holds) = &self.holds else { return Arc::clone(item) };
        let keys = of_table.attributes().chain(self.schema.attributes()).map(|attribute| &attribute.name);
        let names: BTreeSet<&String> = keys.chain(holds).collect();
        let held = item.item.with_only(&names);
        let size = held.size();
        Arc::new(Stored::new(held, size))
    }

    fn remove(&mut self, key: &Key, item: &Item) {
        if let Some((pk, place)) = self.key(key, item)
            && let Some(partition) = self.partitions.get_mut(&pk)
        {
            partition.remove(&place);
            if partition.is_empty() {
                self.partitions.remove(&pk);
            }
        }
    }
}

impl Record {
    /// Its place in the stream.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn to_lambda_record(&self, schema: &KeySchema) -> Value {
        // What was written here is read again without fail.
        let parsed = |json: &[u8]| serde_json::from_slice(json).unwrap_or_default();
        let mut keys = Vec::new();
        write_key(schema.attributes(), &self.item.item, &mut keys);
        let sequence_number = (BEFORE_FIRST + u128::from(self.number)).to_string();
        let record = StreamRecord {
            event_id: format!("event-{}", self.number),
            sequence_number,
            event_name: match self.event {
                Event::Insert => "INSERT",
                Event::Modify => "MODIFY",
                Event::Remove => "REMOVE",
            }
            .to_owned(),
            created_at: self.at,
            keys: parsed(&keys),
            new_image: (self.event != Event::Remove).then(|| parsed(&self.item.json)),
        };
        record.to_lambda_record()
    }
}

/// The number in a sequence number's text; 0, which is before all, for a text that is none.
pub(super) fn number_of(sequence: &str) -> u64 {
    let number = sequence.parse::<u128>().ok().and_then(|number| number.checked_sub(BEFORE_FIRST));
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}
