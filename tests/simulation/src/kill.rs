//! Plants each defect in turn, and counts the seeds until it is noticed.

use std::process::ExitCode;

use muster_domain::mutant::{Mutant, plant};
use serde_json::json;

use crate::Arguments;
use crate::campaign::Campaign;

/// Every defect. Fails when one is not noticed, or when something is noticed without any.
pub(crate) fn all(arguments: &Arguments) -> ExitCode {
    // A panic under a planted defect is a way of noticing it: its message is of no use.
    std::panic::set_hook(Box::new(|_| {}));
    let mut survivors = 0;
    let wanted = |mutant: &&Mutant| format!("{mutant:?}").contains(&arguments.only);
    for mutant in Mutant::ALL.iter().filter(wanted) {
        plant(Some(*mutant));
        let campaign = Campaign {
            from: arguments.from,
            seeds: arguments.seeds,
            threads: arguments.threads,
            engine: arguments.engine,
            twice: false,
            quiet: true,
        };
        let summary = campaign.run();
        plant(None);
        let (noticed, first) = match summary.failed {
            Some(failed) => (Some(failed.seed - arguments.from + 1), failed.violations.into_iter().next()),
            None => (None, None),
        };
        survivors += usize::from(noticed.is_none());
        if arguments.json {
            let line = json!({ "mutant": format!("{mutant:?}"), "seeds": noticed, "seconds": summary.took.as_secs_f64(), "by": first });
            println!("{line}");
        } else {
            let after = noticed.map_or_else(|| "NOT NOTICED".to_owned(), |seeds| format!("{seeds} seeds"));
            println!("{:<22} {after:<14} {}", format!("{mutant:?}"), first.unwrap_or_default());
        }
    }
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
