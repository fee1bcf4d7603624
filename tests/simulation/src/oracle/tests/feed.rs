//! Promise 12: the feed, and who reads it.

use serde_json::{Value, json};

use super::only;
use super::story::{GONE, TASK, story};
use crate::observed::Observed;

/// The small run with the items of the feed's order as this makes them.
fn with_order(change: impl FnOnce(&mut Vec<Value>)) -> Observed {
    let mut observed = story();
    change(&mut observed.feed_order);
    observed
}

/// The place of an event.
fn place<'a>(order: &'a mut [Value], stream: &str, version: u64) -> &'a mut Value {
    let version = version.to_string();
    let of = |item: &Value| {
        item["pk"]["S"] == "shard#5" && item["stream"]["S"] == stream && item["version"]["N"] == version.as_str()
    };
    order.iter_mut().find(|item| of(item)).unwrap()
}

#[test]
fn an_event_without_a_place_or_with_two_or_before_an_earlier_one_is_reported() {
    let lost = with_order(|order| order.retain(|item| item["sk"]["N"] != "3"));
    only(&lost, 12, "shard#5 has nothing at 3, and something at 4");
    let twice = with_order(|order| place(order, TASK, 4)["version"] = json!({ "N": "3" }));
    only(&twice, 12, "task#00000000-0000-0000-0000-000000000001 ends at 5, and the feed has of it [1, 2, 3, 3, 5]");
    let swapped = with_order(|order| {
        place(order, TASK, 4)["version"] = json!({ "N": "9" });
        place(order, TASK, 5)["version"] = json!({ "N": "4" });
        place(order, TASK, 9)["version"] = json!({ "N": "5" });
    });
    only(&swapped, 12, "and the feed has of it [1, 2, 3, 5, 4]");
}

#[test]
fn a_mark_that_is_not_at_the_end_of_its_history_is_reported() {
    let behind = with_order(|order| {
        order.iter_mut().find(|item| item["pk"]["S"] == GONE).unwrap()["version"] = json!({ "N": "1" });
    });
    only(&behind, 12, "ends at 2, and has places up to Some(1)");
    let none = with_order(|order| order.retain(|item| item["pk"]["S"] != GONE));
    only(&none, 12, "ends at 2, and has places up to None");
}

#[test]
fn a_reader_who_misses_an_event_or_gets_it_twice_or_too_early_is_reported() {
    let mut missed = story();
    missed.feed_read.retain(|(stream, version)| stream != TASK || *version != 2);
    only(&missed, 12, "a reader has of it [1, 3, 4, 5]");
    let mut twice = story();
    twice.feed_read.push((GONE.to_owned(), 2));
    only(&twice, 12, "a reader has of it [1, 2, 2]");
    let mut early = story();
    early.feed_read.reverse();
    only(&early, 12, "a reader has of it [5, 4, 3, 2, 1]");
    let mut foreign = story();
    foreign.feed_read.push(("task#00000000-0000-0000-0000-0000000000ff".to_owned(), 1));
    only(&foreign, 12, "which has no history");
}
