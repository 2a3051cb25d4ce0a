//! Shrinking a saved run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use raddle_core::{StateMachine, System};

use super::Budget;
use crate::campaign;
use crate::explore::Found;
use crate::failing::{Failing, FailingError};
use crate::finding::Finding;

/// Makes a saved run as simple as the budget allows, or as simple as can be until `stop` is set. `system` is built with
/// the finding's own parameters and bug.
///
/// # Errors
/// When the finding does not fit the system, when it does not break the law in the same way any more, or when a handler
/// does not return.
pub fn shrink_finding<M: StateMachine>(
    system: &System<M>,
    finding: &Finding,
    budget: &Budget,
    stop: &Arc<AtomicBool>,
) -> Result<(Finding, Found), FailingError> {
    let failing = Failing::of(system, finding)?;
    let run = failing.replayed.recording.run.clone();
    let found = Found {
        violation: run.violation.expect("it fails"),
        signature: finding.signature.clone(),
        seed: finding.seed,
        steps: run.steps,
        schedule: failing.replayed.recording.schedule.clone(),
        without: failing.saved.without.clone(),
        shrunk: finding.shrunk.clone(),
        decided: None,
        pair: None,
        pilot: finding.pilot,
        trace: None,
        digest: failing.replayed.digest,
        saved: None,
    };
    let (budget, stop) = (*budget, Arc::clone(stop));
    let found = failing.study(finding, move |runner| campaign::shrink_within(runner, &found, &budget, &stop))?;
    let plan = &failing.saved.plan;
    let externals: Vec<_> = plan.externals().iter().map(|external| plan.external_header(external).id).collect();
    Ok((finding.shrunk_to(&found, &externals, &failing.saved.names), found))
}
