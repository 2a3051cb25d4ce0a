//! Replay of a recorded schedule, by the stable names of its actions.
//!
//! Code changes; a schedule may name what no longer happens. Such a decision is skipped and the first of them is kept
//! for the report; where the schedule has ended the default order goes on. So every schedule replays to some run.

use raddle_core::{Beyond, Time};

use super::Strategy;
use crate::actions::{Actions, Decision};

/// Follows a schedule as far as it fits.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    schedule: Vec<Decision>,
    next: usize,
    step: u64,
    misfit: Option<Misfit>,
}

/// The first decision of a schedule that was not possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The step at which it was to be taken, from 1.
    pub step: u64,
    /// What was to happen.
    pub decision: Decision,
}

impl Replay {
    /// Follows this schedule.
    #[must_use]
    pub const fn new(schedule: Vec<Decision>) -> Self {
        Self { schedule, next: 0, step: 0, misfit: None }
    }

    /// Follows this schedule, but for the times in it: the clock is the simulator's own.
    pub(crate) fn without_times(mut schedule: Vec<Decision>) -> Self {
        schedule.retain(|decision| !matches!(decision, Decision::At(_)));
        Self::new(schedule)
    }

    /// The first decision that was not possible in the last run, if any.
    #[must_use]
    pub const fn misfit(&self) -> Option<&Misfit> {
        self.misfit.as_ref()
    }

    /// The decisions that were left when the run was over.
    #[must_use]
    pub fn left(&self) -> &[Decision] {
        &self.schedule[self.next.min(self.schedule.len())..]
    }
}

impl Strategy for Replay {
    fn begin(&mut self, _: u64) {
        (self.next, self.step, self.misfit) = (0, 0, None);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.step += 1;
        while let Some(decision) = self.schedule.get(self.next) {
            self.next += 1;
            if matches!(decision, Decision::At(_)) {
                continue;
            }
            if let Some(at) = actions.iter().position(|action| action.is(decision)) {
                return at;
            }
            if self.misfit.is_none() {
                self.misfit = Some(Misfit { step: self.step, decision: decision.clone() });
            }
        }
        0
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        while let Some(Decision::Choose(value)) = self.schedule.get(self.next) {
            values.push(*value);
            self.next += 1;
        }
    }

    fn now(&mut self) -> Option<Time> {
        let Some(Decision::At(now)) = self.schedule.get(self.next) else { return None };
        self.next += 1;
        Some(*now)
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}
