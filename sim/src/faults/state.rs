//! What befell a run so far, and what still lasts.

use raddle_core::{FaultKind, Time, WorkerId, copy_list};

use super::plan::FaultPlan;

/// After healing, a run may take so many times the steps that it took before.
const LIVENESS_FACTOR: u64 = 10;
/// Fewer steps than this before healing count as this many.
const SAFETY_STEPS_MIN: u64 = 100;

/// The faults of one run.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    /// How many of each kind befell the run.
    pub(crate) fired: [u32; FaultKind::ALL.len()],
    /// Links on which nothing arrives.
    pub(crate) cut: Vec<(WorkerId, WorkerId)>,
    /// The ages of messages that are held up.
    pub(crate) delayed: Vec<u32>,
    pub(crate) stalled: Vec<WorkerId>,
    /// Workers that die of their next input.
    pub(crate) doomed: Vec<WorkerId>,
    pub(crate) filled: Vec<WorkerId>,
    /// Workers whose clock is wrong, and by how many nanoseconds.
    pub(crate) skewed: Vec<(WorkerId, i64)>,
    /// The step at which everything was healed.
    pub(crate) healed: Option<u64>,
}

impl Faults {
    pub(crate) const fn new(plan: FaultPlan) -> Self {
        Self {
            plan,
            fired: [0; FaultKind::ALL.len()],
            cut: Vec::new(),
            delayed: Vec::new(),
            stalled: Vec::new(),
            doomed: Vec::new(),
            filled: Vec::new(),
            skewed: Vec::new(),
            healed: None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.fired = [0; FaultKind::ALL.len()];
        self.end_all();
        self.healed = None;
    }

    /// Becomes equal to `other`, under the same plan, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { plan: _, fired, cut, delayed, stalled, doomed, filled, skewed, healed } = self;
        (*fired, *healed) = (other.fired, other.healed);
        copy_list(cut, &other.cut);
        copy_list(delayed, &other.delayed);
        copy_list(stalled, &other.stalled);
        copy_list(doomed, &other.doomed);
        copy_list(filled, &other.filled);
        copy_list(skewed, &other.skewed);
    }

    pub(crate) fn end_all(&mut self) {
        self.cut.clear();
        self.delayed.clear();
        self.stalled.clear();
        self.doomed.clear();
        self.filled.clear();
        self.skewed.clear();
    }

    /// Whether faults may come at all in runs under these settings.
    pub(crate) fn are_possible(&self) -> bool {
        !self.plan.is_empty()
    }

    /// Whether one of this kind may come yet.
    pub(crate) fn may_fire(&self, kind: FaultKind) -> bool {
        self.healed.is_none() && self.fired[kind as usize] < self.plan.most(kind)
    }

    /// Whether anything is held up that would go on if all faults were over.
    pub(crate) fn hold_something(&self) -> bool {
        !(self.cut.is_empty() && self.delayed.is_empty() && self.stalled.is_empty() && self.filled.is_empty())
    }

    /// How many steps a run may have, of which `steps_max` is the most in all.
    pub(crate) fn steps_max(&self, steps_max: u64) -> u64 {
        self.healed.map_or(steps_max, |at| steps_max.min(at + at.max(SAFETY_STEPS_MIN) * LIVENESS_FACTOR))
    }

    /// Whether the first phase has lasted long enough, so that there is time for the second.
    pub(crate) const fn are_to_end(&self, step: u64, steps_max: u64) -> bool {
        self.healed.is_none() && step >= steps_max / (LIVENESS_FACTOR + 1)
    }

    /// What the clock of a worker says at this time.
    pub(crate) fn local(&self, worker: WorkerId, time: Time) -> Time {
        Time(time.0.saturating_add_signed(self.skew(worker)))
    }

    /// At what time the clock of a worker says this.
    pub(crate) fn global(&self, worker: WorkerId, time: Time) -> Time {
        Time(time.0.saturating_add_signed(-self.skew(worker)))
    }

    fn skew(&self, worker: WorkerId) -> i64 {
        self.skewed.iter().find(|skewed| skewed.0 == worker).map_or(0, |skewed| skewed.1)
    }
}
