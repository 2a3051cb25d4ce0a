//! Explaining: why a run fails, found by doing other runs beside it.
//!
//! - [`odds`]: after each step of the run, how likely is it still to fail, if all that follows is left to chance? Where
//!   that jumps, the failure was decided.
//! - [`pair`]: which two things must happen in this order, so that the other way round nothing is broken? Or which
//!   value must a handler choose?
//! - [`handling`]: to which call of which handler does a step belong?
//!
//! All is drawn from fixed streams, so the same finding is explained in the same words every time. The causal past of
//! the failure, the third part of an explanation, is a matter of the trace alone: see `raddle_view::Shown`.

mod after;
mod handling;
mod odds;
mod pair;

use raddle_core::{StateMachine, System};

use crate::failing::{Failing, FailingError};
use crate::finding::Finding;
use crate::replay::Replayed;
use crate::shrink::{Deed, Trials};
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
    /// tried; around the jump they are.
    pub odds: Vec<Odds>,
    /// The step at which this rises most, from 1; none if every run fails from the beginning.
    pub jump: Option<u64>,
    /// What must happen in the order in which it does, or be chosen as it is; none if no run beside it passes.
    pub pair: Option<Pair>,
}

/// Says why a saved run fails. `system` is built with the finding's own parameters and bug.
///
/// # Errors
/// When the finding does not fit the system, when it does not break the law in the same way any more, or when a handler
/// does not return.
pub fn explain<M: StateMachine>(system: &System<M>, finding: &Finding) -> Result<Explanation, FailingError> {
    let failing = Failing::of(system, finding)?;
    let (seed, without) = (finding.seed, failing.saved.without.clone());
    let recording = failing.replayed.recording.clone();
    let (odds, jump, pair, deeds) = failing.study(finding, move |runner| {
        let violation = recording.run.violation?;
        let left_out: Vec<bool> = runner.externals().iter().map(|id| without.contains(id)).collect();
        let mut trials = Trials::new(runner, seed, &violation, &|| true);
        let failed = trials.first(&recording.schedule, left_out)?;
        let course = trials.course().clone();
        // Elsewhere it is the same failure to one who asks what led to it.
        trials.anywhere();
        let odds = odds::of(&mut trials, seed, &course, &failed.left_out)?;
        let pair = pair::of(&mut trials, seed, &course, &failed.left_out, odds.passing);
        let done = handling::of(&mut trials, &mut Replay::without_times(recording.schedule), &failed.left_out);
        let deeds = done.into_iter().map(|done| done.deed).collect();
        Some((odds.points, odds.jump, pair, deeds))
    })?;
    Ok(Explanation { replayed: failing.replayed, deeds, odds, jump, pair })
}
