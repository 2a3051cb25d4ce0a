//! Running the cases of an experiment on a driver.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raddle_checkers::Verdict;
use raddle_core::{Event, Lane, MessageId, Trace, What, WorkerId};
use raddle_runtime::{Metrics, Threads};
use raddle_sim::Settings;

use crate::any::{AnySystem, RealRunError, Search};

/// What an experiment runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Driver {
    /// The simulator, where time is steps
    Sim,
    /// A thread a worker
    Threads,
    /// A process a worker
    Processes,
}

impl Driver {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Threads => "threads",
            Self::Processes => "processes",
        }
    }
}

/// Something to be run: a system, and how often.
pub(crate) struct Case {
    /// What tells it from the other cases.
    pub(crate) label: String,
    pub(crate) system: Box<dyn AnySystem>,
    pub(crate) runs: u64,
    /// Whether real runs are traced: to keep each event takes longer than to handle an input.
    is_traced: bool,
    /// How the simulator runs it.
    pub(crate) settings: Settings,
}

/// A case and what came of its runs.
pub(crate) struct Seen {
    pub(crate) label: String,
    pub(crate) driver: Driver,
    /// None of real runs that are not traced.
    pub(crate) traces: Vec<Trace>,
    /// Of real runs that are not traced.
    pub(crate) metrics: Vec<Metrics>,
}

/// What came of one run.
enum Run {
    Traced(Trace),
    Measured(Metrics),
}

/// An experiment that could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExperimentError {
    #[error(transparent)]
    Sim(#[from] raddle_sim::RunError),
    #[error(transparent)]
    Real(#[from] RealRunError),
    #[error("stopped before all cases were run")]
    Stopped,
}

/// No run of an experiment takes longer.
const TIME_LIMIT: Duration = Duration::from_secs(20);

impl Case {
    pub(crate) fn new(label: impl Into<String>, system: Box<dyn AnySystem>, runs: u64) -> Self {
        Self { label: label.into(), system, runs, is_traced: true, settings: Settings::default() }
    }

    /// Only measures real runs.
    pub(crate) fn untraced(self) -> Self {
        Self { is_traced: false, ..self }
    }

    /// Runs it.
    pub(crate) fn run(&self, driver: Driver, stop: &Arc<AtomicBool>) -> Result<Seen, ExperimentError> {
        let (mut traces, mut metrics) = (Vec::new(), Vec::new());
        for seed in 0..self.runs {
            if stop.load(Ordering::Relaxed) {
                return Err(ExperimentError::Stopped);
            }
            match self.run_once(driver, seed, stop)? {
                Run::Traced(trace) => traces.push(trace),
                Run::Measured(run) => metrics.push(run),
            }
        }
        Ok(Seen { label: self.label.clone(), driver, traces, metrics })
    }

    fn run_once(&self, driver: Driver, seed: u64, stop: &Arc<AtomicBool>) -> Result<Run, ExperimentError> {
        let threads = || Threads::new().seed(seed).time_limit(Some(TIME_LIMIT)).stop_flag(Arc::clone(stop));
        // What laws say is asked of the trace, where an experiment wants to know.
        let laws = Some(&[][..]);
        let system = &self.system;
        Ok(match driver {
            Driver::Sim => {
                let search = Search { settings: self.settings.clone(), laws: Some(Vec::new()), ..Search::default() };
                Run::Traced(system.record(&search, seed)?.trace)
            }
            Driver::Threads if self.is_traced => Run::Traced(system.run_on_threads(&threads(), laws)?.trace),
            Driver::Threads => Run::Measured(system.measure_on_threads(&threads())?.metrics),
            #[cfg(unix)]
            Driver::Processes => {
                let processes = raddle_runtime::Processes::new(threads());
                match self.is_traced {
                    true => Run::Traced(system.run_on_processes(&processes, laws)?.trace),
                    false => Run::Measured(system.measure_on_processes(&processes)?.metrics),
                }
            }
            #[cfg(not(unix))]
            Driver::Processes => unreachable!("the command has refused it"),
        })
    }
}

impl Seen {
    /// When something happened, in the unit of the driver.
    pub(crate) const fn tick(&self, event: &Event) -> u64 {
        match self.driver {
            Driver::Sim => event.moment.step,
            _ => event.moment.time.0,
        }
    }

    /// All events.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.traces.iter().flat_map(|trace| &trace.events)
    }

    /// How often something happened.
    pub(crate) fn count(&self, is_it: impl Fn(&Event) -> bool) -> u64 {
        self.events().filter(|event| is_it(event)).count() as u64
    }

    /// How long the runs took together, from the first event to the last.
    pub(crate) fn elapsed(&self) -> u64 {
        let length = |trace: &Trace| {
            let ticks = || trace.events.iter().map(|event| self.tick(event));
            ticks().max().unwrap_or(0) - ticks().min().unwrap_or(0)
        };
        self.traces.iter().map(length).sum()
    }

    /// How many runs break a law.
    pub(crate) fn broken(&self, law: &str) -> u64 {
        let breaks = |trace: &&Trace| {
            let verdicts = raddle_checkers::check(trace, &[law]);
            verdicts.is_ok_and(|verdicts| verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Violation(_))))
        };
        self.traces.iter().filter(breaks).count() as u64
    }

    /// Between sending an update to this worker and its handling, sorted.
    pub(crate) fn latencies(&self, of: WorkerId) -> Vec<u64> {
        let mut latencies = Vec::new();
        for trace in &self.traces {
            let mut sent: HashMap<&MessageId, u64> = HashMap::new();
            for event in trace.events.iter().filter(|event| event.header.to == of) {
                match event.what {
                    What::Emit => _ = sent.insert(&event.header.id, self.tick(event)),
                    What::Handle => {
                        latencies
                            .extend(sent.remove(&event.header.id).map(|sent| self.tick(event).saturating_sub(sent)));
                    }
                    _ => {}
                }
            }
        }
        latencies.sort_unstable();
        latencies
    }

    /// The most updates that waited for this worker when it took one, in any run.
    pub(crate) fn deepest(&self, of: WorkerId) -> u64 {
        let deepest = |trace: &Trace| {
            let (mut depth, mut deepest) = (0_u64, 0);
            for event in trace.events.iter().filter(|event| event.header.to == of && event.header.link().is_some()) {
                match (event.what, event.lane) {
                    (What::Arrive, Lane::Inbox(_)) => depth += 1,
                    (What::Drop(_), Lane::Inbox(_)) => depth = depth.saturating_sub(1),
                    (What::Handle, _) => {
                        deepest = deepest.max(depth);
                        depth = depth.saturating_sub(1);
                    }
                    _ => {}
                }
            }
            deepest
        };
        self.traces.iter().map(deepest).max().unwrap_or(0)
    }
}
