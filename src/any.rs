//! Systems without their types: what the command needs of a system, whatever its machines are.
//!
//! [`AnySystem`] is implemented once, for every [`System`]; it is the only place where typed systems meet the untyped
//! world of names and text. It judges nothing and prints nothing.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indexmap::IndexMap;
use raddle_core::recording::Recording as Lanes;
use raddle_core::{Policies, SetError, StateMachine, System, When};
use raddle_sim::{
    Budget, CHECKPOINT_EVERY, Explanation, Explore, FailingError, Finding, Found, Keep, LiftError, Lifted, Progress,
    Recording, ReplayError, Replayed, Report, RunError, Runner, SEEDS_DEFAULT, Settings, Strategy, StrategyKind,
};

#[cfg(all(feature = "threads", unix))]
use raddle_runtime::Processes;
#[cfg(feature = "threads")]
use {
    raddle_checkers::{Properties, UnknownLaw, Verdict, default_laws},
    raddle_core::{Plan, Snapshot, Trace},
    raddle_runtime::{Death, Metrics, Outcome, RecordError, Recorded, Threads},
};

/// A system of any machines.
pub trait AnySystem: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Sets one policy from text.
    ///
    /// # Errors
    /// When there is no such policy, or it does not take this value.
    fn set(&mut self, key: &str, value: &str) -> Result<(), SetError>;

    /// Its policies as they stand.
    fn policies(&self) -> &Policies;

    /// Who takes part, and by what its runs are judged.
    ///
    /// # Errors
    /// When it cannot be run under these settings.
    fn sketch(&self, settings: &Settings) -> Result<Sketch, RunError>;

    /// Searches.
    ///
    /// # Errors
    /// When it cannot be run as asked.
    fn explore(&self, search: &Search) -> Result<Report, RunError>;

    /// One run, written down.
    ///
    /// # Errors
    /// When it cannot be run as asked.
    fn record(&self, search: &Search, seed: u64) -> Result<Recording, RunError>;

    /// Runs again and again, choosing by a strategy of the caller's, and writes each run down, until `go_on` says no. How
    /// a test goes through all schedules; the strategy is begun with the number of the run, from 0.
    ///
    /// # Errors
    /// When it cannot be run as asked.
    fn record_while(
        &self,
        search: &Search,
        strategy: &mut dyn Strategy,
        go_on: &mut dyn FnMut(Recording) -> bool,
    ) -> Result<(), RunError>;

    /// What a search found, with everything that it depends on but parameters and planted bugs, which only the
    /// catalog knows.
    ///
    /// # Errors
    /// When the system cannot be run at all.
    fn finding(&self, report: &Report, found: &Found) -> Result<Finding, RunError>;

    /// Does a saved run again.
    ///
    /// # Errors
    /// When the finding does not fit, or a handler does not return.
    fn replay(&self, finding: &Finding) -> Result<Replayed, ReplayError>;

    /// Makes a saved run simpler, until `stop` is set.
    ///
    /// # Errors
    /// When it cannot be replayed, or does not break the law in the same way any more.
    fn shrink(
        &self,
        finding: &Finding,
        budget: &Budget,
        stop: &Arc<AtomicBool>,
    ) -> Result<(Finding, Found), FailingError>;

    /// Says why a saved run fails, as far as the budget allows: of it, [`Budget::explain`] and [`Budget::time`].
    ///
    /// # Errors
    /// When it cannot be replayed, or does not break the law in the same way any more.
    fn explain(&self, finding: &Finding, budget: &Budget) -> Result<Explanation, FailingError>;

    /// Does a real run again, and judges it by these laws, or by its own.
    ///
    /// # Errors
    /// When the recording is not of this system, or a handler does not return.
    fn lift(&self, lanes: &Arc<Lanes>, laws: Option<&[String]>, keep: Keep) -> Result<Lifted, LiftError>;

    /// The same, by its own laws, and makes a finding of what it breaks, if anything: all but parameters and planted bugs,
    /// which only the catalog knows.
    ///
    /// # Errors
    /// The same, and when more than `events_max` events lead to what it breaks.
    fn found_in(&self, lanes: &Arc<Lanes>, events_max: u64) -> Result<(Lifted, Option<Finding>), LiftError>;

    /// A run on real threads, recorded and judged.
    ///
    /// # Errors
    /// When it cannot be started, or a law does not exist.
    #[cfg(feature = "threads")]
    fn run_on_threads(&self, threads: &Threads, laws: Option<&[String]>) -> Result<RealRun, RealRunError>;

    /// A run with a process for each worker, recorded and judged.
    ///
    /// # Errors
    /// When it cannot be started, or a law does not exist.
    #[cfg(all(feature = "threads", unix))]
    fn run_on_processes(&self, processes: &Processes, laws: Option<&[String]>) -> Result<RealRun, RealRunError>;

    /// A run with threads of which nothing is kept but what it measures, and its recording where there is to be one.
    ///
    /// # Errors
    /// When it cannot be started.
    #[cfg(feature = "threads")]
    fn measure_on_threads(&self, threads: &Threads) -> Result<Measured, RealRunError>;

    /// The same with a process for each worker.
    ///
    /// # Errors
    /// When it cannot be started.
    #[cfg(all(feature = "threads", unix))]
    fn measure_on_processes(&self, processes: &Processes) -> Result<Measured, RealRunError>;

    /// If this process was started to be a worker of this system, it is that, and this never returns: see
    /// [`Processes::serve`].
    ///
    /// # Errors
    /// When the system cannot be run at all.
    #[cfg(all(feature = "threads", unix))]
    fn serve(&self) -> Result<(), RealRunError>;
}

/// Who takes part in a system, and by what its runs are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// Its workers, in the order of declaration.
    pub workers: Vec<String>,
    /// Its sources and how many messages each sends.
    pub sources: Vec<(String, usize)>,
    /// The laws by which runs are judged.
    pub laws: Vec<&'static str>,
    /// Its own properties, and when each must hold.
    pub properties: Vec<(String, When)>,
    /// Its declared marks.
    pub marks: Vec<&'static str>,
}

/// What is to be searched, and how.
#[derive(Clone)]
pub struct Search {
    /// The settings of every run.
    pub settings: Settings,
    /// How choices are made.
    pub strategy: StrategyKind,
    /// The seeds to try.
    pub seeds: Range<u64>,
    /// The laws to judge by, instead of the system's.
    pub laws: Option<Vec<String>>,
    /// How many runs go on at once; 0 is one for each processor.
    pub jobs: usize,
    /// How long it may take.
    pub time: Option<Duration>,
    /// How much work may go into making a failing run simpler; `None` leaves it as it was found.
    pub shrink: Option<Budget>,
    /// Ends it soon after this is set.
    pub stop: Arc<AtomicBool>,
    /// Is told how far it is.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// Where an exhaustive search that is ended early, or killed, goes on.
    pub checkpoint: Option<PathBuf>,
    /// How often that is written while the search goes on.
    pub checkpoint_every: Duration,
    /// What the system was built with: [`Explore::variant`].
    pub variant: IndexMap<String, String>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            strategy: StrategyKind::default(),
            seeds: 0..SEEDS_DEFAULT,
            laws: None,
            jobs: 0,
            time: None,
            shrink: Some(Budget::default()),
            stop: Arc::default(),
            progress: None,
            checkpoint: None,
            checkpoint_every: CHECKPOINT_EVERY,
            variant: IndexMap::new(),
        }
    }
}

/// What a real run came to.
#[cfg(feature = "threads")]
#[derive(Debug)]
pub struct RealRun {
    /// Its events.
    pub trace: Trace,
    /// Its counts.
    pub metrics: Metrics,
    /// What became of its recording, if it was to be recorded to a file.
    pub recorded: Option<Result<Recorded, RecordError>>,
    /// How long it took.
    pub elapsed: Duration,
    /// The processes that died before it was over.
    pub deaths: Vec<Death>,
    /// The hash of all final states, if the system is hashed and they are known.
    pub state: Option<u64>,
    /// What each law and property says of it.
    pub verdicts: Vec<(String, Verdict)>,
}

/// What a real run measured, of whose events none was kept: nobody can judge it, but by its recording.
#[cfg(feature = "threads")]
#[derive(Debug)]
pub struct Measured {
    /// Its counts, and how long it took.
    pub metrics: Metrics,
    /// What became of its recording, if it was to be recorded to a file.
    pub recorded: Option<Result<Recorded, RecordError>>,
    /// The processes that died before it was over.
    pub deaths: Vec<Death>,
}

#[cfg(feature = "threads")]
impl Measured {
    fn of<M: StateMachine>(outcome: Outcome<M>) -> Self {
        let Outcome { metrics, recorded, deaths, .. } = outcome;
        Self { metrics, recorded, deaths }
    }
}

/// A real run that could not be done as asked.
#[cfg(feature = "threads")]
#[derive(Debug, thiserror::Error)]
pub enum RealRunError {
    /// The system.
    #[error(transparent)]
    System(#[from] raddle_core::SystemError),
    /// The threads, or the processes.
    #[error(transparent)]
    Start(#[from] raddle_runtime::RunError),
    /// A law that does not exist.
    #[error(transparent)]
    Law(#[from] UnknownLaw),
}

impl<M: StateMachine> AnySystem for System<M> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), SetError> {
        Self::set(self, key, value)
    }

    fn policies(&self) -> &Policies {
        self.current_policies()
    }

    fn sketch(&self, settings: &Settings) -> Result<Sketch, RunError> {
        let plan = self.plan()?;
        let names = Arc::clone(plan.names());
        let sent = |source| plan.externals().iter().filter(|external| external.source == source).count();
        Ok(Sketch {
            workers: names.workers().map(|(_, name)| name.to_owned()).collect(),
            sources: names.sources().map(|(id, name)| (name.to_owned(), sent(id))).collect(),
            properties: plan.properties().iter().map(|p| (p.name.clone(), p.when)).collect(),
            marks: plan.marks().to_vec(),
            laws: Runner::new(plan, settings.clone(), None)?.laws().to_vec(),
        })
    }

    fn explore(&self, search: &Search) -> Result<Report, RunError> {
        let mut explore = Explore::new(self.clone())
            .settings(search.settings.clone())
            .strategy(search.strategy)
            .seeds(search.seeds.clone())
            .jobs(search.jobs)
            .time(search.time)
            .shrink(search.shrink)
            .stop_flag(Arc::clone(&search.stop));
        if let Some(laws) = &search.laws {
            explore = explore.laws(laws.iter().cloned());
        }
        if let Some(progress) = search.progress.clone() {
            explore = explore.on_progress(move |so_far| progress(so_far));
        }
        if let Some(file) = &search.checkpoint {
            let every = search.checkpoint_every;
            explore = explore.checkpoint(file).checkpoint_every(every).variant(search.variant.clone());
        }
        explore.run()
    }

    fn record(&self, search: &Search, seed: u64) -> Result<Recording, RunError> {
        let plan = self.plan()?;
        let mut runner = Runner::new(Arc::clone(&plan), search.settings.clone(), search.laws.as_deref())?;
        let pilot = raddle_sim::pilot(search.strategy, &plan, &search.settings);
        Ok(runner.record(seed, search.strategy.make(&pilot).as_mut()))
    }

    fn record_while(
        &self,
        search: &Search,
        strategy: &mut dyn Strategy,
        go_on: &mut dyn FnMut(Recording) -> bool,
    ) -> Result<(), RunError> {
        let mut runner = Runner::new(self.plan()?, search.settings.clone(), search.laws.as_deref())?;
        let mut runs = 0..;
        while runs.next().is_some_and(|run| go_on(runner.record(run, strategy))) {}
        Ok(())
    }

    fn finding(&self, report: &Report, found: &Found) -> Result<Finding, RunError> {
        let plan = self.plan()?;
        let strategy = report.strategy.of_seed(found.seed);
        Ok(Finding::new(found, self, &report.settings, &strategy, &report.laws, plan.names()))
    }

    fn replay(&self, finding: &Finding) -> Result<Replayed, ReplayError> {
        raddle_sim::replay(self, finding)
    }

    fn shrink(
        &self,
        finding: &Finding,
        budget: &Budget,
        stop: &Arc<AtomicBool>,
    ) -> Result<(Finding, Found), FailingError> {
        raddle_sim::shrink_finding(self, finding, budget, stop)
    }

    fn explain(&self, finding: &Finding, budget: &Budget) -> Result<Explanation, FailingError> {
        raddle_sim::explain(self, finding, budget)
    }

    fn lift(&self, lanes: &Arc<Lanes>, laws: Option<&[String]>, keep: Keep) -> Result<Lifted, LiftError> {
        raddle_sim::lift(self, lanes, laws, keep)
    }

    fn found_in(&self, lanes: &Arc<Lanes>, events_max: u64) -> Result<(Lifted, Option<Finding>), LiftError> {
        raddle_sim::found_in(self, lanes, events_max)
    }

    #[cfg(feature = "threads")]
    fn run_on_threads(&self, threads: &Threads, laws: Option<&[String]>) -> Result<RealRun, RealRunError> {
        let plan = self.plan()?;
        judge(&plan, threads.clone().record(true).run(&plan)?, laws)
    }

    #[cfg(all(feature = "threads", unix))]
    fn run_on_processes(&self, processes: &Processes, laws: Option<&[String]>) -> Result<RealRun, RealRunError> {
        let plan = self.plan()?;
        judge(&plan, processes.clone().record(true).run(&plan)?, laws)
    }

    #[cfg(feature = "threads")]
    fn measure_on_threads(&self, threads: &Threads) -> Result<Measured, RealRunError> {
        Ok(Measured::of(threads.clone().record(false).run(&self.plan()?)?))
    }

    #[cfg(all(feature = "threads", unix))]
    fn measure_on_processes(&self, processes: &Processes) -> Result<Measured, RealRunError> {
        Ok(Measured::of(processes.clone().record(false).run(&self.plan()?)?))
    }

    #[cfg(all(feature = "threads", unix))]
    fn serve(&self) -> Result<(), RealRunError> {
        Processes::serve(&*self.plan()?);
        Ok(())
    }
}

/// Why nothing can be said of final states.
#[cfg(feature = "threads")]
const NOBODY_HAS_IT: &str = "a process died when its run was over, and nobody has its last state";

/// A recorded run, judged by these laws, or those of its system.
#[cfg(feature = "threads")]
fn judge<M: StateMachine>(
    plan: &Plan<M>,
    outcome: Outcome<M>,
    laws: Option<&[String]>,
) -> Result<RealRun, RealRunError> {
    let state = outcome.state_hash(plan);
    let trace = outcome.trace.expect("it was recorded");
    let laws = laws.or(plan.laws());
    let laws = laws.map_or_else(|| default_laws(&trace.conditions), |laws| laws.iter().map(String::as_str).collect());
    let mut properties = Properties::new(plan.properties());
    let last = trace.events.last().map(|event| event.moment).unwrap_or_default();
    if outcome.are_states_known {
        properties.at_end(&Snapshot::new(&outcome.workers, plan.names()), outcome.end.reason, last);
    }
    let of_laws = raddle_checkers::check(&trace, &laws)?.into_iter().map(|(law, verdict)| (law.to_owned(), verdict));
    let of_properties = properties.verdicts().into_iter().map(|(name, verdict)| {
        let known = if outcome.are_states_known { verdict } else { Verdict::Unknown(NOBODY_HAS_IT.to_owned()) };
        (name.to_owned(), known)
    });
    let verdicts = of_laws.chain(of_properties).collect();
    let Outcome { metrics, recorded, elapsed, deaths, .. } = outcome;
    Ok(RealRun { trace, metrics, recorded, elapsed, deaths, state, verdicts })
}
