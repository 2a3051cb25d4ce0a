//! Explaining: why a run fails, found by doing other runs beside it.
//!
//! - [`odds`]: after each step of the run, how likely is it still to fail, if all that follows is left to chance? Where
//!   that jumps, the failure was decided.
//! - [`pair`]: which two things must happen in this order, so that the other way round nothing is broken? Or which
//!   value must a handler choose?
//! - [`handling`]: to which call of which handler does a step belong?
//!
//! All is drawn from fixed streams, so the same finding is explained in the same words every time, unless a clock cuts it.
//! The causal past of the failure, the third part of an explanation, is a matter of the trace alone: see `raddle_view::Shown`.
//!
//! Each of those runs is as long as the run itself, so of a long one less is said: the odds are looked for at fewer places,
//! and where even a bisection would take more than the budget, not at all. Never are there odds of half the places, or a pair
//! of half a bisection.

mod after;
mod handling;
mod odds;
mod pair;

use raddle_core::{StateMachine, System};

use crate::campaign;
use crate::failing::{Failing, FailingError};
use crate::finding::Finding;
use crate::replay::Replayed;
use crate::shrink::{Budget, Deed, Trials};
use crate::strategy::Replay;

pub use handling::Handling;
pub(crate) use odds::within as odds_within;
pub use odds::{Decided, Odds};
pub(crate) use pair::of as pair_of;
pub use pair::{Contrast, Pair, Part};

/// Why a saved run fails.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The run.
    pub replayed: Replayed,
    /// What it does at each step.
    pub deeds: Vec<Deed>,
    /// How likely it is to fail after the first steps of it: after none, after one, and so on. Of a long run not all are
    /// tried; around the jump they are. Empty where that would take too long.
    pub odds: Vec<Odds>,
    /// The step at which this rises most, from 1; none if every run fails from the beginning.
    pub jump: Option<u64>,
    /// Why there are no odds.
    pub undecided: Option<TooLong>,
    /// What must happen in the order in which it does, or be chosen as it is; none if no run beside it passes.
    pub pair: Option<Pair>,
    /// Why there is no pair, if it is not because all runs fail.
    pub unpaired: Option<TooLong>,
}

/// Why something is not known of a run: to find out takes longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// It would take more than so many steps.
    Steps(u64),
    /// Time was over.
    Time,
}

/// Says why a saved run fails, as far as the budget allows: the odds may take the steps of [`Budget::explain`], the pair as
/// many again, twice if it needs a run that only the odds found, and all together no more than [`Budget::time`]. `system` is built with the finding's own parameters and bug.
///
/// # Errors
/// When the finding does not fit the system, when it does not break the law in the same way any more, or when a handler
/// does not return.
pub fn explain<M: StateMachine>(
    system: &System<M>,
    finding: &Finding,
    budget: &Budget,
) -> Result<Explanation, FailingError> {
    let failing = Failing::of(system, finding)?;
    let (seed, without, budget) = (finding.seed, failing.saved.without.clone(), *budget);
    let recording = failing.replayed.recording.clone();
    let (odds, pair, unpaired, deeds) = failing.study(finding, move |runner| {
        let violation = recording.run.violation?;
        let left_out = runner.left_out(&without);
        let in_time = campaign::timer(budget.time);
        let mut trials = Trials::new(runner, seed, &violation, &in_time);
        let failed = trials.first(&recording.schedule, left_out)?;
        let course = trials.course().clone();
        // Elsewhere it is the same failure to one who asks what led to it.
        trials.anywhere();
        let look = |trials: &mut Trials<'_, M>, passing| {
            trials.allow(budget.explain);
            let pair = pair::of(trials, seed, &course, &failed.left_out, passing);
            // Of a bisection that was cut nothing is known.
            let why = too_long(trials, &budget);
            (pair.filter(|_| why.is_none()), why)
        };
        // It needs the fewest runs, and in most cases nothing of the odds.
        let (mut pair, mut unpaired) = look(&mut trials, None);
        let odds = odds::of_some(&mut trials, (seed, budget.explain), &course, &failed.left_out);
        let odds = odds.ok_or_else(|| too_long(&trials, &budget).unwrap_or(TooLong::Steps(budget.explain)));
        match &odds {
            Ok(odds) if pair.is_none() && odds.passing.is_some() => (pair, unpaired) = look(&mut trials, odds.passing),
            // Nobody has looked for another run that passes.
            Err(why) if pair.is_none() => unpaired = unpaired.or(Some(*why)),
            _ => {}
        }
        let done = handling::of(&mut trials, &mut Replay::without_times(recording.schedule), &failed.left_out);
        let deeds = done.into_iter().map(|done| done.deed).collect();
        Some((odds, pair, unpaired, deeds))
    })?;
    let (odds, jump, undecided) = match odds {
        Ok(odds) => (odds.points, odds.jump, None),
        Err(why) => (Vec::new(), None, Some(why)),
    };
    Ok(Explanation { replayed: failing.replayed, deeds, odds, jump, undecided, pair, unpaired })
}

/// Why the last trials were cut, if they were.
fn too_long<M: StateMachine>(trials: &Trials<'_, M>, budget: &Budget) -> Option<TooLong> {
    trials.is_cut().then(|| if trials.left() > 0 { TooLong::Time } else { TooLong::Steps(budget.explain) })
}
