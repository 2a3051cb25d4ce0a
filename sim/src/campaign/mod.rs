//! The campaign: many runs on several jobs, with elapsed time and a watchdog.
//!
//! The one folder of the simulator that may know threads and the clock: a search must be parallel, must end in time and
//! must notice a handler that never returns. Nothing that a run can observe comes from here, and what is reported
//! does not depend on the number of jobs: chunks of seeds are counted in the order of seeds, up to the first that
//! failed, and parts of an exhaustive search in their order.
//!
//! - `sample.rs`: the jobs of a search by seeds; `exhaust.rs`: those of an exhaustive one; `at_once.rs`: one job on several
//!   threads;
//! - `keep.rs`: when an exhaustive search that goes on writes its checkpoint;
//! - `in_all.rs`: how many traces there are beside those that a sample has seen;
//! - `found.rs`: what becomes of a failing run; `watch.rs`: the watchdog.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "see above")]

mod at_once;
mod exhaust;
mod found;
mod in_all;
mod keep;
mod sample;
mod watch;

pub(crate) use at_once::at_once;
pub(crate) use found::{as_found, difference, shrink_within, timer};
pub use keep::CHECKPOINT_EVERY;
pub(crate) use sample::TWICE_EVERY;
pub(crate) use watch::replay_watched;

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use raddle_checkers::Losses;
use raddle_core::{Plan, StateMachine, When};

use self::watch::watched;
use crate::coverage::Coverage;
use crate::distinct::Distinct;
use crate::explore::{Explore, Report};
use crate::pilot::Pilot;
use crate::run::{Pulse, RunError, Runner};
use crate::settings::Settings;
use crate::strategy::StrategyKind;
use exhaust::exhaust;
use found::{make_smaller, stuck, write_down};
use in_all::traces_in_all;
use sample::{Failed, Jobs};

/// Searches as [`Explore::run`] says.
pub(crate) fn explore<M: StateMachine>(explore: &Explore<M>) -> Result<Report, RunError> {
    let began = Instant::now();
    let plan = explore.system.plan()?;
    let mut runner = Runner::new(Arc::clone(&plan), explore.settings.clone(), explore.laws.as_deref())?;
    if let StrategyKind::Exhaustive(kind) = explore.strategy {
        let mut report = blank(explore, &plan, &runner);
        let declared = report.reached.len();
        exhaust(explore, kind, Arc::clone(&plan), &mut report, began)?;
        sort_undeclared(&mut report.reached, declared);
        report.elapsed = began.elapsed();
        report.found = report.found.map(|found| make_smaller(explore, &plan, found));
        for found in report.exhausted.iter_mut().flat_map(|exhausted| &mut exhausted.also) {
            *found = make_smaller(explore, &plan, found.clone());
        }
        return Ok(report);
    }
    let seeds = match explore.strategy.ignores_seed() {
        true => explore.seeds.start..explore.seeds.end.min(explore.seeds.start + 1),
        false => explore.seeds.clone(),
    };
    let pilot = pilot(explore.strategy, &plan, &explore.settings);
    let mut report = blank(explore, &plan, &runner);
    report.pilot = explore.strategy.needs_pilot().then(|| *pilot.figures());
    let declared = report.reached.len();
    let jobs = Jobs::start(explore, &plan, &pilot, &seeds, began)?;
    let mut coverage = Coverage::default();
    let failed = jobs.collect(explore, &mut report, &mut coverage, &seeds, began);
    sort_undeclared(&mut report.reached, declared);
    if failed.is_none() {
        report.traces_in_all = traces_in_all(explore, &plan, &report);
    }
    report.elapsed = began.elapsed();
    report.seeds.end = seeds.start + report.runs;
    report.coverage = coverage.list(plan.names());
    let strategy = || explore.strategy.make(&pilot);
    report.found = failed.map(|failed| match failed {
        Failed::Law(seed) => {
            let found = write_down(&mut runner, strategy().as_mut(), seed);
            make_smaller(explore, &plan, found)
        }
        Failed::Determinism(seed, violation, one) => as_found(&runner, seed, *violation, Some(*one)),
        Failed::Stuck(seed, step) => stuck(&mut runner, strategy().as_mut(), seed, step),
    });
    if let Some(found) = &mut report.found {
        found.pilot = report.pilot;
    }
    Ok(report)
}

/// What was reached and is not declared, in an order that no thread has made.
fn sort_undeclared(reached: &mut IndexMap<String, u64>, declared: usize) {
    let mut others = reached.split_off(declared);
    others.sort_unstable_keys();
    reached.extend(others);
}

/// A report of nothing yet.
fn blank<M: StateMachine>(explore: &Explore<M>, plan: &Plan<M>, runner: &Runner<M>) -> Report {
    let mut report = Report {
        system: plan.names().system().to_owned(),
        strategy: explore.strategy,
        settings: explore.settings.clone(),
        laws: runner.laws().to_vec(),
        properties: plan.properties().iter().map(|property| property.name.clone()).collect(),
        seeds: explore.seeds.start..explore.seeds.start,
        runs: 0,
        steps: 0,
        deliveries: 0,
        unfinished: 0,
        at_horizon: 0,
        pilot: None,
        elapsed: Duration::ZERO,
        distinct: Distinct::default(),
        traces_in_all: None,
        reached: IndexMap::new(),
        coverage: Vec::new(),
        faults: explore.settings.faults.kinds().map(|kind| (kind, 0)).collect(),
        losses: Losses::default(),
        found: None,
        exhausted: None,
        cut: None,
    };
    let wished = plan.properties().iter().filter(|p| p.when == When::Sometimes).map(|p| p.name.as_str());
    report.reached.extend(wished.chain(plan.marks().iter().copied()).map(|name| (name.to_owned(), 0)));
    report
}

/// The pilot of a strategy, the same for every seed; an empty one for strategies that need none.
///
/// It is empty also where a handler did not return ([`Plan::step_limit`]), or where code that is no handler panicked: the seeds
/// will show it. The work is bounded, so that neither time nor a stop flag need end it.
#[must_use]
pub fn pilot<M: StateMachine>(kind: StrategyKind, plan: &Arc<Plan<M>>, settings: &Settings) -> Arc<Pilot> {
    if !kind.needs_pilot() {
        return Arc::new(Pilot::default().with_faults(settings.faults));
    }
    let faults = settings.faults;
    let (pulse, limit) = (Arc::new(Pulse::default()), plan.step_limit());
    let (plan, settings, of_it) = (Arc::clone(plan), settings.clone(), Arc::clone(&pulse));
    let runs = move || panic::catch_unwind(AssertUnwindSafe(|| Pilot::of(&plan, &settings, &of_it)));
    let done = watched(&pulse, limit, runs).ok().and_then(Result::ok);
    Arc::new(done.unwrap_or_default().with_faults(faults))
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
