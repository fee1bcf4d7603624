//! What was counted, times what AWS asks for it.

use std::collections::BTreeMap;

use muster_cli::report::{Failure, failed};
use muster_handlers::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::capacity::Access;
use crate::counts::Counts;
use crate::stage::PREFIX;

/// What a million commands may cost, in dollars.
pub(crate) const GOAL: f64 = 14.0;

/// Of the traces, X-Ray records so many. (It also records the first of each second, which is a matter of time, not of commands.)
const TRACED: f64 = 0.05;
/// A queue is asked by so many pollers, each of which waits so long for an answer
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>).
const POLLERS: f64 = 5.0;
const POLL_SECONDS: f64 = 20.0;
const MONTH_SECONDS: f64 = 30.0 * 24.0 * 3600.0;

const MIB_IN_GIB: f64 = 1024.0;
const MILLION: f64 = 1e6;

/// What AWS asks for something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// Dollars.
    usd: f64,
    /// For so many.
    per: f64,
    /// Of these.
    unit: String,
    /// Where AWS says so.
    #[serde(rename = "source")]
    _source: String,
}

/// `prices.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Prices {
    region: String,
    as_of: String,
    #[serde(flatten)]
    by_name: BTreeMap<String, Price>,
}

impl Prices {
    pub(crate) fn load() -> Result<Self, Failure> {
        serde_json::from_str(include_str!("../prices.json")).map_err(failed("reading prices.json"))
    }

    fn of(&self, name: &str) -> Result<&Price, Failure> {
        self.by_name.get(name).ok_or_else(|| Failure::Refused(format!("prices.json has no price of {name}")))
    }

    /// Of which region and time they are.
    pub(crate) fn told(&self) -> String {
        format!("{}, {}", self.region, self.as_of)
    }
}

/// What an invocation of a function takes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Duration {
    pub(crate) memory_mib: u32,
    /// Billed milliseconds with one request, commit or message.
    ms: f64,
    /// And for each one more in the same batch.
    ms_for_each_more: f64,
}

/// `durations.json`, by the name of the binary.
pub(crate) fn durations() -> Result<BTreeMap<String, Duration>, Failure> {
    serde_json::from_str(include_str!("../durations.json")).map_err(failed("reading durations.json"))
}

/// What one part costs in one kind of unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) part: String,
    pub(crate) unit: String,
    /// When each invocation has one item.
    pub(crate) quiet: Cost,
    /// When batches are full.
    pub(crate) busy: Cost,
}

/// How much of it, and for how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cost {
    /// Units for one command.
    pub(crate) units: f64,
    /// Dollars for a million commands.
    pub(crate) usd: f64,
}

/// What a million commands cost.
#[derive(Debug, Serialize)]
pub(crate) struct Bill {
    pub(crate) lines: Vec<Line>,
    /// What of these lines is written to each index.
    pub(crate) indexes: Vec<Line>,
    /// Dollars for a million commands, letters apart.
    pub(crate) quiet: f64,
    pub(crate) busy: f64,
    pub(crate) goal: f64,
    pub(crate) met: bool,
    /// What people are told by e-mail and by the topic: not in the sums.
    pub(crate) letters: Vec<Line>,
    /// Dollars a month when nothing happens: the pollers of the queues.
    pub(crate) at_rest: f64,
    /// Of which region and time the prices are.
    pub(crate) prices: String,
}

impl Bill {
    pub(crate) fn of(quiet: &Counts, busy: &Counts, prices: &Prices) -> Result<Self, Failure> {
        let durations = durations()?;
        let both = |quiet: Vec<Item>, busy: Vec<Item>| -> Result<Vec<Line>, Failure> {
            quiet.into_iter().zip(busy).map(|(quiet, busy)| line(prices, &quiet, &busy)).collect()
        };
        let mut lines = both(items(quiet, &durations)?, items(busy, &durations)?)?;
        lines.retain(|line| line.quiet.units > 0.0 || line.busy.units > 0.0);
        let sum = |which: fn(&Line) -> Cost| lines.iter().map(|line| which(line).usd).sum();
        let (total, at_best): (f64, f64) = (sum(|line| line.quiet), sum(|line| line.busy));
        let topology = Topology::load()?;
        let queues = topology.projections.len() + topology.reactors.len();
        #[allow(clippy::cast_precision_loss, reason = "a handful of queues")]
        let polls = queues as f64 * POLLERS * MONTH_SECONDS / POLL_SECONDS;
        let polling = prices.of("queue-requests")?;
        Ok(Self {
            indexes: both(indexes(quiet, quiet), indexes(busy, quiet))?,
            letters: both(letters(quiet), letters(busy))?,
            at_rest: polls * polling.usd / polling.per,
            quiet: total,
            busy: at_best,
            goal: GOAL,
            met: total <= GOAL,
            prices: prices.told(),
            lines,
        })
    }
}

/// So many units of a price for one command.
struct Item {
    part: String,
    price: &'static str,
    units: f64,
}

impl Item {
    fn new(part: impl Into<String>, price: &'static str, units: f64) -> Self {
        Self { part: part.into(), price, units }
    }
}

fn line(prices: &Prices, quiet: &Item, busy: &Item) -> Result<Line, Failure> {
    let price = prices.of(quiet.price)?;
    let cost = |item: &Item| Cost { units: item.units, usd: item.units * MILLION * price.usd / price.per };
    Ok(Line { part: quiet.part.clone(), unit: price.unit.clone(), quiet: cost(quiet), busy: cost(busy) })
}

/// The tables by part: what they are called without their prefix, and whether it is the table, its indexes, or both.
const TABLES: &[(&str, &[&str], &[bool])] = &[
    ("event table", &["events", "reservations"], &[false]),
    ("sessions and credentials", &["sessions", "credentials"], &[false, true]),
    ("keys of personal data", &["subject-keys"], &[false]),
    ("task-list table", &["task-list-1"], &[false]),
    ("task-list indexes", &["task-list-1"], &[true]),
    ("audit-log table", &["audit-log-1"], &[false]),
    ("audit-log indexes", &["audit-log-1"], &[true]),
    ("task-past table", &["task-past-1"], &[false]),
    ("task-past indexes", &["task-past-1"], &[true]),
    ("directory", &["directory-1"], &[false, true]),
    ("origins of commands", &["origins"], &[false]),
    ("feed", &["feed-1", "positions"], &[false]),
    ("webhooks", &["webhooks", "webhook-deliveries"], &[false, true]),
    ("control", &["control"], &[false, true]),
    ("deliveries", &["deliveries", "held-letters"], &[false, true]),
];

/// The order in which they are used.
fn items(counts: &Counts, durations: &BTreeMap<String, Duration>) -> Result<Vec<Item>, Failure> {
    #[allow(clippy::cast_precision_loss, reason = "counts of one day")]
    let for_each = |count: u64| count as f64 / counts.commands as f64;
    let mut items = vec![Item::new("API Gateway", "api-requests", 1.0)];
    items.extend(function("command-api", counts, durations)?);
    let mut told = 0.0;
    for (part, tables, of_index) in TABLES {
        for (access, price) in [(Access::Write, "write-units"), (Access::Read, "read-units")] {
            let here = counts.capacity.iter().filter(|((table, index, of), _)| {
                let table = table.strip_prefix(PREFIX).unwrap_or(table);
                tables.contains(&table) && of_index.contains(&index.is_some()) && *of == access
            });
            let units: f64 = here.map(|(_, units)| units).sum();
            told += units;
            #[allow(clippy::cast_precision_loss, reason = "counts of one day")]
            items.push(Item::new(*part, price, units / counts.commands as f64));
        }
    }
    // A new table must not be left out.
    let all: f64 = counts.capacity.values().sum();
    if (all - told).abs() > 0.01 {
        return Err(Failure::Refused(format!(
            "{all} units were consumed, and {told} are in the tables of tests/cost/src/bill.rs"
        )));
    }
    items.extend(function("publisher", counts, durations)?);
    items.push(Item::new("bus", "bus-events", for_each(counts.events)));
    items.push(Item::new("bus", "archived-bytes", for_each(counts.archived_bytes)));
    items.push(Item::new("queues", "queue-requests", for_each(counts.queue_requests)));
    items.extend(function("projector", counts, durations)?);
    items.extend(function("notifier", counts, durations)?);
    items.extend(function("webhooks", counts, durations)?);
    items.push(Item::new("logs", "log-bytes", for_each(counts.log_bytes)));
    let invocations = counts.functions.values().map(|calls| calls.invocations).sum();
    items.push(Item::new("traces", "traces", TRACED * for_each(invocations)));
    Ok(items)
}

fn function(name: &str, counts: &Counts, durations: &BTreeMap<String, Duration>) -> Result<[Item; 2], Failure> {
    let calls = counts.functions.get(name).copied().unwrap_or_default();
    let duration = durations.get(name).ok_or_else(|| Failure::Refused(format!("durations.json has no {name}")))?;
    #[allow(clippy::cast_precision_loss, reason = "counts of one day")]
    let (invocations, items, commands) = (calls.invocations as f64, calls.items as f64, counts.commands as f64);
    let ms = invocations * duration.ms + (items - invocations) * duration.ms_for_each_more;
    let gb_seconds = ms / 1000.0 * f64::from(duration.memory_mib) / MIB_IN_GIB;
    Ok([
        Item::new(name, "function-calls", invocations / commands),
        Item::new(name, "function-time", gb_seconds / commands),
    ])
}

/// What is written to each index that `all` has.
fn indexes(counts: &Counts, all: &Counts) -> Vec<Item> {
    let written = all.capacity.keys().filter(|(_, index, access)| index.is_some() && *access == Access::Write);
    let item = |key: &(String, Option<String>, Access)| {
        let table = key.0.strip_prefix(PREFIX).unwrap_or(&key.0);
        let units = counts.capacity.get(key).copied().unwrap_or_default();
        #[allow(clippy::cast_precision_loss, reason = "counts of one day")]
        Item::new(
            format!("{table} {}", key.1.as_deref().unwrap_or_default()),
            "write-units",
            units / counts.commands as f64,
        )
    };
    written.map(item).collect()
}

fn letters(counts: &Counts) -> Vec<Item> {
    #[allow(clippy::cast_precision_loss, reason = "counts of one day")]
    let for_each = |count: u64| count as f64 / counts.commands as f64;
    vec![Item::new("SES", "mails", for_each(counts.mails)), Item::new("SNS", "notices", for_each(counts.notices))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stacks give each function: `bin: "<name>"`, and the next `memoryMiB`.
    const STACKS: [&str; 4] = [
        include_str!("../../../infra/cdk/lib/api-stack.ts"),
        include_str!("../../../infra/cdk/lib/bus-stack.ts"),
        include_str!("../../../infra/cdk/lib/reactors-stack.ts"),
        include_str!("../../../infra/cdk/lib/webhooks.ts"),
    ];

    fn memory_in_stacks(function: &str) -> Option<u32> {
        let after = |text: &'static str, mark: &str| text.split_once(mark).map(|(_, rest)| rest);
        let of = STACKS.iter().find_map(|stack| after(stack, &format!("bin: \"{function}\"")))?;
        after(of, "memoryMiB: ")?.split_once(',')?.0.parse().ok()
    }

    #[test]
    fn each_function_has_the_memory_that_its_stack_gives_it() {
        for (function, duration) in durations().unwrap() {
            assert_eq!(memory_in_stacks(&function), Some(duration.memory_mib), "{function}");
        }
    }

    #[test]
    fn a_line_is_the_units_of_a_million_commands_times_their_price() {
        let prices = Prices::load().unwrap();
        let (quiet, busy) =
            (Item::new("event table", "write-units", 1.2), Item::new("event table", "write-units", 1.0));

        let line = line(&prices, &quiet, &busy).unwrap();

        assert_eq!((line.part.as_str(), line.unit.as_str()), ("event table", "write units"));
        assert!((line.quiet.usd - 0.75).abs() < 1e-9 && (line.busy.usd - 0.625).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn a_batch_takes_its_first_item_and_a_little_for_each_more() {
        let calls = crate::counts::Calls { invocations: 2, items: 12 };
        let counts = Counts { commands: 10, functions: BTreeMap::from([("projector", calls)]), ..Counts::default() };
        let duration = Duration { memory_mib: 256, ms: 20.0, ms_for_each_more: 4.0 };

        let [invocations, time] =
            function("projector", &counts, &BTreeMap::from([("projector".to_owned(), duration)])).unwrap();

        assert!((invocations.units - 0.2).abs() < 1e-9);
        assert!((time.units - (2.0 * 0.020 + 10.0 * 0.004) * 0.25 / 10.0).abs() < 1e-9);
    }

    #[test]
    fn units_of_a_table_that_no_part_has_are_an_error() {
        let capacity = BTreeMap::from([((format!("{PREFIX}new"), None, Access::Write), 1.0)]);
        let counts = Counts { commands: 1, capacity, ..Counts::default() };

        let told = items(&counts, &durations().unwrap()).err().map(|failure| failure.to_string());

        assert_eq!(told.unwrap(), "1 units were consumed, and 0 are in the tables of tests/cost/src/bill.rs");
    }
}
