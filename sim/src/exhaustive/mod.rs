//! Exhaustive search: every run of a system, or one of each kind, instead of a sample.
//!
//! - [`Exhaustive::Dpor`]: one run of each trace, by optimal dynamic partial-order reduction. If unsure, this.
//! - [`Exhaustive::Dfs`]: every schedule, without any reduction; also timers and granularity `queues`.
//! - [`Exhaustive::Delay`]: every schedule that departs from the default order by at most so many places.
//! - [`Exhaustive::States`]: every state once, however it is reached, the nearest first.
//!
//! A search never stops at a violation: it gives the first run of each signature and counts all. What it cannot search
//! it refuses, with the reason ([`Refusal`]); what it cannot judge it calls unknown ([`Unknown`]).
//!
//! ```
//! use raddle_core::{Outbox, StateMachine, System};
//! use raddle_sim::exhaustive::Exhaustive;
//! use raddle_sim::{Explore, StrategyKind};
//!
//! /// Keeps what it hears last.
//! #[derive(Default)]
//! struct Last(u32);
//! impl StateMachine for Last {
//!     type Message = u32;
//!     type Update = u32;
//!     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("sink", n); }
//!     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.0 = n; }
//! }
//!
//! let system = System::new("last")
//!     .workers(["left", "right", "sink"], |_| Last::default())
//!     .messages("client", [("left", 1), ("right", 2)])
//!     .at_end("right-wins", |run| run.machine("sink").is_some_and(|sink| sink.0 == 2));
//! let report = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).run()?;
//! let exhausted = report.exhausted.expect("it was exhaustive");
//! assert_eq!((exhausted.executions, exhausted.violating, exhausted.complete), (2, 1, true));
//! # Ok::<(), raddle_sim::RunError>(())
//! ```

// Start at `search`, then `dpor`, whose head has the algorithm.
mod breadth;
pub(crate) mod checkpoint;
pub(crate) mod control;
mod dfs;
mod dpor;
pub(crate) mod estimate;
mod event;
mod heard;
#[cfg(test)]
mod killed;
mod kind;
mod learned;
mod linearize;
mod past;
mod refusal;
mod relation;
mod saved;
pub(crate) mod scope;
pub(crate) mod scout;
pub(crate) mod search;
pub(crate) mod stage;
mod states;
pub(crate) mod tally;
mod toll;
mod trunk;
mod wakeup;

pub use checkpoint::CheckpointError;
pub use kind::Exhaustive;
pub use refusal::Refusal;
pub use scope::Unknown;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use indexmap::IndexMap;
use raddle_core::{Names, StateMachine, System};

use crate::explore::{Found, Report};
use crate::run::{RunError, Runner};
use crate::settings::Settings;

/// What an exhaustive search came to.
#[derive(Clone, Debug, Default)]
pub struct Exhausted {
    /// Whether every run it stands for was explored to its end.
    pub complete: bool,
    /// Complete runs.
    pub executions: u64,
    /// Runs given up because all that was possible is explored elsewhere: work in vain.
    pub blocked: u64,
    /// Runs made to look further, and not counted: in each order of them some worker crashes when nothing else can happen, or
    /// cannot crash at all. Only where workers crash.
    pub discarded: u64,
    /// How many traces the executions were: runs that differ only in the order between workers, or of inputs declared
    /// to commute, are one trace.
    pub traces: u64,
    /// How many states there are (strategy `states`).
    pub states: Option<u64>,
    /// Executions that broke a law.
    pub violating: u64,
    /// How many runs it took to the first that broke a law. Some of them only look at what is near the default run, and
    /// are no executions.
    pub first_violation: Option<u64>,
    /// The first run of each signature but the first found, which is in the report.
    pub also: Vec<Found>,
    /// What this search cannot judge and has not seen broken.
    pub unknown: Vec<Unknown>,
    /// About how many executions there were to be, as it was estimated before the search; none for `states`.
    pub estimate: Option<f64>,
    /// How much of it is done, between 0 and 1: an estimate, if it is not complete.
    pub part: f64,
    /// The checkpoint from which it goes on, if it was ended and told to write one.
    pub checkpoint: Option<PathBuf>,
    /// Whether what was explored before a checkpoint counts, and is not in the report's coverage.
    pub resumed: bool,
    /// Whether it went on in one job though more were asked for: its order cannot be cut into parts.
    pub one_job: bool,
}

/// Searches on this thread and shows each run when it has ended, until it is told to stop. [`Explore`](crate::Explore)
/// does more: it judges, reports, ends in time and uses several threads.
///
/// `dpor` begins anew where it learns that a queue can be full, or that workers die: some runs are then shown twice.
///
/// # Errors
/// When the system cannot be searched as asked.
pub fn visit<M: StateMachine>(
    system: &System<M>,
    settings: Settings,
    kind: Exhaustive,
    mut see: impl FnMut(&Runner<M>) -> ControlFlow<()>,
) -> Result<Exhausted, RunError> {
    let task = search::Task {
        plan: system.plan()?,
        settings,
        laws: Some(Vec::new()),
        kind,
        seed: 0,
        scouts: 0,
        variant: IndexMap::new(),
    };
    task.check()?;
    let mut stage = task.stage()?;
    let control = control::Control::default();
    let mut see = |runner: &Runner<M>| {
        if see(runner).is_break() {
            control.stop.store(true, Ordering::Relaxed);
        }
    };
    Ok(Exhausted::of(&task.search_here(&mut stage, &control, &mut see)?))
}

impl Exhausted {
    /// Joins the parts of a search and counts them in the report.
    pub(crate) fn join(searched: Vec<search::Searched>, names: &Names, report: &mut Report) -> Self {
        let all = search::Searched::of_all(searched);
        let mut exhausted = Self::of(&all);
        let tally = all.tally;
        report.runs = tally.executions;
        report.steps = tally.steps;
        report.deliveries = tally.deliveries;
        report.unfinished = tally.unfinished;
        report.at_horizon = tally.at_horizon;
        report.faults.iter_mut().for_each(|(kind, times)| *times = tally.faults[*kind as usize]);
        report.losses.join(&tally.losses);
        report.coverage = tally.coverage.list(names);
        for (name, times) in tally.reached {
            *report.reached.entry(name).or_insert(0) += times;
        }
        let found = tally.astray.map(|found| *found).into_iter().chain(tally.found.into_values().map(|found| found.0));
        exhausted.also = found.collect();
        if !exhausted.also.is_empty() {
            report.found = Some(exhausted.also.remove(0));
        }
        exhausted
    }

    pub(crate) fn of(searched: &search::Searched) -> Self {
        let tally = &searched.tally;
        Self {
            complete: searched.is_over && tally.unfinished == 0 && tally.blocked == 0,
            executions: tally.executions,
            blocked: tally.blocked,
            discarded: tally.discarded,
            traces: tally.trace_count(),
            states: searched.states,
            violating: tally.violating,
            resumed: tally.resumed,
            first_violation: tally.first,
            part: if searched.is_over { 1.0 } else { searched.done },
            ..Self::default()
        }
    }
}
