use std::collections::BTreeMap;
use std::sync::Arc;

use muster_domain::{RecordedEvent, StreamId};
use muster_projections::rebuild::RebuildOptions;
use muster_projections::reconcile::ReconcileOptions;
use muster_projections::{CursorError, Failure, FeedCursor, FeedError, FeedOrder, FeedQueries};

use crate::support::{PREFIX, World, commented, messages};

fn feed(world: &World) -> FeedQueries {
    FeedQueries::new(FeedOrder::new(world.client.clone(), PREFIX), world.reader())
}

/// A reader that goes on from where it was.
#[derive(Default)]
struct Reader {
    cursor: FeedCursor,
    read: BTreeMap<StreamId, Vec<u64>>,
    events: usize,
}

impl Reader {
    /// One page. Its cursor goes through its text, as a reader outside has it.
    async fn page(&mut self, feed: &FeedQueries, limit: usize) -> bool {
        let page = feed.pointers(&self.cursor, limit).await.unwrap();
        assert!(page.pointers.len() <= limit);
        for event in feed.events(&page.pointers).await.unwrap() {
            self.read.entry(event.stream).or_default().push(event.version);
            self.events += 1;
        }
        self.cursor = page.next.to_string().parse().unwrap();
        page.more
    }

    async fn read_on(&mut self, feed: &FeedQueries, limit: usize) {
        while self.page(feed, limit).await {}
    }

    /// Every event of every history, once, in its order.
    #[track_caller]
    fn has(&self, histories: &[Vec<RecordedEvent>]) {
        let expected: BTreeMap<StreamId, Vec<u64>> = histories
            .iter()
            .map(|history| (history[0].stream, history.iter().map(|event| event.version).collect()))
            .collect();
        assert_eq!(self.read, expected);
    }
}

/// A generator of chance that says the same for the same seed (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

#[tokio::test]
async fn whatever_the_bus_does_a_reader_ends_with_each_history_in_its_order_and_without_repeats() {
    for seed in 1..=8 {
        let world = World::new().await;
        let mut chance = Chance(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let histories: Vec<_> = (1..=12).map(|number| commented(number, chance.below(6) as u128)).collect();
        let feed = feed(&world);
        let projections = [world.hosted("feed"), world.hosted("feed")];
        let mut reader = Reader::default();
        let mut late = Reader::default();
        // Recorded in order; delivered in any, some twice, some never.
        let mut coming: Vec<RecordedEvent> = Vec::new();
        let mut written: Vec<usize> = vec![0; histories.len()];
        while written.iter().zip(&histories).any(|(written, history)| *written < history.len()) || !coming.is_empty() {
            let of = chance.below(histories.len());
            if let Some(event) = histories[of].get(written[of]) {
                written[of] += 1;
                world.record(std::slice::from_ref(event));
                coming.extend(std::iter::repeat_n(event.clone(), chance.below(3)));
            }
            if chance.below(3) == 0 && !coming.is_empty() {
                let some = chance.below(coming.len()) + 1;
                let mut batch = Vec::new();
                for _ in 0..some {
                    batch.push(coming.swap_remove(chance.below(coming.len())));
                }
                // Two of the program at the same time, with what they have in common.
                let both = [messages(&batch), messages(&batch[..=batch.len() / 2])];
                let [first, second] = both;
                let (first, second) = tokio::join!(projections[0].handle(first), projections[1].handle(second));
                assert_eq!((first, second), (Vec::<Failure>::new(), Vec::new()));
            }
            if chance.below(2) == 0 {
                let limit = 1 + chance.below(5);
                reader.page(&feed, limit).await;
            }
        }
        // The last events of some histories were never delivered.
        projections[0].reconcile(ReconcileOptions::default(), &|_| {}).await.unwrap();
        reader.read_on(&feed, 3).await;
        late.read_on(&feed, 100).await;
        reader.has(&histories);
        late.has(&histories);
        assert_eq!(reader.cursor, late.cursor, "both are at the end");
        assert!(!reader.page(&feed, 10).await, "nothing is left");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn programs_that_append_at_the_same_time_take_no_place_from_each_other() {
    let world = Arc::new(World::new().await);
    let histories: Vec<_> = (1..=40).map(|number| commented(number, 9)).collect();
    for history in &histories {
        world.record(history);
    }
    // Each with its own idea of where the shards end.
    let writers = (0..4_usize).map(|writer| {
        let (world, histories) = (Arc::clone(&world), histories.clone());
        tokio::spawn(async move {
            let projection = world.hosted("feed");
            let mut left: Vec<_> =
                histories.iter().enumerate().filter(|(n, _)| n % 4 == writer || n % 3 == 0).collect();
            left.rotate_left(writer * 3);
            for (_, history) in left {
                let mut batch = messages(history);
                // As the queue does.
                while !batch.is_empty() {
                    let failed = projection.handle(batch.clone()).await;
                    assert!(failed.iter().all(|failure| !failure.poison), "{failed:?}");
                    batch.retain(|message| failed.iter().any(|failure| failure.id == message.id));
                }
            }
        })
    });
    let reading = {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let (feed, mut reader) = (feed(&world), Reader::default());
            while reader.events < 400 {
                reader.page(&feed, 7).await;
                tokio::task::yield_now().await;
            }
            reader
        })
    };
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    reading.await.unwrap().has(&histories);
}

#[tokio::test]
async fn a_cursor_outlives_a_rebuild_and_a_rebuild_brings_what_was_lost_on_its_way() {
    let world = World::new().await;
    let (before, lost, after) = (commented(1, 2), commented(2, 3), commented(3, 1));
    world.publish(before.clone()).await;
    let (feed, mut reader) = (feed(&world), Reader::default());
    reader.read_on(&feed, 2).await;
    reader.has(std::slice::from_ref(&before));
    world.record(&lost);

    let rebuilt = world.hosted("feed").rebuild(&world, RebuildOptions::default(), &|_| {}).await.unwrap();
    assert_eq!((rebuilt.active, rebuilt.aggregates), (2, 2));
    world.publish(after.clone()).await;

    reader.read_on(&feed, 2).await;
    reader.has(&[before, lost, after]);
}

#[tokio::test]
async fn a_long_history_that_nobody_told_of_comes_in_at_once_and_is_read_in_parts() {
    let world = World::new().await;
    let long = commented(1, 129);
    world.record(&long);
    // Its last event tells of all of it.
    assert_eq!(world.hosted("feed").handle(messages(&long[129..])).await, vec![]);

    let (feed, mut reader) = (feed(&world), Reader::default());
    assert!(reader.page(&feed, 40).await);
    assert!((1..=40).contains(&reader.events), "{}", reader.events);
    reader.read_on(&feed, 40).await;
    reader.has(&[long]);
}

/// A world whose feed has these histories, one after the other.
async fn following(histories: &[&Vec<RecordedEvent>]) -> World {
    let world = World::new().await;
    for history in histories {
        world.publish((*history).clone()).await;
    }
    world
}

#[tokio::test]
async fn a_cursor_is_good_in_the_order_that_it_is_of_and_in_no_other() {
    // Their ids bring them into one shard.
    let (one, two, three) = (commented(1, 2), commented(2, 2), commented(3, 0));
    let mut reader = Reader::default();
    reader.read_on(&feed(&following(&[&one, &two]).await), 2).await;

    for other in [&[&two, &one, &three][..], &[&one], &[]] {
        let refused = feed(&following(other).await).pointers(&reader.cursor, 10).await.unwrap_err();
        assert!(matches!(refused, FeedError::Cursor(CursorError::OtherFeed)), "{refused:?}");
    }
    reader.read_on(&feed(&following(&[&one, &two, &three]).await), 2).await;
    reader.has(&[one, two, three]);
}
