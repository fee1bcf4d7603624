//! What the bus does with the events of a case.

use muster_domain::RecordedEvent;

/// In which ways the events come: places in the given events, the first way being their order.
pub(super) fn deliveries(events: &[RecordedEvent]) -> Vec<Vec<usize>> {
    let order: Vec<usize> = (0..events.len()).collect();
    let twice_each = order.iter().flat_map(|place| [*place, *place]).collect();
    let twice = order.iter().chain(&order).copied().collect();
    let there_and_back = order.iter().chain(order.iter().rev()).copied().collect();
    let mut ways = vec![order.clone(), twice_each, twice, there_and_back];
    ways.extend(orders(&order));
    let last = |place: &usize| {
        let RecordedEvent { stream, version, .. } = &events[*place];
        !events.iter().any(|other| other.stream == *stream && other.version > *version)
    };
    for lost in order.iter().filter(|place| !last(place)) {
        let kept: Vec<usize> = order.iter().copied().filter(|place| place != lost).collect();
        ways.push(kept.iter().rev().copied().collect());
        ways.push(kept);
    }
    ways.push(order.iter().copied().filter(last).collect());
    ways
}

/// All orders of up to five events; of more, sixty that are the same in every run.
fn orders(order: &[usize]) -> Vec<Vec<usize>> {
    if order.len() > 5 {
        let mut seed: u64 = 0x006d_7573_7465_7221;
        return (0..60).map(|_| shuffled(order, &mut seed)).collect();
    }
    let mut orders = vec![Vec::new()];
    for place in order {
        let inserted = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let at = |index| {
                let mut order = order.clone();
                order.insert(index, *place);
                order
            };
            (0..=order.len()).map(at).collect()
        };
        orders = orders.iter().flat_map(inserted).collect();
    }
    orders
}

fn shuffled(order: &[usize], seed: &mut u64) -> Vec<usize> {
    let mut order = order.to_vec();
    for index in (1..order.len()).rev() {
        // The multiplier and the increment are those of PCG; the upper half is well mixed.
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = usize::try_from(*seed >> 33).unwrap_or(0);
        order.swap(index, draw % (index + 1));
    }
    order
}
