//! The door of proptest: workloads, schedules and whole runs as values that shrink.
//!
//! Every list of numbers is a schedule and every part of a workload is a workload, so shrinking never leaves what can
//! be run: a cut workload keeps the numbers of its messages, a shorter schedule goes on in the default order, and all
//! zeros *are* the default order. What proptest ends up with is a small run near the one that everybody expects.
//!
//! If unsure, take [`runs`]: it varies everything.
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

use std::fmt;

use ::proptest::collection::{SizeRange, vec};
use ::proptest::sample;
use ::proptest::strategy::{NewTree, Strategy, ValueTree};
use ::proptest::test_runner::{TestCaseError, TestRunner};
use raddle_core::{StateMachine, System};
use raddle_sim::Settings;
use raddle_sim::strategy::Indices;

use crate::fuzz;

/// The source of generated messages.
const SOURCE: &str = "client";
/// A longer schedule shrinks slowly and says no more.
const CHOICES_MAX: usize = 128;
/// A choice is taken modulo what is possible; smaller numbers are read more easily.
const CHOICE_END: u32 = 60;
/// The same holds for seeds.
const SEED_END: u64 = 1 << 16;

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
/// // Of exactly three, none can be cut; of up to three, the first is, and the others stay what they were.
/// let mut tree = workloads(["ann", "bob"], 0..10_u32, 0..4).new_tree(&mut TestRunner::deterministic())?;
/// let before = numbers(&tree);
/// assert!(tree.simplify());
/// assert_eq!(numbers(&tree), before[1..]);
/// # Ok::<(), proptest::test_runner::Reason>(())
/// ```
pub fn workloads<T: Clone + fmt::Debug>(
    workers: impl IntoIterator<Item = impl Into<String>>,
    message: impl Strategy<Value = T>,
    size: impl Into<SizeRange>,
) -> impl Strategy<Value = Workload<T>> {
    let workers: Vec<String> = workers.into_iter().map(Into::into).collect();
    Workloads { message: (sample::select(workers), message), size: size.into() }
}

/// Schedules: each number is the place of the next action among those possible, wrapped around; after the last, the
/// default order goes on. For [`sim::strategy::Indices`](raddle_sim::strategy::Indices).
pub fn schedules(length: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u32>> {
    vec(0..CHOICE_END, length)
}

/// Whole runs: a workload as [`workloads`] gives it, a schedule and a seed, shrunk together.
pub fn runs<T: Clone + fmt::Debug>(
    workers: impl IntoIterator<Item = impl Into<String>>,
    message: impl Strategy<Value = T>,
    size: impl Into<SizeRange>,
) -> impl Strategy<Value = Run<T>> {
    let parts = (workloads(workers, message, size), schedules(0..CHOICES_MAX), 0..SEED_END);
    parts.prop_map(|(workload, schedule, seed)| Run { workload, schedule, seed })
}

/// A run to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<T> {
    /// What comes from outside.
    pub workload: Workload<T>,
    /// What is done in which order.
    pub schedule: Vec<u32>,
    /// What handlers draw from.
    pub seed: u64,
}

impl<T: Clone> Run<T> {
    /// Runs the system, with this workload instead of its own, and judges the run.
    ///
    /// # Errors
    /// When it breaks a law: with all that is known of it, picture included. When it does not end, or cannot be run.
    pub fn check<M: StateMachine<Message = T>>(&self, system: &System<M>) -> Result<(), TestCaseError> {
        self.check_under(system, Settings::default())
    }

    /// The same under other settings.
    ///
    /// # Errors
    /// The same.
    pub fn check_under<M: StateMachine<Message = T>>(
        &self,
        system: &System<M>,
        settings: Settings,
    ) -> Result<(), TestCaseError> {
        let system = self.workload.put_into(system);
        fuzz::judge(&system, settings, self.seed, Indices::new(self.schedule.clone())).map_err(TestCaseError::fail)
    }
}

#[derive(Debug)]
struct Workloads<S> {
    message: S,
    size: SizeRange,
}

impl<T: Clone + fmt::Debug, S: Strategy<Value = (String, T)>> Strategy for Workloads<S> {
    type Tree = WorkloadTree<S::Tree>;
    type Value = Workload<T>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let length = (self.size.start()..=self.size.end_incl()).new_tree(runner)?.current();
        let messages = (0..length).map(|_| self.message.new_tree(runner)).collect::<Result<Vec<_>, _>>()?;
        let kept = vec![true; length];
        Ok(WorkloadTree { messages, kept, least: self.size.start(), next: Shrink::Cut(0), last: None })
    }
}

/// A workload that shrinks: first messages are cut, then those left are simplified, each from the first on.
#[derive(Clone, Debug)]
struct WorkloadTree<V> {
    messages: Vec<V>,
    kept: Vec<bool>,
    least: usize,
    next: Shrink,
    last: Option<Shrink>,
}

#[derive(Clone, Copy, Debug)]
enum Shrink {
    Cut(usize),
    Simplify(usize),
}

impl<T: Clone + fmt::Debug, V: ValueTree<Value = (String, T)>> ValueTree for WorkloadTree<V> {
    type Value = Workload<T>;

    fn current(&self) -> Workload<T> {
        let kept = (0..).zip(&self.messages).zip(&self.kept).filter(|(_, kept)| **kept);
        let numbered = kept.map(|((number, message), _)| {
            let (to, message) = message.current();
            (number, to, message)
        });
        Workload { messages: numbered.collect() }
    }

    fn simplify(&mut self) -> bool {
        loop {
            match self.next {
                Shrink::Cut(at)
                    if at < self.kept.len() && self.kept.iter().filter(|kept| **kept).count() > self.least =>
                {
                    self.kept[at] = false;
                    (self.last, self.next) = (Some(self.next), Shrink::Cut(at + 1));
                    return true;
                }
                Shrink::Cut(_) => self.next = Shrink::Simplify(0),
                Shrink::Simplify(at) if at == self.kept.len() => return false,
                Shrink::Simplify(at) if self.kept[at] && self.messages[at].simplify() => {
                    self.last = Some(self.next);
                    return true;
                }
                Shrink::Simplify(at) => self.next = Shrink::Simplify(at + 1),
            }
        }
    }

    fn complicate(&mut self) -> bool {
        match self.last {
            None => false,
            Some(Shrink::Cut(at)) => {
                self.kept[at] = true;
                self.last = None;
                true
            }
            Some(Shrink::Simplify(at)) => {
                let more = self.messages[at].complicate();
                if !more {
                    self.last = None;
                }
                more
            }
        }
    }
}
