//! What is done now and then: every history is compared with its row in each read model, and what is behind is brought
//! up. It finds what no later event would show: that an aggregate's last event was lost on its way.

use std::sync::Arc;
use std::time::Duration;

use muster_projections::Hosted;
use muster_projections::projector::Repaired;
use muster_projections::reconcile::{Finding, ReconcileOptions};

use crate::metrics::{PROJECTION, PROJECTION_BEHIND};

/// In how many parts the tables are scanned side by side.
const SEGMENTS: u32 = 4;
/// How long an event may be on its way before its row counts as behind.
pub const ON_ITS_WAY: Duration = Duration::from_mins(1);

/// Some read models could not be swept; the log says why. The next sweep tries again.
#[derive(Debug, thiserror::Error)]
#[error("not swept: {}", .0.join(", "))]
pub struct SweepError(Vec<&'static str>);

/// Sweeps every read model. What is behind and still is after `meanwhile` is repaired, and counts.
pub async fn sweep(projections: &[Arc<dyn Hosted>], meanwhile: impl Future<Output = ()>) -> Result<(), SweepError> {
    let (mut failed, mut suspects) = (Vec::new(), Vec::new());
    for projection in projections {
        let name = projection.name();
        match projection.reconcile(ReconcileOptions { segments: SEGMENTS, dry_run: true }, &|_| {}).await {
            Ok(report) => {
                tracing::info!(projection = name, checked = report.checked, behind = report.findings.len(), "compared");
                suspects.push((projection, report.findings));
            }
            Err(error) => {
                tracing::error!(projection = name, %error, "not compared");
                failed.push(name);
            }
        }
    }
    if suspects.iter().any(|(_, findings)| !findings.is_empty()) {
        meanwhile.await;
    }
    for (projection, findings) in suspects {
        let mut behind = 0_u32;
        for finding in findings {
            behind += u32::from(was_behind(&**projection, &finding).await);
        }
        metrics::gauge!(PROJECTION_BEHIND, PROJECTION => projection.name()).set(behind);
    }
    if failed.is_empty() { Ok(()) } else { Err(SweepError(failed)) }
}

/// Repairs a row; whether it was still behind the version that its history had when it was compared.
async fn was_behind(projection: &dyn Hosted, Finding { stream, head, .. }: &Finding) -> bool {
    let name = projection.name();
    match projection.repair(stream).await {
        Ok(Repaired { from, .. }) if from >= *head => false,
        Ok(Repaired { from, to }) => {
            tracing::warn!(projection = name, %stream, from, to, "was behind; repaired");
            true
        }
        Err(error) => {
            tracing::error!(projection = name, %stream, %error, "is wrong, and not repaired");
            true
        }
    }
}
