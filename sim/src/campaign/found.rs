//! What becomes of a run that broke a law: it is done twice more, written down, and made smaller.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use raddle_checkers::{Violation, determinism};
use raddle_core::{Digest, Plan, StateMachine};

use super::watch::replay_watched;
use crate::actions::Decision;
use crate::explore::{Explore, Found};
use crate::run::{Recording, Runner};
use crate::shrink::{self, Budget};
use crate::strategy::Strategy;

/// The first difference between two runs that should be the same, verdict and final state included.
pub(crate) fn difference(one: &Recording, two: &Recording) -> Option<Violation> {
    determinism::compare(&one.trace, &two.trace).or_else(|| {
        let same = one.run == two.run;
        (!same).then(|| determinism::of_state(&one.trace))
    })
}

/// Runs a failing seed twice more, to have its events and to be sure that it fails every time.
pub(super) fn write_down<M: StateMachine>(runner: &mut Runner<M>, strategy: &mut dyn Strategy, seed: u64) -> Found {
    let one = runner.record(seed, strategy);
    let two = runner.record(seed, strategy);
    if let Some(violation) = difference(&one, &two) {
        return as_found(runner, seed, violation, Some(one));
    }
    match one.run.violation.clone() {
        Some(violation) => as_found(runner, seed, violation, Some(one)),
        None => as_found(runner, seed, determinism::of_state(&one.trace), Some(one)),
    }
}

pub(crate) fn as_found<M: StateMachine>(
    runner: &Runner<M>,
    seed: u64,
    violation: Violation,
    recording: Option<Recording>,
) -> Found {
    let signature = violation.signature(&runner.conditions().names);
    let (steps, schedule, trace) = match recording {
        Some(recording) => (recording.run.steps, recording.schedule, Some(recording.trace)),
        None => (0, Vec::new(), None),
    };
    let digest = trace.as_ref().map_or(Digest(0), raddle_core::Trace::digest);
    Found {
        violation,
        signature,
        seed,
        steps,
        schedule,
        without: Vec::new(),
        shrunk: None,
        decided: None,
        pair: None,
        trace,
        digest,
        pilot: None,
        saved: None,
    }
}

/// Goes to the step that never ended, without taking it.
pub(super) fn stuck<M: StateMachine>(
    runner: &mut Runner<M>,
    strategy: &mut dyn Strategy,
    seed: u64,
    step: u64,
) -> Found {
    let limit = runner.world.plan.step_limit();
    let names = Arc::clone(&runner.conditions().names);
    let schedule = runner.schedule_until(seed, strategy, step);
    let input = schedule.last().map(|last| last.display(&names).to_string()).unwrap_or_default();
    let message = schedule.iter().rev().find_map(|decision| match decision {
        Decision::Deliver(id) => Some(id.clone()),
        _ => None,
    });
    let violation = Violation::stuck(message, format!("the handler of {input} did not return within {limit:?}"));
    Found { steps: step, schedule, ..as_found(runner, seed, violation, None) }
}

/// Shrinks what a search found. What cannot be shrunk stays as it was found: where a handler of another run never returns
/// or a property panics, the run that was found is still one to be told.
pub(super) fn make_smaller<M: StateMachine>(explore: &Explore<M>, plan: &Arc<Plan<M>>, found: Found) -> Found {
    let Some(budget) = explore.shrink.filter(|_| found.trace.is_some() && found.violation.law != "determinism") else {
        return found;
    };
    let (laws, settings) = (explore.laws.clone(), explore.settings.clone());
    let (stop, original) = (Arc::clone(&explore.stop), found.clone());
    let work = move |runner: &mut Runner<M>| {
        runner.world.forget_histories();
        shrink_within(runner, &original, &budget, &stop)
    };
    match replay_watched(Arc::clone(plan), settings, laws, work) {
        Ok(Ok(Some(smaller))) => smaller,
        _ => found,
    }
}

/// Shrinks for as long as the budget says and nobody stops it; none if there is nothing to show for it.
pub(crate) fn shrink_within<M: StateMachine>(
    runner: &mut Runner<M>,
    found: &Found,
    budget: &Budget,
    stop: &AtomicBool,
) -> Option<Found> {
    let in_time = timer(budget.time);
    let go_on = || !stop.load(Ordering::Relaxed) && in_time();
    let work = AssertUnwindSafe(|| shrink::shrink(runner, found, budget, &go_on));
    panic::catch_unwind(work).ok().flatten()
}

/// Says whether this time is not over yet, from now on. A time beyond what the clock can say is none.
pub(crate) fn timer(time: Option<Duration>) -> impl Fn() -> bool {
    let deadline = time.and_then(|time| Instant::now().checked_add(time));
    move || deadline.is_none_or(|deadline| Instant::now() < deadline)
}
