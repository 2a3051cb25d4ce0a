//! Exploration: what is to be searched, and what came of it.
//!
//! [`Explore`] says what, [`Report`] says what came of it; the campaign itself (jobs, elapsed time, watchdog) is in
//! [`crate::campaign`]. Sampling stops at the lowest failing seed, the same for any number of jobs.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indexmap::IndexMap;
use raddle_checkers::{Losses, Violation};
use raddle_core::{Digest, FaultKind, MessageId, StateMachine, System, Trace};

use crate::actions::Decision;
use crate::campaign;
use crate::coverage::Covered;
use crate::distinct::Distinct;
use crate::exhaustive::Exhausted;
use crate::explain::{Decided, Pair};
use crate::faults::FaultPlan;
use crate::pilot::Figures;
use crate::run::{Recording, RunError};
use crate::settings::{Granularity, Network, Settings};
use crate::shrink::{Budget, Shrunk};
use crate::strategy::StrategyKind;

/// How many seeds are tried unless said otherwise.
pub const SEEDS_DEFAULT: u64 = 10_000;

/// Which seeds are tried: a count, which is so many from 0, or a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Range<u64>);

impl From<u64> for Seeds {
    fn from(count: u64) -> Self {
        Self(0..count)
    }
}

impl From<Range<u64>> for Seeds {
    fn from(range: Range<u64>) -> Self {
        Self(range)
    }
}

/// A search over the runs of one system.
///
/// ```
/// use raddle_core::{Outbox, StateMachine, System};
/// use raddle_sim::{Explore, Network};
///
/// /// Keeps what it hears last.
/// #[derive(Default)]
/// struct Last(u32);
/// impl StateMachine for Last {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("sink", n); }
///     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.0 = n; }
/// }
///
/// let system = System::new("last")
///     .workers(["left", "right", "sink"], |_| Last::default())
///     .messages("client", [("left", 1), ("right", 2)])
///     .at_end("right-wins", |run| run.machine("sink").is_some_and(|sink| sink.0 == 2));
/// let report = Explore::new(system).seeds(100).run()?;
/// let found = report.found.expect("left may well be last");
/// assert_eq!(found.violation.law, "right-wins");
/// # Ok::<(), raddle_sim::RunError>(())
/// ```
pub struct Explore<M: StateMachine> {
    pub(crate) system: System<M>,
    pub(crate) settings: Settings,
    pub(crate) strategy: StrategyKind,
    pub(crate) seeds: Range<u64>,
    pub(crate) laws: Option<Vec<String>>,
    pub(crate) jobs: usize,
    pub(crate) time: Option<Duration>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    pub(crate) shrink: Option<Budget>,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) checkpoint_every: Duration,
    pub(crate) variant: IndexMap<String, String>,
}

/// How far a search is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Runs done.
    pub runs: u64,
    /// Runs asked for.
    pub of: u64,
    /// Inputs handled.
    pub deliveries: u64,
    /// Since the search began.
    pub elapsed: Duration,
    /// Of an exhaustive search, how much is done, between 0 and 1: an estimate, as the rest is not known.
    pub part: Option<f64>,
}

impl<M: StateMachine> Explore<M> {
    /// The default search of a system.
    #[must_use]
    pub fn new(system: System<M>) -> Self {
        Self {
            system,
            settings: Settings::default(),
            strategy: StrategyKind::default(),
            seeds: 0..SEEDS_DEFAULT,
            laws: None,
            jobs: 0,
            time: None,
            stop: Arc::default(),
            progress: None,
            shrink: Some(Budget::default()),
            checkpoint: None,
            checkpoint_every: campaign::CHECKPOINT_EVERY,
            variant: IndexMap::new(),
        }
    }

    /// Lets an exhaustive search that is ended early, or killed, go on from this file: it is read if it is there, written
    /// while the search goes on ([`checkpoint_every`](Self::checkpoint_every)) and when it is ended, and removed when the search is
    /// complete.
    #[must_use]
    pub fn checkpoint(mut self, file: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(file.into());
        self
    }

    /// How often the checkpoint is written while the search goes on: this often
    /// ([`CHECKPOINT_EVERY`](crate::CHECKPOINT_EVERY) if not set), or less if it is so large that writing it would take more
    /// than a twentieth of the time.
    #[must_use]
    pub const fn checkpoint_every(mut self, every: Duration) -> Self {
        self.checkpoint_every = every;
        self
    }

    /// What the system was built with, such as its parameters: a checkpoint of another variant is refused, also if its runs
    /// look the same.
    #[must_use]
    pub fn variant(mut self, variant: IndexMap<String, String>) -> Self {
        self.variant = variant;
        self
    }

    /// The seeds to try, from the lowest: a count, or a range.
    #[must_use]
    pub fn seeds(mut self, seeds: impl Into<Seeds>) -> Self {
        self.seeds = seeds.into().0;
        self
    }

    /// How choices are made.
    #[must_use]
    pub const fn strategy(mut self, strategy: StrategyKind) -> Self {
        self.strategy = strategy;
        self
    }

    /// All settings at once.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// What the simulated transport may do.
    #[must_use]
    pub const fn network(mut self, network: Network) -> Self {
        self.settings.network = network;
        self
    }

    /// Which moments are interleaved.
    #[must_use]
    pub const fn granularity(mut self, granularity: Granularity) -> Self {
        self.settings.granularity = granularity;
        self
    }

    /// A run is cut off after this many steps.
    #[must_use]
    pub const fn steps_max(mut self, steps: u64) -> Self {
        self.settings.steps_max = steps;
        self
    }

    /// No timer fires later than this.
    #[must_use]
    pub const fn horizon(mut self, horizon: Duration) -> Self {
        self.settings.horizon = Some(horizon);
        self
    }

    /// Which faults runs may suffer, and how many of each; none if not set. Which messages they may befall, the system
    /// says ([`System::fault_when`]).
    #[must_use]
    pub const fn faults(mut self, faults: FaultPlan) -> Self {
        self.settings.faults = faults;
        self
    }

    /// Judges by these laws instead of the system's.
    #[must_use]
    pub fn laws<N: Into<String>>(mut self, laws: impl IntoIterator<Item = N>) -> Self {
        self.laws = Some(laws.into_iter().map(Into::into).collect());
        self
    }

    /// How many runs go on at once; 0 is one for each processor. The result does not depend on it.
    #[must_use]
    pub const fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Ends the search after this long, even if seeds are left.
    #[must_use]
    pub const fn time(mut self, time: Option<Duration>) -> Self {
        self.time = time;
        self
    }

    /// Ends the search soon after this is set.
    #[must_use]
    pub fn stop_flag(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Is told from time to time how far the search is.
    #[must_use]
    pub fn on_progress(mut self, progress: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// How much work may go into making a failing run simpler; `None` leaves it as it was found.
    #[must_use]
    pub fn shrink(mut self, budget: impl Into<Option<Budget>>) -> Self {
        self.shrink = budget.into();
        self
    }

    /// The system that is searched.
    #[must_use]
    pub const fn system(&self) -> &System<M> {
        &self.system
    }

    /// Searches.
    ///
    /// # Errors
    /// When the system cannot be run as asked. A broken law is no error: it is in the report.
    pub fn run(&self) -> Result<Report, RunError> {
        campaign::explore(self)
    }
}

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The system.
    pub system: String,
    /// How choices were made.
    pub strategy: StrategyKind,
    /// The settings of every run.
    pub settings: Settings,
    /// The laws by which runs were judged.
    pub laws: Vec<&'static str>,
    /// The properties of the system, which are judged as well.
    pub properties: Vec<String>,
    /// The seeds tried, up to and including the failing one.
    pub seeds: Range<u64>,
    /// How many those are.
    pub runs: u64,
    /// Actions performed.
    pub steps: u64,
    /// Inputs handled.
    pub deliveries: u64,
    /// Runs cut off by the step limit: nothing is known of how they would have ended.
    pub unfinished: u64,
    /// Runs that the horizon ended.
    pub at_horizon: u64,
    /// The estimates that its strategy went by, if it takes any.
    pub pilot: Option<Figures>,
    /// How long it took, without shrinking.
    pub elapsed: Duration,
    /// How many different traces were seen.
    pub distinct: Distinct,
    /// How many traces there are in all, where a sample has seen nearly all and they could be counted.
    pub traces_in_all: Option<u64>,
    /// How many runs reached each `sometimes` property and each mark; those never reached with 0. Of strategy `states`, behind
    /// how many steps from one state to another it had been reached.
    pub reached: IndexMap<String, u64>,
    /// Which worker handled which kind of input in which kind of state; empty if the system says nothing of kinds. Of an
    /// exhaustive search, in its executions: `dpor` does one run of each trace, and `states` counts each step from one state to
    /// another once.
    pub coverage: Vec<Covered>,
    /// What was dropped in all runs, by reason: no law minds a loss with a reason.
    pub losses: Losses,
    /// How many faults of each kind befell the runs, for the kinds that were asked for.
    pub faults: IndexMap<FaultKind, u64>,
    /// The run that broke a law.
    pub found: Option<Found>,
    /// What came of it, if it was exhaustive. Then `found` is what was found first.
    pub exhausted: Option<Exhausted>,
    /// How the search ended, if not with its last seed or a violation.
    pub cut: Option<Cut>,
}

impl Report {
    /// Whether nothing ran: no run has ended, nor was more than one state seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let states = self.exhausted.as_ref().and_then(|exhausted| exhausted.states);
        self.runs == 0 && states.is_none_or(|states| states <= 1)
    }
}

/// Why a search ended before its last seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its time was over.
    Time,
    /// It was told to stop.
    Stopped,
}

/// A run that broke a law, made simpler if it could be.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it broke.
    pub violation: Violation,
    /// Same bug, same signature.
    pub signature: String,
    /// The seed of the run.
    pub seed: u64,
    /// Actions performed.
    pub steps: u64,
    /// Its choices by stable names.
    pub schedule: Vec<Decision>,
    /// The messages from outside that were left out of it.
    pub without: Vec<MessageId>,
    /// What shrinking did to it, if it was shrunk.
    pub shrunk: Option<Shrunk>,
    /// Where it was decided, if it was shrunk and that was cheap to find: see [`Budget::explain`](crate::Budget).
    pub decided: Option<Decided>,
    /// The two things whose order decides, or the value that does, if it was shrunk. Where it takes no more than one thing
    /// out of order, only if [`Found::decided`] is known too.
    pub pair: Option<Pair>,
    /// Its events; none for a run that could not be written down because a handler never returned.
    pub trace: Option<Trace>,
    /// The digest of its events.
    pub digest: Digest,
    /// The estimates that its strategy went by, if it takes any.
    pub pilot: Option<Figures>,
    /// Where it was saved.
    pub saved: Option<PathBuf>,
}

impl Found {
    /// What one run broke, with this seed, as it was found; none if it broke nothing.
    #[must_use]
    pub fn of_recording(recording: Recording, seed: u64) -> Option<Self> {
        let Recording { run, trace, schedule } = recording;
        let violation = run.violation?;
        Some(Self {
            signature: violation.signature(&trace.conditions.names),
            violation,
            seed,
            steps: run.steps,
            schedule,
            without: Vec::new(),
            shrunk: None,
            decided: None,
            pair: None,
            digest: trace.digest(),
            trace: Some(trace),
            pilot: None,
            saved: None,
        })
    }
}
