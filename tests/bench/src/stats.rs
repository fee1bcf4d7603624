//! The few statistics that there are.

/// The middle value; the mean of the two middle ones of an even number, and 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The smallest value that `percent` of all values do not exceed (nearest rank); 0 of none.
pub(crate) fn percentile(values: &[f64], percent: u32) -> f64 {
    let sorted = sorted(values);
    let rank = (sorted.len() * percent as usize).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Each value through the one beside it. What is compared was measured in turns, so that a disturbance is in both.
pub(crate) fn ratios(values: &[f64], floors: &[f64]) -> Vec<f64> {
    values.iter().zip(floors).map(|(value, floor)| value / floor).collect()
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(last: u32) -> Vec<f64> {
        (1..=last).rev().map(f64::from).collect()
    }

    #[track_caller]
    fn same(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn the_median_is_the_middle_value_whatever_the_order() {
        same(median(&[9.0, 1.0, 5.0]), 5.0);
        same(median(&[4.0]), 4.0);
    }

    #[test]
    fn the_median_of_an_even_number_of_values_is_the_mean_of_the_two_in_the_middle() {
        same(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        same(percentile(&up_to(100), 50), 50.0);
        same(percentile(&up_to(100), 99), 99.0);
        same(percentile(&up_to(200), 99), 198.0);
        same(percentile(&up_to(10), 99), 10.0);
        same(percentile(&[7.0], 50), 7.0);
    }

    #[test]
    fn nothing_measured_is_nothing() {
        same(median(&[]), 0.0);
        same(percentile(&[], 99), 0.0);
    }

    #[test]
    fn ratios_are_those_of_the_runs_that_belong_together() {
        let ratios = ratios(&[50.0, 30.0], &[100.0, 40.0]);
        assert_eq!(ratios.len(), 2);
        same(ratios[0], 0.5);
        same(ratios[1], 0.75);
    }
}
