//! How many traces there are in all, where that can be counted in passing: what the traces that a search has seen are to
//! be compared with.
//!
//! Counted by `dpor`, without laws, where the sample has seen nearly all already or it is estimated that there are few: it
//! would take long otherwise. The bound is one of executions, not of time, so that a report depends on no clock.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indexmap::IndexMap;
use raddle_core::{Plan, StateMachine};

use super::watch::watched;
use crate::exhaustive::Exhaustive;
use crate::exhaustive::control::Control;
use crate::exhaustive::estimate::estimate;
use crate::exhaustive::search::Task;
use crate::explore::{Explore, Report};

/// A sample that has a greater chance of showing something new has not seen nearly all.
const CHANCE_MAX: f64 = 0.01;
/// The count is given up when it comes to so many times the traces that were seen, and some more.
const TIMES_MAX: u64 = 4;
const EXECUTIONS_MIN: u64 = 1_000;
/// More traces than this are not counted.
const TRACES_MAX: u64 = 10_000;
/// So few executions are counted in passing.
const FEW: f64 = 5_000.0;

/// How many traces there are; none if it is not known.
pub(super) fn traces_in_all<M: StateMachine>(
    explore: &Explore<M>,
    plan: &Arc<Plan<M>>,
    report: &Report,
) -> Option<u64> {
    let seen = report.distinct.count();
    let is_whole = report.found.is_none() && report.cut.is_none() && report.unfinished == 0 && report.runs > 0;
    if !is_whole || seen > TRACES_MAX {
        return None;
    }
    let nearly_all = report.distinct.chance_of_new() <= CHANCE_MAX;
    let task = Task {
        plan: Arc::clone(plan),
        settings: explore.settings.clone(),
        laws: Some(Vec::new()),
        kind: Exhaustive::Dpor,
        seed: explore.seeds.start,
        scouts: 0,
        variant: IndexMap::new(),
    };
    task.check().ok()?;
    let mut stage = task.stage().ok()?;
    let (pulse, most) = (stage.runner.pulse(), (seen * TIMES_MAX + EXECUTIONS_MIN).max(4 * FEW as u64));
    let count = move || {
        let are_few = || estimate(&task, &mut stage).is_some_and(|about| about <= FEW);
        if !nearly_all && !panic::catch_unwind(AssertUnwindSafe(are_few)).unwrap_or(false) {
            return None;
        }
        let (control, mut executions) = (Control::default(), 0);
        let mut see = |_: &_| {
            executions += 1;
            if executions >= most {
                control.stop.store(true, Ordering::Relaxed);
            }
        };
        // A property of the user's may panic in a run that was not sampled; then nothing is known.
        panic::catch_unwind(AssertUnwindSafe(|| task.search_here(&mut stage, &control, &mut see))).ok()?.ok()
    };
    let searched = watched(&pulse, plan.step_limit(), count).ok()??;
    let is_complete = searched.is_over && searched.tally.unfinished == 0 && searched.tally.blocked == 0;
    is_complete.then(|| searched.tally.trace_count())
}
