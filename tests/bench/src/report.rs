//! Where figures go: a table for people or lines of JSON for programs on the standard output, and what is being done on
//! the standard error.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use muster_cli::report::{Failure, failed, line};

use crate::measure::{Measure, shown};

/// How often the spinner moves.
const TICK: Duration = Duration::from_millis(200);

/// Tells figures as soon as they are there.
pub(crate) struct Report {
    json: bool,
    begun: Cell<bool>,
    spinner: ProgressBar,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        let spinner = ProgressBar::new_spinner();
        // Hidden when the standard error is not a terminal.
        spinner.set_draw_target(ProgressDrawTarget::stderr());
        spinner.enable_steady_tick(TICK);
        Self { json, begun: Cell::new(false), spinner }
    }

    pub(crate) fn doing(&self, what: &str) {
        self.spinner.set_message(what.to_owned());
    }

    pub(crate) fn finish(&self) {
        self.spinner.finish_and_clear();
    }

    pub(crate) fn tell(&self, measure: &Measure) -> Result<(), Failure> {
        self.spinner.suspend(|| {
            if self.json {
                return line(measure.to_json().map_err(failed("writing JSON"))?);
            }
            if !self.begun.replace(true) {
                line(row("measure", "value", "unit", "goal", "met", "runs"))?;
            }
            line(table_row(measure))
        })
    }
}

fn table_row(measure: &Measure) -> String {
    let (low, high) = measure.range();
    let goal = measure.goal.map(|goal| goal.to_string()).unwrap_or_default();
    let met = measure.met().map_or("", |met| if met { "yes" } else { "NO" });
    let range = if low < high { format!("{} … {}", shown(low), shown(high)) } else { String::new() };
    row(&measure.name, &shown(measure.value()), measure.unit, &goal, met, &range)
}

fn row(name: &str, value: &str, unit: &str, goal: &str, met: &str, range: &str) -> String {
    format!("{name:<28} {value:>12} {unit:<11} {goal:<8} {met:<4} {range}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Goal;

    #[test]
    fn a_row_shows_the_figure_its_goal_and_how_far_the_runs_were_apart() {
        let measure = Measure::of("api.ratio.8", "×", [0.3, 0.2, 0.35]).goal(Goal::AtLeast(0.4));
        assert_eq!(
            table_row(&measure),
            "api.ratio.8                           0.3 ×           ≥ 0.4    NO   0.2 … 0.35"
        );
    }

    #[test]
    fn a_row_without_a_goal_ends_where_there_is_nothing_more_to_say() {
        let measure = Measure::exact("binary.size.muster", "MiB", 37.2);
        assert_eq!(table_row(&measure), "binary.size.muster                   37.2 MiB");
    }
}
