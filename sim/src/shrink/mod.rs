//! Shrinking: from a run that breaks a law to the simplest run that breaks it in the same way.
//!
//! A run is a list of choices, each the place of the action taken among those possible in their canonical order, and
//! each value that a handler took in `choose`. Zero is what the default order does, so a run is as far from the default
//! order as its list has numbers that are not zero: its *deviations*. Simpler is, in this order: fewer deviations, fewer
//! messages from outside, fewer steps, smaller numbers, smaller numbers first (the shortlex order of Hypothesis,
//! `MacIver` and Donaldson, "Test-Case Reduction via Test-Case Generation", ECOOP 2020, behind the delays of Emmi,
//! Qadeer and Rakamaric, "Delay-Bounded Scheduling", POPL 2011). Only a run with the same signature counts.
//!
//! 1. *Reduce* ([`reduce`]): delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
//!    Input", TSE 2002) over the messages from outside, and over what is kept of the order of the run; then single
//!    choices. As in DEMi (Scott et al., "Minimizing Faulty Executions of Distributed Systems", NSDI 2016) a message
//!    that no longer comes is skipped. Faults are turns in that order, and are cut with it.
//! 2. *Prove* ([`prove`]): where there are few enough, every simpler run is done. None fails: the result is minimal.
//!
//! A goal that is missed (a property at the end or at some time, a worker that waits for ever) may be missed for want of
//! a message that was left out. Such a failure counts only with parts of the workload over which the default order
//! reaches the goal; where not even the whole workload does, nothing is left out.
//!
//! Every list of choices replays to some run, so no candidate is invalid. The budget is counted in steps, so the result
//! depends on no clock; where a clock cuts it all the same, the result says so and is never called minimal.

mod case;
mod ddmin;
mod keep;
mod needs;
mod prove;
mod reduce;
mod saved;
mod trials;

use std::fmt;
use std::time::Duration;

use raddle_core::StateMachine;
use serde::{Deserialize, Serialize};

use crate::explain::{self, Decided, Pair};
use crate::explore::Found;
use crate::run::Runner;

pub(crate) use case::{Case, Script};
pub(crate) use keep::{Item, Keep, Keys};
pub use needs::Deed;
pub use saved::shrink_finding;
pub(crate) use trials::{Course, Trials};

/// How much work shrinking may be.
///
/// ```
/// use raddle_sim::Budget;
///
/// // Also where a minute is too long:
/// let budget = Budget { time: Some(std::time::Duration::from_secs(5)), ..Budget::default() };
/// assert!(budget.steps > budget.proof);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most steps of all runs that make it smaller. Where they end, the result is [`Size::CutShort`].
    pub steps: u64,
    /// Most steps of all runs that try to prove that nothing is simpler.
    pub proof: u64,
    /// Most steps of all runs that say where the failure was decided. Where it would take more, nothing is said of it.
    pub explain: u64,
    /// Most time. Without it the result is the same on every machine.
    pub time: Option<Duration>,
}

impl Default for Budget {
    /// About a second in an optimised build, and ten in one that is not; most runs need a hundredth.
    fn default() -> Self {
        Self { steps: 5_000_000, proof: 500_000, explain: 2_000_000, time: None }
    }
}

/// What is known of the size of a shrunk run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Size {
    /// No simpler run breaks the law in the same way: all were done.
    Minimal,
    /// Without any one of its deviations, or any one of its messages, it does not break the law in the same way.
    OneMinimal,
    /// The budget ended before anything was known.
    CutShort,
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let all = [Self::Minimal, Self::OneMinimal, Self::CutShort];
        let found = all.into_iter().find(|size| size.to_string() == text);
        found.ok_or_else(|| format!("`{text}` is no size: expected minimal, 1-minimal or cut short"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimal => "minimal",
            Self::OneMinimal => "1-minimal",
            Self::CutShort => "cut short",
        })
    }
}

/// What shrinking did to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shrunk {
    /// The steps of the run as it was found.
    pub from_steps: u64,
    /// The messages from outside of the run as it was found.
    pub from_messages: u64,
    /// Those that are left.
    pub messages: u64,
    /// How small it is now.
    pub size: Size,
    /// What it takes to break the law: `1 out-of-order delivery, bank#0.1 to C before bank#0 to C`.
    pub needs: String,
}

/// Makes a failing run as simple as the budget allows; none if it does not fail in the same way when it is done again.
///
/// The messages of `without` are left out to begin with. `go_on` is asked before every run.
pub(crate) fn shrink<M: StateMachine>(
    runner: &mut Runner<M>,
    found: &Found,
    budget: &Budget,
    go_on: &dyn Fn() -> bool,
) -> Option<Found> {
    let externals = runner.externals();
    let left_out = runner.left_out(&found.without);
    let from_messages = left_out.iter().filter(|out| !**out).count() as u64;
    let mut trials = Trials::new(runner, found.seed, &found.violation, go_on);
    let mut best = trials.first(&found.schedule, left_out)?;
    let size = simplify(&mut trials, &mut best, budget);
    let recording = trials.record(&best);
    let (needs, several) = needs::of(&mut trials, &best);
    let (decided, pair) = explained(&mut trials, (found.seed, budget.explain), &best, several > 1).unwrap_or_default();
    let violation = recording.run.violation?;
    let without = externals.into_iter().zip(&best.left_out).filter(|(_, out)| **out).map(|(id, _)| id).collect();
    let (from_steps, from_messages) = match &found.shrunk {
        Some(before) => (before.from_steps, before.from_messages),
        None => (found.steps, from_messages),
    };
    let shrunk = Shrunk { from_steps, from_messages, messages: best.messages() as u64, size, needs };
    Some(Found {
        violation,
        signature: found.signature.clone(),
        seed: found.seed,
        steps: best.steps,
        schedule: recording.schedule,
        without,
        shrunk: Some(shrunk),
        decided,
        pair,
        pilot: found.pilot,
        digest: recording.trace.digest(),
        trace: Some(recording.trace),
        saved: None,
    })
}

/// Where it was decided, if that is cheap, and which order or value decides it.
fn explained<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    (seed, steps): (u64, u64),
    best: &Case,
    several: bool,
) -> Option<(Option<Decided>, Option<Pair>)> {
    trials.allow_all();
    trials.anywhere();
    trials.fails(&mut Script::new(&best.deviations), &best.left_out)?;
    let course = trials.course().clone();
    let odds = explain::odds_within(trials, (seed, steps), &course, &best.left_out);
    trials.allow_all();
    // Of one, what is needed says as much.
    if odds.is_none() && !several {
        return None;
    }
    let decided = odds.as_ref().and_then(|odds| odds.decided(trials, &course, &best.left_out));
    let passing = odds.and_then(|odds| odds.passing);
    Some((decided, explain::pair_of(trials, seed, &course, &best.left_out, passing)))
}

/// Reduces and proves in turns: what a proof finds on its way may be reduced further.
fn simplify<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case, budget: &Budget) -> Size {
    trials.allow(budget.steps);
    loop {
        if reduce::reduce(trials, best).is_none() {
            return Size::CutShort;
        }
        let left = trials.left();
        trials.allow(budget.proof);
        let before = best.clone();
        if prove::prove(trials, best) {
            return Size::Minimal;
        }
        if *best == before {
            return Size::OneMinimal;
        }
        trials.allow(left);
    }
}
