//! `muster reconcile`: brings up the rows that are behind their histories.

use std::collections::BTreeMap;

use muster_projections::Hosted;
use muster_projections::reconcile::{Difference, Finding, Outcome, ReconcileOptions, ReconcileReport};

use super::json;
use crate::args::ReconcileArgs;
use crate::progress;
use crate::report::{Failure, failed, line};
use crate::store::Store;
use crate::system::System;

const DOING: &str = "reconciling";

/// Reconciles, and says what it found.
pub async fn run(args: ReconcileArgs) -> Result<(), Failure> {
    let system = Store::named(&args.store).await?.system().await?;
    let mut reports = BTreeMap::new();
    for projection in system.chosen(args.projection.as_deref())? {
        reports.insert(projection.name(), reconcile(&system, &**projection, args.dry_run).await?);
    }
    if args.json {
        json(&reports)?;
    } else {
        for (name, report) in &reports {
            show(name, report)?;
        }
    }
    let wrong: usize = reports.values().flat_map(|report| &report.findings).filter(|finding| is_wrong(finding)).count();
    if wrong == 0 { Ok(()) } else { Err(Failure::Found(format!("{wrong} rows are not where their histories are"))) }
}

/// Reconciles one read model. What was parked and is in its row now is parked no more.
pub async fn reconcile(system: &System, projection: &dyn Hosted, dry_run: bool) -> Result<ReconcileReport, Failure> {
    let bar = progress::bar(None, "histories");
    bar.set_message(projection.name());
    let options = ReconcileOptions { segments: system.segments, dry_run };
    let report = projection.reconcile(options, &|progress| bar.set_position(progress.done)).await;
    bar.finish_and_clear();
    let report = report.map_err(failed(DOING))?;
    if !dry_run {
        let parking = system.parking();
        for parked in parking.list(projection.name()).await.map_err(failed(DOING))? {
            if projection.repair(&parked.stream).await.is_ok() {
                parking.release(projection.name(), &parked.stream).await.map_err(failed(DOING))?;
            }
        }
    }
    Ok(report)
}

/// Whether the row is still wrong.
fn is_wrong(finding: &Finding) -> bool {
    match finding.outcome {
        Outcome::Repaired => false,
        Outcome::Listed | Outcome::Failed { .. } => true,
    }
}

fn show(name: &str, report: &ReconcileReport) -> Result<(), Failure> {
    for Finding { stream, difference, as_of, head, outcome } in &report.findings {
        let difference = match difference {
            Difference::Missing => "missing",
            Difference::Lagging => "lagging",
            Difference::Ahead => "ahead",
        };
        let outcome = match outcome {
            Outcome::Listed => String::new(),
            Outcome::Repaired => ", repaired".to_owned(),
            Outcome::Failed { reason } => format!(", NOT repaired: {reason}"),
        };
        line(format_args!("{name}  {stream}  {difference}: at version {as_of} of {head}{outcome}"))?;
    }
    line(format_args!("{name}: compared {} histories, {} rows were wrong", report.checked, report.findings.len()))
}
