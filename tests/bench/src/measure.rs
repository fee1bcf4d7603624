//! One figure, and whether it is as good as it should be.

use std::fmt;

use serde::Serialize;

use crate::stats::median;

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    /// Whether a figure reaches it.
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// What was measured, like `api.commands.8`.
    pub(crate) name: String,
    /// In which unit.
    pub(crate) unit: &'static str,
    /// What it should be, where that is agreed.
    pub(crate) goal: Option<Goal>,
    /// What each run gave.
    runs: Vec<f64>,
}

impl Measure {
    /// The median of these runs.
    pub(crate) fn of(name: impl Into<String>, unit: &'static str, runs: impl Into<Vec<f64>>) -> Self {
        Self { name: name.into(), unit, goal: None, runs: runs.into() }
    }

    /// A figure that is the same in every run.
    pub(crate) fn exact(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self::of(name, unit, [value])
    }

    /// With what it should be.
    #[must_use]
    pub(crate) fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// The figure: the median of the runs.
    pub(crate) fn value(&self) -> f64 {
        median(&self.runs)
    }

    /// Whether it is what it should be, where that is agreed.
    pub(crate) fn met(&self) -> Option<bool> {
        self.goal.map(|goal| goal.is_met(self.value()))
    }

    /// The lowest and the highest of the runs.
    pub(crate) fn range(&self) -> (f64, f64) {
        let bounds = (f64::INFINITY, f64::NEG_INFINITY);
        self.runs.iter().fold(bounds, |(low, high), value| (low.min(*value), high.max(*value)))
    }

    /// As one line of JSON.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            name: &'a str,
            value: f64,
            unit: &'a str,
            goal: Option<String>,
            met: Option<bool>,
            min: f64,
            max: f64,
            runs: usize,
        }
        let (min, max) = self.range();
        let goal = self.goal.map(|goal| goal.to_string());
        let (name, unit, met, runs) = (self.name.as_str(), self.unit, self.met(), self.runs.len());
        let (value, min, max) = (rounded(self.value()), rounded(min), rounded(max));
        serde_json::to_string(&Line { name, value, unit, goal, met, min, max, runs })
    }
}

/// To four significant digits, and no fewer than all before the point: more would pretend.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 3.0 - value.abs().log10().floor();
    let scale = 10_f64.powf(digits.max(0.0));
    (value * scale).round() / scale
}

/// A figure for people: four significant digits, thousands set apart.
pub(crate) fn shown(value: f64) -> String {
    let value = rounded(value);
    if value.abs() < 1000.0 {
        return value.to_string();
    }
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_the_median_of_its_runs_with_the_lowest_and_the_highest() {
        let measure = Measure::of("raw.puts", "puts/s", [300.0, 100.0, 250.0]).goal(Goal::AtLeast(200.0));

        let line = r#"{"name":"raw.puts","value":250.0,"unit":"puts/s","goal":"≥ 200","met":true,"min":100.0,"max":300.0,"runs":3}"#;
        assert_eq!(measure.to_json().unwrap(), line);
    }

    #[test]
    fn a_goal_is_met_at_its_very_value_and_missed_beyond_it() {
        assert_eq!(Measure::exact("a", "×", 0.4).goal(Goal::AtLeast(0.4)).met(), Some(true));
        assert_eq!(Measure::exact("a", "×", 0.399).goal(Goal::AtLeast(0.4)).met(), Some(false));
        assert_eq!(Measure::exact("a", "ms", 50.0).goal(Goal::AtMost(50.0)).met(), Some(true));
        assert_eq!(Measure::exact("a", "ms", 50.1).goal(Goal::AtMost(50.0)).met(), Some(false));
    }

    #[test]
    fn without_a_goal_nothing_is_met_or_missed() {
        let measure = Measure::exact("start.time", "s", 0.5);
        assert_eq!(measure.met(), None);
        let line = measure.to_json().unwrap();
        assert!(line.contains(r#""goal":null,"met":null"#), "{line}");
    }

    #[test]
    fn figures_have_four_digits_that_count_and_all_before_the_point() {
        let shown = [0.0, 0.123_456, 1.0, 12.345_67, 999.96, 1234.5, 38_962_272.0].map(shown);
        assert_eq!(shown, ["0", "0.1235", "1", "12.35", "1,000", "1,235", "38,962,272"]);
    }
}
