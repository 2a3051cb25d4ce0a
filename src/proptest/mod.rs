//! The door of proptest: workloads, schedules, faults and whole runs as values that shrink.
//!
//! Every list of numbers is a schedule, every part of a workload is a workload and every part of what goes wrong may go
//! wrong alone, so shrinking never leaves what can be run: a cut workload keeps the numbers of its messages, a shorter
//! schedule goes on in the default order, and all zeros *are* the default order. What proptest ends up with is a small run
//! near the one that everybody expects.
//!
//! If unsure, take [`runs`]: it varies everything but faults. [`runs_with_faults`] has these too.
//!
//! ```
//! use raddle::prelude::*;
//! use raddle::proptest::{Run, runs};
//! use proptest::prelude::*;
//!
//! /// Keeps the highest bid it hears of.
//! #[derive(Default)]
//! struct Bidder { highest: u32 }
//! impl StateMachine for Bidder {
//!     type Message = u32;
//!     type Update = u32;
//!     fn on_message(&mut self, bid: u32, out: &mut Outbox<u32>) {
//!         self.highest = self.highest.max(bid);
//!         out.notify(["ann", "bob"], bid);
//!     }
//!     fn on_update(&mut self, bid: u32, _: &mut Outbox<u32>) { self.highest = self.highest.max(bid); }
//! }
//!
//! fn auction() -> System<Bidder> {
//!     System::new("auction")
//!         .workers(["ann", "bob"], |_| Bidder::default())
//!         .at_end("agreed", |run| run.machines().map(|b| b.highest).collect::<std::collections::BTreeSet<_>>().len() == 1)
//!         .savable() // Messages can be written down, so a failing run is saved, to be committed.
//! }
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
//!     # /*
//!     #[test]
//!     # */
//!     fn bidders_agree(run in runs(["ann", "bob"], 1..100_u32, 0..8)) {
//!         run.check(&auction())?;
//!     }
//! }
//! # bidders_agree();
//! ```

mod list;
mod shrink;

use std::panic::Location;
use std::{fmt, iter};

use ::proptest::collection::{SizeRange, vec};
use ::proptest::strategy::{Just, Strategy};
use ::proptest::test_runner::TestCaseError;
use raddle_core::{FaultKind, StateMachine, System};
use raddle_sim::strategy::Indices;
use raddle_sim::{FaultPlan, GivenFault, GivenFaults, Settings};

use self::shrink::{Runs, Workloads};
use crate::given::{Given, Kept};

/// The source of generated messages.
const SOURCE: &str = "client";
/// A longer schedule shrinks slowly and says no more.
const CHOICES_MAX: usize = 128;
/// A choice is taken modulo what is possible; smaller numbers are read more easily.
const CHOICE_END: u32 = 60;
/// The same holds for seeds.
const SEED_END: u64 = 1 << 16;
/// More faults of one kind in a run would hide each other.
const FAULTS_MAX: u32 = 32;

/// Messages from outside, each to a worker, under numbers that they keep when others are cut.
#[derive(Clone, PartialEq, Eq)]
pub struct Workload<T> {
    messages: Vec<(u32, String, T)>,
}

impl<T: Clone> Workload<T> {
    /// The messages: number, worker, message.
    #[must_use]
    pub fn messages(&self) -> &[(u32, String, T)] {
        &self.messages
    }

    /// The system with this workload instead of its own.
    #[must_use]
    pub fn put_into<M: StateMachine<Message = T>>(&self, system: &System<M>) -> System<M> {
        system.clone().without_messages().numbered_messages(SOURCE, self.messages.iter().cloned())
    }
}

impl<T: fmt::Debug> fmt::Debug for Workload<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = |(number, to, message): &(u32, String, T)| format!("{SOURCE}#{number} to {to}: {message:?}");
        f.debug_set().entries(self.messages.iter().map(|one| Words(entry(one)))).finish()
    }
}

/// Text without quotes.
struct Words(String);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Workloads of messages from a strategy, each to one of these workers; `size` says how many.
///
/// ```
/// use proptest::prelude::*;
/// use proptest::strategy::ValueTree;
/// use proptest::test_runner::TestRunner;
/// use raddle::proptest::workloads;
///
/// let mut tree = workloads(["ann", "bob"], 0..10_u32, 3).new_tree(&mut TestRunner::deterministic())?;
/// let numbers = |tree: &dyn ValueTree<Value = raddle::proptest::Workload<u32>>| {
///     tree.current().messages().iter().map(|message| message.0).collect::<Vec<_>>()
/// };
/// assert_eq!(numbers(&tree), [0, 1, 2]);
///
/// // Of exactly three, none can be cut; of up to three, all are, then fewer, and those left stay what they were.
/// let mut tree = workloads(["ann", "bob"], 0..10_u32, 0..4).new_tree(&mut TestRunner::deterministic())?;
/// let before = numbers(&tree);
/// assert!(tree.simplify() && numbers(&tree).is_empty());
/// assert!(tree.complicate() && numbers(&tree) == before);
/// assert!(tree.simplify() && numbers(&tree) == before[1..]);
/// # Ok::<(), proptest::test_runner::Reason>(())
/// ```
pub fn workloads<T: Clone + fmt::Debug>(
    workers: impl IntoIterator<Item = impl Into<String>>,
    message: impl Strategy<Value = T>,
    size: impl Into<SizeRange>,
) -> impl Strategy<Value = Workload<T>> {
    Workloads::new(workers, message, size)
}

/// Schedules: each number is the place of the next action among those possible, wrapped around; after the last, the
/// default order goes on. For [`sim::strategy::Indices`](raddle_sim::strategy::Indices).
pub fn schedules(length: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u32>> {
    vec(0..CHOICE_END, length)
}

/// Fault plans: of each kind as many as there are in `most`, or fewer, or none. For
/// [`Explore::faults`](raddle_sim::Explore::faults); a whole run has its faults from [`runs_with_faults`].
///
/// ```
/// use proptest::prelude::*;
/// use proptest::test_runner::TestRunner;
/// use raddle::prelude::*;
/// use raddle::proptest::fault_plans;
///
/// let mut runner = TestRunner::deterministic();
/// runner.run(&fault_plans("loss(2),crash(1)".parse()?), |plan| {
///     prop_assert!(plan.most(FaultKind::Loss) <= 2 && plan.most(FaultKind::Crash) <= 1);
///     prop_assert_eq!(plan.most(FaultKind::Delay), 0);
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fault_plans(most: FaultPlan) -> impl Strategy<Value = FaultPlan> {
    let counts: Vec<_> = most.kinds().map(|kind| (Just(kind), 0..=most.most(kind))).collect();
    counts.prop_map(|counts| counts.into_iter().fold(FaultPlan::default(), |plan, (kind, most)| plan.with(kind, most)))
}

/// Whole runs: a workload as [`workloads`] gives it, a schedule and a seed, shrunk together. Nothing goes wrong in them.
pub fn runs<T: Clone + fmt::Debug>(
    workers: impl IntoIterator<Item = impl Into<String>>,
    message: impl Strategy<Value = T>,
    size: impl Into<SizeRange>,
) -> impl Strategy<Value = Run<T>> {
    runs_with_faults(FaultPlan::default(), workers, message, size)
}

/// Whole runs in which faults come: of each kind as many as there are in `most`, or fewer. They are part of what is shrunk,
/// and the first part, so that a run with faults is what is left only where it takes them. Of one kind a run has 32 at most.
///
/// Which messages they may befall, the system says ([`System::fault_when`]).
///
/// ```
/// use proptest::prelude::*;
/// use proptest::test_runner::{TestError, TestRunner};
/// use raddle::prelude::*;
/// use raddle::proptest::runs_with_faults;
///
/// /// Passes on what it is told, and counts what is passed to it.
/// #[derive(Default)]
/// struct Counter { sent: u32, counted: u32 }
/// impl StateMachine for Counter {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) {
///         self.sent += n;
///         out.notify("sum", n);
///     }
///     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.counted += n; }
/// }
///
/// // Nobody sends again what is lost.
/// let counting = System::new("counting").workers(["left", "sum"], |_| Counter::default()).at_end("all-counted", |run| {
///     run.machines().map(|it| it.sent).sum::<u32>() == run.machines().map(|it| it.counted).sum::<u32>()
/// });
/// let loss = FaultPlan::default().with(FaultKind::Loss, 3);
///
/// # let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
/// # let mut runner = TestRunner::new(config);
/// let found = runner.run(&runs_with_faults(loss, ["left"], 1..100_u32, 0..8), |run| run.check(&counting));
/// let Err(TestError::Fail(_, run)) = found else { panic!("one may be lost") };
/// assert_eq!((run.workload.messages().len(), run.faults.len()), (1, 1));
/// ```
pub fn runs_with_faults<T: Clone + fmt::Debug>(
    most: FaultPlan,
    workers: impl IntoIterator<Item = impl Into<String>>,
    message: impl Strategy<Value = T>,
    size: impl Into<SizeRange>,
) -> impl Strategy<Value = Run<T>> {
    let kinds: Vec<FaultKind> =
        most.kinds().flat_map(|kind| iter::repeat_n(kind, most.most(kind).min(FAULTS_MAX) as usize)).collect();
    Runs { kinds, workloads: Workloads::new(workers, message, size) }
}

/// A run to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<T> {
    /// What comes from outside.
    pub workload: Workload<T>,
    /// What goes wrong in it.
    pub faults: Vec<GivenFault>,
    /// What is done in which order: the faults are not counted.
    pub schedule: Vec<u32>,
    /// What handlers draw from.
    pub seed: u64,
}

impl<T: Clone> Run<T> {
    /// Runs the system, with this workload instead of its own, and judges the run.
    ///
    /// A run that breaks a law is saved as a finding, workload included, where the system is [savable](System::savable): in
    /// `seeds/` of the crate under test, unless `CI` is set or the [environment](crate::environment) says otherwise. While
    /// proptest shrinks, each takes the place of the one before with the same signature, so that the smallest is left. Commit it, and
    /// [`explore_test!`](crate::explore_test!) of the same system replays it from then on.
    ///
    /// # Errors
    /// When it breaks a law: with all that is known of it, picture included. When it does not end, or cannot be run.
    #[track_caller]
    pub fn check<M: StateMachine<Message = T>>(&self, system: &System<M>) -> Result<(), TestCaseError> {
        self.check_under(system, Settings::default())
    }

    /// The same under other settings, which name no faults: those of a run are its own.
    ///
    /// # Errors
    /// The same, and when the settings name faults.
    #[track_caller]
    pub fn check_under<M: StateMachine<Message = T>>(
        &self,
        system: &System<M>,
        settings: Settings,
    ) -> Result<(), TestCaseError> {
        if !settings.faults.is_empty() {
            let faults = settings.faults;
            let text =
                format!("a whole run has faults of its own: take `runs_with_faults` for `{faults}`, not settings");
            return Err(TestCaseError::fail(text));
        }
        let system = self.workload.put_into(system);
        let settings = Settings { faults: self.faults.iter().map(|fault| fault.kind).collect(), ..settings };
        let given = Given { system: &system, settings, seed: self.seed, kept: Kept::Last(Location::caller()) };
        let mut choices = GivenFaults::new(Indices::new(self.schedule.clone()), self.faults.iter().copied());
        given.judge(&mut choices).map_err(TestCaseError::fail)
    }
}
